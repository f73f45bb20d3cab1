"""Colours that the colour-blind can distinguish, with dash patterns and hatches so that figures can be printed in grey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours."""
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.6)),
    (0, (5, 1.4, 1.2, 1.4)),
    (0, (1.2, 1.2)),
    (0, (9, 2)),
    (0, (4, 1.2, 1.2, 1.2, 1.2, 1.2)),
    (0, (2.5, 1.2)),
)
"""The dashes that belong to the colours."""
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "----", "++++")
"""The hatches that belong to the colours, of bars."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""The markers that belong to the colours."""
GREY = "0.45"


def colour(index: int) -> str:
    """Return the colour of the index-th line."""
    return COLOURS[index % len(COLOURS)]


def line(index: int) -> dict[str, Any]:
    """Return colour and dashes of the index-th line; beyond seven lines, the colours come again with other dashes."""
    around = index // len(COLOURS)
    return {"color": colour(index), "linestyle": DASHES[(index + around) % len(DASHES)]}


def hatch(index: int) -> str:
    """Return the hatch of the index-th bar; beyond seven bars, the colours come again with other hatches."""
    return HATCHES[(index + index // len(COLOURS)) % len(HATCHES)]


def marker(index: int) -> str:
    """Return the marker of the index-th series of points."""
    return MARKERS[index % len(MARKERS)]


def arm_colours(arms: Sequence[str]) -> dict[str, str]:
    """Return one colour per arm, in order."""
    return {arm: colour(k) for k, arm in enumerate(dict.fromkeys(arms))}


def arm_lines(arms: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return colour and dashes of each arm, in order."""
    return {arm: line(k) for k, arm in enumerate(dict.fromkeys(arms))}
