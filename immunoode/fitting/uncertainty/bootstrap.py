"""The bootstrap: the same fit to simulated or resampled data sets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import FitError, Problem, nearest
from immunoode.fitting.interrupt import interruptible
from immunoode.fitting.least_squares import LeastSquares, error_ratio
from immunoode.fitting.likelihood import ErrorModel
from immunoode.fitting.minimise import refit
from immunoode.fitting.observations import INTERVAL, LEFT, MEASURED, RIGHT, FloatArray, IntArray
from immunoode.fitting.threads import one_thread
from immunoode.fitting.uncertainty.draws import Draws
from immunoode.fitting.uncertainty.progress import STOPPED, bar_over, in_order, processors
from immunoode.number_checks import is_whole

if TYPE_CHECKING:
    from immunoode.fitting.finished import FinishedFit

KINDS = ("parametric", "cases")


def bootstrap(
    result: FinishedFit, count: int, kind: str, seed: int, threads: int | None = None, progress: bool | None = None
) -> Draws:
    """Return fits to simulated or resampled data sets, each started from the estimates.

    "parametric": observations are drawn from the fitted model and errors (with the unbiased scale), and censored as in the
    data. "cases": subjects of each arm are drawn with replacement, which keeps features that the model does not describe;
    subject-specific parameters then have no distribution.

    Raises
    ------
    FitError
        If the kind is not known, or the model has subject-specific parameters and cases are drawn.
    """
    if kind not in KINDS:
        raise FitError(Problem("kind", f"{kind!r} is not known", nearest(str(kind), KINDS)))
    if not is_whole(count, 2):
        raise FitError(Problem("count", f"is {count!r}", "at least 2; 200 for standard errors, 1000 for intervals"))
    own = [s.name for s in result.parameterisation.fitted_parameters if s.sharing == "per_subject"]
    if kind == "cases" and own:
        raise FitError(
            Problem("kind", f"{own[0]!r} differs between subjects, but resampled subjects are new ones", "'parametric'")
        )
    workers = threads or processors()

    def one(i: int) -> tuple[FloatArray, FloatArray, str]:
        if stop.is_set():
            return np.zeros(0), np.zeros(0), STOPPED
        return _one(result, kind, np.random.default_rng([seed, i]))

    with (
        one_thread(),
        interruptible() as stop,
        ThreadPoolExecutor(workers) as pool,
        bar_over(count, "bootstrap", progress) as bar,
    ):
        found = in_order([pool.submit(one, i) for i in range(count)], stop, bar)
    rows, failed = [(row, scales) for row, scales, why in found if not why], [why for *_, why in found if why]
    names = tuple(result.lmfit.var_names)
    drawn = np.array([r for r, _ in rows]).reshape(len(rows), len(names))
    scales = np.array([s for _, s in rows]).reshape(len(rows), -1)
    return Draws(result, kind, names, drawn, scales, tuple(failed))


def _one(result: FinishedFit, kind: str, random: np.random.Generator) -> tuple[FloatArray, FloatArray, str]:
    make = _simulated if kind == "parametric" else _resampled
    try:
        least_squares, parameters = make(result, random), result.lmfit.params.copy()
        done = refit(least_squares, parameters)
    except (FitError, ValueError, FloatingPointError) as error:
        return np.zeros(0), np.zeros(0), str(error)
    row = np.array([float(parameters[n].value) for n in result.lmfit.var_names])
    return row, np.array([m.scale.s for m in least_squares.errors]), "" if done else "did not converge"


def _simulated(result: FinishedFit, random: np.random.Generator) -> LeastSquares:
    """Return the least-squares problem of observations simulated from the fit."""
    fit = result.least_squares
    f, correction = result.fitted, float(np.sqrt(len(result.observations) / max(result.lmfit.nfree, 1)))
    value, errors = result.observations.value.copy(), []
    for model in fit.errors:
        wide = replace(model, scale=replace(model.scale, s=model.scale.s * correction))
        y = wide.draw(f[model.rows], error_ratio(model, result.lmfit.params), random)
        fresh = _censored(model, np.where(np.isfinite(y), y, model.value))
        errors.append(fresh)
        value[model.rows] = fresh.value
    seen = replace(fit.observations, value=value)
    return replace(fit, errors=tuple(errors), observations=seen, predict=fit.predict.single_threaded(), _penalty=0.0)


def _censored(model: ErrorModel, y: FloatArray) -> ErrorModel:
    """Return the error model of new values, censored by the rules of the old ones."""
    kind = model.censoring
    floor = float(model.value[kind == LEFT].max()) if (kind == LEFT).any() else -np.inf
    low, high = np.where(kind == LEFT, model.value, floor), np.where(kind == RIGHT, model.value, np.inf)
    within = (kind == INTERVAL) & (y > model.lower) & (y < model.value)
    if model.kind in ("proportional", "lognormal"):
        y = np.maximum(y, model.floor)
    censoring = np.where(y < low, LEFT, np.where(y > high, RIGHT, np.where(within, INTERVAL, MEASURED)))
    value = np.where(y < low, low, np.where(y > high, high, np.where(within, model.value, y)))
    return replace(model, value=value, censoring=censoring)


def _resampled(result: FinishedFit, random: np.random.Generator) -> LeastSquares:
    """Return the least-squares problem of subjects drawn with replacement, arm by arm."""
    fit = result.least_squares
    arms = np.array(fit.observations.arms, dtype=object)
    chosen: list[int] = []
    for arm in dict.fromkeys(fit.observations.arms):
        mine = np.flatnonzero(arms == arm)
        chosen += sorted(random.choice(mine, len(mine)).tolist())
    return for_subjects(fit, np.array(chosen, dtype=np.int64))


def for_subjects(fit: LeastSquares, subjects: IntArray, every: bool = True) -> LeastSquares:
    """Return the problem of some subjects, each any number of times; with `every`, an error if a quantity is lost."""
    seen = fit.observations.take(subjects)
    parameterisation = fit.parameterisation.take(subjects, seen.subjects)
    predict = fit.predict.single_threaded().take(subjects, seen, parameterisation)
    errors = []
    for q, model in enumerate(fit.errors):
        rows = np.flatnonzero(seen.quantity == q)
        errors.append(replace(model, rows=rows, value=seen.value[rows], censoring=seen.censoring[rows], lower=seen.lower[rows]))
    if every and not all(len(m.rows) for m in errors):
        raise FitError(Problem("kind", "the subjects drawn have no observation of one of the quantities", "draw more subjects"))
    return replace(
        fit, predict=predict, observations=seen, parameterisation=parameterisation, errors=tuple(errors), _penalty=0.0
    )
