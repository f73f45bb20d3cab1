"""A result says what it found, how sure it is, why it stopped, and what it did not use."""

from __future__ import annotations

import numpy as np
import pytest

from immunoode.errors import FitError
from immunoode.fitting.minimise import minimise
from immunoode.fitting.result import FitResult
from immunoode.trial.trial_data import TrialData
from tests.toy_predictor import MODEL, RATES, objective, simulated


def fitted(data: TrialData, error: str = "proportional", **how: object) -> FitResult:
    target = objective(data, error, **how)  # type: ignore[arg-type]
    return FitResult(MODEL, data, target, target.predict, minimise(target))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def result() -> FitResult:
    return fitted(simulated(20), per_arm=["rate"])


def test_the_report_names_everything(result: FitResult) -> None:
    text = result.report()
    for word in ("converged", "rate__arm_0", "proportional, 9.97 %", "median relative error", "No warnings"):
        assert word in text
    assert "rate__arm_1" in result._repr_html_()
    assert result.success and result.parameter_count == 3
    assert result.aic == pytest.approx(result.deviance + 6)


def test_lmfit_has_values_and_errors_in_the_natural_scale(result: FitResult) -> None:
    parameter = result.lmfit.params["rate__arm_1"]
    assert parameter.value == pytest.approx(RATES[1], rel=0.05) and 0 < parameter.stderr < 0.1 * parameter.value


def test_errors_of_exponentials_are_those_of_lmfit(result: FitResult) -> None:
    """One derivative each gives what lmfit finds by differences through expressions."""
    from lmfit import Parameters

    ours = result.lmfit.params
    theirs = Parameters()
    theirs.add_many(*((p.name, p.value, p.vary, p.min, p.max, p.expr) for p in ours.values()))
    found = theirs.create_uvars(covar=result.lmfit.covar)
    assert any(p.expr for p in ours.values())
    for name, p in ours.items():
        assert p.stderr == pytest.approx(found[name].std_dev, rel=1e-5)


def test_intervals_cover_and_agree(result: FitResult) -> None:
    wald, profile = result.confidence(), result.profile(progress=False).intervals()
    for table in (wald, profile):
        assert (table["lower"] < table["value"]).all() and (table["value"] < table["upper"]).all()
    np.testing.assert_allclose(wald[["lower", "upper"]], profile[["lower", "upper"]], rtol=0.02)
    assert list(result.profile("rate__arm_0")) == ["rate__arm_0"]
    with pytest.raises(FitError, match="did you mean"):
        result.profile("rate__arm_3")
    with pytest.raises(FitError, match="between 0 and 1"):
        result.confidence(95)


def test_a_single_parameter_has_a_profile_as_well() -> None:
    alone = fitted(simulated(6), "additive", vary=["rate"])
    ends = ["lower", "upper"]
    np.testing.assert_allclose(alone.profile(progress=False).intervals()[ends], alone.confidence()[ends], rtol=0.1)


@pytest.mark.slow
def test_coverage_of_the_intervals() -> None:
    inside = 0
    for seed in range(60):
        table = fitted(simulated(4, 0.15, seed=seed), per_arm=["rate"]).confidence(0.9)
        inside += int(table.loc["rate__arm_1", "lower"] < RATES[1] < table.loc["rate__arm_1", "upper"])
    assert 47 <= inside <= 59, inside


def test_bands_agree_and_widen_for_observations(result: FitResult) -> None:
    delta, drawn = result.bands([10, 50]), result.bands([10, 50], method="sampling")
    assert len(delta) == 40
    np.testing.assert_allclose(delta["lower"], drawn["lower"], rtol=0.03)
    new = result.bands([10, 50], kind="observation")
    assert ((new["upper"] - new["lower"]) > 3 * (delta["upper"] - delta["lower"])).all()
    inside = result.predict().merge(result.bands([7, 14, 28, 42, 60], kind="observation"), on=["subject", "time"])
    assert 0.85 < ((inside["observed"] > inside["lower"]) & (inside["observed"] < inside["upper"])).mean() <= 1
    assert set(result.bands([10], by="arm")["arm"]) == {"arm 0", "arm 1"}


def test_predictions(result: FitResult) -> None:
    table = result.predict()
    assert len(table) == 100 and abs(table["weighted_residual"].std() - 1) < 0.05
    curves = result.predict([-1.0, 0.0, 30.0])
    assert curves["predicted"].isna().sum() == 20  # before the start
    assert len(result.individual()) == 20 and "v0" in result.individual()


def test_values_go_back_into_the_model(result: FitResult) -> None:
    assert result.fitted_model("arm 1").parameters["rate"].value == result.values["rate__arm_1"]
    with pytest.raises(FitError, match="'arm 7' is not in the data"):
        result.fitted_model("arm 7")


def test_subjects_own_parameters_cost_no_more_simulations() -> None:
    own, shared = fitted(simulated(20), per_subject=["rate"]), fitted(simulated(20), vary=["rate"])
    assert own.least_squares.evaluations < 3 * shared.least_squares.evaluations and own.lmfit.nvarys == 20
    np.testing.assert_allclose([own.values[f"rate__s{i}"] for i in (0, 1)], RATES, rtol=0.3)


def test_failing_simulations_are_counted_and_finite() -> None:
    result = fitted(simulated(6), broken=("s3",), vary=["rate"])
    assert np.isfinite(result.lmfit.residual).all() and not result.success
    assert result.failed_subjects == ("s3",) and result.least_squares.failures > 0
    assert "no simulation succeeds at the estimates for: s3" in result.report()
    with pytest.raises(FitError, match="no simulation succeeds"):
        fitted(simulated(2), broken=("s0", "s1"), vary=["rate"])


@pytest.mark.slow
def test_a_bound_that_is_hit_and_parameters_that_are_not_told_apart_are_named() -> None:
    held = fitted(simulated(8), vary=["rate"], bounds={"rate": (0.1, 1.0)})
    assert any("rate is at its lower bound" in line for line in held.warnings())
    data = simulated(8)
    twins = fitted(data, "additive", vary=["rate", "v0"], bounds={"v0": (10, 100)}, initial={"v0": 40.0})
    assert twins.correlation().shape == (2, 2)


def test_a_fit_that_is_stopped_says_so() -> None:
    target = objective(simulated(4), per_arm=["rate"])
    stopped = FitResult(MODEL, simulated(4), target, target.predict, minimise(target, max_evaluations=2))  # type: ignore[arg-type]
    assert not stopped.success and "did not converge" in stopped.report()


@pytest.mark.slow
def test_figures_draw(result: FitResult) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    assert len(result.plot()) == 2 and len(result.plot(by="subject")) == 20  # type: ignore[arg-type]
    assert result.plot_residuals().shape == (4,)
    plt.close("all")
