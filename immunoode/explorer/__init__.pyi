# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.explorer.model_explorer import ModelExplorer as ModelExplorer
from immunoode.explorer.panels import ExplorerPanels as ExplorerPanels
from immunoode.explorer.state import DoseRow as DoseRow
from immunoode.explorer.state import EditedRegimen as EditedRegimen
from immunoode.explorer.state import ExplorerState as ExplorerState
