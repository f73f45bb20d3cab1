"""Errors in three parts: what was wrong, where, and what would be right."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "DataError",
    "FileError",
    "FitError",
    "ImmunoodeError",
    "ModelError",
    "OutOfBoundsWarning",
    "Problem",
    "RegimenError",
    "SolveError",
    "UnitError",
]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: its place, what it is, and what would be right."""

    where: str
    what: str
    right: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"; {self.right}" if self.right else "")


SHOWN = 20
"""Up to so many problems a message tells each; of more it tells those that are alike once."""


def _lines(problems: tuple[Problem, ...]) -> list[str]:
    """Return the lines of a message about several problems: the first and the last always among them."""
    if len(problems) <= SHOWN:
        return [str(p) for p in problems]
    alike = Counter((p.what, p.right) for p in problems)
    first = {(p.what, p.right): p for p in reversed(problems)}
    lines = [f"{first[kind]}" + (f" (and {n - 1} more like it)" if n > 1 else "") for kind, n in alike.items()]
    if len(lines) <= SHOWN:
        return lines
    return [*lines[: SHOWN - 1], f"and {len(lines) - SHOWN} more: all of them are in .problems", lines[-1]]


class ImmunoodeError(Exception):
    """Base of every error this package raises on purpose.

    Parameters
    ----------
    problems : Problem or iterable of Problem
        Everything that was found, so that one run shows all there is to mend.
    """

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(self._text())

    def _text(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        return "\n".join([f"{len(self.problems)} problems:", *(f"  - {line}" for line in _lines(self.problems))])

    def __reduce__(self):  # type: ignore[no-untyped-def]  # errors cross process borders
        return type(self), (self.problems,)


class UnitError(ImmunoodeError, ValueError):
    """A unit that cannot be read, or a quantity of the wrong dimension."""


class ModelError(ImmunoodeError, ValueError):
    """A model that is not well formed, or models that do not combine."""


class RegimenError(ImmunoodeError, ValueError):
    """A dose or regimen that makes no sense."""


class DataError(ImmunoodeError, ValueError):
    """A data table that cannot be used as it is."""


class SolveError(ImmunoodeError, RuntimeError):
    """A simulation that cannot be set up or did not finish."""


class FitError(ImmunoodeError, ValueError):
    """A fit that cannot be set up."""


class FileError(ImmunoodeError, OSError):
    """A file that cannot be written, or is there already and is not to be replaced."""


class OutOfBoundsWarning(UserWarning):
    """Values outside the bounds that a model states for its parameters; they are used as they are."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return advice that names the nearest known names, or lists them all.

    Examples
    --------
    >>> nearest("clearence", ["clearance", "volume"])
    "did you mean 'clearance'?"
    """
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(c) for c in close) + "?"
    if not names:
        return "there are none here"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"known: {shown}"
