"""Mutated tables: every reader gives a result whose account adds up, or an error of the package."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo

CASES = 75
"""Mutated tables of each reader: what goes wrong in one of 25 is among them with 95 %, and over all readers, one of 450."""

CELLS: tuple[Any, ...] = (
    None,
    np.nan,
    "",
    " ",
    ".",
    "NA",
    "1,000",
    "0,5",
    "100 mg",
    "<5",
    "-1",
    -3.0,
    0,
    1e308,
    np.inf,
    "inf",
    "ND",
    "NE",
    "not done",
    "PR",
    "PD",
    "x",
    "Day 7",
    "week -1",
    "2024-02-21",
    "21FEB2024",
    "2024-03",
    "02/03/2024",
    20240221,
    23427,
    45343,
    True,
    "1e3",
    pd.Timestamp("2024-02-21"),
    pd.Timedelta("3 days"),
    "\u00b5",
    "\u00e9t\u00e9",
    "Screen Failure",
    "mm",
    "cm\u00b3",
    "MONTHS",
    "a",
    "A",
    "001",
    "1.0",
    1.5,
    "too small to measure",
    "UNEQUIVOCAL",
    "LOCF",
    [1],
    "target",
    "new",
    "Y",
)
HEADINGS = (
    "id",
    "Mouse ID",
    "USUBJID",
    "name",
    "day",
    "Day",
    "time",
    "Time (weeks)",
    "date",
    "visit",
    "value",
    "DV",
    "Volume (mm3)",
    "TV",
    "diameter_cm",
    "sum_of_diameters",
    "SLD (cm)",
    "length",
    "width",
    "unit",
    "AVALU",
    "PARAM",
    "PARAMCD",
    "arm",
    "Group",
    "TRT01P",
    "reader",
    "TREVAL",
    "cens",
    "limit",
    "start_date",
    "lesion",
    "TRLNKID",
    "kind",
    "finding",
    "response",
    "AVALC",
    "ADT",
    "ADY",
    "STARTDT",
    "DTYPE",
    "Day 14*",
    "D-7",
    "week 2",
    "7",
    "Notes",
    "new_lesion",
    "non_target",
    "target",
    "(m/s)",
    "",
)


def long() -> pd.DataFrame:
    return pd.DataFrame(
        {"id": [1, 1, 2, 2], "arm": [*"xxyy"], "day": [0, 7, 0, 7], "value": [100.0, 150.0, 90.0, 80.0], "unit": "mm^3"}
    )


def wide() -> pd.DataFrame:
    return pd.DataFrame(
        {"Mouse": ["m1", "m2", "m3"], "Group": [*"xxy"], "Day 0": [100.0, 90.0, 95.0], "Day 7": [150.0, 80.0, None]}
    )


def lesions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject": [*"aaaabb"],
            "day": [0, 0, 42, 42, 0, 42],
            "lesion": ["T1", "N1", "T1", "N1", "T1", "T1"],
            "kind": ["target", "non-target"] * 2 + ["target"] * 2,
            "diameter_mm": [20.0, None, 10.0, None, 30.0, 40.0],
            "finding": ["", "present", "", "absent", "", ""],
        }
    )


def sums() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject": [*"aaabbb"],
            "time": [0, 42, 84] * 2,
            "sum_of_diameters": [50.0, 30, 20, 40, 40, 60],
            "response": ["", "PR", "PR", "", "SD", "PD"],
        }
    )


def endpoints() -> pd.DataFrame:
    return pd.DataFrame({"id": [*"abc"], "arm": [*"xxy"], "os": [10.0, 20.0, 30.0], "dead": [1, 0, 1]})


def adtr() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "USUBJID": [*"aaaabb"],
            "PARAMCD": ["LDIAM1", "NLDIAM1"] * 2 + ["SDIAM"] * 2,
            "TRLNKID": ["T01"] * 4 + [None] * 2,
            "AVAL": [20.0, 12.0, 10.0, 8.0, 50.0, 40.0],
            "AVALU": "mm",
            "ADT": ["2024-01-01", "2024-01-01", "2024-02-12", "2024-02-12"] + ["2024-01-02", "2024-02-13"],
            "ADY": [1, 1, 43, 43, 1, 43],
            "AVISIT": ["BASELINE"] * 2 + ["WEEK 6"] * 2 + ["BASELINE", "WEEK 6"],
        }
    )


def adam(table: pd.DataFrame, name: str) -> dict[str, pd.DataFrame]:
    others = {
        "ADSL": pd.DataFrame(
            {"USUBJID": [*"abc"], "TRT01P": ["x", "y", "Screen Failure"], "TRTSDT": ["2024-01-01", "2024-01-02", None]}
        ),
        "ADTR": adtr(),
        "ADRS": pd.DataFrame({"USUBJID": [*"aab"], "PARAMCD": "OVR", "AVALC": ["PR", "PD", "SD"], "ADY": [43, 85, 43]}),
        "ADTTE": pd.DataFrame(
            {
                "USUBJID": [*"ab"],
                "PARAMCD": "OS",
                "PARAM": "OS (months)",
                "AVAL": [9.99, 5.0],
                "CNSR": [0, 1],
                "STARTDT": "2024-01-01",
                "ADT": ["2024-10-31", "2024-06-01"],
            }
        ),
    }
    return others | {name: table}


ADAM = ("ADSL", "ADTR", "ADRS", "ADTTE")
READERS: dict[str, tuple[Callable[[], pd.DataFrame], Callable[[pd.DataFrame], Any]]] = {
    "read_trial": (long, lambda t: imo.read_trial(t, bad_rows="leave out")),
    "read_trial, whole": (long, lambda t: imo.read_trial(t)),
    "read_wide": (wide, lambda t: imo.trial.read_wide(t, quantity="v", unit="mm^3", bad_rows="leave out")),
    "read_wide, turned": (
        lambda: wide().set_index("Mouse").T.iloc[1:].reset_index(names="time"),
        lambda t: imo.trial.read_wide(t, quantity="v", unit="mm^3", subjects="columns"),
    ),
    "read_lesions": (lesions, imo.trial.read_lesions),
    "read_endpoints": (endpoints, lambda t: imo.trial.read_endpoints(t, {"OS": "os"}, events={"OS": "dead"})),
    "recist of sums": (sums, imo.recist),
    "recist of lesions": (lesions, imo.recist),
    "irecist": (sums, imo.irecist),
    **{
        name: (lambda name=name: adam(adtr(), "ADTR")[name], lambda t, name=name: imo.io.read_adam(adam(t, name)))
        for name in ADAM
    },
}


def cell(table: pd.DataFrame, chance: random.Random) -> pd.DataFrame:
    changed = table.astype(object)
    for _ in range(chance.choice((1, 1, 1, len(table)))):
        if changed.size:
            changed.iat[chance.randrange(len(changed)), chance.randrange(changed.shape[1])] = chance.choice(CELLS)
    return changed


def column(table: pd.DataFrame, chance: random.Random) -> pd.DataFrame:
    changed = table.copy()
    if len(changed.columns):
        changed[chance.choice(list(changed.columns))] = pd.Series([chance.choice(CELLS)] * len(changed), index=changed.index)
    return changed


def heading(table: pd.DataFrame, chance: random.Random) -> pd.DataFrame:
    names = list(table.columns)
    if names:
        names[chance.randrange(len(names))] = chance.choice((*HEADINGS, *names, 7, 3.5, pd.Timestamp("2024-01-01"), None))
    return table.set_axis(names, axis=1)


def another(table: pd.DataFrame, chance: random.Random) -> pd.DataFrame:
    new = pd.Series([chance.choice(CELLS) for _ in range(len(table))], index=table.index, dtype=object)
    return pd.concat([table, new.rename(chance.choice(HEADINGS))], axis=1)


def kind(table: pd.DataFrame, chance: random.Random) -> pd.DataFrame:
    if not len(table.columns):
        return table
    place = chance.randrange(len(table.columns))
    how: Any = chance.choice(("str", "float", "category", "datetime64[ns]", "timedelta64[D]", "Int64", "bool", "string"))
    try:
        new = pd.to_timedelta(table.iloc[:, place], unit="D") if how == "timedelta64[D]" else table.iloc[:, place].astype(how)
    except (ValueError, TypeError, OverflowError):
        return table
    return pd.concat([new if k == place else table.iloc[:, k] for k in range(len(table.columns))], axis=1)


MUTATIONS: tuple[Callable[[pd.DataFrame, random.Random], pd.DataFrame], ...] = (
    cell,
    cell,
    cell,
    column,
    heading,
    heading,
    another,
    kind,
    lambda t, chance: t.sample(frac=1, random_state=chance.randrange(1000)),
    lambda t, chance: pd.concat([t, t.iloc[[chance.randrange(len(t))]]]) if len(t) else t,
    lambda t, chance: t.drop(columns=[chance.choice(list(t.columns))]) if len(t.columns) and t.columns.is_unique else t,
    lambda t, chance: t.iloc[: chance.randrange(len(t) + 1)],
)


def check(result: Any, table: pd.DataFrame) -> None:
    """Check that everything of the table is accounted for, and that no number came out of nothing."""
    if isinstance(result, imo.TrialData):
        account = result.reconciliation
        assert account is not None and all(tally.adds_up for tally in account.tallies)
        assert account.tally("rows").given >= len(table)
        assert np.isfinite(result.frame[["time", "value"]].to_numpy(float)).all()
        assert np.isfinite(result.endpoints["time"].to_numpy(float)).all()
        assert (result.frame["subject"] != "").all() and result.report()
    else:
        seen = result.visits
        assert np.isfinite(seen["time"].to_numpy(float)).all() and result.report()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reader", READERS)
def test_mutated_tables_are_read_whole_or_refused(reader: str) -> None:
    make, read = READERS[reader]
    base, read_some = make(), 0
    for seed in range(CASES):
        chance = random.Random(f"{reader} {seed}")
        table = base
        for _ in range(chance.choice((1, 1, 2, 3, 4))):
            table = chance.choice(MUTATIONS)(table, chance)
        try:
            check(read(table), table)
            read_some += 1
        except imo.errors.ImmunoodeError:
            continue
        except Exception as error:
            raise AssertionError(f"{reader}, seed {seed}: {type(error).__name__}: {error}\n{table.to_string()}") from error
    assert read_some > CASES / 20, "hardly any table was read: the mutations are too harsh to say anything"
