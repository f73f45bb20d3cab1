"""Reading assessments, measured or reported, from trial data or a table: the checks that all forms share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.tables.table_files import validate_table
from immunoode.trial.image_readers import select_reader
from immunoode.trial.response.assessment_rows import AssessmentRows, floats, identifier_column, left_out_rows
from immunoode.trial.response.from_lesions import from_lesions
from immunoode.trial.response.from_responses import from_responses
from immunoode.trial.response.from_sums import from_sums
from immunoode.trial.response.from_trial_data import extract_measurements, extract_reported_responses
from immunoode.trial.response.merge_sources import merge_measured_and_reported
from immunoode.trial.response.rules import IrecistRules, RecistRules
from immunoode.trial.response.standard_columns import standardise_columns
from immunoode.trial.response.visit_windows import assign_visit_days
from immunoode.trial.response.visits import Array, AssessmentData
from immunoode.trial.trial_data import DIAMETER, LEFT_OUT, SUM_OF_DIAMETERS, TrialData, empty

if TYPE_CHECKING:
    import pandas as pd

MEASURED = {"lesions": ("lesion", "diameter"), "sums": ("sum_of_diameters",)}
"""The columns, besides subject and time, that make a table one of measurements."""
REPORTED = ("response", "target", "non_target", "new_lesion")
"""The columns, besides subject and time, with reported responses; either of the first two makes a table one of responses."""
FORMS = tuple(("subject", "time", *own) for own in (("lesion", "diameter"), ("sum_of_diameters",), ("response",), ("target",)))
"""The columns that each form of table must have."""


def read_assessments(
    assessments: Any,
    rules: IrecistRules,
    enrolled: pd.DataFrame | None = None,
    by: str | None = None,
    reader: str | None = None,
) -> AssessmentData:
    """Read a table of assessments, or trial data.

    Parameters
    ----------
    enrolled, by, reader
        See `immunoode.recist`.

    Raises
    ------
    DataError
        If the columns fit no form, a subject is in two arms, or a word is unknown.
    """
    assessments, others = _of_reader(assessments, reader)
    measured, reported = _measured_and_reported(assessments)
    _check_by(by, measured, reported)
    if enrolled is None and isinstance(assessments, TrialData):
        enrolled = _enrolled_subjects(assessments)
    rows = _usable_rows([table for table in (measured, reported) if table is not None], enrolled, rules.recist)
    rows[0].left_out.append(others)
    of_lesions = measured is not None and set(MEASURED["lesions"]) <= set(measured.columns)
    from_measurements = from_lesions if of_lesions else from_sums
    if reported is None:
        return from_measurements(rows[0], rules)
    if measured is None:
        return from_responses(rows[0], rules.recist)
    return merge_measured_and_reported(
        from_measurements(rows[0], rules), from_responses(rows[1], rules.recist), by == "measurements"
    )


def _of_reader(assessments: Any, reader: str | None) -> tuple[Any, pd.DataFrame]:
    """Return the assessments of one reader, and the rows of the other readers."""
    import pandas as pd

    if not isinstance(assessments, pd.DataFrame):
        if reader is not None:
            raise DataError(Problem("reader", f"is {reader!r}", "choose the reader when the trial data are read"))
        return assessments, empty(LEFT_OUT)
    assessments = validate_table(assessments, "assessments")
    selection = select_reader(assessments, reader, "assessments")
    others = assessments[~selection.rows]
    lost = left_out_rows(others.index, np.full(len(others), ""), np.ones(len(others), bool), selection.reason)
    return assessments[selection.rows], lost


def _check_by(by: str | None, measured: pd.DataFrame | None, reported: pd.DataFrame | None) -> None:
    """Raise if `by` is not a known word, or requests something that is missing."""
    if by not in (None, "responses", "measurements"):
        raise DataError(Problem("by", f"is {by!r}", nearest(str(by), ("responses", "measurements"))))
    if (by == "responses" and reported is None) or (by == "measurements" and measured is None):
        raise DataError(Problem("by", f"is {by!r}, but there are no {by}", f"leave it out, or give assessments with {by}"))


def _measured_and_reported(assessments: Any) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Return the measurements and the reported responses; only this function depends on the type of the input."""
    import pandas as pd

    if isinstance(assessments, TrialData):
        measured, reported = extract_measurements(assessments), extract_reported_responses(assessments)
        if measured is None and reported is None:
            right = f"quantities {DIAMETER!r} (with lesions) or {SUM_OF_DIAMETERS!r}, or responses among the findings"
            raise DataError(Problem(assessments.title or "trial data", "have no assessments", right))
        return measured, reported
    if isinstance(assessments, pd.DataFrame):
        return _split_columns(standardise_columns(assessments))
    right = "expected TrialData, or a DataFrame with the columns " + "; or ".join(map(", ".join, FORMS))
    raise DataError(Problem("assessments", f"is a {type(assessments).__name__}", right))


