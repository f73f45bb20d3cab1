"""Regimens: doses over time, independent of any model and of any patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from immunoode import units
from immunoode.regimen.covariate_series import Course, course
from immunoode.regimen.dose_rule import dose_rule
from immunoode.regimen.doses import Dose
from immunoode.regimen.expand import Rule, schedule_of, stated_rows
from immunoode.regimen.schedule import Schedule
from immunoode.regimen.state_change import Change, multiplication, replacement, reset
from immunoode.regimen.triggers import Reaction, reaction

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Regimen:
    """Doses over time, and what else is done to a patient. Immutable: every method returns a new regimen.

    What happens at one time happens in the order in which it was added.

    Examples
    --------
    >>> import immunoode as imo
    >>> regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=9, over="30 min")
    >>> both = regimen + imo.Regimen().dose("radiotherapy", "2 Gy", every="1 day", count=30, weekdays=True)
    >>> both.therapies
    ('pembrolizumab', 'radiotherapy')
    """

    rules: tuple[Rule, ...] = ()
    title: str = field(default="", compare=False)
    reactions: tuple[Reaction, ...] = ()

    def dose(
        self,
        therapy: str,
        amount: str | float,
        *,
        every: str | float | None = None,
        count: int | None = None,
        over: str | float = 0.0,
        start: str | float = 0.0,
        weekdays: bool = False,
        days: Sequence[float] = (),
        loading: str | float | None = None,
        rate: str | float | None = None,
        steady_state: bool = False,
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
        count : int, optional
            Number of doses, or of cycles: 1 where there is no interval, to be stated where there is one.
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
        rate : str or float, optional
            How fast each infusion runs, instead of `over`: "10 mg/h", or "0.1 mg/kg/h" of an amount in mg/kg. A plain number
            is per day, in the unit of an amount that is a plain number too. The rate holds where an input has a
            bioavailability: half of the amount takes half of the time.
        steady_state : bool
            Whether the first dose comes after so many like it, `every` so long, that each interval is like the one before.
            What exchanges matter with the dosed compartment is then at that steady state; all else is not touched.

        Raises
        ------
        RegimenError
            With everything that is wrong.
        """
        rule = dose_rule(
            therapy,
            amount,
            every=every,
            count=count,
            over=over,
            start=start,
            weekdays=weekdays,
            days=days,
            loading=loading,
            rate=rate,
            steady_state=steady_state,
        )
        return self._with(rule)

    def replace(self, therapy: str, amount: str | float, *, at: str | float | Sequence[str | float]) -> Regimen:
        """Return the regimen with a compartment set to an amount, whatever is in it.

        Parameters
        ----------
        therapy : str
            The name of a model's input; what is replaced is the content of its compartment.
        amount : str or float
            As of a dose. The input's bioavailability applies.
        at : str, float or sequence of them
            When: "3 weeks", a number of days, or several.

        Raises
        ------
        RegimenError
            With everything that is wrong.
        """
        return self._with(replacement(therapy, amount, at))

    def multiply(self, therapy: str, factor: float, *, at: str | float | Sequence[str | float]) -> Regimen:
        """Return the regimen with a compartment multiplied by a factor: half is lost to a dialysis, cells double.

        Parameters
        ----------
        therapy : str
            The name of a model's input; what is multiplied is the content of its compartment.
        factor : float
            Zero or more.
        at : str, float or sequence of them
            When: "3 weeks", a number of days, or several.

        Raises
        ------
        RegimenError
            With everything that is wrong.
        """
        return self._with(multiplication(therapy, factor, at))

    def reset(self, *, at: str | float | Sequence[str | float]) -> Regimen:
        """Return the regimen with all compartments set to their initial values; infusions in progress stop.

        Parameters
        ----------
        at : str, float or sequence of them
            When: "3 weeks", a number of days, or several.

        Raises
        ------
        RegimenError
            If a time is none.
        """
        return self._with(reset(at))

    def set(
        self,
        parameter: str,
        values: float | Sequence[float],
        times: str | float | Sequence[str | float],
        *,
        rule: Literal["locf", "nocb"],
    ) -> Regimen:
        """Return the regimen with the course of a covariate: a parameter that changes in time as it was measured.

        Doses stated by it ("2 mg/kg" by `weight`) are worked out with the value of their time.

        Parameters
        ----------
        parameter : str
            The name of a parameter of the model.
        values : float or sequence of float
            In the parameter's unit.
        times : str, float or sequence of them
            When each was measured, increasing: "3 weeks", or days.
        rule : {"locf", "nocb"}
            What holds between measurements. Last observation carried forward: a value holds from its time until the next.
            Next observation carried backward: a value holds from the time of the one before until its own, the first from
            day 0 on; the last goes on. Before the first value the parameter has the patient's own.

        Raises
        ------
        RegimenError
            With everything that is wrong.

        Examples
        --------
        >>> import immunoode as imo
        >>> regimen = imo.Regimen().dose("drug", "2 mg/kg", every="3 weeks", count=3)
        >>> regimen = regimen.set("weight", [80, 75, 70], [0, 21, 42], rule="locf")
        >>> regimen.schedule({"drug": "mg"}, {"weight": 80}).amounts.tolist()
        [160.0, 80.0, 150.0, 75.0, 140.0, 70.0]
        """
        return self._with(course(parameter, values, times, rule))

    def when(
        self,
        quantity: str,
        *,
        above: float | None = None,
        below: float | None = None,
        of: Literal["", "baseline", "nadir"] = "",
        by: float = 0.0,
        then: str | float | Regimen,
        therapies: str | Sequence[str] = (),
        every: str | float | None = None,
        start: str | float = 0.0,
    ) -> Regimen:
        """Return the regimen with a reaction to the patient's state.

        Parameters
        ----------
        quantity : str
            An output of the model.
        above, below : float
            The limit, one of them: a number in the quantity's unit, or a multiple of the reference `of`. At the limit counts.
        of : {"baseline", "nadir"}, optional
            The value at the start of the simulation, or the smallest that was seen so far.
        by : float
            How far from the reference at least, in the quantity's unit: progression is above=1.2, of="nadir", by=5 (mm).
        then : {"stop", "hold"}, float or Regimen
            Stop later doses for good; leave doses out as long as each decision finds the condition again; multiply later doses
            by a factor; or begin a further course, whose day 0 is then (once). An infusion that runs goes on.
        therapies : str or sequence of str
            Whose doses; unless said, those of all that this regimen gives (not those of a further course).
        every, start : str or float
            Decisions at visits, "6 weeks" apart from `start` on; a dose of the same time comes after the decision. By default
            they are taken continuously.

        Raises
        ------
        RegimenError
            With everything that is wrong.

        Examples
        --------
        >>> import immunoode as imo
        >>> drug = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=35)
        >>> treated = drug.when("sum_of_diameters", above=1.2, of="nadir", by=5, then="stop", every="6 weeks")
        >>> print(treated.reactions[0])
        sum_of_diameters at or above 1.2 x nadir and 5 from it, every 42 days from day 0: its therapies x 0
        """
        made = reaction(quantity, above, below, of, by, then, therapies, every, start, Regimen)
        return replace(self, reactions=(*self.reactions, made))

    def _with(self, rule: Rule) -> Regimen:
        return replace(self, rules=(*self.rules, rule))

    def __add__(self, other: Regimen) -> Regimen:
        """Return both regimens together."""
        if not isinstance(other, Regimen):
            return NotImplemented
        title = " + ".join(t for t in (self.title, other.title) if t)
        return Regimen(self.rules + other.rules, title, self.reactions + other.reactions)

    def shift(self, time: str | float) -> Regimen:
        """Return the regimen that much later (earlier, if negative)."""
        by = units.days(time)
        later = tuple(replace(r, since=r.since + by) for r in self.reactions)
        return replace(self, rules=tuple(rule.shifted(by) for rule in self.rules), reactions=later)

    def before(self, time: str | float) -> Regimen:
        """Return what is done before a time; an infusion that has begun is given in full, covariates keep their course.

        Examples
        --------
        >>> import immunoode as imo
        >>> year = imo.load_regimen("pembrolizumab_3_weekly").before("1 year")
        >>> len(year.to_frame())
        18
        """
        end = units.days(time)
        kept = ((rule,) if isinstance(rule, Course) else rule.before(end) for rule in self.rules)
        return replace(self, rules=tuple(part for parts in kept for part in parts))

    @property
    def doses(self) -> tuple[Dose, ...]:
        """The rules of dosing, in the order given."""
        return tuple(rule for rule in self.rules if isinstance(rule, Dose))

    @property
    def changes(self) -> tuple[Change, ...]:
        """What is done besides doses: compartments replaced or multiplied, resets."""
        return tuple(rule for rule in self.rules if isinstance(rule, Change))

    @property
    def courses(self) -> tuple[Course, ...]:
        """The courses of covariates."""
        return tuple(rule for rule in self.rules if isinstance(rule, Course))

    @property
    def therapies(self) -> tuple[str, ...]:
        """The therapies, in the order of their first mention."""
        named = (rule.therapy for rule in self.rules if not isinstance(rule, Course))
        return tuple(dict.fromkeys(name for name in named if name))

    def schedule(self, inputs: Mapping[str, str], covariates: Mapping[str, float]) -> Schedule:
        """Return the flat schedule of one patient.

        Parameters
        ----------
        inputs : mapping of str to str
            The unit of each input of the model.
        covariates : mapping of str to float
            `weight` (kg), `surface_area` (m2), `glomerular_filtration` (mL/min) where doses are stated by them. What the
            regimen sets of these at its times goes before.

        Raises
        ------
        RegimenError
            If a therapy is not an input, a unit does not fit, or a covariate is missing.
        """
        made = schedule_of(self.rules, inputs, covariates)
        if not self.reactions:
            return made
        courses = [None if r.course is None else r.course.schedule(inputs, covariates) for r in self.reactions]
        own = tuple(dict.fromkeys(dose.therapy for dose in self.doses))
        reactions = tuple(
            replace(r, course=course, therapies=r.therapies or own) for r, course in zip(self.reactions, courses, strict=True)
        )
        return replace(made, reactions=reactions)

    def to_frame(self) -> pd.DataFrame:
        """Return a table with a row for each administration, and for whatever else is done.

        Returns
        -------
        DataFrame
            `therapy` (of a "set": the parameter; of a "reset": ""), `time_day`, `amount` (of a "multiply": the factor; of a
            "set": the value), `unit`, `duration_day`, `action` (as of `Schedule`), `steady_day` (the interval of the steady
            state that a dose comes at, 0 for none).
        """
        import pandas as pd

        columns = ["therapy", "time_day", "amount", "unit", "duration_day", "action", "steady_day"]
        frame = pd.DataFrame([row for rule in self.rules for row in stated_rows(rule)], columns=columns)
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
