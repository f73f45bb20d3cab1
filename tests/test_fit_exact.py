"""Likelihoods against their closed forms, derivatives against complex steps, what is censored against what it says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_ndtr
from scipy.stats import norm, t

import immunoode as imo
from immunoode.fitting.least_squares import LeastSquares
from immunoode.fitting.likelihood import ErrorModel, Scale
from tests.long_forms import spread
from tests.population_models import decay_model

KINDS = ("additive", "proportional", "combined", "lognormal")
STEP = 1e-30


def decays(censored: bool) -> pd.DataFrame:
    """Return amounts of two subjects over days, some known only to lie below a limit, above one, or between two."""
    random = np.random.default_rng(2)
    rows = []
    for s in range(2):
        for k, day in enumerate(np.arange(0.5, 10, 0.5)):
            value = 10 * np.exp(-0.25 * day) * np.exp(0.2 * random.standard_normal())
            how = ("", "", "left", "right", "interval")[k % 5] if censored else ""
            shift = {"left": 1.3, "right": 0.7, "interval": 1.2}.get(how, 1.0)
            rows.append((f"s{s}", "a", day, "drug", value * shift, "mg", how, 0.8 * value if how == "interval" else np.nan))
    return pd.DataFrame(rows, columns=["subject", "arm", "time", "quantity", "value", "unit", "censoring", "limit"])


def fit(kind: str, censored: bool) -> imo.FitResult:
    return imo.fit(decay_model(), decays(censored), ["rate", "amount"], error=kind, start=0.0, rtol=1e-11, progress=False)


def residual_law(target: LeastSquares, kind: str) -> Callable[..., np.ndarray]:
    """Return the residuals as a formula of log(rate), log(amount) and log(ratio), which takes complex numbers."""
    (model,), seen = target.errors, target.observations
    y, low, days, s = seen.value, seen.lower, seen.time, model.scale.s
    measured = seen.censoring == 0

    def law(log_rate: complex, log_amount: complex, log_ratio: complex = 0.0) -> np.ndarray:
        f = np.exp(log_amount - np.exp(log_rate) * days)
        w = {"proportional": f, "combined": np.sqrt(f**2 + np.exp(2 * log_ratio))}.get(kind, np.ones_like(f))
        r, below = (np.log(x / f) if kind == "lognormal" else (x - f) / w for x in (y, np.maximum(low, 1e-300)))
        lift = np.exp(model.scale.k * (np.mean(np.log(w[measured])) - model.scale.centre))
        hidden = {-1: log_ndtr(r / s), 1: log_ndtr(-r / s), 2: np.log(np.exp(log_ndtr(r / s)) - np.exp(log_ndtr(below / s)))}
        z = r / s * lift
        for how, log_p in hidden.items():
            z = np.where(seen.censoring == how, np.sqrt(-2 * log_p + 0j), z)
        return z

    return law


@pytest.mark.parametrize("censored", [False, True])
@pytest.mark.parametrize("kind", spread(KINDS, 2))
def test_derivatives_of_a_simulated_fit_are_those_of_complex_steps(kind: str, censored: bool) -> None:
    """From the solver's sensitivities through weights, logarithms and censoring, to nine digits."""
    target = fit(kind, censored).least_squares
    parameters = target.parameters()
    target(parameters)
    target.update_scales(parameters)
    names = [n for n, p in parameters.items() if p.vary]
    at = np.array([float(parameters[n].value) for n in names])
    law = residual_law(target, kind)
    np.testing.assert_allclose(target(parameters), law(*at).real, rtol=1e-8, atol=1e-8)
    slopes = np.array([law(*(at + 1j * STEP * (np.arange(len(at)) == j))).imag / STEP for j in range(len(at))]).T
    np.testing.assert_allclose(target.jacobian(parameters), slopes, rtol=1e-7, atol=1e-8 * np.abs(slopes).max())


@pytest.mark.parametrize("student", [None, 4.0])
@pytest.mark.parametrize("kind", spread(KINDS, 2))
def test_the_deviance_is_the_closed_form(kind: str, student: float | None) -> None:
    """Every constant included: density of what was measured, probability of what is censored."""
    found = imo.fit(decay_model(), decays(True), ["rate", "amount"], error=kind, student=student, start=0.0, progress=False)
    seen, f, s = found.observations, found.fitted, found.least_squares.errors[0].scale.s
    law = norm if student is None else t(student)
    w = {"proportional": f, "combined": np.hypot(f, found.ratios[0])}.get(kind, np.ones_like(f))
    r, low = ((np.log(x / f) if kind == "lognormal" else (x - f) / w) / s for x in (seen.value, np.maximum(seen.lower, 1e-300)))
    density = law.logpdf(r) - np.log(s * w) - (np.log(seen.value) if kind == "lognormal" else 0.0)
    parts = [density, law.logcdf(r), law.logsf(r), np.log(law.cdf(r) - law.cdf(low))]
    every = np.select([seen.censoring == c for c in (0, -1, 1, 2)], parts)
    assert found.deviance == pytest.approx(-2 * every.sum(), rel=1e-10)


@pytest.mark.parametrize("student", [np.inf, 4.0])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("censoring", "sign"), [(-1, 1), (1, -1)])
def test_the_sign_of_what_is_censored(kind: str, student: float, censoring: int, sign: int) -> None:
    """A prediction above a lower limit of quantification costs, and the more the higher it is; above "more than", nothing."""
    model = ErrorModel(
        kind, np.array([0]), np.array([1.0]), np.array([censoring]), np.array([0.0]), 1e-9, "ratio", Scale(0.2), student
    )
    costs = [model.deviance(np.array([f]), 0.5) * sign for f in (0.05, 0.5, 1.0, 2.0, 4.0)]
    assert (np.diff(costs) > -1e-12).all() and costs[-1] - costs[0] > 1.0
    assert abs(model.deviance(np.array([1.0]), 0.5)) == pytest.approx(-2 * np.log(0.5))


@pytest.mark.slow
def test_an_unmeasurable_tumour_pulls_the_curve_down_and_a_saturated_assay_up() -> None:
    """The same numbers as measured, as upper and as lower limits: the order of the rates is the sign's."""
    rates = {}
    for how in ("", "left", "right"):
        table = decays(False)
        late = table["time"] > 6
        table.loc[late, "censoring"] = how
        rates[how] = imo.fit(decay_model(), table, ["rate"], error="lognormal", start=0.0, progress=False).values["rate"]
    assert rates["right"] < rates[""] < rates["left"]
