"""`fit`: fitting a model to trial data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem
from immunoode.fitting.covariates import covariate_columns, unused_covariates, warn_of_unused
from immunoode.fitting.least_squares import LeastSquares
from immunoode.fitting.likelihood import ErrorModel, error_models
from immunoode.fitting.multistart import multistart
from immunoode.fitting.observations import FloatArray, Observations, Observe, baseline_parameter, observations
from immunoode.fitting.parameterisation import Parameterisation, parameterise
from immunoode.fitting.priors import priors_of
from immunoode.fitting.residual_error import Error, residual_error
from immunoode.fitting.result import FitResult
from immunoode.fitting.simulation_predictor import RTOL, Simulated, base_values, chosen_regimens, schedules, subject_schedules
from immunoode.model.closed_model import resolve
from immunoode.model.combine import combine
from immunoode.model.library import load_model
from immunoode.model.model import Model
from immunoode.solve.options import SolverOptions, solver_options
from immunoode.trial.long_table import as_trial
from immunoode.trial.trial_data import TrialData

if TYPE_CHECKING:
    from pandas import DataFrame


def fit(
    model: Model | str | Sequence[Model | str],
    data: TrialData | DataFrame,
    vary: str | Iterable[str] = (),
    *,
    per_arm: str | Iterable[str] = (),
    per_subject: str | Iterable[str] = (),
    regimens: Any = None,
    observe: Observe = None,
    error: Error = "proportional",
    initial: Mapping[str, float | Mapping[str, float]] | FitResult | None = None,
    parameters: Mapping[str, float] | DataFrame | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    priors: Any = None,
    starts: int = 1,
    covariates: Mapping[str, str | Iterable[str]] | None = None,
    constraints: Mapping[str, str] | None = None,
    log: bool | Iterable[str] | None = None,
    baseline: bool = True,
    start: float | None = None,
    method: str = "least_squares",
    max_evaluations: int | None = None,
    student: float | Mapping[str, float] | None = None,
    pool: bool = False,
    solver: SolverOptions | None = None,
    engine: str | None = None,
    rtol: float | None = None,
    threads: int | None = None,
    progress: bool | None = None,
) -> FitResult:
    """Fit a model to trial data by maximum likelihood, as a least-squares problem of lmfit.

    Parameters
    ----------
    model : Model, name, or several to be combined
    data : TrialData or DataFrame
        Long table: subject, arm, time [days], quantity, value, unit. Values are converted to the outputs' units.
    vary : names of parameters
        Fitted parameters, with one value for all subjects unless named in `per_arm` or `per_subject`.
    per_arm, per_subject : names of parameters
        Fitted parameters with one value per arm, or one per subject. They need not be repeated in `vary`.
    regimens : Regimen or mapping, optional
        One for all, or one per arm (or subject). None: the doses in the data (`TrialData.schedules`); subjects without doses
        are untreated.
    observe : str or mapping, optional
        The model output for each quantity, {"tumour_volume_mm3": "tumour_volume"}. By default, quantities correspond to
        outputs of the same name, and others are not fitted.
    error : {"proportional", "additive", "combined", "lognormal"}, mapping by quantity, or ResidualError
        How observations scatter about predictions; the size is estimated (see `immunoode.fitting.likelihood`).
        `ResidualError` also states Student's t errors and one size for all quantities.
    initial : mapping, optional
        Starting values instead of the model's; a value may be a mapping by arm or subject. An earlier result, even of a
        stopped fit, gives its estimates as starting values.
    parameters : mapping or DataFrame, optional
        Values of other parameters, which are held fixed; a DataFrame has one row per subject (or arm).
    bounds : mapping, optional
        {"growth_rate": (0.001, 0.1)} instead of the model's.
    priors : mapping or result of an earlier fit (or a list of both), optional
        {"kill_rate": ("lognormal", 0.02, 0.5)}: normal by mean and standard deviation, log-normal by median and standard
        deviation of the logarithm. An earlier fit gives its parameters with their covariance.
    starts : int
        The number of starting points, from a Sobol sequence between the bounds (within a factor of 20 of the start). The best
        fit is returned; its attribute `.starts` has all of them.

    Other Parameters
    ----------------
    covariates : mapping, optional
        {"clearance": "log(weight / 70)", "growth_rate": ["sex", "age"]}: covariates that shift a fitted parameter, on the
        fitted scale; see `immunoode.fitting.covariates`. Coefficients are parameters of lmfit, "clearance__log_weight_70".
    constraints : mapping, optional
        {"kill_rate__b": "2 * kill_rate__a"}: parameters that are expressions of others, in lmfit's names and syntax.
    log : bool or names, optional
        The parameters that are fitted as logarithms; by default all whose bounds allow it.
    baseline : bool
        If the model names the parameter that is the initial value of an observed output, take its value for each subject from
        the data: the last observation at or before day 0 (otherwise the first one). The simulation starts there, and that
        observation is not fitted again. A baseline that varies is fitted like any other parameter, from the same day on.
        Without such a parameter, simulations start at day 0, or at the first observation or dose if that is earlier.
    start : float, optional
        Day at which every simulation starts instead.
    method : {"least_squares", "leastsq"}
        A trust-region method within the bounds, or Levenberg-Marquardt with transformed bounds (slow to converge near a
        bound).
    max_evaluations : int, optional
        The limit for each round.
    student, pool
        As in `ResidualError`, if `error` is not one.
    solver : SolverOptions, optional
        Engine, relative tolerance and threads; by default `SolverOptions(rtol=1e-7)`, because derivatives are taken.
    engine, rtol, threads
        Individual settings of the solver, instead of `solver`.
    progress : bool, optional
        Show a progress bar; by default after two seconds.

    Returns
    -------
    FitResult

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
    >>> sizes = [50, 68, 91, 80, 105, 146]
    >>> table = pd.DataFrame({"subject": [*"aaabbb"], "day": [0, 70, 140] * 2, "sum_of_diameters (mm)": sizes})
    >>> result = imo.fit("claret2009", imo.read_trial(table), ["growth_rate"])
    >>> round(result.values["growth_rate"], 4)
    0.0298
    """
    begin = time.perf_counter()
    options = solver_options(solver, SolverOptions(rtol=RTOL), engine=engine, rtol=rtol, threads=threads)
    options = options.only("engine", "rtol", "threads")
    own = _listed(per_subject)
    names = [*_listed(vary), *_listed(per_arm), *own]
    whole, table, seen, regimens = arranged(model, data, frozenset(names), observe, baseline, start, regimens)
    shifts = {n: covariate_columns(n, given, seen, table.covariates) for n, given in (covariates or {}).items()}
    earlier = initial if isinstance(initial, FitResult) else None
    plan = parameterise(
        whole,
        seen.subjects,
        seen.arms,
        _listed(vary),
        _listed(per_arm),
        own,
        log=log,
        bounds=bounds,
        initial=None if earlier is not None else initial,  # type: ignore[arg-type]
        starts=_data_starts(whole, names, seen),
        covariates=shifts,
        constraints=constraints,
    )
    plan = plan if earlier is None else plan.starting_from(earlier.values)
    base = base_values(whole, seen, table.covariates, parameters, plan.names)
    predictor = predictor_of(whole, seen, regimens, base, plan, options)
    stated = residual_error(error, student, pool)
    errors = error_models(seen, stated.kind, stated.student)
    _check_pool(errors, stated.pool)
    least_squares = LeastSquares(predictor, seen, plan, errors, stated.pool, priors_of(priors, plan))
    tried = multistart(least_squares, starts, method, max_evaluations, progress)
    seconds = time.perf_counter() - begin
    left = unused_covariates(table.covariates, whole.constants, covariates)
    warn_of_unused(left, table.covariates)
    return FitResult(whole, table, tried.objectives[tried.best], predictor, tried.outcome, seconds, tried, left)


def arranged(
    model: Model | str | Sequence[Model | str],
    data: TrialData | DataFrame,
    free: frozenset[str],
    observe: Observe,
    baseline: bool,
    start: float | None,
    regimens: Any,
) -> tuple[Model, TrialData, Observations, Any]:
    """Return model, data, observations and regimens of a fit; by default, the regimens are the doses in the data.

    Raises
    ------
    FitError
        If they do not match, or no subject is left.
    """
    whole, table = whole_model(model), as_trial(data)
    given = {s: table.schedules.get(s) for s in table.subjects} if regimens is None and table.schedules else regimens
    first = _first_dose(whole, table, given)
    own = regimens is None and bool(table.schedules)
    seen = observations(whole, table, observe, baseline, free, first, start, own)
    if not seen.subjects:
        raise FitError(Problem("data", "no subject is left to fit", "see the data's .report()"))
    return whole, table, seen, given


def _check_pool(errors: Sequence[ErrorModel], pool: bool) -> None:
    kinds = {m.kind for m in errors}
    if pool and len(errors) > 1 and (len(kinds) > 1 or kinds & {"additive", "combined"}):
        what = f"errors of the kinds {', '.join(sorted(kinds))} cannot share one size"
        raise FitError(Problem("pool", what, "use error='lognormal' or 'proportional', or pool=False"))


def _listed(names: str | Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def whole_model(model: Model | str | Sequence[Model | str]) -> Model:
    if isinstance(model, str):
        return load_model(model)
    return model if isinstance(model, Model) else combine(*model)


def predictor_of(
    model: Model, seen: Observations, regimens: Any, base: FloatArray, plan: Parameterisation, solver: SolverOptions
) -> Simulated:
    if isinstance(regimens, Mapping):
        regimens = {k: v for k, v in regimens.items() if str(k) in {*seen.subjects, *seen.arms}}
    given = subject_schedules(model, seen, regimens, base)
    return Simulated(model, seen, given, base, plan, solver.engine, solver.threads, solver.rtol)


def _first_dose(model: Model, data: TrialData, regimens: Any) -> Callable[[str], float]:
    """Return a function that gives the first dosing day of a subject (infinite where nothing is given)."""
    default = dict(zip(resolve(model).equations.parameters, resolve(model).equations.values, strict=True))
    chosen = chosen_regimens(data.arm_of(), regimens)
    distinct = {str(id(r)): r for r in chosen.values()}
    made = schedules(model, {k: k for k in distinct}, distinct, dict.fromkeys(distinct, default))
    days = {k: float(np.min(s.times)) if s is not None and len(s.times) else np.inf for k, s in made.items()}
    return lambda subject: days[str(id(chosen[subject]))]


def _data_starts(model: Model, names: list[str], seen: Observations) -> dict[str, FloatArray]:
    """Return the starting values of fitted baselines: the first observation of each subject."""
    starts = {}
    for index, output in enumerate(seen.outputs):
        parameter = baseline_parameter(model, output)
        if parameter in names:
            starts[parameter] = _first_values(seen, index)
    return {p: v for p, v in starts.items() if np.isfinite(v).all()}


def _first_values(seen: Observations, quantity: int) -> FloatArray:
    first = np.full(len(seen.subjects), np.nan)
    mine = (seen.quantity == quantity) & (seen.value > 0)
    for s in range(len(seen.subjects)):
        rows = np.flatnonzero(mine & (seen.subject == s))
        if len(rows):
            first[s] = seen.value[rows[np.argmin(seen.time[rows])]]
    return first
