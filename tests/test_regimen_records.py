"""Event records: what NONMEM's conventions become, nothing lost on the way there and back, a message for each wrong row."""

from __future__ import annotations

import io
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import immunoode as imo
from immunoode.regimen.elapsed_time import record_days
from immunoode.regimen.schedule import ACTIONS, DOSE, SET

INF = math.inf
COMPARTMENTS = {1: "drug", 2: "cells"}


def table(text: str) -> pd.DataFrame:
    """Return a table of words in lines, the first its names."""
    return pd.read_csv(io.StringIO(text), sep=r"\s+", dtype=str)


def read(text: str, time_unit: str = "day", **options):
    return imo.io.read_records(table(text), COMPARTMENTS, time_unit=time_unit, **options)


def rows(schedule: imo.regimen.Schedule) -> list[tuple]:
    """Return a schedule row by row: time, action, name, amount, duration, steady."""
    columns = (schedule.times, schedule.actions, schedule.inputs, schedule.amounts, schedule.durations, schedule.steady)
    return [tuple(row) for row in zip(*(c.tolist() if isinstance(c, np.ndarray) else c for c in columns), strict=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ID TIME AMT CMT\n1 0 5 1\n1 2 . 1", [(0, "dose", "drug", 5, 0, 0)]),
        ("id time amt cmt mdv\n1 0 5 2 1\n1 2 0 1 1", [(0, "dose", "cells", 5, 0, 0)]),
        ("ID TIME AMT RATE CMT\n1 1 6 2 1", [(1, "dose", "drug", 6, 3, 0)]),
        ("ID TIME AMT DUR CMT\n1 1 6 3 1", [(1, "dose", "drug", 6, 3, 0)]),
        ("ID TIME AMT RATE DUR CMT\n1 1 1 0.333333333 3 1", [(1, "dose", "drug", 1, 3, 0)]),
        ("ID TIME AMT II ADDL CMT\n1 1 6 7 2 1", [(1 + 7 * k, "dose", "drug", 6, 0, 0) for k in range(3)]),
        ("ID TIME AMT II SS CMT\n1 1 6 7 1 1", [(1, "dose", "drug", 6, 0, 7)]),
        ("ID TIME AMT RATE II ADDL SS CMT\n1 1 6 0.5 7 1 1 1", [(1, "dose", "drug", 6, 12, 7), (8, "dose", "drug", 6, 12, 0)]),
        ("ID TIME AMT RATE SS CMT\n1 1 0 3 1 1", [(1, "dose", "drug", 3, INF, INF)]),
        ("ID TIME AMT EVID CMT\n1 1 0 3 .", [(1, "reset", "", 0, 0, 0)]),
        ("ID TIME AMT EVID CMT\n1 1 4 4 1", [(1, "reset", "", 0, 0, 0), (1, "dose", "drug", 4, 0, 0)]),
        ("ID TIME AMT EVID CMT\n1 1 4 5 2", [(1, "replace", "cells", 4, 0, 0)]),
        ("ID TIME AMT EVID CMT\n1 1 0.5 6 1", [(1, "multiply", "drug", 0.5, 0, 0)]),
        ("ID TIME AMT EVID CMT\n1 1 0 8 2", [(1, "replace", "cells", 0, 0, 0)]),
        ("ID TIME AMT EVID CMT\n1 1 0 2 2\n1 1 0 0 2", []),
        ("ID TIME AMT CMT\n1 0 5 drug", [(0, "dose", "drug", 5, 0, 0)]),
        ("ID TIME AMT CMT\n1 -2 5 1.0", [(-2, "dose", "drug", 5, 0, 0)]),
    ],
)
def test_each_form_of_record(text, expected):
    assert rows(read(text)["1"]) == expected


def test_hours_become_days():
    (schedule,) = read("ID TIME AMT RATE II ADDL CMT\n1 12 10 5 24 1 1", "hour").values()
    assert rows(schedule) == [(0.5, "dose", "drug", 10, 2 / 24, 0), (1.5, "dose", "drug", 10, 2 / 24, 0)]
    (constant,) = read("ID TIME AMT RATE SS CMT\n1 0 0 5 1 1", "hour").values()
    assert rows(constant) == [(0, "dose", "drug", 120, INF, INF)]


