"""Numbers of responders and of subjects by arm and stratum, from responses or tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem, nearest
from immunoode.tables.cells import as_numbers, as_text, is_missing
from immunoode.tables.identifiers import values_of_subjects
from immunoode.trial.response.responses import Responses
from immunoode.trial.survival.endpoint_table import EVENTS

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
COUNTS = ("responders", "n")


@dataclass(frozen=True)
class RateCounts:
    """Responders and subjects of two arms in s strata.

    Attributes
    ----------
    reference, arm : str
    strata : tuple of str
        Their names; ("all",) without.
    responders, subjects : (s, 2)
        In each stratum, of the reference and of the other arm.
    """

    reference: str
    arm: str
    strata: tuple[str, ...]
    responders: FloatArray
    subjects: FloatArray

    @property
    def rates(self) -> FloatArray:
        """Response rates (s, 2)."""
        return np.asarray(self.responders / self.subjects)


def rate_counts(
    source: Any, by: str, reference: str | None, strata: str | Sequence[str] | Mapping[Any, str], confirmed: bool
) -> RateCounts:
    """Return the counts of two arms.

    Raises
    ------
    DataError
        If there are not two arms, a stratum has no subjects of one of them, or counts are impossible; all problems at once.
    """
    import pandas as pd

    table = _counted(source, by, strata, confirmed)
    arms = list(dict.fromkeys(table["arm"]))
    if len(arms) != 2:
        what = f"compares two arms, but there are {len(arms)}: {', '.join(map(repr, arms))}"
        raise DataError(Problem("difference of response rates", what, "data from two arms"))
    if reference is not None and reference not in arms:
        raise DataError(Problem("reference", f"{reference!r} is not an arm", nearest(reference, arms)))
    first = arms[0] if reference is None else reference
    order = [first, next(arm for arm in arms if arm != first)]
    sums = table.groupby(["stratum", "arm"], sort=False)[list(COUNTS)].sum()
    names = list(dict.fromkeys(table["stratum"]))
    full = sums.reindex(pd.MultiIndex.from_product([names, order])).fillna(0.0)
    problems = [
        Problem(f"stratum {s!r}" if s != "all" else "response rates", f"has no subjects of arm {a!r}", "strata with both arms")
        for (s, a), n in full["n"].items()
        if n == 0
    ]
    DataError.raise_if(problems)
    shaped = {c: full[c].to_numpy(np.float64).reshape(len(names), 2) for c in COUNTS}
    return RateCounts(order[0], order[1], tuple(names), shaped["responders"], shaped["n"])


def _counted(source: Any, by: str, strata: Any, confirmed: bool) -> pd.DataFrame:
    """Return rows of arm, stratum, responders, n."""
    import pandas as pd

    if isinstance(source, Responses):
        people = source.subjects
        best = people["confirmed_response" if confirmed else "best_response"]
        table = people.assign(responders=best.isin(source.order[:2]).astype(float), n=1.0)
    elif isinstance(source, pd.DataFrame):
        table = _checked(source) if set(COUNTS) <= set(source.columns) else _per_subject(source)
    else:
        right = "Responses, or a table with arm, responders and n, or one row per subject with arm and response"
        raise DataError(Problem("responses", f"are {type(source).__name__}", right))
    if by not in table.columns:
        raise DataError(Problem("by", f"there is no column {by!r}", nearest(by, map(str, table.columns))))
    arms = as_text(table[by])
    if (arms == "").any() and not (arms == "").all():
        lost = table.index[arms == ""]
        raise DataError([Problem(f"responses, row {row}", f"has no {by}", "a value in each row") for row in lost])
    return table.assign(arm=arms, stratum=_strata(table, strata))[["arm", "stratum", *COUNTS]]


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of counts as numbers."""
    read = {c: as_numbers(table[c]).values for c in COUNTS}
    whole = (read["n"] % 1 == 0) & (read["responders"] % 1 == 0)
    right = "whole numbers, of which responders are from 0 to n"
    bad = ~whole | (read["responders"] < 0) | (read["responders"] > read["n"])
    problems = [
        Problem(f"response rates, row {row}", f"{table['responders'].loc[row]} responders of {table['n'].loc[row]}", right)
        for row in table.index[bad]
    ]
    DataError.raise_if(problems)
    return table.assign(**read)


def _per_subject(table: pd.DataFrame) -> pd.DataFrame:
    if "response" not in table.columns:
        right = "the columns arm, responders and n, or one row per subject with arm and response (1 or 0)"
        raise DataError(Problem("responses", "have neither counts nor a column 'response'", right))
    given = as_text(table["response"])
    responded = given.str.lower().map(EVENTS)
    problems = [
        Problem(f"responses, row {row}", f"response {given.loc[row]!r} is neither 1 nor 0")
        for row in table.index[responded.isna()]
    ]
    DataError.raise_if(problems)
    return table.assign(responders=responded.astype(float), n=1.0)


def _strata(table: pd.DataFrame, strata: Any) -> Any:
    """Return the stratum of each row."""
    import pandas as pd

    if isinstance(strata, Mapping):
        given = values_of_subjects(strata, table["subject"], "strata")
        columns = {"strata": table["subject"].map(given)}
    else:
        names = [strata] if isinstance(strata, str) else list(strata)
        missing = [name for name in names if name not in table.columns]
        DataError.raise_if(Problem("strata", f"there is no column {m!r}", nearest(m, map(str, table.columns))) for m in missing)
        columns = {name: table[name] for name in names}
    if not columns:
        return "all"
    texts = pd.DataFrame({name: as_text(column.astype(object)) for name, column in columns.items()})
    empty = texts.apply(is_missing).any(axis=1)
    if empty.any():
        raise DataError([Problem(f"strata, row {row}", "has no value", "a stratum for each row") for row in texts.index[empty]])
    return texts.agg(", ".join, axis=1)
