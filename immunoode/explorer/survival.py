"""Progression-free survival of the virtual patients, by regimen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from immunoode.explorer.cohort_outcomes import CohortOutcomes, SurvivalCurve
from immunoode.explorer.panels import SURVIVAL, Panel, Series
from immunoode.explorer.patients import ExplorerPatients
from immunoode.explorer.simulations import Assessed, Span
from immunoode.virtual_population.targets.event_free import weighted_median, weighted_survival
from immunoode.virtual_trial.outcomes import evaluate_outcomes

FloatArray = NDArray[np.float64]
RESPONSES = ("CR", "PR")


def cohort_outcomes(patients: ExplorerPatients, names: Sequence[str], assessed: Assessed, span: Span) -> CohortOutcomes:
    """Return the outcomes of the virtual patients under each regimen, by RECIST 1.1."""
    import pandas as pd

    solved = assessed.solved.all(axis=0)
    sizes = assessed.sizes[:, solved]
    count = int(solved.sum())
    kept = patients.parameters.index[solved]
    if not count:
        return CohortOutcomes(pd.DataFrame(), kept, {}, len(patients))
    table = evaluate_outcomes(span.visits, sizes.reshape(-1, sizes.shape[2]))
    columns = table["pfs_time"].to_numpy(float), table["pfs_event"].to_numpy(bool), table["best_response"].to_numpy()
    curves = {}
    for k, name in enumerate(names):
        times, events, best = (column[k * count : (k + 1) * count] for column in columns)
        curves[name] = _curve(times, events, np.isin(best, RESPONSES))
    return CohortOutcomes(table, kept, curves, len(patients) - count)


def _curve(times: FloatArray, events: NDArray[np.bool_], responded: NDArray[np.bool_]) -> SurvivalCurve:
    weights = np.ones(len(times)) / len(times)
    days, survival = weighted_survival(times, events, weights)
    median = weighted_median(days, survival)
    rate = float(responded.mean())
    return SurvivalCurve(np.concatenate([[0.0], days]), survival, len(times), int(events.sum()), rate, median)


def survival_panel(outcomes: CohortOutcomes, regimens: Sequence[str], patients: ExplorerPatients) -> Panel:
    """Return the panel of progression-free survival; `regimens` are the names of all, in their order."""
    series = tuple(Series(regimens.index(n), c.days, c.survival, steps=True) for n, c in outcomes.curves.items())
    notes = [f"{patients.description}."]
    if outcomes.failed:
        notes.append(f"{outcomes.failed} of {len(patients)} patients could not be simulated and are left out.")
    return Panel(SURVIVAL, SURVIVAL, "progression-free survival", "1", series, tuple(notes))
