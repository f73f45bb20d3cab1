"""What reports of fits say is true: bounds, correlations, intervals, counts, and how well the model fits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.fitting.lack_of_fit import lack_of_fit
from immunoode.fitting.termination import gauss_newton_covariance
from immunoode.model.components import Compartment, Flow, Parameter
from immunoode.model.model import Model
from tests.long_forms import spread
from tests.test_fit_result import fitted
from tests.toy_predictor import simulated

DAYS = np.array([0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 17.0, 20.0])


def elimination(bounds: tuple[float, float] = (1e-3, 10.0), extra: float | None = None) -> Model:
    """Return 10 mg that are eliminated, and optionally a second way out."""
    parameters = {"rate": Parameter(0.3, "1/day", bounds)}
    flows = {"out": Flow("drug", per_capita="rate")}
    if extra is not None:
        parameters["extra"] = Parameter(extra, "1/day", (0.0, 1e6))
        flows["extra"] = Flow("drug", per_capita="extra")
    return Model("elimination", "base", parameters=parameters, compartments={"drug": Compartment("mg", 10.0)}, flows=flows)


def table(values: np.ndarray, subject: str = "a") -> pd.DataFrame:
    return pd.DataFrame({"subject": subject, "time": DAYS, "quantity": "drug", "value": values, "unit": "mg"})


def noise(seed: int = 0) -> np.ndarray:
    return np.exp(0.02 * np.random.default_rng(seed).normal(size=len(DAYS)))


def test_a_value_near_one_end_of_wide_bounds_is_not_at_its_bound() -> None:
    """A rate of 0.3 within (0, 100) is determined: nothing held it."""
    result = imo.fit(elimination((0.0, 100.0)), table(10 * np.exp(-0.3 * DAYS) * noise()), ["rate"], start=0.0, log=False)
    assert result.to_frame()["beware"].tolist() == [""]
    assert result.values["rate"] == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize("log", spread([True, False], 1))
@pytest.mark.parametrize(("bounds", "side"), [((0.5, 1.0), "lower"), ((0.01, 0.2), "upper")])
@pytest.mark.parametrize("method", ["least_squares", "leastsq"])
def test_a_bound_that_stopped_the_fit_is_named(bounds: tuple[float, float], side: str, log: bool, method: str) -> None:
    data = table(10 * np.exp(-0.3 * DAYS) * noise())
    inside = {"rate": {"lower": 0.55, "upper": 0.15}[side]}
    result = imo.fit(elimination(bounds), data, ["rate"], start=0.0, log=log, method=method, initial=inside)
    assert result.to_frame()["beware"].tolist() == [f"at its {side} bound"]


def test_looking_at_a_fit_changes_no_number_in_its_report() -> None:
    result = imo.fit(elimination(), table(10 * np.exp(-0.3 * DAYS) * noise()), ["rate"], start=0.0)
    first, count = result.report(), result.least_squares.evaluations
    result.predict([1.0, 2.0])
    result.bands(by="subject")
    assert result.report() == first and result.least_squares.evaluations == count


def test_correlations_are_within_one_whatever_the_data_determine() -> None:
    random = np.random.default_rng(0)
    for apart in (1e-3, 1e-6, 1e-9, 0.0):
        one = random.normal(size=20)
        jacobian = np.column_stack([one, one + apart * random.normal(size=20), 1e-8 * random.normal(size=20), np.zeros(20)])
        found = gauss_newton_covariance(random.normal(size=20), jacobian, 16)
        sd = np.sqrt(np.diag(found))
        assert np.isfinite(found).all() and (np.abs(found / np.outer(sd, sd)) < 1 + 1e-9).all()
        assert sd[3] > 1e6 * sd[2] * 1e-8  # what has no effect at all is not determined at all


def test_the_covariance_is_that_of_linear_regression() -> None:
    random = np.random.default_rng(1)
    x, z = random.normal(size=(30, 3)) * [1.0, 1e-4, 1e5], random.normal(size=30)
    expected = z @ z / 27 * np.linalg.inv(x.T @ x)
    np.testing.assert_allclose(gauss_newton_covariance(z, x, 27), expected, rtol=1e-9)


@pytest.mark.slow
def test_an_effect_that_vanished_is_said_not_to_be_determined() -> None:
    """A second way out that data with a single rate do not show: its interval on the logarithm would be all numbers."""
    result = imo.fit(elimination(extra=0.05), table(10 * np.exp(-0.3 * DAYS) * noise()), ["rate", "extra"], start=0.0)
    said = result.to_frame().loc["extra", "beware"]
    assert "not determined by the data" in said
    assert any("not determined by the data" in line for line in result.warnings())


def test_residuals_that_are_errors_pass() -> None:
    result = fitted(simulated(20), per_arm=["rate"])
    assert not any("lack of fit" in line for line in result.warnings())
    assert result.lack_of_fit()["explained"].iloc[0] > 0.95


@pytest.mark.slow
def test_a_curve_that_misses_the_shape_is_named_with_what_to_do() -> None:
    """Data that rise and fall again, and a model that can only fall."""
    wave = (10 * np.exp(-0.1 * DAYS) * (1 + 0.5 * np.sin(DAYS / 2.0))) * noise()
    once = imo.fit(elimination(), table(wave), ["rate"], start=0.0)
    line = next(line for line in once.warnings() if "lack of fit of drug" in line)
    assert once.success and "smooth curve" in line and "starts=8" in line and "lack of fit" in once.report()
    again = imo.fit(elimination(), table(wave), ["rate"], start=0.0, starts=4)
    line = next(line for line in again.warnings() if "lack of fit of drug" in line)
    assert "starts agree, so the model lacks a feature that the data show" in line and "starts=8" not in line


@pytest.mark.slow
def test_subjects_who_differ_are_named_and_no_longer_when_they_may() -> None:
    data = pd.concat([table(10 * np.exp(-k * DAYS) * noise(i), f"s{i}") for i, k in enumerate((0.1, 0.2, 0.3))])
    shared = imo.fit(elimination(), data, ["rate"], start=0.0)
    assert any("let subjects differ, with per_subject=, or use fit_population" in line for line in shared.warnings())
    own = imo.fit(elimination(), data, per_subject=["rate"], start=0.0)
    assert not any("lack of fit" in line for line in own.warnings())


def test_replicates_tell_pure_error() -> None:
    """F by hand: 4 times, 3 replicates each; means off by 1, replicates apart by 0.1: F = (12 / 3) / (0.08 / 8)."""
    time, f = np.repeat([1.0, 2.0, 3.0, 4.0], 3), np.repeat([4.0, 3.0, 2.0, 1.0], 3)
    residuals = np.repeat([1.0, -1.0, 1.0, -1.0], 3) + np.tile([-0.1, 0.0, 0.1], 4)
    found = lack_of_fit("y", np.arange(12), time, f + residuals, f, residuals, 1)
    from scipy.stats import f as distribution

    assert found.replicates_p == pytest.approx(distribution.sf((12 / 3) / (0.08 / 8), 3, 8), rel=1e-9)
    assert "replicates agree better" in found.evidence()


def test_runs_of_signs_by_hand() -> None:
    """Six below and six above in two runs: 7 are expected, with variance 72 (72 - 12) / (144 * 11)."""
    from scipy.stats import norm

    residuals = np.array([-1.0, -1.2, -0.8, -1.1, -0.9, -1.3, 1.0, 1.2, 0.8, 1.1, 0.9, 1.3])
    found = lack_of_fit("y", np.zeros(12, int), np.arange(12.0), residuals, np.zeros(12), residuals, 1)
    assert (found.runs, found.expected_runs) == (2, 7)
    assert found.runs_p == pytest.approx(norm.cdf((2.5 - 7) / np.sqrt(72 * 60 / (144 * 11))), rel=1e-9)


def test_covariates_that_nothing_uses_are_said() -> None:
    """Age is in the data, but neither in the model nor in `covariates=`; the weight shifts a parameter."""
    data = pd.concat([table(10 * np.exp(-0.3 * DAYS) * noise(i), f"s{i}") for i in range(4)])
    people = pd.DataFrame({"age": [50.0, 60, 70, 80], "weight": [60.0, 70, 80, 90]}, index=[f"s{i}" for i in range(4)])
    trial = imo.read_trial(data, covariates=people)
    one = imo.fit(elimination(), trial, ["rate"], start=0.0, covariates={"rate": "log(weight / 70)"})
    assert one.covariates_not_used == ("age",) and "Unused covariates of the data: age" in one.report()
    how = {"random": ["rate"], "start": 0.0, "method": "focei", "progress": False}
    many = imo.fit_population(elimination(), trial, covariates={"rate": ["log(weight)", "age"]}, **how)  # type: ignore[arg-type]
    assert many.covariates_not_used == () and "Unused covariates" not in many.report()


def test_a_quantity_without_a_unit_is_stated() -> None:
    values = 10 * np.exp(-0.3 * DAYS) * noise()
    silent = imo.fit(elimination(), table(values).assign(unit=""), ["rate"], start=0.0)
    assert "no unit of drug (taken to be in mg)" in silent.report()
    assert "no unit of" not in imo.fit(elimination(), table(values), ["rate"], start=0.0).report()
