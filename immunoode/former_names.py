"""The present places of names that `immunoode` had at the top level before there were namespaces; they work until version
0.2, with a warning."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

_MOVED = {
    "analysis": "local_sensitivity steady_states",
    "errors": "DataError FileError FitError ImmunoodeError ModelError Problem RegimenError SolveError UnitError",
    "fitting": "EachResult FitComparison compare_fits fit_each",
    "io": "PetabFit PetabProblem read_adam read_nonmem read_petab read_records read_sbml read_sbml_events write_code"
    " write_nonmem write_petab write_records write_sbml",
    "model": "Compartment Derived Flow Input Modifiable Modifier Need Parameter Pulse",
    "plot": "forest phase_plane response_over_time spider sums_by_arm swimmer waterfall",
    "population": "PredictiveCheck predictive_check",
    "regimen": "Assignment Event Events Schedule biologically_effective_dose equivalent_dose_2gy",
    "scenario": "Grid grid",
    "trial": "IrecistRules PfsRules RecistRules SurvivalRegression cox duration_of_response fetch growth_metrics growth_rates"
    " landmark parametric_survival progression_free_survival read_endpoints read_lesions read_wide sum_lesions",
    "virtual_trial": "Hazard Measurement VisitSchedule observe",
}
FORMER = {name: f"{place}.{name}" for place, names in _MOVED.items() for name in names.split()} | {
    "kaplan_meier_figure": "plot.kaplan_meier"
}
"""The place of each former name, below `immunoode`."""
IN_NAMESPACES = {
    "virtual_population.list_populations": "virtual_population.list_distributions",
    "virtual_population.load_population": "virtual_population.load_distribution",
}
"""The same for names that were in a namespace."""
ARGUMENTS = {"scenario.grid": {"of": "measure", "measure": "summary"}}
"""By function, the former and the new names of its arguments; the function itself warns, by `errors.warn_of_former`."""
FORMS = {
    "io.read_nonmem(covariates=['WT'])": "io.read_nonmem(covariates={'WT': 'weight'})",
    "io.read_nonmem(varying=['OCC'])": "io.read_nonmem(varying={'OCC': 'OCC'})",
    "io.read_records(covariates=['WT'])": "io.read_records(covariates={'WT': 'weight'})",
    "trial.read_endpoints(covariates=['SEX'])": "trial.read_endpoints(covariates={'SEX': 'SEX'})",
}
"""Arguments that had another form, with the present one."""
SINCE, REMOVED_IN = "0.1", "0.2"
"""The version that has the new names, and the one that will have no former ones. Attributes: see `errors.renamed`."""


def former(name: str) -> Any:
    """Return the object of a former name, with a warning that states the new name.

    The warning is a FutureWarning: Python shows a DeprecationWarning only in `__main__`, and most analyses lie in modules.
    """
    now = FORMER.get(name) or IN_NAMESPACES[name]
    place, _, new = now.rpartition(".")
    warnings.warn(
        f"immunoode.{name} is immunoode.{now} now; the former name will be removed in version 0.2", FutureWarning, stacklevel=3
    )
    return getattr(import_module(f"immunoode.{place}"), new)
