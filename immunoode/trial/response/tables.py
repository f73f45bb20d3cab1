"""From assessments to visits: what was measured and what was stated, and the checks that all tables share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.tables import cells
from immunoode.tables.files import plain_table
from immunoode.tables.identifiers import identifiers
from immunoode.trial.readers import one_reader
from immunoode.trial.response.column_synonyms import in_our_names
from immunoode.trial.response.from_trial_data import measurements_of, statements_of
from immunoode.trial.response.rules import IrecistRules, RecistRules
from immunoode.trial.response.same_visit import visit_days
from immunoode.trial.response.visits import Array, Assessed
from immunoode.trial.table import DIAMETER, LEFT_OUT, SUM_OF_DIAMETERS, TrialData, empty
from immunoode.trial.validation import NO_VALUE

if TYPE_CHECKING:
    import pandas as pd

MEASURED = {"lesions": ("lesion", "diameter"), "sums": ("sum_of_diameters",)}
"""The columns, besides subject and time, that make a table one of measurements."""
STATED = ("response", "target", "non_target", "new_lesion")
"""The columns, besides subject and time, that state responses; the first two make a table one of responses."""
FORMS = tuple(("subject", "time", *own) for own in (("lesion", "diameter"), ("sum_of_diameters",), ("response",), ("target",)))
"""The columns that each form of table must have."""


@dataclass(frozen=True)
class Rows:
    """The rows of a table that have a subject and a time, and the names behind their numbers.

    Attributes
    ----------
    frame : DataFrame
        These rows of the table, in its order.
    subject : array of int
        Place of each in `names`.
    time : array of float
        Days.
    names, arms : array of str
        Subjects, sorted, with their arms; those without a row that can be used as well.
    left_out : list of DataFrame
        What was left out so far.
    """

    frame: pd.DataFrame
    subject: Array
    time: Array
    names: Array
    arms: Array
    left_out: list[pd.DataFrame]


def read(
    assessments: Any,
    rules: IrecistRules,
    enrolled: pd.DataFrame | None = None,
    by: str | None = None,
    reader: str | None = None,
) -> Assessed:
    """Return what a table of assessments says, or trial data.

    Parameters
    ----------
    reader : str, optional
        Whose readings count in a table with several readers.
    by : "responses" or "measurements", optional
        What counts where both were measured and stated, see `recist`.

    Raises
    ------
    DataError
        If it has the columns of no form, a subject is in two arms, or a word is unknown.
    """
    from immunoode.trial.response.combine import combined
    from immunoode.trial.response.from_sums import from_sums
    from immunoode.trial.response.lesions import from_lesions
    from immunoode.trial.response.reported_responses import from_responses

    assessments, others = _of_reader(assessments, reader)
    measured, stated = _chosen(*_tables(assessments), by)
    if enrolled is None and isinstance(assessments, TrialData):
        enrolled = _everybody(assessments)
    rows = _rows([table for table in (measured, stated) if table is not None], enrolled, rules.recist)
    rows[0].left_out.append(others)
    of_lesions = measured is not None and set(MEASURED["lesions"]) <= set(measured.columns)
    made = from_lesions if of_lesions else from_sums
    if stated is None:
        return made(rows[0], rules)
    if measured is None:
        return from_responses(rows[0], rules.recist)
    return combined(made(rows[0], rules), from_responses(rows[1], rules.recist), by == "measurements")


def _of_reader(assessments: Any, reader: str | None) -> tuple[Any, pd.DataFrame]:
    """Return the assessments of one reader, and the rows of others."""
    import pandas as pd

    if not isinstance(assessments, pd.DataFrame):
        if reader is not None:
            raise DataError(Problem("reader", f"is {reader!r}", "say it where the trial data are read"))
        return assessments, empty(LEFT_OUT)
    assessments = plain_table(assessments, "assessments")
    chosen = one_reader(assessments, reader, "assessments")
    found = assessments[~chosen.rows]
    return assessments[chosen.rows], reasons(found.index, np.full(len(found), ""), np.ones(len(found), bool), chosen.reason)


def _chosen(
    measured: pd.DataFrame | None, stated: pd.DataFrame | None, by: str | None
) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Return both tables, where what is asked for is there.

    Raises
    ------
    DataError
        If it is not.
    """
    if by not in (None, "responses", "measurements"):
        raise DataError(Problem("by", f"is {by!r}", nearest(str(by), ("responses", "measurements"))))
    if (by == "responses" and stated is None) or (by == "measurements" and measured is None):
        raise DataError(Problem("by", f"is {by!r}, and there are none", f"leave it out, or give assessments with {by}"))
    return measured, stated


