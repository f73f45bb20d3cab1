"""Time and error of all tools on one problem, in one table and one figure."""

from __future__ import annotations

from collections.abc import Sequence

from peers import Entry
from tools import figures
from tools.accuracy import error, reference
from tools.problem import Problem
from tools.results import milliseconds, show, writing
from tools.timing import times

COLUMNS = ("tool", "ms a patient-year", "relative to immunoode", "error", "")


def compare(name: str, title: str, text: str, problem: Problem, entries: Sequence[Entry], rounds: int, closing: str = "") -> None:
    """Time the tools in turns; the first entry is what the others are compared with."""
    exact = reference(problem)
    errors = [error(entry.run(), exact) for entry in entries]
    found = times(entries, rounds)
    rows = [
        (e.name, milliseconds(t), f"{t / found[0]:.2g} x" if t < 10 * found[0] else f"{t / found[0]:.0f} x", f"{wrong:.1e}", e.note)
        for e, t, wrong in zip(entries, found, errors, strict=True)
    ]
    file = f"{name}.png"
    if writing():
        figures.bars(file, [e.name for e in entries], [1e3 * t for t in found], "milliseconds a patient-year, one thread", title)
    show(name, title, text, COLUMNS, rows, closing, [(file, f"{title}: bars of milliseconds a patient-year for each tool")])
