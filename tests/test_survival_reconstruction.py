"""Times to events from published curves: exact cases, what digitising does to curves, published trials, wrong tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import immunoode as imo
from immunoode.errors import DataError
from tests.long_forms import spread
from tests.published_data import data_file
from tests.published_survival import digitised, published_trials

Table = pd.DataFrame
POINTS = [[0, 1], [3, 0.9], [6, 0.7], [9, 0.7], [12, 0.35]]
NUMBERS = {0: 10, 6: 8, 12: 4}


def drawn_trial(seed: int = 1, n: int = 300) -> Table:
    """Return a trial of two arms with staggered entry."""
    rng = np.random.default_rng(seed)
    arm = np.repeat(["a", "b"], n)
    death = rng.exponential(np.where(arm == "a", 12.0, 18.0))
    follow_up = rng.uniform(12, 36, 2 * n)
    table = Table({"arm": arm, "time": np.minimum(death, follow_up), "event": death <= follow_up})
    return table.assign(subject=[f"s{k}" for k in table.index])


def log_hazard_ratio(table: Table) -> float:
    return float(np.log(imo.trial.cox(table, reference="a").table["estimate"].iloc[0]))


def test_without_censoring_the_data_come_back() -> None:
    time = np.arange(1.0, 21.0)
    points = np.column_stack([np.append(0, time), 1 - np.append(0, time) / 20])
    found = imo.reconstruct_survival(points, {0: 20, 10: 11, 15: 6})
    assert found.endpoints["time"].tolist() == time.tolist() and found.endpoints["event"].all()
    assert found.events["largest_difference"].iloc[0] == pytest.approx(0, abs=1e-12)


def test_numbers_at_risk_and_events_add_up() -> None:
    found = imo.reconstruct_survival(POINTS, NUMBERS, events=6, unit="month")
    table = found.at_risk
    after = table["stated"] - table["events"] - table["censored"]
    assert after.tolist() == [*table["stated"].tolist()[1:], 0]
    assert found.events[["subjects", "stated", "reconstructed"]].values.tolist() == [[10, 6, 5]]
    assert "5 events are reconstructed, although 6 are stated" in found.report() and "month" in found.report()
    assert found.kaplan_meier().at_risk(["6 months", "12 months"]).values.tolist() == [[8, 4]]


def test_the_number_of_events_determines_the_censoring_of_the_tail() -> None:
    table = drawn_trial()
    own = table[table["arm"] == "a"]
    curve, _ = digitised(own, 36)
    stated = int(own["event"].sum())
    with_events = imo.reconstruct_survival(curve, {0: 300}, events=stated).events["reconstructed"].iloc[0]
    found = imo.reconstruct_survival(curve, {0: 300})
    assert len(found.endpoints) == 300
    assert abs(with_events - stated) < abs(found.events["reconstructed"].iloc[0] - stated)
    assert any("nobody is censored" in note for note in found.notes)


@pytest.mark.parametrize("events", [None, 5, 9])
def test_a_curve_that_ends_at_zero(events: int | None) -> None:
    points = [[0, 1], [2, 0.9], [4, 0.5], [8, 0.2], [12, 0.0]]
    found = imo.reconstruct_survival(points, {0: 40, 3: 20, 9: 3}, events=events)
    assert len(found.endpoints) == 40 and found.endpoints["event"].iloc[-1]
    assert found.at_risk["reconstructed"].tolist() == [40, 20, 3]
    assert found.kaplan_meier().curve["survival"].iloc[-1] == 0


@given(
    drops=st.lists(st.floats(0, 0.6), min_size=1, max_size=12),
    kept=st.lists(st.floats(0, 1), min_size=1, max_size=6),
    subjects=st.integers(1, 400),
    share=st.none() | st.floats(0, 1),
)
def test_any_curve_and_numbers_add_up(drops: list[float], kept: list[float], subjects: int, share: float | None) -> None:
    curve = np.column_stack([np.arange(len(drops) + 1.0), np.append(1, np.cumprod(1 - np.array(drops)))])
    counts = np.floor(subjects * np.append(1, np.cumprod(kept)))
    numbers = np.column_stack([np.arange(len(counts)) * 1.5, counts])
    found = imo.reconstruct_survival(curve, numbers, None if share is None else int(share * subjects))
    table = found.at_risk
    assert (table["stated"] == table["reconstructed"]).all() and len(found.endpoints) == subjects
    after = table["stated"] - table["events"] - table["censored"]
    assert after.tolist() == [*table["stated"].tolist()[1:], 0]


def test_a_large_drop_at_last_is_one_event_among_few() -> None:
    time = np.append(0, np.arange(1.0, 31.0))
    survival = np.append(1, np.cumprod(np.full(30, 0.97)))
    points = np.column_stack([np.append(time, 35.5), np.append(survival, survival[-1] / 2)])
    found = imo.reconstruct_survival(points, {0: 150, 10: 110, 20: 81, 30: 60})
    last = found.at_risk.iloc[-1]
    assert last["events"] <= 6 and last["censored"] >= 54 and found.events["largest_difference"].iloc[0] < 0.05


def changed(curve: Table, how: str) -> Table:
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 0.004, len(curve))
    wanted = {
        "as drawn": curve,
        "percent": curve.assign(survival=100 * curve["survival"]),
        "shuffled": curve.sample(frac=1, random_state=1),
        "noise": curve.assign(survival=curve["survival"] + noise),
        "twice": pd.concat([curve, curve]),
        "begins above": curve.assign(survival=1.02 * curve["survival"]),
        "begins below": curve.assign(survival=0.975 * curve["survival"]),
        "without its start": curve[curve["time"] > 0],
        "stray point": pd.concat([curve, Table({"time": [20.01], "survival": [0.05], "arm": ["a"]})]),
        "empty cells": pd.concat([curve, Table({"time": [20.0], "survival": [np.nan], "arm": ["a"]})]),
        "early time": curve.assign(time=curve["time"] - 0.1),
    }
    return wanted[how]


HOW = (
    "as drawn",
    "percent",
    "shuffled",
    "noise",
    "twice",
    "begins above",
    "begins below",
    "without its start",
    "stray point",
    "empty cells",
    "early time",
)


@pytest.mark.parametrize("how", spread(HOW, 1))
@pytest.mark.parametrize("last", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_what_digitising_does(how: str, last: bool) -> None:
    table = drawn_trial()
    parts = {arm: digitised(own, 36) for arm, own in table.groupby("arm")}
    curve = pd.concat([c.assign(arm=arm) for arm, (c, _) in parts.items()], ignore_index=True)
    numbers = pd.concat([n.assign(arm=arm).iloc[: 6 if last else 5] for arm, (_, n) in parts.items()], ignore_index=True)
    found = imo.reconstruct_survival(changed(curve, how), numbers)
    assert (found.at_risk["stated"] == found.at_risk["reconstructed"]).all()
    assert log_hazard_ratio(found.endpoints) == pytest.approx(log_hazard_ratio(table), abs=0.04)


def test_headings_of_published_tables_and_one_name_of_the_arm() -> None:
    curve = Table({"T": [0, 5, 10], "S": [1.0, 0.8, 0.5]})
    numbers = Table({"trisk": [0, 5, 10], "nrisk": [20, 20, None], "Arm": "nivolumab"})
    found = imo.reconstruct_survival(curve, numbers, unit="month")
    assert set(found.to_frame()["arm"]) == {"nivolumab"} and "1 times without a number" in found.report()


def test_the_digitised_curve_of_checkmate_067() -> None:
    curve = pd.read_csv(data_file("published_survival/Checkmate_067_S3A_Nivolumab.csv"))
    numbers = pd.read_csv(data_file("published_survival/Checkmate_067_At_Risk.csv"))
    found = imo.reconstruct_survival(curve, numbers, unit="month")
    assert np.allclose(found.at_risk["reconstructed"], numbers["nrisk"], rtol=0.02)
    assert found.events["largest_difference"].iloc[0] < 0.01


@pytest.mark.slow
def test_published_trials() -> None:
    off = []
    for table in published_trials()[::6]:
        span = float(table["time"].max())
        parts = {arm: digitised(own, span) for arm, own in table.groupby("arm", sort=False)}
        found = imo.reconstruct_survival({a: c for a, (c, _) in parts.items()}, {a: n for a, (_, n) in parts.items()})
        first = table["arm"].iloc[0]
        ratios = [imo.trial.cox(t, reference=first).table["estimate"].iloc[0] for t in (table, found.endpoints)]
        off.append(abs(np.log(ratios[0] / ratios[1])))
    assert np.median(off) <= 0.02 and np.quantile(off, 0.9) <= 0.07


def test_the_figure() -> None:
    axes = imo.reconstruct_survival(POINTS, NUMBERS, unit="month").plot(unit="month")
    assert axes.get_xlabel() == "Time (months)"


@pytest.mark.parametrize(
    ("curve", "numbers", "options", "expected"),
    [
        ([[0, 1], [-3, 0.9], [6, 0.5]], NUMBERS, {}, r"curve, row 1: time is negative \(-3\)"),
        ([[0, 1], [3, 1.3], [6, 0.5]], NUMBERS, {}, r"row 1: survival is above 1 \(1.3\)"),
        ([[0, 1], [3, -0.3], [6, 0.5]], NUMBERS, {}, "row 1: survival is below 0"),
        ([[0, 0], [3, 0.3], [6, 0.5]], NUMBERS, {}, "cumulative incidence, give 1 minus"),
        ([["0", "1"], ["x", "0.9"], ["6", "0.5"]], NUMBERS, {}, "row 1: time 'x' is not a number"),
        ([[0, 1]], NUMBERS, {}, "has no time above 0"),
        ([1, 2, 3], NUMBERS, {}, "an array with these two columns"),
        (Table({"time": [1], "height": [2]}), NUMBERS, {}, "survival"),
        (POINTS, {0: 10, 6: 11}, {}, "time 6: 11: is larger than the number before"),
        (POINTS, {0: 10, 6: 7.5}, {}, "7.5: is not a whole number"),
        (POINTS, {0: 10, 6: -1}, {}, "-1: is negative"),
        (POINTS, {0: 0}, {}, "is 0 at the first time"),
        (POINTS, {0: 10, -6: 3}, {}, "time -6: 3: time is negative"),
        (POINTS, [[0, 10], [0, 9]], {}, "a second number at one time"),
        (POINTS, {}, {}, "at_risk"),
        (POINTS, {0: 10}, {"events": 11}, "is 11; a whole number from 0 to the number at risk at first"),
        (POINTS, {0: 10}, {"events": {"b": 3}}, "'b' is not an arm"),
        (POINTS, {0: 10}, {"unit": "kg"}, "kg"),
        ({"a": POINTS, "b": POINTS}, {"a": NUMBERS, "c": NUMBERS}, {}, "curve of b: has no numbers at risk"),
        ({"a": POINTS, "b": POINTS}, {"a": NUMBERS, "b": NUMBERS}, {"events": 3}, "is 3, but there are 2 arms"),
    ],
)
def test_wrong_curves_and_numbers(curve: Any, numbers: Any, options: dict[str, Any], expected: str) -> None:
    with pytest.raises((DataError, imo.errors.UnitError), match=expected):
        imo.reconstruct_survival(curve, numbers, **options)


def test_problems_of_both_tables_are_said_at_once() -> None:
    with pytest.raises(DataError) as caught:
        imo.reconstruct_survival([[0, 1], [3, 1.3], [6, 0.5]], {0: 10, 6: 11})
    assert len(caught.value.problems) == 2
