"""Consistency of a result that was read from a file: matching lengths, and indices within range."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from immunoode.fitting.arithmetic import fault


def inconsistency(made: Any) -> str:
    """Return the inconsistency of an object that was read from a file, or ""."""
    return next(filter(None, _CHECKS.get(type(made).__name__, _nothing)(made)), "")


def _nothing(_: Any) -> Iterable[str]:
    return ()


def _lengths(what: str, count: int, *columns: Any) -> str:
    return "" if all(len(c) == count for c in columns) else f"has columns whose lengths differ from {what}"


def _shaped(what: str, array: Any, *shape: int) -> str:
    return "" if np.shape(array) == shape else f"{what} is of shape {np.shape(array)}, not {shape}"


def _within(what: str, index: Any, low: int, end: int) -> str:
    inside = not len(index) or (low <= np.min(index) and np.max(index) < end)
    return "" if inside else f"{what} refers to something that does not exist"


def _observations(o: Any) -> Iterable[str]:
    yield _lengths("subjects", len(o.subjects), o.arms, o.start, *o.baselines.values())
    yield _lengths("observations", len(o.value), o.subject, o.quantity, o.time, o.censoring, o.lower, o.rows)
    yield _lengths("quantities", len(o.quantities), o.outputs, o.units)
    yield _within("subject", o.subject, 0, len(o.subjects))
    yield _within("quantity", o.quantity, 0, len(o.quantities))


def _fitted_parameter(s: Any) -> Iterable[str]:
    yield _lengths("keys", len(s.keys), s.labels, s.initial)
    yield _within("group", s.group, 0, len(s.keys))
    yield "" if not s.coefficients else _shaped("columns", s.columns, len(s.group), len(s.coefficients))


def _parameterisation(d: Any) -> Iterable[str]:
    names = {name for s in d.fitted_parameters for name in (*s.keys, *s.varied, *s.coefficients)}
    yield "" if len({len(s.group) for s in d.fitted_parameters}) < 2 else "has parameters for different numbers of subjects"
    for key, text in d.constraints.items():
        why = fault(text, names)
        yield why and f"constraint {key!r:.40} {why}"


def _simulated(p: Any) -> Iterable[str]:
    subjects, parameters = len(p.observations.subjects), len(p.model.constants)
    yield _shaped("base", p.base, subjects, parameters)
    yield _lengths("subjects", subjects, p.schedules)


def _error_model(e: Any) -> Iterable[str]:
    yield _lengths("rows", len(e.rows), e.value, e.censoring, e.lower)
    yield _within("rows", e.rows, 0, np.iinfo(np.int64).max)


def _least_squares(o: Any) -> Iterable[str]:
    yield _lengths("quantities", len(o.observations.quantities), o.errors)
    yield from (_within("rows of errors", e.rows, 0, len(o.observations)) for e in o.errors)
    yield from (_lengths("subjects", len(o.observations.subjects), s.group) for s in o.parameterisation.fitted_parameters)


def _starts(s: Any) -> Iterable[str]:
    yield _lengths("starts", len(s.costs), s.outcomes, s.objectives)
    found = [outcome is not None for outcome, cost in zip(s.outcomes, s.costs, strict=False) if np.isfinite(cost)]
    yield "" if found and all(found) else "has a likelihood without an outcome"


def _fit_result(r: Any) -> Iterable[str]:
    keys = {key for s in r.parameterisation.fitted_parameters for key in (*s.keys, *s.varied, *s.coefficients)}
    outcomes = [r.outcome, *(o for o in (r.starts.outcomes if r.starts is not None else ()) if o is not None)]
    yield "" if all(keys <= set(o.result.params) for o in outcomes) else "the outcome lacks parameters of the fit"
    residuals = len(r.least_squares.observations) + len(r.least_squares.priors)
    yield from (_shaped("residual", o.result.residual, residuals) for o in outcomes if o.result.residual is not None)
    known = [(o.result.covar, len(o.result.var_names)) for o in outcomes if o.result.covar is not None]
    yield from (_shaped("covar", covar, varied, varied) for covar, varied in known)


def _effects(e: Any) -> Iterable[str]:
    count, coefficients = len(e.names), len(e.coefficients)
    yield _shaped("columns", e.columns, len(e.columns), count, coefficients)
    yield _lengths("parameters", count, e.units, e.distributions, e.typical)
    yield _lengths("coefficients", coefficients, e.start)
    yield _within("typical", e.typical, 0, coefficients)
    yield _within("random", e.random, 0, count)
    yield _within("first", e.first, 0, count)
    yield _shaped("start_omega", e.start_omega, len(e.random), len(e.random))


def _trajectories(t: Any) -> Iterable[str]:
    subjects = len(t.seen.subjects)
    yield _shaped("base", t.base, subjects, len(t.model.constants))
    yield _lengths("subjects", subjects, t.schedules, t.effects.columns)


def _likelihood(h: Any) -> Iterable[str]:
    yield _lengths("observations", len(h.value), h.censoring, h.lower, h.logged, h.floor, h.additive, h.proportional)
    yield _lengths("sizes of errors", len(h.names), h.start, h.least)
    yield from (_within(what, getattr(h, what), -1, len(h.names)) for what in ("additive", "proportional"))


def _problem(p: Any) -> Iterable[str]:
    yield _lengths("observations", len(p.trajectories.seen), p.likelihood.value)
    yield _lengths("subjects", len(p.trajectories.seen.subjects), p.first_rows)
    yield _within("first_rows", p.first_rows, 0, len(p.trajectories.seen) + 1)


def _population_result(r: Any) -> Iterable[str]:
    effects, point, subjects = r.population_model.effects, r.outcome.estimates, len(r.population_model.first_rows)
    random = len(effects.random)
    yield _lengths("coefficients", len(effects.coefficients), point.beta)
    yield _shaped("omega", point.omega, random, random)
    yield _lengths("sizes of errors", len(r.population_model.likelihood.names), point.errors)
    yield _shaped("eta", r.outcome.eta, subjects, random)


_CHECKS: Mapping[str, Callable[[Any], Iterable[str]]] = {
    "Observations": _observations,
    "FittedParameter": _fitted_parameter,
    "Parameterisation": _parameterisation,
    "Simulated": _simulated,
    "ErrorModel": _error_model,
    "LeastSquares": _least_squares,
    "MultiStartResult": _starts,
    "FitResult": _fit_result,
    "MixedEffects": _effects,
    "Trajectories": _trajectories,
    "ObservationLikelihood": _likelihood,
    "PopulationModel": _problem,
    "PopulationResult": _population_result,
}
