"""One row of event records: its values, and its problems by the rules of NONMEM."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from immunoode.errors import Problem
from immunoode.regimen.doses import MAX_ADMINISTRATIONS
from immunoode.regimen.record_table import DOSE_ITEMS, RecordTable

OBSERVATION, DOSE, OTHER, RESET, RESET_DOSE, REPLACE, MULTIPLY, REPLACE_TOO = 0, 1, 2, 3, 4, 5, 6, 8
"""EVID. NONMEM has 0 to 4; 5 and 6 are rxode2's, 8 is mrgsolve's number for 5."""
KINDS = {
    OBSERVATION: "an observation",
    DOSE: "a dose",
    OTHER: "another event",
    RESET: "a reset",
    RESET_DOSE: "a reset and dose",
    REPLACE: "a replacement",
    MULTIPLY: "a multiplication",
    REPLACE_TOO: "a replacement",
}
DOSES, RESETS, AMOUNTS = (DOSE, RESET_DOSE), (RESET, RESET_DOSE), (REPLACE, MULTIPLY, REPLACE_TOO)
RATE, DURATION = -1, -2
"""Values of RATE for an infusion with a rate, or a duration, stated by the model."""
_ROUNDING = 1e-13
_SAME = 1e-6
"""Relative tolerance of AMT = RATE x DUR: tables are written with few digits."""


@dataclass(frozen=True)
class NonmemRecord:
    """One row of a table of event records, in the table's unit of time; missing values are 0, a missing time is NaN.

    `moment` is the exact time.
    """

    label: str
    compartment: str
    time: float
    amount: float
    rate: float
    duration: float
    interval: float
    additional: float
    steady: float
    event: float
    missing_value: float
    moment: Fraction | None = None

    @property
    def constant_infusion(self) -> bool:
        """Whether this is the end of an infusion at a constant rate and at steady state."""
        return self.steady in (1, 2) and self.amount == 0 and self.rate > 0

    @property
    def effective_rate(self) -> float:
        """The rate of an infusion with a stated rate; if RATE was rounded and DUR is given, AMT / DUR."""
        amount, rate, duration = self.amount, self.rate, self.duration
        rounded = duration > 0 and abs(rate * duration - amount) > _ROUNDING * amount
        return amount / duration if rounded else rate

    @property
    def items(self) -> dict[str, float]:
        """The dose items that are not 0."""
        items = {
            "AMT": self.amount,
            "RATE": self.rate,
            "DUR": self.duration,
            "II": self.interval,
            "ADDL": self.additional,
            "SS": self.steady,
        }
        return {name: value for name, value in items.items() if value}


def records_from_table(table: RecordTable) -> list[NonmemRecord]:
    """Return the rows of a table; without EVID, it is derived from the dose items and MDV, as in NM-TRAN."""
    blank = np.full(len(table.labels), math.nan)
    columns = {name: table.numbers.get(name, blank) for name in ("TIME", *DOSE_ITEMS, "EVID", "MDV")}
    columns |= {name: np.nan_to_num(columns[name], nan=0.0) for name in DOSE_ITEMS}
    if "EVID" not in table.numbers:
        dosed = np.any([columns[name] != 0 for name in DOSE_ITEMS], axis=0)
        columns["EVID"] = np.where(dosed, DOSE, np.where(columns["MDV"] == 1, OTHER, OBSERVATION)).astype(float)
    numbers = (column.tolist() for column in columns.values())
    return list(map(NonmemRecord, table.labels, table.compartments, *numbers, table.times))


def record_input(record: NonmemRecord, compartments: Mapping[str, str] | None) -> str | Problem:
    """Return the input of a record, or a problem of its compartment."""
    text = record.compartment
    if text.startswith("-"):
        return Problem(record.label, f"turns compartment {text[1:]} off", "a replacement by 0 (EVID 5 with AMT 0)")
    if compartments is None:
        if text.isidentifier():
            return text
        right = "the name of an input, or a mapping compartments={1: 'pembrolizumab'}"
        return Problem(record.label, f"has the CMT {text!r}", right)
    if text in compartments:
        return compartments[text]
    if text in compartments.values():
        return text
    if text in ("", "0") and len(set(compartments.values())) == 1:
        return next(iter(compartments.values()))
    known = ", ".join(f"{number} ({name})" for number, name in compartments.items())
    return Problem(record.label, f"has the CMT {text!r}", f"one of compartments=: {known}")


def record_problems(record: NonmemRecord) -> list[Problem]:
    """Return the problems of a record by itself."""
    problems = [Problem(record.label, what, right) for what, right in _event_problems(record)]
    if math.isnan(record.time):
        problems.insert(0, Problem(record.label, "has no TIME", "a number of days or hours"))
    return problems


def _event_problems(record: NonmemRecord) -> list[tuple[str, str]]:
    """Return the problems of the event, each with what would be right."""
    if record.event not in KINDS:
        what = "has no EVID" if math.isnan(record.event) else f"has the EVID {record.event:g}"
        known = "0 observation, 1 dose, 2 other, 3 reset, 4 reset and dose, 5 replace, 6 multiply"
        return [(what, known)]
    kind = f"is {KINDS[int(record.event)]} (EVID {record.event:g})"
    found = []
    if record.missing_value not in (0, 1) and not math.isnan(record.missing_value):
        found.append((f"has the MDV {record.missing_value:g}", "0 if DV is observed, otherwise 1"))
    elif record.event != OBSERVATION and record.missing_value == 0:
        found.append((f"{kind} with MDV 0", "MDV 1, or the observation in a separate row"))
    if record.event in DOSES:
        return found + _dose(record)
    items = {name: value for name, value in record.items.items() if not (name == "AMT" and record.event in AMOUNTS)}
    if items:
        stated = ", ".join(f"{name} {value:g}" for name, value in items.items())
        found.append((f"{kind} with {stated}", "0 for these, or EVID 1 if it is a dose"))
    if record.event in AMOUNTS and record.amount < 0:
        found.append((f"has the AMT {record.amount:g}", "zero or more"))
    return found


def _dose(record: NonmemRecord) -> list[tuple[str, str]]:
    """Return the problems of a dose."""
    found = _amount(record)
    for name, value in (("II", record.interval), ("DUR", record.duration)):
        if value < 0:
            found.append((f"has the {name} {value:g}", "zero or more"))
    if record.additional < 0 or record.additional % 1 or record.additional > MAX_ADMINISTRATIONS:
        found.append((f"has the ADDL {record.additional:g}", f"a whole number from 0 to {MAX_ADMINISTRATIONS}"))
    if record.steady not in (0, 1, 2):
        right = "1 for a steady state, 2 for one added to the present state, otherwise 0"
        found.append((f"has the SS {record.steady:g}", right))
        return found
    return found + _repeated(record)


def _amount(record: NonmemRecord) -> list[tuple[str, str]]:
    """Return the problems of amount, rate and duration."""
    amount, rate, duration = record.amount, record.rate, record.duration
    found = []
    if amount < 0:
        found.append((f"has the AMT {amount:g}", "zero or more"))
    if rate < 0 and rate not in (RATE, DURATION):
        found.append((f"has the RATE {rate:g}", "zero or more; -1 or -2 if the model states the rate or the duration"))
    elif rate == RATE and duration:
        found.append((f"has RATE -1, a rate stated by the model, and DUR {duration:g}", "one of them"))
    elif amount == 0 and not record.constant_infusion:
        right = "its AMT; EVID 2 if nothing is given; or SS 1 with RATE for a constant infusion at steady state"
        found.append(("is a dose with AMT 0", right))
    elif rate > 0 and duration > 0 and abs(rate * duration - amount) > _SAME * amount:
        right = f"RATE {amount / duration:g} or DUR {amount / rate:g}" if amount else "DUR 0"
        found.append((f"has AMT {amount:g} at RATE {rate:g} over DUR {duration:g}, which disagree", right))
    return found


def _repeated(record: NonmemRecord) -> list[tuple[str, str]]:
    """Return the problems of II, ADDL and SS."""
    interval, additional = record.interval, record.additional
    if record.constant_infusion:
        wrong = interval or additional
        return [("is a constant infusion at steady state with II or ADDL", "0 for both")] if wrong else []
    if record.steady and not interval:
        return [(f"has a steady state (SS {record.steady:g}) without an interval II", "II, the time between doses")]
    if additional and not interval:
        return [(f"has {additional:g} additional doses (ADDL) without an interval II", "II, the time between doses")]
    if interval > 0 and not additional and not record.steady:
        return [(f"has an interval II {interval:g} without ADDL or SS", "ADDL, the number of further doses, or II 0")]
    return []
