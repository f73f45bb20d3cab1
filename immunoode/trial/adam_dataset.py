"""One ADaM data set with what ADSL says of its subjects: days, arms, and which rows are no observations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from immunoode.tables.cells import as_numbers, as_text, is_missing
from immunoode.tables.dates import Partial, date_advice, days_from_relative_days, read_dates, study_days
from immunoode.tables.identifiers import identifiers
from immunoode.tables.reconciliation import UNUSED
from immunoode.trial.adam_subjects import NO_ARM, SUBJECT, AdslSubjects, first_column, starts_of
from immunoode.trial.image_readers import ReaderSelection
from immunoode.trial.trial_data import ENDPOINTS, FINDINGS, LEFT_OUT, empty
from immunoode.trial.validation import first_reason

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TrialPart:
    """What one data set gives to the trial."""

    left_out: pd.DataFrame
    frame: pd.DataFrame | None = None
    findings: pd.DataFrame = field(default_factory=lambda: empty(FINDINGS))
    endpoints: pd.DataFrame = field(default_factory=lambda: empty(ENDPOINTS))
    used: tuple[object, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AdamDataset:
    """One data set, its index the name of each row, with what ADSL says of its subjects.

    Attributes
    ----------
    aside : Series of str
        Why a row was left out before it was looked at ("" where it was not): by `where`, of another reader.
    """

    name: str
    table: pd.DataFrame
    people: AdslSubjects
    partial: Partial
    aside: pd.Series
    notes: tuple[str, ...] = ()
    readers: ReaderSelection | None = None

    @property
    def subject(self) -> pd.Series:
        import pandas as pd

        return pd.Series(identifiers(self.table[SUBJECT]), index=self.table.index, dtype=object)

    @property
    def arm(self) -> pd.Series:
        import pandas as pd

        own = first_column(self.table, self.people.arms)
        here = pd.Series("all", index=self.table.index) if own is None else self.column(own).replace("", NO_ARM)
        return self.subject.map(dict(self.people.arm)).fillna(here)

    @property
    def start(self) -> pd.Series:
        """Day 0 of each row's subject: by ADSL, else by the data set itself."""
        own, _ = starts_of(self.table, self.people.starts, self.partial)
        if not self.people.start:
            return own
        return self.subject.map(dict(self.people.start)).astype("datetime64[ns]").fillna(own)

    def days(self) -> tuple[pd.Series, pd.Series, tuple[str, ...]]:
        """Return days by dates, else by relative days (NaN where there are neither), what is wrong, and notes."""
        import pandas as pd

        days = pd.Series(float("nan"), index=self.table.index)
        wrong, notes = pd.Series("", index=self.table.index), list[str]()
        if "ADT" in self.table.columns:
            dates = read_dates(self.table["ADT"], partial=self.partial, day_numbers="sas")
            days = study_days(dates.values.astype("datetime64[ns]").dt.normalize(), self.start)
            wrong = dates.texts.map(lambda cell: f"date {cell!r} is not understood (expected {date_advice(cell)})").where(
                dates.unread, ""
            )
            wrong = wrong.mask(~dates.missing & ~dates.unread & days.isna(), "its subject has no start to count its date from")
            filled = int((dates.partial & ~dates.unread).sum())
            notes += [f"{filled} partial dates are taken as the {self.partial} day"] if filled else []
        if "ADY" in self.table.columns:
            relative = days_from_relative_days(as_numbers(self.table["ADY"]).values)
            differ = int(((days - relative).abs() > 0).sum())
            notes += [f"ADY differs from ADT less the start in {differ} rows: the dates count"] if differ else []
            filled = int((days.isna() & relative.notna()).sum())
            notes += [f"{filled} rows have their day from ADY"] if filled and days.notna().any() else []
            days = days.where(days.notna(), relative)
        return days, wrong.where(days.isna(), ""), tuple(notes)

    def column(self, *names: str) -> pd.Series:
        """Return of each row the first of these columns that says something, as text; "" where none does."""
        import pandas as pd

        said = pd.Series("", index=self.table.index)
        for name in names:
            if name in self.table.columns:
                texts = as_text(self.table[name])
                said = said.where(said != "", texts.mask(is_missing(texts), ""))
        return said

    def no_observation(self) -> pd.Series:
        """Return why rows are no observations: of nobody, of who did not enter the trial, or derived from other rows."""
        derived = self.column("DTYPE")
        is_sum = derived.str.upper() == "SUM"
        return first_reason(
            (self.aside != "", lambda rows: self.aside[rows]),
            (self.subject == "", "has no subject"),
            (self.column("PARAMCD") == "", "has no PARAMCD"),
            (self.subject.isin(self.people.out), lambda rows: self.subject[rows].map(dict(self.people.out))),
            ((derived != "") & ~is_sum, lambda rows: "derived, not observed (DTYPE " + derived[rows] + ")"),
        )

    def left_out(self, reason: pd.Series) -> pd.DataFrame:
        """Return the rows with a reason, as `TrialData.left_out` lists them."""
        import pandas as pd

        rows = reason[reason != ""]
        listed = {"row": rows.index, "subject": self.subject[rows.index].to_numpy(), "reason": rows.to_numpy()}
        return pd.DataFrame(listed)[list(LEFT_OUT)] if len(rows) else empty(LEFT_OUT)

    def taken(self, roles: Mapping[str, str]) -> dict[str, str]:
        """Return for each column what it was taken as."""
        known = {
            SUBJECT: "subject",
            "PARAMCD": "quantity",
            "ADT": "date",
            "ADY": "relative day",
            "AVISIT": "visit",
            "DTYPE": "derivation",
        }
        known |= dict.fromkeys(self.people.arms, "arm") | dict.fromkeys(self.people.starts, "start") | dict(roles)
        if self.readers is not None:
            known |= {str(c): "reader" for c in self.readers.columns}
        return {str(c): known.get(str(c), UNUSED) for c in self.table.columns}
