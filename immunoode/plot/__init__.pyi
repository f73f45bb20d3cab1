# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.plot.calibration import calibration_targets as calibration_targets
from immunoode.plot.calibration import held_out as held_out
from immunoode.plot.calibration import inclusion_rules as inclusion_rules
from immunoode.plot.cohort import cohort_correlations as cohort_correlations
from immunoode.plot.cohort import cohort_parameters as cohort_parameters
from immunoode.plot.cohort import cohort_survival as cohort_survival
from immunoode.plot.cohort import cohort_weights as cohort_weights
from immunoode.plot.cohorts import trial_comparison as trial_comparison
from immunoode.plot.dose_surface import dose_surface_map as dose_surface_map
from immunoode.plot.exposure_response_plot import exposure_response as exposure_response
from immunoode.plot.independent_action import independent_action_curves as independent_action_curves
from immunoode.plot.phase import phase_plane as phase_plane
from immunoode.plot.response import response_over_time as response_over_time
from immunoode.plot.response import sums_by_arm as sums_by_arm
from immunoode.plot.response_rates_plot import response_rates as response_rates
from immunoode.plot.scenario_forest_plot import scenario_forest as scenario_forest
from immunoode.plot.spider_plot import spider as spider
from immunoode.plot.survival import forest as forest
from immunoode.plot.survival import kaplan_meier as kaplan_meier
from immunoode.plot.swimmer_plot import swimmer as swimmer
from immunoode.plot.synergy import growth_synergy_figure as growth_synergy_figure
from immunoode.plot.synergy import synergy_nulls as synergy_nulls
from immunoode.plot.waterfall_plot import waterfall as waterfall
