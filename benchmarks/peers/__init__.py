"""Other tools that solve the same problems. One file a tool; each has one function that returns a list of `Entry`.

A tool that is not installed raises ImportError (OSError for a missing compiler), and `collect` leaves it out with a line that
says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from tools.problem import Problem


@dataclass(frozen=True)
class Entry:
    """One tool with one method, ready to run: `run()` solves the problem and returns its values, (T, n).

    `patients` is how many equal patients a run solves; times are divided by it.
    """

    name: str
    run: Callable[[], np.ndarray]
    note: str = ""
    patients: int = 1


def collect(problem: Problem, modules: Sequence[str]) -> list[Entry]:
    """Return the entries of the tools that are installed."""
    found: list[Entry] = []
    for name in modules:
        try:
            found += import_module(f"peers.{name}").entries(problem)
        except (ImportError, OSError) as error:
            print(f"{name}: left out, not installed ({error})")
    return found
