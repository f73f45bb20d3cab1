"""What counts as one visit, and responses that were reported beside measurements."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from tests.published_data import data_file

SCANS = pd.DataFrame(
    [("1", 0, "a", 30), ("1", 0, "b", 20), ("1", 41, "a", 45), ("1", 43, "b", 30), ("1", 84, "a", 50), ("1", 84, "b", 35)],
    columns=["subject", "time", "lesion", "diameter"],
)
"""Sums of 50, 75 and 85 mm; the second assessment took three days."""


def test_scans_on_several_days_without_a_lesion_twice_are_one_visit() -> None:
    found = imo.recist(SCANS)
    assert found.visits[["time", "sum_of_diameters", "response"]].values.tolist() == [[41, 75, "PD"], [84, 85, "PD"]]
    assert found.left_out["reason"].tolist() == ["day 43 belongs to the visit of day 41"]
    apart = imo.recist(SCANS, imo.trial.RecistRules(visit_days=0))
    assert apart.visits["time"].tolist() == [41, 43, 84]
    assert apart.visits["sum_of_diameters"].isna().tolist() == [True, True, False]


def test_a_second_scan_of_a_lesion_is_a_second_visit() -> None:
    twice = pd.concat([SCANS, pd.DataFrame({"subject": ["1"], "time": [43], "lesion": ["a"], "diameter": [46]})])
    assert imo.recist(twice.reset_index(drop=True)).visits["time"].tolist() == [41, 43, 84]


def test_days_of_one_name_are_one_visit() -> None:
    named = SCANS.assign(time=[0, 0, 41, 57, 84, 84], visit=["BASELINE"] * 2 + ["WEEK 6"] * 2 + ["WEEK 12"] * 2)
    assert imo.recist(named).visits[["time", "sum_of_diameters"]].values.tolist() == [[41, 75], [84, 85]]
    other = named.assign(time=[0, 0, 41, 43, 84, 84], visit=["BASELINE"] * 2 + ["WEEK 6", "UNSCHEDULED 1"] + ["WEEK 12"] * 2)
    assert imo.recist(other).visits["time"].tolist() == [41, 43, 84], "two names are two visits"


def test_one_name_far_apart_is_several_visits() -> None:
    sums = pd.DataFrame({"subject": "1", "time": [0, 42, 90], "sum_of_diameters": [50, 40, 30]})
    sums["visit"] = ["", "UNSCHEDULED", "UNSCHEDULED"]
    assert imo.recist(sums).visits["time"].tolist() == [42, 90]


def test_scans_of_baseline_on_several_days_with_one_after_the_first_dose() -> None:
    late = SCANS.assign(time=[-3, 1, 41, 43, 84, 84], visit=["BASELINE"] * 2 + ["WEEK 6"] * 2 + ["WEEK 12"] * 2)
    assert imo.recist(late).subjects[["baseline", "baseline_time"]].values.tolist() == [[50, -3]]


def test_sums_of_lesions_are_of_whole_visits() -> None:
    data = imo.trial.read_lesions(SCANS.rename(columns={"time": "day", "diameter": "diameter_mm"}).assign(kind="target"))
    assert imo.trial.sum_lesions(data).frame[["time", "value"]].values.tolist() == [[0, 50], [41, 75], [84, 85]]


@pytest.mark.parametrize("word", ["ND", "not done", "Not Assessed", "NE", "missing"])
def test_nothing_done_at_a_visit_is_not_evaluable(word: str) -> None:
    course = pd.DataFrame({"subject": "1", "time": [42, 84, 126], "response": ["PR", word, "PR"]})
    assert imo.recist(course).visits["response"].tolist() == ["PR", "NE", "PR"]
    assert imo.recist(course).subjects["confirmed_response"].item() == "PR", "one NE between is accepted"
    strict = imo.recist(course, imo.trial.RecistRules(not_evaluable_between=0))
    assert strict.subjects["confirmed_response"].item() == "SD"


def test_responses_before_treatment_are_listed_and_do_not_count() -> None:
    course = pd.DataFrame({"subject": "1", "time": [-20, 42, 84], "response": ["PD", "PR", "PR"]})
    found = imo.recist(course)
    assert found.subjects["confirmed_response"].item() == "PR" and np.isnan(found.subjects["progression_time"].item())
    assert found.left_out["reason"].tolist() == ["a response before day 0, before treatment"]


ADSL = pd.DataFrame({"USUBJID": ["a", "b"], "TRTSDT": "2024-01-01"})
ADTR = pd.DataFrame(
    {
        "USUBJID": "a",
        "PARAMCD": "LDIAM",
        "TRLNKID": "T01",
        "AVAL": [50.0, 30.0, 30.0],
        "AVISIT": ["BASELINE", "WEEK 6", "WEEK 12"],
        "ADT": ["2024-01-01", "2024-02-12", "2024-03-25"],
    }
)
ADRS = pd.DataFrame(
    {
        "USUBJID": ["a", "a", "b"],
        "PARAMCD": "OVR",
        "AVALC": ["PR", "PD", "PD"],
        "AVISIT": ["WEEK 6", "WEEK 12", "WEEK 6"],
        "ADT": ["2024-02-13", "2024-03-25", "2024-02-12"],
    }
)


def test_reported_responses_count_before_measurements_and_differences_are_listed() -> None:
    data = imo.io.read_adam({"ADSL": ADSL, "ADTR": ADTR, "ADRS": ADRS})
    found = imo.recist(data)
    assert found.visits[["subject", "time", "sum_of_diameters", "response"]].iloc[:2].values.tolist() == [
        ["a", 42, 30, "PR"],
        ["a", 84, 30, "PD"],
    ]
    assert found.subjects["progression_time"].tolist() == [84, 42]
    assert found.subjects["best_change"].iloc[0] == pytest.approx(-0.4)
    assert "reported PD, by the rules PR" in found.left_out["reason"].tolist()
    assert "responses are as reported at 3 of 3 visits" in found.report()


def test_measurements_may_be_preferred_and_the_ignored_responses_are_noted() -> None:
    data = imo.io.read_adam({"ADSL": ADSL, "ADTR": ADTR, "ADRS": ADRS})
    found = imo.recist(data, by="measurements")
    assert found.visits.query("subject == 'a'")["response"].tolist() == ["PR", "PR"]
    assert "reported at 3 visits" in str(found)
    with pytest.raises(imo.errors.DataError, match="but there are no responses"):
        imo.recist(imo.io.read_adam({"ADSL": ADSL, "ADTR": ADTR}), by="responses")


def test_non_targets_and_new_lesions_of_responses_go_with_measured_targets() -> None:
    parts = pd.DataFrame(
        {
            "USUBJID": "a",
            "PARAMCD": ["NTRGRESP", "NTRGRESP", "NEWLPROG"],
            "AVALC": ["NON-CR/NON-PD", "PD", "EQUIVOCAL"],
            "ADT": ["2024-02-12", "2024-03-25", "2024-02-12"],
        }
    )
    found = imo.recist(imo.io.read_adam({"ADSL": ADSL, "ADTR": ADTR, "ADRS": parts})).visits
    assert found["non_target"].tolist() == ["non-CR/non-PD", "PD"] and found["response"].tolist() == ["PR", "PD"]
    new = parts.assign(AVALC=["NON-CR/NON-PD", "NON-CR/NON-PD", "UNEQUIVOCAL"])
    assert imo.recist(imo.io.read_adam({"ADSL": ADSL, "ADTR": ADTR, "ADRS": new})).visits["response"].iloc[0] == "PD"


def test_a_table_with_sums_and_responses_uses_both() -> None:
    table = pd.DataFrame({"subject": "1", "time": [0, 42, 84], "sum_of_diameters": [50, 30, 30], "response": ["", "PR", "PD"]})
    found = imo.recist(table)
    assert found.visits[["sum_of_diameters", "response"]].values.tolist() == [[30, "PR"], [30, "PD"]]
    assert imo.recist(table, by="measurements").visits["response"].tolist() == ["PR", "PR"]


def test_progression_and_confirmed_responses_of_a_published_trial() -> None:
    """The investigator's targets and responses of the CDISC pilot trial with oncology data."""
    tr, rs = (pd.read_csv(data_file(f"adam/{name}_onco.csv.gz"), low_memory=False) for name in ("tr", "rs"))
    adsl = pd.read_csv(data_file("adam/adsl.csv.gz"), low_memory=False)
    tr = tr[(tr["TREVAL"] == "INVESTIGATOR") & (tr["TRGRPID"] == "TARGET") & (tr["TRTESTCD"] == "DIAMETER")]
    rs = rs[(rs["RSEVAL"] == "INVESTIGATOR") & (rs["RSTESTCD"] == "OVRLRESP") & (rs["RSSTRESC"] != "CHECK")]
    names = {"TRTESTCD": "PARAMCD", "TRSTRESN": "AVAL", "TRDY": "ADY"}
    names |= {"RSTESTCD": "PARAMCD", "RSSTRESC": "AVALC", "RSDY": "ADY"}
    adtr, adrs = (
        t.rename(columns=names)[["USUBJID", "PARAMCD", "ADY", "VISIT", *more]]
        for t, more in ((tr, ["AVAL", "TRLNKID", "TRGRPID"]), (rs, ["AVALC"]))
    )
    data = imo.io.read_adam({"ADSL": adsl[["USUBJID", "TRTSDT"]], "ADTR": adtr, "ADRS": adrs})
    both, alone = imo.recist(data).subjects, imo.recist(data, by="measurements").subjects
    responders = [int(s["confirmed_response"].isin(("CR", "PR")).sum()) for s in (both, alone)]
    assert [both["progression_time"].notna().sum(), alone["progression_time"].notna().sum()] == [173, 141]
    assert responders == [28, 52]


