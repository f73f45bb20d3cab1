"""Regimens: rules expanded in time, amounts of a patient, algebra, and a message for each wrong call."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import immunoode as imo
from immunoode import Regimen

PATIENT = {"weight": 80.0, "surface_area": 2.0, "glomerular_filtration": 100.0}


def times(**options):
    return list(Regimen().dose("drug", "1 mg", **options).to_frame()["time_day"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0]),
        ({"every": "3 weeks", "count": 3}, [0, 21, 42]),
        ({"every": 2, "count": 3, "start": "1 week"}, [7, 9, 11]),
        ({"every": "1 day", "count": 6, "weekdays": True}, [0, 1, 2, 3, 4, 7]),
        ({"every": "1 day", "count": 3, "start": 5, "weekdays": True}, [7, 8, 9]),
        ({"days": (1, 8), "every": "3 weeks", "count": 2}, [0, 7, 21, 28]),
        ({"every": "8 hours", "count": 3}, [0, 1 / 3, 2 / 3]),
        ({"every": "1 day", "count": np.int64(2)}, [0, 1]),
        ({"every": "2 days", "count": 5, "weekdays": True}, [0, 2, 4, 7, 9]),
        ({"every": "1 week", "count": 2, "start": "6 days", "weekdays": True}, [7, 14]),
        ({"every": "12 hours", "count": 4, "start": 4, "weekdays": True}, [4, 4.5, 7, 7.5]),
        ({"every": "8 hours", "count": 4, "start": 14 / 3, "weekdays": True}, [14 / 3, 7, 22 / 3, 23 / 3]),
        ({"every": "56 hours", "count": 4, "weekdays": True}, [0, 7 / 3, 14 / 3, 7]),
        ({"start": -1, "weekdays": True}, [0]),
    ],
)
def test_when_doses_are_given(options, expected):
    assert times(**options) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("amount", "unit", "expected"),
    [
        ("200 mg", "mg", 200),
        ("0.2 g", "mg", 200),
        ("2 mg/kg", "mg", 160),
        ("75 mg/m2", "mg", 150),
        ("5 mg*min/mL", "mg", 625),
        ("2e6 cells/kg", "cell", 1.6e8),
        ("600000 IU/kg", "IU", 4.8e7),
        ("2 Gy", "Gy", 2),
        ("AUC 5", "mg", 625),
        ("3", "1", 3),
        (7, "mg", 7),
    ],
)
def test_amounts_of_a_patient(amount, unit, expected):
    schedule = Regimen().dose("drug", amount).schedule({"drug": unit}, PATIENT)
    assert schedule.amounts == pytest.approx([expected])


def test_a_loading_dose_comes_first():
    regimen = Regimen().dose("drug", "250 mg/m2", loading="400 mg/m2", every="1 week", count=3)
    assert list(regimen.schedule({"drug": "mg"}, PATIENT).amounts) == [800, 500, 500]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50), st.integers(1, 5)), max_size=5), st.integers(-20, 20))
def test_adding_and_shifting(rows, days):
    parts = [Regimen().dose(name, "1 mg", start=start, every=3, count=count) for name, start, count in rows]
    total = sum(parts, Regimen())
    assert len(total.to_frame()) == sum(count for *_, count in rows)
    moved = total.shift(days).to_frame()["time_day"].to_numpy() if rows else np.empty(0)
    assert np.allclose(np.sort(moved), np.sort(total.to_frame()["time_day"].to_numpy() + days) if rows else moved)


def test_a_schedule_is_sorted_and_keeps_the_order_given_at_one_time():
    regimen = Regimen().dose("b", "1 mg", start=3).dose("a", "2 mg").dose("b", "3 mg")
    schedule = regimen.schedule({"a": "mg", "b": "mg"}, {})
    assert schedule.inputs == ("a", "b", "b")
    assert list(schedule.amounts) == [2, 3, 1]


def test_regimens_are_values():
    one, two = (Regimen().dose("drug", "1 mg", every=1, count=2) for _ in range(2))
    assert one == two and hash(one) == hash(two)
    one.dose("other", "1 mg")
    assert one.therapies == ("drug",)


def test_the_title_is_no_part_of_the_value():
    assert Regimen(title="one") == Regimen(title="two")


@given(st.sampled_from(["days", "weekdays", "plain"]), st.integers(1, 6), st.floats(-5, 60), st.booleans())
def test_what_is_given_before_a_time(kind, count, end, loading):
    options = {"days": {"days": (1, 3, 8), "every": 14}, "weekdays": {"weekdays": True, "every": 1}, "plain": {"every": "8 h"}}
    whole = Regimen().dose("drug", "1 mg", count=count, loading="2 mg" if loading else None, **options[kind])
    frame = whole.to_frame()
    expected = frame[frame["time_day"] < end - 1e-6]
    assert np.allclose(whole.before(end).to_frame()[["time_day", "amount"]], expected[["time_day", "amount"]])


@pytest.mark.parametrize(("ratio", "expected"), [(10, 60.0), (3, 60.0)])
def test_two_gray_fractions_are_their_own_equivalent(ratio, expected):
    regimen = Regimen().dose("radiotherapy", "2 Gy", every=1, count=30)
    assert imo.regimen.equivalent_dose_2gy(regimen, ratio) == pytest.approx(expected)
    assert imo.regimen.biologically_effective_dose(regimen, ratio) == pytest.approx(60 * (1 + 2 / ratio))


@pytest.mark.parametrize(
    ("therapy", "amount", "options", "phrase"),
    [
        ("drug", "200", {"every": "3 wekks", "count": 2}, "every='3 wekks': cannot be read"),
        ("drug", "", {}, "does not begin with a number"),
        ("drug", "mg 200", {}, "does not begin with a number"),
        ("drug", "200 mgg", {}, "cannot be read"),
        ("drug", "-200 mg", {}, "is negative"),
        ("drug", math.nan, {}, "is not finite"),
        ("drug", math.inf, {}, "is not finite"),
        ("drug", None, {}, "is not an amount"),
        ("", "1 mg", {}, "is not the name of a therapy"),
        (3, "1 mg", {}, "is not the name of a therapy"),
        ("two words", "1 mg", {}, "is not the name of a therapy"),
        ("drug", "1 mg", {"count": 0}, "count=0: is not a number of doses"),
        ("drug", "1 mg", {"count": 1.5, "every": 1}, "count=1.5: is not a number of doses"),
        ("drug", "1 mg", {"count": True}, "is not a number of doses"),
        ("drug", "1 mg", {"count": 10**9, "every": 1}, "a whole number from 1 to 100000"),
        ("drug", "1 mg", {"count": 3}, "without an interval"),
        ("drug", "1 mg", {"count": 3, "every": -1}, "is negative"),
        ("drug", "1 mg", {"over": "-1 h"}, "is negative"),
        ("drug", "1 mg", {"over": "2 mg"}, "does not measure the same thing"),
        ("drug", "1 mg", {"start": "soon"}, "does not begin with a number"),
        ("drug", "1 mg", {"over": "2 days", "every": "1 day", "count": 2}, "longer than the 1 days between doses"),
        ("drug", "1 mg", {"days": (8, 1), "every": 21}, "are not days of a cycle"),
        ("drug", "1 mg", {"days": (0, 1), "every": 21}, "are not days of a cycle"),
        ("drug", "1 mg", {"days": (1, 30), "every": 21}, "are not days of a cycle"),
        ("drug", "1 mg", {"loading": "2 Gy"}, "does not measure the same thing"),
        ("drug", 1, {"loading": "2 mg"}, "but the other doses have none"),
        ("drug", True, {}, "is not an amount"),
        ("drug", "1 mg", {"every": True, "count": 2}, "is not a time"),
        ("drug", "1 mg", {"weekdays": "no", "every": 1}, "is neither True nor False"),
        ("drug", "1 mg", {"days": (1, 3), "every": 7, "weekdays": True}, "days of a cycle and weekdays"),
        ("drug", "1 mg", {"days": "1, 8"}, "are not days of a cycle"),
        ("drug", "1 mg", {"days": 8}, "are not days of a cycle"),
        ("drug", "1 mg", {"days": (1, math.inf)}, "are not days of a cycle"),
        ("drug", "1 mg", {"days": (1, 8), "every": 21, "over": 8}, "longer than the 7 days between doses"),
        ("drug", "1 mg", {"days": (1, 8), "every": 21, "count": 50001}, "a whole number from 1 to 50000"),
    ],
)
def test_a_wrong_dose_gets_its_message(therapy, amount, options, phrase):
    with pytest.raises(imo.errors.RegimenError) as error:
        Regimen().dose(therapy, amount, **options)
    assert phrase in str(error.value)


@pytest.mark.parametrize(
    ("amount", "inputs", "covariates", "phrase"),
    [
        ("1 mg", {"drugs": "mg"}, {}, "did you mean 'drugs'"),
        ("1 Gy", {"drug": "mg"}, {}, "cannot be converted to 'mg'"),
        ("1 mg/kg", {"drug": "mg"}, {}, "depends on weight"),
        ("1 mg/m2", {"drug": "mg"}, {}, "depends on surface_area"),
        ("5 mg*min/mL", {"drug": "mg"}, {}, "depends on glomerular_filtration"),
        ("1 mg/kg", {"drug": "mg"}, {"weight": math.nan}, "weight, which is nan; a positive weight"),
        ("1 mg/kg", {"drug": "mg"}, {"weight": 0}, "weight, which is 0"),
        ("1 mg/kg", {"drug": "1"}, PATIENT, "cannot be converted to '1'"),
        ("5 %", {"drug": "mg"}, PATIENT, "cannot be converted to 'mg'"),
        ("1 mg/day", {"drug": "mg"}, PATIENT, "cannot be converted to 'mg'"),
    ],
)
def test_a_patient_that_does_not_fit(amount, inputs, covariates, phrase):
    with pytest.raises(imo.errors.RegimenError) as error:
        Regimen().dose("drug", amount).schedule(inputs, covariates)
    assert phrase in str(error.value)


def test_all_that_does_not_fit_is_said_at_once():
    regimen = Regimen().dose("drug", "1 mg/kg").dose("other", "1 mg").dose("drug", "1 Gy").dose("other", "2 mg")
    with pytest.raises(imo.errors.RegimenError) as error:
        regimen.schedule({"drug": "mg"}, {})
    assert len(error.value.problems) == 3


# rates, steady states, and what is done besides doses


def schedule(regimen, **covariates):
    """Return a regimen's schedule row by row: time, action, name, amount, duration, steady."""
    found = regimen.schedule({"drug": "mg", "cells": "cell"}, covariates)
    numbers = (c.tolist() for c in (found.times, found.amounts, found.durations, found.steady))
    return [(t, action, name, a, d, s) for action, name, t, a, d, s in zip(found.actions, found.inputs, *numbers, strict=True)]


