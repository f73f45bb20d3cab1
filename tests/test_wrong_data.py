"""What people get wrong in tables of data, and what they are told: where it is, what is wrong, what would be right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from tests.test_wrong_inputs import says


def table(**changes: Any) -> pd.DataFrame:
    """Return a trial of two patients with columns changed, or left out (None)."""
    columns: dict[str, Any] = {
        "subject": ["a", "a", "a", "b", "b", "b"],
        "arm": ["x"] * 6,
        "time": [0, 42, 84] * 2,
        "quantity": ["sum_of_diameters"] * 6,
        "value": [70.0, 80.0, 90.0, 60.0, 50.0, 40.0],
        "unit": ["mm"] * 6,
    }
    return pd.DataFrame({name: values for name, values in (columns | changes).items() if values is not None})


def read(**changes: Any) -> imo.TrialData:
    return imo.read_trial(table(**changes))


def fit(data: Any = None, vary: Any = ("growth_rate",), **options: Any) -> imo.FitResult:
    return imo.fit("tumour_immune", table() if data is None else data, vary, **options)


WRONG_DATA: dict[str, tuple[Callable[[], Any], type[Exception], tuple[str, ...]]] = {
    # tables
    "no values": (lambda: read(value=None), imo.errors.DataError, ("no column for the value", "columns={'value':")),
    "no times": (lambda: read(time=None), imo.errors.DataError, ("no column for the time", "columns={'time':")),
    "column that is not there": (
        lambda: imo.read_trial(table(), {"value": "vale"}),
        imo.errors.DataError,
        ("no column 'vale'", "did you mean 'value'"),
    ),
    "value in words": (
        lambda: read(value=[70, "large", 90, 60, 50, 40]),
        imo.errors.DataError,
        ("row 1 (subject a)", "'large'", "bad_rows='leave out'"),
    ),
    "negative size": (
        lambda: read(value=[70, -1, 90, 60, 50, 40]),
        imo.errors.DataError,
        ("row 1 (subject a)", "negative", ".left_out"),
    ),
    "time in words": (
        lambda: read(time=[0, "week 6", 84] * 2),
        imo.errors.DataError,
        ("row 1 (subject a)", "'week 6'", "not a number"),
    ),
    "patient in two arms": (
        lambda: read(arm=["x", "y"] * 3),
        imo.errors.DataError,
        ("subject 'a'", "more than one arm", "x, y"),
    ),
    "unknown unit": (lambda: read(unit=["mmm"] * 6), imo.errors.DataError, ("row 0 (subject a)", "'mmm'")),
    "two dimensions": (lambda: read(unit=["mm", "kg"] * 3), imo.errors.DataError, ("row 1 (subject a)", "'kg'", "other rows")),
    "nothing measured": (lambda: read(value=[np.nan] * 6), imo.errors.DataError, ("no row with a value", "6 rows")),
    "empty table": (lambda: imo.read_trial(table().iloc[:0]), imo.errors.DataError, ("no row with a value", "at least one")),
    "no such file": (
        lambda: imo.read_trial("no/such.csv"),
        imo.errors.DataError,
        ("such.csv", "does not exist", "path of a csv"),
    ),
    "nothing at all": (lambda: imo.read_trial(None), imo.errors.DataError, ("source", "NoneType", "DataFrame")),  # type: ignore[arg-type]
    "unknown way with bad rows": (
        lambda: imo.read_trial(table(), bad_rows="drop"),
        imo.errors.DataError,
        ("bad_rows", "'drop'", "leave out"),  # type: ignore[arg-type]
    ),
    "arm that is not there": (lambda: read().select(arm="z"), imo.errors.DataError, ("arm", "'z'", "known: x")),
    "unknown data set": (
        lambda: imo.trial.fetch("atezolizumab"),
        imo.errors.DataError,
        ("'atezolizumab'", "atezolizumab_lung"),
    ),
    # fits
    "nothing to fit": (lambda: fit(vary=()), imo.errors.FitError, ("vary", "is empty", "at least one parameter")),
    "unknown parameter": (lambda: fit(vary="growthrate"), imo.errors.FitError, ("vary", "'growthrate'", "'growth_rate'")),
    "unknown error model": (lambda: fit(error="prop"), imo.errors.FitError, ("error", "'prop'", "proportional")),
    "unknown output": (lambda: fit(observe="tumuor"), imo.errors.FitError, ("observe", "'tumuor'", "did you mean 'tumour'")),
    "quantity nobody knows": (
        lambda: fit(table(quantity=["size"] * 6)),
        imo.errors.FitError,
        ("size", "observe={'size': 'output'}"),
    ),
    "weight of a diameter": (lambda: fit(table(unit=["kg"] * 6)), imo.errors.FitError, ("'sum_of_diameters'", "'kg'", "'mm'")),
    "bounds in no order": (
        lambda: fit(bounds={"growth_rate": (1, 0)}),
        imo.errors.FitError,
        ("bounds['growth_rate']", "lower < upper"),
    ),
    "bounds of what is held": (
        lambda: fit(bounds={"kill_rate": (0, 1)}),
        imo.errors.FitError,
        ("'kill_rate'", "is not fitted"),
    ),
    "start that is no number": (lambda: fit(initial={"growth_rate": float("nan")}), imo.errors.FitError, ("initial", "{")),
    "unknown method": (lambda: fit(method="magic"), imo.errors.FitError, ("method", "'magic'", "least_squares")),
    "no evaluations": (lambda: fit(max_evaluations=0), imo.errors.FitError, ("max_evaluations", "is 0", "from 1")),
    "more parameters than data": (
        lambda: fit(table().iloc[:2], ["growth_rate", "kill_rate", "priming_rate"]),
        imo.errors.FitError,
        ("1 observations", "3 parameters"),
    ),
    "regimen of an unknown arm": (
        lambda: fit(regimens={"y": imo.Regimen()}),
        imo.errors.FitError,
        ("regimens['y']", "known: a, b, x"),
    ),
    "no data": (
        lambda: imo.fit("tumour_immune", None, ["growth_rate"]),
        imo.errors.DataError,
        ("data", "NoneType", "TrialData"),
    ),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("mistake", WRONG_DATA)
def test_wrong_data(mistake: str) -> None:
    call, kind, phrases = WRONG_DATA[mistake]
    with pytest.raises(kind) as error:
        call()
    assert isinstance(error.value, imo.errors.ImmunoodeError)
    says(error, phrases)


@pytest.mark.parametrize("name", ["trial.csv", "trial.xlsx", "trial.tsv"])
@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 4])
def test_files_that_are_no_tables(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(imo.errors.DataError, match=name):
        imo.read_trial(tmp_path / name)


def test_bad_rows_are_kept_track_of() -> None:
    data = imo.read_trial(table(value=[70, "large", 90, 60, np.nan, 40]), bad_rows="leave out")
    assert len(data) + len(data.left_out) == 6
    assert set(data.left_out["row"]) == {1, 4}
