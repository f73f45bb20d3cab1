"""The calendar: every rule in words, every week once, nothing lost where a rhythm is written short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import immunoode as imo
from immunoode import Regimen
from immunoode.regimen.calendar import _repeating_pattern, amount_text, duration_text


def test_a_regimen_reads_as_a_calendar():
    regimen = Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=9, over="30 min", start="1 week")
    regimen = regimen.dose("radiotherapy", "2 Gy", every="1 day", count=10, weekdays=True)
    assert str(regimen).splitlines() == [
        "pembrolizumab  200 mg over 30 minutes every 3 weeks, 9 doses; days 7 to 175",
        "radiotherapy   2 Gy every day, 10 doses, weekdays only; days 0 to 11",
        "",
        "week  pembrolizumab  radiotherapy",
        "1     .              Mo-Fr",
        "2     Mo             Mo-Fr",
        "3-4   .              .",
        "5     Mo             .",
        "... and so on every 3 weeks, to week 26",
    ]


def test_one_dose_needs_no_weeks():
    assert str(Regimen()) == "Regimen without doses"
    assert str(Regimen().dose("car_t", "2e6 cells/kg", start=5)) == "car_t  2e6 cells/kg; day 5"


@pytest.mark.parametrize(
    ("options", "words", "week"),
    [
        ({"every": "8 hours", "count": 7}, "1 mg every 8 hours, 7 doses; days 0 to 2", "1     Mo x3 Tu x3 We"),
        ({"every": "8 hours", "count": 9}, "1 mg every 8 hours, 9 doses; days 0 to 2.667", "1     Mo-We x3"),
        ({"loading": "2 mg", "every": 7, "count": 2}, "1 mg (first 2 mg) every week, 2 doses; days 0 to 7", "1-2   Mo"),
        (
            {"days": (1, 3), "every": 14, "count": 2},
            "1 mg on days 1, 3 of each cycle of 2 weeks, 2 cycles; days 0 to 16",
            "3     Mo We",
        ),
    ],
)
def test_rules_in_words(options, words, week):
    lines = str(Regimen().dose("a", "1 mg", **options)).splitlines()
    assert lines[0] == f"a  {words}"
    assert week in lines


def test_every_rule_reads_in_words():
    regimen = Regimen().dose("drug", "1 mg", every=7, count=2, steady_state=True).dose("drug", "9 mg", rate="1 mg/h", start=20)
    regimen = regimen.replace("cells", "2e6 cells", at=[1, 2]).multiply("drug", 0.5, at=3).reset(at=9)
    regimen = regimen.set("weight", [80, 70], [0, 21], rule="locf").set("albumin", range(8), range(8), rule="nocb")
    assert str(regimen).splitlines() == [
        "drug        1 mg every week, 2 doses, the first at steady state; days 0 to 7",
        "drug        9 mg over 9 hours; day 20",
        "cells       replaced by 2e6 cells; days 1, 2",
        "drug        multiplied by 0.5; day 3",
        "everything  reset; day 9",
        "weight      80, 70, carried forward; days 0, 21",
        "albumin     0, 1, 2, 3, ..., 7, carried backward; days 0 to 7",
        "",
        "week  drug",
        "1-2   Mo",
        "3     Su",
    ]
    single = Regimen().dose("drug", "1 mg", every=1, steady_state=True)
    assert str(single) == "drug  1 mg at the steady state of every day; day 0"
    assert str(Regimen(title="Start again").reset(at=3)) == "Start again\neverything  reset; day 3"


@given(st.lists(st.sampled_from([(".",), ("Mo",), ("Tu",)]), min_size=1, max_size=40))
def test_a_rhythm_written_short_tells_all(cells):
    last, period = _repeating_pattern(cells)
    again = cells[:last]
    while len(again) < len(cells):
        again = [*again, again[-period]]
    assert again == cells


def test_long_calendars_end():
    regimen = sum((Regimen().dose("a", "1 mg", start=7 * k * k) for k in range(40)), Regimen())
    assert str(regimen).splitlines()[-1].startswith("... to week")
    assert len(str(regimen).splitlines()) < 80


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        (200, "mg", "200 mg"),
        (2e6, "cells/kg", "2e6 cells/kg"),
        (21.1e9, "cells", "2.11e10 cells"),
        (5, "mg*min/mL", "AUC 5"),
        (1, "", "1"),
    ],
)
def test_amounts_as_in_protocols(amount, unit, text):
    assert amount_text(amount, unit) == text


@pytest.mark.parametrize(
    ("days", "text"), [(21, "3 weeks"), (1, "1 day"), (1 / 3, "8 hours"), (1 / 48, "30 minutes"), (1.5, "36 hours")]
)
def test_spans_in_the_largest_unit(days, text):
    assert duration_text(days) == text


def test_a_notebook_shows_the_calendar_escaped():
    html = Regimen(title="<b>").dose("a", "1 mg")._repr_html_()
    assert "<pre>&lt;b&gt;" in html
    assert "tisagenlecleucel" in imo.load_regimen("tisagenlecleucel")._repr_html_()
