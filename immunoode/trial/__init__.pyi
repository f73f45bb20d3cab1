# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.trial.download import fetch as fetch
from immunoode.trial.endpoints import read_endpoints as read_endpoints
from immunoode.trial.lesion_table import read_lesions as read_lesions
from immunoode.trial.metrics.growth_rates import growth_rates as growth_rates
from immunoode.trial.metrics.mouse_response import mouse_mrecist as mouse_mrecist
from immunoode.trial.metrics.size_metrics import growth_metrics as growth_metrics
from immunoode.trial.response.lesion_sums import sum_lesions as sum_lesions
from immunoode.trial.response.rate_difference import response_rate_difference as response_rate_difference
from immunoode.trial.response.rules import IrecistRules as IrecistRules
from immunoode.trial.response.rules import RecistRules as RecistRules
from immunoode.trial.survival.competing_risks import cumulative_incidence as cumulative_incidence
from immunoode.trial.survival.landmark import landmark as landmark
from immunoode.trial.survival.log_rank import log_rank as log_rank
from immunoode.trial.survival.max_combo import max_combo as max_combo
from immunoode.trial.survival.milestone import milestone_survival as milestone_survival
from immunoode.trial.survival.progression_free_survival import PfsRules as PfsRules
from immunoode.trial.survival.progression_free_survival import duration_of_response as duration_of_response
from immunoode.trial.survival.progression_free_survival import progression_free_survival as progression_free_survival
from immunoode.trial.survival.regression import SurvivalRegression as SurvivalRegression
from immunoode.trial.survival.regression import cox as cox
from immunoode.trial.survival.regression import parametric_survival as parametric_survival
from immunoode.trial.survival.restricted_mean import restricted_mean_survival as restricted_mean_survival
from immunoode.trial.survival.second_progression import pfs2 as pfs2
from immunoode.trial.survival.time_to_response import time_to_response as time_to_response
from immunoode.trial.wide_table import read_wide as read_wide
