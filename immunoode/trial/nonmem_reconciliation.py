"""What became of the rows, doses, subjects and columns of a table in the layout of NONMEM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from immunoode.regimen.record import OBSERVATION
from immunoode.regimen.record_options import COVARIATES
from immunoode.tables.cells import as_numbers, as_text
from immunoode.tables.reconciliation import UNUSED, Reconciliation, Tally
from immunoode.trial.nonmem_rows import TEXT_COLUMNS, NonmemRows
from immunoode.trial.trial_data import TrialData
from immunoode.trial.validation import SAME

if TYPE_CHECKING:
    pass

BESIDE = ("FINDING", "ENDPOINT", "EVENT", "REASON")
OWN = {"DV": "value", "DVID": "quantity", "CENS": "censoring", "LIMIT": "limit"}
"""Roles of columns of observations that records do not have."""
MISSING_CODES = (-99.0, -999.0, -9999.0)
"""Numbers that often stand for a missing value; they are read as numbers, with a note."""


def reconciliation_of(data: TrialData, rows: NonmemRows, fixed: Mapping[str, str], time_unit: str) -> Reconciliation:
    """Return the reconciliation of rows, doses, subjects and columns."""
    found, frame = rows.read.table, data.frame
    lost = data.left_out["reason"].value_counts().to_dict() | dict(found.ignored)
    total = len(found.labels) + sum(found.ignored.values())
    given, kept = dict.fromkeys(found.subjects), {*data.subjects, *data.schedules}
    gone = sum(s not in kept for s in given)
    taken = found.taken_as(time_unit)
    roles = {name: word for name, word in {**OWN, **TEXT_COLUMNS}.items()}
    for column in found.frame.columns:
        name = str(column).strip().upper()
        if column in fixed:
            taken[str(column)] = f"covariate {fixed[column]}"
        elif taken[str(column)] == UNUSED and (name in roles or name in BESIDE):
            taken[str(column)] = roles.get(name, name.lower())
    notes = [*found.notes, *_usual(fixed), *_doubts(data, rows, list(fixed))]
    repeats = int(frame.duplicated([c for c in SAME if c in frame]).sum())
    notes += [f"{repeats} observations repeat another one: kept as replicates"] if repeats else []
    at = [
        (data.orders[row], data.schedules[s].orders[data.schedules[s].times == t].tolist())
        for row, s, t in zip(frame["row"], frame["subject"], frame["time"], strict=True)
        if s in data.schedules and row in data.orders
    ]
    early = sum(bool(doses) and order < min(doses) for order, doses in at)
    late = sum(bool(doses) for _, doses in at) - early
    if early or late:
        notes.append(f"at the time of a dose record, {early} observations are before it (troughs) and {late} after it")
    tallies = (
        Tally("rows", total, total - sum(lost.values()), lost),
        rows.read.doses,
        Tally("subjects", len(given), len(given) - gone, {"no observation and no dose": gone} if gone else {}),
    )
    return Reconciliation(rows.where, tallies, taken, tuple(notes))


def _doubts(data: TrialData, rows: NonmemRows, covariates: Sequence[str]) -> list[str]:
    """Return notes on what may be unintended: codes of missing values, DV of dose records, observations in several CMT."""
    notes = []
    values = {"DV": data.frame["value"], **{c: as_numbers(rows.table[c]).values for c in covariates}}
    for name, column in values.items():
        codes = column[column.isin(MISSING_CODES)]
        if len(codes):
            notes.append(
                f"{name} is {codes.iloc[0]:g} in {len(codes)} rows, which is read as a number: leave missing cells empty"
            )
    other = np.array([r.event != OBSERVATION for r in rows.read.records], dtype=bool)
    unread = int((as_numbers(rows.table["DV"]).values.fillna(0) != 0)[other].sum())
    if unread:
        notes.append(f"DV of {unread} records that are not observations (doses and other events) is not read")
    if "CMT" in rows.table.columns and "DVID" not in rows.table.columns and data.frame["quantity"].nunique() == 1:
        of = [c for c in dict.fromkeys(as_text(rows.table["CMT"])[~other & rows.table["DV"].notna().to_numpy()]) if c]
        if len(of) > 1:
            notes.append(f"observations of CMT {', '.join(of[:5])} are all {data.frame['quantity'].iloc[0]!r}")
    return notes


def _usual(fixed: Mapping[str, str]) -> list[str]:
    known = {c: COVARIATES[c.strip().upper()] for c, name in fixed.items() if c == name and c.strip().upper() in COVARIATES}
    return [f"{c!r} is taken as `{name}` by models with this covariate" for c, name in known.items() if c != name]
