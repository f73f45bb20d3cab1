"""Simulated trials: accounting, common random numbers, replicates alone, closed forms, treatment changes, wrong input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import binomtest, multivariate_normal

import immunoode as imo
from immunoode.errors import DataError
from immunoode.virtual_trial import (
    Accrual,
    Hazard,
    Measurement,
    Observation,
    RandomDraws,
    RepeatedTrials,
    SimulatedTrial,
    TrialAnalysis,
    TrialArm,
    VisitSchedule,
    spending_boundaries,
)
from immunoode.virtual_trial.accrual import allocate
from immunoode.virtual_trial.two_arm_comparison import hazard_ratio, log_rank_z, risk_sets
from tests.long_forms import spread

MODEL = """
kind = "base"
title = "A tumour that grows unless it is treated, and a risk of death that the drug lowers"
[compartments]
size = { unit = "mm", initial = "baseline", roles = ["tumour"] }
drug = { unit = "mg", roles = ["drug"] }
[inputs]
drug = { into = "drug", unit = "mg" }
[derived]
sum_of_diameters = { expr = "size", unit = "mm" }
risk = { expr = "exp(-effect * drug)", unit = "1" }
[flows]
growth = { to = "size", rate = "growth_rate * size * exp(-inhibition * drug)" }
[parameters]
baseline = { value = 60, unit = "mm", source = "estimate: a test" }
growth_rate = { value = 0.0, unit = "1/day", source = "estimate: a test" }
effect = { value = 0.5, unit = "1/mg", source = "estimate: a test" }
inhibition = { value = 0.0, unit = "1/mg", source = "estimate: a test" }
"""
DRUG = imo.Regimen().dose("drug", 1.0)
EXACT = Measurement(lesions=(1.0,), additive=0, proportional=0, round_mm=0)
DEATH = Hazard(1.0, exponent=1, output="risk", reference=1.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> imo.Model:
    path: Path = tmp_path_factory.mktemp("model") / "risk.toml"
    path.write_text(MODEL)
    return imo.read_model(path)


def trial(*args: Any, **options: Any) -> SimulatedTrial:
    found = imo.simulate_trial(*args, **options)
    assert isinstance(found, SimulatedTrial)
    return found


def trials(*args: Any, **options: Any) -> RepeatedTrials:
    found = imo.simulate_trial(*args, **options)
    assert isinstance(found, RepeatedTrials)
    return found


PATIENTS = pd.DataFrame({"growth_rate": np.linspace(-0.004, 0.01, 50)}, index=range(100, 150))
BUSY: dict[str, Any] = {
    "observation": Observation(
        VisitSchedule("6 weeks", "48 weeks", jitter="3 days", screening="3 weeks", missed=0.05),
        new_lesions=Hazard(0.3),
        death=DEATH,
        dropout=Hazard(0.2),
    ),
    "accrual": Accrual(over="6 months"),
}
"""A trial with everything that is random."""


def test_accounting_adds_up(model: imo.Model) -> None:
    for analysis in (TrialAnalysis("PFS", events=60), TrialAnalysis("OS", at="9 months"), TrialAnalysis("response")):
        found = trial(PATIENTS, {"control": None, "drug": DRUG}, 101, model=model, analysis=analysis, seed=1, **BUSY)
        counts, table = found.accounting(), found.outcomes
        assert counts["subjects"].sum() == len(table) == found.looks["randomised"].iloc[-1]
        assert (counts.groupby("arm")["subjects"].sum() == counts.groupby("arm")["randomised"].first()).all()
        name = "os" if analysis.endpoint == "OS" else "pfs"
        assert counts.loc[counts["event"], "subjects"].sum() == table[f"{name}_event"].sum()
        assert set(table["patient"]) <= set(PATIENTS.index) and (table["entry"] <= found.looks["day"].iloc[-1]).all()
        assert (table["entry"] + table["os_time"] <= found.looks["day"].iloc[-1] + 1e-6).all()


def test_data_agree_with_outcomes(model: imo.Model) -> None:
    options = {"model": model, "analysis": TrialAnalysis("PFS", events=60), "seed": 2, **BUSY}
    found = trial(PATIENTS, {"control": None, "drug": DRUG}, 120, **options)
    responses = found.responses()
    pfs = imo.trial.progression_free_survival(responses, found.data).set_index("subject").loc[found.outcomes.index]
    assert pfs["time"].tolist() == pytest.approx(found.outcomes["pfs_time"].tolist())
    assert pfs["event"].tolist() == found.outcomes["pfs_event"].tolist()
    best = responses.subjects.set_index("subject").loc[found.outcomes.index, "best_response"]
    assert best.tolist() == found.outcomes["best_response"].tolist()
    assert found.kaplan_meier("PFS").arms == ("control", "drug")
    assert found.outcomes["pfs_event"].sum() >= 60


def test_the_cut_is_at_the_event(model: imo.Model) -> None:
    table = trials(
        PATIENTS,
        {"control": None, "drug": DRUG},
        100,
        model=model,
        replicates=20,
        analysis=TrialAnalysis("OS", events=30),
        **BUSY,
    ).table
    assert (table["events"] >= 30).all() and table["events"].mean() < 31 and (table["day"] % 1 == 0).all()


@pytest.mark.parametrize("crossover", spread([True, False], 1))
def test_a_replicate_alone_is_that_among_others(model: imo.Model, crossover: bool) -> None:
    arms = {
        "control": TrialArm(None, crossover="drug" if crossover else None, crossover_share=0.6),
        "drug": TrialArm(DRUG, ratio=2, until_progression=crossover),
    }
    patients = PATIENTS.assign(inhibition=0.5)
    options = {"model": model, "analysis": TrialAnalysis("OS", events=60, looks=(0.5,), futility=1.2), "seed": 4, **BUSY}
    many = trials(patients, arms, 100, replicates=12, **options)
    again = trials(patients, arms, 100, replicates=3, first=7, **options)
    pd.testing.assert_frame_equal(many.table.iloc[7:10].reset_index(drop=True), again.table, check_exact=True)
    alone = trial(patients, arms, 100, first=7, **options)
    last, row = alone.looks.iloc[-1], many.table.iloc[7]
    assert (last["z"], last["day"], last["events"]) == (row["z"], row["day"], row["events"])
    pd.testing.assert_frame_equal(alone.outcomes, many.trial(7).outcomes, check_exact=True)


@pytest.mark.slow
def test_replicates_in_other_processes_are_the_same(model: imo.Model) -> None:
    options = {"model": model, "replicates": 300, "seed": 4, **BUSY}
    here = trials(PATIENTS, {"control": None, "drug": DRUG}, 100, **options)
    there = trials(PATIENTS, {"control": None, "drug": DRUG}, 100, workers=2, **options)
    pd.testing.assert_frame_equal(here.table, there.table, check_exact=True)


def test_random_numbers_are_common_to_designs(model: imo.Model) -> None:
    one = trial(PATIENTS, {"control": None, "drug": DRUG}, 80, model=model, seed=6, **BUSY).outcomes
    other = trial(PATIENTS, {"control": None, "drug": None}, 80, model=model, seed=6, **BUSY).outcomes
    same = ["arm", "patient", "entry", "baseline"]
    pd.testing.assert_frame_equal(one[same], other[same])
    control = one["arm"] == "control"
    early = one["entry"] + one["os_time"] < 300
    pd.testing.assert_series_equal(one.loc[control & early, "os_time"], other.loc[control & early, "os_time"])
    assert (one.loc[~control, "os_time"] >= other.loc[~control, "os_time"]).all()
    assert (one.loc[~control, "os_time"] > other.loc[~control, "os_time"]).any()


def test_under_the_null_all_arms_are_treated_as_the_control(model: imo.Model) -> None:
    options = {"model": model, "seed": 6, **BUSY}
    null = trial(PATIENTS, {"control": None, "drug": DRUG}, 80, null=True, **options).outcomes
    same = trial(PATIENTS, {"control": None, "drug": None}, 80, **options).outcomes
    pd.testing.assert_frame_equal(null, same)


def test_allocation_is_balanced() -> None:
    arms = allocate((1, 2), RandomDraws(1, range(31), tuple(range(400)))).reshape(400, 31)
    assert (np.abs((arms[:, :30] == 1).sum(axis=1) - 20) <= 0).all()
    assert abs((arms == 1).mean() - 2 / 3) < 0.01 and len({tuple(row) for row in arms[:50]}) == 50


def test_accrual() -> None:
    draws = RandomDraws(2, range(300), tuple(range(50)))
    days = Accrual(per_month=10).days(draws).reshape(50, 300)
    assert (np.diff(days, axis=1) > 0).all() and abs(days[:, -1].mean() / 30.4375 - 30) < 0.8
    over = Accrual(over="300 days").days(draws).reshape(50, 300)
    assert (np.diff(over, axis=1) >= 0).all() and abs(over.mean() - 150) < 3 and over.max() < 300


def test_weights_draw_patients(model: imo.Model) -> None:
    weights = np.zeros(50)
    weights[[3, 7]] = 0.25, 0.75
    patients = imo.virtual_population.VirtualPatients(PATIENTS)
    cohort = imo.virtual_population.Cohort(patients, weights)
    drawn = trial(cohort, {"all": None}, 400, model=model, seed=1).outcomes["patient"]
    assert set(drawn) == {103, 107} and abs((drawn == 107).mean() - 0.75) < 0.07


@pytest.mark.slow
def test_several_populations_give_the_probability_of_success(model: imo.Model) -> None:
    populations = [PATIENTS.assign(effect=0.0), PATIENTS.assign(effect=3.0)]
    analysis = TrialAnalysis("OS", events=60)
    arms = {"control": None, "drug": DRUG}
    found = trials(populations, arms, 100, model=model, replicates=60, analysis=analysis, **BUSY)
    row = found.operating_characteristics().iloc[0]
    assert row["quantity"] == "probability of success" and 0.3 < row["estimate"] < 0.75


def test_progression_ends_treatment(model: imo.Model) -> None:
    """The tumour grows after the drug, which is given every three weeks, ends; visits are exact and each six weeks."""
    drug = imo.Regimen().dose("drug", 1.0, every="3 weeks", count=30)
    patients = pd.DataFrame({"growth_rate": [0.006], "effect": 0.0})
    visits = Observation(VisitSchedule("6 weeks", "48 weeks"), EXACT)
    found = trial(patients, {"drug": TrialArm(drug, until_progression=True)}, 3, model=model, observation=visits)
    day = np.log(1.2) / 0.006
    assert (found.outcomes["pfs_time"] == 42 * np.ceil(day / 42)).all()
    assert (found.outcomes["treatment_change"] == found.outcomes["pfs_time"]).all() and not found.outcomes["crossed_over"].any()


def test_crossover_gives_the_other_treatment_from_progression_on(model: imo.Model) -> None:
    patients = pd.DataFrame({"growth_rate": [0.006], "inhibition": 50.0, "effect": 0.0})
    visits = Observation(VisitSchedule("6 weeks", "48 weeks"), EXACT)
    arms = {"control": TrialArm(None, crossover="drug"), "drug": DRUG}
    found = trial(patients, arms, 8, model=model, observation=visits)
    control = found.outcomes[found.outcomes["arm"] == "control"]
    assert control["crossed_over"].all() and (control["treatment_change"] == 42).all()
    rows = found.data.frame[found.data.frame["subject"] == control.index[0]].sort_values("time")
    assert np.allclose(rows["value"], [60.0, *[60 * np.exp(0.006 * 42)] * 8], rtol=1e-4)
    without = trial(patients, {"control": None, "drug": DRUG}, 8, model=model, observation=visits)
    assert without.outcomes["pfs_time"].tolist() == found.outcomes["pfs_time"].tolist()


def test_two_arm_statistics_are_those_of_lifelines() -> None:
    from lifelines import CoxPHFitter
    from lifelines.statistics import logrank_test

    random = np.random.default_rng(1)
    for ties in (1.0, 60.0):
        treated = random.random(200) < 0.5
        time = np.ceil(random.exponential(np.where(treated, 400, 250)) / ties) * ties
        event = random.random(200) < 0.7
        sets = risk_sets(time, event, treated)
        test = logrank_test(time[treated], time[~treated], event[treated], event[~treated])
        assert log_rank_z(sets) ** 2 == pytest.approx(test.test_statistic, rel=1e-9)
        fitted = CoxPHFitter().fit(pd.DataFrame({"time": time, "event": event, "x": treated * 1.0}), "time", "event")
        assert hazard_ratio(sets) == pytest.approx(float(np.exp(fitted.params_["x"])), rel=1e-4)


def test_hazard_ratios_at_the_ends() -> None:
    one_sided = risk_sets(np.array([1.0, 2.0, 3.0]), np.array([True, True, False]), np.array([False, False, True]))
    assert hazard_ratio(one_sided) == 0.0 and log_rank_z(one_sided) > 0
    none = risk_sets(np.array([1.0, 2.0]), np.array([False, False]), np.array([False, True]))
    assert np.isnan(hazard_ratio(none)) and np.isnan(log_rank_z(none))


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_boundaries_spend_the_error(spending: Any) -> None:
    times = [0.3, 0.6, 1.0]
    found = spending_boundaries(times, 0.025, spending)
    between = [[np.sqrt(min(a, b) / max(a, b)) for a in times] for b in times]
    normal = multivariate_normal(np.zeros(3), between)
    assert 1 - normal.cdf(found["z"]) == pytest.approx(0.025, abs=2e-5)
    assert found["p_value"][0] == pytest.approx(found["spent"][0], rel=1e-9) and found["spent"][-1] == pytest.approx(0.025)
    assert spending_boundaries([1.0], 0.05)["z"][0] == pytest.approx(-ndtri(0.05))


@pytest.mark.slow
def test_power_is_that_of_schoenfeld(model: imo.Model) -> None:
    """Exponential survival, no dropout: z is normal with mean log(hazard ratio) sqrt(events / 4) (Schoenfeld 1981)."""
    patients = pd.DataFrame({"effect": [-np.log(0.65)]})
    how = Observation(VisitSchedule("1 year", "10 years"), death=DEATH)
    analysis = TrialAnalysis("OS", events=150)
    arms = {"control": None, "drug": DRUG}
    found = trials(
        patients, arms, 200, model=model, observation=how, analysis=analysis, replicates=400, seed=1, step="26 weeks"
    )
    drift = -np.log(0.65) * np.sqrt(150 / 4)
    expected = float(ndtr(drift + ndtri(0.025)))
    assert found.success_is == "power"
    assert abs(found.table["success"].mean() - expected) < 0.05 and abs(found.table["z"].mean() - drift) < 0.15
    assert found.table["hazard_ratio"].median() == pytest.approx(0.65, rel=0.04)


@pytest.mark.slow
@pytest.mark.parametrize("looks", [(), (0.5, 0.75)])
def test_type_one_error(model: imo.Model, looks: tuple[float, ...]) -> None:
    patients = pd.DataFrame({"effect": [0.5], "baseline": 60.0})
    how = Observation(VisitSchedule("1 year", "5 years"), death=DEATH, dropout=Hazard(0.1))
    analysis = TrialAnalysis("OS", events=100, looks=looks, alpha=0.05)
    arms = {"control": None, "drug": DRUG}
    options = {"model": model, "observation": how, "analysis": analysis, "accrual": Accrual(per_month=20), "step": "13 weeks"}
    found = trials(patients, arms, 150, replicates=1500, null=True, seed=9, **options)
    assert found.success_is == "type I error" and len(found) == 1500
    interval = binomtest(int(found.table["success"].sum()), 1500).proportion_ci(0.99)
    assert interval.low <= 0.05 <= interval.high


@pytest.mark.slow
def test_early_stopping(model: imo.Model) -> None:
    arms = {"control": None, "drug": DRUG}
    how = Observation(VisitSchedule("1 year", "8 years"), death=DEATH)
    analysis = TrialAnalysis("OS", events=100, looks=(0.4, 0.7), spending="pocock", futility=0.95)
    options = {
        "model": model,
        "observation": how,
        "analysis": analysis,
        "replicates": 60,
        "accrual": Accrual(per_month=8),
        "step": "13 weeks",
    }
    found = trials(pd.DataFrame({"effect": [1.0]}), arms, 140, **options)
    table = found.operating_characteristics().set_index("quantity")["estimate"]
    assert table["stopped early for efficacy"] > 0.5 and table["mean events"] < 80 and table["mean subjects"] < 140
    assert (found.table["success"] == (found.table["z"] >= found.table["boundary"])).all()
    harm = trials(pd.DataFrame({"effect": [-0.5]}), arms, 140, **options)
    assert harm.operating_characteristics().set_index("quantity").loc["stopped early for futility", "estimate"] > 0.8


def test_arms_against_one_control(model: imo.Model) -> None:
    arms = {"control": None, "low": DRUG, "high": imo.Regimen().dose("drug", 3.0)}
    found = trials(PATIENTS, arms, 90, model=model, replicates=10, analysis=TrialAnalysis("OS"), **BUSY)
    assert list(found.table["arm"].iloc[:2]) == ["low", "high"] and len(found.table) == 20 and len(found) == 10
    assert found.table["boundary"].iloc[0] == pytest.approx(-ndtri(0.0125))


def test_tests_of_responses_and_of_the_caller(model: imo.Model) -> None:
    patients = pd.DataFrame({"growth_rate": [-0.01]})
    responses = trials(patients, {"a": None, "b": None}, 40, model=model, replicates=3, analysis=TrialAnalysis("response"))
    assert (responses.table["rate_difference"] == 0).all() and (responses.table["a: response_rate"] == 1).all()

    def always(table: pd.DataFrame) -> float:
        assert set(table["arm"]) == {"a", "b"}
        return 0.001

    own = trials(patients, {"a": None, "b": None}, 40, model=model, replicates=3, analysis=TrialAnalysis(test=always))
    assert own.table["success"].all() and own.table["p_value"].iloc[0] == pytest.approx(0.001)
    with pytest.raises(DataError, match=r"test: returned 2; a one-sided p value between 0 and 1"):
        trial(patients, {"a": None, "b": None}, 40, model=model, analysis=TrialAnalysis(test=lambda table: 2))


@pytest.mark.parametrize("name", ["late log-rank", "MaxCombo", "restricted mean"])
def test_named_tests(model: imo.Model, name: str) -> None:
    arms = {"control": None, "drug": imo.Regimen().dose("drug", 4.0)}
    options = {"model": model, "analysis": TrialAnalysis("OS", test=name), **BUSY}
    better = trials(PATIENTS, arms, 120, replicates=2, **options).table
    worse = trials(PATIENTS.assign(effect=-0.4), arms, 120, replicates=2, **options).table
    assert (better["p_value"] < 0.01).all() and (worse["p_value"] > 0.5).all()


def test_irecist_assessment_and_one_arm(model: imo.Model) -> None:
    rules = imo.trial.IrecistRules()
    found = trial(PATIENTS, {"drug": DRUG}, 60, model=model, rules=rules, confirmed=True, seed=3, **BUSY)
    assert {"iPR", "iCPD", "iSD"} & set(found.outcomes["best_response"]) and found.responses().criteria == "iRECIST"
    assert "hazard_ratio" not in found.looks and "Simulated trial: 60 subjects" in found.report()
    many = trials(PATIENTS, {"drug": DRUG}, 60, model=model, replicates=5, rules=rules, **BUSY)
    assert "power" not in set(many.operating_characteristics()["quantity"])


def test_reports_and_figures(model: imo.Model) -> None:
    options = {"model": model, "analysis": TrialAnalysis("PFS", events=60), **BUSY}
    arms = {"control": None, "drug": DRUG}
    one, many = trial(PATIENTS, arms, 90, **options), trials(PATIENTS, arms, 90, replicates=15, **options)
    assert "ended on day" in one.report() and "power" in many.report() and "<table" in many._repr_html_() + one._repr_html_()
    assert one.plot().get_title().startswith("Hazard ratio")
    assert len(one.plot("waterfall", data=True)[1]) > 50 and len(many.plot(data=True)[1]) == 15
    with pytest.raises(DataError, match="what: is 'spider'"):
        one.plot("spider")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"arms": {}}, "arms: are empty"),
        ({"arms": {"a": 3}}, "arm 'a': is int"),
        ({"arms": {"a": TrialArm(None, crossover="a"), "b": None}}, "arm 'a': crosses over to itself"),
        ({"size": 0}, "size: is 0; a whole number above zero"),
        ({"replicates": 1.5}, "replicates: is 1.5"),
        ({"population": 3}, "population: is int"),
        ({"population": PATIENTS.iloc[:0]}, "population: has no patients"),
        ({"population": []}, "population: is empty"),
        ({"observation": 3}, "observation: is int; a Observation"),
        ({"analysis": TrialAnalysis("OS")}, "has the endpoint OS, but there is no hazard of death"),
        ({"analysis": TrialAnalysis(events=100)}, "needs 100 events, but there are 20 subjects"),
        ({"analysis": TrialAnalysis(control="c")}, "analysis: control: 'c' is not an arm"),
        ({"analysis": TrialAnalysis(events=10, looks=(0.5,)), "arms": {"a": None, "b": None, "c": None}}, "looks at 3 arms"),
    ],
)
def test_wrong_trials(model: imo.Model, options: dict[str, Any], expected: str) -> None:
    given: dict[str, Any] = {"population": PATIENTS, "arms": {"a": None, "b": DRUG}, "size": 20, "model": model, **options}
    with pytest.raises(DataError, match=expected):
        imo.simulate_trial(given.pop("population"), given.pop("arms"), given.pop("size"), **given)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: TrialAnalysis("DFS"), "endpoint: is 'DFS'"),
        (lambda: TrialAnalysis(test="log rank"), "test: is 'log rank'; .*log-rank"),
        (lambda: TrialAnalysis("response", looks=(0.5,)), "has no events, looks"),
        (lambda: TrialAnalysis(looks=(0.5,)), "fractions of events=, which is not stated"),
        (lambda: TrialAnalysis(events=50, looks=(0.7, 0.5)), "increasing fractions between 0 and 1"),
        (lambda: TrialAnalysis(events=50, at="1 year"), "has both events= and at="),
        (lambda: TrialAnalysis(alpha=0.9), "alpha: is 0.9"),
        (lambda: TrialAnalysis(at="soon"), "at: "),
        (lambda: TrialAnalysis(futility=1.0), "without looks"),
        (lambda: Accrual(over="1 year", per_month=3), "has both over= and per_month="),
        (lambda: Accrual(per_month=0), "per_month: is 0"),
        (lambda: TrialArm(ratio=0), "ratio: is 0"),
        (lambda: TrialArm(crossover_share=0), "crossover_share: is 0"),
        (lambda: Observation(follow_up="10 days"), "before the last visit"),
        (lambda: Observation(death=0.3), "death: is float; a Hazard"),
        (lambda: spending_boundaries([0.5, 0.9]), "fractions: are"),
    ],
)
def test_wrong_designs(make: Any, expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        make()


@pytest.mark.parametrize("name", ["late log-rank", "MaxCombo", "restricted mean"])
def test_a_look_without_information_is_no_success(name: str) -> None:
    """All progress at the first visit, so that late events have no weight; and one arm may have no subjects yet."""
    analysis = TrialAnalysis("PFS", name)
    same = pd.DataFrame({"arm": ["control", "drug"] * 10, "pfs_time": 42.0, "pfs_event": True})
    for table in (same, same[same["arm"] == "drug"]) if name != "restricted mean" else (same,):
        found = analysis.compare(table, "control")
        assert np.isnan(found["z"]) and np.isnan(found["p_value"])


def test_nobody_crosses_over_after_the_end_of_follow_up(model: imo.Model) -> None:
    """Treatment would change on the next date of the grid, before which some die or drop out."""
    visits = Observation(VisitSchedule("6 weeks", "48 weeks", jitter="5 days"), EXACT, death=Hazard(3.0), dropout=Hazard(3.0))
    patients = pd.DataFrame({"growth_rate": [0.006], "effect": 0.0})
    arms = {"control": TrialArm(None, crossover="drug"), "drug": DRUG}
    table = trial(patients, arms, 300, model=model, observation=visits, step="6 weeks", seed=3).outcomes
    crossed = table[table["crossed_over"]]
    assert 0 < len(crossed) < (table["arm"] == "control").sum()
    assert (crossed["treatment_change"] <= crossed["os_time"]).all()
