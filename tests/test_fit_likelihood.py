"""The error models are likelihoods: their least-squares form has the minimum of the full one, and the right derivatives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.stats import norm

from immunoode.errors import FitError, SolveError
from immunoode.fitting.densities import log_interval
from immunoode.fitting.error_weights import ErrorWeight, error_weight, register_error
from immunoode.fitting.fit import fit
from immunoode.fitting.least_squares import LeastSquares
from immunoode.fitting.minimise import METHODS, minimise
from immunoode.fitting.observations import observations
from immunoode.fitting.residual_error import ResidualError, normal_error, residual_error
from immunoode.solve.options import SolverOptions
from tests.long_forms import spread, spread_rows
from tests.toy_predictor import MODEL, RATES, objective, simulated

CASES = [("proportional", 0.3, 0.0), ("additive", 0.0, 3.0), ("combined", 0.15, 1.5), ("lognormal", 0.1, 0.0)]


def direct(target: LeastSquares, kind: str) -> np.ndarray:
    """Return rates, s (and ratio) that minimise -log L written out term by term, by another method."""
    seen = target.observations

    def negative(theta: np.ndarray) -> float:
        values = np.exp(theta[:2])[target.parameterisation.fitted_parameters[0].group][None, :, None]
        f, s = target.predict(values)[0], np.exp(theta[2])
        w = {"proportional": f, "combined": np.hypot(f, np.exp(theta[-1]))}.get(kind, np.ones_like(f))
        y = seen.value
        r = np.log(y / f) if kind == "lognormal" else (y - f) / w
        inside = norm.logpdf(r / s) - np.log(s) - np.log(w)
        low = np.log(np.maximum(seen.lower, 1e-9) / f) if kind == "lognormal" else (seen.lower - f) / w
        with np.errstate(divide="ignore"):
            between = np.log(norm.cdf(r / s) - norm.cdf(low / s))
        known = {0: inside, -1: norm.logcdf(r / s), 1: norm.logsf(r / s), 2: between}
        return -float(np.select([seen.censoring == c for c in known], list(known.values())).sum())

    start = np.log([*RATES, 0.2 if kind != "additive" else 3.0, *([5.0] if kind == "combined" else [])])
    options = {"xatol": 1e-9, "fatol": 1e-11, "maxiter": 20000, "maxfev": 20000}
    return np.exp(minimize(negative, start, method="Nelder-Mead", options=options).x)


def data_for(kind: str, proportional: float, additive: float, limit: float):  # type: ignore[no-untyped-def]
    data = simulated(16, proportional, additive, seed=3, limit=limit)
    frame = data.frame[data.frame["value"] > 0.5].reset_index(drop=True)
    return type(data)(frame)


@pytest.mark.parametrize("limit", spread([0.0, 6.0], 1))
@pytest.mark.parametrize(("kind", "proportional", "additive"), spread_rows(CASES, 2))
def test_least_squares_finds_the_maximum_of_the_likelihood(
    kind: str, proportional: float, additive: float, limit: float
) -> None:
    target = objective(data_for(kind, proportional, additive, limit), kind, per_arm=["rate"])
    found = minimise(target)
    expected = direct(target, kind)
    values = [found.result.params[k].value for k in target.parameterisation.fitted_parameters[0].keys]
    np.testing.assert_allclose(values, expected[:2], rtol=2e-4)
    assert target.errors[0].scale.s == pytest.approx(expected[2], rel=2e-3)
    assert found.settled


def censored_in_every_way(kind: str, proportional: float, additive: float):  # type: ignore[no-untyped-def]
    """Return data of which some are below a value, above one, between two."""
    data = data_for(kind, proportional, additive, 0.0)
    frame, turn = data.frame.copy(), np.arange(len(data.frame)) % 5
    y = frame["value"].to_numpy()
    late = frame["time"].to_numpy() > 0
    for where, how, value, limit in (
        (turn == 1, "left", y + 1.0, np.nan),
        (turn == 2, "right", np.maximum(y - 1.0, 0.4), np.nan),
        (turn == 3, "interval", y + 1.5, np.maximum(y - 1.0, 0.2)),
    ):
        rows = where & late
        frame.loc[rows, "censoring"], frame.loc[rows, "value"] = how, value[rows]
        frame.loc[rows, "limit"] = np.broadcast_to(limit, len(y))[rows]
    return type(data)(frame)


@pytest.mark.parametrize(("kind", "proportional", "additive"), spread_rows(CASES, 2))
def test_every_kind_of_censoring_enters_by_its_probability(kind: str, proportional: float, additive: float) -> None:
    target = objective(censored_in_every_way(kind, proportional, additive), kind, per_arm=["rate"])
    assert set(target.observations.censoring) == {-1, 0, 1, 2}
    parameters = target.parameters()
    target(parameters)
    target.update_scales(parameters)
    by, names = target.jacobian(parameters), [n for n, p in parameters.items() if p.vary]
    for j, name in enumerate(names):
        ends = []
        for sign in (1, -1):
            moved = parameters.copy()
            moved[name].value += sign * 1e-5
            ends.append(target(moved))
        np.testing.assert_allclose(by[:, j], (ends[0] - ends[1]) / 2e-5, rtol=1e-3, atol=1e-4)
    found = minimise(target)
    expected = direct(target, kind)
    values = [found.result.params[k].value for k in target.parameterisation.fitted_parameters[0].keys]
    np.testing.assert_allclose(values, expected[:2], rtol=1e-3)
    assert target.errors[0].scale.s == pytest.approx(expected[2], rel=5e-3)


def test_intervals_beside_a_closed_form() -> None:
    from immunoode.fitting.densities import log_interval

    low, high = np.array([-1.0, 8.0, -np.inf, 3.0, -12.0]), np.array([1.0, 9.0, -30.0, np.inf, -11.0])
    exact = [
        np.log(norm.cdf(1) - norm.cdf(-1)),
        np.log(norm.sf(8) - norm.sf(9)),
        norm.logcdf(-30),
        norm.logsf(3),
        np.log(norm.cdf(-11) - norm.cdf(-12)),
    ]
    np.testing.assert_allclose(log_interval(low, high, np.inf), exact, rtol=1e-10)


@pytest.mark.parametrize("kind", [c[0] for c in CASES])
@pytest.mark.parametrize("limit", [0.0, 6.0])
def test_the_jacobian_is_that_of_the_residuals(kind: str, limit: float) -> None:
    target = objective(data_for(kind, 0.1, 1.0, limit), kind, vary=["shift"], per_arm=["rate"])
    parameters = target.parameters()
    target(parameters)
    target.update_scales(parameters)
    jacobian = target.jacobian(parameters)
    for j, name in enumerate(n for n, p in parameters.items() if p.vary):
        up, down = parameters.copy(), parameters.copy()
        up[name].value, down[name].value = up[name].value + 1e-5, down[name].value - 1e-5
        slope = (target(up) - target(down)) / 2e-5
        np.testing.assert_allclose(jacobian[:, j], slope, atol=2e-5 * np.abs(slope).max())


@pytest.mark.parametrize("method", METHODS)
def test_methods_agree(method: str) -> None:
    target = objective(simulated(8), per_arm=["rate"])
    values = [minimise(target, method).result.params[k].value for k in ("rate__arm_0", "rate__arm_1")]
    np.testing.assert_allclose(values, RATES, rtol=0.15)
    np.testing.assert_allclose(values, [0.02068, 0.04982], rtol=0.05)


@pytest.mark.slow
def test_weights_of_predictions_do_not_reward_large_ones() -> None:
    """With the habit of weighting by 1/prediction alone the rates come out too small; the likelihood is unbiased."""
    found = []
    for seed in range(30):
        target = objective(data_for_seed(seed), per_arm=["rate"])
        found.append([minimise(target).result.params[k].value for k in ("rate__arm_0", "rate__arm_1")])
    bias = np.mean(found, axis=0) / RATES - 1
    assert np.all(np.abs(bias) < 0.02), bias


def data_for_seed(seed: int):  # type: ignore[no-untyped-def]
    data = simulated(8, 0.25, seed=seed)
    return type(data)(data.frame[data.frame["value"] > 0].reset_index(drop=True))


def test_zero_values_need_another_error() -> None:
    data = simulated(4)
    data.frame.loc[3, "value"] = 0.0
    for kind in ("proportional", "lognormal"):
        with pytest.raises(FitError, match="use error='combined' or 'additive'"):
            objective(data, kind, vary=["rate"])
    assert minimise(objective(data, "combined", vary=["rate"])).result.success


def test_unknown_errors_and_quantities_are_named() -> None:
    with pytest.raises(FitError, match="did you mean 'proportional'"):
        objective(simulated(2), "proportionl", vary=["rate"])
    with pytest.raises(FitError, match="'z' is not a fitted quantity"):
        objective(simulated(2), {"z": "additive"}, vary=["rate"])  # type: ignore[arg-type]


def log_normal_mass(low: float, high: float) -> float:
    """Return log P(low < standard normal < high) of 0 < low by quadrature, the density at `low` taken out."""
    share = quad(lambda u: np.exp(-low * u - u * u / 2), 0, high - low, epsrel=1e-12)[0]
    return float(norm.logpdf(low) + np.log(share))


@pytest.mark.parametrize(("low", "high"), [(0.5, 2.0), (10.0, 10.5), (45.0, 46.0), (300.0, 300.2), (60.0, 60.001)])
def test_probabilities_of_intervals_are_exact_in_the_tails(low: float, high: float) -> None:
    expected = log_normal_mass(low, high)
    assert log_interval(np.array([low]), np.array([high]))[0] == pytest.approx(expected, rel=1e-9)
    assert log_interval(np.array([-high]), np.array([-low]))[0] == pytest.approx(expected, rel=1e-9)


def test_intervals_far_out_have_slopes() -> None:
    """An optimiser that starts 60 standard deviations off finds its way: the slope of log P is that of the nearer end."""
    for g in (0.0, 30.0, 60.0, 400.0):
        at = [log_interval(np.array([-1.0 - g - h]), np.array([1.0 - g - h]))[0] for h in (1e-4, -1e-4)]
        near = norm.pdf(min(g, 30.0) - 1.0)
        expected = 0.0 if g == 0 else -(g - 1) - (near / norm.sf(g - 1) - (g - 1) if g <= 30 else 1 / (g - 1))
        assert (at[0] - at[1]) / 2e-4 == pytest.approx(expected, rel=1e-4, abs=1e-6)
    t = [log_interval(np.array([-np.inf]), np.array([x]), 100.0)[0] for x in (-5000.0, -10000.0)]
    assert t[0] - t[1] == pytest.approx(100 * np.log(2), rel=1e-3)  # the tail of Student's t falls by its power


CENSORED_AT_ZERO = [
    ("lognormal", "left", 0.0, np.nan, r"left-censored at zero or less.*limit of quantification"),
    ("proportional", "left", 0.0, np.nan, r"left-censored at zero or less.*limit of quantification"),
    ("additive", "interval", 3.0, 3.0, "interval of no width"),
    ("lognormal", "interval", 3.0, 3.0, "interval of no width"),
]


@pytest.mark.parametrize(("kind", "censoring", "value", "lower", "says"), CENSORED_AT_ZERO)
@pytest.mark.parametrize("population", [False, True])
def test_what_has_no_likelihood_is_refused_before_the_fit(
    kind: str, censoring: str, value: float, lower: float, says: str, population: bool
) -> None:
    from immunoode.fitting.likelihood import error_models
    from immunoode.population.likelihood import likelihood_of

    data = simulated(4, 0.1, 0.0, seed=1)
    frame = data.frame.copy()
    frame.loc[5, ["censoring", "value", "limit"]] = [censoring, value, lower]
    seen = observations(MODEL, type(data)(frame), "y", True, frozenset({"rate"}))
    with pytest.raises(FitError, match=says):
        likelihood_of(seen, kind) if population else error_models(seen, kind)


def test_what_a_residual_error_states_is_not_stated_again() -> None:
    with pytest.raises(FitError, match=r"2 problems:\n  - student: is given together with .*\n  - pool: "):
        residual_error(ResidualError("combined"), student=4, pool=True)
    assert residual_error("additive", 4.0) == ResidualError("additive", 4.0)


def test_an_own_error_model_is_fitted_as_a_built_in_one() -> None:
    """The power error model has the proportional one as the case of power 1."""

    def power(f: np.ndarray, p: float, floor: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        size = np.maximum(np.abs(f), floor)
        return size**p, np.where(np.abs(f) > floor, p * size ** (p - 1) * np.sign(f), 0.0), size**p * np.log(size)

    register_error(ErrorWeight("power_for_a_test", power, "power", lambda values: (1.0, 0.999, 1.001)))
    data = simulated(20, 0.2, 0.0)
    targets = [objective(data, kind, per_arm=["rate"]) for kind in ("power_for_a_test", "proportional")]
    own, built_in = (minimise(target).result.params for target in targets)
    assert own["error_power"].value == pytest.approx(1.0, abs=2e-3)
    assert own["rate__arm_0"].value == pytest.approx(built_in["rate__arm_0"].value, rel=1e-3)
    target = targets[0]
    f = 1.0 + np.arange(len(target.errors[0].rows), dtype=float)
    steps = [target.errors[0].residuals(f, 1.0 + h) for h in (-1e-6, 1e-6)]
    slope = target.errors[0].jacobian(f, np.zeros((len(f), 0)), 1.0)[1]
    np.testing.assert_allclose(slope, (steps[1] - steps[0]) / 2e-6, rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ErrorWeight("a b", abs), "identifier, such as 'power'"),  # type: ignore[arg-type]
        (lambda: ErrorWeight("a", abs, "p"), "has no start"),  # type: ignore[arg-type]
        (lambda: register_error(ErrorWeight("additive", abs)), "built-in error model"),  # type: ignore[arg-type]
        (lambda: error_weight("powr"), r"register_error"),
    ],
)
def test_own_error_models_that_cannot_be(make: Callable[[], object], says: str) -> None:
    with pytest.raises(FitError, match=says):
        make()


def test_a_population_fit_takes_the_kind_alone() -> None:
    assert normal_error(ResidualError({"y": "additive"})) == {"y": "additive"}
    with pytest.raises(FitError, match=r"error\.student: is supported by imo.fit only"):
        normal_error(ResidualError("additive", student=4))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"solver": SolverOptions(), "rtol": 1e-8}, "rtol: is given together with solver"),
        ({"solver": SolverOptions(max_steps=10)}, "solver.max_steps: cannot be chosen here; only engine, rtol, threads"),
        ({"engine": "fortran"}, "engine: is 'fortran'"),
    ],
)
def test_options_of_the_solver_that_a_fit_does_not_take(options: dict[str, object], says: str) -> None:
    with pytest.raises(SolveError, match=says):
        fit("claret2009", simulated(2), ["growth_rate"], **options)  # type: ignore[arg-type]
