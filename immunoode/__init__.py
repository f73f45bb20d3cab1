"""immunoode: ODE pharmacodynamic models of cancer immunotherapy, composed, solved and fitted.

Names are handed out on first use, so that importing the package stays light; `__init__.pyi` states them for editors.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "immunoode.errors": (
        "DataError",
        "FileError",
        "FitError",
        "ImmunoodeError",
        "ModelError",
        "Problem",
        "RegimenError",
        "SolveError",
        "UnitError",
    ),
    "immunoode.model.components": (
        "Compartment",
        "Derived",
        "Flow",
        "Input",
        "Model",
        "Modifiable",
        "Modifier",
        "Need",
        "Parameter",
        "Pulse",
    ),
    "immunoode.model.cite": ("cite",),
    "immunoode.model.combine": ("combine",),
    "immunoode.model.library": ("list_models", "load_model"),
    "immunoode.model.read": ("read_model",),
    "immunoode.model.write": ("save_model",),
    "immunoode.interop.code": ("write_code",),
    "immunoode.interop.sbml_event_reader": ("read_sbml_events",),
    "immunoode.interop.sbml": ("read_sbml",),
    "immunoode.interop.sbml_writer": ("write_sbml",),
    "immunoode.regimen.library": ("list_regimens", "load_regimen"),
    "immunoode.regimen.radiobiology": ("biologically_effective_dose", "equivalent_dose_2gy"),
    "immunoode.regimen.record_writer": ("write_records",),
    "immunoode.regimen.records": ("read_records",),
    "immunoode.regimen.sbml_event": ("Assignment", "Event", "Events"),
    "immunoode.regimen.regimen": ("Regimen",),
    "immunoode.regimen.schedule": ("Schedule",),
    "immunoode.solve.ensemble": ("simulate_many", "simulate_to"),
    "immunoode.solve.simulate": ("simulate",),
    "immunoode.solve.simulation": ("Simulation",),
    "immunoode.trial.example": ("load_example",),
    "immunoode.trial.datasets": ("list_datasets", "load_dataset"),
    "immunoode.trial.fetch": ("fetch",),
    "immunoode.trial.lesions": ("read_lesions",),
    "immunoode.trial.nonmem": ("read_nonmem",),
    "immunoode.trial.nonmem_writer": ("write_nonmem",),
    "immunoode.trial.reading": ("read_trial",),
    "immunoode.trial.adam": ("read_adam",),
    "immunoode.trial.endpoints": ("read_endpoints",),
    "immunoode.trial.response.responses": ("Responses",),
    "immunoode.trial.response.rules": ("IrecistRules", "RecistRules"),
    "immunoode.trial.metrics.rates": ("growth_rates",),
    "immunoode.trial.metrics.sizes": ("growth_metrics",),
    "immunoode.trial.survival.kaplan_meier": ("KaplanMeier", "kaplan_meier"),
    "immunoode.trial.survival.landmark": ("landmark",),
    "immunoode.trial.survival.progression": ("PfsRules", "duration_of_response", "progression_free_survival"),
    "immunoode.trial.survival.regression": ("SurvivalRegression", "cox", "parametric_survival"),
    "immunoode.trial.response.criteria": ("irecist", "recist"),
    "immunoode.trial.response.lesion_sums": ("sum_lesions",),
    "immunoode.trial.table": ("TrialData",),
    "immunoode.trial.wide": ("read_wide",),
    "immunoode.fitting.comparison": ("FitComparison", "compare_fits"),
    "immunoode.fitting.per_subject": ("EachResult", "fit_each"),
    "immunoode.fitting.fit": ("fit",),
    "immunoode.fitting.identify.identifiability": ("identifiability",),
    "immunoode.fitting.identify.result": ("Identifiability",),
    "immunoode.fitting.result": ("FitResult",),
    "immunoode.fitting.saving": ("load_fit",),
    "immunoode.population.fit_population": ("fit_population",),
    "immunoode.population.predictive": ("PredictiveCheck", "predictive_check"),
    "immunoode.population.result": ("PopulationResult",),
    "immunoode.analysis.sensitivity": ("local_sensitivity",),
    "immunoode.analysis.steady": ("steady_states",),
    "immunoode.plot.phase": ("phase_plane",),
    "immunoode.petab.fitting": ("PetabFit",),
    "immunoode.petab.problem": ("PetabProblem", "read_petab"),
    "immunoode.petab.writer": ("write_petab",),
    "immunoode.virtual_trial.hazard": ("Hazard",),
    "immunoode.virtual_trial.measurement": ("Measurement",),
    "immunoode.virtual_trial.trial": ("observe",),
    "immunoode.virtual_trial.visits": ("VisitSchedule",),
    "immunoode.scenario.compare": ("Comparison", "compare"),
    "immunoode.scenario.grid": ("Grid", "grid"),
    "immunoode.plot.response": ("response_over_time", "sums_by_arm"),
    "immunoode.plot.spider": ("spider",),
    "immunoode.plot.survival": ("forest", "kaplan_meier_figure"),
    "immunoode.plot.swimmer": ("swimmer",),
    "immunoode.plot.waterfall": ("waterfall",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
__all__ = sorted([*_HOME_OF, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'immunoode' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