def test_lesions_in_centimetres_are_judged_in_millimetres() -> None:
    """7 and 8.9 mm: 27 % more and less than 5 mm; in cm the rule of 5 mm would hold nothing back."""
    table = pd.DataFrame({"id": "1", "day": [0, 42], "lesion": "a", "kind": "target", "size_cm": [0.7, 0.89]})
    data = imo.read_trial(table, {"value": "size_cm"}, "cm", quantity="diameter")
    found = imo.recist(data)
    assert found.visits[["sum_of_diameters", "response"]].values.tolist() == [[pytest.approx(8.9), "SD"]]
    sums = imo.trial.sum_lesions(data)
    assert sums.frame["value"].tolist() == pytest.approx([7.0, 8.9]) and sums.units == {"sum_of_diameters": "mm"}
    with pytest.raises(imo.errors.DataError, match="is in 'mm\\^3', which is not a unit of length"):
        imo.recist(imo.read_trial(table.rename(columns={"size_cm": "size"}), units="mm^3", quantity="diameter"))


AFTER_PROGRESSION = pd.DataFrame({"subject": "1", "time": [0, 42, 84, 126], "sum_of_diameters": [100, 130, 60, 60]})


def test_a_response_after_progression_makes_no_responder() -> None:
    deaths = pd.DataFrame({"subject": ["1"], "time": [300], "event": [1]})
    found = imo.trial.landmark(deaths, imo.recist(AFTER_PROGRESSION), at=150)
    assert found["group"].tolist() == ["non-responder"]
    _, table = imo.plot.swimmer(imo.recist(AFTER_PROGRESSION), data=True)
    plt.close("all")
    assert set(table["event"]) == {"progression", "end"}


