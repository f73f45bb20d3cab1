# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.virtual_population.random_numbers import exponentials as exponentials
from immunoode.virtual_population.random_numbers import normals as normals
from immunoode.virtual_population.random_numbers import uniforms as uniforms
