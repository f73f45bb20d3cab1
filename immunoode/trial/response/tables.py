"""From a table of assessments to visits: which of the three forms it has, and the checks that all share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.trial.response.headers import in_our_names
from immunoode.trial.response.of_trial import assessments_of
from immunoode.trial.response.rules import IrecistRules
from immunoode.trial.response.visits import Array, Assessed
from immunoode.trial.rows import MISSING_WORDS, text
from immunoode.trial.table import LEFT_OUT, TrialData

if TYPE_CHECKING:
    import pandas as pd

LESIONS = ("subject", "time", "lesion", "diameter")
SUMS = ("subject", "time", "sum_of_diameters")
GIVEN = ("subject", "time", "response")
PARTS = ("subject", "time", "target")
FORMS = {"lesions": LESIONS, "sums": SUMS, "responses": GIVEN, "parts": PARTS}
"""The columns that each form of table must have."""
OPTIONAL = {
    "lesions": ("kind", "arm", "finding", "organ", "markers_normal"),
    "sums": (
        "arm", "non_target", "new_lesion", "target_gone", "markers_normal", "non_target_increased", "new_lesions",
        "new_sum_of_diameters", "new_non_target_increased", "new_non_target_progressed",
    ),
    "responses": ("arm",),
    "parts": ("arm", "non_target", "new_lesion", "markers_normal"),
}  # fmt: skip
"""The columns that each may have."""


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


def read(assessments: Any, rules: IrecistRules, enrolled: pd.DataFrame | None = None) -> Assessed:
    """Return what a table of assessments says.

    Raises
    ------
    DataError
        If it has the columns of no form, a subject is in two arms, or a word is unknown.
    """
    from immunoode.trial.response.given import from_responses
    from immunoode.trial.response.lesions import from_lesions
    from immunoode.trial.response.parts import from_parts
    from immunoode.trial.response.sums import from_sums

    frame = as_frame(assessments)
    form = _form(frame)
    if enrolled is None and isinstance(assessments, TrialData):
        enrolled = _everybody(assessments)
    rows = _rows(frame, enrolled)
    if form == "lesions":
        return from_lesions(rows, rules)
    if form == "parts":
        return from_parts(rows)
    return from_sums(rows, rules) if form == "sums" else from_responses(rows)


def as_frame(assessments: Any) -> pd.DataFrame:
    """Return assessments as a DataFrame; the one place that knows in what else they may come."""
    import pandas as pd

    if isinstance(assessments, TrialData):
        return assessments_of(assessments)
    if isinstance(assessments, pd.DataFrame):
        return in_our_names(assessments)
    right = "expected TrialData, or a DataFrame with the columns " + "; or ".join(
        ", ".join(columns) for columns in FORMS.values()
    )
    raise DataError(Problem("assessments", f"is a {type(assessments).__name__}", right))


def _everybody(data: TrialData) -> pd.DataFrame:
    """Return all subjects of a trial with their arms: who was never assessed counts as well."""
    import pandas as pd

    arms = data.arm_of()
    return pd.DataFrame({"subject": list(arms), "arm": list(arms.values())})


def _form(frame: pd.DataFrame) -> str:
    columns = {str(c) for c in frame.columns}
    for form, needed in FORMS.items():
        if set(needed) <= columns:
            return form
    for form, own in (("lesions", "lesion"), ("sums", "sum_of_diameters"), ("responses", "response")):
        if own in columns:
            missing = [c for c in FORMS[form] if c not in columns]
            problems = [Problem("assessments", f"has no column {c!r}", nearest(c, columns)) for c in missing]
            raise DataError(problems)
    right = "expected " + "; or ".join(", ".join(needed) for needed in FORMS.values())
    raise DataError(Problem("assessments", f"has the columns {', '.join(sorted(columns)) or 'of nothing'}", right))


def _rows(frame: pd.DataFrame, enrolled: pd.DataFrame | None) -> Rows:
    import pandas as pd

    subject = labels(frame["subject"])
    arm = labels(frame["arm"]) if "arm" in frame.columns else pd.Series("", index=frame.index)
    time = pd.to_numeric(frame["time"], errors="coerce").to_numpy(float)
    named = (subject != "").to_numpy()
    timed = np.isfinite(time)
    if len(frame) and not timed.any():
        right = "days from the start of treatment; dates: read the table with imo.read_trial and a column of starts"
        raise DataError(Problem("assessments: time", f"has no number of days, but {frame['time'].iloc[0]!r}", right))
    left_out = [
        reasons(frame.index, subject, ~named, "no subject"),
        reasons(frame.index, subject, named & ~timed, "no time in days"),
    ]
    who, where = _enrolled(subject[named], arm[named], enrolled)
    codes, names = pd.factorize(who, sort=True)
    arms = _arms(codes, np.asarray(names), where)
    own = np.full(len(frame), -1)
    own[named] = codes[: named.sum()]
    kept = named & timed
    return Rows(frame[kept], own[kept], time[kept], np.asarray(names, dtype=object), arms, left_out)


def _enrolled(subject: pd.Series, arm: pd.Series, enrolled: pd.DataFrame | None) -> tuple[pd.Series, pd.Series]:
    """Return subjects and arms of the rows, and after these of those who are enrolled."""
    import pandas as pd

    if enrolled is None:
        return subject, arm
    enrolled = in_our_names(enrolled, "enrolled", ("subject", "arm"))
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
    clean = [*text(pd.Series(words)), ""]
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
        raise DataError(
            [Problem(f"assessments: {name}", f"{w!r} is neither yes nor no", "True or False") for w in wrong]
        )
    return np.asarray([*read, default], dtype=bool)[codes]


def numbers(frame: pd.DataFrame, name: str, default: float) -> Array:
    """Return a column of numbers, NaN where one cannot be read or is negative, `default` where there is no column."""
    import pandas as pd

    if name not in frame.columns:
        return np.full(len(frame), default)
    values = pd.to_numeric(frame[name], errors="coerce").to_numpy(float)
    return np.where((values < 0) | ~np.isfinite(values), np.nan, values)


def unusable(frame: pd.DataFrame, name: str) -> Array:
    """Return where a column has something, and that is no number of at least 0 nor a word for nothing."""
    import pandas as pd

    values = pd.to_numeric(frame[name], errors="coerce").to_numpy(float)
    doubtful = ~np.isfinite(values) & frame[name].notna().to_numpy()
    empty = frame[name][doubtful].astype(str).str.strip().str.lower().isin(MISSING_WORDS).to_numpy()
    doubtful[np.flatnonzero(doubtful)[empty]] = False
    return np.asarray(doubtful | (values < 0))
