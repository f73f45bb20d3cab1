"""`fit_population`: nonlinear mixed-effects fits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem, nearest
from immunoode.fitting.covariates import unused_covariates, warn_of_unused
from immunoode.fitting.fit import arranged
from immunoode.fitting.observations import FloatArray, Observations, Observe
from immunoode.fitting.residual_error import Error, normal_error
from immunoode.fitting.simulation_predictor import base_values, subject_schedules
from immunoode.fitting.uncertainty.progress import bar_over
from immunoode.model.closed_model import resolve
from immunoode.model.model import Model
from immunoode.number_checks import is_whole
from immunoode.population.covariate_model import OCCASION_SD, MixedEffects, deviations, mixed_effects, on_occasions
from immunoode.population.distributions import NORMAL
from immunoode.population.focei import MethodResult, focei
from immunoode.population.likelihood import likelihood_of
from immunoode.population.multistart import PopulationMultiStartResult
from immunoode.population.occasions import Given, by_occasion, occasions_of, with_occasions, without
from immunoode.population.population_model import TIGHT, PopulationModel, PopulationParameters, population_model
from immunoode.population.result import SEED, PopulationResult
from immunoode.population.saem import saem
from immunoode.population.starting_values import Region, candidate_starts, multistart_points
from immunoode.population.subject_predictions import Trajectories
from immunoode.regimen.schedule import Schedule
from immunoode.solve.options import SolverOptions, solver_options
from immunoode.trial.trial_data import TrialData

if TYPE_CHECKING:
    from pandas import DataFrame

_Solved = tuple[Model, FloatArray, tuple[Schedule | None, ...]]
METHODS = ("saem", "focei")
ITERATIONS = {"saem": (150, 150), "focei": 200}
RTOL = {"saem": 1e-5, "focei": TIGHT}


def fit_population(
    model: Model | str | Sequence[Model | str],
    data: TrialData | DataFrame,
    vary: str | Iterable[str] = (),
    *,
    random: str | Iterable[str] | Mapping[str, float],
    correlated: bool | Iterable[Iterable[str]] = False,
    covariates: Mapping[str, str | Iterable[str]] | None = None,
    regimens: Any = None,
    observe: Observe = None,
    error: Error = "proportional",
    initial: Mapping[str, float] | None = None,
    parameters: Mapping[str, float] | DataFrame | None = None,
    method: str = "saem",
    starts: int = 1,
    seed: int = SEED,
    between_occasions: str | Iterable[str] | Mapping[str, float] = (),
    occasions: Given = None,
    distribution: Mapping[str, str] | None = None,
    baseline: bool = True,
    start: float | None = None,
    iterations: int | tuple[int, int] | None = None,
    chains: int | None = None,
    resume: PopulationResult | None = None,
    solver: SolverOptions | None = None,
    rtol: float | None = None,
    threads: int | None = None,
    progress: bool | None = None,
) -> PopulationResult:
    """Fit a model to all subjects of a trial at once, with parameters that differ between subjects (mixed effects).

    Parameters
    ----------
    model, data, regimens, observe, error, parameters
        As in `immunoode.fit`; errors are normal or log-normal.
    vary : names of parameters
        Parameters whose typical values are estimated; those in `random` need not be repeated. Without a random effect, a
        parameter is the same in all subjects (apart from covariates).
    random : names of parameters, or mapping to starting values of standard deviations
        Parameters with inter-individual variability.
    correlated : bool or groups of names
        Which random effects of subjects are correlated: none, all, or those within each group.
    covariates : mapping, optional
        {"clearance": "log(weight / 70)", "growth_rate": ["arm", "age"]}: covariates that shift the latent mean of a
        parameter; see `immunoode.fitting.covariates`.
    initial : mapping, optional
        Starting typical values instead of the model's. If predictions there are far from the data, others are tried as well,
        and used if the first steps from them reach a higher likelihood.
    method : {"saem", "focei"}
        "saem": stochastic approximation EM, with the likelihood by importance sampling, which is robust if data are sparse or
        the model is strongly non-linear. "focei": first-order conditional estimation with interaction, which is fast with few
        parameters and rich data, and maximises an approximate likelihood exactly.
    starts : int
        The number of starting points. The best fit is returned; its attribute `.starts` has all of them. The first is the
        usual one; the others are the points of a Sobol sequence over typical values (within a factor of 100 and the bounds)
        whose predictions are closest to the data.
    seed : int
        Seed of the random numbers; the same seed gives the same result.

    Other Parameters
    ----------------
    between_occasions : names of parameters, or mapping to starting values of standard deviations
        Parameters with inter-occasion variability (cycles, visits in a crossover): the subject's own value, which varies if
        it is in `random`, times or plus an effect of each occasion. These effects are independent and identically
        distributed.
    occasions : days, mapping of subject or arm to days, or str
        Days at which occasions begin (the first begins with a subject's start: [21, 42] are three); or the column of a table
        given as `data`, or the changing covariate of `imo.io.read_nonmem(..., varying={...})`, that identifies occasions.
        With a column of the observations, an occasion begins at the first dose after the last observation of the previous
        occasion or, if there is none, at its own first observation.
    distribution : mapping, optional
        {"fraction": "logit"}: "lognormal" (the default if a parameter cannot be negative), "logit" (within its bounds) or
        "normal".
    baseline, start
        As in `immunoode.fit`. A baseline with a random effect is estimated; otherwise each subject starts from its observed
        baseline.
    iterations : int or (int, int), optional
        The largest number of steps of "focei"; for "saem", the numbers of exploratory and of averaging iterations.
    chains : int, optional
        The number of chains per subject in "saem"; three to five by default.
    resume : PopulationResult, optional
        Continue from the estimates of this result, with either method.
    solver : SolverOptions, optional
        Relative tolerance and threads; the tolerance is 1e-5 in "saem" by default, tighter in "focei", which takes derivatives.
    rtol, threads
        Individual settings of the solver, instead of `solver`.
    progress : bool, optional
        Whether to show a progress bar with the running estimates; by default after two seconds.

    Returns
    -------
    PopulationResult
        Also after a keyboard interrupt; it then has the best values so far, and `success` is False.

    Raises
    ------
    FitError
        If the arguments do not match the model or the data; all problems are reported at once.
    SolveError
        If settings of the solver are invalid, or stated twice.

    Examples
    --------
    >>> import pandas as pd
    >>> import immunoode as imo
    >>> rates = {"a": 0.02, "b": 0.03, "c": 0.035, "d": 0.025, "e": 0.045, "f": 0.03}
    >>> rows = [
    ...     {"subject": s, "day": 7 * w, "sum_of_diameters (mm)": 50 * 2.718 ** (rate * w) + error}
    ...     for s, rate in rates.items()
    ...     for w, error in ((0, 0), (6, 2), (12, -3), (18, 2))
    ... ]
    >>> data = imo.read_trial(pd.DataFrame(rows))
    >>> result = imo.fit_population("claret2009", data, random=["growth_rate"], method="focei")
    >>> 0.025 < result.values["growth_rate"] < 0.035
    True
    """
    begin = time.perf_counter()
    _check(method, resume, starts)
    options = solver_options(solver, SolverOptions(rtol=RTOL[method]), rtol=rtol, threads=threads).only("rtol", "threads")
    names = [vary] if isinstance(vary, str) else list(vary)
    later = deviations(between_occasions, OCCASION_SD)
    if occasions is not None and not later:
        right = "between_occasions=['clearance'], the parameters that differ"
        raise FitError(Problem("occasions", "are stated, but no parameter differs between them", right))
    free = frozenset([*names, *deviations(random, 0.0), *later])
    whole, table, seen, given = arranged(model, data, free, observe, baseline, start, regimens)
    seen = _sorted(seen)
    known = _first(whole, seen, free)
    made = mixed_effects(
        whole,
        seen,
        table.covariates,
        names,
        random,
        correlated,
        covariates or {},
        distribution or {},
        known | dict(initial or {}),
        later,
    )
    base = base_values(whole, seen, table.covariates, parameters, made.names)
    solved = whole, base, subject_schedules(whole, seen, given, base)
    if later:
        made, solved = _on_occasions(solved, made, later, occasions, data, seen)
    trajectories = Trajectories(solved[0], seen, solved[2], solved[1], made, options.rtol, options.threads)
    population = population_model(trajectories, made, likelihood_of(seen, normal_error(error)))
    region = _region(population, whole, known.keys() - (initial or {}).keys())
    population = (
        population
        if resume is not None
        else replace(population, other_starts=tuple(candidate_starts(population, region, seed)[1:]))
    )
    _check_start(population)

    def run(own: PopulationModel, parameters: PopulationParameters | None) -> PopulationResult:
        outcome = _run(own, method, parameters, iterations, chains, seed, progress)
        seconds = time.perf_counter() - begin
        return PopulationResult(whole, table, method, population, outcome, seconds, seed, covariates_not_used=left)

    left = unused_covariates(table.covariates, whole.constants, covariates)
    warn_of_unused(left, table.covariates)
    first = run(population, _from(population, resume))
    return (
        first if starts == 1 else _best_start(first, population, multistart_points(population, region, starts - 1, seed), run)
    )


def _on_occasions(
    solved: _Solved, made: MixedEffects, later: Mapping[str, float], occasions: Given, data: Any, seen: Observations
) -> tuple[MixedEffects, _Solved]:
    """Return the mixed-effects model, model, values and schedules with parameters that differ between occasions."""
    model, base, planned = solved
    if isinstance(occasions, str) and occasions not in model.constants:
        planned = tuple(without(occasions, p) for p in planned)
    found = occasions_of(list(later), occasions, data, seen, dict(zip(seen.subjects, planned, strict=True)))
    wider = by_occasion(model, found.names, found.count)
    old, new = resolve(model).equations.parameters, resolve(wider).equations
    columns = [
        base[:, old.index(n)] if n in old else np.full(len(base), v) for n, v in zip(new.parameters, new.values, strict=True)
    ]
    changing = tuple(with_occasions(p, days) for p, days in zip(planned, found.days, strict=True))
    return on_occasions(made, found, later), (wider, np.stack(columns, axis=1), changing)


def _check(method: str, resume: Any, starts: Any) -> None:
    if not is_whole(starts, 1):
        raise FitError(Problem("starts", f"is {starts!r}", "a whole number from 1"))
    if method not in METHODS:
        raise FitError(Problem("method", f"{method!r} is not known", nearest(str(method), METHODS)))
    if resume is not None and not isinstance(resume, PopulationResult):
        raise FitError(Problem("resume", f"is {type(resume).__name__}", "the result of an earlier fit_population"))


def _sorted(seen: Observations) -> Observations:
    """Return the observations sorted by subject."""
    order = np.argsort(seen.subject, kind="stable")
    if (order == np.arange(len(order))).all():
        return seen
    arrays = {n: getattr(seen, n)[order] for n in ("subject", "quantity", "time", "value", "censoring", "lower")}
    arrays["order"] = seen.orders[order]
    return replace(seen, rows=tuple(seen.rows[i] for i in order), **arrays)


def _first(model: Model, seen: Observations, free: frozenset[str]) -> dict[str, float]:
    """Return the starting typical values of fitted baselines: the median of the first observations."""
    from immunoode.fitting.observations import baseline_parameter

    found = {}
    for q, output in enumerate(seen.outputs):
        name = baseline_parameter(model, output)
        if name in free:
            mine = np.flatnonzero((seen.quantity == q) & (seen.value > 0))
            _, first = np.unique(seen.subject[mine], return_index=True)
            if len(first):
                found[name] = float(np.exp(np.median(np.log(seen.value[mine[first]]))))
    return found


def _region(population: PopulationModel, model: Model, known: Iterable[str]) -> Region:
    """Return the region for starting points: within the model's bounds; values taken from the data are unchanged."""
    made = population.effects
    bounds = np.tile([-np.inf, np.inf], (len(made.coefficients), 1))
    for name, k in zip(made.parameters, made.first, strict=True):
        with np.errstate(divide="ignore"):
            low, high = made.distributions[k].latent(np.array(model.constants[name].bounds or (-np.inf, np.inf)))
        bounds[made.typical[k]] = (low if low == low else -np.inf), (high if high == high else np.inf)
    given = {int(made.typical[made.first[made.parameters.index(n)]]) for n in known}
    kinds = {int(t): d.kind for t, d in zip(made.typical, made.distributions, strict=True)}
    return Region(bounds, np.array([t for t in kinds if t not in given and kinds[t] != NORMAL], dtype=np.int64))


def _check_start(population: PopulationModel) -> None:
    """Raise an error if no subject can be simulated at the starting values."""
    starts = np.stack([population.effects.means(b) for b in (population.effects.start, *population.other_starts)])
    if not np.isfinite(population.trajectories(starts)).any():
        right = "give others with initial={'parameter': value}"
        raise FitError(Problem("initial", "no simulation succeeds at the starting values", right))


def _from(population: PopulationModel, resume: PopulationResult | None) -> PopulationParameters | None:
    if resume is None:
        return None
    if resume.population_model.names != population.names:
        what = "is a fit with other parameters: " + ", ".join(resume.population_model.names)
        raise FitError(Problem("resume", what, "use the same vary, random, correlated, covariates and error"))
    return resume.estimates


def _run(
    population: PopulationModel,
    method: str,
    parameters: PopulationParameters | None,
    iterations: int | tuple[int, int] | None,
    chains: int | None,
    seed: int,
    progress: bool | None,
) -> MethodResult:
    if method == "focei":
        most = ITERATIONS["focei"] if iterations is None else iterations
        if not is_whole(most, 1):
            raise FitError(Problem("iterations", f"is {iterations!r}", "a whole number from 1"))
        with bar_over(None, method, progress) as bar:
            return focei(population, parameters, most, bar)
    pair = ITERATIONS["saem"] if iterations is None else iterations
    if not (isinstance(pair, tuple) and len(pair) == 2 and pair[0] >= 0 and pair[1] >= 1):
        raise FitError(
            Problem("iterations", f"is {iterations!r}", "two whole numbers, such as (150, 150), to search and to average")
        )
    with bar_over(sum(pair), method, progress) as bar:
        return saem(population, parameters, pair, chains, seed, bar)


def _best_start(
    first: PopulationResult,
    population: PopulationModel,
    places: Iterable[FloatArray],
    run: Callable[[PopulationModel, PopulationParameters | None], PopulationResult],
) -> PopulationResult:
    """Return the best of a first fit and of fits from other coefficients; the user may stop these."""
    results = [first]
    for beta in places:
        if results[-1].outcome.interrupted:
            break
        results.append(run(replace(population, effects=replace(population.effects, start=beta), other_starts=()), None))
    names = tuple(first.values)
    objectives = np.array([r.objective if np.isfinite(r.objective) else np.nan for r in results])
    typical = np.array([[r.values[n] for n in names] for r in results])
    starts = PopulationMultiStartResult(objectives, tuple(r.success for r in results), names, typical)
    return replace(results[starts.best], starts=starts, seconds=results[-1].seconds)
