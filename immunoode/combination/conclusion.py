"""One sentence with the conclusion from the null models at one time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

SAME = 1e-9
"""Without limits, indices this close to 1 count as 1."""


def conclusion(table: pd.DataFrame, drugs: str, when: str, limits: bool) -> str:
    """Return the conclusion: the null models for which the index is below, above or at 1.

    Parameters
    ----------
    table : DataFrame
        One row per null: null, index, index_lower, index_upper.
    drugs, when : str
    limits : bool
        Whether the index has limits. If so, a null model is exceeded only if the whole interval is below 1.
    """
    found: dict[str, list[str]] = {"more": [], "less": [], "as much": [], "unknown": []}
    for row in table.to_dict("records"):
        found[_side(row, limits)].append(str(row["null"]))
    said = [
        f"{word} than {_joined(found[key])} {_verb(found[key])}"
        for key, word in (("more", "more"), ("less", "less"))
        if found[key]
    ]
    said += [f"neither more nor less than {_joined(found['as much'])} {_verb(found['as much'])}"] if found["as much"] else []
    text = f"{drugs} does " + ", ".join(said) if said else f"Nothing can be concluded about {drugs}"
    only = "" if limits else " (from the model alone, as no uncertainty was given)"
    missing = f"; {_joined(found['unknown'])} cannot be computed at that time" if found["unknown"] else ""
    return f"{text}{missing}{f' {when}' if when else ''}{only}."


def _side(row: dict[str, float], limits: bool) -> str:
    index = row["index"]
    if index != index:
        return "unknown"
    low, high = (row["index_lower"], row["index_upper"]) if limits else (np.nan, np.nan)
    if np.isnan(low):  # nothing varies, or the null model has no limits
        low, high = index - SAME, index + SAME
    return "more" if high < 1 else "less" if low > 1 else "as much"


def _joined(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _verb(names: list[str]) -> str:
    return "expects" if len(names) == 1 else "expect"