def test_records_of_one_time_keep_their_order():
    """An additional dose comes where its record stood."""
    text = "ID TIME AMT II ADDL CMT EVID\n1 0 1 2 1 1 1\n1 2 2 0 0 2 5\n1 2 3 0 0 1 1"
    assert [row[:4] for row in rows(read(text)["1"])] == [
        (0, "dose", "drug", 1),
        (2, "dose", "drug", 1),
        (2, "replace", "cells", 2),
        (2, "dose", "drug", 3),
    ]


def test_a_reset_cancels_additional_doses_and_a_steady_state_those_of_its_compartment():
    reset = "ID TIME AMT II ADDL CMT EVID\n1 0 1 2 9 1 1\n1 4 0 0 0 0 3"
    assert [(row[0], row[1]) for row in rows(read(reset)["1"])] == [(0, "dose"), (2, "dose"), (4, "reset")]
    steady = "ID TIME AMT II ADDL SS CMT EVID\n1 0 1 2 2 0 1 1\n1 0 1 2 2 0 2 1\n1 3 7 2 0 1 1 1"
    assert [(row[0], row[2]) for row in rows(read(steady)["1"])] == [
        (0, "drug"),
        (0, "cells"),
        (2, "drug"),
        (2, "cells"),
        (3, "drug"),
        (4, "cells"),
    ]


def test_additional_doses_of_a_reset_and_dose_do_not_reset():
    actions = [row[1] for row in rows(read("ID TIME AMT II ADDL CMT EVID\n1 0 1 2 2 1 4")["1"])]
    assert actions == ["reset", "dose", "dose", "dose"]


def test_a_reset_may_start_the_clock_again():
    """The second course begins a whole number of days later; observations can be placed on the same clock."""
    text = "ID TIME AMT II ADDL CMT EVID\n1 0 1 48 9 1 1\n1 60 0 0 0 1 0\n1 6 2 24 1 1 4\n1 7 0 0 0 1 0\n2 3 1 0 0 1 1"
    assert rows(read(text, "hour")["1"]) == [
        (0, "dose", "drug", 1, 0, 0),
        (2, "dose", "drug", 1, 0, 0),
        (3.25, "reset", "", 0, 0, 0),
        (3.25, "dose", "drug", 2, 0, 0),
        (4.25, "dose", "drug", 2, 0, 0),
    ]
    days = record_days(table(text), time_unit="hour")
    assert days.to_list() == pytest.approx([0, 2.5, 3.25, 3.25 + 1 / 24, 0.125])


@pytest.mark.parametrize("rule", ["locf", "nocb"])
def test_covariates_by_either_rule(rule):
    text = "ID TIME AMT CMT WT ALB\n1 0 5 1 70 .\n1 3 . 1 70 .\n1 7 5 1 72 40\n1 9 . 1 . .\n1 14 . 1 75 ."
    schedule = read(text, covariates={"WT": "weight", "ALB": "albumin"}, rule=rule)["1"]
    forward = [
        (0, "set", "weight", 70),
        (0, "dose", "drug", 5),
        (7, "set", "weight", 72),
        (7, "set", "albumin", 40),
        (7, "dose", "drug", 5),
        (14, "set", "weight", 75),
    ]
    backward = [
        (0, "set", "weight", 70),
        (0, "set", "albumin", 40),
        (0, "dose", "drug", 5),
        (3, "set", "weight", 72),
        (7, "dose", "drug", 5),
        (7, "set", "weight", 75),
    ]
    assert [row[:4] for row in rows(schedule)] == (forward if rule == "locf" else backward)


def test_a_covariate_that_stays_is_set_once_so_that_it_is_the_subjects_own():
    schedules = read("ID TIME AMT CMT WT\n1 0 5 1 95\n1 7 5 1 95\n2 0 5 1 60", covariates={"WT": "weight"}, rule="locf")
    assert [[row[3] for row in rows(s) if row[1] == "set"] for s in schedules.values()] == [[95], [60]]


