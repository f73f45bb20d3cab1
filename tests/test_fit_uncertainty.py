"""How sure a fit is: profiles, bootstrap, posterior, several starts; against closed forms and against each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import f as f_distribution
from scipy.stats import norm

import immunoode as imo
from immunoode.fitting.minimise import minimise
from immunoode.fitting.result import FitResult
from tests.population_models import decay_model, decays
from tests.test_fit_result import fitted
from tests.toy_predictor import MODEL, RATES, objective, simulated


def linear(count: int = 8, seed: int = 1, **how: object) -> FitResult:
    """A constant level that is measured `count` times: everything is known in closed form."""
    import pandas as pd

    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "subject": "a",
            "arm": "a",
            "time": np.arange(1.0, count + 1),
            "quantity": "drug",
            "value": 10 + random.standard_normal(count),
            "unit": "mg",
        }
    )
    return imo.fit(
        decay_model(),
        table,
        ["amount"],
        parameters={"rate": 1e-9},
        error="additive",
        log=False,
        start=0.0,
        bounds={"amount": (1.0, 30.0)},
        progress=False,
        **how,
    )  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def result() -> FitResult:
    return fitted(simulated(20), per_arm=["rate"])


def test_profile_of_a_mean_is_the_t_interval() -> None:
    """With one error size the thresholds are exact: the interval is Student's."""
    from scipy.stats import t

    found = linear()
    y = found.observations.value
    half = t.ppf(0.975, len(y) - 1) * y.std(ddof=1) / np.sqrt(len(y))
    row = found.profile(progress=False).intervals().loc["amount"]
    assert (row["lower"], row["upper"]) == pytest.approx((y.mean() - half, y.mean() + half), rel=1e-3)
    assert row["verdict"] == "identifiable"


def test_profiles_have_both_thresholds(result: FitResult) -> None:
    found = result.profile(confidence=0.9, progress=False)
    n, p = len(result.observations), 2
    for one in found.values():
        assert one.pointwise == pytest.approx(n * np.log1p(f_distribution.ppf(0.9, 1, n - p) / (n - p)))
        assert one.simultaneous == pytest.approx(n * np.log1p(2 * f_distribution.ppf(0.9, 2, n - p) / (n - p)))
        assert one.rise.max() > one.simultaneous and one.ends == ("threshold", "threshold")
        assert (np.diff(one.values) > 0).all() and one.rise.min() == 0
        outer = found.intervals().loc[one.name]
        assert outer["simultaneous_lower"] < outer["lower"] < outer["value"] < outer["upper"] < outer["simultaneous_upper"]
    assert set(found.to_frame().columns) == {"parameter", "value", "rise"}
    assert len(found.plot()) == 2


@pytest.mark.slow
def test_a_profile_says_what_is_not_identifiable() -> None:
    """Shift and start of a curve that has not moved yet: only their sum is seen."""
    data = simulated(6).select(quantity="y")
    import pandas as pd

    frame = pd.DataFrame(data.frame)
    data = imo.read_trial(frame[frame["time"] <= 7][["subject", "arm", "time", "quantity", "value", "unit"]])
    target = objective(data, "additive", vary=["rate", "shift"], bounds={"rate": (1e-4, 0.2)})
    found = FitResult(MODEL, data, target, target.predict, minimise(target))
    verdicts = found.profile(progress=False).intervals()["verdict"]
    assert any(v != "identifiable" for v in verdicts)


@pytest.mark.slow
def test_the_bootstrap_agrees_with_the_covariance(result: FitResult) -> None:
    for kind in ("parametric", "cases"):
        found = result.bootstrap(150, kind=kind, progress=False)  # type: ignore[arg-type]
        assert len(found) == 150 and not found.failed
        table, wald = found.intervals(), result.confidence()
        sd = [float(result.lmfit.params[n].stderr) for n in table.index]
        np.testing.assert_allclose(table["standard_error"], sd, rtol=0.35)
        assert (table["lower"] < wald["value"]).all() and (table["upper"] > wald["value"]).all()