def test_groups_at_a_landmark_name_subjects_of_the_table() -> None:
    deaths = pd.DataFrame({"subject": [1, 2], "time": [300, 200], "event": [1, 0]})
    assert imo.trial.landmark(deaths, {1: "x", 2: "y"}, at=100)["group"].tolist() == ["x", "y"]
    with pytest.raises(imo.errors.DataError, match="'3' is not a subject"):
        imo.trial.landmark(deaths, {1: "x", 3: "y"}, at=100)


def test_sums_are_made_once_of_data_with_lesions_and_sums() -> None:
    lesions = pd.DataFrame(
        {
            "id": "1",
            "day": [0, 0, 42, 42, 84],
            "quantity": "diameter",
            "lesion": [*"ababa"],
            "kind": "target",
            "value": [30, 20, 25, 15, 20],
        }
    )
    given = pd.DataFrame({"id": "1", "day": [0, 42, 84], "quantity": "sum_of_diameters", "value": [50, 40, 20]})
    sums = imo.trial.sum_lesions(imo.read_trial(pd.concat([lesions, given], ignore_index=True), units="mm"))
    assert sums.frame[["time", "value"]].values.tolist() == [[0, 50], [42, 40]]
    assert sums.left_out["reason"].value_counts().to_dict() == {
        "a sum of lesions that are in the data": 3,
        "day 84: not all target lesions were evaluated": 1,
    }


def test_deaths_of_subjects_who_were_never_assessed_are_events() -> None:
    survival = pd.DataFrame(
        {"subject": ["1", "2", "3"], "arm": "x", "endpoint": "OS", "time": [200, 30, 60], "event": [False, True, False]}
    )
    course = imo.recist(AFTER_PROGRESSION.assign(arm="x"))
    found = imo.trial.progression_free_survival(course, survival).set_index("subject")
    assert found.loc["2", ["time", "event", "reason"]].tolist() == [30, True, "death"]
    assert found.loc["3", ["time", "event", "reason"]].tolist() == [0, False, "no assessment after baseline"]
    rules = imo.trial.PfsRules(longest_gap="3 weeks")
    late = imo.trial.progression_free_survival(course, survival, rules=rules).set_index("subject")
    assert late.loc["2", ["time", "event"]].tolist() == [0, False], "death after more than the longest gap"
    with pytest.raises(imo.errors.DataError, match="'9' is not a subject"):
        imo.trial.progression_free_survival(course, survival, new_therapy={"9": 10})
