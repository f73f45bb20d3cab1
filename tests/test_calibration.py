"""Calibration: weights of virtual patients that meet targets."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError
from immunoode.virtual_population import (
    Cohort,
    CorrelationTarget,
    MeanTarget,
    MedianTarget,
    QuantileTarget,
    ResponseRateTarget,
    SizeTarget,
    SurvivalTarget,
    VirtualPatients,
    compare_rules,
    refine,
    select_patients,
)
from immunoode.virtual_population.calibration.stacked import stack_targets
from tests.virtual_patients import draw, outcomes, sizes_at, virtual_patients

RATES = {"CR": 0.05, "PR": 0.35, "SD": 0.40, "PD": 0.20}
CURVE = SurvivalTarget.from_published("drug", [100, 200, 300, 400], [0.8, 0.55, 0.4, 0.3], [150, 115, 80, 55, 30])


@pytest.fixture(scope="module")
def patients() -> VirtualPatients:
    return virtual_patients(2000, 1)


@pytest.mark.parametrize("rule", ["entropy", "least squares"])
def test_one_binary_target_has_the_closed_form(patients: VirtualPatients, rule: str) -> None:
    """Responders and others share their weights evenly, and the ratio of weights is the ratio of odds."""
    responded = patients.outcomes["drug"]["best_response"].isin(["CR", "PR"]).to_numpy()
    target = ResponseRateTarget.objective("drug", 0.45, math.inf)
    weights = imo.calibrate(patients, [target], rule=rule).weights
    before = responded.mean()
    odds = (0.45 / 0.55) / (before / (1 - before))
    ratio = weights[responded][:, None][:50] / weights[~responded][:50]
    assert np.abs(ratio / odds - 1).max() < 1e-10


@pytest.mark.parametrize("rule", ["entropy", "least squares"])
def test_exact_targets_are_met(patients: VirtualPatients, rule: str) -> None:
    cohort = imo.calibrate(patients, [ResponseRateTarget("drug", RATES, 150), CURVE], tolerance=0, rule=rule)
    table = cohort.target_table()
    assert np.abs(table["after"] - table["observed"]).max() < 1e-10
    assert cohort.weights.sum() == pytest.approx(1)
    assert (cohort.weights >= 0).all()


@pytest.mark.parametrize("rule", ["entropy", "least squares"])
def test_the_weights_are_the_minimum_of_the_primal(rule: str) -> None:
    """Moves along random directions on the simplex never lower the primal objective."""
    patients = virtual_patients(60, 2)
    targets = [ResponseRateTarget("drug", {"PR": 0.5, "PD": 0.3}, 40, partial=True), CURVE]
    cohort = imo.calibrate(patients, targets, rule=rule)
    stacked = cohort.calibration.stacked  # type: ignore[union-attr]
    inverse, prior = np.linalg.inv(stacked.covariance), patients.prior

    def objective(w: np.ndarray) -> float:
        off = w @ stacked.moments - stacked.observed
        far = (w * np.log(w / prior)).sum() if rule == "entropy" else ((w - prior) ** 2 / prior).sum() / 2
        return float(far + off @ inverse @ off / 2)

    best, random = objective(cohort.weights), np.random.default_rng(0)
    for _ in range(50):
        move = random.standard_normal(60) * cohort.weights
        move -= cohort.weights * move.sum()
        assert objective(cohort.weights + 1e-3 * move) > best


def test_prices_are_derivatives_of_the_minimum() -> None:
    patients = virtual_patients(500, 3)

    def minimum(rate: float) -> tuple[float, float]:
        cohort = imo.calibrate(patients, [ResponseRateTarget.objective("drug", rate, math.inf)])
        price = cohort.calibration.prices[0]  # type: ignore[union-attr]
        return float((cohort.weights * np.log(cohort.weights * 500)).sum()), float(price)

    (low, _), (_, price), (high, _) = minimum(0.44999), minimum(0.45), minimum(0.45001)
    assert price == pytest.approx((high - low) / 2e-5, rel=1e-6)


def test_sampling_error_leaves_weights_nearer_to_the_prior(patients: VirtualPatients) -> None:
    sizes = [10, 100, 1000, math.inf]
    ess = [imo.calibrate(patients, [ResponseRateTarget("drug", RATES, n)]).effective_sample_size for n in sizes]
    assert ess == sorted(ess, reverse=True)


def test_prior_weights_are_kept_without_news() -> None:
    prior = np.array([1.0, 2.0, 3.0, 4.0])
    outcomes = pd.DataFrame({"best_response": ["PR", "PD", "PR", "PD"]})
    patients = VirtualPatients(pd.DataFrame({"a": range(4)}), {"drug": outcomes}, prior_weights=prior)
    cohort = imo.calibrate(patients, [ResponseRateTarget("drug", {"PR": 0.4, "PD": 0.6}, 50)])
    assert cohort.weights == pytest.approx(prior / 10)
    assert cohort.effective_sample_size == pytest.approx(100 / 30)


def test_targets_of_the_same_subjects_are_not_counted_twice(patients: VirtualPatients) -> None:
    """The same rate stated twice is one rate if it is of one trial, and has half the variance if it is of two."""
    once = ResponseRateTarget.objective("drug", 0.45, 100, trial="A")
    other = ResponseRateTarget.objective("drug", 0.45, 100, trial="B")
    one, same, two = (imo.calibrate(patients, t).rates("drug")["PR"] for t in ([once], [once, once], [once, other]))
    assert same == pytest.approx(one, abs=1e-4)
    assert two > one + 5e-4


def test_a_curve_has_greenwoods_covariance() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"subject": range(80), "time": random.exponential(100, 80), "event": random.random(80) < 0.7})
    km = imo.kaplan_meier(table, "PFS")
    target = SurvivalTarget.from_kaplan_meier(km, "all", [50, 100])
    curve = km.curve
    for k, day in enumerate((50, 100)):
        own = curve[(curve["time"] <= day) & (curve["events"] > 0)]
        total = (own["events"] / (own["at_risk"] * (own["at_risk"] - own["events"]))).sum()
        assert target.variance_sums[k] == pytest.approx(total)
    free = pd.DataFrame({"pfs_time": table["time"], "pfs_event": table["event"]})
    record = target.record(VirtualPatients(pd.DataFrame(index=range(80)), {"all": free}), np.full(80, 1 / 80))
    assert record.covariance[0, 1] == pytest.approx(target.survival[0] * target.survival[1] * target.variance_sums[0])
    assert np.full(80, 1 / 80) @ record.moments == pytest.approx(target.survival)  # redistribution to the right


def test_numbers_at_risk_give_greenwoods_variance_without_censoring() -> None:
    target = SurvivalTarget.from_published("drug", [10, 20], [0.8, 0.4], [100, 80, 40])
    assert target.standard_errors == pytest.approx([math.sqrt(0.8 * 0.2 / 100), math.sqrt(0.4 * 0.6 / 100)])


def test_samples(patients: VirtualPatients) -> None:
    cohort = imo.calibrate(patients, [ResponseRateTarget("drug", RATES, 150)], tolerance=0)
    few, many = cohort.sample(10, seed=1), cohort.sample(4000, seed=1)
    pd.testing.assert_frame_equal(few.parameters, many.parameters.iloc[:10])
    shares = many.outcomes["drug"]["best_response"].value_counts(normalize=True)
    assert {k: shares[k] for k in RATES} == pytest.approx(RATES, abs=0.03)
    even = cohort.resample(400, seed=1).outcomes["drug"]["best_response"].value_counts(normalize=True)
    assert {k: even[k] for k in RATES} == pytest.approx(RATES, abs=0.015)


def test_summaries(patients: VirtualPatients) -> None:
    cohort = Cohort(patients, np.ones(2000))
    pfs = patients.outcomes["drug"]
    km = imo.kaplan_meier(pfs.assign(subject=pfs.index, time=pfs["pfs_time"], event=pfs["pfs_event"]), "PFS")
    assert cohort.median("drug") == pytest.approx(km.medians["median"][0])
    assert cohort.mean("best_change", "drug") == pytest.approx(pfs["best_change"].mean())
    assert cohort.rates("drug")["PR"] == pytest.approx((pfs["best_response"] == "PR").mean())
    assert "2000 virtual patients" in cohort.report()


def test_the_report_names_the_target_with_the_largest_cost(patients: VirtualPatients) -> None:
    cohort = imo.calibrate(patients, [ResponseRateTarget("drug", {"PR": 0.31}, 100, partial=True, trial="A"), CURVE])
    assert "The target with the largest cost is PFS of drug" in cohort.report()
    assert cohort.costs().sum() == pytest.approx(1)
    assert cohort.target_table()["price"].notna().all()


def _refused(call: object) -> str:
    with pytest.raises(DataError) as caught:
        call()  # type: ignore[operator]
    return str(caught.value)


WRONG = {
    "rates above one": (lambda: ResponseRateTarget("a", {"PR": 0.7, "PD": 0.6}, 10), "add up to 1.3"),
    "rates below one": (lambda: ResponseRateTarget("a", {"PR": 0.3, "PD": 0.6}, 10), "partial=True"),
    "percent": (lambda: ResponseRateTarget("a", {"PR": 30, "PD": 70}, 10), "0.25 for 25 %"),
    "category twice": (lambda: ResponseRateTarget("a", {"CR+PR": 0.3, "PR": 0.7}, 10), "'PR' occurs twice"),
    "no subjects": (lambda: ResponseRateTarget("a", {"PR": 1.0}, 0), "number of subjects"),
    "rising survival": (lambda: SurvivalTarget.from_published("a", [1, 2], [0.5, 0.6], [9, 5, 4]), "never increasing"),
    "days": (lambda: SurvivalTarget.from_published("a", [2, 1], [0.5, 0.4], [9, 5, 4]), "increasing, after day 0"),
    "numbers at risk": (lambda: SurvivalTarget.from_published("a", [1, 2], [0.5, 0.4], [9, 5]), "2 numbers at risk"),
    "interval": (lambda: MedianTarget.published("a", 90, interval=(100, 120)), "a lower limit below the median"),
    "no error": (lambda: MedianTarget.published("a", 90), "as there is no interval"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_targets_are_refused(name: str) -> None:
    call, said = WRONG[name]
    assert said in _refused(call)


def test_wrong_names_are_all_said_at_once(patients: VirtualPatients) -> None:
    targets = [ResponseRateTarget("drag", RATES, 10), ResponseRateTarget("drug", RATES, 10, column="best")]
    told = _refused(lambda: imo.calibrate(patients, targets))
    assert "no outcomes of 'drag'; did you mean 'drug'?" in told
    assert "no column 'best'; did you mean 'best_change' or 'best_response'?" in told


def test_an_empty_category_is_said(patients: VirtualPatients) -> None:
    told = _refused(lambda: imo.calibrate(patients, [ResponseRateTarget("drug", {"NE": 0.1, "PR": 0.9}, 10)]))
    assert "no virtual patient has 'NE', but the target is 10 %" in told


def test_follow_up_that_ends_too_early_is_said(patients: VirtualPatients) -> None:
    target = SurvivalTarget.from_published("drug", ["10 years"], [0.3], [50, 10])
    assert "follow-up of all virtual patients ends by day 1095.75" in _refused(lambda: imo.calibrate(patients, [target]))


def test_contradictions_are_said(patients: VirtualPatients) -> None:
    high, low = (ResponseRateTarget.objective("drug", rate, 100) for rate in (0.45, 0.05))
    told = _refused(lambda: imo.calibrate(patients, [high, low]))
    assert "contradict each other: best response of drug (CR+PR 45.0 %) and best response of drug (CR+PR 5.0 %)" in told
    median = MedianTarget.published("drug", "3 months", n=400)
    assert "median PFS of drug (50 % after 3 months)" in _refused(lambda: imo.calibrate(patients, [median, CURVE]))
    imo.calibrate(patients, [high, ResponseRateTarget.objective("drug", 0.40, 100)])


def test_what_no_weights_can_give_is_said_with_a_certificate() -> None:
    outcomes = pd.DataFrame({"best_response": ["PR", "PD"] * 5, "pfs_time": [300.0, 60.0] * 5, "pfs_event": True})
    patients = VirtualPatients(pd.DataFrame({"a": range(10)}), {"drug": outcomes})
    targets = [ResponseRateTarget.objective("drug", 0.45, 100), MedianTarget.published("drug", "3 months", n=100)]
    told = _refused(lambda: imo.calibrate(patients, targets, tolerance=0))
    assert "no weights of these patients give best response of drug (CR+PR 45.0 %) with median PFS of drug" in told
    assert "0.475 instead of 0.45" in told
    imo.calibrate(patients, targets)


OBSERVED = outcomes(draw(150, 99, np.array([0.2, -0.3, 0.2])))
COUNTS = OBSERVED["best_response"].value_counts()
TARGETS = [
    ResponseRateTarget.from_counts("drug", {k: int(COUNTS[k]) for k in ("CR", "PR", "SD", "PD")}),
    QuantileTarget.from_values("drug", OBSERVED["best_change"]),
]


def _observed_curve() -> imo.KaplanMeier:
    table = OBSERVED.assign(subject=OBSERVED.index, time=OBSERVED["pfs_time"], event=OBSERVED["pfs_event"], arm="drug")
    return imo.kaplan_meier(table[["subject", "arm", "time", "event"]], "PFS")


@pytest.fixture(scope="module")
def cohort(patients: VirtualPatients) -> Cohort:
    return imo.calibrate(patients, TARGETS)


def test_bands_of_held_out_statistics_have_three_parts(cohort: Cohort) -> None:
    held = [SurvivalTarget.from_kaplan_meier(_observed_curve(), "drug")]
    found = cohort.held_out(held).table
    assert found["inside"].all()
    assert (found[["sampling", "undetermined", "patients"]] > 0).all().all()
    other = cohort.held_out([replace(held[0], trial="another")]).table  # not of the same subjects: its own error comes on top
    assert ((other["trial_upper"] - other["upper"]) > (found["trial_upper"] - found["upper"])).all()
    assert "held-out statistics are within their 95 % bands" in cohort.held_out(held).report()


def test_what_is_a_target_is_determined_by_it(cohort: Cohort) -> None:
    """The band of a statistic that is a target is that of its sampling error alone."""
    found = cohort.held_out(TARGETS[:1]).table
    assert found["undetermined"].max() < 0.1 * found["sampling"].min()
    assert found["sampling"].to_numpy() == pytest.approx(found["standard_error"].to_numpy(), rel=0.1)
    assert found["predicted"].to_numpy() == pytest.approx(found["observed"].to_numpy(), abs=0.003)


def test_finite_patients_widen_the_band() -> None:
    few, many = (imo.calibrate(virtual_patients(n, 7), TARGETS) for n in (200, 5000))
    held = [SurvivalTarget.from_kaplan_meier(_observed_curve(), "drug", ["1 year"])]
    small, large = (c.held_out(held).table["patients"][0] for c in (few, many))
    assert small / large == pytest.approx(5, rel=0.25)


def test_bands_of_a_median(cohort: Cohort) -> None:
    band = cohort.median_band("drug")
    assert band.lower < band.median == cohort.median("drug") < band.upper
    narrow = cohort.median_band("drug", confidence=0.5)
    assert band.lower < narrow.lower < narrow.upper < band.upper
    of_trial = cohort.median_band("drug", subjects=30, trial="another")
    assert of_trial.lower < band.lower
    assert "95 % band" in str(band)


def test_a_population_like_the_prior_has_a_small_shift() -> None:
    near, far = (outcomes(draw(400, 5, shift)) for shift in (0.0, 0.8))
    patients = virtual_patients(3000, 8)
    size = [
        imo.calibrate(patients, [QuantileTarget.from_values("drug", o["best_change"])]).shift_size.mean for o in (near, far)
    ]
    assert size[0] < 0.2 < size[1]


def test_quantiles_of_a_waterfall() -> None:
    target = QuantileTarget.from_values("drug", [*OBSERVED["best_change"], np.nan])
    assert target.n == 150
    for share, value in target.quantiles.items():
        assert (OBSERVED["best_change"] <= value).mean() == pytest.approx(share)
    patients = virtual_patients(400, 9)
    gaps = patients.outcomes["drug"].assign(best_change=lambda t: t["best_change"].where(t.index % 5 > 0))
    with_gaps = VirtualPatients(patients.parameters, {"drug": gaps})
    cohort = imo.calibrate(with_gaps, [target], tolerance=0)
    known = gaps["best_change"].notna().to_numpy()
    share = cohort.weights[known & (gaps["best_change"] <= 0).to_numpy()].sum() / cohort.weights[known].sum()
    assert cohort.target_table()["after"].to_numpy() == pytest.approx(np.array(list(target.quantiles)))
    assert 0.6 < share < 0.8


def test_means_and_variances() -> None:
    patients = VirtualPatients(pd.DataFrame({"auc": np.random.default_rng(0).lognormal(1, 0.5, 3000)}))
    cohort = imo.calibrate(patients, [MeanTarget.geometric("", "auc", 3.2, cv=0.4, n=60)], tolerance=0)
    logs = np.log(patients.parameters["auc"].to_numpy())
    mean = cohort.weights @ logs
    assert mean == pytest.approx(np.log(3.2))
    assert cohort.weights @ (logs - mean) ** 2 == pytest.approx(np.log1p(0.4**2))
    target = MeanTarget.from_values("", "auc", [1.0, 2.0, 3.0, np.nan])
    assert (target.mean, target.sd, target.n) == (2.0, 1.0, 3)


@pytest.mark.parametrize("ranks", [False, True])
def test_correlations_are_met(patients: VirtualPatients, ranks: bool) -> None:
    cohort = imo.calibrate(patients, [CorrelationTarget("", ("f", "k"), 0.3, 80, ranks=ranks)], tolerance=0)
    x, y = (patients.parameters[c] for c in ("f", "k"))
    pair = (x.rank(), y.rank()) if ranks else (x, y)
    found = np.cov(*pair, aweights=cohort.weights)
    assert found[0, 1] / np.sqrt(found[0, 0] * found[1, 1]) == pytest.approx(0.3, abs=1e-7)


def test_sizes_of_those_still_observed() -> None:
    parameters = draw(1500, 11)
    days = np.array([0.0, 42.0, 84.0, 168.0])
    sizes = pd.DataFrame(60 * np.column_stack([sizes_at(parameters, d) for d in days]), columns=days)
    patients = VirtualPatients(
        pd.DataFrame(parameters, columns=["f", "g", "k"]), {"drug": outcomes(parameters)}, {"drug": sizes}
    )
    target = SizeTarget("drug", (42.0, 126.0), (-0.12, -0.3), (0.2, 0.25), (120, 70), 150)
    cohort = imo.calibrate(patients, [target], tolerance=0)
    on = (patients.outcomes["drug"]["pfs_time"] >= 126).to_numpy()
    change = ((sizes[84.0] + sizes[168.0]) / 2 / 60 - 1).to_numpy()
    mean = np.average(change[on], weights=cohort.weights[on])
    assert mean == pytest.approx(-0.3)
    assert np.average((change[on] - mean) ** 2, weights=cohort.weights[on]) == pytest.approx(0.25**2)


def test_sizes_of_a_trial() -> None:
    lines = {"a": (100, 80, 60), "b": (50, 60, None)}
    rows = [(s, day, value) for s, line in lines.items() for day, value in zip((-7, 40, 85), line, strict=True)]
    table = pd.DataFrame(rows, columns=["subject", "time", "value"]).dropna()
    data = imo.read_trial(table.assign(arm="drug"), units="mm", quantity="sum_of_diameters")
    target = SizeTarget.from_trial_data(data, "drug", [42])
    assert target.means == pytest.approx((0.0,))
    assert target.sds == pytest.approx((0.2 * math.sqrt(2),))
    assert target.counts == (2.0,)
    assert "day 84 has 1 subjects" in _refused(lambda: SizeTarget.from_trial_data(data, "drug", [42, 84]))


def test_the_largest_selection_is_found() -> None:
    """Against counting: for each size, whether the categories have enough patients."""
    rates = np.array([0.25, 0.40, 0.20, 0.15])
    for seed in range(5):
        size = sizes_at(draw(2000, seed), 126.0)
        category = np.digitize(size, [0.14, 0.7, 1.0])
        names = np.array(["CR", "PR", "SD", "PD"])[category]
        patients = VirtualPatients(pd.DataFrame({"size": size}), {"drug": pd.DataFrame({"best_response": names})})
        target = ResponseRateTarget("drug", dict(zip(["CR", "PR", "SD", "PD"], rates, strict=True)), 100)
        chosen = select_patients(patients, [target], tolerance=0.05, seed=seed)
        available = np.bincount(category, minlength=4)
        total = np.arange(1, 2001)[:, None]
        most, least = np.minimum(available, np.floor((rates + 0.05) * total + 1e-9)), np.ceil((rates - 0.05) * total - 1e-9)
        possible = (least <= most).all(axis=1) & (least.sum(axis=1) <= total[:, 0]) & (total[:, 0] <= most.sum(axis=1))
        assert (chosen.weights > 0).sum() == total[possible].max()
        assert np.abs(chosen.rates("drug")[["CR", "PR", "SD", "PD"]].to_numpy() - rates).max() <= 0.05 + 1e-9


def test_selections_that_are_impossible(patients: VirtualPatients) -> None:
    target = CorrelationTarget("", ("f", "k"), 0.3, 80)
    assert "is not a proportion of the patients" in _refused(lambda: select_patients(patients, [target]))
    flat = VirtualPatients(pd.DataFrame({"a": range(3)}), {"drug": pd.DataFrame({"best_response": ["PR", "PD", "PD"]})})
    told = _refused(lambda: select_patients(flat, [ResponseRateTarget.objective("drug", 0.6, 50)], tolerance=0.001))
    assert "no selection of patients is close enough" in told


def test_rules_are_compared(patients: VirtualPatients) -> None:
    found = compare_rules(patients, TARGETS, [SurvivalTarget.from_kaplan_meier(_observed_curve(), "drug")])
    assert list(found.cohorts) == ["entropy", "least squares", "whole selection", "accept or reject"]
    rules = found.held_out[list(found.cohorts)].to_numpy()
    assert (np.abs(rules - rules[:, :1]) < (found.held_out[["upper"]].to_numpy() - rules[:, :1])).all()
    assert "effective_sample_size" in found.report()
    with_correlation = compare_rules(patients, [CorrelationTarget("", ("f", "k"), 0.1, 80)])
    assert "whole selection" in with_correlation.left_out


def test_figures(cohort: Cohort, patients: VirtualPatients) -> None:
    held = [SurvivalTarget.from_kaplan_meier(_observed_curve(), "drug")]
    axes, table = imo.plot.calibration_targets(cohort, data=True)
    assert len(axes.get_yticklabels()) == len(table) == 9
    assert "Effective sample size" in imo.plot.cohort_weights(cohort).get_title()
    assert len(imo.plot.cohort_parameters(cohort).flat) == 3
    assert len(imo.plot.cohort_correlations(cohort).texts) == 6
    assert len(imo.plot.cohort_survival(cohort, "drug", observed=_observed_curve()).lines) >= 4
    assert cohort.held_out(held).plot().get_xlabel() == "Share of subjects"
    assert compare_rules(patients, TARGETS, held).plot().get_legend() is not None
    assert cohort.plot() is not None


def _simulated(table: pd.DataFrame) -> VirtualPatients:
    return VirtualPatients(table, {"drug": outcomes(table.to_numpy()).set_axis(table.index)})


def _drawn(n: int, seed: int) -> pd.DataFrame:
    return pd.DataFrame(draw(n, seed), columns=["f", "g", "k"])


def test_refinement_adds_patients_where_weight_is_missing_and_keeps_the_prior() -> None:
    first = _simulated(_drawn(800, 1))
    target = ResponseRateTarget("drug", {"CR": 0.20, "PR": 0.40, "SD": 0.30, "PD": 0.10}, 200)
    before = imo.calibrate(first, [target])
    after = refine(first, [target], _drawn, _simulated, new=400)
    assert 1200 < len(after) < 2000
    assert after.effective_sample_size > 2.5 * before.effective_sample_size
    prior = after.patients.prior
    assert prior @ after.patients.parameters.to_numpy() == pytest.approx(draw(50_000, 3).mean(axis=0), abs=0.25)
    assert after.patients.parameters.index.is_unique


def test_refinement_meets_what_the_first_patients_could_not() -> None:
    def simulated(table: pd.DataFrame) -> VirtualPatients:
        return VirtualPatients(table, {"drug": pd.DataFrame({"best_change": -table["kill"]})})

    def drawn(n: int, seed: int) -> pd.DataFrame:
        return pd.DataFrame({"kill": np.random.default_rng(seed).standard_normal(n)})

    first, target = simulated(drawn(100, 1)), MeanTarget("drug", "best_change", -2.6, 1.0, 50, spread=False)
    assert "no weights of these patients give mean of best change of drug" in _refused(
        lambda: imo.calibrate(first, [target], tolerance=0)
    )
    cohort = refine(first, [target], drawn, simulated, new=300, rounds=3, tolerance=0)
    assert cohort.mean("best_change", "drug") == pytest.approx(-2.6)


def test_wrong_refinements_are_refused(patients: VirtualPatients) -> None:
    told = _refused(lambda: refine(patients, TARGETS, _drawn, _simulated, new=0, floor=2.0))
    assert "new: is 0" in told
    assert "floor: is 2.0" in told
    other = _refused(lambda: refine(patients, TARGETS, _drawn, lambda t: VirtualPatients(t), new=50))
    assert "gave no outcomes of the arm 'drug'" in other


def test_a_published_curve_by_its_reconstruction_or_by_its_numbers_at_risk() -> None:
    """Both ways from the same published curve give the same target, but for rounding to whole subjects."""
    days = np.arange(0.0, 300.5, 1.0)
    curve = pd.DataFrame({"time": days, "survival": np.interp(days, [0, 120, 240, 300], [1, 0.6, 0.35, 0.3])})
    at_risk = pd.DataFrame({"time": [0, 120, 240], "at_risk": [150, 85, 40]})
    made = imo.reconstruct_survival(curve, at_risk, endpoint="PFS")
    arm = made.endpoints["arm"].iloc[0]
    found = SurvivalTarget.from_endpoints(made, arm, [120, 240], simulated_arm="drug")
    read = SurvivalTarget.from_published("drug", [120, 240], [0.6, 0.35], [150, 85, 40])
    assert (found.arm, found.endpoint) == ("drug", "PFS")
    assert found.survival == pytest.approx(read.survival, abs=0.02)
    assert found.standard_errors == pytest.approx(read.standard_errors, rel=0.05)


def test_a_plateau_of_a_published_curve_leaves_later_events_possible() -> None:
    """No event among 30 at risk does not say that there are none in the population."""
    times = np.quantile(np.random.default_rng(1).exponential(200, 5000), (np.arange(5000) + 0.5) / 5000)
    patients = VirtualPatients(
        pd.DataFrame({"number": np.arange(5000.0)}), {"drug": pd.DataFrame({"pfs_time": times, "pfs_event": True})}
    )
    target = SurvivalTarget.from_published("drug", [91, 182, 365, 540], [0.7, 0.45, 0.25, 0.25], [143, 100, 60, 30, 20])
    assert (np.diff(target.variance_sums) > 0).all()
    cohort = imo.calibrate(patients, [target])
    between = cohort.weights @ ((times > 365) & (times <= 540))
    assert 1e-4 < between < 0.05  # 1e-13, if the hazard there were taken as known to be zero
    given = pd.DataFrame({"subject": range(40), "time": [*range(1, 21), *[100] * 20], "event": [1] * 20 + [0] * 20})
    assert (np.diff(SurvivalTarget.from_endpoints(given, "all", [10, 30, 60]).variance_sums) > 0).all()


def test_the_error_of_a_target_of_some_patients_is_that_of_those_with_weight() -> None:
    """The share of patients with a value changes with the weights, the published error does not."""
    number = np.arange(400.0)
    change = np.where(number < 200, np.nan, np.sin(number))
    best = pd.DataFrame({"best_response": np.where(number < 200, "NE", "SD"), "best_change": change})
    patients = VirtualPatients(pd.DataFrame({"number": number}), {"drug": best})
    rate = ResponseRateTarget("drug", {"NE": 0.1, "SD": 0.9}, n=1000)
    others = (QuantileTarget("drug", {0.5: 0.1}, n=90), MeanTarget("drug", "best_change", 0.1, 0.7, n=90))
    for target in others:
        table = imo.calibrate(patients, [rate, target]).target_table()
        own = table[table["target"] == target.label].iloc[0]
        error = np.sqrt(0.25 / 90) if isinstance(target, QuantileTarget) else 0.7 / np.sqrt(90)
        assert own["standard_error"] == pytest.approx(error, rel=0.02)


def test_survival_after_the_last_patient_with_weight_is_not_known(patients: VirtualPatients) -> None:
    weights = np.zeros(len(patients))
    weights[:10] = 1.0
    curve = Cohort(patients, weights).survival(patients.arms[0])
    assert np.isfinite(curve["survival"]).all()


def test_exact_rows_stay_exact_beside_singular_ones(patients: VirtualPatients) -> None:
    arm = patients.arms[0]
    rates = patients.column("best_response", arm).value_counts(normalize=True)
    exact = ResponseRateTarget.objective(arm, float(rates.get("CR", 0.0) + rates.get("PR", 0.0)), n=math.inf)
    others = ResponseRateTarget(arm, rates.to_dict(), n=100)
    curve = SurvivalTarget.from_published(arm, [60, 120], [0.8, 0.5], [100, 80, 50])
    stacked = stack_targets(patients, [exact, others, curve], patients.prior)
    assert not stacked.covariance[0].any() and not stacked.covariance[:, 0].any()
    assert np.linalg.eigvalsh(stacked.covariance)[0] > -1e-12


def test_candidates_of_refinement_are_not_the_patients_again(patients: VirtualPatients) -> None:
    """Rounds draw with seeds of their own, so that patients drawn by a small seed are not drawn again."""
    seeds = list[int]()

    def drawn(n: int, seed: int) -> pd.DataFrame:
        seeds.append(seed)
        return _drawn(n, seed)

    target = ResponseRateTarget.objective("drug", 0.4, n=100)
    for seed in (0, 1):
        refine(patients, [target], drawn, _simulated, new=50, seed=seed)
    assert len(set(seeds)) == len(seeds) == 4 and min(seeds) > 10_000 and max(seeds) < 2**32


def test_rows_that_have_not_settled_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    targets = [CorrelationTarget("", ("f", "g"), 0.3, n=5000)]
    few = virtual_patients(1000, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        imo.calibrate(few, targets)
    monkeypatch.setattr("immunoode.virtual_population.calibration.calibrate.PASSES", 1)
    with pytest.warns(UserWarning, match="after 1 passes"):
        imo.calibrate(few, targets)
