"""Densities and probabilities of intervals, beside 60 digits of mpmath: in the middle, in both tails, and their derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from immunoode.fitting.densities import interval_slopes, known_range, log_density, log_density_slope, log_interval, log_laplace
from immunoode.fitting.observations import INTERVAL, LEFT, MEASURED, RIGHT, observations
from immunoode.population.likelihood import ObservationLikelihood, likelihood_of
from tests.toy_predictor import MODEL, simulated

mp: Any = pytest.importorskip("mpmath")
INF = np.inf
ENDS = [
    (-1.0, 1.0),
    (-1e-3, 1e-3),
    (0.9, 5.0),
    (-1.2, 0.5),
    (-8.0, 8.0),
    (2.0, 2.000002),
    (45.0, 60.0),
    (-60.0, -45.0),
    (45.0, 45.001),
    (300.0, 300.2),
    (1e3, 1e4),
    (-30.0, 0.5),
    (-INF, -50.0),
    (-INF, 3.0),
    (40.0, INF),
    (-2.0, INF),
]


def log_p(low: Any, high: Any, degrees: float) -> Any:
    """Return log P(low < X < high) to 60 digits, on the side where the distribution function is small."""
    if low > 0:
        low, high = -high, -low

    def cdf(x: Any) -> Any:
        if np.isinf(degrees):
            return mp.ncdf(x)
        if mp.isinf(x):
            return mp.mpf(x > 0)
        half = mp.betainc(mp.mpf(degrees) / 2, mp.mpf(1) / 2, 0, degrees / (degrees + x * x), regularized=True) / 2
        return half if x <= 0 else 1 - half

    return mp.log(cdf(high) - cdf(low))


@pytest.fixture(autouse=True)
def _digits() -> Any:
    with mp.workdps(60):
        yield


@pytest.mark.parametrize("degrees", [INF, 4.0])
@pytest.mark.parametrize("ends", ENDS)
def test_probabilities_of_intervals(ends: tuple[float, float], degrees: float) -> None:
    expected = float(log_p(*map(mp.mpf, ends), degrees))
    assert log_interval(*map(np.array, ends), degrees) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("degrees", [INF, 4.0])
@pytest.mark.parametrize("ends", [e for e in ENDS if e != (2.0, 2.000002)])
def test_derivatives_of_probabilities_of_intervals(ends: tuple[float, float], degrees: float) -> None:
    """There are slopes however far out: an optimiser that starts there finds its way."""
    low, high = map(mp.mpf, ends)
    found = interval_slopes(*map(np.array, ends), degrees)
    finite = [not mp.isinf(x) for x in (low, high)]
    step = mp.mpf("1e-20")

    def moved(a: float, b: float) -> Any:
        return log_p(low + a * step * finite[0], high + b * step * finite[1], degrees)

    first = [(moved(1, 0) - moved(-1, 0)) / (2 * step), (moved(0, 1) - moved(0, -1)) / (2 * step)]
    second = [moved(1, 0) + moved(-1, 0) - 2 * moved(0, 0), moved(0, 1) + moved(0, -1) - 2 * moved(0, 0)]
    mixed = (moved(1, 1) + moved(-1, -1) - moved(1, -1) - moved(-1, 1)) / 4
    assert [found.by_low, found.by_high] == pytest.approx([float(x) for x in first], rel=1e-8, abs=1e-30)
    expected = [float(x / step**2) for x in (*second, mixed)]
    size = max(float(found.by_low**2), float(found.by_high**2))
    assert [found.low_low, found.high_high, found.low_high] == pytest.approx(expected, rel=1e-6, abs=1e-8 * size)


@pytest.mark.parametrize("x", [-3.0, 0.0, 50.0])
def test_densities(x: float) -> None:
    t = mp.gamma(2.5) / mp.sqrt(4 * mp.pi) / mp.gamma(2) * (1 + mp.mpf(x) ** 2 / 4) ** -2.5
    assert log_density(np.array(x)) == pytest.approx(float(mp.log(mp.npdf(x))), rel=1e-13)
    assert log_density(np.array(x), 4.0) == pytest.approx(float(mp.log(t)), rel=1e-12)
    assert log_density_slope(np.array(x), 4.0) == pytest.approx(-5 * x / (4 + x * x))
    assert log_laplace(np.array(x))[0] == pytest.approx(-abs(x) - np.log(2))


def test_what_is_known_of_an_observation() -> None:
    low, high = known_range(np.array([MEASURED, LEFT, RIGHT, INTERVAL]), np.full(4, 1.0), np.full(4, 2.0))
    assert low.tolist() == [-INF, -INF, 2.0, 1.0] and high.tolist() == [INF, 2.0, INF, 2.0]


@pytest.fixture(params=["additive", "proportional", "combined", "lognormal"])
def censored(request: pytest.FixtureRequest) -> ObservationLikelihood:
    """Return the likelihood of observations of which some are censored, in every way."""
    data = simulated(4, 0.2, 0.0, seed=1)
    frame, turn = data.frame.copy(), np.arange(len(data.frame)) % 4
    frame["censoring"] = np.array(["", "left", "right", "interval"], dtype=object)[turn]
    frame["limit"] = np.where(turn == 3, 0.5 * frame["value"], np.nan)
    return likelihood_of(observations(MODEL, type(data)(frame), "y", True, frozenset({"rate"})), request.param)


def test_derivatives_of_a_population_likelihood(censored: ObservationLikelihood) -> None:
    value = np.exp(censored.value) if censored.logged.any() else censored.value
    g = censored.transformed(value * np.linspace(0.2, 3.0, len(value)))[0]
    errors, step = censored.start, 1e-5
    assert len(set(censored.censoring)) == 4
    terms, scores = censored.terms(g, errors), censored.scores(g, errors)[0]
    near = [censored.terms(g + s * step, errors) for s in (1, -1)]
    hidden = ~censored.measured
    np.testing.assert_allclose(terms.g, (near[0].e - near[1].e) / (2 * step), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(terms.gg, (near[0].g - near[1].g) / (2 * step), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(terms.w_g, (near[0].w - near[1].w) / (2 * step), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(terms.w[hidden], np.maximum(terms.gg[hidden] / 2, 0.0))
    for j in range(len(errors)):
        near = [censored.terms(g, errors + s * step * (np.arange(len(errors)) == j)) for s in (1, -1)]
        for name, of in (("by", "e"), ("g_by", "g")):
            slope = (getattr(near[0], of) - getattr(near[1], of)) / (2 * step)
            np.testing.assert_allclose(getattr(terms, name)[j], slope, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(scores[j], terms.by[j], rtol=1e-4, atol=1e-6)


def test_censored_observations_far_off_have_slopes(censored: ObservationLikelihood) -> None:
    """Hundreds of standard deviations off, where the probability is below 1e-300."""
    value, errors = np.exp(censored.value) if censored.logged.any() else censored.value, censored.start - 6.0
    e, slope, weight = censored.slope_and_weight(censored.transformed(0.2 * value)[0], errors)
    above = ~censored.measured & (censored.censoring != LEFT)
    assert np.isfinite(e).all() and (e[above] > 1400).all() and (slope[above] < 0).all() and (weight[above] > 0).all()
