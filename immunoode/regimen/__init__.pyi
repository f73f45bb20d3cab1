# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.regimen.radiobiology import biologically_effective_dose as biologically_effective_dose
from immunoode.regimen.radiobiology import equivalent_dose_2gy as equivalent_dose_2gy
from immunoode.regimen.sbml_event import Assignment as Assignment
from immunoode.regimen.sbml_event import Event as Event
from immunoode.regimen.sbml_event import Events as Events
from immunoode.regimen.schedule import Schedule as Schedule
