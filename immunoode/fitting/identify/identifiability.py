"""`identifiability`: which parameters a study design can determine, before there are data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem
from immunoode.fitting.covariates import covariate_columns
from immunoode.fitting.fit import arranged, predictor_of, whole_model
from immunoode.fitting.identify.information import Size, fisher_information, planned_errors, size_names
from immunoode.fitting.identify.planned import Times, planned_observations
from immunoode.fitting.identify.result import Identifiability
from immunoode.fitting.observations import Observe
from immunoode.fitting.parameterisation import parameterise
from immunoode.fitting.residual_error import Error, normal_error
from immunoode.fitting.simulation_predictor import RTOL, base_values
from immunoode.fitting.uncertainty.covariance import natural_name
from immunoode.model.model import Model
from immunoode.solve.options import SolverOptions
from immunoode.trial.trial_data import TrialData

if TYPE_CHECKING:
    from pandas import DataFrame


def identifiability(
    model: Model | str | Sequence[Model | str],
    vary: str | Iterable[str] = (),
    *,
    times: Times | None = None,
    data: TrialData | DataFrame | None = None,
    observe: Observe | Iterable[str] = None,
    per_arm: str | Iterable[str] = (),
    per_subject: str | Iterable[str] = (),
    covariates: Mapping[str, str | Iterable[str]] | None = None,
    constraints: Mapping[str, str] | None = None,
    regimens: Any = None,
    subjects: int | Mapping[str, int] = 1,
    error: Error = "proportional",
    size: Size | Mapping[str, Size] = 0.2,
    parameters: Mapping[str, float | Mapping[str, float]] | DataFrame | None = None,
    log: bool | Iterable[str] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> Identifiability:
    """Find which parameters a study design can determine: expected standard errors, and confounded parameters.

    Parameters
    ----------
    model, vary, per_arm, per_subject, covariates, constraints, regimens, error, log, bounds
        As in `immunoode.fit`.
    times : days, or days of each output
        When every subject is observed. Alternatively:
    data : TrialData or DataFrame
        Data whose subjects, visits and baselines are the design; their values are not used otherwise.
    observe : outputs (as in `immunoode.fit` if there are data)
    subjects : int or mapping
        The number of subjects per arm; each of `regimens` is an arm.
    size : float, (proportional, additive) for combined errors, or mapping by quantity
        The size of the errors: relative for proportional and log-normal errors, in the output's unit for additive ones.
    parameters : mapping or DataFrame, optional
        Values at which the design is evaluated, also for parameters that vary, because identifiability depends on them.
        Values by arm (or subject): {"shrinkage_rate": {"a": 0.003, "b": 0.007}}, or a DataFrame with one row per arm.

    Returns
    -------
    Identifiability

    Raises
    ------
    FitError
        If the arguments do not match the model; all problems are reported at once.

    Examples
    --------
    >>> import immunoode as imo
    >>> found = imo.identifiability("tumour_immune", ["growth_rate"], times=[0, 42, 84], subjects=10, size=0.1)
    >>> found.ok
    True
    """
    names = [*_listed(vary), *_listed(per_arm), *_listed(per_subject)]
    if (times is None) == (data is None):
        raise FitError(Problem("times", "needs either times or data", "times=[0, 42, 84]"))
    table = None
    if data is not None:
        whole, trial, seen, given = arranged(model, data, frozenset(names), observe, True, None, regimens)  # type: ignore[arg-type]
        table = trial.covariates
    else:
        whole, given = whole_model(model), regimens
        assert times is not None
        seen = planned_observations(whole, times, observe, subjects, regimens)  # type: ignore[arg-type]
    start, others = _at(parameters, names)
    shifts = {n: covariate_columns(n, text, seen, table) for n, text in (covariates or {}).items()}
    plan = parameterise(
        whole,
        seen.subjects,
        seen.arms,
        _listed(vary),
        _listed(per_arm),
        _listed(per_subject),
        log=log,
        bounds=bounds,
        initial=start,
        covariates=shifts,
        constraints=constraints,
    )
    base = base_values(whole, seen, table, others, plan.names)
    predictor = predictor_of(whole, seen, given, base, plan, SolverOptions(rtol=RTOL))
    errors = planned_errors(seen, normal_error(error), size)
    made = plan.parameters()
    found = fisher_information(predictor, plan, made, seen, errors)
    varied = [n for n, p in made.items() if p.vary]
    keys = tuple(natural_name(n, made) for n in varied)
    units = {k: s.unit for s in plan.fitted_parameters for k in s.keys}
    slope, v, _, _ = errors.variance_terms(found.f, seen.quantity)
    return Identifiability(
        whole,
        seen,
        plan,
        predictor,
        errors,
        made,
        keys,
        tuple(units.get(k, "1") for k in keys),
        np.array([float(made[k].value) for k in keys]),
        np.array([k != n for k, n in zip(keys, varied, strict=True)]),
        size_names(errors, seen.quantities),
        found.information.sum(axis=0),
        found.by * (slope / np.sqrt(v))[:, None],
    )


def _at(
    parameters: Mapping[str, float | Mapping[str, float]] | DataFrame | None, names: list[str]
) -> tuple[dict[str, Any], Any]:
    """Return the values of the fitted parameters, and those of the others."""
    if parameters is None or isinstance(parameters, Mapping):
        given = dict(parameters or {})
        return {n: v for n, v in given.items() if n in names}, {n: v for n, v in given.items() if n not in names}
    mine = [c for c in parameters.columns if c in names]
    rows = {str(c): {str(i): float(v) for i, v in parameters[c].items()} for c in mine}
    start = {n: by if len(set(by.values())) > 1 else next(iter(by.values())) for n, by in rows.items()}
    return start, parameters.drop(columns=mine) if len(mine) < parameters.shape[1] else None


def _listed(names: str | Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)
