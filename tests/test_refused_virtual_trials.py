"""Virtual trials refuse input that means nothing; a comparison needs subjects of both arms."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError
from immunoode.virtual_trial import VisitSchedule, evaluate_outcomes
from immunoode.virtual_trial.two_arm_comparison import hazard_ratio, risk_sets


def test_a_hazard_ratio_needs_subjects_of_both_arms():
    time, event = np.array([3.0, 5.0, 8.0]), np.ones(3, bool)
    assert math.isnan(hazard_ratio(risk_sets(time, event, np.zeros(3, bool))))
    assert math.isnan(hazard_ratio(risk_sets(time, event, np.ones(3, bool))))
    assert hazard_ratio(risk_sets(time, np.array([True, True, False]), np.array([False, False, True]))) == 0.0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"death": [-3, np.inf]}, "death: is before day 0 for 1 subjects, first 0"),
        ({"index": [1]}, "index: has 1 entries"),
        ({"rules": 3}, "rules: are int"),
        ({"pfs_rules": 3}, "pfs_rules: are int"),
    ],
)
def test_arguments_of_outcomes_are_checked(options, says):
    with pytest.raises(DataError, match=says):
        evaluate_outcomes([0, 42], [[100, 70], [80, 90]], **options)


def test_arguments_of_virtual_trials_are_checked():
    with pytest.raises(DataError, match="before `until`"):
        VisitSchedule("6 weeks", "48 weeks", then="9 weeks", end="3 weeks")
    with pytest.raises(DataError, match="every: is None"):
        VisitSchedule(None)  # type: ignore[arg-type]
    patients = pd.DataFrame({"growth_rate": [0.004, 0.008]})
    with pytest.raises(DataError, match="step: is 0"):
        imo.simulate_trial(patients, {"a": None, "b": None}, 4, step=0)
    with pytest.raises(DataError, match="observation: is int"):
        imo.virtual_trial.simulate_patients("tumour_immune", patients, {"a": None}, observation=3)
