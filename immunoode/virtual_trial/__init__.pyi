# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.virtual_trial.accrual import Accrual as Accrual
from immunoode.virtual_trial.alpha_spending import spending_boundaries as spending_boundaries
from immunoode.virtual_trial.arms import TrialArm as TrialArm
from immunoode.virtual_trial.hazard import Hazard as Hazard
from immunoode.virtual_trial.measurement import Measurement as Measurement
from immunoode.virtual_trial.observation import Observation as Observation
from immunoode.virtual_trial.observation import ObservedCourses as ObservedCourses
from immunoode.virtual_trial.outcomes import evaluate_outcomes as evaluate_outcomes
from immunoode.virtual_trial.patient_file import read_patients as read_patients
from immunoode.virtual_trial.patient_simulation import simulate_patients as simulate_patients
from immunoode.virtual_trial.patient_simulation import simulate_patients_to as simulate_patients_to
from immunoode.virtual_trial.random_draws import RandomDraws as RandomDraws
from immunoode.virtual_trial.repeated_trials import RepeatedTrials as RepeatedTrials
from immunoode.virtual_trial.simulated_trial import SimulatedTrial as SimulatedTrial
from immunoode.virtual_trial.trial import observe as observe
from immunoode.virtual_trial.trial_analysis import TrialAnalysis as TrialAnalysis
from immunoode.virtual_trial.visits import VisitSchedule as VisitSchedule
