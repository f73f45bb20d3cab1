"""The schedule of one subject: the event records that a regimen becomes once the subject's covariates are known."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, RegimenError, nearest, renamed
from immunoode.regimen.triggers import Trigger

FloatArray = NDArray[np.float64]
DOSE, REPLACE, MULTIPLY, RESET, SET = "dose", "replace", "multiply", "reset", "set"
ACTIONS = (DOSE, REPLACE, MULTIPLY, RESET, SET)
"""The values of `Schedule.actions`."""
MODEL_RATE, MODEL_DURATION = -1.0, -2.0
"""Values of `Schedule.rates` that leave the rate, or the duration, of an infusion to an expression of the model's input."""


class EventRecord(NamedTuple):
    """One event of one subject: a dose, or another action at a time.

    Attributes
    ----------
    time : float
        Days.
    name : str
        An input of the model; a parameter if the action is "set"; "" if it is "reset".
    amount : float
        As in `Schedule.amounts`, or as stated in the regimen, in `unit`.
    duration, action, steady, rate, adding, order
        As in the columns of `Schedule`.
    unit : str
        The unit of an amount as stated in the regimen; a schedule does not keep it.
    """

    time: float
    name: str
    amount: float
    duration: float = 0.0
    action: str = DOSE
    steady: float = 0.0
    rate: float = 0.0
    adding: bool = False
    order: float = 0.0
    unit: str = ""


def _empty() -> FloatArray:
    return np.zeros(0)


_COLUMNS = ("times", "inputs", "amounts", "durations", "actions", "steady", "rates", "adding", "orders")
"""The columns of a schedule, in the order of the fields of `EventRecord`."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """The events of one subject, sorted by time; events at the same time happen in the order given.

    Times are nominal: lag and bioavailability belong to the model, which has them as expressions of its inputs.

    Attributes
    ----------
    times : ndarray, shape (n,)
        Days.
    inputs : tuple of str, length n
        Names of a model's inputs; of a parameter if the action is "set"; "" if it is "reset".
    amounts : ndarray, shape (n,)
        In each input's unit ("dose", "replace"), a factor ("multiply"), the value of the parameter in its unit ("set");
        0 for "reset". If `steady` is infinite, a rate in the input's unit per day.
    durations : ndarray, shape (n,)
        Days; 0 is a bolus. 0 for all actions but "dose"; infinite if `steady` is. If `rates` has a positive rate, the duration
        is amount / rate (the duration at a bioavailability of 1), and a duration given here is ignored.
    actions : tuple of str, length n
        - "dose": the amount arrives, at once or over the duration.
        - "replace": the input's compartment is set to the amount, after bioavailability.
        - "multiply": the input's compartment is multiplied by the amount.
        - "reset": all compartments get their initial values again, and infusions stop.
        - "set": the parameter, a time-varying covariate, has this value from then on.

        By default, all rows are doses.
    steady : ndarray, shape (n,)
        Days between the doses of a steady state; 0 (the default) for none. If it is positive, the compartments that exchange
        matter with the dosed one are first brought to the steady state of this dose repeated at that interval (just before
        the next dose), then the dose is given. If it is infinite, they are brought to the steady state of an infusion at the
        constant rate `amounts`, which then ends.
    triggers : tuple of Trigger
        What happens when the subject's state fulfils a condition. The course of treatment of a trigger is a Schedule, whose
        day 0 is the day on which the trigger fires.
    rates : ndarray, shape (n,)
        The property of an infusion that is fixed if the bioavailability of its input is not 1. 0 (the default): its duration.
        Positive: its rate, in the input's unit per day, so that it lasts bioavailability x amount / rate. `MODEL_RATE` and
        `MODEL_DURATION`: the model states the rate, or the duration, as an expression of the input.
    adding : ndarray of bool, shape (n,)
        Whether a steady state is added to the present state instead of replacing it. False by default.
    orders : ndarray, shape (n,)
        The position of each row in the table that it was read from, 0 by default. It decides which rows act before an
        observation of the same time in that table. It is ignored when schedules are compared.

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
    steady: FloatArray = field(default_factory=_empty)
    triggers: tuple[Trigger, ...] = ()
    rates: FloatArray = field(default_factory=_empty)
    adding: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    orders: FloatArray = field(default_factory=_empty)

    def __post_init__(self) -> None:
        columns = _columns(self)
        problems = [p for k, record in enumerate(_records(columns)) for p in _record_problems(f"schedule, row {k}", record)]
        RegimenError.raise_if(problems)
        order = np.argsort(columns["times"], kind="stable")
        for name, column in columns.items():
            kept = column[order] if isinstance(column, np.ndarray) else tuple(column[k] for k in order)
            object.__setattr__(self, name, kept)

    def __eq__(self, other: object) -> bool:
        """Return whether both have exactly the same events and triggers."""
        return self._values == other._values if isinstance(other, Schedule) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values)

    @classmethod
    def from_records(cls, records: Iterable[EventRecord]) -> Self:
        """Return the schedule of some event records; those of one time stay in the order given."""
        columns = list(zip(*records, strict=True)) or [()] * len(EventRecord._fields)
        named: dict[str, Any] = dict(zip(_COLUMNS, columns, strict=False))
        return cls(**named)

    def records(self) -> list[EventRecord]:
        """Return the rows as event records."""
        return list(_records({name: getattr(self, name) for name in _COLUMNS}))

    reactions = renamed("reactions", "triggers")

    def rows(self, chosen: Any) -> Schedule:
        """Return the schedule of the rows that a NumPy index or mask selects."""
        kept = np.arange(len(self.times))[chosen]
        columns = {name: getattr(self, name) for name in _COLUMNS}
        taken: dict[str, Any] = {
            name: c[kept] if isinstance(c, np.ndarray) else tuple(c[k] for k in kept) for name, c in columns.items()
        }
        return replace(self, **taken)

    def followed_by(self, other: Schedule) -> Schedule:
        """Return both schedules together; at equal times, the rows of this one come first."""
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(s, name) for s in (self, other)])
            if isinstance(getattr(self, name), np.ndarray)
            else getattr(self, name) + getattr(other, name)
            for name in (*_COLUMNS, "triggers")
        }
        return Schedule(**joined)

    @property
    def _values(self) -> tuple[Any, ...]:
        numbers = (self.times, self.amounts, self.durations, self.steady, self.rates, self.adding)
        courses = tuple(trigger.course for trigger in self.triggers)
        return (self.inputs, self.actions, self.triggers, courses, *(tuple(column.tolist()) for column in numbers))


