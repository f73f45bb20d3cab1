"""What trial programmers, clinics and mouse laboratories write is understood as the field does, reported, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from tests.long_forms import spread
from tests.published_data import data_file


def refused(call: Any, *given: Any, **options: Any) -> str:
    with pytest.raises(imo.errors.ImmunoodeError) as caught:
        call(*given, **options)
    return str(caught.value)


def survival(**columns: Any) -> pd.DataFrame:
    base = {"USUBJID": ["a", "b"], "PARAMCD": "OS", "AVAL": [10.0, 5.0], "CNSR": [0, 1]}
    return pd.DataFrame(base | columns)


def days(**columns: Any) -> list[float]:
    return imo.io.read_adam({"ADTTE": survival(**columns)}).endpoints["time"].tolist()


MONTH, WEEK, YEAR = 30.4375, 7.0, 365.25
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


@pytest.mark.parametrize("columns", [{"AVALU": "moons"}, {"AVALU": "m"}, {"PARAM": "OS (weeks or months)"}])
def test_units_of_time_that_are_not_understood_are_refused(columns: dict[str, str]) -> None:
    assert "unit" in refused(days, **columns)


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


@pytest.mark.parametrize("column", ["reader", "TREVAL", "Evaluator"])
def test_readers_of_tables_of_lesions_and_sums(column: str) -> None:
    table = pd.DataFrame({"id": "a", "day": [0, 0], "lesion": "T1", "diameter_mm": [20, 24], column: ["R1", "R2"]})
    assert "has 2 readers" in refused(imo.trial.read_lesions, table)
    assert imo.trial.read_lesions(table, reader="R2").frame["value"].tolist() == [24]
    assert "has 2 readers" in refused(imo.read_trial, table)
    assert imo.read_trial(table, reader="R1").frame["value"].tolist() == [20]
    assert "has 2 readers" in refused(imo.recist, table)
    assert imo.recist(table, reader="R2").subjects["baseline"].tolist() == [24]


@pytest.mark.parametrize(
    ("heading", "day"), {"Day -7": -7, "D-7": -7, "week -1": -7, "d10": 10, "Wk 2": 14, "Tag 3": 3}.items()
)
def test_headings_of_wide_tables(heading: str, day: float) -> None:
    sheet = pd.DataFrame({"Mouse ID": ["m1"], heading: [100.0]})
    assert imo.trial.read_wide(sheet, quantity="v", unit="mm^3").frame["time"].tolist() == [day]


@pytest.mark.parametrize("heading", ["Day 14 (measured twice)", "Day 21*", "C1D8", "2024-02-21"])
def test_headings_that_look_like_times_are_never_dropped(heading: str) -> None:
    sheet = pd.DataFrame({"Mouse": ["m1"], "Day 0": [100.0], heading: [120.0]})
    assert heading in refused(imo.trial.read_wide, sheet, quantity="v", unit="mm^3")


def test_two_headings_of_one_day_are_refused() -> None:
    sheet = pd.DataFrame({"Mouse": ["m1"], "Day 14": [100.0], "week 2": [120.0]})
    assert "'Day 14' and 'week 2' are both day 14" in refused(imo.trial.read_wide, sheet, quantity="v", unit="mm^3")


def test_a_wide_table_accounts_for_cells_rows_and_columns() -> None:
    sheet = pd.DataFrame({"Mouse": ["m1", "m2"], "Notes": ["", "ill"], "Day 0": [100.0, None], "Day 7": [150.0, None]})
    data = imo.trial.read_wide(sheet, quantity="v", unit="mm^3")
    account = data.reconciliation
    assert account is not None and (account.tally("cells").given, account.tally("cells").used) == (4, 2)
    assert account.tally("rows").left_out == {"no measurement": 1} and account.tally("subjects").used == 1
    assert account.unused == ("Notes",) and account.columns["Day 7"] == "day 7"


START = pd.Timestamp("2024-01-10")
DATES = {
    "ISO": ["2024-01-10", "2024-02-21"],
    "DATE9": ["10JAN2024", "21FEB2024"],
    "datetime": [START, pd.Timestamp("2024-02-21")],
    "compact": [20240110, 20240221],
    "compact text": ["20240110", "20240221"],
}


@pytest.mark.parametrize("written", DATES)
@pytest.mark.parametrize("heading", ["time", "date", "Visit date"])
def test_dates_become_study_days_by_their_start(written: str, heading: str) -> None:
    table = pd.DataFrame({"id": "a", heading: DATES[written], "value": [50.0, 40.0]})
    assert imo.read_trial(table.assign(start_date="2024-01-10")).frame["time"].tolist() == [0, 42]
    assert "contains dates, but no column" in refused(imo.read_trial, table)


def test_durations_are_days() -> None:
    table = pd.DataFrame({"id": "a", "time": pd.to_timedelta([0, 36], unit="h"), "value": [50.0, 40.0]})
    assert imo.read_trial(table).frame["time"].tolist() == [0, 1.5]


@pytest.mark.parametrize(("first", "origin"), [(23385, "sas"), (45301, "excel")])
def test_day_numbers_are_no_days_since_the_dose(first: int, origin: str) -> None:
    table = pd.DataFrame({"id": "a", "day": [first, first + 42], "value": [50.0, 40.0]})
    assert "day numbers of SAS or Excel" in refused(imo.read_trial, table)
    assert imo.read_trial(table.assign(start_date=first)).frame["time"].tolist() == [0, 42]
    dated = table.assign(start_date="2024-01-10")
    assert imo.read_trial(dated, day_numbers=origin).frame["time"].tolist() == [0, 42]


def test_partial_dates_by_a_stated_rule() -> None:
    table = pd.DataFrame({"id": "a", "date": ["2024-01-10", "2024-03"], "start_date": "2024-01-10", "value": [50.0, 40.0]})
    assert "partial" in refused(imo.read_trial, table)
    data = imo.read_trial(table, partial_dates="middle")
    assert data.frame["time"].tolist() == [0, 65] and "1 partial dates are taken as the middle day" in data.report()


def test_units_of_time_in_headings() -> None:
    table = pd.DataFrame({"id": "a", "Time (weeks)": [0, 6], "value": [50.0, 40.0]})
    assert imo.read_trial(table).frame["time"].tolist() == [0, 42]
    assert imo.read_trial(table.rename(columns={"Time (weeks)": "hours"})).frame["time"].tolist() == [0, 0.25]
    assert "in weeks by its heading, but time_unit is 'day'" in refused(imo.read_trial, table, time_unit="day")
    labels = pd.DataFrame({"id": "a", "time": ["Day -3", "Week 6"], "value": [50.0, 40.0]})
    assert imo.read_trial(labels).frame["time"].tolist() == [-3, 42]


@pytest.mark.parametrize("subject", ["Mouse ID", "animal_id", "USUBJID", "Patient No."])
@pytest.mark.parametrize("volume", ["Volume (mm3)", "Tumor volume (mm\u00b3)", "TV (mm^3)", "tumor_volume_mm3", "Volume [MM3]"])
@pytest.mark.parametrize("arm", spread(["TRT01P", "Therapy", "Treatment group"], 1))
def test_headings_of_laboratories_and_programmers(subject: str, volume: str, arm: str) -> None:
    data = imo.read_trial(pd.DataFrame({subject: [1, 1], arm: "x", "Day": [0, 3], volume: [100.0, 150.0]}))
    assert data.subjects == ("1",) and data.arms == ("x",) and set(data.units.values()) == {"mm^3"}
    assert data.reconciliation is not None and not data.reconciliation.unused


def test_length_and_width_make_a_volume() -> None:
    table = pd.DataFrame({"mouse": "a", "day": [0, 3], "Length (mm)": [10.0, 8.0], "Width (mm)": [8.0, 10.0]})
    data = imo.read_trial(table)
    assert data.frame["value"].tolist() == [320, 320] and data.units == {"tumour_volume": "mm^3"}
    assert "half of the longer" in data.report()


def test_an_arm_that_is_not_found_is_asked_for() -> None:
    table = pd.DataFrame({"id": ["a", "b"], "drug given": ["x", "y"], "day": 0, "value": 1.0})
    assert "give columns={'arm': 'drug given'}, or arm='all'" in refused(imo.read_trial, table)
    assert imo.read_trial(table, {"arm": "drug given"}).arms == ("x", "y") and imo.read_trial(table, arm="all").arms == ("all",)


def test_a_nonmem_table_is_told_where_it_belongs() -> None:
    table = pd.DataFrame({"ID": 1, "TIME": [0, 24], "DV": [0, 80.0], "AMT": [200, 0]})
    assert "read_nonmem" in refused(imo.read_trial, table)


def test_two_candidates_are_asked_for_or_said() -> None:
    table = pd.DataFrame({"id": [1, 1], "patient": ["a", "a"], "day": [0, 7], "value": 1.0})
    assert "'id' and 'patient' could each be the subject" in refused(imo.read_trial, table)
    data = imo.read_trial(table.drop(columns="patient").assign(time=[0, 1]))
    assert data.frame["time"].tolist() == [0, 1] and "'day' could be the time too; 'time' was taken" in data.report()


def test_units_that_differ_between_heading_and_caller_are_refused() -> None:
    table = pd.DataFrame({"id": "a", "day": 0, "volume_mm3": [100.0]})
    assert "units is 'cm^3'" in refused(imo.read_trial, table, units="cm^3")
    assert imo.read_trial(table, units="mm³").units == {"volume": "mm^3"}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"day": [0, 7], "value": [1.0, 2.0], "cens": [1, 0]}, "1 of 1 subjects have a baseline below a limit ('a')"),
        ({"day": [0, 7], "value": [0.0, 2.0]}, "1 of 1 subjects have a baseline of 0 ('a')"),
        (
            {"day": [1, 8], "value": [1.0, 2.0]},
            "first measured after day 0 (day 1); if day 1 of the table is the day of the first dose",
        ),
        ({"day": [7, 9], "value": [1.0, 2.0]}, "(day 7); if its days count from something other than the first dose"),
    ],
)
def test_doubtful_baselines_are_said(columns: dict[str, list[float]], said: str) -> None:
    assert said in imo.read_trial(pd.DataFrame({"id": "a"} | columns), units="mm^3").report()


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


def test_covariates_meet_the_subjects_of_the_data() -> None:
    table = pd.DataFrame({"id": [1, 2], "day": 0, "value": 1.0})
    weights = pd.DataFrame({"subject": [2.0, 1.0, 9.0], "weight": [80, 70, 60]})
    data = imo.read_trial(table, covariates=weights)
    assert data.covariates is not None and data.covariates["weight"].to_dict() == {"1": 70, "2": 80}
    assert "covariates of 1 subjects who are not in the data: '9'" in data.report()
    assert "has no row for 1 of 2 subjects: '2'" in refused(imo.read_trial, table, covariates=weights.iloc[1:])
    padded = table.assign(id=["001", "002"])
    assert "write both alike" in refused(imo.read_trial, padded, covariates=weights)


def test_rows_columns_and_subjects_add_up() -> None:
    table = pd.DataFrame({"id": ["a", "a", "b"], "day": [0, 7, 0], "value": [1.0, "x", None], "site": "s"})
    data = imo.read_trial(table, bad_rows="leave out")
    account = data.reconciliation
    assert account is not None
    assert (account.tally("rows").given, account.tally("rows").used) == (3, 1)
    assert account.tally("subjects").left_out == {"no value (empty)": 1} and account.unused == ("site",)


def test_lesions_in_centimetres_are_read_in_millimetres() -> None:
    table = pd.DataFrame({"id": "a", "day": [0, 42], "lesion": "T1", "diameter_cm": ["2.5", "too small to measure"]})
    data = imo.trial.read_lesions(table)
    assert data.frame["value"].tolist() == pytest.approx([25, 5]) and data.units == {"diameter": "mm"}


def test_units_of_endpoints_are_those_of_their_headings() -> None:
    table = pd.DataFrame({"id": ["a"], "os_months": [2.0], "dead": [1]})
    assert imo.trial.read_endpoints(table, {"OS": "os_months"}, events={"OS": "dead"}).endpoints["time"].tolist() == [2 * MONTH]
    assert "in months by its heading" in refused(
        imo.trial.read_endpoints, table, {"OS": "os_months"}, events={"OS": "dead"}, unit="day"
    )
    codes = pd.DataFrame({"id": ["a", "b"], "t": [2.0, 3.0], "status": [1, 2]})
    assert "has 1 and 2, but no 0" in refused(imo.trial.read_endpoints, codes, {"OS": "t"}, events={"OS": "status"})


def growing(**columns: Any) -> pd.DataFrame:
    base = {"id": ["1", "1", "2", "2"], "day": [0, 42, 0, 42], "sum_of_diameters": [50.0, 60.0, 40.0, 50.0]}
    return pd.DataFrame(base | columns)


VALUES = pd.DataFrame({"growth_rate": [0.004, 0.006]})


def test_tables_of_parameters_meet_the_subjects_of_a_fit() -> None:
    def deviance(table: pd.DataFrame) -> float:
        data = imo.read_trial(growing(), units="mm")
        fitted = imo.fit("tumour_immune", data, ["kill_rate"], parameters=table, max_evaluations=5)
        return float(fitted.lmfit.chisqr)

    right = deviance(VALUES.set_axis(["1", "2"]))
    for same in (VALUES.set_axis([1.0, 2.0]), VALUES.assign(subject=[1, 2]), VALUES.assign(subject=["1", "2"])[::-1]):
        assert deviance(same) == pytest.approx(right, rel=1e-6)
    assert deviance(VALUES.assign(subject=[2, 1])) != pytest.approx(right, rel=1e-3)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (VALUES, "no row for subject '2'"),
        (VALUES.set_axis(["1", "1"]), "has the subject '1' a second time"),
        (VALUES.set_axis(["01", "02"]), "no row for subject '1'"),
        (VALUES.assign(growth_rate=[0.004, np.nan]).set_axis([1, 2]), "'growth_rate' is not a number for 1 subjects ('2')"),
    ],
)
def test_tables_of_parameters_that_do_not_meet_the_data_are_refused(table: pd.DataFrame, said: str) -> None:
    data = imo.read_trial(growing(), units="mm")
    assert said in refused(imo.fit, "tumour_immune", data, ["kill_rate"], parameters=table, max_evaluations=1)


def test_covariates_without_a_value_are_refused_and_capitals_are_understood() -> None:
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    whole, partly = (pd.DataFrame({"WEIGHT": weights}, index=["1", "2"]) for weights in ([60, 90], [60, np.nan]))
    data = imo.read_trial(growing(), units="mm", covariates=whole)
    imo.fit(model, data, ["kill_rate"], max_evaluations=1)
    data = imo.read_trial(growing(), units="mm", covariates=partly)
    assert "'weight' is not a number for 1 subjects ('2')" in refused(imo.fit, model, data, ["kill_rate"], max_evaluations=1)


def test_a_column_of_subjects_names_simulated_patients() -> None:
    run = imo.simulate("tumour_immune", until=2, parameters=VALUES.assign(subject=[7.0, 9.0]), outputs="sum_of_diameters")
    assert list(run.subjects) == ["7", "9"]


@pytest.mark.parametrize("label", ["OS (M)", "Overall Survival (Monthly)", "OS \uff08\u0e40\u0e14\u0e37\u0e2d\u0e19\uff09"])
def test_brackets_that_may_be_a_unit_are_refused_without_dates(label: str) -> None:
    assert "may be a unit of time" in refused(days, PARAM=label)
    assert days(PARAM=label, **DATED) == [304, 152], "the dates say it"
    assert days(PARAM="Overall Survival (ITT) [BICR]") == [10, 5]


@pytest.mark.parametrize("heading", ["Baseline", "Screening", "Pre-dose", "EOT"])
def test_columns_of_visits_without_a_day_are_asked_for(heading: str) -> None:
    sheet = pd.DataFrame({"Mouse": ["m1"], heading: [100.0], "Day 7": [120.0]})
    assert "names a visit without its day" in refused(imo.trial.read_wide, sheet, quantity="v", unit="mm^3")


def test_a_sign_of_minus_is_a_minus() -> None:
    sheet = pd.DataFrame({"Mouse": ["m1"], "week \u22121": [100.0], "Day \u20133": [120.0]})
    assert imo.trial.read_wide(sheet, quantity="v", unit="mm^3").frame["time"].tolist() == [-7, -3]


def test_baselines_dated_after_the_first_dose_are_said_by_recist() -> None:
    table = pd.DataFrame({"id": ["1", "1", "2", "2"], "day": [1, 43, 0, 42], "SLD": [50, 30, 50, 30]})
    assert "RecistRules(baseline_until=1) takes that as baseline" in imo.recist(table).report()
    assert imo.recist(table, imo.trial.RecistRules(baseline_until=1)).visits["response"].tolist() == ["PR", "PR"]


def test_one_endpoint_by_two_readers_is_refused() -> None:
    table = survival(USUBJID=["a", "a"], PARCAT2=["Investigator", "BICR"], AVALU="MONTHS")
    assert "has 2 readers (PARCAT2): 'Investigator', 'BICR'" in refused(imo.io.read_adam, {"ADTTE": table})
    assert imo.io.read_adam({"ADTTE": table}, reader="BICR").endpoints["time"].tolist() == [5 * MONTH]
    apart = table.assign(PARAMCD=["PFSINV", "PFSBICR"])
    assert len(imo.io.read_adam({"ADTTE": apart}).endpoints) == 2


def test_metrics_of_lesions_are_of_whole_visits() -> None:
    table = pd.DataFrame(
        {"id": "1", "day": [0, 0, 41, 50], "lesion": [*"abab"], "diameter_mm": [30, 20, 45, 30], "kind": "target"}
    )
    found = imo.trial.growth_metrics(imo.trial.read_lesions(table))
    assert found[["visits", "baseline", "last_ratio"]].values.tolist() == [[2, 50, 1.5]]


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


def test_reports_list_the_first_rows_that_were_left_out_and_count_the_others() -> None:
    table = pd.DataFrame({"id": "a", "day": range(30), "value": [5.0] + [None] * 29})
    report = imo.read_trial(table, units="mm").report()
    assert "29 x no value (empty)" in report and report.count("no value (empty)\n") <= 12
    assert report.endswith("and 19 more: see .left_out")


def test_a_report_without_observations_has_no_empty_table() -> None:
    table = pd.DataFrame({"id": ["a"], "os_months": [12.0], "dead": [0]})
    report = imo.trial.read_endpoints(table, {"OS": "os_months"}, events={"OS": "dead"}).report()
    assert "Empty DataFrame" not in report and "Also: 1 times to events" in report


def test_baselines_that_all_come_on_one_day_are_said_with_that_day() -> None:
    sums = pd.DataFrame({"id": list("aabb"), "day": [0, 42, 1, 43], "sum_of_diameters": [50.0, 40, 30, 20]})
    assert "1 of 2 subjects have no baseline, and are first measured on day 1: " in imo.recist(sums).report()


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


@pytest.mark.parametrize("options", [{"columns": {"value": ["value"]}}, {"units": 3}, {"units": {"value": 3}}])
def test_options_of_the_wrong_kind_are_refused_in_words(options: dict[str, Any]) -> None:
    table = pd.DataFrame({"id": [1, 1], "day": [0, 7], "value": [1.0, 2.0]})
    assert refused(imo.read_trial, table, **options)


def test_rows_of_means_are_no_subjects() -> None:
    table = pd.DataFrame({"id": ["m1", "Mean"], "day": 0, "value": [1.0, 2.0]})
    assert "'Mean' is a summary, not a subject" in refused(imo.read_trial, table)
    assert imo.read_trial(table, bad_rows="leave out").subjects == ("m1",)
    wide = pd.DataFrame({"id": ["m1", "SEM"], "Day 0": [1.0, 2.0]})
    assert "'SEM' is a summary, not a subject" in refused(imo.trial.read_wide, wide, quantity="tv", unit="mm3")
