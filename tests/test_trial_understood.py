"""What clinics and mouse laboratories write is understood as the field does, reported, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from tests.long_forms import spread


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


@pytest.mark.parametrize("columns", [{"AVALU": "moons"}, {"AVALU": "m"}, {"PARAM": "OS (weeks or months)"}])
def test_units_of_time_that_are_not_understood_are_refused(columns: dict[str, str]) -> None:
    assert "unit" in refused(days, **columns)


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
@pytest.mark.parametrize("heading", spread(["date", "time", "Visit date"], 1))
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


@pytest.mark.slow
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


def test_metrics_of_lesions_are_of_whole_visits() -> None:
    table = pd.DataFrame(
        {"id": "1", "day": [0, 0, 41, 50], "lesion": [*"abab"], "diameter_mm": [30, 20, 45, 30], "kind": "target"}
    )
    found = imo.trial.growth_metrics(imo.trial.read_lesions(table))
    assert found[["visits", "baseline", "last_ratio"]].values.tolist() == [[2, 50, 1.5]]


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
