"""Errors of the package, in three parts: what was wrong, where, and what would be right."""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from immunoode.suggestions import SpellingWarning as SpellingWarning
from immunoode.suggestions import nearest as nearest

__all__ = [
    "DataError",
    "FileError",
    "FitError",
    "ImmunoodeError",
    "MissingPackageError",
    "ModelError",
    "OutOfBoundsWarning",
    "PopulationError",
    "Problem",
    "RegimenError",
    "SolveError",
    "SpellingWarning",
    "UnitError",
]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, what is wrong, and what would be right.

    Examples
    --------
    >>> import immunoode as imo
    >>> print(imo.errors.Problem("table, row 3", "time 'later' is not a number", "give days"))
    table, row 3: time 'later' is not a number; give days
    """

    where: str
    what: str
    right: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"; {self.right}" if self.right else "")


SHOWN = 20
"""A message lists up to this many problems one by one; if there are more, equal problems are listed once."""


def _lines(problems: tuple[Problem, ...]) -> list[str]:
    """Return the lines of a message about several problems, always including the first and the last."""
    if len(problems) <= SHOWN:
        return [str(p) for p in problems]
    alike = Counter((p.what, p.right) for p in problems)
    first = {(p.what, p.right): p for p in reversed(problems)}
    lines = [f"{first[kind]}" + (f" (and {n - 1} more like it)" if n > 1 else "") for kind, n in alike.items()]
    if len(lines) <= SHOWN:
        return lines
    return [*lines[: SHOWN - 1], f"and {len(lines) - SHOWN} more; all of them are in .problems", lines[-1]]


class ImmunoodeError(Exception):
    """Base class of the errors that this package raises on purpose.

    Parameters
    ----------
    problems : Problem or iterable of Problem
        Everything that was found, so that one run shows all that needs to be corrected.

    Examples
    --------
    >>> import immunoode as imo
    >>> try:
    ...     imo.Regimen().dose("pembrolizumab", "200 mg", every="3 furlongs", count=2)
    ... except imo.errors.ImmunoodeError as error:
    ...     print(type(error).__name__, len(error.problems))
    RegimenError 1
    """

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(self._text())

    @classmethod
    def raise_if(cls, problems: Iterable[Problem]) -> None:
        """Raise an error with all problems, if there are any.

        Parameters
        ----------
        problems : iterable of Problem
            What was found; nothing is raised if it is empty.

        Raises
        ------
        ImmunoodeError
            An error of the class that this is called on, if there is a problem.

        Examples
        --------
        >>> import immunoode as imo
        >>> imo.errors.DataError.raise_if([])
        """
        if found := tuple(problems):
            raise cls(found)

    def _text(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        return "\n".join([f"{len(self.problems)} problems:", *(f"  - {line}" for line in _lines(self.problems))])

    def __reduce__(self):  # type: ignore[no-untyped-def]  # errors cross process borders
        return type(self), (self.problems,)


class UnitError(ImmunoodeError, ValueError):
    """A unit that cannot be parsed, or a quantity of the wrong dimension.

    Examples
    --------
    >>> import immunoode as imo
    >>> try:
    ...     imo.simulate("ribba2022", until="3 mm")
    ... except imo.errors.UnitError as error:
    ...     print(error)
    until: unit 'mm': does not measure the same thing as 'day'; use a unit like 'day'
    """


class ModelError(ImmunoodeError, ValueError):
    """An invalid model, or models that cannot be combined.

    Examples
    --------
    >>> import immunoode as imo
    >>> try:
    ...     imo.load_model("tumor_imune")
    ... except imo.errors.ModelError as error:
    ...     print(error)
    model 'tumor_imune': is not a shipped model; did you mean 'tumour_immune' or 'tumour_immune_0_1' or 'mouse_tumour_immune'?
    """


class RegimenError(ImmunoodeError, ValueError):
    """An invalid dose or regimen.

    Examples
    --------
    >>> import immunoode as imo
    >>> try:
    ...     imo.Regimen().dose("pembrolizumab", "-200 mg")
    ... except imo.errors.RegimenError as error:
    ...     print(error)
    dose of pembrolizumab: amount '-200 mg': is negative; zero or more
    """


class DataError(ImmunoodeError, ValueError):
    """A data table that cannot be used as it is."""


class SolveError(ImmunoodeError, RuntimeError):
    """A simulation that cannot be set up or did not finish.

    Examples
    --------
    >>> import immunoode as imo
    >>> try:
    ...     imo.simulate("ribba2022", until="1 year", outputs=["volume"])
    ... except imo.errors.SolveError as error:
    ...     print(error)
    ribba2022: output 'volume': is not known; known: growing, shrinking, sum_of_diameters
    """


class FitError(ImmunoodeError, ValueError):
    """A fit that cannot be set up.

    Examples
    --------
    >>> import immunoode as imo
    >>> try:
    ...     imo.fit("ribba2022", imo.load_example(), vary=["groth_rate"])
    ... except imo.errors.FitError as error:
    ...     print(error)
    vary: 'groth_rate' is not a parameter of model 'ribba2022'; did you mean 'growth_rate'?
    """


class PopulationError(ImmunoodeError, ValueError):
    """An invalid distribution of patients, or one that cannot be used for a model.

    Examples
    --------
    >>> import immunoode as imo
    >>> try:
    ...     imo.virtual_population.Normal(1.0, -0.1)
    ... except imo.errors.PopulationError as error:
    ...     print(error)
    sd: is -0.1; a number above zero
    """


class FileError(ImmunoodeError, OSError):
    """A file that cannot be written, or that exists and must not be overwritten.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import immunoode as imo
    >>> path = imo.save_model(imo.load_model("ribba2022"), Path(tempfile.mkdtemp()) / "own.toml")
    >>> try:
    ...     imo.save_model(imo.load_model("ribba2022"), path, overwrite=False)
    ... except imo.errors.FileError as error:
    ...     print(str(error).split("own.toml")[-1])
    : already exists; overwrite=True replaces it; or another name
    """


class MissingPackageError(ImmunoodeError, ImportError):
    """A package that only some parts need, and that is not installed; the message says how to install it.

    Examples
    --------
    >>> import immunoode as imo
    >>> problem = imo.errors.Problem("SBML", "needs python-libsbml", "pip install python-libsbml")
    >>> print(imo.errors.MissingPackageError(problem))
    SBML: needs python-libsbml; pip install python-libsbml
    """


class OutOfBoundsWarning(UserWarning):
    """Values outside the bounds that a model states for its parameters; they are used nevertheless.

    Examples
    --------
    >>> import warnings
    >>> import immunoode as imo
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     run = imo.simulate("ribba2022", until="1 day", parameters={"growth_rate": 50.0})
    >>> [type(warning.message).__name__ for warning in caught]
    ['OutOfBoundsWarning']
    """


def callers_level() -> int:
    """Return the `stacklevel` of the first frame outside this package, for `warnings.warn` in the calling function."""
    package, level, frame = __name__.partition(".")[0], 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame, level = frame.f_back, level + 1
    return level


def warn_of_former(former: str, now: str) -> None:
    """Warn that an argument has another name or form now; the former one works until version 0.2."""
    text = f"{former} is now {now}; the former one will be removed in version 0.2"
    warnings.warn(text, FutureWarning, stacklevel=callers_level())


P = ParamSpec("P")
R = TypeVar("R")


def renamed_arguments(**present: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function whose keywords had other names: `level="confidence"`. The former ones work with a warning."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def called(*args: P.args, **options: P.kwargs) -> R:
            for former in present.keys() & options.keys():
                name, now = function.__qualname__, present[former]
                if now in options:
                    raise ImmunoodeError(Problem(f"{name}({former}=)", f"is given together with {now}=", f"{now}= alone"))
                warn_of_former(f"{name}({former}=)", f"{name}({now}=)")
                options[now] = options.pop(former)
            return function(*args, **options)

        called.former_arguments = present  # type: ignore[attr-defined]  # for the list of what changed
        return called

    return decorate


def renamed(former: str, now: str) -> property:
    """Return a property for the former name of an attribute; it returns the attribute with a warning.

    The warning is a FutureWarning, because Python shows a DeprecationWarning only for code in `__main__`.
    """

    def get(self: Any) -> Any:
        """Return the attribute, with a warning."""
        kind = type(self).__name__
        warnings.warn(
            f"{kind}.{former} is now {kind}.{now}; the former name will be removed in version 0.2", FutureWarning, stacklevel=2
        )
        return getattr(self, now)

    get.now = now  # type: ignore[attr-defined]  # for the list of what changed
    return property(get, doc=f"The former name of `{now}`.")
