"""The error models are likelihoods: their least-squares form has the minimum of the full one, and the right derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from immunoode.errors import FitError
from immunoode.fit.minimise import METHODS, minimise
from immunoode.fit.objective import Objective
from tests.toy_predictor import RATES, objective, simulated

CASES = [("proportional", 0.3, 0.0), ("additive", 0.0, 3.0), ("combined", 0.15, 1.5), ("lognormal", 0.1, 0.0)]


def direct(target: Objective, kind: str) -> np.ndarray:
    """Return rates, s (and ratio) that minimise -log L written out term by term, by another method."""
    seen = target.observations

    def negative(theta: np.ndarray) -> float:
        values = np.exp(theta[:2])[target.design.slots[0].group][None, :, None]
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


@pytest.mark.parametrize("limit", [0.0, 6.0])
@pytest.mark.parametrize(("kind", "proportional", "additive"), CASES)
def test_least_squares_finds_the_maximum_of_the_likelihood(
    kind: str, proportional: float, additive: float, limit: float
) -> None:
    target = objective(data_for(kind, proportional, additive, limit), kind, per_arm=["rate"])
    found = minimise(target)
    expected = direct(target, kind)
    values = [found.result.params[k].value for k in target.design.slots[0].keys]
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
        (turn == 1, "left", y + 1.0, np.nan), (turn == 2, "right", np.maximum(y - 1.0, 0.4), np.nan),
        (turn == 3, "interval", y + 1.5, np.maximum(y - 1.0, 0.2)),
    ):  # fmt: skip
        rows = where & late
        frame.loc[rows, "censoring"], frame.loc[rows, "value"] = how, value[rows]
        frame.loc[rows, "limit"] = np.broadcast_to(limit, len(y))[rows]
    return type(data)(frame)


@pytest.mark.parametrize(("kind", "proportional", "additive"), CASES)
def test_every_kind_of_censoring_enters_by_its_probability(kind: str, proportional: float, additive: float) -> None:
    target = objective(censored_in_every_way(kind, proportional, additive), kind, per_arm=["rate"])
    assert set(target.observations.censoring) == {-1, 0, 1, 2}
    parameters = target.parameters()
    target(parameters)
    target.settle(parameters)
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
    values = [found.result.params[k].value for k in target.design.slots[0].keys]
    np.testing.assert_allclose(values, expected[:2], rtol=1e-3)
    assert target.errors[0].scale.s == pytest.approx(expected[2], rel=5e-3)


def test_intervals_beside_a_closed_form() -> None:
    from immunoode.fit.densities import log_between

    low, high = np.array([-1.0, 8.0, -np.inf, 3.0, -12.0]), np.array([1.0, 9.0, -30.0, np.inf, -11.0])
    exact = [np.log(norm.cdf(1) - norm.cdf(-1)), np.log(norm.sf(8) - norm.sf(9)), norm.logcdf(-30), norm.logsf(3),
             np.log(norm.cdf(-11) - norm.cdf(-12))]  # fmt: skip
    np.testing.assert_allclose(log_between(low, high, np.inf), exact, rtol=1e-10)


@pytest.mark.parametrize("kind", [c[0] for c in CASES])
@pytest.mark.parametrize("limit", [0.0, 6.0])
def test_the_jacobian_is_that_of_the_residuals(kind: str, limit: float) -> None:
    target = objective(data_for(kind, 0.1, 1.0, limit), kind, vary=["shift"], per_arm=["rate"])
    parameters = target.parameters()
    target(parameters)
    target.settle(parameters)
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
