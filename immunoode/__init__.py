"""immunoode: ODE pharmacodynamic models of cancer immunotherapy, composed, solved and fitted.

The most common functions are here; the others are grouped in namespaces:

| namespace | contents |
|---|---|
| `model` | the components of a model, for building one in Python |
| `regimen` | schedules, events of SBML, doses of radiation |
| `io` | formats of other tools: SBML, PEtab, NONMEM, ADaM; models as code |
| `sensitivity_analysis` | results of global sensitivity analyses |
| `trial` | readers of trial tables, rules of response, survival, growth rates |
| `fitting` | many fits, comparison of fits |
| `population` | predictive checks of population fits |
| `scenario` | grids of regimens |
| `combination` | dose surfaces, power and tests of interaction; survival and response rates of combinations |
| `cohorts` | calibrated cohorts from files, comparison with trials |
| `analysis` | steady states, local sensitivities |
| `virtual_population` | random numbers, distributions and plausibility of virtual patients |
| `virtual_trial` | visits, measurement and hazards of simulated patients |
| `optimisation` | decision variables of schedules, limits, statistics over cohorts |
| `explorer` | the computations of the explorer, without a notebook |
| `plot` | figures that are not methods of a result |
| `errors` | the errors that the package raises |

Names are imported on first use, so that importing the package is fast; `__init__.pyi` lists them, also for editors.
"""

from __future__ import annotations

import sys
from typing import Any

from immunoode.former_names import FORMER, former
from immunoode.lazy_names import attach_stub, stated_names

__version__ = "0.1.0"

_stated, _, _names = attach_stub(__name__, __file__)
NAMESPACES = [name for name, home in stated_names(__file__).items() if home == "."]
"""Not in `__all__`, because after a star import readers would not expect `model` or `io` to be these namespaces."""
__all__ = sorted({*_names, "__version__"} - set(NAMESPACES))


def __getattr__(name: str) -> Any:
    return former(name) if name in FORMER else _stated(name)


def __dir__() -> list[str]:
    return sorted([*__all__, *NAMESPACES])


if "IPython" in sys.modules:  # completion of names in strings; without a shell that runs, not even its modules are imported
    from immunoode.completion.shell import add_to_running_shell

    add_to_running_shell()