def _tables(assessments: Any) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Return what was measured and what was stated; the one place that knows in what they may come."""
    import pandas as pd

    if isinstance(assessments, TrialData):
        measured, stated = measurements_of(assessments), statements_of(assessments)
        if measured is None and stated is None:
            right = f"quantities {DIAMETER!r} (with lesions) or {SUM_OF_DIAMETERS!r}, or responses among the findings"
            raise DataError(Problem(assessments.title or "trial data", "have no assessment", right))
        return measured, stated
    if isinstance(assessments, pd.DataFrame):
        return _parted(in_our_names(assessments))
    right = "expected TrialData, or a DataFrame with the columns " + "; or ".join(map(", ".join, FORMS))
    raise DataError(Problem("assessments", f"is a {type(assessments).__name__}", right))


def _parted(frame: pd.DataFrame) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Return the part of a table that was measured, and the part that was stated."""
    columns = {str(c) for c in frame.columns}
    form = next((f for f, own in MEASURED.items() if {"subject", "time", *own} <= columns), None)
    stated = {"subject", "time"} <= columns and bool(columns & {"response", "target"})
    if form is None and not stated:
        raise DataError(_formless(columns))
    if form is None:
        return None, frame
    if not stated:
        return frame, None
    measured = frame.drop(columns=[c for c in ("response", "target") if c in columns])
    return measured, frame[[c for c in frame.columns if c in ("subject", "time", "arm", "visit", "response", "target")]]


def _formless(columns: set[str]) -> list[Problem]:
    """Return what a table lacks, of the form that it comes closest to."""
    for needed in FORMS:
        if needed[2] in columns:
            return [Problem("assessments", f"has no column {c!r}", nearest(c, columns)) for c in needed if c not in columns]
    right = "expected " + "; or ".join(map(", ".join, FORMS))
    return [Problem("assessments", f"has the columns {', '.join(sorted(columns)) or 'of nothing'}", right)]


def _everybody(data: TrialData) -> pd.DataFrame:
    """Return all subjects of a trial with their arms: who was never assessed counts as well."""
    import pandas as pd

    arms = data.arm_of()
    return pd.DataFrame({"subject": list(arms), "arm": list(arms.values())})


def _rows(frames: list[pd.DataFrame], enrolled: pd.DataFrame | None, rules: RecistRules) -> list[Rows]:
    """Return the rows of each table that can be used; the tables have their subjects and visits in common."""
    import pandas as pd

    named = [labels(frame["subject"]) for frame in frames]
    arms = [labels(f["arm"]) if "arm" in f.columns else pd.Series("", index=f.index) for f in frames]
    times = [_time(frame) for frame in frames]
    everyone, their_arm = (pd.concat(parts, ignore_index=True) for parts in (named, arms))
    there = (everyone != "").to_numpy()
    who, where = _enrolled(everyone[there], their_arm[there], enrolled)
    codes, names = pd.factorize(who, sort=True)
    names = np.asarray(names, dtype=object)
    arm = _arms(codes, names, where)
    own = np.full(len(everyone), -1)
    own[there] = codes[: there.sum()]
    edges = np.cumsum([0, *map(len, frames)])
    subjects = [own[a:b] for a, b in zip(edges[:-1], edges[1:], strict=True)]
    kept = [(s >= 0) & np.isfinite(t) for s, t in zip(subjects, times, strict=True)]
    days = _visit_days(frames, subjects, times, kept, rules)
    found = []
    for frame, name, subject, time, use, day in zip(frames, named, subjects, times, kept, days, strict=True):
        moved = day != time[use]
        left_out = [
            reasons(frame.index, name, subject < 0, "no subject"),
            reasons(frame.index, name, (subject >= 0) & ~np.isfinite(time), "no time in days"),
            *_moved(frame.index[use], name[use], time[use], day, moved),
        ]
        found.append(Rows(frame[use], subject[use], day, names, arm, left_out))
    return found


