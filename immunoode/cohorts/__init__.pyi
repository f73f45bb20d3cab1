# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.cohorts.calibrated_population import CalibratedPopulation as CalibratedPopulation
from immunoode.cohorts.calibration import calibrate_population as calibrate_population
from immunoode.cohorts.cohort_file import read_cohort as read_cohort
from immunoode.cohorts.trial_comparison import TrialComparison as TrialComparison