def test_a_subject_who_is_not_treated_has_a_schedule():
    schedules = read("ID TIME AMT CMT\n7 0 0 1\n7 1 0 1\nb 0 5 1")
    assert list(schedules) == ["7", "b"]
    assert rows(schedules["7"]) == []


def test_one_compartment_needs_no_cmt():
    frame = pd.DataFrame({"ID": [1.0], "TIME": [0], "AMT": [5]})
    assert rows(imo.io.read_records(frame, {1: "drug"}, time_unit="day")["1"]) == [(0, "dose", "drug", 5, 0, 0)]


def test_names_in_cmt_need_no_compartments():
    frame = pd.DataFrame({"ID": [1], "TIME": [0], "AMT": [5], "CMT": ["drug"]})
    assert rows(imo.io.read_records(frame, time_unit="day")["1"]) == [(0, "dose", "drug", 5, 0, 0)]


def test_a_file_is_read_like_a_table(tmp_path):
    text = "ID,TIME,AMT,CMT,EVID\n1,0,5,1,1\n1,1,.,1,0\n"
    (tmp_path / "trial.csv").write_text(text)
    frame = pd.read_csv(io.StringIO(text), na_values=".")
    assert imo.io.read_records(tmp_path / "trial.csv", COMPARTMENTS, time_unit="day") == imo.io.read_records(
        frame, COMPARTMENTS, time_unit="day"
    )


# there and back

_NUMBERS = st.floats(1e-6, 1e9)
_DAYS = st.floats(-400, 4000) | st.integers(0, 60).map(float)
_HOURS = st.integers(-2000, 90_000).map(lambda h: h / 4 / 24)
_DURATIONS = st.just(0.0) | st.floats(1e-4, 100)
_HALF_HOURS = st.integers(0, 96).map(lambda h: h / 2 / 24)


@st.composite
def schedules(draw, times=_DAYS, durations=_DURATIONS):
    """Return a schedule of every action that event records can say; parameters change whenever they are set."""
    found, current = [], dict[str, float]()
    for time in sorted(draw(st.lists(times, max_size=8))):
        action, name = draw(st.sampled_from((*ACTIONS, "steady", "constant"))), draw(st.sampled_from(["drug", "cells"]))
        amount, duration = draw(_NUMBERS), draw(durations)
        if action == SET:
            name = draw(st.sampled_from(["weight", "albumin"]))
            amount = draw(st.sampled_from([v for v in (70.0, 71.5, -3.0) if v != current.get(name)]))
            current[name] = amount
        found.append(
            {
                "dose": (time, name, amount, duration, DOSE, 0.0),
                "steady": (time, name, amount, duration, DOSE, 0.25 * draw(st.integers(1, 84))),
                "constant": (time, name, float(draw(st.integers(1, 1000))) * 24, INF, DOSE, INF),
                "reset": (time, "", 0.0, 0.0, action, 0.0),
            }.get(action, (time, name, amount, 0.0, action, 0.0))
        )
    times_, names, amounts, lasting, actions, steady = zip(*found, strict=True) if found else ((),) * 6
    return imo.regimen.Schedule(np.array(times_), names, np.array(amounts), np.array(lasting), actions, np.array(steady))


def parameters(given_):
    return list(dict.fromkeys(n for s in given_.values() for n, a in zip(s.inputs, s.actions, strict=True) if a == SET))


def again(given_, time_unit, **options):
    """Return schedules written and read."""
    frame = imo.io.write_records(given_, COMPARTMENTS, time_unit=time_unit)
    options = {"covariates": parameters(given_), "rule": "locf"} | options
    return imo.io.read_records(frame, COMPARTMENTS, time_unit=time_unit, **options)


@given(st.dictionaries(st.sampled_from(["1", "2", "a"]), schedules(), max_size=3))
def test_nothing_is_lost_in_days(given_):
    assert again(given_, "day") == given_


@given(st.dictionaries(st.sampled_from(["1", "2"]), schedules(_HOURS, _HALF_HOURS), max_size=2))
def test_nothing_is_lost_in_hours(given_):
    """Times that are hours come back to the last digit."""
    assert again(given_, "hour") == given_