def _time(frame: pd.DataFrame) -> Array:
    time = _values(frame["time"])
    if len(frame) and not np.isfinite(time).any():
        right = "days from the start of treatment; dates: read the table with imo.read_trial and a column of starts"
        raise DataError(Problem("assessments: time", f"has no number of days, but {frame['time'].iloc[0]!r}", right))
    return time


def _visit_days(
    frames: list[pd.DataFrame], subjects: list[Array], times: list[Array], kept: list[Array], rules: RecistRules
) -> list[Array]:
    """Return the first day of the visit of each row that is kept, over all tables."""
    import pandas as pd

    names, things = [], []
    for number, (frame, use) in enumerate(zip(frames, kept, strict=True)):
        part = frame[use]
        names.append(labels(part["visit"]) if "visit" in part.columns else pd.Series("", index=part.index))
        group = labels(part["kind"]).str.replace(" node", "") if "kind" in part.columns else ""
        what = labels(part["lesion"]) + "," + group if "lesion" in part.columns else _stated(part)
        things.append(f"{number} " + what)
    name = pd.concat(names, ignore_index=True).to_numpy(object).astype(str)
    thing = pd.factorize(pd.concat(things, ignore_index=True))[0]
    who = np.concatenate([s[use] for s, use in zip(subjects, kept, strict=True)])
    when = np.concatenate([t[use] for t, use in zip(times, kept, strict=True)])
    edges = np.cumsum([0, *(int(use.sum()) for use in kept)])
    days = visit_days(who, when, name, thing, rules)
    return [days[a:b] for a, b in zip(edges[:-1], edges[1:], strict=True)]


def _stated(part: pd.DataFrame) -> pd.Series:
    """Return which of the responses each row states, where a row states one of them; "visit" where it is a whole visit."""
    import pandas as pd

    here = [c for c in STATED if c in part.columns]
    if len(here) < 2 or "sum_of_diameters" in part.columns:
        return pd.Series("visit", index=part.index)
    said = pd.DataFrame({c: labels(part[c]) != "" for c in here})
    return said.dot(pd.Index(here) + "+")


def _moved(index: pd.Index, subject: pd.Series, time: Array, day: Array, moved: Array) -> list[pd.DataFrame]:
    """Return the rows that belong to a visit that began on another day."""
    if not moved.any():
        return []
    texts = [f"day {t:g} belongs to the visit of day {d:g}" for t, d in zip(time[moved], day[moved], strict=True)]
    return [reasons(index[moved], subject[moved], np.ones(int(moved.sum()), bool), "").assign(reason=texts)]


def _enrolled(subject: pd.Series, arm: pd.Series, enrolled: pd.DataFrame | None) -> tuple[pd.Series, pd.Series]:
    """Return subjects and arms of the rows, and after these of those who are enrolled."""
    import pandas as pd

    if enrolled is None:
        return subject, arm
    enrolled = in_our_names(plain_table(enrolled, "enrolled"), "enrolled", ("subject", "arm"))
    if "subject" not in enrolled.columns:
        raise DataError(Problem("enrolled", "has no column 'subject'", nearest("subject", map(str, enrolled.columns))))
    more = labels(enrolled["subject"])
    more_arm = labels(enrolled["arm"]) if "arm" in enrolled.columns else pd.Series("", index=enrolled.index)
    return pd.concat([subject, more], ignore_index=True), pd.concat([arm, more_arm], ignore_index=True)


