"""The contents of the panels of an explorer, as arrays, independent of a browser."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem
from immunoode.scenario.summary import progression_rule

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.explorer.cohort_outcomes import CohortOutcomes

FloatArray = NDArray[np.float64]
SURVIVAL = "survival"
LIMIT, RESPONSE = "progression", "response"


@dataclass(frozen=True)
class Series:
    """A line of a panel.

    Attributes
    ----------
    regimen : int
        The number of the regimen, which has its colour and line style.
    days, values : ndarray, shape (T,)
        NaN if there is no value.
    steps : bool
        Whether the values hold until the next day, as those of a survival curve do.
    reference : str
        "" for a result; "progression" or "response" for a line of RECIST 1.1.
    """

    regimen: int
    days: FloatArray
    values: FloatArray
    steps: bool = False
    reference: str = ""


@dataclass(frozen=True)
class Panel:
    """One panel.

    Attributes
    ----------
    name : str
        The output; "survival" for the survival of the cohort.
    kind : str
        "size", "immune", "drug", "other" or "survival".
    title, unit : str
        As they are printed.
    series : tuple of Series
    notes : tuple of str
        Sentences that belong to it.
    """

    name: str
    kind: str
    title: str
    unit: str
    series: tuple[Series, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RegimenSummary:
    """One regimen in numbers; those of the virtual patients are None without any.

    Attributes
    ----------
    regimen : str
    smallest_change : float
        Of the patient's tumour size, percent from the start.
    final_size : float
    progression_day : float or None
        By the rule for the unit of the size; None if it is not reached.
    response_rate : float or None
        Share of the virtual patients with a complete or partial response.
    median_pfs : float or None
        Days; infinite if not reached.
    events, patients : int or None
        Virtual patients with progression, and all of them.
    """

    regimen: str
    smallest_change: float
    final_size: float
    progression_day: float | None
    response_rate: float | None = None
    median_pfs: float | None = None
    events: int | None = None
    patients: int | None = None


@dataclass(frozen=True)
class ExplorerPanels:
    """What an explorer shows for one state.

    Attributes
    ----------
    regimens : tuple of str
        Their names.
    panels : tuple of Panel
    summaries : tuple of RegimenSummary
    cohort : CohortOutcomes or None
        The outcomes of the virtual patients; `.cohort.to_frame()` is a table.
    problems : tuple of Problem
        Why something is not shown; those of rows of regimens begin with "row 2 of ".
    span : (float, float)
        First and last day.

    Examples
    --------
    >>> import immunoode as imo
    >>> explorer = imo.explorer.ModelExplorer("claret2009", until="24 weeks", patients=None)
    >>> [panel.name for panel in explorer.panels(explorer.state).panels]
    ['sum_of_diameters']
    """

    regimens: tuple[str, ...]
    panels: tuple[Panel, ...]
    summaries: tuple[RegimenSummary, ...] = ()
    problems: tuple[Problem, ...] = ()
    span: tuple[float, float] = (0.0, 1.0)
    cohort: CohortOutcomes | None = field(default=None, repr=False)

    def __getitem__(self, name: str) -> Panel:
        """Return the panel of an output, or that of "survival".

        Raises
        ------
        KeyError
        """
        return {panel.name: panel for panel in self.panels}[name]

    def summary(self) -> pd.DataFrame:
        """Return one row per regimen, with the columns of `RegimenSummary`."""
        import pandas as pd

        frame = pd.DataFrame([asdict(one) for one in self.summaries])
        return frame.dropna(axis="columns", how="all").set_index("regimen") if len(frame) else frame

    def to_frame(self) -> pd.DataFrame:
        """Return the lines of all panels in one table: panel, regimen, day, value, unit."""
        import pandas as pd

        parts = [
            pd.DataFrame(
                {"panel": p.name, "regimen": self.regimens[s.regimen], "day": s.days, "value": s.values, "unit": p.unit}
            )
            for p in self.panels
            for s in p.series
            if not s.reference
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def recist_lines(regimen: int, days: FloatArray, sizes: FloatArray, unit: str) -> list[Series]:
    """Return the limits of RECIST 1.1 for one curve of diameters: progression, which follows the nadir, and response.

    Parameters
    ----------
    regimen : int
    days, sizes : ndarray, shape (T,)
    unit : str
        Limits are for lengths only.

    Examples
    --------
    >>> lines = recist_lines(0, np.array([0.0, 42.0, 84.0]), np.array([100.0, 50.0, 20.0]), "mm")
    >>> [(line.reference, line.values.tolist()) for line in lines]
    [('progression', [120.0, 60.0, 25.0]), ('response', [70.0, 70.0, 70.0])]
    """
    rule = progression_rule(unit)
    if rule is None or rule.of != "nadir" or not len(sizes):
        return []
    nadir = np.fmin.accumulate(sizes)
    limit = np.maximum(rule.factor * nadir, nadir + rule.least)
    response = np.full(len(sizes), (1 + rule.lines[0][0] / 100) * sizes[0])
    return [Series(regimen, days, limit, reference=LIMIT), Series(regimen, days, response, reference=RESPONSE)]
