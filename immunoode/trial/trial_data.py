"""TrialData: one validated long table of observations, and what was left out of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem, nearest
from immunoode.notebook import without_mathematics
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
"""Columns of `TrialData.findings`: what was seen and not measured."""
ENDPOINTS = ("subject", "arm", "endpoint", "time", "event", "reason")
"""Columns of `TrialData.endpoints`: one time to an event, or to where it was last known not to have come."""
LEFT_OUT = ("row", "subject", "reason")
INTERVAL = "interval"
CENSORINGS = ("", "left", "right", INTERVAL)
"""How a value is to be read: as measured; the truth is below it; above it; between it and the lower `limit`."""
SUM_OF_DIAMETERS, DIAMETER = "sum_of_diameters", "diameter"
"""Quantities: of all target lesions of a patient; of one lesion."""


def empty(columns: tuple[str, ...]) -> DataFrame:
    """Return a table of these columns without a row."""
    import pandas as pd

    return pd.DataFrame({name: [] for name in columns})


@dataclass(frozen=True)
class TrialData:
    """What was seen in a trial: numbers in long form, and beside them words, doses, covariates and times to events.

    Attributes
    ----------
    frame : DataFrame
        One row per observation, sorted by subject (in order of appearance), quantity and time; columns as in `COLUMNS`:
        `time` in days; `lesion` and `kind` ("target", "target node", ...) where the value is of one lesion, else ""; `visit`
        the name of the visit where there is one.
    covariates : DataFrame or None
        One row per subject (index), one column per covariate.
    left_out : DataFrame
        Rows of the source that are not in `frame`, each with its row and the reason.
    title : str
        What the data are; says so where they are simulated.
    findings : DataFrame
        What was seen and not measured, columns as in `FINDINGS`: "not evaluable", "absent", "new", a response in words.
    endpoints : DataFrame
        Times to events, columns as in `ENDPOINTS`; `time` in days, `event` False where censored.
    schedules : mapping of str to Schedule
        Doses, and covariates that change, of each subject that has any.
    enrolled : mapping of str to str
        Arm of each subject who is known to belong to the trial, whether anything was seen of them or not (all of ADSL).
    reconciliation : Reconciliation or None
        What became of the rows, subjects and columns of the source; None where the data were not read from one.
    orders : mapping of row to float
        Of observations whose table has doses too, where they stood among those (see `Schedule.orders`), by their `row`.

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
        """Subjects in order of appearance: of the observations, then those of whom there is only more than these."""
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
        """Unit of each quantity ("" where none was given)."""
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
            Keep only subjects with this many observations (at different times).

        Raises
        ------
        DataError
            If a name is not in the data, or nothing is left.
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
        return replace(self, frame=kept, **self._beside(subjects))

    def _beside(self, subjects: set[str]) -> dict[str, Any]:
        """Return what is beside the observations, of these subjects alone."""

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

    def summary(self) -> DataFrame:
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

    def report(self) -> str:
        """Return in words what is in the data and which rows were left out, and why."""
        lines = [self.title or "Trial data", self._headline(), *self._more(), ""]
        if len(self):
            lines += [self.summary().to_string(index=False), ""]
        if self.reconciliation is not None:
            lines += [*_account(self.reconciliation), ""]
        if self.left_out.empty:
            return "\n".join([*lines, "No row was left out."])
        counts = self.left_out["reason"].value_counts()
        lines.append(f"{len(self.left_out)} rows were left out:")
        lines += [f"  {n} x {reason}" for reason, n in counts.items()]
        return "\n".join([*lines, format_left_out(self.left_out)])

    def _more(self) -> list[str]:
        """Return what there is beside the observations, in words."""
        counts = {
            "findings in words": len(self.findings),
            "times to events": len(self.endpoints),
            "subjects with doses": len(self.schedules),
            "covariates": 0 if self.covariates is None else len(self.covariates.columns),
        }
        some = [f"{number} {what}" for what, number in counts.items() if number]
        return ["Beside them: " + ", ".join(some)] if some else []

    def _headline(self) -> str:
        return f"{len(self)} observations of {len(self.subjects)} subjects in {len(self.arms)} arms"

    def __str__(self) -> str:
        return f"{self.title or 'Trial data'}: {self._headline()}, {len(self.left_out)} rows left out"

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        left_out = "" if self.left_out.empty else f"<p>{len(self.left_out)} rows left out: see <code>.report()</code></p>"
        title = f"<p><b>{escape(self.title or 'Trial data')}</b>: {self._headline()}</p>"
        return title + str(self.summary().to_html(index=False)) + left_out


MANY = 12
"""Columns up to which a report says of each what it was taken as."""


def _account(found: Reconciliation) -> list[str]:
    """Return what became of the source in a few lines: counts, columns, notes."""
    taken = [f"{c} = {what}" for c, what in found.columns.items() if what and what != UNUSED]
    lines = [f"Read from {found.source}: " + "; ".join(map(str, found.tallies)) + "."]
    if len(found.columns) <= MANY:
        lines += ["Columns: " + ", ".join(taken) + "."] if taken else []
        lines += ["Not used: " + ", ".join(found.unused) + "."] if found.unused else []
    elif found.columns:
        lines.append(f"{len(taken)} columns are used, {len(found.unused)} are not: see .reconciliation.report().")
    return lines + [f"Note: {note}." for note in found.notes]


def _among(column: str, known: Iterable[str], wanted: str | Iterable[str] | None) -> list[str]:
    """Return the names wanted, all where none are named."""
    names = list(known) if wanted is None else [wanted] if isinstance(wanted, str) else [str(w) for w in wanted]
    missing = [n for n in names if n not in set(known)]
    if missing:
        raise DataError([Problem(column, f"{n!r} is not in the data", nearest(n, known)) for n in missing])
    return names


def _in_arms(arms: Mapping[str, str], wanted: str | Iterable[str] | None) -> list[str]:
    chosen = set(_among("arm", dict.fromkeys(arms.values()), wanted))
    return [subject for subject, arm in arms.items() if arm in chosen]
