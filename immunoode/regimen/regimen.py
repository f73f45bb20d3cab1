"""Regimens: doses over time, independent of any model and of any patient."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode import units
from immunoode.errors import Problem, RegimenError, nearest
from immunoode.regimen.doses import Dose, basis
from immunoode.regimen.rules import dose_rule
from immunoode.regimen.schedule import Schedule

if TYPE_CHECKING:
    import pandas as pd

CALVERT_OFFSET = 25.0
"""mL/min, clearance that is not renal: the Calvert formula (J Clin Oncol 1989), dose = exposure x (filtration + 25)."""
_COVARIATES = {"weight": "weight", "surface_area": "surface_area", "exposure": "glomerular_filtration"}


@dataclass(frozen=True)
class Regimen:
    """Doses over time. Immutable: every method returns a new regimen.

    Examples
    --------
    >>> import immunoode as imo
    >>> regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=9, over="30 min")
    >>> both = regimen + imo.Regimen().dose("radiotherapy", "2 Gy", every="1 day", count=30, weekdays=True)
    >>> both.therapies
    ('pembrolizumab', 'radiotherapy')
    """

    doses: tuple[Dose, ...] = ()
    title: str = field(default="", compare=False)

    def dose(
        self,
        therapy: str,
        amount: str | float,
        *,
        every: str | float | None = None,
        count: int = 1,
        over: str | float = 0.0,
        start: str | float = 0.0,
        weekdays: bool = False,
        days: Sequence[float] = (),
        loading: str | float | None = None,
    ) -> Regimen:
        """Return the regimen with a further therapy, or further doses of one.

        Parameters
        ----------
        therapy : str
            The name of a model's input.
        amount : str or float
            "200 mg", "2 mg/kg", "75 mg/m2", "2e6 cells/kg", "2 Gy"; "AUC 5" or "5 mg*min/mL" is an area under the curve
            (Calvert).
            A plain number is in the input's unit.
        every : str or float, optional
            Interval between doses, or between cycles where `days` is given. A plain number is in days, as everywhere.
        count : int
            Number of doses, or of cycles.
        over : str or float
            Duration of each infusion; 0 is a bolus.
        start : str or float
            Time of the first.
        weekdays : bool
            Skip Saturdays and Sundays; day 0 is a Monday. What would fall on a weekend moves to Monday, and the rest follows;
            with intervals of less than a day, what falls on a weekend is left out.
        days : sequence of float
            Days within a cycle, the first is day 1: `days=(1, 8), every="3 weeks"`.
        loading : str or float, optional
            A first dose that differs.

        Raises
        ------
        RegimenError
            With everything that is wrong.
        """
        rule = dose_rule(therapy, amount, every=every, count=count, over=over, start=start, weekdays=weekdays, days=days,
                         loading=loading)  # fmt: skip
        return replace(self, doses=(*self.doses, rule))

    def __add__(self, other: Regimen) -> Regimen:
        """Return both regimens together."""
        if not isinstance(other, Regimen):
            return NotImplemented
        title = " + ".join(t for t in (self.title, other.title) if t)
        return Regimen(self.doses + other.doses, title)

    def shift(self, time: str | float) -> Regimen:
        """Return the regimen that much later (earlier, if negative)."""
        by = units.days(time)
        return replace(self, doses=tuple(replace(d, start=d.start + by) for d in self.doses))

    def before(self, time: str | float) -> Regimen:
        """Return the administrations that begin before a time; an infusion that has begun is given in full.

        Examples
        --------
        >>> import immunoode as imo
        >>> year = imo.load_regimen("pembrolizumab_3_weekly").before("1 year")
        >>> len(year.to_frame())
        18
        """
        end = units.days(time)
        return replace(self, doses=tuple(rule for dose in self.doses for rule in dose.before(end)))

    @property
    def therapies(self) -> tuple[str, ...]:
        """The therapies, in the order of their first mention."""
        return tuple(dict.fromkeys(d.therapy for d in self.doses))

    def schedule(self, inputs: Mapping[str, str], covariates: Mapping[str, float]) -> Schedule:
        """Return the flat schedule of one patient.

        Parameters
        ----------
        inputs : mapping of str to str
            The unit of each input of the model.
        covariates : mapping of str to float
            `weight` (kg), `surface_area` (m2), `glomerular_filtration` (mL/min) where doses are stated by them.

        Raises
        ------
        RegimenError
            If a therapy is not an input, a unit does not fit, or a covariate is missing.
        """
        problems, rows = list[Problem](), list[tuple[float, str, float, float]]()
        for dose in self.doses:
            try:
                amounts = _given(dose, inputs, covariates)
            except RegimenError as error:
                problems.extend(error.problems)
                continue
            rows += [
                (time, dose.therapy, amount, dose.over) for time, amount in zip(dose.times(), amounts, strict=True)
            ]
        if problems:
            raise RegimenError(dict.fromkeys(problems))
        rows.sort(key=lambda row: row[0])
        return Schedule(
            np.array([r[0] for r in rows]),
            tuple(r[1] for r in rows),
            np.array([r[2] for r in rows]),
            np.array([r[3] for r in rows]),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a table with a row for each administration: therapy, time_day, amount, unit, duration_day."""
        import pandas as pd

        rows = [(d.therapy, time, amount, d.unit, d.over) for d in self.doses
                for time, amount in zip(d.times(), d.amounts(), strict=True)]  # fmt: skip
        frame = pd.DataFrame(rows, columns=["therapy", "time_day", "amount", "unit", "duration_day"])
        return frame.sort_values("time_day", kind="stable", ignore_index=True)

    def plot(self, axes: Any = None, **options: Any) -> Any:
        """Draw the regimen as a timeline, a lane for each therapy. Returns Axes."""
        from immunoode.plot.regimen import plot_regimen

        return plot_regimen(self, axes, **options)

    def __str__(self) -> str:
        from immunoode.regimen.calendar import calendar

        return calendar(self)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"


def _given(dose: Dose, inputs: Mapping[str, str], covariates: Mapping[str, float]) -> list[float]:
    """Return the amounts of a dose in the input's unit for one patient."""
    name = dose.therapy
    if name not in inputs:
        raise RegimenError(Problem(f"dose of {name}", "is not an input of this model", nearest(name, inputs)))
    kind, factor = basis(dose.unit, inputs[name], name)
    size = _size(kind, name, covariates)
    return [amount * factor * size for amount in dose.amounts()]


def _size(kind: str, therapy: str, covariates: Mapping[str, float]) -> float:
    """Return the patient's kg, m2, or clearance in mL/min that an amount is multiplied by."""
    if kind == "flat":
        return 1.0
    name, where = _COVARIATES[kind], f"dose of {therapy}"
    if name not in covariates:
        right = f"add a covariate {name!r} to the model, or give a flat dose"
        raise RegimenError(Problem(where, f"is stated by {name}, which the model has no covariate for", right))
    value = float(covariates[name])
    if not (math.isfinite(value) and value > 0):
        raise RegimenError(Problem(where, f"is stated by {name}, which is {value:g}", f"a positive {name}"))
    return value + (CALVERT_OFFSET if kind == "exposure" else 0.0)
