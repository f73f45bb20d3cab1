"""Distributions of one parameter: quantiles and probabilities are SciPy's and inverse; wrong distributions are refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from immunoode.errors import PopulationError
from immunoode.virtual_population import (
    Categorical,
    Empirical,
    Fixed,
    LogitNormal,
    LogNormal,
    LogUniform,
    Marginal,
    Mixture,
    Normal,
    Truncated,
    Uniform,
)

TWO_KINDS = Mixture((LogNormal(0.1, 0.4), LogNormal(1.0, 0.2)), (0.3, 0.7))
CONTINUOUS = [
    Normal(3, 2),
    LogNormal(0.22, 0.37),
    LogitNormal(0.574, 1.67),
    LogitNormal(3.0, 0.8, 2.0, 7.0),
    Uniform(-1, 4),
    LogUniform(0.01, 10),
    TWO_KINDS,
    Truncated(Normal(3, 2), 0.0),
    Truncated(LogNormal(91.7, 0.65), 10, 600),
    Truncated(TWO_KINDS, upper=0.9),
]
DISCRETE = [
    Fixed(2.0),
    Categorical((1, 0, 5), (0.2, 0.5, 0.3)),
    Empirical((3.0, 1.0, 1.0, 2.0)),
    Truncated(Empirical((1, 2, 3)), 2),
]
PROBABILITIES = np.concatenate([[1e-9, 1e-4], np.linspace(0.01, 0.99, 50), [1 - 1e-4]])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Normal(3, 2), stats.norm(3, 2)),
        (LogNormal(0.22, 0.37), stats.lognorm(0.37, scale=0.22)),
        (Uniform(-1, 4), stats.uniform(-1, 5)),
        (LogUniform(0.01, 10), stats.loguniform(0.01, 10)),
        (Truncated(Normal(0, 1), 1.0, 2.5), stats.truncnorm(1.0, 2.5)),
        (Truncated(Normal(0, 1), 9.0), stats.truncnorm(9.0, np.inf)),
        (Truncated(Normal(0, 1), upper=-9.0), stats.truncnorm(-np.inf, -9.0)),
    ],
    ids=lambda given: str(given) if isinstance(given, Marginal) else "scipy",
)
def test_quantiles_are_scipys(ours: Marginal, theirs: stats.rv_continuous) -> None:
    assert ours.ppf(PROBABILITIES) == pytest.approx(theirs.ppf(PROBABILITIES), rel=1e-9, abs=1e-12)
    values = theirs.ppf(PROBABILITIES)
    assert ours.cdf(values) == pytest.approx(theirs.cdf(values), rel=1e-7)


def test_the_logit_normal_is_normal_on_the_logit() -> None:
    values = LogitNormal(3.0, 0.8, 2.0, 7.0).ppf(PROBABILITIES)
    latent = np.log((values - 2) / (7 - values))
    assert latent == pytest.approx(np.log(1 / 4) + 0.8 * stats.norm.ppf(PROBABILITIES))


@pytest.mark.parametrize("made", CONTINUOUS, ids=str)
def test_probability_and_quantile_are_inverse(made: Marginal) -> None:
    values = made.ppf(PROBABILITIES)
    assert made.cdf(values) == pytest.approx(PROBABILITIES, rel=1e-7)
    assert (np.diff(values) > 0).all()
    low, high = made.support
    assert low <= values.min() and values.max() <= high
    assert made.cdf(made.ppf([0.0, 1.0])) == pytest.approx([0, 1])


@pytest.mark.parametrize("made", DISCRETE, ids=str)
def test_quantiles_of_discrete_values_are_the_least_with_that_probability(made: Marginal) -> None:
    p = np.linspace(0.013, 0.987, 40)
    values = made.ppf(p)
    assert (made.cdf(values) >= p - 1e-12).all()
    assert (made.cdf(np.nextafter(values, -np.inf)) < p).all()
    low, high = made.support
    assert set(values) <= {low, high, *values} and low == values.min() and high == values.max()


def test_a_mixture_has_the_weighted_probability() -> None:
    x = np.array([0.05, 0.1, 0.4, 1.0, 2.0])
    expected = 0.3 * LogNormal(0.1, 0.4).cdf(x) + 0.7 * LogNormal(1.0, 0.2).cdf(x)
    assert TWO_KINDS.cdf(x) == pytest.approx(expected)


def test_a_truncated_distribution_is_the_conditional_one() -> None:
    made, of = Truncated(TWO_KINDS, 0.05, 1.1), TWO_KINDS
    x = np.linspace(0.06, 1.09, 20)
    inside = of.cdf(1.1) - of.cdf(0.05)
    assert made.cdf(x) == pytest.approx((of.cdf(x) - of.cdf(0.05)) / inside, rel=1e-9)


def test_counts_become_probabilities() -> None:
    assert Categorical.from_counts({0: 409, 1: 70}).probabilities == pytest.approx((409 / 479, 70 / 479))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normal(0, 0), "sd: is 0; a number above zero"),
        (lambda: LogNormal(-1, np.nan), "(?s)median: is -1.*sd: is nan"),
        (lambda: LogitNormal(1.2, 1), "median: is 1.2; a number above 0 and below 1, the limits"),
        (lambda: Uniform(2, 1), "lower: is 2, which is not below upper, 1"),
        (lambda: LogUniform(0, 1), "lower: is 0; a number above zero"),
        (lambda: Categorical((0, 1), (0.5, 0.6)), "probabilities: are .* with a sum of 1.1"),
        (lambda: Categorical((0, 1), (0.5,)), "probabilities: has 1 entries; one probability for each of 2"),
        (lambda: Categorical((1, 1), (0.5, 0.5)), "values: are .* in which one value occurs twice"),
        (lambda: Empirical(()), "values: is .*at least one"),
        (lambda: Fixed("x"), "value: is"),  # type: ignore[arg-type]
        (lambda: Truncated(Uniform(0, 1), 2, 3), r"lower, upper: \[2, 3\] has no probability; limits within .* from 0 to 1"),
        (lambda: Truncated(3), "of: is int"),  # type: ignore[arg-type]
        (lambda: Mixture((Normal(0, 1),), (1.0,)), "components: has fewer than two"),
        (lambda: Mixture((TWO_KINDS, Normal(0, 1)), (0.5, 0.5)), "none of them a mixture"),
    ],
)
def test_wrong_distributions(make: object, message: str) -> None:
    with pytest.raises(PopulationError, match=message):
        make()  # type: ignore[operator]
