"""One ADaM data set with the subjects of ADSL: days, arms, and which rows are not observations."""

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
    """The contribution of one data set to the trial data."""

    left_out: pd.DataFrame
    frame: pd.DataFrame | None = None
    findings: pd.DataFrame = field(default_factory=lambda: empty(FINDINGS))
    endpoints: pd.DataFrame = field(default_factory=lambda: empty(ENDPOINTS))
    used: tuple[object, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AdamDataset:
    """One data set, indexed by the names of its rows, with the subjects of ADSL.

    Attributes
    ----------
    excluded : Series of str
        Why a row was left out earlier ("" if it was not): not selected by `where`, or from another reader.
    """

    name: str
    table: pd.DataFrame
    adsl_subjects: AdslSubjects
    partial: Partial
    excluded: pd.Series
    notes: tuple[str, ...] = ()
    readers: ReaderSelection | None = None

    @property
    def subject(self) -> pd.Series:
        import pandas as pd

        return pd.Series(identifiers(self.table[SUBJECT]), index=self.table.index, dtype=object)

    @property
    def arm(self) -> pd.Series:
        import pandas as pd

        own = first_column(self.table, self.adsl_subjects.arms)
        here = pd.Series("all", index=self.table.index) if own is None else self.column(own).replace("", NO_ARM)
        return self.subject.map(dict(self.adsl_subjects.arm)).fillna(here)

    @property
    def start(self) -> pd.Series:
        """Day 0 of the subject of each row, from ADSL, else from the data set itself."""
        own, _ = starts_of(self.table, self.adsl_subjects.starts, self.partial)
        if not self.adsl_subjects.start:
            return own
        return self.subject.map(dict(self.adsl_subjects.start)).astype("datetime64[ns]").fillna(own)

    def days(self) -> tuple[pd.Series, pd.Series, tuple[str, ...]]:
        """Return days from dates, else from relative days (NaN without either), what is wrong, and notes."""
        import pandas as pd

        days = pd.Series(float("nan"), index=self.table.index)
        wrong, notes = pd.Series("", index=self.table.index), list[str]()
        if "ADT" in self.table.columns:
            dates = read_dates(self.table["ADT"], partial=self.partial, day_numbers="sas")
            days = study_days(dates.values.astype("datetime64[ns]").dt.normalize(), self.start)
            wrong = dates.texts.map(lambda cell: f"date {cell!r} is not recognised (expected {date_advice(cell)})").where(
                dates.unread, ""
            )
            wrong = wrong.mask(~dates.missing & ~dates.unread & days.isna(), "its subject has no start to count its date from")
            filled = int((dates.partial & ~dates.unread).sum())
            notes += [f"{filled} partial dates are taken as the {self.partial} day"] if filled else []
        if "ADY" in self.table.columns:
            relative = days_from_relative_days(as_numbers(self.table["ADY"]).values)
            differ = int(((days - relative).abs() > 0).sum())
            notes += [f"ADY differs from ADT minus the start in {differ} rows: the dates count"] if differ else []
            filled = int((days.isna() & relative.notna()).sum())
            notes += [f"{filled} rows have their day from ADY"] if filled and days.notna().any() else []
            days = days.where(days.notna(), relative)
        return days, wrong.where(days.isna(), ""), tuple(notes)

    def column(self, *names: str) -> pd.Series:
        """Return for each row the first non-empty cell of these columns as text, "" if all are empty."""
        import pandas as pd

        found = pd.Series("", index=self.table.index)
        for name in names:
            if name in self.table.columns:
                texts = as_text(self.table[name])
                found = found.where(found != "", texts.mask(is_missing(texts), ""))
        return found

    def not_observed(self) -> pd.Series:
        """Return why rows are not observations: no subject, a subject outside the trial, or derived from other rows."""
        derived = self.column("DTYPE")
        is_sum = derived.str.upper() == "SUM"
        return first_reason(
            (self.excluded != "", lambda rows: self.excluded[rows]),
            (self.subject == "", "has no subject"),
            (self.column("PARAMCD") == "", "has no PARAMCD"),
            (self.subject.isin(self.adsl_subjects.out), lambda rows: self.subject[rows].map(dict(self.adsl_subjects.out))),
            ((derived != "") & ~is_sum, lambda rows: "derived, not observed (DTYPE " + derived[rows] + ")"),
        )

    def left_out(self, reason: pd.Series) -> pd.DataFrame:
        """Return the rows with a reason, as `TrialData.left_out` lists them."""
        import pandas as pd

        rows = reason[reason != ""]
        listed = {"row": rows.index, "subject": self.subject[rows.index].to_numpy(), "reason": rows.to_numpy()}
        return pd.DataFrame(listed)[list(LEFT_OUT)] if len(rows) else empty(LEFT_OUT)

    def taken(self, roles: Mapping[str, str]) -> dict[str, str]:
        """Return the interpretation of each column."""
        known = {
            SUBJECT: "subject",
            "PARAMCD": "quantity",
            "ADT": "date",
            "ADY": "relative day",
            "AVISIT": "visit",
            "DTYPE": "derivation",
        }
        known |= dict.fromkeys(self.adsl_subjects.arms, "arm") | dict.fromkeys(self.adsl_subjects.starts, "start") | dict(roles)
        if self.readers is not None:
            known |= {str(c): "reader" for c in self.readers.columns}
        return {str(c): known.get(str(c), UNUSED) for c in self.table.columns}
