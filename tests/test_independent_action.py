"""Independent drug action: the copula, both predictions against simulated patients, verdicts, sources, wrong inputs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import multivariate_normal, norm

import immunoode as imo
from immunoode.combination.gaussian_copula import joint_probability, pearson_of_spearman
from immunoode.combination.rank_correlation import cohort_correlation
from immunoode.combination.step_curve import StepCurve, additive_survival, curve_of, independent_survival
from immunoode.errors import DataError
from immunoode.virtual_population import Cohort, VirtualPatients
from tests.long_forms import spread
from tests.published_data import data_file

FloatArray = NDArray[np.float64]
CORRELATIONS = (-0.5, 0.0, 0.3, 0.8, 1.0)


def curve(scale: float, shape: float, plateau: float = 0.0) -> StepCurve:
    """Return a Weibull curve with a plateau, with steps each week."""
    days = np.arange(7.0, 1000.0, 7.0)
    return curve_of(days, plateau + (1 - plateau) * np.exp(-((days / scale) ** shape)))


FIRST, SECOND = curve(120.0, 1.2), curve(150.0, 0.7, 0.1)


def drawn_times(correlation: float, n: int, seed: int = 5) -> tuple[FloatArray, FloatArray]:
    """Return the times of n patients under both drugs."""
    rng = np.random.default_rng(seed)
    z, e = rng.standard_normal((2, n))
    r = float(pearson_of_spearman(correlation))
    scores = norm.cdf([z, r * z + np.sqrt(1 - r**2) * e])
    at = [np.searchsorted(-c.survival, -u, side="right") for c, u in zip((FIRST, SECOND), scores, strict=True)]
    return (np.append(FIRST.times, np.inf)[at[0]], np.append(SECOND.times, np.inf)[at[1]])


def trial(seed: int, n: int = 150, gain: float = 1.0) -> pd.DataFrame:
    """Return a trial of two drugs and of both, independent of each other; `gain` stretches the times of the combination."""
    rng = np.random.default_rng(seed)
    times = {"A": rng.exponential(150, n), "B": rng.exponential(200, n)}
    times["A + B"] = gain * np.maximum(rng.exponential(150, n), rng.exponential(200, n))
    last = rng.uniform(300, 900, 3 * n)
    table = pd.DataFrame({"arm": np.repeat(list(times), n), "time": np.concatenate(list(times.values()))})
    table["event"] = table["time"] <= last
    return table.assign(time=np.minimum(table["time"], last), endpoint="PFS")


def cut() -> pd.DataFrame:
    """Return a trial whose follow-up ends after 300 days."""
    table = trial(1)
    return table.assign(event=table["event"] & (table["time"] < 300), time=np.minimum(table["time"], 300.0))


@pytest.mark.parametrize("correlation", [-0.95, -0.3, 0.1, 0.3, 0.9, 0.999])
def test_the_copula_is_the_bivariate_normal_distribution(correlation: float) -> None:
    rng = np.random.default_rng(1)
    u, v = np.append(rng.random(40), [0.5, 0.5, 0.5, 0.2, 1e-9]), np.append(rng.random(40), [0.5, 0.2, 0.8, 0.5, 0.4])
    r = float(pearson_of_spearman(correlation))
    pairs = zip(u, v, strict=True)
    exact = [multivariate_normal.cdf(norm.ppf(pair), cov=[[1, r], [r, 1]], abseps=1e-12) for pair in pairs]
    assert joint_probability(u, v, correlation) == pytest.approx(exact, abs=1e-12)


def test_correlation_zero_one_and_minus_one_are_the_formulas() -> None:
    days = np.arange(0.0, 900.0, 3.0)
    a, b = FIRST.at(days), SECOND.at(days)
    exact = {0.0: a + b - a * b, 1.0: np.maximum(a, b), -1.0: np.minimum(a + b, 1.0)}
    for correlation, expected in exact.items():
        assert independent_survival(FIRST, SECOND, correlation, days) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("correlation", spread(CORRELATIONS, 1))
def test_both_predictions_are_those_of_simulated_patients(correlation: float) -> None:
    n, days = 1_000_000, np.linspace(10.0, 990.0, 21)
    first, second = drawn_times(correlation, n)
    better, other = np.maximum(first, second), np.minimum(first, second)
    added = better + np.maximum(other - 42.0, 0.0)
    predicted = {
        "independent": (better, independent_survival(FIRST, SECOND, correlation, days)),
        "additive": (added, additive_survival(FIRST, SECOND, correlation, 42.0, days)),
    }
    for name, (times, survival) in predicted.items():
        simulated = (times[:, None] > days).mean(axis=0)
        assert (np.abs(simulated - survival) <= 3 * np.sqrt(survival * (1 - survival) / n) + 1e-12).all(), name


def test_additivity_without_benefit_after_the_scan_is_independent_action() -> None:
    days = np.linspace(0.0, 900.0, 50)
    late = additive_survival(FIRST, SECOND, 0.3, 1e6, days)
    assert late == pytest.approx(independent_survival(FIRST, SECOND, 0.3, days), abs=1e-4)
    assert (additive_survival(FIRST, SECOND, 0.3, 42.0, days) >= late - 1e-4).all()


def test_published_curves_give_falling_curves_between_zero_and_one() -> None:
    table = pd.read_csv(data_file("poplar_clinical.csv"))
    poplar = pd.DataFrame({"arm": table["TRT01P"], "time": table["PFS"] * 30.4375, "event": 1 - table["PFS.CNSR"]})
    points = pd.read_csv(data_file("published_survival/Checkmate_067_S3A_Nivolumab.csv")).to_numpy()
    numbers = pd.read_csv(data_file("published_survival/Checkmate_067_At_Risk.csv"))
    at_risk = dict(zip(numbers["trisk"], numbers["nrisk"], strict=True))
    nivolumab = imo.reconstruct_survival(points, at_risk, unit="month", endpoint="PFS")
    docetaxel = imo.combination.survival_arm(poplar, "Docetaxel", endpoint="PFS")
    for second in (imo.combination.survival_arm(poplar, "MPDL3280A", endpoint="PFS"), nivolumab):
        found = imo.independent_action(docetaxel, second, first_scan="6 weeks", draws=30)
        for name in ("independent", "additive"):
            for level in (found.curve[name].to_numpy(), found.curve[f"{name}_lower"], found.curve[f"{name}_upper"]):
                assert np.isfinite(level).all() and (level >= 0).all() and (level <= 1).all()
                assert (np.diff(level) <= 1e-12).all()
        assert (found.curve["independent"] >= found.curve[["first", "second"]].max(axis=1) - 1e-12).all()


@pytest.mark.slow
def test_a_verdict_follows_from_what_was_simulated() -> None:
    options = {"correlation": 0.0, "correlation_error": 0.0, "draws": 100, "first_scan": "2 weeks"}
    independent = imo.independent_action("A", "B", "A + B", data=trial(1, 600), **options)
    better = imo.independent_action("A", "B", "A + B", data=trial(1, 600, 3.0), **options)
    assert independent.verdict is not None and independent.verdict.conclusion == "independent"
    assert better.verdict is not None and better.verdict.conclusion == "more than additive"
    worse = trial(1, 600)
    swapped = worse.assign(arm=worse["arm"].map({"A": "A + B", "A + B": "A", "B": "B"}))
    antagonism = imo.independent_action("A", "B", "A + B", data=swapped, **options)
    assert antagonism.verdict is not None and antagonism.verdict.conclusion == "less than independent"


def test_the_report_says_what_small_arms_can_tell() -> None:
    found = imo.independent_action("A", "B", "A + B", data=trial(2, 40), first_scan="6 weeks", correlation=0.0, draws=60)
    assert found.power is not None and 0.02 < found.power.power < 0.5
    assert "the power to find it better than independent" in found.report()
    assert found.power_of(2000).power > found.power_of(50).power
    assert found.power_of(40).standard_error == pytest.approx(found.ratios[0].standard_error, rel=0.25)
    few = imo.independent_action("A", "B", "A + B", data=trial(2, 40), correlation=0.0, draws=60, times=[100, 200])
    assert few.curve["time"].tolist() == [100, 200] and few.ratios[0].estimate == pytest.approx(
        found.ratios[0].estimate, rel=1e-3
    )
    assert found.medians()["label"].tolist() == ["A", "B", "independent", "additive", "A + B"]
    assert found.plot(title="A and B").get_title() == "A and B"
    assert "hazard relative to independent action" in found._repr_html_()


@pytest.mark.slow
def test_intervals_hold_the_truth() -> None:
    ratios = []
    for seed in range(200):
        data = trial(1000 + seed)
        found = imo.independent_action("A", "B", "A + B", data=data, correlation=0.0, correlation_error=0.0, draws=100)
        ratios.append(found.ratios[0])
    assert 0.91 <= np.mean([r.contains_one for r in ratios]) <= 0.985
    assert abs(np.mean([np.log(r.estimate) for r in ratios])) < 0.03


def cohort(correlated: bool = True) -> Cohort:
    """Return patients whose times under two drugs are those of both curves."""
    times = drawn_times(0.6 if correlated else 0.0, 4000)
    arms = {"A": times[0], "B": times[1], "A + B": np.maximum(*times)}
    tables = {
        arm: pd.DataFrame(
            {"pfs_time": np.minimum(t, 990.0), "pfs_event": t < 990.0, "best_response": np.where(t > 200, "PR", "PD")}
        )
        for arm, t in arms.items()
    }
    patients = VirtualPatients(pd.DataFrame({"x": np.arange(4000)}), tables)
    return Cohort(patients, np.ones(4000))


def test_a_cohort_brings_its_own_correlation() -> None:
    found = imo.independent_action("A", "B", "A + B", data=cohort(), draws=50)
    assert found.correlation.spearman == pytest.approx(0.6, abs=0.04) and found.correlation.error == 0
    assert np.abs(found.curve["independent"] - found.curve["combination"]).max() < 0.02
    assert found.ratios[0].estimate == pytest.approx(1.0, abs=0.05)
    assert cohort_correlation(cohort(False), "A", "B") == pytest.approx(0.0, abs=0.05)
    rate = imo.combination.independent_response("A", "B", "A + B", data=cohort(False), correlation=0.0)
    assert rate.combination is not None and rate.rate == pytest.approx(rate.combination.rate, abs=0.03)


def test_weights_count() -> None:
    table = pd.DataFrame({"time": [10.0, 20.0, 30.0], "event": 1, "weight": [2.0, 1.0, 1.0]})
    assert imo.combination.survival_arm(table, "A").curve.survival.tolist() == [0.5, 0.25, 0.0]


def test_a_band_widens_the_prediction() -> None:
    days = FIRST.times
    level = FIRST.survival
    table = pd.DataFrame(
        {"time": days, "survival": level, "lower": level - 0.1 * (1 - level), "upper": level + 0.1 * (1 - level)}
    )
    known = imo.combination.survival_arm(table[["time", "survival"]], "A", endpoint="PFS")
    banded = imo.combination.survival_arm(table, "A", endpoint="PFS")
    second = imo.combination.survival_arm(np.column_stack([SECOND.times, SECOND.survival]), "B", endpoint="PFS")
    found = [imo.independent_action(arm, second, correlation_error=0.0, draws=50).curve for arm in (known, banded)]
    width = [(t["independent_upper"] - t["independent_lower"]).max() for t in found]
    assert width[0] == pytest.approx(0, abs=1e-12) and width[1] > 0.02


def test_overall_survival_warns() -> None:
    with pytest.warns(UserWarning, match="treatment after progression and crossover"):
        found = imo.independent_action("A", "B", data=trial(1).assign(endpoint="OS"), draws=10)
    assert "crossover" in found.report()


def test_response_rates() -> None:
    table = pd.DataFrame({"arm": ["A", "B", "both"], "responders": [20, 30, 75], "n": [100, 100, 100]})
    found = imo.combination.independent_response("A", "B", "both", data=table, correlation=0.3, correlation_error=0.0)
    assert found.rate == pytest.approx(0.5 - float(joint_probability(0.2, 0.3, 0.3)))
    assert found.verdict == "more than independent" and found.lower < found.rate < found.upper
    assert "more than independent" in found.report() and 0 < found.power < 1
    assert imo.combination.independent_response(0.2, 0.3, correlation=1.0, correlation_error=0.0).rate == pytest.approx(0.3)
    assert found.to_frame()["label"].tolist() == ["A", "B", "independent", "both"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": "C"}, "'C' is not in the data; known: A, A \\+ B, B"),
        ({"data": None}, "arm 'A': is a name, but there are no data"),
        ({"correlation": 1.2}, "correlation: is 1.2"),
        ({"confidence": 95}, "confidence: is 95"),
        ({"draws": 1}, "draws: is 1"),
        ({"correlation_error": -1.0}, "correlation_error: is -1.0"),
        ({"times": ["20 years"], "data": cut()}, "times: are all after the end of a curve"),
        ({"first_scan": -7}, "first_scan: is day -7; from 0"),
        ({"first_scan": "20 years"}, "first_scan: is day 7305"),
        ({"correlation_error": 1.0}, "correlation_error: is 1.0"),
        ({"combination": "A"}, "combination: is the same arm as first: 'A'"),
        ({"draws": "many"}, "draws: is 'many'"),
        ({"seed": 1.5}, "seed: is 1.5"),
        ({"correlation": "0.3"}, "correlation: is '0.3'"),
        ({"confidence": None}, "confidence: is None"),
    ],
)
def test_wrong_arguments(change: dict[str, object], message: str) -> None:
    right: dict[str, object] = {"first": "A", "second": "B", "data": trial(1), "draws": 5}
    with pytest.raises(DataError, match=message):
        imo.independent_action(**{**right, **change})


@pytest.mark.parametrize("subjects", [0, -5, 2.5, "many"])
def test_the_power_is_of_a_number_of_subjects(subjects: object) -> None:
    found = imo.independent_action("A", "B", data=trial(1), draws=5, first_scan="6 weeks")
    with pytest.raises(DataError, match="subjects: is"):
        found.power_of(subjects)  # type: ignore[arg-type]


def test_responses_of_a_cohort_have_its_own_correlation() -> None:
    found = imo.combination.independent_response("A", "B", data=cohort())
    responds = [cohort().patients.column("best_response", arm) == "PR" for arm in ("A", "B")]
    assert found.rate == pytest.approx((responds[0] | responds[1]).mean(), abs=1e-9)
    assert found.correlation.spearman == pytest.approx(0.6, abs=0.05) and "cohort's patients" in str(found.correlation)
    assert found.correlation.error == 0 and repr(found) == f"<IndependentResponse: {found}>"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": pd.DataFrame({"arm": ["A", "B"], "responders": [0.2, 0.3], "n": [100, 100]})}, "not a count"),
        ({"second": "A"}, "second: is the same arm as first"),
        ({"correlation_error": 2.0}, "correlation_error: is 2.0"),
        ({"draws": -1}, "draws: is -1"),
        ({"first": None}, "response rate: is None"),
    ],
)
def test_wrong_responses(change: dict[str, object], message: str) -> None:
    right = {"first": "A", "second": "B", "data": pd.DataFrame({"arm": ["A", "B"], "responders": [20, 30], "n": [100, 100]})}
    with pytest.raises(DataError, match=message):
        imo.combination.independent_response(**{**right, **change})


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[0, 1], [10, 0.5], [5, 0.4]], "times do not increase"),
        ([[0, 100], [10, 50]], "survival is up to 100"),
        ([[0, 0.5], [10, 0.9]], "survival rises after 0"),
        ([1.0, 2.0], "has the shape"),
    ],
)
def test_wrong_curves(points: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        imo.combination.survival_arm(points, "A")