def _split_columns(frame: pd.DataFrame) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Return the part of a table that was measured, and the part that was reported."""
    columns = {str(c) for c in frame.columns}
    form = next((f for f, own in MEASURED.items() if {"subject", "time", *own} <= columns), None)
    reported = {"subject", "time"} <= columns and bool(columns & {"response", "target"})
    if form is None and not reported:
        raise DataError(_missing_columns(columns))
    if form is None:
        return None, frame
    if not reported:
        return frame, None
    measured = frame.drop(columns=[c for c in ("response", "target") if c in columns])
    return measured, frame[[c for c in frame.columns if c in ("subject", "time", "arm", "visit", "response", "target")]]


def _missing_columns(columns: set[str]) -> list[Problem]:
    """Return the columns that a table lacks, compared with the form that it comes closest to."""
    for needed in FORMS:
        if needed[2] in columns:
            return [Problem("assessments", f"has no column {c!r}", nearest(c, columns)) for c in needed if c not in columns]
    right = "expected " + "; or ".join(map(", ".join, FORMS))
    what = f"has the columns {', '.join(sorted(columns))}" if columns else "has no columns"
    return [Problem("assessments", what, right)]


def _enrolled_subjects(data: TrialData) -> pd.DataFrame:
    """Return all subjects of a trial with their arms, including those who were never assessed."""
    import pandas as pd

    arms = data.arm_of()
    return pd.DataFrame({"subject": list(arms), "arm": list(arms.values())})


def _usable_rows(frames: list[pd.DataFrame], enrolled: pd.DataFrame | None, rules: RecistRules) -> list[AssessmentRows]:
    """Return the usable rows of each table; the tables have their subjects and visits in common."""
    import pandas as pd

    named = [identifier_column(frame["subject"]) for frame in frames]
    arms = [_optional_column(frame, "arm") for frame in frames]
    times = [_days(frame) for frame in frames]
    everyone, their_arm = (pd.concat(parts, ignore_index=True) for parts in (named, arms))
    there = (everyone != "").to_numpy()
    who, where = _with_enrolled(everyone[there], their_arm[there], enrolled)
    codes, names = pd.factorize(who, sort=True)
    names = np.asarray(names, dtype=object)
    arm = _arm_of_each(codes, names, where)
    own = np.full(len(everyone), -1)
    own[there] = codes[: there.sum()]
    subjects = _split(own, map(len, frames))
    kept = [(s >= 0) & np.isfinite(t) for s, t in zip(subjects, times, strict=True)]
    days = _visit_days(frames, subjects, times, kept, rules)
    found = []
    for frame, name, subject, time, use, day in zip(frames, named, subjects, times, kept, days, strict=True):
        left_out = [
            left_out_rows(frame.index, name, subject < 0, "no subject"),
            left_out_rows(frame.index, name, (subject >= 0) & ~np.isfinite(time), "no time in days"),
            *_moved_rows(frame.index[use], name[use], time[use], day),
        ]
        found.append(AssessmentRows(frame[use], subject[use], day, names, arm, left_out))
    return found


def _optional_column(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return a column of identifiers, "" in all rows if there is no such column."""
    import pandas as pd

    return identifier_column(frame[name]) if name in frame.columns else pd.Series("", index=frame.index)


def _split(values: Array, lengths: Any) -> list[Array]:
    """Return consecutive parts of these lengths."""
    return np.split(values, np.cumsum(list(lengths))[:-1])


