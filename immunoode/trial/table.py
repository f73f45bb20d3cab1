"""TrialData: one validated long table of observations, and what was left out of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from immunoode.errors import DataError, Problem, nearest

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = ("subject", "arm", "time", "quantity", "value", "unit", "censoring", "flag", "row")
"""Columns of `TrialData.frame`; `row` is the row of the source that the observation came from."""
LEFT_OUT = ("row", "subject", "reason")
CENSORINGS = ("", "left", "right")
"""How a value is to be read: as measured; the truth is below it; the truth is above it."""


def _no_rows() -> DataFrame:
    import pandas as pd

    return pd.DataFrame({name: [] for name in LEFT_OUT})


@dataclass(frozen=True)
class TrialData:
    """Observations of a trial in long form.

    Attributes
    ----------
    frame : DataFrame
        One row an observation, sorted by subject (in order of appearance), quantity and time; columns as in `COLUMNS`,
        `time` in days.
    covariates : DataFrame or None
        One row a subject (index), one column a covariate.
    left_out : DataFrame
        Rows of the source that are not in `frame`, each with its row and the reason.
    title : str
        What the data are; says so where they are simulated.

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
    left_out: DataFrame = field(default_factory=_no_rows)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects in order of appearance."""
        return tuple(self.frame["subject"].unique())

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms in order of appearance."""
        return tuple(self.frame["arm"].unique())

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
        first = self.frame.drop_duplicates("subject")
        return dict(zip(first["subject"], first["arm"], strict=True))

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
        frame = self.frame
        for column, wanted in (("arm", arm), ("subject", subject), ("quantity", quantity)):
            if wanted is not None:
                frame = frame[frame[column].isin(self._known(column, wanted))]
        visits = frame.drop_duplicates(["subject", "time"]).groupby("subject").size()
        frame = frame[frame["subject"].isin(visits.index[visits >= at_least])]
        if frame.empty:
            raise DataError(Problem("select", "leaves no observation", "widen the selection or lower at_least"))
        return replace(self, frame=frame.reset_index(drop=True))

    def _known(self, column: str, wanted: str | Iterable[str]) -> list[str]:
        names = [wanted] if isinstance(wanted, str) else [str(w) for w in wanted]
        known = set(self.frame[column])
        missing = [n for n in names if n not in known]
        if missing:
            raise DataError([Problem(column, f"{n!r} is not in the data", nearest(n, known)) for n in missing])
        return names

    def to_frame(self) -> DataFrame:
        """Return a copy of the long table."""
        return self.frame.copy()

    def summary(self) -> DataFrame:
        """Return one row an arm and quantity: subjects, observations, times, range of values, unit."""
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
        lines = [self.title or "Trial data", self._headline(), "", self.summary().to_string(index=False), ""]
        if self.left_out.empty:
            return "\n".join([*lines, "No row was left out."])
        counts = self.left_out["reason"].value_counts()
        lines.append(f"{len(self.left_out)} rows were left out:")
        lines += [f"  {n} x {reason}" for reason, n in counts.items()]
        return "\n".join([*lines, self.left_out.to_string(index=False, max_rows=60)])

    def _headline(self) -> str:
        return f"{len(self)} observations of {len(self.subjects)} subjects in {len(self.arms)} arms"

    def __str__(self) -> str:
        return f"{self.title or 'Trial data'}: {self._headline()}, {len(self.left_out)} rows left out"

    def _repr_html_(self) -> str:
        from html import escape

        left_out = (
            "" if self.left_out.empty else f"<p>{len(self.left_out)} rows left out: see <code>.report()</code></p>"
        )
        title = f"<p><b>{escape(self.title or 'Trial data')}</b>: {self._headline()}</p>"
        return title + str(self.summary().to_html(index=False)) + left_out