@pytest.mark.parametrize(
    ("amount", "rate", "days"),
    [
        ("100 mg", "10 mg/h", 10 / 24),
        ("1 g", "10 mg/day", 100),
        ("5 mg/kg", "0.1 mg/kg/h", 50 / 24),
        ("75 mg/m2", "0.05 g/m2/day", 1.5),
        (6, 2, 3),
        ("0 mg", "1 mg/h", 0),
    ],
)
def test_a_rate_says_how_long_an_infusion_lasts(amount, rate, days):
    rows = schedule(Regimen().dose("drug", amount, rate=rate), weight=80, surface_area=2)
    assert rows[0][4] == pytest.approx(days)


def test_the_first_dose_at_steady_state():
    regimen = Regimen().dose("drug", "10 mg", every="1 day", count=3, start=2, over="6 h", steady_state=True)
    assert schedule(regimen) == [
        (2, "dose", "drug", 10, 0.25, 1),
        (3, "dose", "drug", 10, 0.25, 0),
        (4, "dose", "drug", 10, 0.25, 0),
    ]
    assert schedule(regimen.before(3)) == [(2, "dose", "drug", 10, 0.25, 1)]


def everything():
    """Return a regimen with a rule of every kind."""
    return (
        Regimen()
        .dose("drug", "2 mg/kg", every="1 week", count=2, steady_state=True)
        .replace("cells", "1e6 cells/kg", at=["3 days", 10])
        .multiply("drug", 0.5, at=5)
        .reset(at="8 days")
        .set("weight", [80, 70], [0, 7], rule="locf")
    )


