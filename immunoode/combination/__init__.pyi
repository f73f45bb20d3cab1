# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.combination.arm_survival import SurvivalArm as SurvivalArm
from immunoode.combination.arm_survival import survival_arm as survival_arm
from immunoode.combination.growth_synergy import GrowthSynergy as GrowthSynergy
from immunoode.combination.independent_action import IndependentAction as IndependentAction
from immunoode.combination.likelihood_ratio import InteractionTest as InteractionTest
from immunoode.combination.likelihood_ratio import interaction_test as interaction_test
from immunoode.combination.planned_growth import growth_power as growth_power
from immunoode.combination.response_rates import IndependentResponse as IndependentResponse
from immunoode.combination.response_rates import independent_response as independent_response
from immunoode.combination.surface_fit import SurfaceFit as SurfaceFit
from immunoode.combination.surface_of_doses import DoseSurface as DoseSurface
from immunoode.combination.surface_of_doses import dose_surface as dose_surface
from immunoode.combination.surface_of_doses import simulated_surface as simulated_surface
from immunoode.combination.synergy_result import Synergy as Synergy
