"""What figures share: colours that the colour-blind can tell apart, labels with units, time axes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import wraps
from textwrap import fill
from typing import Any, ParamSpec, TypeVar

from numpy.typing import ArrayLike

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours."""
STYLES = ("-", "--", "-.", ":")
WEEK, MONTH = 7.0, 30.4375
_PRINTED = (("pd1", "PD-1"), ("pdl1", "PD-L1"), ("ctla4", "CTLA-4"), ("car t", "CAR-T"), ("t cell", "T cell"), ("il2", "IL-2"))


P = ParamSpec("P")
R = TypeVar("R")
_POWERS = re.compile(r"[\d.]*×?\$(\\mathdefault\{)?[-−\d.]*(\\times)?[-−\d.]*(\^\{[-−\d.]*\})?\}?\$.*")
"""Powers of ten, the only mathematics in a figure."""


def names_as_text(draw: Callable[P, R]) -> Callable[P, R]:
    """Let a function that draws take dollar signs in names of arms, subjects and models for what they are."""

    @wraps(draw)
    def drawn(*args: P.args, **how: P.kwargs) -> R:
        from matplotlib.text import Text

        made = draw(*args, **how)
        for figure in {id(f): f for f in _figures(made)}.values():
            for text in figure.findobj(Text):
                if "$" in text.get_text() and not _POWERS.fullmatch(text.get_text()):
                    text.set_parse_math(False)
        return made

    return drawn


def _figures(made: Any) -> Iterable[Any]:
    """Return the figures of what a function that draws gives: axes, arrays and tables of them, or a figure."""
    if isinstance(made, str):
        return []
    if hasattr(made, "savefig"):
        return [made]
    if hasattr(made, "get_figure"):
        return [made.get_figure()]
    parts = made.values() if isinstance(made, dict) else made.flat if hasattr(made, "flat") else made
    return [figure for part in parts for figure in _figures(part)] if hasattr(parts, "__iter__") else []


def colour(index: int) -> str:
    """Return the colour of the index-th line."""
    return COLOURS[index % len(COLOURS)]


def line(index: int) -> dict[str, str]:
    """Return colour and dashes of the index-th line: dashes change once the colours are used up."""
    return {"color": colour(index), "linestyle": STYLES[index // len(COLOURS) % len(STYLES)]}


def words(name: str) -> str:
    """Return a name as words: sum_of_diameters -> sum of diameters, pd1_occupancy -> PD-1 occupancy."""
    text = name.replace("_", " ")
    for plain, printed in _PRINTED:
        text = re.sub(rf"\b{plain}\b", printed, text)
    return text


def wrapped(text: str, width: int = 20) -> str:
    """Return a text in lines that fit beside a small panel."""
    return fill(text, width)


def pretty_unit(unit: str) -> str:
    """Return a unit as it is printed on an axis; "" for a plain number."""
    return "" if unit in ("1", "") else unit.replace("**", "^").replace("^3", "³").replace("^2", "²").replace("*", "·")


def label(name: str, unit: str) -> str:
    """Return an axis label: words and the unit in brackets."""
    text, shown = words(name), pretty_unit(unit)
    return f"{text} ({shown})" if shown else text


def time_axis(axes: Any, first: float, last: float) -> None:
    """Label a time axis in days, with ticks at whole weeks or months where the span is long."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

    span = last - first
    axes.set_xlim(first, last)
    if span <= 8 * WEEK:
        axes.set_xlabel("time (days)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return
    unit, name = (WEEK, "weeks") if span <= 60 * WEEK else (MONTH, "months")
    number = span / unit
    every = next(e for e in (1, 2, 3, 4, 6, 8, 12, 13, 26, 52, 104, 10**6) if number / e <= 9)
    start = int(first // (unit * every)) * every
    ticks = [k * unit for k in range(start, int(last // unit) + 1, every) if k * unit >= first - 1e-9]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda day, _: f"{day / unit:.0f}"))
    axes.set_xlabel(f"time ({name})")


def new_axes(axes: Any, size: tuple[float, float] = (6.4, 4.0)) -> Any:
    """Return the axes given, else those of a new figure."""
    if axes is not None:
        return axes
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def outside_legend(axes: Any, many: int = 4, **options: Any) -> None:
    """Place the legend where it hides nothing: inside for a few short entries, beside the axes for more."""
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    if len(labels) <= many and max(map(len, labels)) <= 28:
        axes.legend(fontsize="small", frameon=True, framealpha=0.8, loc="best", **options)
    else:
        axes.legend(fontsize="small", frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0), **options)


def wide_range(values: ArrayLike) -> bool:
    """Return whether positive values span so much that only a logarithmic axis shows them."""
    import numpy as np

    given = np.asarray(values, dtype=float)
    positive = given[np.isfinite(given) & (given > 0)]
    return bool(positive.size) and bool(np.percentile(positive, 99) > 1e3 * np.percentile(positive, 1))
