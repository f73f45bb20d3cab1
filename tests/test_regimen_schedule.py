"""Schedules: columns in order of time, a message for each row that makes no sense, equal by value."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

import immunoode as imo

INF = math.inf


def test_four_columns_are_doses():
    schedule = imo.regimen.Schedule(np.array([0.0, 7.0]), ("a", "b"), np.array([1.0, 2.0]), np.array([0.0, 0.5]))
    assert schedule.actions == ("dose", "dose")
    assert schedule.steady.tolist() == [0, 0]


def test_rows_are_sorted_by_time_and_stay_in_order_at_one_time():
    schedule = imo.regimen.Schedule(
        [7, 0, 7, 0], ("a", "", "c", "d"), [1, 0, 3, 4], [0, 0, 0, 0.5], ("dose", "reset", "set", "dose"), [7, 0, 0, 0]
    )
    assert schedule.times.tolist() == [0, 0, 7, 7]
    assert schedule.inputs == ("", "d", "a", "c")
    assert schedule.actions == ("reset", "dose", "dose", "set")
    assert schedule.amounts.tolist() == [0, 4, 1, 3]
    assert schedule.durations.tolist() == [0, 0.5, 0, 0]
    assert schedule.steady.tolist() == [0, 0, 7, 0]


def test_schedules_are_values():
    one, two = (imo.regimen.Schedule([0], ("a",), [1], [0]) for _ in range(2))
    assert one == two and hash(one) == hash(two) and one != imo.regimen.Schedule([0], ("a",), [2], [0])
    assert one != imo.regimen.Schedule([0], ("a",), [1], [0], ("multiply",)) and one != "a"
    assert pickle.loads(pickle.dumps(one)) == one


def test_a_schedule_keeps_its_own_numbers():
    times = np.array([0.0])
    schedule = imo.regimen.Schedule(times, ("a",), np.array([1.0]), np.array([0.0]))
    times[0] = 9
    assert schedule.times.tolist() == [0]


def test_an_empty_schedule():
    assert imo.regimen.Schedule(np.empty(0), (), np.empty(0), np.empty(0)).actions == ()


@pytest.mark.parametrize(
    ("columns", "phrase"),
    [
        (([0, 1], ("a",), [1, 1], [0, 0]), "schedule: inputs: has 1 rows where times has 2"),
        (([0], ("a",), [1], [0], ("dose", "dose")), "actions: has 2 rows where times has 1"),
        (([0], ("a",), [1], [0], ("dose",), [0, 0]), "steady: has 2 rows"),
        (("soon", ("a",), [1], [0]), "times: is not a column; one number per row"),
        (([0], "a", [1], [0]), "inputs: is not a column; one name per row"),
        (([0], None, [1], [0]), "inputs: is not a column"),
        (([[0]], ("a",), [1], [0]), "times: is not a column"),
        (([math.nan], ("a",), [1], [0]), "row 0: has the time nan; a finite number of days"),
        (([INF], ("a",), [1], [0]), "has the time inf"),
        (([0], ("a",), [math.nan], [0]), "has the amount nan; zero or more"),
        (([0], ("a",), [-1], [0]), "has the amount -1; zero or more"),
        (([0], ("a",), [-1], [0], ("multiply",)), "has the amount -1"),
        (([0], ("a",), [INF], [0], ("set",)), "has the amount inf; a finite number"),
        (([0], ("a",), [1], [-1]), "has the duration -1; zero or more days"),
        (([0], ("a",), [1], [INF]), "has the duration inf; zero or more days, and finite"),
        (([0], ("a",), [1], [2], (), [INF]), "has the duration 2; infinite, like the interval"),
        (([0], ("a",), [1], [0], (), [-7]), "has the steady -7"),
        (([0], ("a",), [1], [0], ("doze",)), "has the action 'doze'; did you mean 'dose'"),
        (([0], ("",), [1], [0], ("reset",)), "has the amount 1; 0: a reset is to the initial values"),
        (([0], ("a",), [0], [0], ("reset",)), "is a reset of 'a'; '': a reset is of all compartments"),
        (([0], ("",), [1], [0]), "has the input ''; the name of a model's input"),
        (([0], ("",), [1], [0], ("set",)), "has the parameter ''; the name of a model's parameter"),
        (([0], ("a",), [1], [2], ("replace",)), "is a 'replace' with a duration or a steady state"),
        (([0], ("a",), [1], [0], ("set",), [7]), "is a 'set' with a duration or a steady state"),
    ],
)
def test_a_wrong_schedule_gets_its_message(columns, phrase):
    with pytest.raises(imo.errors.RegimenError) as error:
        imo.regimen.Schedule(*columns)
    assert phrase in str(error.value)
    assert len(error.value.problems) == 1


def test_all_that_is_wrong_is_said_at_once_row_by_row():
    with pytest.raises(imo.errors.RegimenError) as error:
        imo.regimen.Schedule([5, math.nan, 0], ("a", "b", ""), [1, -1, 1], [0, 0, 0], ("dose", "dose", "set"))
    assert [problem.where for problem in error.value.problems] == ["schedule, row 1", "schedule, row 1", "schedule, row 2"]
