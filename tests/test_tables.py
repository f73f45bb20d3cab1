"""The floor that all readers of tables stand on: headings, cells, units of time, dates, visits, identifiers, reconciliation."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from immunoode import units
from immunoode.errors import DataError, UnitError
from immunoode.tables.cells import as_numbers, number_advice
from immunoode.tables.dates import date_advice, days_from_relative_days, read_dates, study_days
from immunoode.tables.headings import find_columns, parse_heading, parse_unit
from immunoode.tables.identifiers import identifiers, index_by_subject, match_subjects
from immunoode.tables.reconciliation import UNUSED, Reconciliation, Tally, combine_reconciliations
from immunoode.tables.table_files import open_table
from immunoode.tables.visit_labels import visit_time
from immunoode.unit_words import time_unit, time_unit_in_label


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("MO", "month"),
        ("mos", "month"),
        ("wk", "week"),
        ("yr", "year"),
        ("HOURS", "hour"),
        ("MONTH(S)", "month"),
        ("mths.", "month"),
        ("DAY(S)", "day"),
        ("Tage", "day"),
        ("Monate", "month"),
        ("jours", "day"),
        ("años", "year"),
        ("settimane", "week"),
        ("min", "minute"),
    ],
)
def test_time_unit_understands(written: str, unit: str) -> None:
    assert time_unit(written) == unit


@pytest.mark.parametrize("written", ["m", "M", "mg", "fortnights", "", "Q3W", "units"])
def test_time_unit_refuses_what_it_does_not_understand(written: str) -> None:
    with pytest.raises(UnitError):
        time_unit(written)


@pytest.mark.parametrize(
    ("label", "unit"),
    [
        ("Overall Survival (months) [ITT]", "month"),
        ("OS (mo)", "month"),
        ("Time to death, weeks", "week"),
        ("Overall Survival", ""),
        ("Rate at 12 months (%)", ""),
        ("12-month survival", ""),
        ("Progression-Free Survival in Years", "year"),
        ("Lesion(s) count", ""),
        ("Duration of response [Monate]", "month"),
        ("PFS (months from randomisation)", "month"),
        ("Landmark from week 12 (days)", "day"),
        ("Time to event(s) (months)", "month"),
        ("Daily dose", ""),
        ("Sum of Diameters (mm)", ""),
    ],
)
def test_time_unit_in_label(label: str, unit: str) -> None:
    assert time_unit_in_label(label) == unit


def test_a_label_with_two_units_of_time_is_refused() -> None:
    with pytest.raises(UnitError, match="two units"):
        time_unit_in_label("Survival in weeks or months")


@pytest.mark.parametrize(
    ("text", "days"), [("3 wk", 21), ("1 mo", 30.4375), ("2 hrs", 2 / 24), ("12 weeks", 84), ("1 yr", 365.25), ("3 d", 3)]
)
def test_times_in_words_are_days(text: str, days: float) -> None:
    assert units.days(text) == pytest.approx(days, rel=1e-12)


@pytest.mark.parametrize(
    ("one", "other"), [("mm³", "mm^3"), ("µg/mL", "μg/mL"), ("cubic mm", "mm^3"), ("cm3", "mL"), ("ug/ml", "mg/L")]
)
def test_spellings_of_one_unit(one: str, other: str) -> None:
    assert units.factor(one, other) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "words", "unit"),
    [
        ("Volume (mm3)", "volume", "mm^3"),
        ("Tumor volume [mm³]", "tumor_volume", "mm^3"),
        ("tumor_volume_mm3", "tumor_volume", "mm^3"),
        ("Mouse ID", "mouse_id", ""),
        ("Time (weeks)", "time", "week"),
        ("Diameter, mm", "diameter", "mm"),
        ("DV", "dv", ""),
        ("conc_ng_ml", "conc", "ng/mL"),
        ("Volume (caliper)", "volume", ""),
        ("Time [h]", "time", "hour"),
    ],
)
def test_headings(name: str, words: str, unit: str) -> None:
    found = parse_heading(name)
    assert (found.words, found.unit, found.doubt) == (words, unit, "")


def test_a_unit_in_a_heading_that_is_not_understood_is_an_error() -> None:
    table = pd.DataFrame({"id": [1], "day": [0], "volume (mm^^3/q)": [1]})
    with pytest.raises(DataError, match=r"mm\^\^3/q"):
        find_columns(table, "table", roles=("subject", "time", "volume"))


def test_two_candidates_are_asked_for_unless_they_hold_the_same() -> None:
    table = pd.DataFrame({"id": [1, 1], "patient": [7, 8], "day": [0, 1]})
    with pytest.raises(DataError, match="'id' and 'patient' could each be the subject"):
        find_columns(table, "table", roles=("subject", "time"))
    same = find_columns(table.assign(patient=[1, 1]), "table", roles=("subject", "time"))
    assert same.found["subject"] == "id" and "patient" in same.notes[0]
    own = find_columns(table.rename(columns={"patient": "subject"}), "table", roles=("subject",))
    assert own.found["subject"] == "subject" and "'id' could be the subject too" in own.notes[0]


def test_columns_that_nothing_uses_are_listed() -> None:
    table = pd.DataFrame({"id": [1], "day": [0], "site": ["x"]})
    assert find_columns(table, "table", roles=("subject", "time")).taken_as(table) == {
        "id": "subject",
        "day": "time",
        "site": UNUSED,
    }


def test_measured_unit() -> None:
    assert parse_unit("MM") == "mm" and parse_unit("caliper") is None and parse_unit("") is None


@pytest.mark.parametrize("cell", ["1,000", "0,5", "100 mg", "<0.5", "inf", "1e999", "twelve", "0x10", "1_000", "١"])  # noqa: RUF001
def test_cells_that_are_not_numbers(cell: str) -> None:
    read = as_numbers(pd.Series(["1", cell]))
    assert read.unread.tolist() == [False, True] and read.values.isna().tolist() == [False, True] and number_advice(cell)


def test_missing_cells_and_numbers() -> None:
    read = as_numbers(pd.Series([1, "2.5", None, ".", "NA", "1d3"], dtype=object))
    assert read.missing.tolist() == [False, False, True, True, True, False]
    assert read.values.dropna().tolist() == [1.0, 2.5, 1000.0] and not read.unread.any()
    assert as_numbers(pd.Series(pd.to_datetime(["2024-01-01"]))).unread.tolist() == [True]


@pytest.mark.parametrize(
    "cell", ["2024-02-21", "21FEB2024", "21-Feb-2024", "Feb 21, 2024", "20240221", "2024-02-21T09:30", "21FEB2024:09:30:00"]
)
def test_dates_understood(cell: str) -> None:
    read = read_dates(pd.Series([cell]))
    assert read.values.dt.strftime("%Y-%m-%d").tolist() == ["2024-02-21"] and not read.unread.any()


@pytest.mark.parametrize(
    "cell", ["02/03/2024", "2024-02-30", "23426", "31FEB2024", "2024-03", "yesterday", "2024", "2024-02-21-05"]
)
def test_dates_not_understood(cell: str) -> None:
    read = read_dates(pd.Series([cell]))
    assert read.unread.tolist() == [True] and read.values.isna().all() and date_advice(cell)


@pytest.mark.parametrize(("rule", "day"), [("first", "2024-03-01"), ("middle", "2024-03-15"), ("last", "2024-03-31")])
def test_partial_dates_by_a_stated_rule(rule: str, day: str) -> None:
    read = read_dates(pd.Series(["2024-03"]), partial=rule)  # type: ignore[arg-type]
    assert read.values.dt.strftime("%Y-%m-%d").tolist() == [day] and read.partial.tolist() == [True]


def test_day_numbers_only_where_their_origin_is_stated() -> None:
    serials = pd.Series([45343.0])
    assert read_dates(serials).unread.all()
    assert read_dates(serials, day_numbers="excel").values.dt.strftime("%Y-%m-%d").tolist() == ["2024-02-21"]
    assert read_dates(pd.Series([20240221]), day_numbers="sas").values.dt.strftime("%Y-%m-%d").tolist() == ["2024-02-21"]


def test_study_days() -> None:
    dates = read_dates(pd.Series(["2024-02-21T12:00", "2024-02-20"])).values
    assert study_days(dates, read_dates(pd.Series(["2024-02-21", "2024-02-21"])).values).tolist() == [0.5, -1.0]
    relative = days_from_relative_days(pd.Series([1.0, 2.0, -1.0, 0.0]))
    assert relative.tolist()[:3] == [0.0, 1.0, -1.0] and relative.isna().tolist()[3]


@pytest.mark.parametrize(
    ("label", "day"),
    [
        ("Day -7", -7),
        ("D-7", -7),
        ("week -1", -7),
        ("d10", 10),
        ("week 2", 14),
        ("7 days", 7),
        ("3", 3),
        ("Tag 4", 4),
        ("x7", 7),
        ("Month 1", 30.4375),
    ],
)
def test_visit_times(label: str, day: float) -> None:
    assert visit_time(label, "day").day == pytest.approx(day)


@pytest.mark.parametrize(
    "label", ["Day 14 (measured twice)", "Day 21*", "C2D1", "Cycle 2 Day 1", "Day 3/4", "week 2 rerun", "day 1 to 3"]
)
def test_visits_that_look_like_times_are_doubted(label: str) -> None:
    found = visit_time(label, "day")
    assert found.day is None and found.doubt


@pytest.mark.parametrize("label", ["Notes", "m1", "S1", "Visit 3", "Baseline", "IL2", "Group"])
def test_headings_that_are_not_times(label: str) -> None:
    assert visit_time(label, "day") == visit_time("Notes", "day")


def test_identifiers_are_one_for_every_table() -> None:
    assert identifiers([1, 1.0, "1", "1.0", "001", " a ", None, float("nan")]) == ["1", "1", "1", "1", "001", "a", "", ""]


def test_tables_of_subjects_meet_the_data_or_are_refused() -> None:
    table = pd.DataFrame({"subject": [1.0, 2.0], "weight": [60, 80]})
    assert match_subjects(table, ["2", "1"], "covariates").table["weight"].tolist() == [80, 60]
    with pytest.raises(DataError, match="it is '001' in the data and '1' in the table"):
        match_subjects(table, ["001"], "covariates")
    with pytest.raises(DataError, match="it is 'a' in the data and 'A' in the table"):
        match_subjects(pd.DataFrame({"weight": [1]}, index=["A"]), ["a"], "covariates")
    with pytest.raises(DataError, match="second time"):
        index_by_subject(pd.DataFrame({"weight": [1, 2]}, index=[1, 1.0]), "covariates")
    with pytest.raises(DataError, match="no subject"):
        index_by_subject(pd.DataFrame({"weight": [1]}, index=[float("nan")]), "covariates")


def test_a_reconciliation_that_does_not_add_up_is_never_made() -> None:
    with pytest.raises(DataError, match="do not add up"):
        Reconciliation("table", (Tally("rows", 3, 1, {"no value": 1}),))
    whole = combine_reconciliations(
        "ADaM",
        [
            Reconciliation("ADTR", (Tally("rows", 3, 2, {"no value": 1}),), {"X": UNUSED}),
            Reconciliation("ADRS", (Tally("rows", 2, 2),)),
        ],
    )
    assert whole.tally("rows") == Tally("rows", 5, 4, {"no value": 1}) and whole.unused == ("ADTR: X",) and not whole.complete
    assert "4 used" in str(whole) and "ADTR: X" in whole.report()


def test_a_table_packed_by_gzip_is_read_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"id,day,value\n1,0,5\n1,7,6\n"))
    table, where = open_table(path)
    assert table["value"].tolist() == [5, 6] and where == "t.csv.gz" and table.index.tolist() == [2, 3]
    monkeypatch.setattr("immunoode.tables.compressed.LARGEST", 10)
    with pytest.raises(DataError, match="decompresses to more than 10 bytes"):
        open_table(path)
    path.write_bytes(b"\x1f\x8b damaged")
    with pytest.raises(DataError, match="cannot be decompressed"):
        open_table(path)


def test_leading_zeros_stay_in_the_identifiers_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,day,value\n001,0,5\n002,07,6\n")
    table, _ = open_table(path)
    assert table["id"].tolist() == ["001", "002"] and table["value"].tolist() == [5, 6]


def _file(folder: object, text: str) -> Path:
    path = Path(str(folder)) / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_longer_than_their_heading_are_refused_and_never_shift(tmp_path: object) -> None:
    with pytest.raises(DataError, match="more cells than headings"):
        open_table(_file(tmp_path, "id,day,value\n1,4,0,81\n2,4,7,82\n"))


def test_separators_at_the_end_of_lines_are_no_cells(tmp_path: object) -> None:
    table, _ = open_table(_file(tmp_path, "id,day,value\n4,0,81,\n4,7,82,\n"))
    assert table["id"].tolist() == [4, 4] and table["value"].tolist() == [81, 82]


@pytest.mark.parametrize("rows", ["1;0;1.500\n1;7;2.750\n", "1;0;0,5\n1;7;1.5\n"])
def test_points_that_may_be_of_thousands_are_refused(tmp_path: object, rows: str) -> None:
    with pytest.raises(DataError, match="may be a thousands separator or a decimal point"):
        open_table(_file(tmp_path, "id;day;value\n" + rows))


def test_decimals_of_tables_with_semicolons(tmp_path: object) -> None:
    for rows in ("1;0;0,5\n1;7;12,25\n", "1;0;0.5\n1;7;12.25\n"):
        assert as_numbers(open_table(_file(tmp_path, "id;day;value\n" + rows))[0]["value"]).values.tolist() == [0.5, 12.25]
