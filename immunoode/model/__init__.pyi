# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.model.components import Compartment as Compartment
from immunoode.model.components import Derived as Derived
from immunoode.model.components import Flow as Flow
from immunoode.model.components import Input as Input
from immunoode.model.components import Modifiable as Modifiable
from immunoode.model.components import Modifier as Modifier
from immunoode.model.components import Need as Need
from immunoode.model.components import Parameter as Parameter
from immunoode.model.components import Pulse as Pulse
from immunoode.model.components import Resistance as Resistance