@given(schedules())
def test_any_time_in_hours_comes_back_to_the_last_digit_but_one(schedule):
    back = again({"1": schedule}, "hour")["1"]
    assert (back.inputs, back.actions) == (schedule.inputs, schedule.actions)
    for name in ("times", "amounts", "durations", "steady"):
        np.testing.assert_array_max_ulp(getattr(back, name), getattr(schedule, name), 1)


@given(schedules())
def test_records_hold_by_either_rule_once_all_is_known(schedule):
    """NONMEM carries values backward; what is written means the same there."""
    start = imo.regimen.Schedule([-500.0, -500.0], ("weight", "albumin"), [1.0, 2.0], [0, 0], ("set", "set"))
    whole = {"1": joined(start, schedule)}
    assert again(whole, "day", rule="nocb") == whole


def joined(one, two):
    return imo.regimen.Schedule(
        *(
            (*getattr(one, name), *getattr(two, name))
            for name in ("times", "inputs", "amounts", "durations", "actions", "steady")
        )
    )


def test_a_table_written_out_is_the_table_that_was_read():
    """Dosing records in full come back as they were, in their units; ADDL is written out."""
    text = """
ID  TIME  AMT RATE DUR  II ADDL SS CMT EVID MDV
1    0.0  100  200 0.5   0    0  0   1    1   1
1   24.0  100    0   0  24    0  1   1    1   1
1   36.1    5    0   0   0    0  0   2    4   1
1   40.0    0    3   0   0    0  1   1    1   1
1   41.0  0.5    0   0   0    0  0   1    6   1
1   42.0    7    0   0   0    0  0   2    5   1
2    0.0    0    0   0   0    0  0   0    3   1"""
    given_ = table(text).astype(float).astype({"ID": int, "ADDL": int, "SS": int, "CMT": int, "EVID": int, "MDV": int})
    written = imo.io.write_records(imo.io.read_records(given_, COMPARTMENTS, time_unit="hour"), COMPARTMENTS, time_unit="hour")
    pd.testing.assert_frame_equal(written, given_)
    repeated = imo.io.read_records(given_.iloc[:1].assign(II=12.0, ADDL=2), COMPARTMENTS, time_unit="hour")
    assert imo.io.write_records(repeated, COMPARTMENTS, time_unit="hour")["TIME"].to_list() == [0, 12, 24]


def test_what_holds_of_an_infusion_is_written_and_read():
    """A rate as RATE, a duration as RATE -2 with its DUR, which NONMEM is told as D1; the model's own as -1 and -2."""
    given_ = imo.regimen.Schedule(
        [0, 1, 2, 3, 4, 5],
        ("drug",) * 6,
        [480.0] * 6,
        [0, 2, 0, 0, 1.5, INF],
        ("dose",) * 6,
        [0, 0, 0, 0, 0.5, INF],
        rates=[240, 0, -1, -2, 0, 0],
        adding=[False] * 4 + [True, False],
    )
    frame = imo.io.write_records({"1": given_}, COMPARTMENTS, time_unit="hour")
    assert frame["RATE"].to_list() == [10, -2, -1, -2, -2, 20]
    assert frame["DUR"].to_list() == [48, 48, 0, 0, 36, 0]
    assert frame["SS"].to_list() == [0, 0, 0, 0, 2, 1]
    assert again({"1": given_}, "hour") == {"1": given_} == again({"1": given_}, "day")


def test_a_regimen_becomes_records():
    regimen = imo.Regimen().dose("drug", "2 mg/kg", every="1 day", count=2, rate="1 mg/kg/h", steady_state=True)
    schedule = regimen.set("weight", [50, 60], [0, 1], rule="locf").schedule({"drug": "mg"}, {})
    frame = imo.io.write_records({"a": schedule}, {1: "drug"}, time_unit="hour")
    assert frame["AMT"].to_list() == [100, 0, 120, 0]
    assert frame["DUR"].to_list() == [2, 0, 2, 0]
    assert frame["SS"].to_list() == [1, 0, 0, 0]
    assert frame["weight"].fillna(0).to_list() == [0, 50, 50, 60]
    assert imo.io.read_records(frame, {1: "drug"}, time_unit="hour", covariates={"weight": "weight"}, rule="locf") == {
        "a": schedule
    }


