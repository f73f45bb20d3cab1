"""Pareto fronts: the best objective for each value of a competing quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.model.model import Model
from immunoode.notebook import shown
from immunoode.number_checks import is_whole
from immunoode.optimisation.arguments import limits_of
from immunoode.optimisation.limits import Limit, Quantity, quantity
from immunoode.optimisation.optimise import optimise
from immunoode.optimisation.report import with_unit, words
from immunoode.optimisation.result import OptimalSchedule
from immunoode.optimisation.statistics import MEAN, statistic

if TYPE_CHECKING:
    import pandas as pd


_NEVER = 1e300
"""A limit that is always satisfied."""


@dataclass(frozen=True)
@shown
class ParetoFront:
    """Pareto-optimal schedules: none can be improved in one respect without becoming worse in the other.

    Attributes
    ----------
    against : Endpoint or Dosage
        The competing quantity.
    values : tuple of float
        The values of `against`, best first.
    optima : tuple of OptimalSchedule
        The best schedule for each value as a limit.
    """

    against: Quantity
    values: tuple[float, ...]
    optima: tuple[OptimalSchedule, ...]

    @property
    def units(self) -> Mapping[str, str]:
        """The units of the competing quantity, of the objective, and of choices that the regimen states as they are."""
        return self.optima[0].units

    @property
    def knee(self) -> int:
        """The index of the schedule farthest from the line between the two ends, with both axes scaled to their range."""
        x, y = (np.asarray(v, float) for v in (self.values, [o.objective for o in self.optima]))
        u, v = (x - x[0]) / ((x[-1] - x[0]) or 1.0), (y - y[0]) / ((y[-1] - y[0]) or 1.0)
        return int(np.argmax(np.abs(v - u)))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per schedule: the competing quantity, the objective, and the choices."""
        import pandas as pd

        rows = [
            {str(self.against): value, str(one.aim): one.objective, **one.choices}
            for value, one in zip(self.values, self.optima, strict=True)
        ]
        frame = pd.DataFrame(rows)
        frame.attrs["units"] = dict(self.units)
        return frame

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the front with its knee; see `immunoode.plot.optimisation.plot_pareto_front`. Returns Axes."""
        from immunoode.plot.optimisation import plot_pareto_front

        return plot_pareto_front(self, ax=ax, **options)

    def report(self) -> str:
        """Return the front as text."""
        across, up = self.units.get(str(self.against), ""), self.units.get(str(self.optima[0].aim.quantity), "")
        lines = [
            f"  {self.against} {with_unit(f'{value:.5g}', across)}: {with_unit(f'{one.objective:.5g}', up)} with "
            f"{words(one.choices, self.units)}"
            for value, one in zip(self.values, self.optima, strict=True)
        ]
        return "\n".join([str(self), *lines])

    def __str__(self) -> str:
        at = self.knee
        return (
            f"Pareto front of {self.optima[0].aim} against {self.against}: {len(self.optima)} schedules, knee at "
            f"{self.values[at]:.5g} with {self.optima[at].objective:.5g}"
        )


def pareto_front(
    model: Model | str,
    regimen: Any,
    until: str | float,
    *,
    against: Any,
    points: int = 7,
    between: tuple[float, float] | None = None,
    more_is_better: bool = False,
    against_over: Any = MEAN,
    subject_to: Sequence[Any] | str = (),
    **options: Any,
) -> ParetoFront:
    """Return the best schedules for a range of limits on a competing quantity, such as a toxicity.

    Parameters
    ----------
    model, regimen, until, subject_to
        As for `immunoode.optimise`.
    against : str or Endpoint or Dosage
        The competing quantity, which is limited.
    points : int
        Number of schedules, 2 or more.
    between : (float, float), optional
        The first and the last limit. Default: from the best possible value to that of the schedule with the best objective.
    more_is_better : bool
        Whether larger values of `against` are better (the nadir of neutrophils); otherwise smaller ones are (a toxicity).
    against_over : str or Statistic
        The statistic of `against` over a cohort, which is limited.
    **options
        As for `immunoode.optimise`: choose, minimise or maximise, patients, over, ...

    Returns
    -------
    ParetoFront

    Raises
    ------
    SolveError
        If there are fewer than two points, or there is no trade-off because the best schedule has the best value of
        `against`.

    Examples
    --------
    >>> import immunoode as imo
    >>> model = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))
    >>> front = imo.optimisation.pareto_front(
    ...     model, imo.Regimen().dose("docetaxel", 100), "6 weeks", choose={"amount(docetaxel)": (0, 200)},
    ...     minimise="sum_of_diameters: final", against="cumulative(docetaxel)", points=3, starts=1,
    ... )
    >>> [round(v) for v in front.values]
    [0, 100, 200]
    """
    if not is_whole(points, 2):
        raise SolveError(Problem("points", f"is {points!r}", "two or more"))
    given = tuple(limits_of(subject_to))
    weighed, of = quantity(against), statistic(against_over)
    how: dict[str, Any] = {"flatness": False, **options}
    first, last = between or _ends(model, regimen, until, weighed, of, more_is_better, given, how)
    if not (first > last if more_is_better else first < last):
        what = "already has its best value in the schedule with the best objective, so there is no trade-off"
        raise SolveError(Problem(f"{weighed}", what, "another quantity, or more_is_better"))
    limits = [Limit(weighed, float(value), more_is_better, of) for value in np.linspace(first, last, points)]
    optima = [optimise(model, regimen, until, subject_to=[*given, one], **how) for one in limits]
    return ParetoFront(weighed, tuple(one.limit_values[-1] for one in optima), tuple(optima))


def _ends(
    model: Any,
    regimen: Any,
    until: Any,
    weighed: Quantity,
    of: Any,
    more_is_better: bool,
    given: tuple[Any, ...],
    how: dict[str, Any],
) -> tuple[float, float]:
    """Return the best possible value, and the value of the schedule with the best objective."""
    unbound = Limit(weighed, -_NEVER if more_is_better else _NEVER, more_is_better, of)
    best = optimise(model, regimen, until, subject_to=[*given, unbound], **how)
    rest = {name: value for name, value in how.items() if name not in ("minimise", "maximise", "over")}
    aim: dict[str, Any] = {"maximise" if more_is_better else "minimise": weighed}
    least = optimise(model, regimen, until, subject_to=given, over=of, **aim, **rest)
    return least.objective, best.limit_values[-1]
