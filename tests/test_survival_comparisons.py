"""Comparisons of survival: R's published answers, lifelines, exact cases, and wrong input.

The answers of R for the veterans' lung cancer trial are in reference/survival_by_r.json, written by reference/survival.R.
Others were read in the outputs of these pages: "CAMIS" is github.com/PSIAIMS/CAMIS at commit 74a06c12 (the rendered results in
_freeze/R), "simtrial" is github.com/Merck/simtrial (tests/testthat/test-unvalidated-rmst.R, and the page of `rmst`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError
from immunoode.trial.survival.normal_maximum import any_beyond
from tests.published_data import data_file
from tests.test_survival import remission

Table = pd.DataFrame
HERE = Path(__file__).parent
R = json.loads((HERE / "reference" / "survival_by_r.json").read_text(encoding="utf-8"))


def veterans() -> Table:
    rows = pd.read_csv(HERE / "veteran.csv").sort_values("trt", kind="stable")
    arm, reason = rows["trt"].map({0: "standard", 1: "test"}), np.where(rows["prior"] > 0, "second", "first")
    columns = {"subject": rows.index, "time": rows["time"], "event": rows["event"], "arm": arm}
    return Table({**columns, "cell": rows["celltype"], "reason": np.where(rows["event"] > 0, reason, "")})


def heart_attacks(*, years: bool = False) -> Table:
    """Return the Worcester Heart Attack Study: patients with and without atrial fibrillation."""
    rows = pd.read_csv(data_file("r_survival/whas500.csv"))
    time = (rows["LENFOL"] / 365.25).round(2) if years else rows["LENFOL"]
    fibrillation = rows["AFB"].map({1: "with", 0: "without"})
    table = Table({"subject": rows["ID"], "time": time, "event": rows["FSTAT"], "arm": fibrillation, "sex": rows["GENDER"]})
    return table.sort_values("arm", kind="stable")


def delayed_effect() -> Table:
    rows = pd.read_csv(data_file("r_survival/simtrial_delayed_effect.csv")).sort_values("trt", kind="stable")
    arm = rows["trt"].map({0: "control", 1: "experimental"})
    return Table({"subject": rows["id"], "time": rows["month"], "event": rows["evntd"], "arm": arm})


def transplants() -> Table:
    rows = pd.read_csv(data_file("r_survival/bone_marrow_transplant.csv"))
    names = {1: "ALL", 2: "AML, low risk", 3: "AML, high risk"}
    reason = rows["Status"].map({0: "", 1: "relapse", 2: "death"})
    columns = {"subject": rows.index, "time": rows["T"] / 365.25, "event": rows["Status"] > 0}
    return Table({**columns, "arm": rows["Group"].map(names), "reason": reason})


def delayed(seed: int, n: int = 200, late: float = 0.4) -> Table:
    """Return a trial whose hazard ratio is 1 until 6 months and `late` afterwards."""
    rng = np.random.default_rng(seed)
    arm = np.repeat(["control", "treated"], n)
    total = rng.exponential(size=2 * n)
    rate = np.where(arm == "treated", late, 1.0) / 12
    death = np.where(total < 0.5, 12 * total, 6 + (total - 0.5) / rate)
    censoring = rng.uniform(18, 36, 2 * n)
    table = Table({"arm": arm, "time": np.minimum(death, censoring), "event": death <= censoring})
    return table.assign(subject=np.arange(2 * n).astype(str))


# Log-rank tests


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("log_rank", {}),
        ("peto", {"rho": 1}),
        ("stratified", {"strata": "cell"}),
        ("stratified_peto", {"strata": "cell", "rho": 1}),
        ("four_arms", {"by": "cell"}),
        ("four_arms_stratified", {"by": "cell", "strata": "treatment"}),
    ],
)
def test_tests_as_survdiff(name: str, options: dict[str, Any]) -> None:
    table = veterans().assign(treatment=lambda t: t["arm"])
    assert imo.trial.log_rank(table, **options).statistic == pytest.approx(R[name][0], rel=1e-9)


def test_log_rank_as_survdiff() -> None:
    from lifelines.datasets import load_lung

    rows = load_lung()
    table = Table({"subject": rows.index, "time": rows["time"], "event": rows["status"], "arm": rows["sex"].astype(str)})
    found = imo.trial.log_rank(table)  # packtpub.com, Machine Learning with R Cookbook: survdiff(Surv(time, status) ~ sex)
    assert found.statistic == pytest.approx(10.3267, abs=1e-4) and found.p_value == pytest.approx(0.00131116, rel=1e-5)
    assert found.table.set_index("arm").loc["1", "expected"] == pytest.approx(91.5817, abs=1e-4)


def test_weighted_and_stratified_as_survdiff_and_nphrct() -> None:
    plain = imo.trial.log_rank(heart_attacks())  # CAMIS R/Weighted-log-rank: nphRCT::wlrt z = 3.301521, p = 0.0009616214
    assert plain.z == pytest.approx(3.301521, abs=1e-6) and plain.p_value == pytest.approx(0.0009616214, rel=1e-6)
    early = imo.trial.log_rank(heart_attacks(), rho=3)  # the same page: survdiff(rho = 3)
    assert early.statistic == pytest.approx(7.68, abs=0.005)
    assert early.table["observed"].round(1).tolist() == [24.2, 86.3]
    assert early.table["expected"].round(1).tolist() == [16.0, 94.5]
    years = heart_attacks(years=True)  # CAMIS R/survival: survminer::surv_pvalue
    assert imo.trial.log_rank(years).p_value == pytest.approx(0.0009646027, rel=1e-6)
    assert imo.trial.log_rank(years, strata="sex").p_value == pytest.approx(0.001506607, rel=1e-6)


def test_the_hazard_ratio_as_coxph() -> None:
    found = imo.kaplan_meier(veterans()).hazard_ratio().table[["estimate", "lower", "upper"]]
    assert found.iloc[0].tolist() == pytest.approx(R["hazard_ratio"], rel=1e-7)


def test_the_hazard_ratio_as_published() -> None:
    table = imo.kaplan_meier(heart_attacks(years=True)).hazard_ratio(reference="with").table
    assert table[["estimate", "lower", "upper"]].round(3).values.tolist() == [[0.583, 0.421, 0.806]]  # CAMIS R/survival


def test_log_rank_of_several_arms_as_lifelines() -> None:
    from lifelines.statistics import multivariate_logrank_test

    table = transplants()
    known = multivariate_logrank_test(table["time"], table["arm"], table["event"])
    found = imo.trial.log_rank(table)
    assert found.statistic == pytest.approx(known.test_statistic, rel=1e-9) and found.degrees_of_freedom == 2
    assert np.isnan(found.z)


def test_strata_of_one_arm_do_not_count_and_are_named() -> None:
    table = remission().assign(site="a")
    alone = table.head(3).assign(subject=["x", "y", "z"], site="b")
    found = imo.trial.log_rank(pd.concat([table, alone]), strata="site")
    assert found.statistic == pytest.approx(imo.trial.log_rank(table).statistic, rel=1e-12)
    assert "'b'" in found.report()


def test_a_late_weight_sees_a_late_effect() -> None:
    table = delayed(1)
    z = {w: imo.trial.log_rank(table, rho=w[0], gamma=w[1]).z for w in ((0, 0), (0, 1), (1, 0))}
    assert z[(0, 1)] > z[(0, 0)] > z[(1, 0)] > 0


# MaxCombo


@pytest.mark.parametrize(("prefix", "strata"), [("", ()), ("stratified_", "cell")])
def test_max_combo_as_pmvnorm(prefix: str, strata: Any) -> None:
    found = imo.trial.max_combo(veterans(), strata=strata)
    assert found.table["z"].tolist() == pytest.approx(R[prefix + "max_combo_z"], rel=1e-9)
    assert [found.p_value, found.p_one_sided] == pytest.approx(R[prefix + "max_combo_p"], abs=2e-6)
    if not prefix:
        assert found.correlation.ravel().tolist() == pytest.approx(R["max_combo_correlation"], rel=1e-9)


def test_the_probability_of_any_beyond_is_that_of_draws() -> None:
    correlation = np.array([[1.0, 0.85, 0.95], [0.85, 1.0, 0.65], [0.95, 0.65, 1.0]])
    draws = np.random.default_rng(3).multivariate_normal(np.zeros(3), correlation, size=400_000)
    for limit in (0.5, 2.2):
        shares = (np.abs(draws).max(axis=1) >= limit).mean(), (draws.max(axis=1) >= limit).mean()
        for two_sided, share in zip((True, False), shares, strict=True):
            assert any_beyond(limit, correlation, two_sided=two_sided) == pytest.approx(share, abs=3e-3)
    assert any_beyond(9.0, np.eye(3), two_sided=True) == pytest.approx(3 * 2.257e-19, rel=1e-3)


def test_max_combo_is_between_its_bounds() -> None:
    found = imo.trial.max_combo(delayed(1))
    smallest = float(found.table["p_value"].min())
    assert smallest <= found.p_value <= len(found.table) * smallest
    assert found.statistic == found.table["z"].abs().max() and "Correlation" in found.report()
    single = imo.trial.max_combo(delayed(1), weights=[(0, 0)])
    assert single.p_value == pytest.approx(imo.trial.log_rank(delayed(1)).p_value, rel=1e-9)


@pytest.mark.slow
def test_the_correlation_is_that_of_permutations() -> None:
    table = delayed(2, n=60)
    stated = imo.trial.max_combo(table).correlation
    rng = np.random.default_rng(0)
    draws = [imo.trial.max_combo(table.assign(arm=rng.permutation(table["arm"]))).table["z"] for _ in range(150)]
    assert np.corrcoef(np.array(draws).T) == pytest.approx(stated, abs=0.12)


def test_reference_turns_the_sign() -> None:
    one, other = (imo.trial.max_combo(delayed(1), reference=r) for r in ("control", "treated"))
    assert one.table["z"].tolist() == pytest.approx((-other.table["z"]).tolist())
    assert one.p_value == pytest.approx(other.p_value, rel=1e-4) and one.p_one_sided < 0.01 < 0.5 < other.p_one_sided


@pytest.mark.slow
def test_the_type_one_error_of_max_combo() -> None:
    rejected = [imo.trial.max_combo(delayed(seed, n=100, late=1.0)).p_value < 0.05 for seed in range(1000)]
    assert 0.036 <= np.mean(rejected) <= 0.064  # two standard errors


# Restricted means and milestones


def test_restricted_means_as_survfit() -> None:
    found = imo.trial.restricted_mean_survival(veterans(), 180).arms
    assert found["restricted_mean"].tolist() == pytest.approx(R["restricted_mean"], rel=1e-12)
    assert found["standard_error"].tolist() == pytest.approx(R["restricted_mean_error"], rel=1e-12)


def test_restricted_means_as_simtrial() -> None:
    """Its variance is that of Greenwood times m / (m - 1), m events of the arm until the horizon."""
    table = delayed_effect()
    found = imo.trial.restricted_mean_survival(table, 10)
    difference = found.contrasts["estimate"].iloc[0]
    assert difference == pytest.approx(0.8650492799679741, rel=1e-12)
    m = (table["event"] & (table["time"] <= 10)).groupby(table["arm"]).sum().to_numpy()
    spread = np.sqrt(np.sum(found.arms["standard_error"].to_numpy() ** 2 * m / (m - 1)))
    assert difference / spread == pytest.approx(2.2178796367487963, rel=1e-9)


def test_restricted_means_as_lifelines() -> None:
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    table = remission()
    found = imo.trial.restricted_mean_survival(table, 20).arms.set_index("arm")["restricted_mean"]
    for arm, own in table.groupby("arm"):
        fitted = KaplanMeierFitter().fit(own["time"], own["event"])
        assert found[arm] == pytest.approx(restricted_mean_survival_time(fitted, 20), rel=1e-9)


def test_the_horizon_by_default_ends_with_the_first_arm() -> None:
    found = imo.trial.restricted_mean_survival(remission())
    assert found.until == 23 and found.contrasts["measure"].tolist() == ["difference", "ratio", "ratio of time lost"]
    assert found.plot(unit="week").get_xlabel() == "Time (weeks)"


def test_milestones_as_survfit() -> None:
    found = imo.trial.milestone_survival(veterans(), [60, 180]).arms.sort_values(["arm", "time"])
    for column, name in (("survival", ""), ("standard_error", "_error"), ("lower", "_lower"), ("upper", "_upper")):
        assert found[column].tolist() == pytest.approx(R["milestone" + name], rel=1e-9)


def test_milestones_as_published() -> None:
    found = imo.trial.milestone_survival(heart_attacks(years=True), [1, 3, 5]).arms.set_index(["arm", "time"])
    expected = {  # CAMIS R/survival: summary(survfit(...), times = c(1, 3, 5)): at risk, survival, standard error
        "with": [(50, 0.641, 0.0543), (27, 0.455, 0.0599), (11, 0.315, 0.0643)],
        "without": [(312, 0.739, 0.0214), (199, 0.642, 0.0245), (77, 0.530, 0.0311)],
    }
    for arm, rows in expected.items():
        for time, (at_risk, survival, error) in zip((1, 3, 5), rows, strict=True):
            row = found.loc[(arm, time)]
            assert row["at_risk"] == at_risk
            assert (round(row["survival"], 3), round(row["standard_error"], 4)) == (survival, error)


def test_milestones_are_compared_as_lifelines_does() -> None:
    from lifelines import KaplanMeierFitter
    from lifelines.statistics import survival_difference_at_fixed_point_in_time_test

    table = remission()
    fitted = [KaplanMeierFitter().fit(own["time"], own["event"]) for _, own in table.groupby("arm")]
    known = survival_difference_at_fixed_point_in_time_test(22, *fitted)
    found = imo.trial.milestone_survival(table, 22)
    assert found.contrasts["p_value"].iloc[0] == pytest.approx(known.p_value, rel=1e-6)
    assert found.plot(unit="day").get_xlabel() == "Time (days)"


# Competing risks


def test_cumulative_incidence_as_cmprsk() -> None:
    found = imo.trial.cumulative_incidence(veterans()).at([60, 180, 365]).sort_values(["cause", "arm", "time"])
    assert found["incidence"].tolist() == pytest.approx(R["incidence"], rel=1e-9)
    assert (found["standard_error"] ** 2).tolist() == pytest.approx(R["incidence_variance"], rel=1e-9)


def test_cumulative_incidence_as_published() -> None:
    found = imo.trial.cumulative_incidence(transplants()).at([0.5, 1, 1.5, 2, 3])
    own = found[(found["arm"] == "AML, low risk") & (found["cause"] == "relapse")]
    assert own["incidence"].round(4).tolist() == [0.0, 0.0741, 0.1296, 0.1481, 0.1667]  # CAMIS R/survival_cif: cuminc
    assert own["standard_error"].round(4).tolist() == [0.0, 0.0360, 0.0463, 0.0489, 0.0514]
    assert own["lower"].round(4).tolist()[1:] == [0.0234, 0.0563, 0.0685, 0.0813]
    assert own["upper"].round(4).tolist()[1:] == [0.1646, 0.2344, 0.2565, 0.2783]


def test_incidences_and_survival_add_up() -> None:
    table = delayed(4).assign(reason=lambda t: np.where(t["time"] * 10 % 3 < 1, "death", "progression"))
    found, km = imo.trial.cumulative_incidence(table), imo.kaplan_meier(table)
    days = [3.0, 10.0, 17.0]
    total = found.at(days).groupby(["arm", "time"])["incidence"].sum()
    for day in days:
        for row in km.survival_at(day).itertuples():
            assert total[(row.arm, day)] + row.survival == pytest.approx(1, abs=1e-12)
    assert found.plot().get_ylabel() == "Cumulative incidence" and np.isnan(found.at([999])["incidence"]).all()


def test_one_cause_is_one_less_kaplan_meier() -> None:
    table = remission().assign(reason="relapse")
    found = imo.trial.cumulative_incidence(table).at([10])["incidence"]
    assert (1 - found).tolist() == pytest.approx(imo.kaplan_meier(table).survival_at(10)["survival"].tolist())


def test_an_arm_that_is_at_risk_at_no_event_has_no_degree_of_freedom() -> None:
    """As in `survdiff` of R: arms without expected events do not count."""
    early = pd.DataFrame({"subject": ["e1", "e2"], "arm": "early", "endpoint": "RFS", "time": 0.5, "event": 0})
    known = imo.trial.log_rank(remission())
    for table in (pd.concat([early, remission()]), pd.concat([remission(), early])):
        found = imo.trial.log_rank(table)
        assert found.degrees_of_freedom == 1 and np.isnan(found.z)
        assert found.statistic == pytest.approx(known.statistic) and found.p_value == pytest.approx(known.p_value)


def test_satos_interval_at_opposite_rates() -> None:
    table = pd.DataFrame({"arm": ["a", "b"], "responders": [0, 30], "n": [43, 30]})
    found = imo.trial.response_rate_difference(table, method="mantel-haenszel")
    assert found.estimate == 1 and found.lower == pytest.approx(1) and found.upper == pytest.approx(1)


# Wrong input


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda t: imo.trial.log_rank(t.assign(arm="all")), "there is only 'all'"),
        (lambda t: imo.trial.log_rank(t.assign(time=-1.0)), "time is negative"),
        (lambda t: imo.trial.log_rank(t.assign(event=0)), "have no event"),
        (lambda t: imo.trial.log_rank(t.assign(time=7, event=1)), "have no event that distinguishes the arms"),
        (lambda t: imo.trial.log_rank(t, rho=-1), "exponents of 0 or above"),
        (lambda t: imo.trial.log_rank(t, strata="sex"), "'sex' is not a column"),
        (lambda t: imo.trial.log_rank(t.assign(sex=["f", *[""] * 41]), strata="sex"), "subject s1: has no value"),
        (lambda t: imo.trial.log_rank(t.assign(s=pd.Categorical(["f"] * 42, ["f", "m"])), strata="s"), "'m' has no subjects"),
        (lambda t: imo.trial.log_rank(t.assign(site=t["arm"]), strata="site"), "stratum '6-MP': has subjects of one arm only"),
        (lambda t: imo.trial.log_rank(t, by="armm"), "did you mean 'arm'"),
        (lambda t: imo.trial.max_combo(t.assign(arm=["a", "b", "c"] * 14)), "there are 3: 'a', 'b', 'c'"),
        (lambda t: imo.trial.max_combo(t, reference="MP"), "'MP' is not an arm"),
        (lambda t: imo.trial.max_combo(t, weights=[]), "weights: are none"),
        (lambda t: imo.trial.restricted_mean_survival(t, 40), "day 40 is after the last time of arm '6-MP', day 35"),
        (lambda t: imo.trial.restricted_mean_survival(t, -3), "a time above zero"),
        (lambda t: imo.trial.restricted_mean_survival(t, 10, confidence=95), "confidence: is 95"),
        (lambda t: imo.trial.milestone_survival(t, 100), "day 100 is after the last time of arm '6-MP', day 35"),
        (lambda t: imo.trial.milestone_survival(t, 0), "a time above zero"),
        (lambda t: imo.trial.cumulative_incidence(t), "no column 'reason'"),
        (lambda t: imo.trial.cumulative_incidence(t.assign(reason="")), "has an event without cause"),
        (lambda t: imo.kaplan_meier(t.assign(arm="a")).plot(hazard_ratio=True), "is of two arms, and there are 1"),
    ],
)
def test_wrong_input_is_named(call: Any, expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        call(remission())
