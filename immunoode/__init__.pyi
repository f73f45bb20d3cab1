# The public names and where they live, for editors and type checkers; a test keeps this equal to __init__.py.

from immunoode.errors import DataError as DataError
from immunoode.errors import FitError as FitError
from immunoode.errors import ImmunoodeError as ImmunoodeError
from immunoode.errors import ModelError as ModelError
from immunoode.errors import Problem as Problem
from immunoode.errors import RegimenError as RegimenError
from immunoode.errors import SolveError as SolveError
from immunoode.errors import UnitError as UnitError
from immunoode.fit.each import EachResult as EachResult
from immunoode.fit.each import fit_each as fit_each
from immunoode.fit.fit import fit as fit
from immunoode.fit.result import FitResult as FitResult
from immunoode.model.combine import combine as combine
from immunoode.model.library import list_models as list_models
from immunoode.model.library import load_model as load_model
from immunoode.model.parts import Compartment as Compartment
from immunoode.model.parts import Derived as Derived
from immunoode.model.parts import Flow as Flow
from immunoode.model.parts import Input as Input
from immunoode.model.parts import Model as Model
from immunoode.model.parts import Modifiable as Modifiable
from immunoode.model.parts import Modifier as Modifier
from immunoode.model.parts import Need as Need
from immunoode.model.parts import Parameter as Parameter
from immunoode.model.parts import Pulse as Pulse
from immunoode.model.read import read_model as read_model
from immunoode.model.write import save_model as save_model
from immunoode.regimen.library import list_regimens as list_regimens
from immunoode.regimen.library import load_regimen as load_regimen
from immunoode.regimen.radiobiology import biologically_effective_dose as biologically_effective_dose
from immunoode.regimen.radiobiology import equivalent_dose_2gy as equivalent_dose_2gy
from immunoode.regimen.record_writer import write_records as write_records
from immunoode.regimen.records import read_records as read_records
from immunoode.regimen.regimen import Regimen as Regimen
from immunoode.regimen.schedule import Schedule as Schedule
from immunoode.scenario.compare import Comparison as Comparison
from immunoode.scenario.compare import compare as compare
from immunoode.scenario.grid import Grid as Grid
from immunoode.scenario.grid import grid as grid
from immunoode.solve.many import simulate_many as simulate_many
from immunoode.solve.many import simulate_to as simulate_to
from immunoode.solve.simulate import simulate as simulate
from immunoode.solve.simulation import Simulation as Simulation
from immunoode.trial.example import load_example as load_example
from immunoode.trial.fetch import fetch as fetch
from immunoode.trial.lesions import read_lesions as read_lesions
from immunoode.trial.nonmem import read_nonmem as read_nonmem
from immunoode.trial.nonmem_writer import write_nonmem as write_nonmem
from immunoode.trial.reading import read_trial as read_trial
from immunoode.trial.table import TrialData as TrialData

__version__: str
__all__: list[str]
