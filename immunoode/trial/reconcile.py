"""Reconciliation of each row and subject of a source, with which every reader of trial data ends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from immunoode import units
from immunoode.errors import UnitError
from immunoode.tables.identifiers import identifiers
from immunoode.tables.reconciliation import Reconciliation, Tally

if TYPE_CHECKING:
    import pandas as pd

_FROM_ONE = "if day 1 of the table is the day of the first dose, subtract 1 from its days"
_FROM_ELSEWHERE = "if its days count from something other than the first dose (implantation), count the doses likewise"
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def reconcile(
    where: str,
    rows: Iterable[Any],
    used: Iterable[Any],
    left_out: pd.DataFrame,
    columns: Mapping[str, str],
    *,
    subjects: Iterable[Any] = (),
    kept: Iterable[str] = (),
    notes: Sequence[str] = (),
    what: str = "rows",
) -> Reconciliation:
    """Return the reconciliation of one table.

    Parameters
    ----------
    rows, used : iterable
        Labels of the rows of the source, and of the rows that are used.
    left_out : DataFrame
        Columns row, subject and reason; a row that is used in part counts as used.
    subjects, kept : iterable
        Identifiers in the source, and in the result.
    what : str
        The things that are counted: "rows", "cells".

    Raises
    ------
    DataError
        If a row or subject is neither used nor left out.
    """
    given, taken = list(rows), set(used)
    reasons = dict(zip(left_out["row"], left_out["reason"].map(_kind), strict=True))
    lost = [reasons[row] for row in given if row not in taken and row in reasons]
    tallies = [Tally(what, len(given), sum(row in taken for row in given), _counts(lost))]
    everyone = [s for s in dict.fromkeys(identifiers(subjects)) if s]
    if everyone:
        kept = set(kept)
        first = dict(reversed(list(zip(left_out["subject"], left_out["reason"].map(_kind), strict=True))))
        gone = [first[s] for s in everyone if s not in kept and s in first]
        tallies.append(Tally("subjects", len(everyone), sum(s in kept for s in everyone), _counts(gone)))
    return Reconciliation(where, tuple(tallies), dict(columns), tuple(notes))


def _counts(reasons: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for reason in reasons:
        found[reason] = found.get(reason, 0) + 1
    return found


def _kind(reason: str) -> str:
    """Return a reason without quoted cells and advice, so that equal reasons can be counted."""
    return re.sub(r" +", " ", _QUOTED.sub("", re.sub(r" \(expected .*\)$", "", reason))).strip()


def baseline_notes(frame: pd.DataFrame) -> tuple[str, ...]:
    """Return notes on the baselines of sizes: the last values up to day 0, or the first ones after it."""
    sizes = frame[frame["unit"].map({u: _is_size(u) for u in frame["unit"].unique()}).astype(bool)]
    notes: list[str] = []
    for quantity, rows in sizes.groupby("quantity", sort=False):
        notes += _baseline(str(quantity), rows)
    return tuple(notes)


def _is_size(unit: str) -> bool:
    """Return whether a unit is one of length or volume."""
    try:
        return bool(unit) and units.dimension(unit) in (units.dimension("mm"), units.dimension("mm^3"))
    except UnitError:
        return False


def _baseline(quantity: str, rows: pd.DataFrame) -> list[str]:
    subjects = rows["subject"].nunique()
    early = rows[rows["time"] <= 0]
    late = rows[~rows["subject"].isin(set(early["subject"]))]
    first = late[late["time"] == late.groupby("subject")["time"].transform("min")]
    last = early[early["time"] == early.groupby("subject")["time"].transform("max")]
    notes = []
    if len(first):
        days = ", ".join(f"{day:g}" for day in sorted(first["time"].unique())[:3])
        notes.append(
            f"{quantity}: {first['subject'].nunique()} of {subjects} subjects are first measured after day 0 (day {days}); "
            + (_FROM_ONE if first["time"].min() <= 1 else _FROM_ELSEWHERE)
        )
    for chosen, what, advice in (
        (
            (last["censoring"] != "") & (last["censoring"] != "right"),
            "a baseline below a limit",
            "the value is not the size: fit the initial size, or leave these subjects out",
        ),
        (
            (last["value"] == 0) & (last["lesion"] == ""),
            "a baseline of 0",
            "no change from it can be computed: leave these subjects out, or state a limit and censoring",
        ),
    ):
        if chosen.any():
            who = last.loc[chosen, "subject"].unique()
            shown = ", ".join(map(repr, who[:3])) + (", ..." if len(who) > 3 else "")
            notes.append(f"{quantity}: {len(who)} of {subjects} subjects have {what} ({shown}); {advice}")
    return notes


LISTED = 10
"""Largest number of rows left out that a report lists."""


def format_left_out(left_out: pd.DataFrame) -> str:
    """Return the first rows that were left out as text."""
    text: str = left_out.head(LISTED).to_string(index=False)
    more = len(left_out) - LISTED
    return text if more <= 0 else f"{text}\n  and {more} more: see .left_out"
