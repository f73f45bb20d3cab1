"""What was seen and not measured: words in the place of a number, kept beside the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

NOT_EVALUABLE, TOO_SMALL = "not evaluable", "too small to measure"
WORDS = {
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
"""How findings are written, in any case of letters, and what we call them."""


def as_finding(words: pd.Series) -> pd.Series:
    """Return what words say in ours; "" where they are none that we know."""
    return words.str.lower().str.strip().map(WORDS).fillna("")