def _arms(codes: Array, names: Array, arm: pd.Series) -> Array:
    """Return each subject's arm; raise where one is in two."""
    import pandas as pd

    arm_codes, arm_names = pd.factorize(arm)
    pairs = np.unique(np.stack([codes, arm_codes]), axis=1)
    pairs = pairs[:, np.asarray(arm_names, dtype=object)[pairs[1]] != ""] if len(arm_names) else pairs
    twice = np.flatnonzero(np.bincount(pairs[0], minlength=len(names)) > 1)
    if len(twice):
        what = [(str(names[i]), ", ".join(sorted(map(str, arm_names[pairs[1][pairs[0] == i]])))) for i in twice[:20]]
        raise DataError([Problem(f"assessments: {n}", f"is in the arms {a}", "one arm a subject") for n, a in what])
    arms = np.full(len(names), "", dtype=object)
    if len(pairs[0]):
        arms[pairs[0]] = np.asarray(arm_names, dtype=object)[pairs[1]]
    return arms


def labels(column: pd.Series) -> pd.Series:
    """Return a column as texts without space around them; 3.0 and 3 are the same, and nothing is ""."""
    import pandas as pd

    codes, words = pd.factorize(column)
    clean = [*identifiers(words), ""]
    return pd.Series(np.asarray(clean, dtype=object)[codes], index=column.index)


def reasons(index: pd.Index, subject: pd.Series | Array, which: Array, reason: str) -> pd.DataFrame:
    """Return rows of a table of what was left out."""
    import pandas as pd

    here = np.asarray(subject, dtype=object)[which]
    return pd.DataFrame({"row": np.asarray(index)[which], "subject": here, "reason": reason}, columns=list(LEFT_OUT))


def collected(left_out: list[pd.DataFrame]) -> pd.DataFrame:
    """Return one table of what was left out, in an order that does not depend on that of the rows."""
    import pandas as pd

    some = [table for table in left_out if len(table)]
    if not some:
        return pd.DataFrame({name: [] for name in LEFT_OUT})
    table = pd.concat(some, ignore_index=True)
    order = np.lexsort((table["row"].astype(str), table["reason"].astype(str), table["subject"].astype(str)))
    return table.iloc[order].reset_index(drop=True)


def flags(frame: pd.DataFrame, name: str, default: bool) -> Array:
    """Return a column of yes and no, `default` where it is not there or empty.

    Raises
    ------
    DataError
        If an entry is neither.
    """
    import pandas as pd

    if name not in frame.columns:
        return np.full(len(frame), default)
    codes, words = pd.factorize(frame[name])
    meaning = {"true": True, "yes": True, "y": True, "1": True, "1.0": True}
    meaning |= {"false": False, "no": False, "n": False, "0": False, "0.0": False, "": default}
    read = [meaning.get(str(word).strip().lower()) for word in words]
    wrong = [str(w) for w, value in zip(words, read, strict=True) if value is None]
    if wrong:
        raise DataError([Problem(f"assessments: {name}", f"{w!r} is neither yes nor no", "True or False") for w in wrong])
    return np.asarray([*read, default], dtype=bool)[codes]


def numbers(frame: pd.DataFrame, name: str, default: float) -> Array:
    """Return a column of numbers, NaN where one cannot be read or is negative, `default` where there is no column."""
    if name not in frame.columns:
        return np.full(len(frame), default)
    values = _values(frame[name])
    return np.where((values < 0) | ~np.isfinite(values), np.nan, values)


def _values(column: pd.Series) -> Array:
    """Return a column as numbers, NaN where a cell is none."""
    if column.dtype.kind in "iuf" and isinstance(column.dtype, np.dtype):
        return column.to_numpy(float)
    return cells.numbers(column).values.to_numpy(float)


def unusable(frame: pd.DataFrame, name: str) -> Array:
    """Return where a column has something, and that is no number of at least 0 nor a word for nothing."""
    if frame[name].dtype.kind in "iuf" and isinstance(frame[name].dtype, np.dtype):
        values = frame[name].to_numpy(float)
        return np.asarray((values < 0) | np.isinf(values))
    read = cells.numbers(frame[name])
    doubtful = read.unread & ~read.texts.str.lower().isin(NO_VALUE)
    return np.asarray(doubtful | (read.values < 0))