# what is refused

WRONG_ROWS = {
    "ID TIME AMT CMT EVID\n1 0 100 1 0": ("row 0 (subject 1): is an observation (EVID 0) with AMT 100", "EVID 1"),
    "ID TIME AMT CMT EVID\n1 0 0 1 1": ("is a dose with AMT 0", "EVID 2"),
    "ID TIME AMT CMT EVID\n1 0 . 1 1": ("is a dose with AMT 0",),
    "ID TIME AMT CMT EVID\n1 0 5 1 2": ("is another event (EVID 2) with AMT 5",),
    "ID TIME AMT CMT EVID\n1 0 5 1 3": ("is a reset (EVID 3) with AMT 5",),
    "ID TIME AMT CMT EVID\n1 0 5 1 7": ("has the EVID 7", "5 replace, 6 multiply"),
    "ID TIME AMT CMT EVID\n1 0 5 1 .": ("has no EVID",),
    "ID TIME AMT CMT EVID\n1 0 5 1 1.5": ("has the EVID 1.5",),
    "ID TIME AMT CMT EVID\n1 0 5 -1 1": ("turns compartment 1 off", "EVID 5"),
    "ID TIME AMT CMT EVID\n1 0 5 3 1": ("has the CMT '3'", "1 (drug), 2 (cells)"),
    "ID TIME AMT CMT EVID\n1 0 5 . 1": ("has the CMT ''",),
    "ID TIME AMT CMT EVID MDV\n1 0 5 1 1 0": ("is a dose (EVID 1) with MDV 0", "MDV 1"),
    "ID TIME AMT CMT MDV\n1 0 5 1 0": ("is a dose (EVID 1) with MDV 0",),
    "ID TIME AMT CMT MDV\n1 0 5 1 2": ("has the MDV 2",),
    "ID TIME AMT CMT\n1 0 -5 1": ("has the AMT -5", "zero or more"),
    "ID TIME AMT CMT EVID\n1 0 -5 1 6": ("has the AMT -5",),
    "ID TIME AMT CMT\n1 0 five 1": ("has the AMT 'five'", "a number"),
    "ID TIME AMT CMT\n1 0 inf 1": ("has the AMT 'inf'",),
    "ID TIME AMT CMT\n1 9:75 5 1": ("has the TIME '9:75'", "a time of day such as 14:30"),
    "ID TIME AMT CMT\n1 . 5 1": ("has no TIME",),
    "ID TIME AMT CMT\n. 0 5 1": ("row 0: has no ID",),
    "ID TIME AMT CMT\n1 5 5 1\n1 3 5 1": ("row 1 (subject 1): has TIME 3, before that of the row above", "EVID 3 or 4"),
    "ID TIME AMT CMT\n1 5 5 1\n2 3 5 1\n1 6 5 1": ("row 2 (subject 1): has an ID that occurs again", "contiguous"),
    "ID TIME AMT RATE CMT\n1 0 5 -3 1": ("has the RATE -3",),
    "ID TIME AMT RATE CMT\n1 0 0 3 1": ("is a dose with AMT 0", "SS 1 with RATE"),
    "ID TIME AMT RATE DUR CMT\n1 0 100 10 5 1": ("disagree", "RATE 20 or DUR 10"),
    "ID TIME AMT RATE DUR CMT\n1 0 100 -1 5 1": ("has RATE -1, a rate stated by the model, and DUR 5",),
    "ID TIME AMT DUR CMT\n1 0 100 -5 1": ("has the DUR -5",),
    "ID TIME AMT ADDL CMT\n1 0 5 3 1": ("3 additional doses (ADDL) without an interval II",),
    "ID TIME AMT ADDL II CMT\n1 0 5 1.5 2 1": ("has the ADDL 1.5", "a whole number"),
    "ID TIME AMT ADDL II CMT\n1 0 5 -1 2 1": ("has the ADDL -1",),
    "ID TIME AMT ADDL II CMT\n1 0 5 1e9 2 1": ("has the ADDL 1e+09",),
    "ID TIME AMT ADDL II CMT\n1 0 5 1 -2 1": ("has the II -2",),
    "ID TIME AMT II CMT\n1 0 5 12 1": ("an interval II 12 without ADDL or SS",),
    "ID TIME AMT SS CMT\n1 0 5 1 1": ("a steady state (SS 1) without an interval II",),
    "ID TIME AMT SS II CMT\n1 0 5 3 12 1": ("has the SS 3", "2 for one added"),
    "ID TIME AMT SS II CMT\n1 0 5 0.5 12 1": ("has the SS 0.5",),
    "ID TIME AMT RATE SS II CMT\n1 0 0 5 1 12 1": ("constant infusion at steady state with II",),
    "ID TIME AMT RATE DUR SS CMT\n1 0 0 5 3 1 1": ("disagree", "DUR 0"),
    "ID TIME CMT\n1 0 1": ("records: AMT: is missing",),
    "ID TIME AMT amt CMT\n1 0 1 1 1": ("records: AMT: occurs 2 times",),
}


