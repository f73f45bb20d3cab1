"""Distributions, targets and calibration refuse input that means nothing, and say where."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError, PopulationError
from immunoode.virtual_population import (
    Categorical,
    Cohort,
    CorrelationTarget,
    EmpiricalRows,
    LogNormal,
    MeanTarget,
    MedianTarget,
    PlausibilityCriterion,
    PopulationDistribution,
    QuantileTarget,
    ResponseRateTarget,
    SurvivalTarget,
    VirtualPatients,
    check_plausibility,
    sample_plausible_patients,
    select_patients,
)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: QuantileTarget("drug", {0.5: -35}, n=10), "at least -1"),
        (lambda: QuantileTarget.from_values("drug", ["a"]), "not all numbers"),
        (lambda: QuantileTarget.from_values("drug", [0.1, 0.2], probabilities=[50]), "between 0 and 1"),
        (lambda: MeanTarget.geometric("drug", "exposure", 50, 30, 10), "0.3 for 30 %"),
        (lambda: MeanTarget.geometric("drug", "exposure", 50, -0.3, 10), "0.3 for 30 %"),
        (lambda: MedianTarget.published("drug", "8 months", interval=("6 months", None)), "not reached"),
        (lambda: CorrelationTarget("", None, 0.4, n=10), "two different columns"),
        (lambda: SurvivalTarget.from_published("drug", [100], [0.8], [50, 100]), "never increase"),
        (lambda: SurvivalTarget.from_published("drug", [100], ["x"], [50, 10]), "not all numbers"),
    ],
)
def test_targets_that_cannot_be_are_refused(make, says):
    with pytest.raises(DataError, match=says):
        make()


def test_arguments_of_calibration_are_checked():
    responses = pd.DataFrame({"best_response": ["PR", "PR", "PD", "PD"]})
    patients = VirtualPatients(pd.DataFrame({"kill_rate": [1.0, 2, 3, 4]}), {"drug": responses})
    target = ResponseRateTarget.objective("drug", 0.4, n=50)
    cohort = imo.calibrate(patients, [target])
    for wrong in (None, target, ["a"]):
        with pytest.raises(DataError, match="a list of targets"):
            cohort.held_out(wrong)
    for call in (imo.calibrate, select_patients):
        with pytest.raises(DataError, match="tolerance: is '1'"):
            call(patients, [target], tolerance="1")
    for n in (0, 1.5, "3"):
        for draw in (cohort.sample, cohort.resample):
            with pytest.raises(DataError, match="n: is"):
                draw(n, seed=1)
    assert str(Cohort(patients, np.array([1.0, 0, 0, 0]))).endswith("largest weight 100 %")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Categorical.from_counts({0: 0}), "counts: are"),
        (lambda: Categorical.from_counts({0: -1, 1: 2}), "counts: are"),
        (lambda: PopulationDistribution([1]), "a mapping of name to distribution"),
        (lambda: EmpiricalRows.from_frame(3), "a DataFrame"),
        (lambda: EmpiricalRows.from_frame(pd.DataFrame({"a": ["x"]})), "without one number per column"),
        (lambda: imo.sample_patients("ribba2022", {"growth_rate": LogNormal(0.002, 0.8)}, "5"), "n: is '5'"),
    ],
)
def test_distributions_that_cannot_be_are_refused(make, says):
    with pytest.raises(PopulationError, match=says):
        make()


def test_a_number_of_patients_is_complained_of_once():
    with pytest.raises(PopulationError) as error:
        imo.sample_patients("ribba2022", {"growth_rate": LogNormal(0.002, 0.8)}, 0)
    assert len(error.value.problems) == 1


def test_messages_say_what_is_wrong_with_weights_and_patients():
    patients = VirtualPatients(pd.DataFrame({"kill_rate": [1.0, 2.0]}), {})
    for weights, says in (([1.0], r"are of shape \(1,\)"), ([0.0, 0.0], "all zero"), ([1.0, -1.0], "are negative")):
        with pytest.raises(DataError, match=says):
            Cohort(patients, np.array(weights))
    criterion = PlausibilityCriterion("growth_rate", upper=1e-9)
    with pytest.raises(PopulationError, match="patients: have no rows"):
        check_plausibility("ribba2022", pd.DataFrame({"growth_rate": []}), [criterion])
    rates = {"growth_rate": LogNormal(0.002, 0.8)}
    for method, advised in (("reject", True), ("perturb", False)):
        with pytest.raises(PopulationError) as error:
            sample_plausible_patients("ribba2022", rates, 2, [criterion], method=method, most_drawn=4, rounds=1)
        assert ("method='perturb'" in str(error.value)) == advised
