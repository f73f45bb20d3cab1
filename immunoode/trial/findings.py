"""Findings: observations that are stated in words instead of a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

NOT_EVALUABLE, TOO_SMALL = "not evaluable", "too small to measure"
SYNONYMS = {
    "ne": NOT_EVALUABLE,
    NOT_EVALUABLE: NOT_EVALUABLE,
    "not evaluated": NOT_EVALUABLE,
    "unevaluable": NOT_EVALUABLE,
    "not assessed": NOT_EVALUABLE,
    "not done": NOT_EVALUABLE,
    "nd": NOT_EVALUABLE,
    TOO_SMALL: TOO_SMALL,
    "absent": "absent",
    "disappeared": "absent",
    "resolved": "absent",
    "present": "present",
    "stable": "present",
    "non-cr/non-pd": "present",
    "unequivocal progression": "unequivocal progression",
    "unequivocal": "unequivocal progression",
    "new": "new",
}
"""Spellings of findings, in lower case, and the standard terms for them."""


def standard_finding(words: pd.Series) -> pd.Series:
    """Map findings in free text to the standard terms; "" if a text is not recognised."""
    return words.str.lower().str.strip().map(SYNONYMS).fillna("")
