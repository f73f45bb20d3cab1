"""Statistics of trials refuse input that means nothing, and say where."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError


def endpoints() -> pd.DataFrame:
    time = [3.0, 5, 8, 7, 9, 12]
    return pd.DataFrame({"subject": list("abcdef"), "arm": list("xxxyyy"), "time": time, "event": 1, "reason": "death"})


@pytest.mark.parametrize(
    "analysis",
    [
        imo.trial.log_rank,
        imo.trial.max_combo,
        imo.trial.restricted_mean_survival,
        lambda table: imo.trial.milestone_survival(table, 5),
        imo.trial.cumulative_incidence,
        imo.kaplan_meier,
    ],
)
def test_a_subject_without_an_arm_is_no_arm_of_its_own(analysis):
    table = endpoints()
    table.loc[1, "arm"] = None
    with pytest.raises(DataError, match=r"subject b: has no arm"):
        analysis(table)


def test_a_group_without_name_is_refused_for_other_columns_and_for_rates():
    with pytest.raises(DataError, match=r"subject a: has no sex"):
        imo.trial.log_rank(endpoints().assign(sex=[np.nan, "m", "m", "m", "f", "f"]), by="sex")
    with pytest.raises(DataError, match=r"row 2: has no arm"):
        imo.trial.response_rate_difference(pd.DataFrame({"arm": ["a", "a", None], "response": [1, 0, 1]}))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda t: imo.trial.log_rank(t, gamma="1"), "two exponents"),
        (lambda t: imo.trial.max_combo(t, weights=[0, 1]), "two exponents"),
        (lambda t: imo.trial.milestone_survival(t, []), "at least one milestone"),
        (lambda t: imo.trial.restricted_mean_survival(t, 5, confidence="95"), "a number between 0 and 1"),
    ],
)
def test_options_of_comparisons_are_checked(call, says):
    with pytest.raises(DataError, match=says):
        call(endpoints())


def test_second_progressions_may_be_a_series_and_must_be_days():
    survival = pd.DataFrame({"subject": list("abc"), "endpoint": "OS", "time": [500, 400, 300], "event": [0, 1, 0]})
    found = imo.trial.pfs2(survival, pd.Series({"a": 350, "c": np.nan}))
    assert found["time"].tolist() == [350.0, 400.0, 300.0]
    for wrong, says in (({"a": "6 months"}, "a number of days"), (["a"], "a mapping of subject"), ({"a": 0}, "above 0")):
        with pytest.raises(DataError, match=says):
            imo.trial.pfs2(survival, wrong)


def test_volumes_of_mice():
    table = pd.DataFrame({"subject": "m1", "time": [0, 5, 10, 15], "value": [200.0, 150.0, 80.0, 50.0]})
    with pytest.raises(DataError, match="no column 'group'"):
        imo.trial.mouse_mrecist(table).rates("group")
    with pytest.raises(DataError, match="subject m1: has one below zero"):
        imo.trial.mouse_mrecist(table.assign(value=[200.0, -1.0, 80.0, 50.0]))
    with pytest.raises(DataError, match=r"size at baseline is not above zero \(1\)"):
        imo.trial.mouse_mrecist(table.assign(value=[0.0, 1.0, 2.0, 3.0]))
