"""Regimens: doses over time, independent of the model and of the subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from immunoode import units
from immunoode.errors import renamed
from immunoode.notebook import shown
from immunoode.regimen.calendar import calendar
from immunoode.regimen.covariate_series import CovariateSeries, covariate_series
from immunoode.regimen.dose_rule import dose_rule
from immunoode.regimen.doses import Dose
from immunoode.regimen.expand import Rule, expand_rules, stated_records
from immunoode.regimen.schedule import EventRecord, Schedule
from immunoode.regimen.state_change import StateChange, multiplication, replacement, reset
from immunoode.regimen.triggers import Trigger, trigger

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
@shown
class Regimen:
    """Doses and other events over time. Immutable: every method returns a new regimen.

    Events at the same time happen in the order in which they were added.

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
    triggers: tuple[Trigger, ...] = ()

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
        """Return the regimen with the doses of a further therapy, or with further doses of one that it has.

        Parameters
        ----------
        therapy : str
            The name of a model's input.
        amount : str or float
            "200 mg", "2 mg/kg", "75 mg/m2", "2e6 cells/kg", "2 Gy"; "AUC 5" or "5 mg*min/mL" is an area under the curve
            (Calvert). A plain number is in the input's unit.
        every : str or float, optional
            Interval between doses, or between cycles if `days` is given. A plain number is in days.
        count : int, optional
            Number of doses or cycles; required with an interval, otherwise 1.
        over : str or float
            Duration of each infusion; 0 is a bolus.
        start : str or float
            Time of the first dose.
        weekdays : bool
            Skip Saturdays and Sundays; day 0 is a Monday. A dose on a weekend moves to Monday, and the later doses move with
            it; with intervals of less than a day, doses on weekends are left out.
        days : sequence of float
            Days within a cycle; the first is day 1: `days=(1, 8), every="3 weeks"`.
        loading : str or float, optional
            A first dose that differs.
        rate : str or float, optional
            The rate of each infusion, instead of `over`: "10 mg/h", or "0.1 mg/kg/h" for an amount in mg/kg. A plain number is
            per day and belongs to an amount that is a plain number. The rate stays the same at any bioavailability: half of
            the amount takes half of the time.
        steady_state : bool
            Whether the first dose is given at the steady state of such doses repeated at the interval `every`. The dosed
            compartment and those that exchange matter with it are brought to that steady state; the others are unchanged.

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
        """Return the regimen with a compartment set to an amount, regardless of its content.

        Parameters
        ----------
        therapy : str
            The name of a model's input, whose compartment is set.
        amount : str or float
            As for a dose. The input's bioavailability applies.
        at : str, float or sequence of them
            When: "3 weeks", a number of days, or several.

        Raises
        ------
        RegimenError
            With everything that is wrong.
        """
        return self._with(replacement(therapy, amount, at))

    def multiply(self, therapy: str, factor: float, *, at: str | float | Sequence[str | float]) -> Regimen:
        """Return the regimen with a compartment multiplied by a factor, for example 0.5 for a dialysis that removes half.

        Parameters
        ----------
        therapy : str
            The name of a model's input, whose compartment is multiplied.
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
            If a time is invalid.
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
        """Return the regimen with a time-varying covariate: a parameter with measured values at given times.

        Doses that depend on it ("2 mg/kg" on `weight`) are calculated with the value at their time.

        Parameters
        ----------
        parameter : str
            The name of a parameter of the model.
        values : float or sequence of float
            In the parameter's unit.
        times : str, float or sequence of them
            The times of measurement, increasing: "3 weeks", or days.
        rule : {"locf", "nocb"}
            The rule between measurements. Last observation carried forward ("locf"): a value holds from its time until the
            next. Next observation carried backward ("nocb"): a value holds from the previous time until its own, the first
            one from day 0 on, and the last one for ever. Before the first value, the subject's own parameter holds.

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
        return self._with(covariate_series(parameter, values, times, rule))

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
        until: float | None = None,
    ) -> Regimen:
        """Return the regimen with a trigger: a condition on the state that changes the treatment.

        Parameters
        ----------
        quantity : str
            An output of the model.
        above, below : float
            The limit (give one of the two): a number in the quantity's unit, or a multiple of the reference `of`. A value
            equal to the limit fulfils the condition.
        of : {"baseline", "nadir"}, optional
            The reference: the value at the start of the simulation, or the smallest value so far.
        by : float
            The smallest distance from the reference, in the quantity's unit. Progression is above=1.2, of="nadir", by=5 (mm).
        then : {"stop", "hold"}, float or Regimen
            "stop" ends the doses for good; "hold" omits them for as long as the condition holds at each check; a factor
            multiplies later doses; a Regimen begins once, at the time of the check, which is its day 0. An infusion in progress
            continues.
        therapies : str or sequence of str
            The therapies whose doses are affected; by default all that this regimen gives (not those of `then`).
        every, start : str or float
            The interval and start of visits at which the condition is checked ("6 weeks"); a dose of the same time is given
            after the check. By default, the condition is checked continuously.
        until : float, optional
            With "hold": the limit up to which doses are omitted once they are, a number or a multiple like the other. Adaptive
            therapy that stops at half of the PSA at the start and resumes when all of it is back has below=0.5, until=1,
            of="baseline". By default, doses resume when the condition no longer holds.

        Raises
        ------
        RegimenError
            With everything that is wrong.

        Examples
        --------
        >>> import immunoode as imo
        >>> drug = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=35)
        >>> treated = drug.when("sum_of_diameters", above=1.2, of="nadir", by=5, then="stop", every="6 weeks")
        >>> print(treated.triggers[0])
        sum_of_diameters at or above 1.2 x nadir and 5 from it, every 42 days from day 0: its therapies x 0
        """
        made = trigger(quantity, above, below, of, by, then, therapies, every, start, until, Regimen)
        return replace(self, triggers=(*self.triggers, made))

    def _with(self, rule: Rule) -> Regimen:
        return replace(self, rules=(*self.rules, rule))

    def __add__(self, other: Regimen) -> Regimen:
        """Return both regimens together."""
        if not isinstance(other, Regimen):
            return NotImplemented
        title = " + ".join(t for t in (self.title, other.title) if t)
        return Regimen(self.rules + other.rules, title, self.triggers + other.triggers)

    def shift(self, time: str | float) -> Regimen:
        """Return the regimen delayed by a time (advanced if negative)."""
        by = units.days(time)
        later = tuple(replace(trigger, since=trigger.since + by) for trigger in self.triggers)
        return replace(self, rules=tuple(rule.shifted(by) for rule in self.rules), triggers=later)

    def before(self, time: str | float) -> Regimen:
        """Return the part of the regimen before a time; an infusion that has begun is completed, covariates keep all values.

        Examples
        --------
        >>> import immunoode as imo
        >>> year = imo.load_regimen("pembrolizumab_3_weekly").before("1 year")
        >>> len(year.to_frame())
        18
        """
        end = units.days(time)
        kept = ((rule,) if isinstance(rule, CovariateSeries) else rule.before(end) for rule in self.rules)
        return replace(self, rules=tuple(part for parts in kept for part in parts))

    @property
    def doses(self) -> tuple[Dose, ...]:
        """The dose rules, in the order given."""
        return tuple(rule for rule in self.rules if isinstance(rule, Dose))

    @property
    def changes(self) -> tuple[StateChange, ...]:
        """The changes other than doses: compartments replaced or multiplied, resets."""
        return tuple(rule for rule in self.rules if isinstance(rule, StateChange))

    @property
    def covariate_series(self) -> tuple[CovariateSeries, ...]:
        """The time-varying covariates."""
        return tuple(rule for rule in self.rules if isinstance(rule, CovariateSeries))

    courses = renamed("courses", "covariate_series")
    reactions = renamed("reactions", "triggers")

    @property
    def therapies(self) -> tuple[str, ...]:
        """The therapies, in the order of their first rule."""
        named = (rule.therapy for rule in self.rules if not isinstance(rule, CovariateSeries))
        return tuple(dict.fromkeys(name for name in named if name))

    def schedule(self, inputs: Mapping[str, str], covariates: Mapping[str, float]) -> Schedule:
        """Return the schedule of one subject.

        Parameters
        ----------
        inputs : mapping of str to str
            The unit of each input of the model.
        covariates : mapping of str to float
            `weight` (kg), `surface_area` (m2), `glomerular_filtration` (mL/min), if doses depend on them. Values that the
            regimen sets take precedence.

        Raises
        ------
        RegimenError
            If a therapy is not an input, a unit does not fit, or a covariate is missing.
        """
        made = expand_rules(self.rules, inputs, covariates)
        if not self.triggers:
            return made
        own = tuple(dict.fromkeys(dose.therapy for dose in self.doses))
        triggers = tuple(
            replace(t, course=t.course and t.course.schedule(inputs, covariates), therapies=t.therapies or own)
            for t in self.triggers
        )
        return replace(made, triggers=triggers)

    def to_frame(self) -> pd.DataFrame:
        """Return a table with one row per administration or other event.

        Returns
        -------
        DataFrame
            `therapy` (for "set" the parameter, for "reset" ""), `time_day`, `amount` (for "multiply" the factor, for "set" the
            value), `unit`, `duration_day`, `action` (as in `Schedule`), `steady_day` (the dosing interval if a dose is given at
            steady state, otherwise 0).
        """
        import pandas as pd

        names = {"name": "therapy", "time": "time_day", "amount": "amount", "unit": "unit"}
        names |= {"duration": "duration_day", "action": "action", "steady": "steady_day"}
        records = [record for rule in self.rules for record in stated_records(rule)]
        frame = pd.DataFrame(records, columns=EventRecord._fields)[list(names)].rename(columns=names)
        return frame.sort_values("time_day", kind="stable", ignore_index=True)

    def report(self) -> str:
        """Return the regimen in words: what is given, when, and under which conditions."""
        return str(self)

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the regimen as a timeline with one lane per therapy. Returns Axes."""
        from immunoode.plot.regimen import plot_regimen

        return plot_regimen(self, ax=ax, **options)

    def __str__(self) -> str:
        return calendar(self)
