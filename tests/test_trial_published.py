"""Lesion tables and published data: layouts, words in place of numbers, folders, clear errors offline."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from immunoode.errors import DataError
from immunoode.trial import download
from immunoode.trial.lesion_table import read_lesions
from immunoode.trial.shipped_datasets import load_dataset
from tests.published_data import data_file


def sheet() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Patient_Anonmyized": [7, 7, 7, 8, 8],
            "Treatment_Day": [-3, 40, 80, -1, 41],
            "TargetLesionLongDiam_mm": [30, "TOO SMALL TO MEASURE", "NOT EVALUABLE", 20, None],
            "Study_Arm": ["A"] * 3 + ["B"] * 2,
        }
    )


def write(path: Path) -> Path:
    with pd.ExcelWriter(path) as book:
        sheet().to_excel(book, sheet_name="Study1", index=False)
        sheet().to_excel(book, sheet_name="Study4", index=False)
    return path


def test_words_become_the_default_or_are_listed(tmp_path: Path) -> None:
    data = read_lesions(write(tmp_path / "lesions.xlsx"))
    assert data.subjects == ("1_7", "1_8", "4_7", "4_8")
    small = data.frame[data.frame["flag"] == "too small to measure"]
    assert small["value"].tolist() == [5.0, 5.0] and data.units == {"sum_of_diameters": "mm"}
    assert data.left_out["row"].tolist() == ["Study1, row 6", "Study4, row 6"]
    assert data.findings["row"].tolist() == ["Study1, row 4", "Study4, row 4"]
    assert set(data.findings["finding"]) == {"not evaluable"} and set(data.findings["kind"]) == {"target"}
    assert read_lesions(tmp_path / "lesions.xlsx", too_small_mm=4.0).frame["value"].min() == 4.0


def test_another_layout_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected the columns subject, day, diameter"):
        read_lesions(pd.DataFrame({"a": [1]}))
    with pytest.raises(DataError, match="does not exist"):
        read_lesions(tmp_path / "none.csv")


def test_the_folder_is_looked_at_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "journal.pcbi.1009822.s006.xlsx")
    monkeypatch.setenv("IMMUNOODE_DATA", str(tmp_path))
    assert len(download.fetch("atezolizumab_lung")) == 6


def test_offline_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pooch

    def no_network(*_: object, **__: object) -> str:
        raise OSError("no route to host")

    monkeypatch.setattr(pooch, "retrieve", no_network)
    monkeypatch.delenv("IMMUNOODE_DATA", raising=False)
    with pytest.raises(DataError, match=r"(?s)no route to host.*download it from https.*IMMUNOODE_DATA"):
        download.fetch("atezolizumab_lung")
    with pytest.raises(DataError, match="did you mean 'atezolizumab_lung'"):
        download.fetch("atezolizumab")
    with pytest.raises(DataError, match="is not a folder"):
        download.fetch(folder=tmp_path / "nowhere")


def test_lesions_that_ship_with_the_package() -> None:
    lines = load_dataset("atezolizumab_lung")
    assert len(lines.subjects) == 628 and len(lines) + len(lines.findings) + len(lines.left_out) == 3599
    assert "CC BY 4.0" in lines.title


def test_the_supplement_and_the_csv_hold_the_same() -> None:
    book = read_lesions(data_file("nsclc_atezolizumab_supplement_layout.xlsx"))
    lines = load_dataset("atezolizumab_lung")
    columns = ["subject", "arm", "time", "quantity", "value", "unit", "flag"]
    pd.testing.assert_frame_equal(book.frame[columns], lines.frame[columns])
    assert len(book.subjects) == 628 and len(book) + len(book.findings) + len(book.left_out) == 3599
