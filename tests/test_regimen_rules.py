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


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50), st.integers(1, 5)), max_size=5), st.integers(-20, 20)
)
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
    options = {
        "days": {"days": (1, 3, 8), "every": 14},
        "weekdays": {"weekdays": True, "every": 1},
        "plain": {"every": "8 h"},
    }
    whole = Regimen().dose("drug", "1 mg", count=count, loading="2 mg" if loading else None, **options[kind])
    frame = whole.to_frame()
    expected = frame[frame["time_day"] < end - 1e-6]
    assert np.allclose(whole.before(end).to_frame()[["time_day", "amount"]], expected[["time_day", "amount"]])


@pytest.mark.parametrize(("ratio", "expected"), [(10, 60.0), (3, 60.0)])
def test_two_gray_fractions_are_their_own_equivalent(ratio, expected):
    regimen = Regimen().dose("radiotherapy", "2 Gy", every=1, count=30)
    assert imo.equivalent_dose_2gy(regimen, ratio) == pytest.approx(expected)
    assert imo.biologically_effective_dose(regimen, ratio) == pytest.approx(60 * (1 + 2 / ratio))


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
        ("drug", 1, {"loading": "2 mg"}, "where the other doses have none"),
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
    with pytest.raises(imo.RegimenError) as error:
        Regimen().dose(therapy, amount, **options)
    assert phrase in str(error.value)


@pytest.mark.parametrize(
    ("amount", "inputs", "covariates", "phrase"),
    [
        ("1 mg", {"drugs": "mg"}, {}, "did you mean 'drugs'"),
        ("1 Gy", {"drug": "mg"}, {}, "cannot become 'mg'"),
        ("1 mg/kg", {"drug": "mg"}, {}, "is stated by weight"),
        ("1 mg/m2", {"drug": "mg"}, {}, "is stated by surface_area"),
        ("5 mg*min/mL", {"drug": "mg"}, {}, "is stated by glomerular_filtration"),
        ("1 mg/kg", {"drug": "mg"}, {"weight": math.nan}, "weight, which is nan; a positive weight"),
        ("1 mg/kg", {"drug": "mg"}, {"weight": 0}, "weight, which is 0"),
        ("1 mg/kg", {"drug": "1"}, PATIENT, "cannot become '1'"),
        ("5 %", {"drug": "mg"}, PATIENT, "cannot become 'mg'"),
        ("1 mg/day", {"drug": "mg"}, PATIENT, "cannot become 'mg'"),
    ],
)
def test_a_patient_that_does_not_fit(amount, inputs, covariates, phrase):
    with pytest.raises(imo.RegimenError) as error:
        Regimen().dose("drug", amount).schedule(inputs, covariates)
    assert phrase in str(error.value)


def test_all_that_does_not_fit_is_said_at_once():
    regimen = Regimen().dose("drug", "1 mg/kg").dose("other", "1 mg").dose("drug", "1 Gy").dose("other", "2 mg")
    with pytest.raises(imo.RegimenError) as error:
        regimen.schedule({"drug": "mg"}, {})
    assert len(error.value.problems) == 3


@pytest.mark.parametrize("ratio", [0, -1, math.nan, math.inf, "ten", None])
def test_a_ratio_must_be_positive(ratio):
    with pytest.raises(imo.RegimenError, match="a positive number of Gy"):
        imo.equivalent_dose_2gy(Regimen().dose("radiotherapy", "2 Gy"), ratio)


def test_fractions_are_in_gray():
    with pytest.raises(imo.RegimenError, match="fractions in Gy"):
        imo.biologically_effective_dose(Regimen().dose("radiotherapy", "2 mg"), 10)
    with pytest.raises(imo.RegimenError, match="one of cisplatin"):
        imo.biologically_effective_dose(Regimen().dose("cisplatin", "2 mg"), 10)
    mixed = Regimen().dose("radiotherapy", "200 cGy", every=1, count=5).dose("radiotherapy", "8 Gy", start=9)
    assert imo.biologically_effective_dose(mixed, 10) == pytest.approx(5 * 2 * 1.2 + 8 * 1.8)
