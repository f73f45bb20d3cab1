# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.optimisation.choices import Choice as Choice
from immunoode.optimisation.dosages import Dosage as Dosage
from immunoode.optimisation.dose_finding import DoseFinding as DoseFinding
from immunoode.optimisation.dose_finding import find_dose as find_dose
from immunoode.optimisation.endpoints import Endpoint as Endpoint
from immunoode.optimisation.fractions import Fractionation as Fractionation
from immunoode.optimisation.fractions import fractionation as fractionation
from immunoode.optimisation.limits import Limit as Limit
from immunoode.optimisation.pareto import ParetoFront as ParetoFront
from immunoode.optimisation.pareto import pareto_front as pareto_front
from immunoode.optimisation.result import OptimalSchedule as OptimalSchedule
from immunoode.optimisation.statistics import Statistic as Statistic
