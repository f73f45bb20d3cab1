# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.scenario.regimen_grid import Grid as Grid
from immunoode.scenario.regimen_grid import grid as grid
