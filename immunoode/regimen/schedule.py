"""The flat schedule of one patient: what a regimen becomes once weight and surface area are known."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, RegimenError, nearest
from immunoode.regimen.reactions import Reaction

FloatArray = NDArray[np.float64]
DOSE, REPLACE, MULTIPLY, RESET, SET = "dose", "replace", "multiply", "reset", "set"
ACTIONS = (DOSE, REPLACE, MULTIPLY, RESET, SET)
"""What a row does; the words of `Schedule.actions`."""


def _none() -> FloatArray:
    return np.zeros(0)


@dataclass(frozen=True, eq=False)
class Schedule:
    """What is done to one patient, sorted by time; rows of one time are carried out in the order given.

    Times are nominal: a lag and the bioavailability are the model's, which has them as expressions of its inputs.

    Attributes
    ----------
    times : ndarray, shape (n,)
        Days.
    inputs : tuple of str, length n
        Names of a model's inputs; of a parameter where the action is "set"; "" where it is "reset".
    amounts : ndarray, shape (n,)
        In each input's unit ("dose", "replace"), a factor ("multiply"), the value of the parameter in its unit ("set");
        0 for "reset". A rate, in the input's unit a day, where `steady` is infinite.
    durations : ndarray, shape (n,)
        Days; 0 is a bolus. 0 for all actions but "dose"; infinite where `steady` is.
    actions : tuple of str, length n
        - "dose": the amount arrives, at once or over the duration.
        - "replace": the input's compartment is set to the amount, after bioavailability.
        - "multiply": the input's compartment is multiplied by the amount.
        - "reset": all compartments get their initial values again, and infusions stop.
        - "set": the parameter, a covariate that changes in time, has the amount for its value from then on.

        Left out: all are doses.
    steady : ndarray, shape (n,)
        Days between the doses of a steady state, 0 for none. Where it is positive, the compartments that exchange matter
        with the dosed one are first brought to the steady state of this dose repeated at that interval (as it is just
        before the next dose), then the dose is given. Where it is infinite, to the steady state of an infusion at the
        constant rate `amounts`, which then ends. Left out: no row.
    reactions : tuple of Reaction
        What is done when the patient's state says so; a course in one is a Schedule, from day 0 of its own.

    Raises
    ------
    RegimenError
        With everything that is wrong: columns of different lengths, numbers that are not finite, unknown actions.

    Examples
    --------
    >>> import immunoode as imo
    >>> schedule = imo.Schedule([21, 0], ("pembrolizumab", "pembrolizumab"), [200, 400], [0, 0])
    >>> schedule.times.tolist(), schedule.amounts.tolist(), schedule.actions
    ([0.0, 21.0], [400.0, 200.0], ('dose', 'dose'))
    """

    times: FloatArray
    inputs: tuple[str, ...]
    amounts: FloatArray
    durations: FloatArray
    actions: tuple[str, ...] = ()
    steady: FloatArray = field(default_factory=_none)
    reactions: tuple[Reaction, ...] = ()

    def __post_init__(self) -> None:
        columns = _columns(self)
        rows = zip(*(column.tolist() if isinstance(column, np.ndarray) else column for column in columns.values()), strict=True)
        problems = [problem for k, row in enumerate(rows) for problem in _row_problems(f"schedule, row {k}", *row)]
        if problems:
            raise RegimenError(problems)
        order = np.argsort(columns["times"], kind="stable")
        for name, column in columns.items():
            kept = column[order] if isinstance(column, np.ndarray) else tuple(column[k] for k in order)
            object.__setattr__(self, name, kept)

    def __eq__(self, other: object) -> bool:
        """Return whether both do the same at the same times, to the last digit."""
        return self._values == other._values if isinstance(other, Schedule) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values)

    @property
    def _values(self) -> tuple[Any, ...]:
        numbers = (self.times, self.amounts, self.durations, self.steady)
        courses = tuple(r.course for r in self.reactions)
        return (self.inputs, self.actions, self.reactions, courses, *(tuple(column.tolist()) for column in numbers))


def _columns(schedule: Schedule) -> dict[str, Any]:
    """Return the columns in full, in the order of the fields.

    Raises
    ------
    RegimenError
        If they are not columns of one length.
    """
    names = ("times", "inputs", "amounts", "durations", "actions", "steady")
    problems, columns = list[Problem](), dict[str, Any]()
    for name in names:
        try:
            columns[name] = _column(name, getattr(schedule, name))
        except (TypeError, ValueError):
            right = "a number for each row" if name not in ("inputs", "actions") else "a name for each row"
            problems.append(Problem(f"schedule: {name}", "is not a column", right))
    rows = len(columns.get("times", ()))
    defaults = {"actions": (DOSE,) * rows, "steady": np.zeros(rows)}
    columns |= {name: default for name, default in defaults.items() if name in columns and not len(columns[name])}
    if "times" in columns:
        problems += [
            Problem(f"schedule: {name}", f"has {len(column)} rows where times has {rows}", "one for each row")
            for name, column in columns.items()
            if len(column) != rows
        ]
    if problems:
        raise RegimenError(problems)
    return columns


def _column(name: str, values: Any) -> Any:
    """Return names as a tuple, numbers as a new array."""
    if name in ("inputs", "actions"):
        if isinstance(values, str):
            raise TypeError("a text is not a column of names")
        return tuple(values)
    column = np.array(values, dtype=float)
    if column.ndim != 1:
        raise ValueError("not one-dimensional")
    return column


def _row_problems(
    where: str, time: float, name: str, amount: float, duration: float, action: str, steady: float
) -> list[Problem]:
    """Return what is wrong with one row."""
    if action not in ACTIONS:
        return [Problem(where, f"has the action {action!r}", nearest(str(action), ACTIONS))]
    found = []
    if not math.isfinite(time):
        found.append(("time", time, "a finite number of days"))
    if not math.isfinite(amount) or (amount < 0 and action != SET):
        found.append(("amount", amount, "a finite number" if action == SET else "zero or more"))
    elif action == RESET and amount:
        found.append(("amount", amount, "0: a reset is to the initial values"))
    constant = steady == math.inf
    if not (duration == math.inf if constant else 0 <= duration < math.inf):
        right = "infinite, as is the interval of its steady state" if constant else "zero or more days, and finite"
        found.append(("duration", duration, right))
    if not steady >= 0:
        found.append(("steady", steady, "the days between doses, 0 for no steady state"))
    problems = [Problem(where, f"has the {key} {value:g}", right) for key, value, right in found]
    return problems + _contradictions(where, name, duration, action, steady)


def _contradictions(where: str, name: str, duration: float, action: str, steady: float) -> list[Problem]:
    """Return which fields of a row do not go with its action."""
    problems = []
    if action == RESET and name:
        problems.append(Problem(where, f"is a reset of {name!r}", "'': a reset is one of all compartments"))
    elif action != RESET and not (isinstance(name, str) and name):
        kind = "parameter" if action == SET else "input"
        problems.append(Problem(where, f"has the {kind} {name!r}", f"the name of a model's {kind}"))
    if action != DOSE and (duration or steady):
        problems.append(Problem(where, f"is a {action!r} that lasts or has a steady state", "0 for both: only doses have them"))
    return problems
