"""Quantities as people write them: units of doses that are slips of the pen, and times of every library."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode import Regimen, units
from immunoode.virtual_trial.visits import VisitSchedule

MICRO, GREEK_MU = "\u00b5", "\u03bc"


@pytest.mark.parametrize(
    ("amount", "meant"),
    [
        ("100 Mg", "mg"),
        ("100 MG", "mg"),
        ("2 mg/KG", "kg"),
        ("2 Mg/kg", "mg"),
        ("5 ML", "mL"),
        ("3 Ug", "ug"),
        ("3 MCG", "mcg"),
        ("2 GY", "Gy"),
        ("2 gy", "Gy"),
        ("1e6 Cells/kg", "cells"),
        ("75 mg/M2", "m"),
        ("5 Mmol", "mmol"),
        ("100 iu", "IU"),
    ],
)
def test_a_dose_unit_with_other_capitals_is_answered_with_what_was_meant(amount, meant):
    with pytest.raises(imo.errors.RegimenError, match=f"did you mean '{meant}'"):
        Regimen().dose("drug", amount)
    with pytest.raises(imo.errors.RegimenError, match=f"did you mean '{meant}'"):
        Regimen().dose("drug", "1 mg", loading=amount)


@pytest.mark.parametrize("amount", ["1 kg", "1 t", "2 tonnes", "1 kmol", "1 kGy", "3 kilograms", "5 gr"])
def test_units_that_no_dose_has_are_refused(amount):
    with pytest.raises(imo.errors.RegimenError, match=r"too large a unit for a dose|grain"):
        Regimen().dose("drug", amount)


@pytest.mark.parametrize(
    "amount",
    [
        "100 mg",
        "0.2 g",
        "2 mg/kg",
        "2 mg*kg^-1",
        "75 mg/m2",
        "2 Gy",
        "200 cGy",
        "9 MIU",
        "7.4 GBq",
        "2e6 cells/kg",
        "2 Mcells/kg",
        "5 ml",
        "20 mcg",
        "600000 IU/kg",
    ],
)
def test_usual_units_of_doses_are_taken(amount):
    assert Regimen().dose("drug", amount).doses[0].amount == float(amount.split()[0])


def test_micro_sign_and_greek_mu_are_one():
    regimens = [Regimen().dose("drug", f"500 {mu}g") for mu in (MICRO, GREEK_MU, "u", "mc")]
    amounts = [regimen.schedule({"drug": "mg"}, {}).amounts[0] for regimen in regimens]
    assert amounts == pytest.approx([0.5] * 4)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("3 wk", 21),
        ("3 wks", 21),
        ("2 hrs", 1 / 12),
        ("3 d", 3),
        ("90 mins", 1 / 16),
        ("1 mo", 30.4375),
        ("2 yr", 730.5),
        ("6 WEEKS", 42),
        ("3 D", 3),
        ("2 Wochen", 14),
    ],
)
def test_times_in_the_words_of_protocols(text, days):
    assert units.days(text) == pytest.approx(days)


LENGTHS = [dt.timedelta(hours=12), np.timedelta64(12, "h"), pd.Timedelta("12h")]


@pytest.mark.parametrize("half", LENGTHS)
def test_a_timedelta_is_a_time_wherever_one_is_taken(half):
    assert units.days(half) == 0.5
    regimen = Regimen().dose("drug", 1, every=half * 2, count=2, over=half, start=half)
    frame = regimen.to_frame()
    assert list(frame["time_day"]) == [0.5, 1.5] and list(frame["duration_day"]) == [0.5, 0.5]
    assert list(regimen.shift(half).to_frame()["time_day"]) == [1.0, 2.0]
    assert VisitSchedule(every=half * 2, until=half * 6).days().tolist() == [0, 1, 2, 3]
    run = imo.simulate("tumour_immune", until=half * 4, start=half)
    assert (run.times[0], run.times[-1]) == (0.5, 2.0)


@pytest.mark.parametrize(
    "times",
    [
        pd.to_timedelta([0, 6, 24], unit="h"),
        pd.Series(pd.to_timedelta([0, 6, 24], unit="h")),
        np.array([0, 6, 24], "m8[h]"),
        [dt.timedelta(), dt.timedelta(hours=6), dt.timedelta(days=1)],
        ["0 days", "6 hours", "1 day"],
        (0, 0.25, 1),
    ],
)
def test_times_of_a_simulation_are_days_whatever_holds_them(times):
    run = imo.simulate("tumour_immune", times=times)
    assert run.times.tolist() == pytest.approx([0, 0.25, 1])


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2024-02-21", periods=3),
        [dt.date(2024, 2, 21)],
        [dt.datetime(2024, 2, 21)],
        np.array(["2024-02"], "M8[M]"),
        pd.to_timedelta(["1 day", None]),
        ["tomorrow"],
        [None],
        [True],
        np.array([1], "m8[M]"),
        [[1, 2], [3]],
    ],
)
def test_dates_and_what_is_no_time_are_refused(times):
    with pytest.raises(imo.errors.SolveError, match="times"):
        imo.simulate("tumour_immune", times=times)


@pytest.mark.parametrize("argument", ["every", "over", "start"])
def test_a_date_in_a_regimen_is_refused(argument):
    with pytest.raises(imo.errors.RegimenError, match="is a date"):
        Regimen().dose("drug", 1, **{argument: pd.Timestamp("2024-02-21")})


def test_a_time_is_no_amount():
    for amount in (np.timedelta64(5, "D"), pd.Timedelta("5D")):
        with pytest.raises(imo.errors.RegimenError, match="is not an amount"):
            Regimen().dose("drug", amount)


@pytest.mark.parametrize("value", [None, ["6 months"], {"week": 3}])
def test_what_is_no_time_is_refused(value):
    with pytest.raises(imo.errors.UnitError, match="is not a time"):
        units.days(value)