def test_what_is_done_besides_doses():
    assert schedule(everything(), weight=100) == [
        (0, "dose", "drug", 160, 0, 7),
        (0, "set", "weight", 80, 0, 0),
        (3, "replace", "cells", 8e7, 0, 0),
        (5, "multiply", "drug", 0.5, 0, 0),
        (7, "dose", "drug", 140, 0, 0),
        (7, "set", "weight", 70, 0, 0),
        (8, "reset", "", 0, 0, 0),
        (10, "replace", "cells", 7e7, 0, 0),
    ]


def test_rules_of_one_time_are_carried_out_in_the_order_given():
    regimen = Regimen().reset(at=1).dose("drug", 1, start=1).multiply("drug", 2, at=1).replace("drug", 3, at=1)
    assert [row[1] for row in schedule(regimen)] == ["reset", "dose", "multiply", "replace"]


def test_every_rule_moves_adds_and_ends():
    regimen = everything()
    moved = schedule(regimen.shift("1 day"), weight=100)
    assert [(row[0] - 1, *row[1:]) for row in moved] == schedule(regimen, weight=100)
    assert regimen.shift(3).shift(-3) == regimen
    assert schedule(Regimen().reset(at=0) + regimen, weight=100)[0][1] == "reset"
    cut = schedule(regimen.before(5), weight=100)
    assert [row[1] for row in cut] == ["dose", "set", "replace", "set"]
    assert (regimen.therapies, regimen.before(0).changes) == (("drug", "cells"), ())


