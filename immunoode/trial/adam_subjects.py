"""ADSL: day 0 and arm of each subject, and who did not enter the trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem
from immunoode.tables.cells import as_text, is_missing
from immunoode.tables.dates import Partial, read_dates
from immunoode.tables.identifiers import identifiers
from immunoode.trial.trial_data import LEFT_OUT, empty
from immunoode.trial.validation import first_reason

if TYPE_CHECKING:
    import pandas as pd

SUBJECT = "USUBJID"
FAILURES = frozenset(
    {
        "screen failure",
        "screen failed",
        "screening failure",
        "scrnfail",
        "screen fail",
        "not assigned",
        "notassgn",
        "not randomized",
    }
)
"""Arms of subjects who did not enter the trial, in lower case."""
_ARM_COLUMNS = ("ARM", "ACTARM", "ARMCD", "ACTARMCD", "ARMNRS", "TRT01P", "TRT01A", "TRTP", "TRTA")
NO_ARM = "no arm stated"
FAILED = "did not enter the trial (screen failure)"


@dataclass(frozen=True)
class AdslSubjects:
    """The subjects in ADSL.

    Attributes
    ----------
    start : mapping of str to Timestamp
        Day 0 of each subject that has one.
    arm : mapping of str to str
    out : mapping of str to str
        Why subjects do not belong to the trial: screen failures, and subjects who were not selected.
    covariates : DataFrame or None
        The other columns, of the subjects who belong to it.
    starts, arms : sequence of str
        Columns from which day 0 and arms are taken.
    """

    start: Mapping[str, Any]
    arm: Mapping[str, str]
    out: Mapping[str, str]
    covariates: pd.DataFrame | None
    starts: Sequence[str]
    arms: Sequence[str]
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[Any] = ()
    left_out: pd.DataFrame = field(default_factory=lambda: empty(LEFT_OUT))
    notes: tuple[str, ...] = ()

    @property
    def arm_of_enrolled(self) -> dict[str, str]:
        """The arm of each subject who entered the trial, "all" if no arms are known."""
        names = () if self.covariates is None else self.covariates.index
        return {str(name): self.arm.get(str(name), "all") for name in names}


def read_adsl(
    table: pd.DataFrame | None, starts: Sequence[str], arms: Sequence[str], partial: Partial, excluded: Mapping[Any, str]
) -> AdslSubjects:
    """Read ADSL; without it, return no subjects.

    Parameters
    ----------
    excluded : mapping of row to str
        Why rows were not selected, "" for selected rows.

    Raises
    ------
    DataError
        If a subject has two rows.
    """
    import pandas as pd

    if table is None:
        return AdslSubjects({}, {}, {}, None, starts, arms)
    subject = pd.Series(identifiers(table[SUBJECT]), index=table.index, dtype=object)
    again = subject.duplicated() & (subject != "")
    if again.any():
        twice = subject[again]
        raise DataError(Problem(str(twice.index[0]), f"is a second row of {twice.iloc[0]}", "one row per subject in ADSL"))
    dates, used = starts_of(table, starts, partial)
    begins = {s: date for s, date in zip(subject, dates, strict=True) if s and not pd.isna(date)}
    named = first_column(table, arms)
    arm = {} if named is None else dict(zip(subject, _arm_names(table[named]), strict=True))
    excluded_rows = pd.Series(excluded, index=table.index, dtype=object)
    reason = first_reason(
        (subject == "", "has no subject"), (_failures(table), FAILED), (excluded_rows != "", lambda rows: excluded_rows[rows])
    )
    kept = table[reason == ""]
    rest = kept.drop(columns=[SUBJECT]).set_axis(list(subject[kept.index]), axis=0)
    lost = [(row, subject[row], why) for row, why in reason.items() if why]
    left_out = pd.DataFrame(lost, columns=list(LEFT_OUT)) if lost else empty(LEFT_OUT)
    columns = dict.fromkeys(map(str, table.columns), "covariate") | {SUBJECT: "subject"}
    columns |= {c: "start" for c in starts if c in table.columns} | ({named: "arm"} if named else {})
    return AdslSubjects(
        begins,
        arm,
        {s: why for _, s, why in lost if s},
        rest,
        starts,
        arms,
        columns,
        list(table.index),
        left_out,
        _notes(subject[kept.index], used[kept.index], arm),
    )


def first_column(table: pd.DataFrame, names: Sequence[str]) -> str | None:
    """Return the first of the columns that exists and is not empty."""
    return next((n for n in names if n in table.columns and not is_missing(as_text(table[n])).all()), None)


def starts_of(table: pd.DataFrame, starts: Sequence[str], partial: Partial = "refuse") -> tuple[pd.Series, pd.Series]:
    """Return for each row the first of these dates that it has, as a day, and its column."""
    import pandas as pd

    dates = pd.Series(pd.NaT, index=table.index, dtype="datetime64[ns]")
    used = pd.Series("", index=table.index)
    for name in (n for n in starts if n in table.columns):
        own = read_dates(table[name], partial=partial, day_numbers="sas").values.astype("datetime64[ns]")
        fresh = dates.isna() & own.notna()
        dates, used = dates.where(~fresh, own), used.where(~fresh, name)
    return dates.dt.normalize(), used


def _arm_names(column: pd.Series) -> pd.Series:
    names = as_text(column)
    return names.mask(is_missing(names), NO_ARM)


def _failures(table: pd.DataFrame) -> pd.Series:
    import pandas as pd

    failed = pd.Series(False, index=table.index)
    for name in (c for c in _ARM_COLUMNS if c in table.columns):
        failed |= as_text(table[name]).str.casefold().str.replace(r"[\s_-]+", " ", regex=True).isin(FAILURES)
    return failed


def _notes(subject: pd.Series, used: pd.Series, arm: Mapping[str, str]) -> tuple[str, ...]:
    """Return notes on subjects with day 0 from another column than most, and on subjects without an arm."""
    notes = []
    counts = used[used != ""].value_counts(sort=False)
    if len(counts) > 1:
        usual = counts.idxmax()
        notes += [f"day 0 of {n} subjects is {name}, as they have no {usual}" for name, n in counts.items() if name != usual]
    if (used == "").any() and len(counts):
        notes.append(f"{int((used == '').sum())} subjects have no start date: their days are from ADY")
    without = sum(name == NO_ARM for s, name in arm.items() if s in set(subject))
    return (*notes, f"{without} subjects have no arm: {NO_ARM!r}") if without else tuple(notes)
