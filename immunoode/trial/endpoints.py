"""Reading times to events: one row per subject, with columns of times and of events (or censoring) for each endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from immunoode import units as unit_texts
from immunoode.errors import DataError, Problem, nearest
from immunoode.regimen.record_options import covariate_columns
from immunoode.tables.cells import as_numbers, as_text, number_advice
from immunoode.tables.headings import find_columns
from immunoode.tables.identifiers import identifiers
from immunoode.tables.table_files import open_table
from immunoode.trial.covariates import constant_covariates
from immunoode.trial.long_table import check_unnamed_arm
from immunoode.trial.reconcile import reconcile
from immunoode.trial.time_column import stated_time_unit
from immunoode.trial.trial_data import COLUMNS, ENDPOINTS, LEFT_OUT, TrialData, empty
from immunoode.trial.validation import first_reason, has_no_value, quoting
from immunoode.unit_words import time_unit_in_label

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 40
LONGEST = 1.5e6
"""Hours (171 years); as hours are the smallest unit of survival times, no valid time is larger in any unit."""


def read_endpoints(
    source: str | Path | pd.DataFrame,
    times: Mapping[str, str],
    *,
    events: Mapping[str, str] | None = None,
    censored: Mapping[str, str] | None = None,
    unit: str | None = None,
    columns: Mapping[str, str] | None = None,
    arm: str | None = None,
    covariates: Mapping[str, str] | None = None,
    repeated: Literal["refuse", "first event"] = "refuse",
    title: str = "",
) -> TrialData:
    """Read a table with one row per subject into times to events.

    Parameters
    ----------
    source : path or DataFrame
    times : mapping
        The column of the times of each endpoint: {"PFS": "PFS", "OS": "OS"}.
    events, censored : mapping
        For each endpoint, the column that is 1 if the event occurred, or, as CNSR in ADTTE, above 0 if it was censored. Each
        endpoint is in one of the two.
    unit : str, optional
        Unit of the times; "month" is 30.4375 days. By default that of the heading ("os_months"), else days.
    columns : mapping, optional
        {"subject": ..., "arm": ...} if these have unusual headings.
    arm : str, optional
        The arm of all subjects without a column of arms; "all" by default.
    covariates : mapping of str to str, optional
        The name of the covariate for each column to keep: {"BAGE": "age", "SEX": "SEX"}.
    repeated : {"refuse", "first event"}
        Tables of counting processes have several rows per subject, one per interval: "first event" takes the end of the first
        interval with the event, or of the last interval if it did not occur.
    title : str

    Returns
    -------
    TrialData
        With `endpoints` and `covariates`, and without observations. Subjects without a time are listed in `left_out`.

    Raises
    ------
    DataError
        If columns are missing, or a time is negative or not a number, or an indicator is not a number; all rows at once.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"id": ["a", "b"], "os_months": [12.0, 3.5], "dead": [0, 1]})
    >>> data = read_endpoints(table, {"OS": "os_months"}, events={"OS": "dead"}, unit="month")
    >>> data.endpoints[["subject", "time", "event"]].to_dict("list")
    {'subject': ['a', 'b'], 'time': [365.25, 106.53125], 'event': [False, True]}
    """
    import pandas as pd

    named = covariate_columns(covariates, "read_endpoints(covariates)")
    table, where = open_table(source)
    found = find_columns(table, where, columns, roles=("subject", "arm"), needed=("subject",))
    indicators = _indicators(times, events or {}, censored or {})
    _check_columns(table, [*times.values(), *(column for column, _ in indicators.values()), *named], where)
    arms = as_text(table[found.found["arm"]]) if "arm" in found.found else pd.Series(arm or "all", index=table.index)
    subject = pd.Series(identifiers(table[found.found["subject"]]), index=table.index, dtype=object)
    rows = pd.DataFrame({"subject": subject, "arm": arms, "row": table.index})
    units = {endpoint: _unit(column, unit, where) for endpoint, column in times.items()}
    parts, lost, problems = [], [], list[Problem]()
    for endpoint, column in times.items():
        ends, without, wrong = _endpoint(table, rows, endpoint, column, *indicators[endpoint], where, repeated == "refuse")
        parts.append(ends.assign(time=ends["time"] * unit_texts.factor(units[endpoint] or "day", "day")))
        lost.append(without)
        problems += wrong
    kept, more = constant_covariates(table, found.found["subject"], list(named), where)
    if problems or more:
        raise DataError([*problems[:SHOWN], *more, *_rest(problems, where)])
    left_out = pd.concat([empty(LEFT_OUT), *lost], ignore_index=True)
    ends = pd.concat(parts, ignore_index=True)
    taken = found.taken_as(table) | {
        column: "covariate" if column == name else f"covariate {name}" for column, name in named.items()
    }
    taken |= {str(c): f"time of {e} in {units[e] or 'day'}" for e, c in times.items()}
    taken |= {str(c): f"{'censoring' if by else 'event'} of {e}" for e, (c, by) in indicators.items()}
    notes = [f"no unit of {e} is stated: days" for e, unit in units.items() if not unit]
    check_unnamed_arm(found, arm, table.drop(columns=list(named)), where)
    reconciliation = reconcile(
        where, table.index, ends["row"], left_out, taken, subjects=subject, kept=ends["subject"], notes=[*found.notes, *notes]
    )
    return TrialData(
        frame=empty(COLUMNS),
        title=title or where,
        covariates=kept.rename(columns=named) if named else None,
        left_out=left_out,
        endpoints=pd.concat([_first_event(part) for part in parts], ignore_index=True)[list(ENDPOINTS)],
        reconciliation=reconciliation,
    )


def _unit(column: str, unit: str | None, where: str) -> str:
    """Return the unit of a column of times: as stated, or by its heading ("os_months"); "" if neither states it.

    Raises
    ------
    DataError
        If it is not recognised, or the two differ.
    """
    place = f"{where}: column {column!r}"
    headed = time_unit_in_label(str(column).replace("_", " ").replace(".", " "), place)
    return stated_time_unit(unit, "unit", headed, place) or headed


def _rest(problems: Sequence[Problem], where: str) -> list[Problem]:
    return [Problem(where, f"and {len(problems) - SHOWN} more rows")] if len(problems) > SHOWN else []


def _indicators(
    times: Mapping[str, str], events: Mapping[str, str], censored: Mapping[str, str]
) -> dict[str, tuple[str, bool]]:
    """Return for each endpoint its indicator column, and whether the column indicates censoring."""
    right = "name its column of events, or of censoring"
    problems = [
        Problem(f"endpoint {e!r}", f"is in {'both' if e in events else 'neither'} of events and censored", right)
        for e in times
        if (e in events) == (e in censored)
    ]
    untimed = [e for e in (*events, *censored) if e not in times]
    problems += [Problem(f"endpoint {e!r}", "has an indicator but no time", nearest(e, times)) for e in untimed]
    if problems or not times:
        raise DataError(problems or [Problem("times", "names no endpoint", "for example {'OS': 'os_months'}")])
    return {e: (events[e], False) if e in events else (censored[e], True) for e in times}


def _check_columns(table: pd.DataFrame, columns: Sequence[str], where: str) -> None:
    missing = [c for c in dict.fromkeys(columns) if c not in table.columns]
    DataError.raise_if(Problem(where, f"no column {c!r}", nearest(c, map(str, table.columns))) for c in missing)


def _endpoint(
    table: pd.DataFrame,
    rows: pd.DataFrame,
    endpoint: str,
    time: str,
    indicator: str,
    by_censoring: bool,
    where: str,
    once: bool,
) -> tuple[pd.DataFrame, pd.DataFrame, list[Problem]]:
    """Return the times of one endpoint, the rows without a time, and problems."""
    read, flags = as_numbers(table[time]), as_numbers(table[indicator])
    texts, days, flag, none = read.texts, read.values, flags.values, has_no_value(read.texts)
    bad = first_reason(
        (rows["subject"] == "", "has no subject"),
        (~none & days.isna(), quoting(time + " {} is not a number", texts, number_advice)),
        (days < 0, quoting(time + " {} is negative", texts)),
        (days > LONGEST, quoting(time + " {} is longer than a lifetime in any unit", texts)),
        (~none & flag.isna(), indicator + " is not a number"),
        (rows["subject"].duplicated() & once, "is a second row of the subject (see repeated='first event')"),
    )
    wrong = rows.assign(bad=bad)[bad != ""]
    problems = [Problem(f"{where}, row {r.row} (subject {r.subject})", f"{endpoint}: {r.bad}") for r in wrong.itertuples()]
    if not by_censoring and set(flag[~none].dropna()) == {1.0, 2.0}:
        right = "1 for an event and 0 for censoring; in Surv of R, 2 is an event and 1 is censored"
        problems.append(Problem(f"{where}: column {indicator!r}", "has 1 and 2, but no 0", right))
    ends = rows.assign(endpoint=endpoint, time=days, event=(flag == 0) if by_censoring else (flag > 0), reason="")
    lost = rows.loc[none, ["row", "subject"]].assign(reason=f"no time of {endpoint}")
    return ends[~none], lost, problems


def _first_event(ends: pd.DataFrame) -> pd.DataFrame:
    """Return one row per subject: the first with the event, or else the last."""
    ordered = ends.assign(late=ends["time"].where(ends["event"], float("inf"))).sort_values(["late", "time"], kind="stable")
    events, others = ordered[ordered["event"]], ordered[~ordered["event"]]
    last = others[~others["subject"].isin(events["subject"])].drop_duplicates("subject", keep="last")
    chosen = set(events.drop_duplicates("subject").index) | set(last.index)
    return ends[ends.index.isin(chosen)]
