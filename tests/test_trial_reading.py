"""Trial tables: what is read, what is refused, and that nothing is dropped without being listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from immunoode.errors import DataError
from immunoode.trial.long_table import as_trial, read_trial


def table(**columns: list[object]) -> pd.DataFrame:
    base: dict[str, list[object]] = {"id": ["a", "a", "b"], "day": [0, 7, 0], "value": [100.0, 200.0, 90.0]}
    return pd.DataFrame({**base, **columns})


def message(frame: pd.DataFrame, **how: object) -> str:
    with pytest.raises(DataError) as caught:
        read_trial(frame, **how)  # type: ignore[arg-type]
    return str(caught.value)


def test_usual_names_are_recognised_and_the_rest_can_be_named() -> None:
    data = read_trial(table())
    assert data.subjects == ("a", "b") and data.arms == ("all",) and data.quantities == ("value",)
    renamed = table().rename(columns={"id": "Maus", "day": "Tag", "value": "volume_mm3"})
    again = read_trial(renamed, {"subject": "Maus", "time": "Tag", "value": "volume_mm3"}, "mm^3")
    assert again.quantities == ("volume_mm3",) and again.units == {"volume_mm3": "mm^3"}


def test_missing_columns_are_all_named_with_what_is_there() -> None:
    text = message(pd.DataFrame({"who": [1], "when": [2]}))
    assert "no column for the subject" in text and "no column for the time" in text and "'who'" in text
    assert "did you mean 'day'" in message(table(), columns={"time": "days"})
    assert "is not a role of a column of this table" in message(table(), columns={"tiem": "day"})


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("value", [1.0, "12,5", 3.0], "row 1 (subject a): value '12,5' is not a number"),
        ("value", [1.0, -3.0, 3.0], "row 1 (subject a): value '-3' is negative"),
        ("value", [1.0, np.inf, 3.0], "is not a number"),
        ("day", [0, "later", 0], "row 1 (subject a): time 'later' is not a number"),
        ("id", ["a", None, "b"], "row 1: has no subject"),
        ("censoring", ["", "below", ""], "censoring is not left, right, interval or empty"),
        ("unit", ["mm", "mmm3x", "mm"], "unit 'mmm3x' cannot be read"),
        ("unit", ["mm", "mg", "mm"], "has another dimension than in other rows"),
    ],
)
def test_a_bad_row_is_named_with_its_reason(column: str, values: list[object], expected: str) -> None:
    frame = table(**{column: values})
    units = None if column == "unit" else "mm"
    assert expected in message(frame, units=units)
    data = read_trial(frame, units=units, bad_rows="leave out")
    assert list(data.left_out["row"]) == [1] and len(data) == 2


def test_all_bad_rows_come_in_one_error() -> None:
    text = message(table(value=["x", "y", "z"]))
    assert text.count("is not a number") == 3 and "3 of 3 rows" in text


def test_rows_without_a_value_and_repeats_are_listed() -> None:
    frame = pd.concat([table(value=[100.0, "NOT EVALUABLE", 90.0]), table().iloc[[0]]], ignore_index=True)
    data = read_trial(frame, bad_rows="leave out")
    assert sorted(data.left_out["reason"]) == ["no value (NOT EVALUABLE)", "repeats an earlier row"]
    assert len(data) + len(data.left_out) == len(frame)
    assert "repeats an earlier row" in data.report()


def test_a_subject_in_two_arms_and_an_empty_table_are_refused() -> None:
    assert "more than one arm" in message(table(arm=["x", "y", "x"]))
    assert "no row with a value" in message(table(value=[None, None, None]))


def test_units_and_times_are_converted() -> None:
    data = read_trial(table(unit=["mm", "cm", "mm"]), time_unit="week")
    assert data.units == {"value": "mm"} and data.frame["value"].tolist() == [100.0, 2000.0, 90.0]
    assert data.frame["time"].tolist() == [0.0, 49.0, 0.0]


def test_the_order_of_rows_does_not_matter() -> None:
    frame = table()
    a, b = read_trial(frame), read_trial(frame.iloc[[1, 0, 2]])
    pd.testing.assert_frame_equal(a.frame.drop(columns="row"), b.frame.drop(columns="row"))


def test_numbers_name_subjects_as_people_write_them() -> None:
    assert read_trial(table(id=[1.0, 1.0, 2.0])).subjects == ("1", "2")


def test_rows_of_a_file_are_counted_as_an_editor_does(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "trial.csv"
    path.write_text("# simulated\nid,day,value\na,0,1\na,7,x\n")
    with pytest.raises(DataError, match="trial.csv, row 4"):
        read_trial(path)


def test_select() -> None:
    data = read_trial(table(arm=["x", "x", "y"]))
    assert data.select(at_least=2).subjects == ("a",) and data.select(arm="y").subjects == ("b",)
    with pytest.raises(DataError, match="'z' is not in the data"):
        data.select(arm="z")


def test_only_tables_are_data() -> None:
    with pytest.raises(DataError, match="is a list"):
        as_trial([1, 2])  # type: ignore[arg-type]


def test_a_column_that_names_its_unit_is_the_value() -> None:
    table = pd.DataFrame({"mouse": ["a", "a"], "day": [0, 4], "volume_mm3": [100.0, 180.0]})
    data = read_trial(table)
    assert data.units == {"volume": "mm^3"} and data.frame["value"].tolist() == [100.0, 180.0]
    with pytest.raises(DataError, match="no column for the value"):
        read_trial(table.assign(diameter_mm=4.0))
    assert read_trial(table.assign(dv=1.0)).units == {"dv": ""}


@pytest.mark.parametrize(
    "text",
    ["id,day,value\na,0,10.5\n", "id;day;value\na;0;10,5\n", "id\tday\tvalue\na\t0\t10.5\n", "\ufeffid,day,value\na,0,10.5\n"],
)
def test_commas_semicolons_and_tabs(text: str, tmp_path: Path) -> None:
    (tmp_path / "trial.csv").write_text(text, encoding="utf-8")
    assert read_trial(tmp_path / "trial.csv").frame["value"].tolist() == [10.5]


def test_empty_rows_are_listed_and_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "trial.csv").write_text("id,day,value\na,0,10\n\n,,\na,7,12\n")
    data = read_trial(tmp_path / "trial.csv")
    assert data.left_out[["row", "reason"]].values.tolist() == [[3, "empty row"], [4, "empty row"]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"id,day,value,value\na,0,10,11\n", "has 2 columns 'value'"),
        ("id,day,value\nm\u00e4use,0,10\n".encode("latin-1"), "is not UTF-8 text"),
        (b"id,day,value\na,0,10\na,7,12,99\n", "Expected 3 fields in line 3, saw 4"),
        (b"My trial\nid,day,value\na,0,10\n", "has rows with more cells than headings ('My trial')"),
        (b"id,day,value\na,0,<0.5\na,7,3\n", "value '<0.5' is not a number"),
    ],
)
def test_files_that_are_not_as_they_should_be(content: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "trial.csv").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_trial(tmp_path / "trial.csv")
    assert expected in str(caught.value)
