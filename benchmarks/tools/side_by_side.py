"""Time and error of all tools on one problem, in one table and one figure."""

from __future__ import annotations

from collections.abc import Sequence

from peers import Entry

from tools import figures
from tools.accuracy import error, reference
from tools.problem import Problem
from tools.results import milliseconds, show, writing
from tools.timing import times

COLUMNS = ("tool", "ms per patient-year", "relative to immunoode", "error", "")


def compare(name: str, title: str, text: str, problem: Problem, entries: Sequence[Entry], rounds: int) -> None:
    """Time the tools in turns; the first entry is what the others are compared with."""
    exact = reference(problem)
    errors = [error(entry.run(), exact) for entry in entries]
    seconds = times(entries, rounds)
    found = zip(entries, seconds, errors, strict=True)
    rows = [(e.name, milliseconds(t), _ratio(t / seconds[0]), f"{wrong:.1e}", e.note) for e, t, wrong in found]
    file, label = f"{name}.png", "milliseconds per patient-year, one thread"
    if writing():
        figures.dots(file, [e.name for e in entries], [1e3 * t for t in seconds], label, title)
    show(name, title, text, COLUMNS, rows, figures=[(file, f"{title}: {label}, for each tool")])


def _ratio(value: float) -> str:
    return f"{value:.2f} x" if value < 10 else f"{value:.0f} x"
