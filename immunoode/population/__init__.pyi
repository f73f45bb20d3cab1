# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.population.predictive import PredictiveCheck as PredictiveCheck
from immunoode.population.predictive import predictive_check as predictive_check
