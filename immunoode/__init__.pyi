# The public names and the modules that define them; __init__.py reads them from here.

from immunoode.cohorts.library import list_populations as list_populations
from immunoode.cohorts.library import load_population as load_population
from immunoode.combination.independent_action import independent_action as independent_action
from immunoode.combination.synergy import synergy as synergy
from immunoode.fitting.fit import fit as fit
from immunoode.fitting.identify.identifiability import identifiability as identifiability
from immunoode.fitting.identify.result import Identifiability as Identifiability
from immunoode.fitting.residual_error import ResidualError as ResidualError
from immunoode.fitting.result import FitResult as FitResult
from immunoode.fitting.saving import load_fit as load_fit
from immunoode.model.cite import cite as cite
from immunoode.model.combine import combine as combine
from immunoode.model.library import list_models as list_models
from immunoode.model.library import load_model as load_model
from immunoode.model.model import Model as Model
from immunoode.model.read import read_model as read_model
from immunoode.model.write import save_model as save_model
from immunoode.optimisation.optimise import optimise as optimise
from immunoode.population.fit_population import fit_population as fit_population
from immunoode.population.result import PopulationResult as PopulationResult
from immunoode.regimen.library import list_regimens as list_regimens
from immunoode.regimen.library import load_regimen as load_regimen
from immunoode.regimen.regimen import Regimen as Regimen
from immunoode.scenario.compare import Comparison as Comparison
from immunoode.scenario.compare import compare as compare
from immunoode.solve.ensemble import simulate_many as simulate_many
from immunoode.solve.ensemble import simulate_to as simulate_to
from immunoode.solve.options import SolverOptions as SolverOptions
from immunoode.solve.prepared import PreparedSimulation as PreparedSimulation
from immunoode.solve.prepared import prepare as prepare
from immunoode.solve.simulate import simulate as simulate
from immunoode.solve.simulation import Simulation as Simulation
from immunoode.trial.example import load_example as load_example
from immunoode.trial.long_table import read_trial as read_trial
from immunoode.trial.response.criteria import irecist as irecist
from immunoode.trial.response.criteria import recist as recist
from immunoode.trial.response.responses import Responses as Responses
from immunoode.trial.shipped_datasets import list_datasets as list_datasets
from immunoode.trial.shipped_datasets import load_dataset as load_dataset
from immunoode.trial.survival.kaplan_meier import KaplanMeier as KaplanMeier
from immunoode.trial.survival.kaplan_meier import kaplan_meier as kaplan_meier
from immunoode.trial.survival.reconstruction import reconstruct_survival as reconstruct_survival
from immunoode.trial.trial_data import TrialData as TrialData
from immunoode.virtual_population.calibration.calibrate import calibrate as calibrate
from immunoode.virtual_population.sampling import sample_patients as sample_patients
from immunoode.virtual_trial.simulate_trial import simulate_trial as simulate_trial

from . import analysis as analysis
from . import cohorts as cohorts
from . import combination as combination
from . import errors as errors
from . import fitting as fitting
from . import io as io
from . import model as model
from . import optimisation as optimisation
from . import plot as plot
from . import population as population
from . import regimen as regimen
from . import scenario as scenario
from . import trial as trial
from . import virtual_population as virtual_population
from . import virtual_trial as virtual_trial

__version__: str
__all__: list[str]
