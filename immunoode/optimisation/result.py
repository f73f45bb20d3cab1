"""The result of an optimisation: the schedule, its optimality, and its active limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import renamed
from immunoode.notebook import shown
from immunoode.number_checks import is_number
from immunoode.optimisation.descent import FEASIBLE, Descent
from immunoode.optimisation.evaluation import Objective
from immunoode.optimisation.flatness import Flatness
from immunoode.optimisation.limits import Limit
from immunoode.optimisation.optimality import Optimality
from immunoode.optimisation.report import with_unit
from immunoode.regimen.regimen import Regimen
from immunoode.regimen.schedule import Schedule

if TYPE_CHECKING:
    import pandas as pd

_AGREE = 1e-4
"""Starts agree if their objectives differ by less than this fraction of the range of the objective over all starts."""


@dataclass(frozen=True)
class CalendarLoss:
    """The loss due to a calendar.

    Attributes
    ----------
    continuous : mapping
        The choices without the calendar.
    objective : float
        Their objective.
    loss : float
        The loss in the objective due to the calendar.
    """

    continuous: Mapping[str, Any]
    objective: float
    loss: float


@dataclass(frozen=True)
@shown
class OptimalSchedule:
    """An optimal schedule.

    Attributes
    ----------
    choices : dict
        The choices by name.
    regimen : Regimen or Schedule
        The regimen with these choices.
    objective : float
        Its objective.
    aim : Objective
        The quantity that was minimised or maximised.
    limits : tuple of Limit
    limit_values : tuple of float
        For each limit, the value of its quantity that is closest to the limit, or farthest beyond it.
    start_objective : float
        The objective at the starting point.
    scale : float
        The range of the objective over the starts; residuals are fractions of it.
    optimality : Optimality or None
        First-order conditions; None if there is no gradient.
    flatness : Flatness or None
        None if there is no gradient, or it was not requested.
    descents : tuple of Descent
        The result from each start, best first; for a large cohort, with some of its patients.
    calendar : CalendarLoss or None
        The loss due to whole steps; None if there are none.
    alternatives : tuple of OptimalSchedule
        The optimum for each other option, best first.
    patient_values : ndarray, shape (P,)
        The endpoint of the objective for each patient of a cohort.
    typical : OptimalSchedule or None
        The optimum of the typical patient of a cohort.
    typical_in_cohort : float
        The objective of the cohort with the optimum of the typical patient.
    evaluations : int
        The number of simulated schedules.
    seconds : float
    left_out : tuple of str
        Options that could not be simulated, with the reason.
    units : mapping of str to str
        The units of doses by their therapy, of the objective, of the quantities of limits, and of choices that the regimen
        states as they are.
    """

    choices: dict[str, Any]
    regimen: Regimen | Schedule
    objective: float
    aim: Objective
    limits: tuple[Limit, ...]
    limit_values: tuple[float, ...]
    start_objective: float
    scale: float
    optimality: Optimality | None
    flatness: Flatness | None
    descents: tuple[Descent, ...]
    calendar: CalendarLoss | None
    alternatives: tuple[OptimalSchedule, ...]
    patient_values: np.ndarray
    evaluations: int
    seconds: float
    typical: OptimalSchedule | None = None
    typical_in_cohort: float = float("nan")
    left_out: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def feasible(self) -> bool:
        """Whether all limits are satisfied."""
        return not any(self.violations)

    @property
    def violations(self) -> tuple[float, ...]:
        """The violation of each limit in its unit; 0 if it is satisfied."""
        pairs = zip(self.limits, self.limit_values, strict=True)
        excess = [(one, one.sign * (one.limit - v)) for one, v in pairs]
        return tuple(by if by > FEASIBLE * one.scale else 0.0 for one, by in excess)

    @property
    def agreeing(self) -> int:
        """The number of starts that led to the same objective, with all limits satisfied."""
        best = self.descents[0].objective
        return sum(d.feasible and abs(d.objective - best) <= _AGREE * self.scale for d in self.descents)

    def choice_table(self) -> pd.DataFrame:
        """Return one row per chosen number: its value, and the range within which the loss is less than 1 %."""
        import pandas as pd

        rows = [
            {"choice": f"{name}[{k}]" if np.ndim(value) else name, "value": float(number)}
            for name, value in self.choices.items()
            if isinstance(value, np.ndarray) or is_number(value)
            for k, number in enumerate(np.atleast_1d(value))
        ]
        frame = pd.DataFrame(rows, columns=["choice", "value"])
        if self.flatness is not None:
            within = [self.flatness.within.get(name, (np.nan, np.nan)) for name in frame["choice"]]
            frame["from"], frame["to"] = [w[0] for w in within], [w[1] for w in within]
        return frame

    table = renamed("table", "choice_table")

    def limits_table(self) -> pd.DataFrame:
        """Return one row per limit: its value, its violation, whether it is active, and the gain per unit of relaxation.

        A violated limit is not active, and the gain from relaxing it is not known (NaN).
        """
        import pandas as pd

        gains = {a.what: a.multiplier for a in self.optimality.active if not a.is_bound} if self.optimality else {}
        rows = [
            {
                "limit": str(one),
                "value": value,
                "violated_by": by,
                "active": not by and str(one) in gains,
                "gain_per_unit": np.nan if by else gains.get(str(one), 0.0),
            }
            for one, value, by in zip(self.limits, self.limit_values, self.violations, strict=True)
        ]
        return pd.DataFrame(rows, columns=["limit", "value", "violated_by", "active", "gain_per_unit"])

    def starts_table(self) -> pd.DataFrame:
        """Return one row per start, best first: objective, violation of limits, convergence, message."""
        import pandas as pd

        rows = [
            {"objective": d.objective, "violation": d.violation, "converged": d.converged, "message": d.message}
            for d in self.descents
        ]
        return pd.DataFrame(rows)

    def to_frame(self) -> pd.DataFrame:
        """Return the doses of the optimal regimen in one table."""
        import pandas as pd

        if isinstance(self.regimen, Regimen):
            return self.regimen.to_frame()
        s = self.regimen
        units = [self.units.get(name, "") for name in s.inputs]
        return pd.DataFrame(
            {"therapy": s.inputs, "time_day": s.times, "amount": s.amounts, "unit": units, "duration_day": s.durations}
        )

    def plot(self, **options: Any) -> Any:
        """Draw the optimal doses; see `immunoode.plot.optimisation.plot_optimum`. Returns Axes."""
        from immunoode.plot.optimisation import plot_optimum

        return plot_optimum(self, **options)

    def report(self) -> str:
        """Return a text report: choices, limits, optimality, flatness."""
        from immunoode.optimisation.report import report

        return report(self)

    def __str__(self) -> str:
        verb = "maximum" if self.aim.maximise else "minimum"
        kept = (
            ""
            if self.feasible
            else ("; NOT all limits are satisfied: no schedule within the bounds was found that satisfies them")
        )
        value = with_unit(f"{self.objective:.6g}", self.units.get(str(self.aim.quantity), ""))
        return f"{verb} of {self.aim}: {value} (start {self.start_objective:.6g}){kept}"
