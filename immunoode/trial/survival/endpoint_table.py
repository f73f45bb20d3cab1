"""Tables of times to events, as input of all survival analyses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.tables.cells import as_text
from immunoode.tables.identifiers import identifiers
from immunoode.trial.trial_data import ENDPOINTS, TrialData
from immunoode.trial.validation import first_reason

if TYPE_CHECKING:
    import pandas as pd

BOUNDS = ("lower", "upper")
"""Columns of the days between which an event occurred (interval censoring); the upper one is infinite if censored."""
NEEDED = ("subject", "time", "event")


EVENTS = {"1": True, "true": True, "yes": True, "y": True, "0": False, "false": False, "no": False, "n": False}
"""Spellings of whether the event occurred."""


def endpoint_table(source: Any, endpoint: str | None) -> pd.DataFrame:
    """Return the rows of one endpoint: subject, arm, endpoint, time, event, and bounds if any.

    Parameters
    ----------
    source : TrialData or DataFrame
        With the columns subject, time (days) and event, and optionally arm, endpoint, reason, lower and upper.
    endpoint : str, optional
        "OS", "PFS", ...; by default the only endpoint.

    Raises
    ------
    DataError
        If there is no such endpoint, columns are missing, or rows are invalid.
    """
    import pandas as pd

    table = source.endpoints if isinstance(source, TrialData) else source
    if not isinstance(table, pd.DataFrame):
        right = "TrialData with endpoints, or a table with the columns " + ", ".join(ENDPOINTS)
        raise DataError(Problem("endpoints", f"are {type(source).__name__}", right))
    missing = [c for c in NEEDED if c not in table.columns]
    DataError.raise_if(Problem("endpoints", f"no column {c!r}", nearest(c, map(str, table.columns))) for c in missing)
    table = _of_endpoint(table, endpoint)
    rows = table.assign(
        subject=identifiers(table["subject"]),
        arm=as_text(table["arm"]) if "arm" in table.columns else "all",
        time=pd.to_numeric(table["time"], errors="coerce").astype(float),
        event=as_text(table["event"]).str.lower().map(EVENTS),
    ).reset_index(drop=True)
    bad = first_reason(
        (~np.isfinite(rows["time"]), "time is not a number"),
        (rows["time"] < 0, "time is negative"),
        (rows["event"].isna(), "event is missing, or neither 1 nor 0"),
        (rows["subject"].duplicated(), "is a second row of the subject"),
    )
    if (bad != "").any():
        wrong = rows.assign(bad=bad)[bad != ""].head(40)
        raise DataError([Problem(f"endpoints, subject {r.subject}", str(r.bad)) for r in wrong.itertuples()])
    return rows.assign(event=rows["event"].astype(bool))


def group_names(rows: pd.DataFrame, by: str) -> pd.Series:
    """Return the group of each row of an endpoint, as text.

    Raises
    ------
    DataError
        If there is no such column, or some rows have no value there, which would form a separate group.
    """
    if by not in rows.columns:
        raise DataError(Problem("by", f"there is no column {by!r}", nearest(by, map(str, rows.columns))))
    without = as_text(rows[by]) == ""
    if without.any() and not without.all():
        right = "a value for each subject, or the table without the subject"
        raise DataError([Problem(f"endpoints, subject {s}", f"has no {by}", right) for s in rows["subject"][without].head(40)])
    return rows[by].astype(str)


def _of_endpoint(table: pd.DataFrame, endpoint: str | None) -> pd.DataFrame:
    if table.empty:
        raise DataError(Problem("endpoints", "have no rows", "endpoints from read_endpoints or progression_free_survival"))
    if "endpoint" not in table.columns:
        return table.assign(endpoint=endpoint or "event")
    known = list(dict.fromkeys(table["endpoint"]))
    if endpoint is None and len(known) > 1:
        raise DataError(Problem("endpoint", "there are several", "one of " + ", ".join(map(repr, known))))
    if endpoint is not None and endpoint not in known:
        raise DataError(Problem("endpoint", f"{endpoint!r} is not in the data", nearest(endpoint, known)))
    return table[table["endpoint"] == (endpoint or known[0])]
