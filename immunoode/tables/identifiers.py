"""Identifiers of subjects, the same for every table, and matching tables of subjects with the subjects of the data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem, nearest

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = re.compile(r"([-+]?\d+)\.0*")
SHOWN = 5
"""How many identifiers a message lists."""


def identifier(value: Any) -> str:
    """Return the identifier of a subject as text, "" if it is missing: 1, 1.0, "1" and "1.0" are the same, "001" is not.

    Examples
    --------
    >>> identifier(1.0), identifier("001"), identifier(" A-7 "), identifier(float("nan"))
    ('1', '001', 'A-7', '')
    """
    if value is None or str(value) in ("<NA>", "NaT", "nan") or value != value:
        return ""
    stripped = str(value).strip()
    whole = _WHOLE.fullmatch(stripped)
    return whole[1] if whole else stripped


def identifiers(values: Iterable[Any]) -> list[str]:
    """Return the identifiers of many subjects, see `identifier`."""
    known: dict[Any, str] = {}
    result = []
    for value in values:
        key = (type(value), value)
        if key not in known:
            known[key] = identifier(value)
        result.append(known[key])
    return result


def values_of_subjects(
    values: Mapping[Any, Any], subjects: Iterable[str], where: str, what: str = "is not a subject"
) -> dict[str, Any]:
    """Return the values by the identifiers of their subjects.

    Raises
    ------
    DataError
        If it is not a mapping (or a Series, with subjects as index), or a key is not one of the subjects.

    Examples
    --------
    >>> values_of_subjects({1: 30.0, "2": 60.0}, ["1", "2", "3"], "new_therapy")
    {'1': 30.0, '2': 60.0}
    """
    if hasattr(values, "to_dict"):
        values = values.to_dict()
    if not isinstance(values, Mapping):
        raise DataError(Problem(where, f"is {type(values).__name__}", "a mapping of subject to value, or a Series"))
    named = dict(zip(identifiers(values), values.values(), strict=True))
    known = dict.fromkeys(subjects)
    unknown = [name for name in named if name not in known]
    if unknown:
        raise DataError([Problem(where, f"{name!r} {what}", nearest(name, known)) for name in unknown[:20]])
    return named


def unify_spelling(names: pd.Series, subject: pd.Series, time: pd.Series) -> tuple[pd.Series, tuple[str, ...]]:
    """Return the names of lesions with one spelling per lesion of a subject, and a note on those that were spelt differently.

    "T01", "t01", "T-01" and "T1" of a subject are one lesion, unless two of the spellings occur at one time.

    Examples
    --------
    >>> import pandas as pd
    >>> names, _ = unify_spelling(pd.Series(["T01", "t1"]), pd.Series(["a", "a"]), pd.Series([0, 42]))
    >>> names.tolist()
    ['T01', 'T01']
    """
    import pandas as pd

    key = names.str.casefold().str.replace(r"[\s_-]+", "", regex=True).str.replace(r"(?<!\d)0+(?=\d)", "", regex=True)
    table = pd.DataFrame({"name": names, "subject": subject, "key": key, "time": time})[names != ""]
    same = ["subject", "key"]
    spelt = table.groupby(same, sort=False)["name"].transform("nunique")
    once = table.drop_duplicates([*same, "time", "name"])
    apart = table.set_index(same).index.isin(once[once.duplicated([*same, "time"])].set_index(same).index)
    several = table[(spelt > 1) & ~apart]
    if several.empty:
        return names, ()
    result = names.copy()
    result[several.index] = several.groupby(same, sort=False)["name"].transform("first")
    shown = ", ".join(repr(name) for name in several["name"].unique()[:4])
    return result, (f"lesions with names that differ only in capitals, signs or zeros are taken as one: {shown}",)


def similar_names(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return groups of names that differ only in capitals and blanks.

    Examples
    --------
    >>> similar_names(["Placebo", "drug", "placebo "])
    [('Placebo', 'placebo ')]
    """
    groups: dict[str, dict[str, None]] = {}
    for name in names:
        groups.setdefault(" ".join(name.casefold().split()), {})[name] = None
    return [tuple(group) for group in groups.values() if len(group) > 1]


