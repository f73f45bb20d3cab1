"""Names of quantities in words, and units as they are printed."""

from __future__ import annotations

import re
from textwrap import fill

_PRINTED = (
    ("pd1", "PD-1"),
    ("pdl1", "PD-L1"),
    ("ctla4", "CTLA-4"),
    ("car t", "CAR-T"),
    ("t cell", "T cell"),
    ("t cells", "T cells"),
    ("dna", "DNA"),
    ("ctdna", "ctDNA"),
    ("nk", "NK"),
    ("pfs", "PFS"),
    ("os", "OS"),
)
_INTERLEUKIN = re.compile(r"\bil(\d+)\b")
_CAPITAL = re.compile(r"[a-z][a-z]+\b")
_AUTHOR_YEAR = re.compile(r"\b([a-z])([a-z]+)((?:19|20)\d\d)\b")
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_POWER = re.compile(r"(?:\^|\*\*)\(?(-?\d+)\)?")
KEPT = "\u00a0"
"""A space at which lines do not break."""
_TIMES = ("hour", "day", "week", "month", "year")
_PARTS = (
    (re.compile(r"\bug\b|\bmicrogram\b"), "µg"),
    (re.compile(r"\buL\b|\bmicroliter\b|\bmicrolitre\b"), "µL"),
    (re.compile(r"\bum\b|\bmicrometer\b|\bmicrometre\b"), "µm"),
    (re.compile(r"\b(mm|cm|m|dm)([23])\b"), r"\1^\2"),
    (re.compile(r"\bcell\b"), "cells"),
    (re.compile(r"\bcopy\b"), "copies"),
    (re.compile(r"\b1e(\d+)\b"), r"10^\1"),
)


def words(name: str) -> str:
    """Return a name as words: sum_of_diameters -> sum of diameters, pd1_dose -> PD-1 dose, ribba2022 -> Ribba 2022."""
    text = _AUTHOR_YEAR.sub(lambda found: f"{found[1].upper()}{found[2]} {found[3]}", name.replace("_", " "))
    text = _INTERLEUKIN.sub(r"IL-\1", text)
    for plain, printed in _PRINTED:
        text = re.sub(rf"\b{plain}\b", printed, text)
    return text


def sentence(text: str) -> str:
    """Return words with a capital letter at the beginning."""
    return text[0].upper() + text[1:] if _CAPITAL.match(text) and not text.startswith("ctDNA") else text


def wrapped(text: str, width: int = 20) -> str:
    """Return a text in lines that fit beside a small panel."""
    return fill(text.replace(" %", f"{KEPT}%"), width, break_long_words=False).replace(KEPT, " ")


def pretty_unit(unit: str) -> str:
    """Return a unit as it is printed on an axis; "" for a plain number."""
    if unit in ("1", "", "dimensionless"):
        return ""
    if unit in _TIMES:
        return f"{unit}s"
    for part, printed in _PARTS:
        unit = part.sub(printed, unit)
    unit = _POWER.sub(lambda found: found[1].translate(_SUPERSCRIPT), unit)
    return unit.replace("*", "·").replace(" · ", "·").replace(" / ", "/")


def label(name: str, unit: str) -> str:
    """Return an axis label: the quantity in words, and its unit in brackets: Sum of diameters (mm).

    A unit at the end of the name is not repeated: value_mm3 -> Value (mm³).
    """
    end = re.sub(r"[^a-z0-9]", "", unit.lower())
    name = name.removesuffix(f"_{end}") if end else name
    text, shown = sentence(words(name)), pretty_unit(unit)
    return f"{text} ({shown})" if shown else text
