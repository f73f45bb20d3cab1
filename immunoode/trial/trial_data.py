"""TrialData: a validated long table of observations, and what was left out of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem, nearest, renamed
from immunoode.notebook import shown, without_mathematics
from immunoode.regimen.schedule import Schedule
from immunoode.tables.reconciliation import UNUSED, Reconciliation
from immunoode.trial.reconcile import format_left_out

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = (
    "subject",
    "arm",
    "time",
    "quantity",
    "value",
    "unit",
    "lesion",
    "kind",
    "censoring",
    "limit",
    "flag",
    "visit",
    "row",
)
"""Columns of `TrialData.frame`; `row` is the row of the source that the observation came from."""
FINDINGS = ("subject", "arm", "time", "lesion", "kind", "finding", "visit", "row")
"""Columns of `TrialData.findings`: findings that were not measured."""
ENDPOINTS = ("subject", "arm", "endpoint", "time", "event", "reason")
"""Columns of `TrialData.endpoints`: one time to an event or to censoring per row."""
LEFT_OUT = ("row", "subject", "reason")
INTERVAL = "interval"
CENSORINGS = ("", "left", "right", INTERVAL)
"""Censoring of a value: none; the true value is below it; above it; between `limit` and it."""
SUM_OF_DIAMETERS, DIAMETER = "sum_of_diameters", "diameter"
"""Quantities of all target lesions of a patient, and of one lesion."""


def empty(columns: tuple[str, ...]) -> DataFrame:
    """Return a table with these columns and no rows."""
    import pandas as pd

    return pd.DataFrame({name: [] for name in columns})


@dataclass(frozen=True)
@shown
class TrialData:
    """Data of a trial: observations in long form, with findings, doses, covariates and times to events.

    Attributes
    ----------
    frame : DataFrame
        One row per observation, sorted by subject (in order of appearance), quantity and time; columns as in `COLUMNS`:
        `time` in days; `lesion` and `kind` ("target", "target node", ...) if the value is of one lesion, else ""; `visit`
        the name of the visit, if any.
    covariates : DataFrame or None
        One row per subject (index), one column per covariate.
    left_out : DataFrame
        Rows of the source that are not in `frame`, each with its row and the reason.
    title : str
        Title of the data; it says so if they are simulated.
    findings : DataFrame
        Findings that were not measured, columns as in `FINDINGS`: "not evaluable", "absent", "new", a response in words.
    endpoints : DataFrame
        Times to events, columns as in `ENDPOINTS`; `time` in days, `event` False if censored.
    schedules : mapping of str to Schedule
        Doses, and covariates that change with time, of each subject that has any.
    enrolled : mapping of str to str
        Arm of each subject who is known to belong to the trial, with or without observations (all of ADSL).
    reconciliation : Reconciliation or None
        How the rows, subjects and columns of the source were used; None if the data were not read from a source.
    orders : mapping of row to float
        Position among the doses at the same time (see `Schedule.orders`) of observations, by `row`, if the table has doses.

    Examples
    --------
    >>> import immunoode as imo
    >>> data = imo.load_example()
    >>> data.arms
    ('docetaxel', 'pembrolizumab', 'docetaxel + pembrolizumab')
    """

    frame: DataFrame
    title: str = ""
    covariates: DataFrame | None = None
    left_out: DataFrame = field(default_factory=lambda: empty(LEFT_OUT))
    findings: DataFrame = field(default_factory=lambda: empty(FINDINGS))
    endpoints: DataFrame = field(default_factory=lambda: empty(ENDPOINTS))
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    enrolled: Mapping[str, str] = field(default_factory=dict)
    reconciliation: Reconciliation | None = None
    orders: Mapping[Any, float] = field(default_factory=dict)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects in order of appearance: those with observations, then those with findings or endpoints only."""
        return tuple(self.arm_of())

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms in order of appearance."""
        return tuple(dict.fromkeys(self.arm_of().values()))

    @property
    def quantities(self) -> tuple[str, ...]:
        """Measured quantities in order of appearance."""
        return tuple(self.frame["quantity"].unique())

    @property
    def units(self) -> dict[str, str]:
        """Unit of each quantity ("" if not stated)."""
        return {str(k): str(v) for k, v in self.frame.groupby("quantity", sort=False)["unit"].first().items()}

    def __len__(self) -> int:
        return len(self.frame)

    def arm_of(self) -> dict[str, str]:
        """Return the arm of every subject."""
        arms: dict[str, str] = {}
        for table in (self.frame, self.findings, self.endpoints):
            first = table.drop_duplicates("subject")
            arms |= {s: a for s, a in zip(first["subject"], first["arm"], strict=True) if s not in arms}
        return arms | {s: a for s, a in self.enrolled.items() if s not in arms}

    def select(
        self,
        *,
        arm: str | Iterable[str] | None = None,
        subject: str | Iterable[str] | None = None,
        quantity: str | Iterable[str] | None = None,
        at_least: int = 1,
    ) -> TrialData:
        """Return the part of the data with these arms, subjects and quantities.

        Parameters
        ----------
        at_least : int
            Keep only subjects with at least this many observations (at different times).

        Raises
        ------
        DataError
            If a name is not in the data, or no observation is left.
        """
        frame, arms = self.frame, self.arm_of()
        subjects = set(_among("subject", arms, subject)) & set(_in_arms(arms, arm))
        if quantity is not None:
            frame = frame[frame["quantity"].isin(_among("quantity", self.quantities, quantity))]
        if quantity is not None or at_least > 1:
            visits = frame.drop_duplicates(["subject", "time"]).groupby("subject").size()
            subjects &= set(visits.index[visits >= at_least])
        if not subjects:
            raise DataError(Problem("select", "leaves no observation", "widen the selection or lower at_least"))
        kept = frame[frame["subject"].isin(subjects)].reset_index(drop=True)
        return replace(self, frame=kept, **self._other_fields(subjects))

    def _other_fields(self, subjects: set[str]) -> dict[str, Any]:
        """Return everything but the observations of these subjects."""

        def own(table: DataFrame) -> DataFrame:
            return table[table["subject"].isin(subjects)].reset_index(drop=True)

        covariates = self.covariates
        return {
            "covariates": None if covariates is None else covariates[covariates.index.isin(subjects)],
            "findings": own(self.findings),
            "endpoints": own(self.endpoints),
            "schedules": {s: schedule for s, schedule in self.schedules.items() if s in subjects},
            "enrolled": {s: arm for s, arm in self.enrolled.items() if s in subjects},
        }

    def to_frame(self) -> DataFrame:
        """Return a copy of the long table."""
        return self.frame.copy()

    def plot(self, quantity: str | Iterable[str] | None = None, **options: Any) -> Any:
        """Draw the measurements over time; see `immunoode.plot.measurements.measurements`. Returns Axes."""
        from immunoode.plot.measurements import measurements

        return measurements(self, quantity, **options)

    def arm_table(self) -> DataFrame:
        """Return one row per arm and quantity: subjects, observations, times, range of values, unit."""
        rows = self.frame.groupby(["arm", "quantity"], sort=False)
        table = rows.agg(
            subjects=("subject", "nunique"),
            observations=("value", "size"),
            first_day=("time", "min"),
            last_day=("time", "max"),
            smallest=("value", "min"),
            largest=("value", "max"),
            unit=("unit", "first"),
        )
        return table.reset_index()

    summary = renamed("summary", "arm_table")

    def report(self) -> str:
        """Return a summary in words: the contents of the data, which rows were left out, and why."""
        lines = [self.title or "Trial data", self._headline(), *self._other_contents(), ""]
        if len(self):
            lines += [self.arm_table().to_string(index=False), ""]
        if self.reconciliation is not None:
            lines += [*_reconciliation_lines(self.reconciliation), ""]
        if self.left_out.empty:
            return "\n".join([*lines, "No row was left out."])
        counts = self.left_out["reason"].value_counts()
        lines.append(f"{len(self.left_out)} rows were left out:")
        lines += [f"  {n} x {reason}" for reason, n in counts.items()]
        return "\n".join([*lines, format_left_out(self.left_out)])

    def _other_contents(self) -> list[str]:
        """Return what the data contain other than observations, in words."""
        counts = {
            "findings in words": len(self.findings),
            "times to events": len(self.endpoints),
            "subjects with doses": len(self.schedules),
            "covariates": 0 if self.covariates is None else len(self.covariates.columns),
        }
        some = [f"{number} {what}" for what, number in counts.items() if number]
        return ["Also: " + ", ".join(some)] if some else []

    def _headline(self) -> str:
        return f"{len(self)} observations of {len(self.subjects)} subjects in {len(self.arms)} arms"

    def __str__(self) -> str:
        return f"{self.title or 'Trial data'}: {self._headline()}, {len(self.left_out)} rows left out"

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        left_out = "" if self.left_out.empty else f"<p>{len(self.left_out)} rows left out: see <code>.report()</code></p>"
        title = f"<p><b>{escape(self.title or 'Trial data')}</b>: {self._headline()}</p>"
        return title + str(self.arm_table().to_html(index=False)) + left_out


MANY = 12
"""Largest number of columns that a report lists with their roles."""


def _reconciliation_lines(found: Reconciliation) -> list[str]:
    """Return the reconciliation in a few lines: counts, columns, notes."""
    taken = [f"{c} = {what}" for c, what in found.columns.items() if what and what != UNUSED]
    lines = [f"Read from {found.source}: " + "; ".join(map(str, found.tallies)) + "."]
    if len(found.columns) <= MANY:
        lines += ["Columns: " + ", ".join(taken) + "."] if taken else []
        lines += ["Not used: " + ", ".join(found.unused) + "."] if found.unused else []
    elif found.columns:
        lines.append(f"{len(taken)} columns are used, {len(found.unused)} are not: see .reconciliation.report().")
    return lines + [f"Note: {note}." for note in found.notes]


def _among(column: str, known: Iterable[str], wanted: str | Iterable[str] | None) -> list[str]:
    """Return the requested names, all if none are requested."""
    names = list(known) if wanted is None else [wanted] if isinstance(wanted, str) else [str(w) for w in wanted]
    missing = [n for n in names if n not in set(known)]
    DataError.raise_if(Problem(column, f"{n!r} is not in the data", nearest(n, known)) for n in missing)
    return names


def _in_arms(arms: Mapping[str, str], wanted: str | Iterable[str] | None) -> list[str]:
    chosen = set(_among("arm", dict.fromkeys(arms.values()), wanted))
    return [subject for subject, arm in arms.items() if arm in chosen]
