# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.virtual_population.composed_marginals import Mixture as Mixture
from immunoode.virtual_population.composed_marginals import Truncated as Truncated
from immunoode.virtual_population.dependence import Correlation as Correlation
from immunoode.virtual_population.dependence import EmpiricalRows as EmpiricalRows
from immunoode.virtual_population.discrete_marginals import Categorical as Categorical
from immunoode.virtual_population.discrete_marginals import Empirical as Empirical
from immunoode.virtual_population.discrete_marginals import Fixed as Fixed
from immunoode.virtual_population.library import list_populations as list_populations
from immunoode.virtual_population.library import load_population as load_population
from immunoode.virtual_population.marginals import LogitNormal as LogitNormal
from immunoode.virtual_population.marginals import LogNormal as LogNormal
from immunoode.virtual_population.marginals import LogUniform as LogUniform
from immunoode.virtual_population.marginals import Marginal as Marginal
from immunoode.virtual_population.marginals import Normal as Normal
from immunoode.virtual_population.marginals import Uniform as Uniform
from immunoode.virtual_population.parameter_distribution import ParameterDistribution as ParameterDistribution
from immunoode.virtual_population.population_distribution import PopulationDistribution as PopulationDistribution
from immunoode.virtual_population.population_file import read_population as read_population
from immunoode.virtual_population.population_writer import save_population as save_population
from immunoode.virtual_population.random_numbers import exponentials as exponentials
from immunoode.virtual_population.random_numbers import normals as normals
from immunoode.virtual_population.random_numbers import uniforms as uniforms
from immunoode.virtual_population.sampling import components_of as components_of