def _days(frame: pd.DataFrame) -> Array:
    time = floats(frame["time"])
    if len(frame) and not np.isfinite(time).any():
        right = "days from the start of treatment; read a table with dates with imo.read_trial and a column of start dates"
        raise DataError(Problem("assessments: time", f"has no number of days, but {frame['time'].iloc[0]!r}", right))
    return time


def _visit_days(
    frames: list[pd.DataFrame], subjects: list[Array], times: list[Array], kept: list[Array], rules: RecistRules
) -> list[Array]:
    """Return the first day of the visit of each row that is kept, over all tables."""
    import pandas as pd

    names, assessed = [], []
    for number, (frame, use) in enumerate(zip(frames, kept, strict=True)):
        part = frame[use]
        names.append(_optional_column(part, "visit"))
        assessed.append(f"{number} " + _assessed_item(part))
    name = pd.concat(names, ignore_index=True).to_numpy(object).astype(str)
    item = pd.factorize(pd.concat(assessed, ignore_index=True))[0]
    who = np.concatenate([s[use] for s, use in zip(subjects, kept, strict=True)])
    when = np.concatenate([t[use] for t, use in zip(times, kept, strict=True)])
    return _split(assign_visit_days(who, when, name, item, rules), (int(use.sum()) for use in kept))


def _assessed_item(part: pd.DataFrame) -> pd.Series:
    """Return what each row assesses: a lesion, some of the responses, or a whole visit ("visit")."""
    import pandas as pd

    if "lesion" in part.columns:
        return identifier_column(part["lesion"]) + "," + _optional_column(part, "kind").str.replace(" node", "")
    here = [c for c in REPORTED if c in part.columns]
    if len(here) < 2 or "sum_of_diameters" in part.columns:
        return pd.Series("visit", index=part.index)
    filled = pd.DataFrame({c: identifier_column(part[c]) != "" for c in here})
    return filled.dot(pd.Index(here) + "+")


def _moved_rows(index: pd.Index, subject: pd.Series, time: Array, day: Array) -> list[pd.DataFrame]:
    """Return the rows that belong to a visit that began on another day."""
    moved = day != time
    if not moved.any():
        return []
    texts = [f"day {t:g} belongs to the visit of day {d:g}" for t, d in zip(time[moved], day[moved], strict=True)]
    return [left_out_rows(index, subject, moved, "").assign(reason=texts)]


def _with_enrolled(subject: pd.Series, arm: pd.Series, enrolled: pd.DataFrame | None) -> tuple[pd.Series, pd.Series]:
    """Return the subjects and arms of the rows, followed by those of the enrolled subjects."""
    import pandas as pd

    if enrolled is None:
        return subject, arm
    enrolled = standardise_columns(validate_table(enrolled, "enrolled"), "enrolled", ("subject", "arm"))
    if "subject" not in enrolled.columns:
        raise DataError(Problem("enrolled", "has no column 'subject'", nearest("subject", map(str, enrolled.columns))))
    more, more_arm = identifier_column(enrolled["subject"]), _optional_column(enrolled, "arm")
    return pd.concat([subject, more], ignore_index=True), pd.concat([arm, more_arm], ignore_index=True)


def _arm_of_each(codes: Array, names: Array, arm: pd.Series) -> Array:
    """Return the arm of each subject.

    Raises
    ------
    DataError
        If a subject is in two arms.
    """
    import pandas as pd

    arm_codes, arm_names = pd.factorize(arm)
    pairs = np.unique(np.stack([codes, arm_codes]), axis=1)
    pairs = pairs[:, np.asarray(arm_names, dtype=object)[pairs[1]] != ""] if len(arm_names) else pairs
    twice = np.flatnonzero(np.bincount(pairs[0], minlength=len(names)) > 1)
    if len(twice):
        what = [(str(names[i]), ", ".join(sorted(map(str, arm_names[pairs[1][pairs[0] == i]])))) for i in twice[:20]]
        raise DataError([Problem(f"assessments: {n}", f"is in the arms {a}", "one arm per subject") for n, a in what])
    arms = np.full(len(names), "", dtype=object)
    if len(pairs[0]):
        arms[pairs[0]] = np.asarray(arm_names, dtype=object)[pairs[1]]
    return arms
