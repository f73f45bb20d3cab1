# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.analysis.sensitivity import local_sensitivity as local_sensitivity
from immunoode.analysis.steady import steady_states as steady_states
