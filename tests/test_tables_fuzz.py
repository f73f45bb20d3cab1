"""Mutated units, times, dates, headings, labels, numbers, identifiers and doses: understood, or an error of the package."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pandas as pd
import pytest

import immunoode as imo
from immunoode import units
from immunoode.errors import ImmunoodeError
from immunoode.tables.cells import as_numbers, number_advice
from immunoode.tables.dates import date_advice, read_dates
from immunoode.tables.headings import parse_heading, parse_unit
from immunoode.tables.identifiers import identifiers
from immunoode.tables.visit_labels import visit_time
from immunoode.unit_words import time_unit, time_unit_in_label
from tests.long_forms import without

CASES = 500
"""Mutated texts per kind; a hundred thousand over all kinds were tried."""
SEEDS = [
    "200 mg",
    "3 weeks",
    "mg/kg",
    "µg/mL",
    "mm³",
    "1/(cell*day)",
    "2024-02-21",
    "21FEB2024",
    "20240221T0930",
    "Day -7",
    "week 2",
    "C2D1",
    "Overall Survival (months) [ITT]",
    "Tumor volume (mm3)",
    "tumor_volume_mm3",
    "1,000",
    "0,5",
    "1e5",
    "-3.2",
    "<0.5",
    "NA",
    "007",
    "MONTH(S)",
    "Tage",
    "q3w",
    "5 AUC",
    "75 mg/m2",
    "2 Gy",
    "1e8 cells",
    "30 min",
    "Time to death, weeks",
    "2024-03",
    "02/03/2024",
    "٣ days",
    "1 mo",
]
PIECES = [
    *"0123456789.,-+/*^()[]{} eE%_µ³\t\n\0'\"\\$<>=",
    "mg",
    "day",
    "month",
    "**",
    "//",
    "inf",
    "nan",
    "1e999",
    "𝟙",
    "ß",
    "\u200b",
    "(" * 30,
]


def mutated(random: random.Random) -> str:
    """Return a text of the seeds with a few pieces put in, taken out, doubled or joined."""
    text = random.choice(SEEDS)
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(text))
        to = min(len(text), at + random.randint(0, 4))
        text = random.choice(
            (
                text[:at] + random.choice(PIECES) + text[at:],
                text[:at] + text[to:],
                text[:to] + text[at:],
                text + random.choice(SEEDS),
                text.swapcase(),
            )
        )
    return text


def dates(text: str) -> None:
    read = read_dates(pd.Series([text]), partial="middle")
    assert bool(read.missing[0]) + bool(read.unread[0]) + bool(pd.notna(read.values[0])) == 1 and date_advice(text)


def cells(text: str) -> None:
    read = as_numbers(pd.Series([text]))
    assert bool(read.missing[0]) + bool(read.unread[0]) + math.isfinite(read.values[0]) == 1 and number_advice(text)


def dose(text: str) -> None:
    schedule = imo.Regimen().dose("drug", text, every=text, count=2).schedule({"drug": "mg"}, {"weight": 70.0})
    assert all(math.isfinite(t) for t in schedule.times) and all(a >= 0 for a in schedule.amounts)


def labels(text: str) -> None:
    parse_heading(text)
    parse_unit(text)
    visit_time(text, "day")
    assert isinstance(identifiers([text])[0], str)


KINDS: dict[str, Callable[[str], object]] = {
    "days": units.days,
    "unit": units.dimension,
    "time unit": time_unit,
    "unit in a label": time_unit_in_label,
    "date": dates,
    "number": cells,
    "dose": dose,
    "labels": labels,
}


@pytest.mark.parametrize("kind", without(KINDS, ["date", "number"]))
def test_mutated_texts_are_understood_or_refused(kind: str) -> None:
    source = random.Random(kind)
    for _ in range(CASES):
        text = mutated(source)
        try:
            found = KINDS[kind](text)
        except ImmunoodeError as error:
            assert str(error)
        else:
            assert not isinstance(found, float) or math.isfinite(found), text