def test_the_table_has_a_row_for_whatever_is_done():
    frame = everything().to_frame()
    assert list(frame["action"]) == ["dose", "set", "replace", "multiply", "dose", "set", "reset", "replace"]
    assert list(frame["therapy"]) == ["drug", "weight", "cells", "drug", "drug", "weight", "", "cells"]
    assert list(frame["steady_day"]) == [7, 0, 0, 0, 0, 0, 0, 0]
    assert list(frame["unit"]) == ["mg/kg", "", "cells/kg", "", "mg/kg", "", "", "cells/kg"]


@pytest.mark.parametrize(
    ("rule", "values", "measured", "expected"),
    [
        ("locf", [80, 75, 70], [0, 7, 21], [(0, 80), (7, 75), (21, 70)]),
        ("nocb", [80, 75, 70], [0, 7, 21], [(0, 75), (7, 70)]),
        ("nocb", [80, 75], [3, 7], [(0, 80), (3, 75)]),
        ("nocb", [80, 75, 70], [-3, 7, 9], [(-3, 75), (7, 70)]),
        ("locf", 80, "2 weeks", [(14, 80)]),
        ("nocb", 80, 14, [(0, 80)]),
    ],
)
def test_the_course_of_a_covariate(rule, values, measured, expected):
    rows = schedule(Regimen().set("weight", values, measured, rule=rule))
    assert [(row[0], row[3]) for row in rows] == expected
    assert {row[1:3] for row in rows} == {("set", "weight")}


@pytest.mark.parametrize(("rule", "amounts"), [("locf", [100, 80, 80, 75, 75, 70, 70]), ("nocb", [80, 80, 75, 75, 70, 70, 70])])
def test_doses_by_weight_follow_its_course(rule, amounts):
    """At its own time a measured weight counts, by either rule."""
    regimen = Regimen().dose("drug", "1 mg/kg", every=1, count=7)
    regimen = regimen.set("weight", [80, 75, 70], [1, 3, 5], rule=rule)
    assert [row[3] for row in schedule(regimen, weight=100) if row[1] == "dose"] == amounts