@dataclass(frozen=True)
class MatchedTable:
    """A table with one row per subject of the data, in their order, and its identifiers that are not in the data."""

    table: pd.DataFrame
    extra: tuple[str, ...]


NAMES = ("subject", "id", "usubjid", "subject_id", "patient", "patient_id")
"""Headings of a column of subjects in a table of subjects, in lower case with underscores."""


def subject_column(table: pd.DataFrame, names: Sequence[str] = NAMES) -> Any:
    """Return the column of a table of subjects with their identifiers, None if only the index has them."""
    return next((c for c in table.columns if str(c).strip().casefold().replace(" ", "_") in names), None)


def index_by_subject(table: pd.DataFrame, where: str, names: Sequence[str] = NAMES) -> pd.DataFrame:
    """Return a table of subjects indexed by their identifiers.

    Parameters
    ----------
    table : DataFrame
        One row per subject, identified by the index, or by a column `subject` (`id`, `usubjid`) if the index is a default one.

    Raises
    ------
    DataError
        If an identifier is missing or repeated.
    """
    import pandas as pd

    column = subject_column(table, names)
    if column is not None:
        if not isinstance(table.index, pd.RangeIndex) and table.index.name is not None:
            ids, index = identifiers(table[column]), identifiers(table.index)
            if ids != index:
                raise DataError(
                    Problem(
                        where,
                        f"has a column {column!r} and an index {table.index.name!r} that differ",
                        "identify the subjects by only one of the two",
                    )
                )
        table = table.set_index(column)
    ids = identifiers(table.index)
    problems = [
        Problem(f"{where}, row {k + 1}", "has no subject", "the identifier of a subject") for k, s in enumerate(ids) if not s
    ]
    seen: set[str] = set()
    for k, s in enumerate(ids):
        if s and s in seen:
            problems.append(Problem(f"{where}, row {k + 1}", f"has the subject {s!r} a second time", "one row per subject"))
        seen.add(s)
    DataError.raise_if(problems[:20])
    return table.set_axis(ids, axis=0)


def match_subjects(table: pd.DataFrame, subjects: Sequence[str], where: str) -> MatchedTable:
    """Return the rows of a table of subjects for these subjects.

    Parameters
    ----------
    table : DataFrame
        One row per subject, see `index_by_subject`.
    subjects : sequence of str
        Identifiers of the subjects of the data.
    where : str
        Name of the table in messages.

    Raises
    ------
    DataError
        If a subject of the data has no row; the message names the most similar identifier ("A" for "a", "001" for "1").

    Examples
    --------
    >>> import pandas as pd
    >>> weights = pd.DataFrame({"subject": [1.0, 2.0, 9.0], "weight": [70, 80, 60]})
    >>> found = match_subjects(weights, ["2", "1"], "covariates")
    >>> found.table["weight"].tolist(), found.extra
    ([80, 70], ('9',))
    """
    own = index_by_subject(table, where)
    known = set(own.index)
    lost = [s for s in subjects if s not in known]
    if lost:
        more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
        shown = ", ".join(repr(s) for s in lost[:SHOWN])
        raise DataError(
            Problem(
                where,
                f"has no row for {len(lost)} of {len(subjects)} subjects: {shown}{more}",
                _alike(lost[0], list(own.index)),
            )
        )
    wanted = set(subjects)
    return MatchedTable(own.loc[list(subjects)], tuple(s for s in own.index if s not in wanted))


def _alike(lost: str, known: Sequence[str]) -> str:
    """Return advice that names the identifier that was probably meant."""
    same = [k for k in known if _key(k) == _key(lost)]
    if same:
        return f"it is {lost!r} in the data and {same[0]!r} in the table: write both alike"
    return nearest(lost, known)


def _key(name: str) -> str:
    bare = name.casefold().replace(" ", "").replace("_", "").replace("-", "")
    return bare.lstrip("0") or "0" if bare.isdigit() else bare
