"""Figures of the benchmarks: colours that colour-blind readers tell apart (Okabe and Ito), one for each tool everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tools.results import FOLDER

COLOURS = {
    "immunoode": "#D55E00",
    "C": "#000000",
    "pydiffsol": "#0072B2",
    "diffrax": "#009E73",
    "libRoadRunner": "#CC79A7",
    "CasADi": "#56B4E9",
    "SciPy": "#E69F00",
}
_OTHER = "#777777"


def colour(name: str) -> str:
    """Return the colour of a tool by what its name begins or ends with."""
    found = [c for key, c in COLOURS.items() if name.startswith(key) or name.endswith(f" {key}")]
    return found[0] if found else _OTHER


def bars(file: str, names: Sequence[str], values: Sequence[float], label: str, title: str) -> None:
    """Draw horizontal bars over a logarithmic axis, shortest on top, each with its value."""
    import matplotlib.pyplot as plt

    order = sorted(range(len(names)), key=lambda i: -values[i])
    figure, axes = plt.subplots(figsize=(8, 0.42 * len(names) + 1.2), layout="constrained")
    drawn = axes.barh([names[i] for i in order], [values[i] for i in order], color=[colour(names[i]) for i in order])
    axes.bar_label(drawn, [f"{values[i]:.3g}" for i in order], padding=4)
    axes.set(xscale="log", xlabel=label, title=title)
    axes.set_xlim(0.5 * min(values), 2.5 * max(values))
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, file)


def save(figure: Any, file: str) -> None:
    """Write a figure beside the page."""
    import matplotlib.pyplot as plt

    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / file, dpi=140)
    plt.close(figure)