def test_a_course_that_two_regimens_share_is_set_once():
    one = Regimen().set("weight", [80, 75], [0, 7], rule="locf")
    assert schedule(one + one) == schedule(one)
    with pytest.raises(imo.errors.RegimenError, match="weight: has 2 series that differ"):
        schedule(one + Regimen().set("weight", 60, 0, rule="locf"))


@pytest.mark.parametrize(
    ("call", "phrase"),
    [
        (
            lambda r: r.dose("drug", "1 mg", rate="1 mg"),
            "rate '1 mg': is not in mg per time; an amount per time in the unit of the dose",
        ),
        (lambda r: r.dose("drug", "1 mg", rate="1 mg/kg/h"), "is not in mg per time"),
        (lambda r: r.dose("drug", "1 mg", rate=3), "is not in mg per time"),
        (lambda r: r.dose("drug", 1, rate="3 mg/h"), "is not in a plain number per time"),
        (lambda r: r.dose("drug", "AUC 5", rate="3 mg/h"), "is not in mg*min/mL per time"),
        (lambda r: r.dose("drug", "1 mg", rate="0 mg/h"), "is zero; a positive rate"),
        (lambda r: r.dose("drug", "1 mg", rate="-1 mg/h"), "is negative"),
        (lambda r: r.dose("drug", "1 mg", rate="fast"), "begin with a number; an amount per time"),
        (lambda r: r.dose("drug", "1 mg", rate="1 mg/h", over=1), "is given together with over="),
        (lambda r: r.dose("drug", "1 mg", rate="1 mg/h", every=1, count=2, loading="2 mg"), "is given together with loading="),
        (lambda r: r.dose("drug", "48 mg", rate="1 mg/h", every=1, count=2), "lasts 2 days, longer than the 1 days"),
        (lambda r: r.dose("drug", "1 mg", steady_state=True), "steady_state=True: has no interval; add every="),
        (lambda r: r.dose("drug", "1 mg", every=1, steady_state=1), "steady_state=1: is neither True nor False"),
        (lambda r: r.dose("drug", "1 mg", every=1, over=2, steady_state=True), "lasts 2 days, longer than the 1 days"),
        (
            lambda r: r.dose("drug", "1 mg", every=1, loading="2 mg", steady_state=True),
            "together with a loading dose; leave one out",
        ),
        (lambda r: r.dose("drug", "1 mg", every=1, weekdays=True, steady_state=True), "is given together with weekdays"),
        (lambda r: r.dose("drug", "1 mg", every=7, days=(1,), steady_state=True), "is given together with days of a cycle"),
        (lambda r: r.replace("my drug", "1 mg", at=0), "replacement of my drug: is not the name of a therapy"),
        (lambda r: r.replace("drug", "-1 mg", at=0), "replacement of drug: amount '-1 mg': is negative"),
        (lambda r: r.replace("drug", "1 mg", at="noon"), "replacement of drug: at='noon': does not begin with a number"),
        (lambda r: r.replace("drug", "1 mg", at=[]), "at=[]: is empty"),
        (lambda r: r.multiply("drug", "0.5", at=0), "multiplication of drug: factor '0.5': is not a number"),
        (lambda r: r.multiply("drug", -1, at=0), "factor -1: is negative"),
        (lambda r: r.multiply("drug", math.nan, at=0), "factor nan: is not a number"),
        (lambda r: r.reset(at=None), "reset: at=None: is not a time"),
        (lambda r: r.reset(at=[0, "1 mg"]), "does not measure the same thing as 'day'"),
        (lambda r: r.set("my weight", 80, 0, rule="locf"), "set of my weight: is not the name of a parameter"),
        (lambda r: r.set("weight", "80 kg", 0, rule="locf"), "value '80 kg': is not a number; a finite number without a unit"),
        (lambda r: r.set("weight", [80, 75], 0, rule="locf"), "has 2 values and 1 times; one time per value"),
        (lambda r: r.set("weight", [], [], rule="locf"), "has 0 values and 0 times"),
        (lambda r: r.set("weight", [80, 75], [7, 0], rule="locf"), "do not increase; sorted times"),
        (lambda r: r.set("weight", [80, 75], [0, 0], rule="locf"), "do not increase"),
        (lambda r: r.set("weight", [80, 75], [0, "soon"], rule="locf"), "time 'soon': does not begin with a number"),
        (
            lambda r: r.set("weight", 80, 0, rule="linear"),
            "rule 'linear': is not known; 'locf' (a value holds until the next one)",
        ),
        (lambda r: schedule(r.replace("drugs", "1 mg", at=0)), "replacement of drugs: is not an input of this model"),
        (lambda r: schedule(r.multiply("drugs", 1, at=0)), "multiplication of drugs: is not an input of this model"),
        (
            lambda r: schedule(r.replace("drug", "1 Gy", at=0)),
            "replacement of drug: is in 'Gy', which cannot be converted to 'mg'",
        ),
        (lambda r: schedule(r.replace("drug", "1 mg/kg", at=0)), "replacement of drug: depends on weight"),
        (lambda r: schedule(r.dose("drug", "1 mg/kg").set("weight", -3, 0, rule="locf")), "weight, which is -3"),
    ],
)
def test_a_wrong_rule_gets_its_message(call, phrase):
    with pytest.raises(imo.errors.RegimenError) as error:
        call(Regimen())
    assert phrase in str(error.value)