def _records(columns: dict[str, Any]) -> Iterator[EventRecord]:
    """Yield the rows of some columns."""
    lists = (c.tolist() if isinstance(c, np.ndarray) else c for c in columns.values())
    return map(EventRecord._make, zip(*lists, itertools.repeat("")))


def _columns(schedule: Schedule) -> dict[str, Any]:
    """Return the columns with their defaults filled in.

    Raises
    ------
    RegimenError
        If they are not columns of equal length.
    """
    problems, columns = list[Problem](), dict[str, Any]()
    for name in _COLUMNS:
        try:
            columns[name] = _column(name, getattr(schedule, name))
        except (TypeError, ValueError):
            right = "one number per row" if name not in ("inputs", "actions") else "one name per row"
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
            Problem(f"schedule: {name}", f"has {len(column)} rows where times has {rows}", "one per row")
            for name, column in columns.items()
            if len(column) != rows
        ]
    RegimenError.raise_if(problems)
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


def _record_problems(where: str, record: EventRecord) -> list[Problem]:
    """Return what is wrong with one row."""
    time, _, amount, duration, action, steady, rate, _, order, _ = record
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
        right = "infinite, like the interval of its steady state" if constant else "zero or more days, and finite"
        found.append(("duration", duration, right))
    if not (0 <= rate < math.inf or rate in (MODEL_RATE, MODEL_DURATION)) or (rate and duration == math.inf):
        found.append(("rate", rate, "a positive rate per day, 0 to keep the duration, MODEL_RATE or MODEL_DURATION"))
    if math.isnan(order):
        found.append(("order", order, "the position of the row in its table"))
    if not steady >= 0:
        found.append(("steady", steady, "the days between doses, or 0 for no steady state"))
    problems = [Problem(where, f"has the {key} {value:g}", right) for key, value, right in found]
    return problems + _contradictions(where, record)


def _contradictions(where: str, record: EventRecord) -> list[Problem]:
    """Return which fields of a row contradict its action."""
    name, action, steady = record.name, record.action, record.steady
    problems = []
    if action == RESET and name:
        problems.append(Problem(where, f"is a reset of {name!r}", "'': a reset is of all compartments"))
    elif action != RESET and not (isinstance(name, str) and name):
        kind = "parameter" if action == SET else "input"
        problems.append(Problem(where, f"has the {kind} {name!r}", f"the name of a model's {kind}"))
    if record.adding and not steady:
        problems.append(Problem(where, "adds a steady state but has none", "the days between its doses, in `steady`"))
    if action != DOSE and (record.duration or record.rate or steady):
        problems.append(
            Problem(where, f"is a {action!r} with a duration or a steady state", "0 for both: only doses have them")
        )
    return problems
