# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.interop.code import write_code as write_code
from immunoode.interop.sbml import read_sbml as read_sbml
from immunoode.interop.sbml_event_reader import read_sbml_events as read_sbml_events
from immunoode.interop.sbml_writer import write_sbml as write_sbml
from immunoode.petab.fitting import PetabFit as PetabFit
from immunoode.petab.problem import PetabProblem as PetabProblem
from immunoode.petab.problem import read_petab as read_petab
from immunoode.petab.writer import write_petab as write_petab
from immunoode.regimen.record_writer import write_records as write_records
from immunoode.regimen.records import read_records as read_records
from immunoode.trial.adam import read_adam as read_adam
from immunoode.trial.nonmem import read_nonmem as read_nonmem
from immunoode.trial.nonmem_writer import write_nonmem as write_nonmem
