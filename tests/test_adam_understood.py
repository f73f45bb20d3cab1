"""What trial programmers write in ADaM data sets is understood as the field does, reported, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from tests.published_data import data_file
from tests.test_trial_understood import MONTH, WEEK, YEAR, days, refused, survival

SPELLINGS = {
    "MO": MONTH,
    "mos": MONTH,
    "MONTHS": MONTH,
    "MONTH(S)": MONTH,
    "wk": WEEK,
    "yr": YEAR,
    "HOURS": 1 / 24,
    "Monate": MONTH,
}
LABELS = {
    "Overall Survival (months) [ITT]": MONTH,
    "OS (mo)": MONTH,
    "Time to death, weeks": WEEK,
    "Overall survival (Days)": 1.0,
    "Gesamt\u00fcberleben (Monate)": MONTH,
    "Survie globale (mois)": MONTH,
    "OS [YEARS]": YEAR,
}


@pytest.mark.parametrize(("written", "length"), SPELLINGS.items())
def test_units_of_time_in_avalu(written: str, length: float) -> None:
    assert days(AVALU=written) == pytest.approx([10 * length, 5 * length])


@pytest.mark.parametrize(("label", "length"), LABELS.items())
def test_units_of_time_in_param(label: str, length: float) -> None:
    assert days(PARAM=label) == pytest.approx([10 * length, 5 * length])


def test_no_unit_and_no_dates_are_days_and_said() -> None:
    data = imo.io.read_adam({"ADTTE": survival(PARAM="Overall Survival")})
    assert data.endpoints["time"].tolist() == [10, 5] and "no unit of AVAL is stated: days" in data.report()


DATED = {"STARTDT": "2024-01-01", "ADT": ["2024-10-31", "2024-06-01"]}
"""304 and 152 days."""


def test_dates_settle_a_unit_that_is_not_stated() -> None:
    data = imo.io.read_adam({"ADTTE": survival(**DATED)})
    assert data.endpoints["time"].tolist() == [304, 152] and "by the dates it is in months" in data.report()


def test_dates_check_a_unit_that_is_stated() -> None:
    assert days(**DATED, AVALU="MONTHS") == [304, 152]
    assert "by the dates it is in months: time_unit='month'" in refused(days, **DATED, AVALU="DAYS")
    assert "in no unit of time" in refused(days, STARTDT="2024-01-01", ADT=["2024-01-02", "2031-01-01"])


def test_times_that_count_from_one_and_dates_have_one_clock() -> None:
    adtte = survival(AVAL=[43.0, 85.0], AVALU="DAYS", STARTDT="2024-01-01", ADT=["2024-02-12", "2024-03-25"])
    adrs = pd.DataFrame({"USUBJID": ["a"], "PARAMCD": "OVR", "AVALC": "PD", "ADT": ["2024-02-12"]})
    data = imo.io.read_adam(
        {"ADSL": pd.DataFrame({"USUBJID": ["a", "b"], "TRTSDT": "2024-01-01"}), "ADRS": adrs, "ADTTE": adtte}
    )
    assert data.endpoints["time"].tolist() == [42, 84] and data.findings["time"].tolist() == [42]
    assert "AVAL counts the first day as 1" in data.report()
    undated = adtte.assign(ADT=["2024-02-12", None])
    assert imo.io.read_adam({"ADTTE": undated}).endpoints["time"].tolist() == [42, 84]


def test_endpoints_that_begin_before_treatment_keep_their_start() -> None:
    adsl = pd.DataFrame({"USUBJID": ["a", "b"], "TRTSDT": "2024-01-05"})
    adtte = survival(AVAL=[43.0, 85.0], STARTDT="2024-01-01", ADT=["2024-02-12", "2024-03-25"])
    adrs = pd.DataFrame({"USUBJID": ["a"], "PARAMCD": "OVR", "AVALC": "SD", "ADT": ["2024-02-10"]})
    data = imo.io.read_adam({"ADSL": adsl, "ADTTE": adtte, "ADRS": adrs})
    assert data.endpoints["time"].tolist() == [42, 84] and data.endpoints["start"].tolist() == [-4, -4]
    pfs = imo.trial.progression_free_survival(imo.recist(data), data).set_index("subject")
    assert pfs.loc["a", ["time", "reason"]].tolist() == [38, "death"], "days from day 0, the day of progression's clock"


AXES = pd.DataFrame(
    {
        "USUBJID": "a",
        "TRLNKID": ["T01", "T01", "T02", "T02"],
        "TULOC": ["LIVER"] * 2 + ["LYMPH NODE"] * 2,
        "ADY": 1,
        "PARAMCD": ["LDIAM1", "NLDIAM1", "LDIAM2", "NLDIAM2"],
        "TRTESTCD": ["LDIAM", "LPERP"] * 2,
        "AVAL": [20.0, 12.0, 30.0, 18.0],
        "TRGRPID": "TARGET",
    }
)


@pytest.mark.parametrize("drop", [[], ["TRTESTCD"], ["TRLNKID"], ["TRTESTCD", "TRLNKID"], ["PARAMCD"]])
def test_the_long_axis_counts_and_of_nodes_the_short_one(drop: list[str]) -> None:
    table = AXES.drop(columns=drop)
    data = imo.io.read_adam({"ADTR": table.assign(PARAMCD=table["TRTESTCD"]) if "PARAMCD" in drop else table})
    assert data.frame["value"].tolist() == [20, 18]
    assert data.left_out["reason"].str.startswith("the other axis of a lesion").all() and len(data.left_out) == 2
    assert imo.trial.sum_lesions(data).frame["value"].tolist() == [38]


def test_a_diameter_without_axis_is_the_one_of_recist() -> None:
    given = AXES.assign(TRTESTCD=["DIAMETER", "LDIAM", "DIAMETER", "LPERP"], PARAMCD="X")
    assert imo.io.read_adam({"ADTR": given}).frame["value"].tolist() == [20, 30]


def test_published_sums_of_the_admiral_template() -> None:
    adtr = pd.read_csv(data_file("adam/adtr_onco.csv.gz"), low_memory=False)
    adtr = adtr[adtr["PARAMCD"].str.contains("LDIAM|SDIAM")]
    data = imo.io.read_adam({"ADTR": adtr}, partial_dates="first")
    lesions = data.frame[data.frame["quantity"] == "diameter"]
    made = lesions.groupby(["subject", "time"])["value"].sum()
    published = data.frame[data.frame["quantity"] == "sum_of_diameters"].set_index(["subject", "time"])["value"]
    assert len(published) > 20 and np.allclose(made.reindex(published.index), published)
    assert data.reconciliation is not None and data.reconciliation.tally("rows").given == len(adtr)


READ = pd.DataFrame(
    {
        "USUBJID": "a",
        "PARAMCD": "OVRLRESP",
        "AVALC": ["PR", "PD", "SD"],
        "ADY": 43,
        "RSEVAL": ["INVESTIGATOR", *["INDEPENDENT ASSESSOR"] * 2],
        "RSEVALID": [None, "RADIOLOGIST 1", "RADIOLOGIST 2"],
        "RSACPTFL": ["", "Y", ""],
    }
)


def test_several_readers_are_refused_with_their_names_and_one_can_be_chosen() -> None:
    said = refused(imo.io.read_adam, {"ADRS": READ})
    assert all(name in said for name in ("'INVESTIGATOR'", "RADIOLOGIST 1'", "RADIOLOGIST 2'", "reader='accepted'"))
    for reader, response in (("investigator", "PR"), ("RADIOLOGIST 2", "SD"), ("accepted", "PD")):
        data = imo.io.read_adam({"ADRS": READ}, reader=reader)
        assert data.findings["finding"].tolist() == [response] and len(data.left_out) == 2
    assert "has 2 readers" in refused(imo.io.read_adam, {"ADRS": READ}, reader="independent assessor")
    assert "has no reader 'IRC'" in refused(imo.io.read_adam, {"ADRS": READ}, reader="IRC")


def test_readers_in_the_codes_of_responses() -> None:
    codes = READ.drop(columns=["RSEVAL", "RSEVALID", "RSACPTFL"]).assign(PARAMCD=["OVRINV", "OVRBICR", "BOR"])
    assert "'OVRINV', 'OVRBICR'" in refused(imo.io.read_adam, {"ADRS": codes})
    assert imo.recist(imo.io.read_adam({"ADRS": codes}, reader="OVRBICR")).visits["response"].tolist() == ["PD"]
    alone = imo.io.read_adam({"ADRS": codes[codes["PARAMCD"] == "OVRBICR"]})
    assert imo.recist(alone).visits["response"].tolist() == ["PD"]


ADSL = pd.DataFrame(
    {
        "USUBJID": ["a", "b", "c"],
        "TRT01P": ["drug", "drug", "Screen Failure"],
        "TRTSDT": ["2024-01-01", None, None],
        "RANDDT": ["2023-12-30", "2024-01-03", None],
    }
)
ADRS = pd.DataFrame({"USUBJID": ["a", "b", "c"], "PARAMCD": "OVR", "AVALC": ["PR", "SD", "NE"], "ADT": "2024-02-12"})


def test_each_subject_has_the_first_start_that_it_has() -> None:
    data = imo.io.read_adam({"ADSL": ADSL, "ADRS": ADRS})
    assert data.findings["time"].tolist() == [42, 40]
    assert "day 0 of 1 subjects is RANDDT, as they have no TRTSDT" in data.report()


def test_screen_failures_are_left_out_and_listed() -> None:
    data = imo.io.read_adam({"ADSL": ADSL, "ADRS": ADRS})
    assert data.enrolled == {"a": "drug", "b": "drug"} and data.arms == ("drug",)
    assert imo.recist(data).rates()["n"].tolist() == [2]
    lost = data.left_out[data.left_out["subject"] == "c"]
    assert len(lost) == 2 and lost["reason"].str.contains("screen failure").all()
    account = data.reconciliation
    assert account is not None and account.tally("rows").given == 6
    assert account.tally("subjects").left_out == {"did not enter the trial (screen failure)": 1}


def test_derived_rows_are_not_taken_as_measured() -> None:
    adtr = pd.DataFrame(
        {"USUBJID": "a", "PARAMCD": "SDIAM", "AVAL": [50.0, 40.0, 40.0], "ADY": [1, 43, 85], "DTYPE": ["", "", "LOCF"]}
    )
    data = imo.io.read_adam({"ADTR": adtr})
    assert data.frame["value"].tolist() == [50, 40] and data.left_out["reason"].tolist() == [
        "derived, not observed (DTYPE LOCF)"
    ]


def test_unknown_responses_at_visits_are_listed() -> None:
    data = imo.io.read_adam({"ADRS": ADRS.assign(AVALC=["PR", "CHECK", "ND"], ADY=43).drop(columns="ADT")})
    assert data.findings["finding"].tolist() == ["PR", "ND"]
    assert data.left_out["reason"].tolist() == ["response 'CHECK' is unknown"]


@pytest.mark.parametrize("label", ["OS (M)", "Overall Survival (Monthly)", "OS \uff08\u0e40\u0e14\u0e37\u0e2d\u0e19\uff09"])
def test_brackets_that_may_be_a_unit_are_refused_without_dates(label: str) -> None:
    assert "may be a unit of time" in refused(days, PARAM=label)
    assert days(PARAM=label, **DATED) == [304, 152], "the dates say it"
    assert days(PARAM="Overall Survival (ITT) [BICR]") == [10, 5]


def test_one_endpoint_by_two_readers_is_refused() -> None:
    table = survival(USUBJID=["a", "a"], PARCAT2=["Investigator", "BICR"], AVALU="MONTHS")
    assert "has 2 readers (PARCAT2): 'Investigator', 'BICR'" in refused(imo.io.read_adam, {"ADTTE": table})
    assert imo.io.read_adam({"ADTTE": table}, reader="BICR").endpoints["time"].tolist() == [5 * MONTH]
    apart = table.assign(PARAMCD=["PFSINV", "PFSBICR"])
    assert len(imo.io.read_adam({"ADTTE": apart}).endpoints) == 2


def test_times_beyond_a_life_are_no_times() -> None:
    data = imo.io.read_adam({"ADTTE": survival(AVAL=[1e308, 5.0], AVALU="MONTHS")})
    assert data.endpoints["subject"].tolist() == ["b"] and "longer than a life" in data.left_out["reason"].item()
    assert "longer than a life" in refused(
        imo.trial.read_endpoints, pd.DataFrame({"id": ["a"], "t": [1e308], "dead": [1]}), {"OS": "t"}, events={"OS": "dead"}
    )
    assert "is not a number" in refused(imo.read_trial, pd.DataFrame({"id": "a", "weeks": [0, 1e308], "value": 1.0}))


def test_one_code_of_two_labels_is_refused_until_one_is_chosen() -> None:
    table = survival(PARAM=["PFS by investigator (months)", "PFS by IRC (days)"])
    assert "PARAMCD 'OS' stands for 2 PARAM" in refused(imo.io.read_adam, {"ADTTE": table})
    chosen = imo.io.read_adam({"ADTTE": table}, where={"PARAM": "PFS by IRC (days)"})
    assert chosen.endpoints["time"].tolist() == [5.0]
    assert days(PARAM=["Overall survival (months)", "Overall  Survival (Months)"]) == [10 * MONTH, 5 * MONTH]


@pytest.mark.parametrize("code", [-1, 0.5, "Y"])
def test_censoring_that_is_no_code_of_adam_is_left_out_and_listed(code: Any) -> None:
    data = imo.io.read_adam({"ADTTE": survival(CNSR=[code, 2])})
    assert data.endpoints[["subject", "event"]].values.tolist() == [["b", False]]
    assert data.left_out["reason"].str.startswith(f"CNSR '{code}' is not").all() and len(data.left_out) == 1


def test_rows_without_a_code_are_listed() -> None:
    data = imo.io.read_adam({"ADTTE": survival(PARAMCD=["OS", ""])})
    assert data.endpoints["endpoint"].tolist() == ["OS"] and data.left_out["reason"].tolist() == ["has no PARAMCD"]


TARGET = pd.DataFrame({"USUBJID": "a", "PARAMCD": "LDIAM", "AVAL": [3.0, 2.0], "ADY": [1, 43], "TRLNKID": "T01"})


def test_a_unit_or_lesion_is_from_the_first_column_that_says_it() -> None:
    data = imo.io.read_adam({"ADTR": TARGET.assign(AVALU="", TRSTRESU="CM", TRLNKID="", TULNKID="T01")})
    assert imo.trial.sum_lesions(data).frame["value"].tolist() == [30, 20]


def test_a_diameter_in_square_millimetres_is_refused() -> None:
    assert "'mm^2' is not a unit of length" in refused(imo.io.read_adam, {"ADTR": TARGET.assign(AVALU="mm2")})


def test_lesions_without_a_group_are_what_their_name_says() -> None:
    table = TARGET.assign(TRLNKID=["T01", "NT01"], ADY=1)
    assert imo.io.read_adam({"ADTR": table}).frame.set_index("lesion")["kind"].to_dict() == {
        "T01": "target",
        "NT01": "non-target",
    }


@pytest.mark.parametrize("label", ["OS, m", "OS in Y", "OS/w"])
def test_letters_at_the_end_of_a_label_that_may_be_a_unit_are_refused(label: str) -> None:
    assert "may be a unit of time" in refused(imo.io.read_adam, {"ADTTE": survival(PARAM=label)})


@pytest.mark.parametrize(
    ("label", "length"),
    [
        ("\u5168\u751f\u5b58\u671f\u9593\uff08\u304b\u6708\uff09", MONTH),
        ("OverallSurvivalMonths", MONTH),
        ("OS (\u9031)", WEEK),
    ],
)
def test_labels_in_japanese_and_in_one_word(label: str, length: float) -> None:
    assert days(PARAM=label) == [10 * length, 5 * length]


def test_dates_that_are_not_understood_are_said() -> None:
    data = imo.io.read_adam({"ADTTE": survival(AVALU="DAYS", STARTDT="2024-01-01", ADT=["11/02/2024", "2024-01-06"])})
    assert data.endpoints["time"].tolist() == [10.0, 5.0] and "ADT: 1 dates are not used" in str(data.reconciliation)


@pytest.mark.parametrize("second", ["t01", "T1", "T-01"])
def test_spellings_of_one_lesion_are_one(second: str) -> None:
    data = imo.io.read_adam({"ADTR": TARGET.assign(TRLNKID=["T01", second])})
    assert data.frame["lesion"].tolist() == ["T01", "T01"] and "are taken as one: 'T01'" in str(data.reconciliation)
    table = pd.DataFrame({"subject": "a", "day": [0, 42], "lesion": ["T01", second], "diameter_mm": [30, 20]})
    assert imo.trial.read_lesions(table).frame["lesion"].tolist() == ["T01", "T01"]


def test_lesions_of_one_visit_are_apart_however_alike() -> None:
    data = imo.io.read_adam({"ADTR": TARGET.assign(TRLNKID=["T01", "T1"], ADY=1)})
    assert data.frame["lesion"].tolist() == ["T01", "T1"]


def test_arms_that_differ_in_capitals_or_blanks_alone_are_refused() -> None:
    table = pd.DataFrame({"id": [1, 2], "day": 0, "value": [1.0, 2.0], "arm": ["Placebo", "PLACEBO "]})
    assert "differ only in capitals or blanks" in refused(imo.read_trial, table)
    assert "differ only in capitals or blanks" in refused(imo.io.read_adam, {"ADTTE": survival(TRTP=["drug A", "Drug  A"])})
