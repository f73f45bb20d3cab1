"""Plausibility: bounds on outputs, courses and summaries; what each criterion excludes adds up; rejection and perturbation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import immunoode as imo
from immunoode.errors import PopulationError
from immunoode.virtual_population import (
    Correlation,
    LogNormal,
    Plausibility,
    PlausibilityCriterion,
    PopulationDistribution,
    check_plausibility,
    plausible_sampling,
    sample_plausible_patients,
)
from tests.long_forms import short

MODEL = "ribba2022"
RATES = PopulationDistribution(
    {"growth_rate": LogNormal(0.002, 0.8), "shrinkage_rate": LogNormal(0.004, 0.6)},
    correlations=[Correlation(("growth_rate", "shrinkage_rate"), [[1], [-0.3, 1]])],
)
SLD = "sum_of_diameters"
CRITERIA = (
    PlausibilityCriterion(SLD, upper="120 mm", at="1 year"),
    PlausibilityCriterion(SLD, lower=30, between=(0, "1 year")),
    PlausibilityCriterion("growth_rate", upper=0.01),
)


def law(table: pd.DataFrame, time: float) -> np.ndarray:
    return 60.0 * (np.exp(table["growth_rate"] * time) + np.exp(-table["shrinkage_rate"] * time) - 1).to_numpy()


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    return imo.sample_patients(MODEL, RATES, 400, seed=2)


@pytest.fixture(scope="module")
def checked(patients: pd.DataFrame) -> Plausibility:
    return check_plausibility(MODEL, patients, CRITERIA)


def expected_failures(table: pd.DataFrame) -> np.ndarray:
    lowest = np.min([law(table, t) for t in np.arange(0.0, 366.0)], axis=0)
    return np.column_stack([law(table, 365.25) > 120, lowest < 30, table["growth_rate"] > 0.01])


def test_patients_are_kept_by_the_closed_solution(patients: pd.DataFrame, checked: Plausibility) -> None:
    fails = expected_failures(patients)
    assert (checked.plausible == ~fails.any(axis=1)).all()
    assert list(checked.kept.index) == list(np.flatnonzero(~fails.any(axis=1)))
    assert 0.1 < checked.plausible.mean() < 0.9


def test_what_each_criterion_excludes_adds_up(patients: pd.DataFrame, checked: Plausibility) -> None:
    fails, table = expected_failures(patients), checked.to_frame()
    assert table["failed"].tolist() == [0, *fails.sum(axis=0)]
    assert table["above"].tolist() == [0, fails[:, 0].sum(), 0, fails[:, 2].sum()]
    assert table["below"].tolist() == [0, 0, fails[:, 1].sum(), 0]
    assert table["only"].tolist() == [0, *(fails & (fails.sum(axis=1) == 1)[:, None]).sum(axis=0)]
    assert table["first"].sum() + len(checked.kept) == len(patients)
    assert len(checked.excluded()) == len(patients) - len(checked.kept)
    counts = checked.excluded()["excluded by"].value_counts()
    assert {k: v for k, v in counts.items() if v} == {k: v for k, v in table["first"].items() if v}
    assert f"{len(checked.kept)} kept" in str(checked)


def test_a_doubling_time(patients: pd.DataFrame) -> None:
    one = PlausibilityCriterion(SLD, lower="200 days", reduce="doubling_time", between=(0, "12 weeks"))
    growth = np.log(law(patients, 84) / 60)
    doubling = np.where(growth > 0, 84 * np.log(2) / np.where(growth > 0, growth, 1), np.inf)
    assert (check_plausibility(MODEL, patients, one).plausible == (doubling >= 200)).all()
    assert np.isinf(doubling).any() and (doubling < 200).any()


def test_a_reduction_of_simulate_many(patients: pd.DataFrame) -> None:
    one = PlausibilityCriterion(SLD, upper=45, reduce="minimum")
    kept = imo.simulate_many(MODEL, until="200 days", parameters=patients, outputs=SLD, reduce="minimum", progress=False)
    assert (check_plausibility(MODEL, patients, one, until="200 days").plausible == (kept[f"{SLD}: minimum"] <= 45)).all()


def test_criteria_of_arms() -> None:
    table = imo.sample_patients("tumour_immune", {"growth_rate": LogNormal(0.006, 0.5)}, 20)
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=4)
    exposed = PlausibilityCriterion("pembrolizumab_concentration", lower="5 mg/L", at="12 weeks", arm="treated")
    none = PlausibilityCriterion("pembrolizumab_concentration", upper=0, at="12 weeks", arm="untreated")
    found = check_plausibility(model, table, (exposed, none), {"treated": regimen, "untreated": None})
    assert len(found.kept) == 20
    with pytest.raises(PopulationError, match=r"criteria\[0\]: arm 'treated' has no regimen"):
        check_plausibility(model, table, exposed, regimen)


def test_patients_that_cannot_be_simulated_are_counted(patients: pd.DataFrame) -> None:
    table = patients.iloc[:10].assign(growth_rate=[5.0] * 3 + [0.001] * 7)
    found = check_plausibility(MODEL, table, PlausibilityCriterion(SLD, upper=1e9, at=1000), most_steps=200)
    frame = found.to_frame()
    assert frame.loc["simulated to the end", "first"] == 3 and frame["first"].sum() + len(found.kept) == 10
    assert "not simulated: " in found.report()


def test_rejected_patients_follow_the_distribution_given_that_they_are_plausible() -> None:
    made = sample_plausible_patients(MODEL, RATES, 500, CRITERIA, seed=2)
    assert len(made.patients) == 500 and not made.distance.any()
    assert not expected_failures(made.patients).any()
    drawn = made.drawn.parameters
    assert made.patients.equals(drawn[~expected_failures(drawn).any(axis=1)])
    assert drawn.equals(imo.sample_patients(MODEL, RATES, len(drawn), seed=2))
    assert drawn.index[-1] == made.patients.index[-1]
    counts = made.to_frame().iloc[0]
    assert counts["drawn"] == counts[["kept as drawn", "perturbed", "excluded"]].sum() == len(drawn)


@pytest.mark.slow
def test_perturbed_patients_are_plausible_and_lie_near_the_limits() -> None:
    rejected = sample_plausible_patients(MODEL, RATES, 500, CRITERIA, seed=2)
    made = sample_plausible_patients(MODEL, RATES, 500, CRITERIA, seed=2, method="perturb")
    assert not expected_failures(made.patients).any()
    as_drawn = made.patients[made.distance == 0]
    assert as_drawn.equals(made.drawn.kept.loc[as_drawn.index])
    counts = made.to_frame().iloc[0]
    assert counts["drawn"] == counts[["kept as drawn", "perturbed", "excluded"]].sum() < rejected.to_frame()["drawn"].iloc[0]
    assert counts["perturbed"] == (made.distance > 0).sum() > 50
    near = [(law(t, 365.25) > 100).mean() for t in (made.patients, rejected.patients)]
    assert near[0] > 1.5 * near[1]
    assert stats.ks_2samp(made.patients["growth_rate"], rejected.patients["growth_rate"]).pvalue < 0.01


@pytest.mark.parametrize("method", short(["reject", "perturb"], ["reject"]))
def test_plausible_patients_do_not_depend_on_how_many_are_drawn_at_once(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    how = {"criteria": CRITERIA, "seed": 3, "method": method}
    whole = sample_plausible_patients(MODEL, RATES, 60, **how)
    monkeypatch.setattr(plausible_sampling, "BLOCK", 13)
    blocks = sample_plausible_patients(MODEL, RATES, 60, **how)
    assert blocks.patients.equals(whole.patients) and (blocks.distance == whole.distance).all()
    assert blocks.drawn.to_frame().equals(whole.drawn.to_frame())
    fewer = sample_plausible_patients(MODEL, RATES, 20, **how)
    assert fewer.patients.equals(whole.patients.iloc[:20])


def test_too_few_plausible_patients() -> None:
    impossible = PlausibilityCriterion(SLD, upper=1, at=10)
    with pytest.raises(
        PopulationError, match="(?s)only 0 of 50 patients drawn are plausible, but 5 are needed.*at most 1 .*50 .*wider"
    ):
        sample_plausible_patients(MODEL, RATES, 5, impossible, most_drawn=50)


def test_patients_that_stay_implausible_are_excluded() -> None:
    baseline = PlausibilityCriterion("baseline_sum_of_diameters", upper=50)
    with pytest.raises(PopulationError, match="only 0 of 20"):
        sample_plausible_patients(MODEL, RATES, 5, baseline, most_drawn=20, method="perturb", rounds=3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PlausibilityCriterion(SLD), "lower, upper: are both missing; at least one limit"),
        (lambda: PlausibilityCriterion(SLD, 1, at="soon"), "at, between: .*a time: '6 weeks'"),
        (lambda: PlausibilityCriterion(SLD, 1, at=1, reduce="final"), "at: is given together with reduce or between"),
        (lambda: PlausibilityCriterion(SLD, 1, reduce="doubling_time"), "between: is missing"),
        (lambda: PlausibilityCriterion(SLD, 1, reduce="minimun"), "reduce: 'minimun' is not known; did you mean 'minimum'"),
        (lambda: PlausibilityCriterion(SLD, 1, between=(5, 5)), "between: is day 5 to day 5; a later end"),
        (lambda: PlausibilityCriterion(SLD, "much"), "lower: .*a number, or one with a unit"),
    ],
)
def test_wrong_criteria(make: object, message: str) -> None:
    with pytest.raises(PopulationError, match=message):
        make()  # type: ignore[operator]


def test_all_problems_of_criteria_at_once(patients: pd.DataFrame) -> None:
    wrong = [
        PlausibilityCriterion("sum_of_diameter", 1, at=0),
        PlausibilityCriterion("growth_rate", 1, at=0),
        PlausibilityCriterion(SLD, 1),
        PlausibilityCriterion(SLD, 1, at=0, arm="x"),
        "no criterion",
    ]
    with pytest.raises(PopulationError) as caught:
        check_plausibility(MODEL, patients, wrong)  # type: ignore[arg-type]
    found = [str(p) for p in caught.value.problems]
    for line, message in zip(
        found,
        (
            "criteria[0]: 'sum_of_diameter' is neither an output nor a parameter of 'ribba2022'; did you mean",
            "criteria[1]: 'growth_rate' is a parameter, which is the same at all times; no at, reduce, between",
            "criteria[2]: applies to a whole time course; until=, or between= or at= in the criterion",
            "criteria[3]: arm 'x' has no regimen",
            "criteria[4]: is str; a PlausibilityCriterion",
        ),
        strict=True,
    ):
        assert line.startswith(message)


def test_limits_of_other_units(patients: pd.DataFrame) -> None:
    wrong = [
        PlausibilityCriterion(SLD, "3 days", at=0),
        PlausibilityCriterion(SLD, "3 mm", reduce="area", between=(0, 10)),
        PlausibilityCriterion(SLD, 5, "1 mm", at=0),
    ]
    with pytest.raises(
        PopulationError, match=r"(?s)criteria\[0\].*'mm'.*criteria\[1\].*mm times days.*criteria\[2\].*no number between"
    ):
        check_plausibility(MODEL, patients, wrong)
    with pytest.raises(PopulationError, match="(?s)times: is determined by the criteria.*regimen: is a list; one regimen"):
        check_plausibility(MODEL, patients, CRITERIA, [None] * 400, times=[0, 1])
    with pytest.raises(PopulationError, match="patients: are list"):
        check_plausibility(MODEL, [], wrong)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_figure(checked: Plausibility) -> None:
    import matplotlib.pyplot as plt

    axes = checked.plot()
    assert len(axes) == 3 and axes[0].get_title().startswith("Sum of diameters")
    assert sum(bar.get_height() for bar in axes[0].containers[0]) == len(checked.kept)
    plt.close("all")


def test_a_value_relative_to_the_start() -> None:
    patients = pd.DataFrame(
        {"growth_rate": [0.001, 0.002, 0.01], "shrinkage_rate": 0.002, "baseline_sum_of_diameters": [20.0, 60, 90]}
    )
    grown = PlausibilityCriterion(SLD, lower=1, at="90 days", relative_to_start=True)
    found = check_plausibility("ribba2022", patients, grown, start="-10 days")
    days = 100.0
    expected = np.exp(patients["growth_rate"] * days) + np.exp(-0.002 * days) - 1
    np.testing.assert_allclose(found.values.extremes[:, 0, 0], expected, rtol=1e-4)
    assert found.plausible.tolist() == (expected >= 1).tolist()
    with pytest.raises(PopulationError, match="mm"):
        check_plausibility("ribba2022", patients, PlausibilityCriterion(SLD, lower="1 mm", at=90, relative_to_start=True))
