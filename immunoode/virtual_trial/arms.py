"""The arms of a simulated trial: treatment, allocation ratio, and changes at progression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from immunoode.errors import DataError, Problem, nearest
from immunoode.number_checks import is_whole
from immunoode.regimen.library import load_regimen
from immunoode.regimen.regimen import Regimen


@dataclass(frozen=True)
class TrialArm:
    """An arm of a trial.

    Attributes
    ----------
    regimen : Regimen, str or None
        A regimen, the name of one in the library, or None for no treatment.
    ratio : int
        The number of subjects of this arm per block of the randomisation.
    until_progression : bool
        Whether the regimen ends at progression.
    crossover : Regimen, str or None
        The treatment that begins at progression, when the arm's own regimen ends: a regimen, the name of an arm of the trial,
        or the name of a regimen in the library.
    crossover_share : float
        Proportion of the subjects with progression who cross over; the others stop or continue according to
        `until_progression`.

    Raises
    ------
    DataError

    Examples
    --------
    >>> import immunoode as imo
    >>> arm = imo.virtual_trial.TrialArm("pembrolizumab_3_weekly", ratio=2, until_progression=True)
    >>> arm.ratio, arm.until_progression
    (2, True)
    """

    regimen: Regimen | str | None = None
    ratio: int = 1
    until_progression: bool = False
    crossover: Regimen | str | None = None
    crossover_share: float = 1.0

    def __post_init__(self) -> None:
        problems = []
        for name in ("regimen", "crossover"):
            given = getattr(self, name)
            if not isinstance(given, Regimen | str | None):
                problems.append(Problem(name, f"is {type(given).__name__}", "a Regimen, the name of one, or None"))
        if not is_whole(self.ratio, 1):
            problems.append(Problem("ratio", f"is {self.ratio!r}", "a whole number above zero: 1, or 2 for twice as many"))
        if not 0 < self.crossover_share <= 1:
            problems.append(Problem("crossover_share", f"is {self.crossover_share}", "a proportion above 0 and at most 1"))
        DataError.raise_if(problems)

    @property
    def changes(self) -> bool:
        """Whether the treatment changes at progression."""
        return self.until_progression or self.crossover is not None

    def treatment(self) -> Regimen:
        """Return the regimen, empty for no treatment."""
        return _regimen(self.regimen, {})

    def after_progression(self, day: float, crosses_over: bool, arms: Mapping[str, TrialArm]) -> Regimen:
        """Return the regimen of a subject whose treatment changes on a day."""
        own = self.treatment()
        if crosses_over and self.crossover is not None:
            return own.before(day) + _regimen(self.crossover, arms).shift(day)
        return own.before(day) if self.until_progression else own


def as_arms(given: Any) -> dict[str, TrialArm]:
    """Return arms by name.

    Raises
    ------
    DataError
        If there are no arms, or one is neither a regimen nor an arm, or a name is not known.
    """
    if not isinstance(given, Mapping) or not given:
        right = "a mapping of the name of each arm to its regimen, or to a TrialArm"
        raise DataError(Problem("arms", "are empty" if isinstance(given, Mapping) else f"are {type(given).__name__}", right))
    arms, problems = dict[str, TrialArm](), list[Problem]()
    for name, arm in given.items():
        try:
            arms[str(name)] = arm if isinstance(arm, TrialArm) else TrialArm(arm)
        except DataError as error:
            problems += [Problem(f"arm {name!r}", p.what, p.right) for p in error.problems]
    for name, one in arms.items():
        if isinstance(one.crossover, str) and one.crossover == name:
            problems.append(Problem(f"arm {name!r}", "crosses over to itself", "another arm"))
    DataError.raise_if(problems)
    for one in arms.values():
        one.treatment()
        _regimen(one.crossover, arms)
    return arms


def _regimen(given: Regimen | str | None, arms: Mapping[str, TrialArm]) -> Regimen:
    if given is None:
        return Regimen()
    if isinstance(given, Regimen):
        return given
    return arms[given].treatment() if given in arms else load_regimen(given)


def arm_named(name: str | None, arms: Mapping[str, TrialArm], where: str) -> str:
    """Return the name of an arm, by default the first one.

    Raises
    ------
    DataError
        If there is no such arm.
    """
    if name is not None and name not in arms:
        raise DataError(Problem(where, f"{name!r} is not an arm", nearest(name, arms)))
    return name if name is not None else next(iter(arms))
