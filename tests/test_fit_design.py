"""What varies, for whom, in which scale; which observations are fitted; and the messages where that is wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from immunoode.errors import FitError
from immunoode.fitting.observations import observations
from immunoode.fitting.parameterisation import parameterise
from immunoode.trial.long_table import read_trial
from tests.toy_predictor import MODEL, objective, simulated

SUBJECTS, ARMS = ("a", "b", "c"), ("low dose", "low dose", "20 mg/kg")


def test_names_are_identifiers_and_values_reach_their_subjects() -> None:
    plan = parameterise(MODEL, SUBJECTS, ARMS, ["shift"], ["rate"], ["v0"], initial={"rate": {"20 mg/kg": 0.1}})
    parameters = plan.parameters()
    assert list(parameters) == [
        "shift",
        "log_rate__low_dose",
        "rate__low_dose",
        "log_rate__20_mg_kg",
        "rate__20_mg_kg",
        "log_v0__a",
        "v0__a",
        "log_v0__b",
        "v0__b",
        "log_v0__c",
        "v0__c",
    ]
    np.testing.assert_allclose(plan.values(parameters), [[0, 0.03, 50], [0, 0.03, 50], [0, 0.1, 50]])


def test_labels_that_look_alike_stay_apart() -> None:
    plan = parameterise(MODEL, SUBJECTS, ("A+B", "A B", "A/B"), [], ["rate"], [])
    assert plan.fitted_parameters[0].keys == ("rate__a_b", "rate__a_b_2", "rate__a_b_3")


def test_logarithms_where_bounds_are_positive_unless_said_otherwise() -> None:
    logs = {s.name: s.log for s in parameterise(MODEL, SUBJECTS, ARMS, ["rate", "shift"], [], []).fitted_parameters}
    assert logs == {"rate": True, "shift": False}
    assert not parameterise(MODEL, SUBJECTS, ARMS, ["rate"], [], [], log=False).fitted_parameters[0].log
    assert not parameterise(MODEL, SUBJECTS, ARMS, ["rate"], [], [], bounds={"rate": (0, 1)}).fitted_parameters[0].log


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"vary": []}, "name at least one parameter"),
        ({"vary": ["rat"]}, "'rat' is not a parameter of model 'toy'; did you mean 'rate'"),
        ({"vary": ["rate"], "bounds": {"shift": (0, 1)}}, "bounds: 'shift' is not fitted"),
        ({"vary": ["rate"], "bounds": {"rate": (1, 0)}}, "is not (lower, upper)"),
        ({"vary": ["rate"], "initial": {"x": 1}}, "initial: 'x' is not fitted"),
        ({"vary": ["rate"], "log": ["shift"]}, "log: 'shift' is not fitted"),
        ({"per_arm": ["rate"], "per_subject": ["rate"]}, "keep it in only one of them"),
        ({"per_arm": ["rate"], "initial": {"rate": {"arm 9": 1}}}, "did you mean 'arm "),
        ({"vary": ["shift"], "bounds": {"shift": (-1, 1)}, "log": ["shift"]}, "has no logarithm"),
    ],
)
def test_messages(how: dict[str, object], expected: str) -> None:
    with pytest.raises(FitError) as caught:
        objective(simulated(4), **how)  # type: ignore[arg-type]
    assert expected in str(caught.value)


def trial(rows: list[tuple[str, float, float]], unit: str = "mm", quantity: str = "y"):  # type: ignore[no-untyped-def]
    return read_trial(pd.DataFrame(rows, columns=["subject", "time", "value"]), units=unit, quantity=quantity)


def test_the_simulation_starts_at_the_last_observation_before_day_0() -> None:
    data = trial([("a", -20, 10), ("a", -3, 12), ("a", 40, 15), ("b", 5, 8), ("b", 9, 7)])
    seen = observations(MODEL, data, None, True, frozenset())
    np.testing.assert_array_equal(seen.start, [-3, 5])
    np.testing.assert_array_equal(seen.baselines["v0"], [12, 8])
    np.testing.assert_array_equal(seen.value, [15, 7])
    assert sorted(seen.unused["reason"]) == ["baseline: the simulation starts from it"] * 2 + ["before the baseline"]
    assert len(seen) + len(seen.unused) == len(data)


def test_a_dose_before_the_first_observation_starts_the_simulation() -> None:
    seen = observations(MODEL, trial([("a", 7, 10), ("a", 9, 7)]), None, True, frozenset(), lambda arm: 2.0)
    assert seen.start.tolist() == [2.0]


def test_a_baseline_that_varies_is_fitted_like_the_rest() -> None:
    data = trial([("a", -3, 12), ("a", 40, 15)])
    seen = observations(MODEL, data, None, True, frozenset({"v0"}))
    assert seen.baselines == {} and len(seen) == 2 and seen.start.tolist() == [-3.0]
    late = observations(MODEL, trial([("a", 7, 12), ("a", 40, 15)]), None, True, frozenset({"v0"}))
    assert len(late) == 2 and late.start.tolist() == [7.0]
    early = observations(MODEL, trial([("a", 7, 12), ("a", 40, 15)]), None, True, frozenset({"v0"}), begin=-5.0)
    assert early.start.tolist() == [-5.0]
    assert len(observations(MODEL, data, None, False, frozenset())) == 2


def test_subjects_without_a_usable_baseline_are_listed() -> None:
    data = trial([("a", -3, 0), ("a", 40, 15), ("b", 0, 8), ("b", 9, 7)])
    seen = observations(MODEL, data, None, True, frozenset())
    assert seen.subjects == ("b",)
    assert (seen.unused["reason"] == "the subject has no baseline above zero").sum() == 2


def test_units_are_converted_or_refused() -> None:
    data = trial([("a", 0, 1.0), ("a", 9, 2.0)], unit="cm")
    assert observations(MODEL, data, None, False, frozenset()).value.tolist() == [10.0, 20.0]
    with pytest.raises(FitError, match="is in 'mg', but 'y' is in 'mm'"):
        observations(MODEL, trial([("a", 0, 1.0)], unit="mg"), None, False, frozenset())


def test_observe_names_are_checked() -> None:
    data = trial([("a", 0, 1.0), ("a", 9, 2.0)], unit="", quantity="size")
    with pytest.raises(FitError, match="no quantity of the data"):
        observations(MODEL, data, None, True, frozenset())
    with pytest.raises(FitError, match="'volum' is not an output of model 'toy'; did you mean 'volume'"):
        observations(MODEL, data, "volum", True, frozenset())
    with pytest.raises(FitError, match="'sise' is not a quantity of the data; did you mean 'size'"):
        observations(MODEL, data, {"sise": "y"}, True, frozenset())
    assert observations(MODEL, data, "y", True, frozenset()).outputs == ("y",)


def test_too_few_observations() -> None:
    from immunoode.fitting.minimise import minimise

    data = trial([("a", 0, 1.0), ("a", 9, 2.0)])
    with pytest.raises(FitError, match="1 observations cannot determine 2 parameters"):
        minimise(objective(data, "additive", vary=["rate", "shift"]))
