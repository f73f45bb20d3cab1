"""Readers of NONMEM tables, ADaM data sets, wide sheets, endpoints and lesions: what they read, what they refuse."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import immunoode as imo
from immunoode.errors import DataError
from immunoode.trial.trial_data import ENDPOINTS, FINDINGS
from tests.long_forms import spread


def words(text: str) -> pd.DataFrame:
    """Return a table of words in lines, the first its names."""
    return pd.read_csv(io.StringIO(text), sep=r"\s+")


def refused(call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        call(*arguments, **options)
    return str(caught.value)


NONMEM = """ID TIME DV AMT CMT EVID MDV DVID CENS WT
1 0 . 200 1 1 1 . . 70
1 0 80 0 1 0 0 1 0 70
1 504 60 0 1 0 0 1 0 70
1 504 2.5 0 1 0 0 2 1 70
2 0 90 0 1 0 0 1 0 80
2 24 . 0 1 0 1 1 0 80
"""


def nonmem(text: str = NONMEM, **options: Any) -> imo.TrialData:
    names = {1: "sum_of_diameters", 2: "concentration"}
    units = {"sum_of_diameters": "mm", "concentration": "mg/L"}
    defaults = {"time_unit": "hour", "observations": names, "units": units, "covariates": ["WT"]}
    return imo.io.read_nonmem(words(text), {1: "pembrolizumab"}, **(defaults | options))


def test_nonmem() -> None:
    data = nonmem()
    assert data.quantities == ("concentration", "sum_of_diameters") and data.frame["time"].tolist() == [21.0, 0.0, 21.0, 0.0]
    assert data.frame["censoring"].tolist() == ["left", "", "", ""]
    assert data.schedules["1"].amounts.tolist() == [200.0] and set(data.schedules) == {"1"}
    assert data.covariates is not None and data.covariates["WT"].tolist() == [70, 80]
    assert data.left_out["reason"].tolist() == ["marked as missing (MDV 1)"]


def test_nonmem_limits_are_intervals() -> None:
    data = nonmem(
        "ID TIME DV CENS LIMIT\n1 0 5 0 .\n1 24 2 1 0.5\n1 48 3 1 .\n1 72 9 -1 .", observations="x", units="mm", covariates={}
    )
    assert data.frame["censoring"].tolist() == ["", "interval", "left", "right"]
    assert data.frame["limit"].tolist()[1] == 0.5


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("ID TIME\n1 0", {"covariates": []}, "no column DV"),
        ("SUBJ TIME DV\n1 0 3", {"covariates": []}, "ID: is missing; columns={'ID': 'SUBJ'} if 'SUBJ' has the subjects"),
        ("ID Days DV\n1 0 3", {"covariates": []}, "TIME: is missing; columns={'TIME': 'Days'} if 'Days' has the times"),
        (NONMEM.replace("2.5", "x"), {}, "value 'x' is not a number"),
        (NONMEM.replace("1 504 60", "1 late 60"), {}, "time 'late' is not a number"),
        (NONMEM.replace("0 90 0 1 0 0 1 0 80", "0 90 0 1 0 0 7 0 80"), {}, "DVID: has '7', which is not in observations"),
        (NONMEM.replace("2 24 . 0 1 0 1 1 0 80", "2 24 . 0 1 0 1 1 0 85"), {}, "changes within subject 2"),
        (NONMEM, {"covariates": ["AGE"]}, "no column 'AGE'"),
        (NONMEM.replace("200 1 1 1", "-200 1 1 1"), {}, "-200"),
        (NONMEM, {"units": {"sum_of_diameters": "mmm", "concentration": "mg/L"}}, "unit 'mmm' cannot be read"),
    ],
)
def test_wrong_nonmem_tables(text: str, options: dict[str, Any], expected: str) -> None:
    assert expected in refused(nonmem, text, **options)


def everything(seed: int) -> imo.TrialData:
    """Return trial data that have all that there can be."""
    random = np.random.default_rng(seed)
    example = imo.load_example()
    regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=3, over="30 min")
    schedules = {s: regimen.schedule({"pembrolizumab": "mg"}, {}) for s in example.subjects[:7]}
    covariates = pd.DataFrame(
        {"weight": random.normal(70, 9, 24).round(1), "sex": random.choice(["F", "M"], 24)}, index=list(example.subjects)
    )
    frame = example.frame.assign(
        censoring=random.choice(["", "left", "right"], len(example)), flag=random.choice(["", 'odd, "it"'], len(example))
    )
    arm = example.arm_of()
    findings = pd.DataFrame([("101", arm["101"], 20.5, "liver", "new", "present", "week 3", 0)], columns=list(FINDINGS))
    endpoints = pd.DataFrame([("102", arm["102"], "PFS", 60.25, True, "death at home")], columns=list(ENDPOINTS))
    return replace(example, frame=frame, schedules=schedules, covariates=covariates, findings=findings, endpoints=endpoints)


@pytest.mark.parametrize("seed", spread(range(4), 1))
def test_the_way_to_nonmem_and_back_loses_nothing(seed: int, tmp_path: Path) -> None:
    data = everything(seed)
    path = tmp_path / "trial.csv"
    imo.io.write_nonmem(data, {1: "pembrolizumab"}, time_unit="day").to_csv(path, index=False, na_rep=".")
    back = imo.io.read_nonmem(path, {1: "pembrolizumab"}, time_unit="day", covariates={"weight": "weight", "sex": "sex"})
    pd.testing.assert_frame_equal(back.frame.drop(columns="row"), data.frame.drop(columns="row"), check_exact=True)
    pd.testing.assert_frame_equal(back.findings.drop(columns="row"), data.findings.drop(columns="row"))
    pd.testing.assert_frame_equal(back.endpoints, data.endpoints)
    assert back.schedules == data.schedules and back.covariates is not None and data.covariates is not None
    pd.testing.assert_frame_equal(back.covariates, data.covariates, check_names=False, check_dtype=False)


@pytest.mark.slow
@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.floats(-30, 900, width=32), st.floats(0, 1e4)),
        min_size=1,
        max_size=25,
        unique_by=lambda r: r[:2],
    )
)
def test_any_numbers_come_back(rows: list[tuple[int, float, float]]) -> None:
    data = imo.read_trial(pd.DataFrame(rows, columns=["id", "day", "value"]), units="mm", quantity="sum_of_diameters")
    text = imo.io.write_nonmem(data, time_unit="day").to_csv(index=False, na_rep=".")
    back = imo.io.read_nonmem(pd.read_csv(io.StringIO(text), float_precision="round_trip"), time_unit="day")
    pd.testing.assert_frame_equal(back.frame.drop(columns="row"), data.frame.drop(columns="row"), check_exact=True)


ADSL = pd.DataFrame(
    {"USUBJID": ["a", "b"], "TRTSDT": ["2024-01-10", "2024-02-01"], "TRT01P": ["drug", "control"], "AGE": [61, 47]}
)
ADTR = pd.DataFrame(
    {
        "USUBJID": ["a"] * 6 + ["b"] * 2,
        "PARAMCD": ["LDIAM", "LDIAM", "SDIAM", "LDIAM", "LDIAM", "SDIAM", "SDIAM", "SDIAM"],
        "TRLNKID": ["T1", "T2", None, "T1", "T2", None, None, None],
        "TULOC": ["LIVER", "LYMPH NODE", "", "LIVER", "LYMPH NODE", "", "", ""],
        "AVAL": [2.0, 1.5, 3.5, 1.8, None, 1.8, 4.0, "x"],
        "AVALC": ["", "", "", "", "NOT EVALUABLE", "", "", "x"],
        "AVALU": "cm",
        "ADT": ["2024-01-05"] * 3 + ["2024-02-21"] * 3 + ["2024-01-30", "2024-03-14"],
    }
)
ADRS = pd.DataFrame({"USUBJID": ["a", "b"], "PARAMCD": "OVR", "AVALC": ["SD", "NE"], "ADY": [43, -3]})
ADTTE = pd.DataFrame(
    {"USUBJID": ["a", "b"], "PARAMCD": "PFS", "PARAM": "PFS (Weeks)", "AVAL": [10, 4], "CNSR": [0, 1], "EVNTDESC": ["PD", ""]}
)


def test_adam() -> None:
    data = imo.io.read_adam({"ADSL": ADSL, "ADTR": ADTR, "ADRS": ADRS, "ADTTE": ADTTE})
    lesions = data.frame[data.frame["quantity"] == "diameter"]
    assert lesions["time"].tolist() == [-5.0, -5.0, 42.0] and lesions["kind"].tolist() == ["target", "target node", "target"]
    assert data.units == {"diameter": "cm", "sum_of_diameters": "cm"} and data.arm_of() == {"a": "drug", "b": "control"}
    assert data.findings["finding"].tolist() == ["not evaluable", "SD", "NE"] and data.findings["time"].tolist() == [
        42.0,
        42.0,
        -3.0,
    ]
    assert data.endpoints["time"].tolist() == [70.0, 28.0] and data.endpoints["event"].tolist() == [True, False]
    assert (
        data.left_out["row"].tolist() == ["ADTR, row 7"]
        and data.covariates is not None
        and data.covariates.loc["b", "AGE"] == 47
    )
    assert len(lesions) + 3 + 2 == len(ADTR)  # sums, a finding and a row left out


def test_adam_files_in_a_folder(tmp_path: Path) -> None:
    ADSL.to_csv(tmp_path / "adsl.csv", index=False)
    ADTTE.to_csv(tmp_path / "ADTTE.csv", index=False)
    assert len(imo.io.read_adam(tmp_path).endpoints) == 2
    assert "is not a folder" in refused(imo.io.read_adam, tmp_path / "none")
    (tmp_path / "adtr.xpt").write_bytes(b"no transport file")
    assert "adtr.xpt: cannot be read as a table" in refused(imo.io.read_adam, tmp_path)


def test_sas_transport_files(tmp_path: Path) -> None:
    import pyreadstat

    tables = {
        "adsl": ADSL,
        "adtr": ADTR.assign(AVAL=pd.to_numeric(ADTR["AVAL"], errors="coerce")),
        "adrs": ADRS,
        "adtte": ADTTE,
    }
    for name, table in tables.items():
        words = {c: table[c].fillna("") for c in table.columns if table[c].dtype == object}
        pyreadstat.write_xport(table.assign(**words), str(tmp_path / f"{name}.xpt"), file_format_version=5)
    from_files, from_tables = imo.io.read_adam(tmp_path), imo.io.read_adam({k.upper(): v for k, v in tables.items()})
    columns = ["subject", "time", "quantity", "value", "lesion", "kind"]
    pd.testing.assert_frame_equal(from_files.frame[columns], from_tables.frame[columns])
    pd.testing.assert_frame_equal(from_files.endpoints, from_tables.endpoints)
    assert len(from_files.findings) == len(from_tables.findings)


def test_dates_as_sas_counts_them() -> None:
    numbers = ADTR.assign(ADT=(pd.to_datetime(ADTR["ADT"]) - pd.Timestamp("1960-01-01")).dt.days)
    starts = ADSL.assign(TRTSDT=(pd.to_datetime(ADSL["TRTSDT"]) - pd.Timestamp("1960-01-01")).dt.days)
    a, b = imo.io.read_adam({"ADSL": ADSL, "ADTR": ADTR}), imo.io.read_adam({"ADSL": starts, "ADTR": numbers})
    pd.testing.assert_frame_equal(a.frame, b.frame)


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"ADSL": ADSL}, "none of ADTR, ADRS, ADTTE"),
        ({"ADXX": ADSL}, "data set 'ADXX': is not read"),
        ({"ADTR": ADTR.drop(columns="AVAL")}, "ADTR: no column AVAL"),
        ({"ADTR": ADTR.drop(columns="ADT")}, "neither dates (ADT) nor relative days"),
        ({"ADTTE": ADTTE.drop(columns="CNSR")}, "ADTTE: no column CNSR"),
        ({"ADSL": pd.concat([ADSL, ADSL]), "ADTR": ADTR}, "is a second row of a"),
    ],
)
def test_wrong_adam(tables: dict[str, pd.DataFrame], expected: str) -> None:
    assert expected in refused(imo.io.read_adam, tables)


def test_adam_rows_that_make_no_sense_are_listed() -> None:
    data = imo.io.read_adam(
        {"ADTTE": pd.concat([ADTTE, ADTTE.assign(AVAL=[-1, "x"]), ADTTE.assign(CNSR=None)], ignore_index=True)}
    )
    assert len(data.endpoints) == 2 and len(data.left_out) == 4
    assert {"time '-1' is negative", "time 'x' is not a number", "CNSR is not a number"} == set(data.left_out["reason"])


def test_wide_rows_and_columns() -> None:
    rows = pd.DataFrame(
        {
            "Mouse": ["m1", "m2"],
            "Group": ["c", "d"],
            "Notes": ["", "ill"],
            "Day 0": [100, 90],
            "week 1": [180, None],
            "d10": [250, 60],
        }
    )
    data = imo.trial.read_wide(rows, quantity="tumour_volume", unit="mm^3")
    assert data.frame["time"].tolist() == [0.0, 7.0, 10.0, 0.0, 10.0] and data.arms == ("c", "d")
    columns = pd.DataFrame({"day": [0, 7, 10], "m1": [100, 180, 250], "m2": [90, None, 60]})
    turned = imo.trial.read_wide(
        columns, quantity="tumour_volume", unit="mm^3", subjects="columns", arms={"m1": "c", "m2": "d"}
    )
    pd.testing.assert_frame_equal(turned.frame.drop(columns="row"), data.frame.drop(columns="row"))
    assert data.frame["row"].iloc[1] == "0, column 'week 1'"


@pytest.mark.parametrize(
    ("sheet", "options", "expected"),
    [
        ({"Mouse": ["a"], "x": [1]}, {}, "no column is a time"),
        ({"x": [1], "Day 1": [2]}, {}, "no column for the subject"),
        ({"Mouse": ["a", "a"], "Day 1": [1, 2]}, {}, "repeats the subject 'a'"),
        ({"Mouse": ["a"], "Day 1": ["tiny"]}, {}, "row 0, column 'Day 1' (subject a): value 'tiny' is not a number"),
        ({"Mouse": ["a"], "Day 1": [-2]}, {}, "is negative"),
        ({"Mouse": ["a"], "Day 1": [None]}, {}, "no row with a value"),
        ({"m1": [1], "m2": [2]}, {"subjects": "columns"}, "no column for the time"),
        ({"day": ["soon"], "m2": [2]}, {"subjects": "columns"}, "time 'soon' is not a number"),
        ({"Mouse": ["a"], "Day 1": [2]}, {"subjects": "diagonal"}, "subjects: is 'diagonal'"),
        ({"Mouse": ["a"], "Day 1": [2]}, {"columns": {"subject": "Maus"}}, "there is no column 'Maus'"),
        ({"Mouse": ["a"], "Day 1": [2]}, {"unit": "mmmm"}, "unit 'mmmm' cannot be read"),
    ],
)
def test_wrong_sheets(sheet: dict[str, list[Any]], options: dict[str, Any], expected: str) -> None:
    assert expected in refused(imo.trial.read_wide, pd.DataFrame(sheet), **({"quantity": "v", "unit": "mm^3"} | options))


OS = pd.DataFrame({"id": ["a", "b", "c"], "os": [10.0, 20.0, None], "dead": [1, 0, 1], "cnsr": [0, 2, 0]})


def test_endpoints() -> None:
    data = imo.trial.read_endpoints(OS, {"OS": "os"}, events={"OS": "dead"})
    other = imo.trial.read_endpoints(OS, {"OS": "os"}, censored={"OS": "cnsr"})
    pd.testing.assert_frame_equal(data.endpoints, other.endpoints)
    assert data.left_out["reason"].tolist() == ["no time of OS"] and data.subjects == ("a", "b")


@pytest.mark.parametrize(
    ("table", "options", "expected"),
    [
        (OS, {"times": {"OS": "pfs"}}, "no column 'pfs'"),
        (OS, {"events": {}}, "is in neither of events and censored"),
        (OS, {"censored": {"OS": "cnsr"}}, "is in both of events and censored"),
        (OS, {"events": {"OS": "dead", "PFS": "dead"}}, "has an indicator but no time"),
        (OS, {"times": {}, "events": {}}, "names no endpoint"),
        (OS.assign(os=[1, -2, 3]), {}, "row 1 (subject b): OS: os '-2' is negative"),
        (OS.assign(os=[1, "soon", 3]), {}, "os 'soon' is not a number"),
        (OS.assign(dead=["yes", 1, 1]), {}, "dead is not a number"),
        (OS.assign(id=["a", "a", "c"]), {}, "is a second row of the subject"),
        (OS.assign(id=["a", None, "c"]), {}, "has no subject"),
        (OS.drop(columns="id"), {}, "no column for the subject"),
        (OS, {"covariates": ["age"]}, "no column 'age'"),
        (OS, {"unit": "fortnights of joy"}, "cannot be read"),
    ],
)
def test_wrong_endpoints(table: pd.DataFrame, options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=".") as caught:
        imo.trial.read_endpoints(table, **({"times": {"OS": "os"}, "events": {"OS": "dead"}} | options))
    assert expected in str(caught.value)


LESIONS = pd.DataFrame(
    {
        "subject": ["a"] * 5,
        "day": [0, 0, 42, 42, 42],
        "arm": "x",
        "lesion": ["T1", "N1", "T1", "N1", "L9"],
        "kind": ["target", "non-target", "target", "non-target", "new"],
        "diameter_mm": [20, None, "too small to measure", None, None],
        "finding": ["", "present", "", "absent", "new"],
    }
)


def test_tables_of_lesions() -> None:
    data = imo.trial.read_lesions(LESIONS)
    assert data.frame[["lesion", "value", "flag"]].values.tolist() == [["T1", 20.0, ""], ["T1", 5.0, "too small to measure"]]
    assert data.findings["finding"].tolist() == ["present", "absent", "new"] and len(data.left_out) == 0
    bare = imo.trial.read_lesions(LESIONS.rename(columns={"day": "time", "diameter_mm": "diameter"}))
    pd.testing.assert_frame_equal(bare.frame, data.frame)
    strange = imo.trial.read_lesions(LESIONS.assign(finding=["", "present", "", "purple", "new"]))
    assert len(strange.findings) == 2 and len(strange.left_out) == 1


def test_dates_are_counted_from_the_start() -> None:
    table = pd.DataFrame({"id": ["a", "a"], "date": ["2024-01-10", "2024-02-21"], "begin": "2024-01-10", "value": [10, 8]})
    data = imo.read_trial(table, {"time": "date", "start": "begin"}, "mm")
    assert data.frame["time"].tolist() == [0.0, 42.0]


def test_selecting_keeps_what_is_beside() -> None:
    data = everything(0).select(subject=["101", "102"])
    assert (
        set(data.schedules) == {"101", "102"} and data.covariates is not None and list(data.covariates.index) == ["101", "102"]
    )
    assert len(data.findings) == len(data.endpoints) == 1 and "times to events" in data.report()


def test_intervals_reach_the_fit() -> None:
    table = pd.DataFrame(
        {"id": "a", "day": [0, 42, 84, 126], "value": [80, 70, 60, 65.0], "cens": [0, 0, 1, 0], "limit": [None, None, 50, None]}
    )
    data = imo.read_trial(table, units="mm", quantity="sum_of_diameters")
    seen = imo.fit("tumour_immune", data, vary=["growth_rate"]).observations
    assert seen.censoring.tolist() == [0, 2, 0] and (seen.lower[1], seen.value[1]) == (50.0, 60.0)
