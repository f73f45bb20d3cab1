# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.combination.arm_survival import SurvivalArm as SurvivalArm
from immunoode.combination.arm_survival import survival_arm as survival_arm
from immunoode.combination.independent_action import IndependentAction as IndependentAction
from immunoode.combination.response_rates import IndependentResponse as IndependentResponse
from immunoode.combination.response_rates import independent_response as independent_response