def test_the_bootstrap_does_not_depend_on_threads(result: FitResult) -> None:
    one, two = (result.bootstrap(10, threads=k, progress=False).drawn for k in (1, 2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_bands_of_draws_are_like_those_of_the_covariance(result: FitResult) -> None:
    times = [14.0, 42.0]
    ours = result.bootstrap(200, progress=False).bands(times, by="arm")
    theirs = result.bands(times, by="arm")
    np.testing.assert_allclose(ours["predicted"], theirs["predicted"])
    np.testing.assert_allclose(ours["upper"] - ours["lower"], theirs["upper"] - theirs["lower"], rtol=0.4)


@pytest.mark.slow
def test_censored_data_are_simulated_censored() -> None:
    found = fitted(simulated(20, limit=8.0), "combined", per_arm=["rate"])
    draws = found.bootstrap(20, progress=False)
    assert len(draws) == 20
    assert np.median(draws.to_frame()["rate__arm_1"]) == pytest.approx(RATES[1], rel=0.1)


@pytest.mark.slow
def test_the_posterior_of_a_mean_is_students() -> None:
    pytest.importorskip("emcee")
    from scipy.stats import t

    found = linear(12)
    draws = found.posterior(2200, progress=False)
    y = found.observations.value
    exact = t(len(y) - 1, y.mean(), y.std(ddof=1) / np.sqrt(len(y)))
    table = draws.to_frame()["amount"]
    for share in (0.025, 0.25, 0.5, 0.75, 0.975):
        assert np.quantile(table, share) == pytest.approx(exact.ppf(share), abs=0.07)
    assert not draws.failed and 0.2 < draws.facts["acceptance"] < 0.9
    assert draws.plot().shape == (1, 1)


@pytest.mark.slow
def test_a_short_chain_says_so() -> None:
    pytest.importorskip("emcee")
    draws = linear().posterior(60, progress=False)
    assert "few" in draws.failed[0] and "Warning: 60 steps are too few" in draws.report()
    with pytest.raises(imo.errors.FitError, match="no Markov chains"):
        linear().bootstrap(3, progress=False).to_arviz()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_posterior_goes_to_arviz_and_makes_bands() -> None:
    pytest.importorskip("emcee")
    arviz = pytest.importorskip("arviz")
    draws = linear().posterior(100, walkers=8, burn=40, progress=False)
    found = draws.to_arviz().posterior
    assert dict(found.sizes) == {"chain": 8, "draw": 60}
    np.testing.assert_array_equal(found["amount"].to_numpy().T.ravel(), draws.to_frame()["amount"])
    assert "log_error_scale__drug" in found and arviz.summary(draws.to_arviz()).shape[0] == 2
    band = draws.bands([1.0])
    assert (band["lower"] < band["predicted"]).all() and (band["predicted"] < band["upper"]).all()


@pytest.mark.slow
def test_several_starts_lead_to_one_minimum() -> None:
    data = decays(6, sd=(0.0, 0.3))
    found = imo.fit(decay_model(), data, ["rate", "amount"], starts=8, start=0.0, progress=False)
    starts = found.starts
    assert starts is not None and len(starts) == 8 and starts.agreeing >= 6
    assert starts.to_frame()["rise"].iloc[0] == 0 and starts.plot().get_yscale() == "log"
    assert f"{starts.agreeing} of 8 starts" in found.report()
    with pytest.raises(imo.errors.FitError, match="whole number"):
        imo.fit(decay_model(), data, ["rate"], starts=0)


@pytest.mark.slow
def test_priors_are_observations_of_parameters() -> None:
    """A normal mean with a normal prior: the posterior mean is weighted by precisions."""
    plain = linear()
    y, s = plain.observations.value, plain.least_squares.errors[0].scale.s
    found = linear(priors={"amount": ("normal", 12.0, 0.3)})
    s = found.least_squares.errors[0].scale.s
    precise, known = len(y) / s**2, 1 / 0.3**2
    assert found.values["amount"] == pytest.approx((precise * y.mean() + known * 12.0) / (precise + known), rel=1e-4)
    again = linear(priors=plain)
    sd = float(plain.lmfit.params["amount"].stderr)
    s = again.least_squares.errors[0].scale.s
    assert again.values["amount"] == pytest.approx(y.mean(), rel=1e-6)
    assert again.lmfit.params["amount"].stderr < sd


def test_constraints_are_expressions_of_lmfit(result: FitResult) -> None:
    found = fitted(simulated(20), per_arm=["rate"], constraints={"rate__arm_1": "2.5 * rate__arm_0"})
    assert found.values["rate__arm_1"] == pytest.approx(2.5 * found.values["rate__arm_0"])
    assert found.lmfit.nvarys == 1 and found.success
    assert found.values["rate__arm_0"] == pytest.approx(RATES[0], rel=0.05)
    target = found.least_squares
    parameters = found.lmfit.params.copy()
    ours = target.jacobian(parameters)
    ends = []
    for sign in (-1, 1):
        moved = target.parameterisation.set_varied(
            parameters.copy(), ["log_rate__arm_0"], [parameters["log_rate__arm_0"].value + sign * 1e-5]
        )
        ends.append(target(moved))
    np.testing.assert_allclose(ours[:, 0], (ends[1] - ends[0]) / 2e-5, rtol=1e-3, atol=1e-4)


def test_covariates_shift_parameters() -> None:
    import pandas as pd

    random = np.random.default_rng(5)
    weight = 70 * np.exp(0.3 * random.standard_normal(24))
    rows = [
        (
            f"s{i}",
            "a",
            float(t),
            "drug",
            10 * np.exp(-0.2 * (w / 70) ** 0.75 * t) * np.exp(0.05 * random.standard_normal()),
            "mg",
            w,
        )
        for i, w in enumerate(weight)
        for t in range(1, 8)
    ]
    table = pd.DataFrame(rows, columns=["subject", "arm", "time", "quantity", "value", "unit", "weight"])
    data = imo.read_trial(table.drop(columns="weight"), covariates=table.groupby("subject")[["weight"]].first())
    found = imo.fit(decay_model(), data, ["rate", "amount"], covariates={"rate": "log(weight / 70)"}, start=0.0, progress=False)
    (name,) = [n for n in found.lmfit.var_names if n.startswith("rate__")]
    power = found.lmfit.params[name]
    assert power.value == pytest.approx(0.75, abs=4 * power.stderr) and power.stderr < 0.05
    assert name in found.to_frame().index


@pytest.mark.slow
def test_students_t_withstands_outliers() -> None:
    import pandas as pd

    frame = pd.DataFrame(simulated(20).frame)[["subject", "arm", "time", "quantity", "value", "unit"]]
    wild = frame.copy()
    late = wild.index[(wild["time"] == 42) & (wild["arm"] == "arm 1")]
    wild.loc[late[::3], "value"] *= 6.0
    spoilt, robust = (fitted(imo.read_trial(wild), "lognormal", per_arm=["rate"], student=d) for d in (None, 3.0))
    off = [abs(np.log(r.values["rate__arm_1"] / RATES[1])) for r in (spoilt, robust)]
    assert off[1] < 0.3 * off[0]
    assert robust.deviance < spoilt.deviance and "Student" in robust.report()


@pytest.mark.slow
def test_every_likelihood_is_at_its_maximum() -> None:
    """Moving any parameter or the scale from where the fit ended makes it no better, with and without censoring."""
    for student in (None, 4.0):
        for error in ("additive", "proportional", "combined", "lognormal"):
            found = fitted(simulated(16, additive=0.5, limit=6.0), error, per_arm=["rate"], student=student)
            best, target = found.deviance, found.least_squares
            for name in found.lmfit.var_names:
                for step in (-2e-3, 2e-3):
                    moved = target.parameterisation.set_varied(
                        found.lmfit.params.copy(), [name], [found.lmfit.params[name].value + step]
                    )
                    moved.update_constraints()
                    assert target.deviance(moved) > best - 1e-3, (error, student, name)


@pytest.mark.slow
def test_autocorrelated_residuals_are_named() -> None:
    import pandas as pd

    rows = [
        (f"s{i}", "a", float(t), "drug", 10 * np.exp(-0.2 * t) + 0.6 * np.sin(t), "mg")
        for i in range(5)
        for t in np.arange(0.5, 8, 0.25)
    ]
    data = pd.DataFrame(rows, columns=["subject", "arm", "time", "quantity", "value", "unit"])
    found = imo.fit(decay_model(), data, ["rate", "amount"], error="additive", start=0.0, progress=False)
    assert any("residuals keep their sign" in line for line in found.warnings())
    assert not any("lack of fit" in line for line in fitted(simulated(20), per_arm=["rate"]).warnings())


@pytest.mark.slow
def test_results_are_read_back_to_the_last_digit(tmp_path: Path) -> None:
    data = decays(5, sd=(0.0, 0.3))
    found = imo.fit(decay_model(), data, ["rate"], per_subject=["amount"], start=0.0, starts=2, progress=False)
    back = imo.load_fit(found.save(tmp_path / "one.fit"))
    assert back.report() == found.report() and back.fingerprint == found.fingerprint
    np.testing.assert_array_equal(back.lmfit.covar, found.lmfit.covar)
    np.testing.assert_array_equal(back.fitted, found.fitted)
    assert back.data.frame.equals(found.data.frame) and back.model == found.model
    assert back.profile("rate", progress=False).intervals().equals(found.profile("rate", progress=False).intervals())
    other = imo.fit(decay_model(), data, ["rate"], per_subject=["amount"], start=0.0, error="lognormal", progress=False)
    assert other.fingerprint != found.fingerprint


@pytest.mark.parametrize("content", [b"", b"PK", b"\x1f\x8b broken"])
def test_what_is_no_result_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.fit").write_bytes(content)
    with pytest.raises(imo.errors.FitError, match="not a saved fit"):
        imo.load_fit(tmp_path / "x.fit")
    with pytest.raises(imo.errors.FitError, match="does not exist"):
        imo.load_fit(tmp_path / "y.fit")


def test_nothing_but_this_package_is_made_from_a_file(tmp_path: Path) -> None:
    import gzip
    import json

    for name in ("os:system", "immunoode.fitting.fit:fit", "immunoode.fitting.saving:json"):
        bad = {"format": 1, "immunoode": "", "objects": [{"class": name, "fields": {}}], "result": {"object": 0}}
        (tmp_path / "x.fit").write_bytes(gzip.compress(json.dumps(bad).encode()))
        with pytest.raises(imo.errors.FitError, match="is not a (class|result) of immunoode"):
            imo.load_fit(tmp_path / "x.fit")


@pytest.fixture(scope="module")
def pair() -> imo.fitting.FitComparison:
    data = simulated(20)
    return imo.fitting.compare_fits({"one rate": fitted(data, vary=["rate"]), "by arm": fitted(data, per_arm=["rate"])})


@pytest.mark.slow
def test_models_are_compared(pair: imo.fitting.FitComparison) -> None:
    table = pair.to_frame()
    assert table.index[0] == "by arm" and table["weight"].sum() == pytest.approx(1) and table["delta"].iloc[0] == 0
    gain, more, p = pair.likelihood_ratio("one rate", "by arm")
    assert more == 1 and p < 1e-10 and gain == pytest.approx(np.diff(sorted(table["deviance"]))[0])
    mean = pair.predict([0.0, 30.0])
    np.testing.assert_allclose(mean["predicted"], pair.fits["by arm"].predict([0.0, 30.0])["predicted"], rtol=1e-6)
    assert pair.plot().get_xlabel().startswith("AICc")
    with pytest.raises(imo.errors.FitError, match="more parameters"):
        pair.likelihood_ratio("by arm", "one rate")
    with pytest.raises(imo.errors.FitError, match="different observations"):
        imo.fitting.compare_fits([pair.fits["by arm"], fitted(simulated(20, seed=3), per_arm=["rate"])])


@pytest.mark.slow
def test_cross_validation_prefers_the_truth(pair: imo.fitting.FitComparison) -> None:
    one, two = (pair.fits[n].cross_validate(5, progress=False) for n in ("one rate", "by arm"))  # type: ignore[attr-defined]
    assert two.deviance < one.deviance and len(two.deviances) == 20
    assert two.deviance == pytest.approx(pair.fits["by arm"].deviance, abs=15)
    with pytest.raises(imo.errors.FitError, match="differs between subjects"):
        fitted(simulated(6), per_subject=["rate"]).cross_validate(3)


@pytest.mark.slow
def test_wald_intervals_of_a_known_scale() -> None:
    """The covariance, the profile and the bootstrap of a mean of many observations agree with the normal interval."""
    found = linear(200)
    half = norm.ppf(0.975) / np.sqrt(200)
    for row in (
        found.confidence().loc["amount"],
        found.profile(progress=False).intervals().loc["amount"],
        found.bootstrap(400, progress=False).intervals().loc["amount"],
    ):
        assert row["upper"] - row["lower"] == pytest.approx(2 * half, rel=0.15)


def test_likelihood_bands_of_a_mean_are_students() -> None:
    """For a linear model they are the covariance's, and those of the profile's ends."""
    found = linear()
    ours, theirs = (found.bands([1.0, 5.0], method=m) for m in ("likelihood", "delta"))
    row = found.profile(progress=False).intervals().loc["amount"]
    np.testing.assert_allclose(ours["lower"], row["lower"], rtol=1e-3)
    np.testing.assert_allclose(ours["upper"], row["upper"], rtol=1e-3)
    np.testing.assert_allclose(ours["upper"] - ours["lower"], theirs["upper"] - theirs["lower"], rtol=0.02)


def test_likelihood_bands_are_the_curves_at_the_ends_of_a_profile() -> None:
    data = decays(2, sd=(0.0, 0.1))
    found = imo.fit(decay_model(), data, ["rate"], error="lognormal", start=0.0, baseline=False, progress=False)
    row = found.profile(progress=False).intervals().loc["rate"]
    band = found.bands([2.0, 6.0], by="arm", method="likelihood")
    for end, curve in (("lower", "upper"), ("upper", "lower")):
        expected = 10 * np.exp(-row[end] * np.array([2.0, 6.0]))
        np.testing.assert_allclose(band[curve], expected, rtol=2e-3)


@pytest.mark.slow
def test_likelihood_bands_hold_the_extremes_of_the_confidence_region() -> None:
    """The largest and the least curve on the border of what the data do not contradict, searched in all directions."""
    from immunoode.fitting.uncertainty.likelihood_bands import costs_of
    from immunoode.fitting.uncertainty.profile import thresholds

    found = imo.fit(decay_model(), decays(2, sd=(0.0, 0.2)), ["rate", "amount"], error="lognormal", start=0.0, progress=False)
    best = np.array([float(found.lmfit.params[n].value) for n in found.lmfit.var_names])
    allowed = found.least_squares.cost(found.lmfit.params) + thresholds(found, 0.95)[0]
    angle = np.linspace(0, 2 * np.pi, 241)
    rays = np.column_stack([np.cos(angle), np.sin(angle)]) @ np.linalg.cholesky(found.covariance().to_numpy()).T
    near, far = np.zeros(len(angle)), np.full(len(angle), 10.0)
    for _ in range(25):
        middle = (near + far) / 2
        costs = costs_of(found.least_squares, found.lmfit.params, list(found.lmfit.var_names), best + middle[:, None] * rays)
        near, far = np.where(costs < allowed, middle, near), np.where(costs < allowed, far, middle)
    border = best + near[:, None] * rays
    band = found.bands([1.0, 7.0], by="arm", method="likelihood")
    for i, day in enumerate((1.0, 7.0)):
        curves = border[:, 1] - np.exp(border[:, 0]) * day
        width = curves.max() - curves.min()
        assert np.log(band["lower"][i]) == pytest.approx(curves.min(), abs=0.02 * width)
        assert np.log(band["upper"][i]) == pytest.approx(curves.max(), abs=0.02 * width)


def test_a_profile_ends_where_nothing_can_be_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known up to there is kept, and the verdict says why there is no more."""
    from tests.toy_predictor import Toy

    found, whole = fitted(simulated(20), vary=["rate"]), Toy.formula
    edge = found.values["rate"] * (1 + 0.3 * found.lmfit.params["rate"].stderr / found.values["rate"])

    def failing(self: Toy, values: np.ndarray, subject: object, days: np.ndarray) -> np.ndarray:
        made = whole(self, values, subject, days)
        return np.where(values[:, :1, 0] > edge, np.nan, made)

    monkeypatch.setattr(Toy, "formula", failing)
    profile = found.profile("rate", progress=False)["rate"]
    assert profile.ends == ("threshold", "failed") and "simulations fail" in profile.verdict
    low, high = profile.limits(profile.pointwise)
    assert 0 < low < profile.best and high == np.inf