def test_a_rule_without_its_rule_is_refused_by_python():
    with pytest.raises(TypeError, match="rule"):
        Regimen().set("weight", 80, 0)


@pytest.mark.parametrize("ratio", [0, -1, math.nan, math.inf, "ten", None])
def test_a_ratio_must_be_positive(ratio):
    with pytest.raises(imo.errors.RegimenError, match="a positive number of Gy"):
        imo.regimen.equivalent_dose_2gy(Regimen().dose("radiotherapy", "2 Gy"), ratio)


def test_fractions_are_in_gray():
    with pytest.raises(imo.errors.RegimenError, match="a dose in Gy"):
        imo.regimen.biologically_effective_dose(Regimen().dose("radiotherapy", "2 mg"), 10)
    with pytest.raises(imo.errors.RegimenError, match="one of: cisplatin"):
        imo.regimen.biologically_effective_dose(Regimen().dose("cisplatin", "2 mg"), 10)
    mixed = Regimen().dose("radiotherapy", "200 cGy", every=1, count=5).dose("radiotherapy", "8 Gy", start=9)
    assert imo.regimen.biologically_effective_dose(mixed, 10) == pytest.approx(5 * 2 * 1.2 + 8 * 1.8)


def test_a_duration_in_words_without_a_unit_is_refused() -> None:
    with pytest.raises(imo.errors.RegimenError, match="over='30': has no unit"):
        Regimen().dose("drug", "200 mg", over="30")


def test_an_interval_without_a_number_of_doses_is_refused():
    with pytest.raises(imo.errors.RegimenError, match="has every='3 weeks' and no count"):
        Regimen().dose("drug", "1 mg", every="3 weeks")
    assert len(Regimen().dose("drug", "1 mg", every="3 weeks", count=1).rules) == 1


def test_former_names_work_with_a_warning() -> None:
    regimen = Regimen().set("weight", [80, 75], [0, 7], rule="locf").when("size", above=2.0, then="stop")
    for holder, former, now in ((regimen, "courses", "covariate_series"), (regimen, "reactions", "triggers")):
        with pytest.warns(FutureWarning, match=f"Regimen.{former} is now Regimen.{now}"):
            assert getattr(holder, former) == getattr(holder, now)
    with pytest.warns(FutureWarning, match=r"Schedule.reactions is now Schedule.triggers"):
        assert len(regimen.schedule({}, {}).reactions) == 1
