"""The flat schedule of one patient: what a regimen becomes once weight and surface area are known."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, RegimenError, nearest
from immunoode.regimen.triggers import Reaction

FloatArray = NDArray[np.float64]
DOSE, REPLACE, MULTIPLY, RESET, SET = "dose", "replace", "multiply", "reset", "set"
ACTIONS = (DOSE, REPLACE, MULTIPLY, RESET, SET)
"""What a row does; the words of `Schedule.actions`."""
MODEL_RATE, MODEL_DURATION = -1.0, -2.0
"""Instead of a rate in `Schedule.rates`: the input of the model states the rate, or the duration, of the infusion."""


def _none() -> FloatArray:
    return np.zeros(0)


_COLUMNS = ("times", "inputs", "amounts", "durations", "actions", "steady", "rates", "adding", "orders")


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
        Days; 0 is a bolus. 0 for all actions but "dose"; infinite where `steady` is. Where a rate is stated in `rates`, they
        are what the infusion lasts if all of it arrives, amount / rate, whatever is given here.
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
    rates : ndarray, shape (n,)
        What holds of an infusion where its input has a bioavailability other than 1. 0: its duration. Positive: its rate, in
        the input's unit per day, and it lasts bioavailability x amount / rate. `MODEL_RATE` and `MODEL_DURATION`: the model
        states the rate, or the duration, as an expression of the input. Left out: no row.
    adding : ndarray of bool, shape (n,)
        Whether a steady state is added to what is there, instead of taking its place. Left out: no row.
    orders : ndarray, shape (n,)
        Where each row stood in a table. Of an observation whose place in that table is known, the rows of its time that stood
        before it act before it. Left out: all 0. It is no part of what is done, and does not count where schedules
        are compared.

    Raises
    ------
    RegimenError
        With everything that is wrong: columns of different lengths, numbers that are not finite, unknown actions.

    Examples
    --------
    >>> import immunoode as imo
    >>> schedule = imo.regimen.Schedule([21, 0], ("pembrolizumab", "pembrolizumab"), [200, 400], [0, 0])
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
    rates: FloatArray = field(default_factory=_none)
    adding: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    orders: FloatArray = field(default_factory=_none)

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

    def rows(self, chosen: Any) -> Schedule:
        """Return the schedule of some of the rows: an index, or a mask, as of NumPy."""
        kept = np.arange(len(self.times))[chosen]
        columns = {name: getattr(self, name) for name in _COLUMNS}
        taken: dict[str, Any] = {
            name: c[kept] if isinstance(c, np.ndarray) else tuple(c[k] for k in kept) for name, c in columns.items()
        }
        return replace(self, **taken)

    def followed_by(self, other: Schedule) -> Schedule:
        """Return both schedules: at one time the rows of this one come first; reactions are those of both."""
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(s, name) for s in (self, other)])
            if isinstance(getattr(self, name), np.ndarray)
            else getattr(self, name) + getattr(other, name)
            for name in (*_COLUMNS, "reactions")
        }
        return Schedule(**joined)

    @property
    def _values(self) -> tuple[Any, ...]:
        numbers = (self.times, self.amounts, self.durations, self.steady, self.rates, self.adding)
        courses = tuple(r.course for r in self.reactions)
        return (self.inputs, self.actions, self.reactions, courses, *(tuple(column.tolist()) for column in numbers))


def _columns(schedule: Schedule) -> dict[str, Any]:
    """Return the columns in full, in the order of the fields.

    Raises
    ------
    RegimenError
        If they are not columns of one length.
    """
    problems, columns = list[Problem](), dict[str, Any]()
    for name in _COLUMNS:
        try:
            columns[name] = _column(name, getattr(schedule, name))
        except (TypeError, ValueError):
            right = "a number for each row" if name not in ("inputs", "actions") else "a name for each row"
            problems.append(Problem(f"schedule: {name}", "is not a column", right))
    rows = len(columns.get("times", ()))
    defaults: dict[str, Any] = {
        "actions": (DOSE,) * rows,
        "steady": np.zeros(rows),
        "rates": np.zeros(rows),
        "adding": np.zeros(rows, dtype=bool),
        "orders": np.zeros(rows),
    }
    columns |= {name: default for name, default in defaults.items() if name in columns and not len(columns[name])}
    if "times" in columns:
        problems += [
            Problem(f"schedule: {name}", f"has {len(column)} rows where times has {rows}", "one for each row")
            for name, column in columns.items()
            if len(column) != rows
        ]
    if problems:
        raise RegimenError(problems)
    at_rate = columns["rates"] > 0
    columns["durations"][at_rate] = columns["amounts"][at_rate] / columns["rates"][at_rate]
    return columns


def _column(name: str, values: Any) -> Any:
    """Return names as a tuple, numbers as a new array."""
    if name in ("inputs", "actions"):
        if isinstance(values, str):
            raise TypeError("a text is not a column of names")
        return tuple(values)
    column = np.array(values, dtype=bool if name == "adding" else float)
    if column.ndim != 1:
        raise ValueError("not one-dimensional")
    return column


def _row_problems(
    where: str,
    time: float,
    name: str,
    amount: float,
    duration: float,
    action: str,
    steady: float,
    rate: float,
    adding: bool,
    order: float,
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
    if not (0 <= rate < math.inf or rate in (MODEL_RATE, MODEL_DURATION)) or (rate and duration == math.inf):
        found.append(("rate", rate, "a positive rate per day, 0 where the duration holds, MODEL_RATE or MODEL_DURATION"))
    if math.isnan(order):
        found.append(("order", order, "where the row stood"))
    if not steady >= 0:
        found.append(("steady", steady, "the days between doses, 0 for no steady state"))
    problems = [Problem(where, f"has the {key} {value:g}", right) for key, value, right in found]
    return problems + _contradictions(where, name, duration or rate, action, steady, adding)


def _contradictions(where: str, name: str, duration: float, action: str, steady: float, adding: bool) -> list[Problem]:
    """Return which fields of a row do not go with its action."""
    problems = []
    if action == RESET and name:
        problems.append(Problem(where, f"is a reset of {name!r}", "'': a reset is one of all compartments"))
    elif action != RESET and not (isinstance(name, str) and name):
        kind = "parameter" if action == SET else "input"
        problems.append(Problem(where, f"has the {kind} {name!r}", f"the name of a model's {kind}"))
    if adding and not steady:
        problems.append(Problem(where, "adds a steady state that there is none of", "the days between its doses, in `steady`"))
    if action != DOSE and (duration or steady):
        problems.append(Problem(where, f"is a {action!r} that lasts or has a steady state", "0 for both: only doses have them"))
    return problems
