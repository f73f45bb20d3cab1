"""Figures of the benchmarks: colours that colour-blind readers tell apart (Okabe and Ito), one for each tool everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tools.results import FOLDER

COLOURS = {
    "immunoode": "#D55E00",
    "the same method in C": "#000000",
    "pydiffsol": "#0072B2",
    "diffrax": "#009E73",
    "libRoadRunner": "#CC79A7",
    "CasADi": "#56B4E9",
    "SciPy": "#E69F00",
}
_OTHER = "#777777"


def colour(name: str) -> str:
    """Return the colour of a tool by what its name begins with."""
    found = [c for key, c in COLOURS.items() if name.startswith(key)]
    return found[0] if found else _OTHER


def dots(file: str, names: Sequence[str], values: Sequence[float], label: str, title: str) -> None:
    """Draw a dot for each tool over a logarithmic axis, the fastest on top, each with its value."""
    import matplotlib.pyplot as plt

    order = sorted(range(len(names)), key=lambda i: -values[i])
    figure, axes = plt.subplots(figsize=(8, 0.36 * len(names) + 1.3), layout="constrained")
    axes.hlines(range(len(order)), 0.5 * min(values), [values[i] for i in order], color="#dddddd", lw=1, zorder=0)
    for place, i in enumerate(order):
        axes.plot(values[i], place, "o", color=colour(names[i]), ms=8)
        axes.annotate(f"{values[i]:.3g}", (values[i], place), (9, 0), textcoords="offset points", va="center")
    axes.set(xscale="log", xlabel=label, yticks=range(len(order)), yticklabels=[names[i] for i in order])
    axes.set_title(title, loc="left")
    axes.set_xlim(0.5 * min(values), 3 * max(values))
    plain(axes)
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, file)


def plain(axes: Any) -> None:
    """Write the ticks of a logarithmic horizontal axis as plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def save(figure: Any, file: str) -> None:
    """Write a figure beside the page."""
    import matplotlib.pyplot as plt

    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / file, dpi=140)
    plt.close(figure)