@pytest.mark.parametrize("text", WRONG_ROWS)
def test_a_wrong_row_gets_its_message(text):
    with pytest.raises(imo.errors.DataError) as error:
        read(text)
    assert len(error.value.problems) == 1
    assert [phrase for phrase in WRONG_ROWS[text] if phrase not in str(error.value)] == []


def test_all_wrong_rows_are_told_at_once_in_their_order():
    single = [text.splitlines() for text in WRONG_ROWS if text.startswith("ID TIME AMT CMT EVID\n") and text.count("\n") == 1]
    text = "\n".join([single[0][0], "0 0 5 1 1", *(line for _, line in single)])
    with pytest.raises(imo.errors.DataError) as error:
        read(text)
    places = [problem.where for problem in error.value.problems]
    assert places == [f"records, row {k + 1} (subject 1)" for k in range(len(single))]


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        ({"time_unit": "week"}, "time_unit: is 'week'; 'hour' or 'day'"),
        ({"covariates": ["AMT2"], "rule": "locf"}, "there is no column 'AMT2'; did you mean 'AMT'"),
        ({"covariates": {"TIME": "AMT"}, "rule": "locf"}, "'AMT' is not a parameter"),
        ({"covariates": ["TIME"]}, "rule: is missing"),
        ({"rule": "lcof"}, "rule: is 'lcof'; did you mean 'locf'"),
        ({"compartments": {1: "my drug"}}, "compartments: has 'my drug'"),
        ({"compartments": {}}, "compartments: is {}"),
        ({"compartments": None}, "has the CMT '1'; the name of an input, or a mapping compartments="),
        ({"table": None}, "records: are NoneType"),
        ({"table": "no/such.csv"}, "no/such.csv: does not exist"),
    ],
)
def test_a_wrong_call_gets_its_message(options, phrase):
    call = {"table": table("ID TIME AMT CMT\n1 0 5 1"), "compartments": COMPARTMENTS, "time_unit": "day"} | options
    with pytest.raises(imo.errors.DataError) as error:
        imo.io.read_records(**call)
    assert phrase in str(error.value)


@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 4])
def test_files_that_are_no_tables(content, tmp_path):
    (tmp_path / "trial.csv").write_bytes(content)
    with pytest.raises(imo.errors.DataError, match="trial.csv"):
        imo.io.read_records(tmp_path / "trial.csv", time_unit="day")


def test_what_records_cannot_say_is_not_written():
    zero = imo.regimen.Schedule([0, 1], ("drug", "other"), [0, 1], [0, 0])
    with pytest.raises(imo.errors.RegimenError) as error:
        imo.io.write_records({"1": zero, "2": imo.Regimen()}, COMPARTMENTS, time_unit="day")
    assert len(error.value.problems) == 3
    assert all(
        phrase in str(error.value) for phrase in ("a dose of drug with the amount 0", "'other', which has no", "has a Regimen")
    )
