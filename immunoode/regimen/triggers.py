"""Triggers: conditions on the state that change the treatment, such as to stop at progression or to treat again at relapse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from immunoode import units
from immunoode.errors import Problem, RegimenError, UnitError, nearest
from immunoode.number_checks import is_finite

BASELINE, NADIR = "baseline", "nadir"
STOP, HOLD = "stop", "hold"


@dataclass(frozen=True)
class Trigger:
    """A condition on a quantity of the model, when it is checked, and what follows if it holds.

    Attributes
    ----------
    quantity : str
        An output of a model.
    above : bool
        Whether the condition is "at or above the limit"; otherwise it is "at or below".
    limit : float
        In the quantity's unit, or a multiple of the reference if there is one.
    of : str
        The reference: "baseline", the value at the start of the simulation, "nadir", the smallest value so far, or "".
    by : float
        The smallest distance from the reference, in the quantity's unit.
    factor : float
        Factor for later doses; 0 omits them.
    lasting : bool
        Whether the effect is permanent; otherwise it ends at the first check that no longer finds the condition.
    until : float, optional
        The limit at which an effect that is not permanent ends, if it is not the one at which it begins.
    therapies : tuple of str
        The therapies whose doses are affected; empty for all that the regimen gives.
    every, since : float
        Days between visits (0 for continuous checks), and the day of the first visit.
    course : object, optional
        A regimen (in a schedule: a Schedule) that begins when the condition is first found.
    """

    quantity: str
    above: bool
    limit: float
    of: str = ""
    by: float = 0.0
    factor: float = 1.0
    lasting: bool = True
    therapies: tuple[str, ...] = ()
    every: float = 0.0
    since: float = 0.0
    course: Any = field(default=None, compare=False)
    until: float | None = None

    def __str__(self) -> str:
        number = f"{self.limit:g}" + (f" x {self.of}" if self.of else "")
        excess = f" and {self.by:g} from it" if self.by else ""
        end = "" if self.until is None else f" until {self.until:g}" + (f" x {self.of}" if self.of else "")
        whom = ", ".join(self.therapies) or "its therapies"
        dosed = f"{whom} x {self.factor:g}" + ("" if self.lasting else f", held{end}")
        then = "a further course" if self.course is not None else dosed
        seen = f"every {self.every:g} days from day {self.since:g}" if self.every else "continuously"
        return f"{self.quantity} at {'or above' if self.above else 'or below'} {number}{excess}, {seen}: {then}"


def trigger(
    quantity: str,
    above: float | None,
    below: float | None,
    of: str,
    by: float,
    then: Any,
    therapies: str | Iterable[str],
    every: str | float | None,
    start: str | float,
    until: float | None,
    regimen_type: type,
) -> Trigger:
    """Return a checked trigger; see `Regimen.when`.

    Raises
    ------
    RegimenError
        With everything that is wrong.
    """
    where, problems = f"when {quantity!r}", list[Problem]()
    if not (isinstance(quantity, str) and quantity.isidentifier()):
        problems.append(Problem(where, "is not the name of a quantity", "an output of the model, such as 'sum_of_diameters'"))
    if (above is None) == (below is None):
        which = "both" if above is not None else "neither"
        problems.append(Problem(where, f"has {which} of above and below", "one of them"))
    if of not in ("", BASELINE, NADIR):
        problems.append(Problem(f"{where}: of={of!r}", "is not a reference", nearest(str(of), (BASELINE, NADIR))))
    numbers = {"above": above, "below": below, "by": by, "until": until}
    problems += [
        Problem(f"{where}: {name}={value!r}", "is not a number", "a finite number")
        for name, value in numbers.items()
        if value is not None and not is_finite(value)
    ]
    if by and not of:
        problems.append(Problem(f"{where}: by={by!r}", "needs a reference", "of='nadir' or of='baseline'"))
    days = {name: _days(where, name, value, problems) for name, value in (("every", every or 0.0), ("start", start))}
    if every is not None and not days["every"] > 0:
        problems.append(
            Problem(
                f"{where}: every={every!r}",
                "is not a time between visits",
                "for example '6 weeks', or None for continuous checks",
            )
        )
    factor, lasting, course = 1.0, True, None
    if isinstance(then, regimen_type):
        course = then
    elif then in (STOP, HOLD):
        factor, lasting = 0.0, then == STOP
    elif is_finite(then) and then >= 0:
        factor = float(then)
    else:
        right = "'stop', 'hold', a factor for later doses, or a Regimen that begins at that time"
        problems.append(Problem(f"{where}: then={then!r}", "is not known", right))
    problems += _end_problems(where, above, below, then, until)
    names = (therapies,) if isinstance(therapies, str) else tuple(therapies)
    RegimenError.raise_if(problems)
    limit = float(above if above is not None else below)  # type: ignore[arg-type]
    end = None if until is None else float(until)
    return Trigger(
        quantity, above is not None, limit, of, float(by), factor, lasting, names, days["every"], days["start"], course, end
    )


def _end_problems(where: str, above: Any, below: Any, then: Any, until: Any) -> list[Problem]:
    """Return what is wrong with the limit at which doses are given again."""
    if until is None or not is_finite(until):
        return []
    if then != HOLD:
        return [Problem(f"{where}: until={until!r}", f"does not go with then={then!r}", "then='hold', which can end")]
    if is_finite(below) and until < below:
        return [
            Problem(f"{where}: until={until!r}", f"is below the limit {below!r}", "a limit at or above it, where doses resume")
        ]
    if is_finite(above) and until > above:
        return [
            Problem(f"{where}: until={until!r}", f"is above the limit {above!r}", "a limit at or below it, where doses resume")
        ]
    return []


def _days(where: str, name: str, value: str | float, problems: list[Problem]) -> float:
    try:
        return units.days(value)
    except (UnitError, TypeError, ValueError):
        problems.append(Problem(f"{where}: {name}={value!r}", "is not a time", "'6 weeks', or days"))
        return 0.0
