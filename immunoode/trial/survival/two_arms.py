"""Shared parts of the comparisons of arms: the rows of an endpoint, strata, and the reference arm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem, nearest
from immunoode.number_checks import confidence_problems
from immunoode.tables.cells import as_text, is_missing
from immunoode.trial.survival.endpoint_table import endpoint_table, group_names

if TYPE_CHECKING:
    import pandas as pd

STRATUM = "stratum"


def rows_by_arm(endpoints: Any, endpoint: str | None, by: str) -> pd.DataFrame:
    """Return the rows of an endpoint, with the groups to compare in the column `arm`.

    Raises
    ------
    DataError
        If there is no such column or endpoint, rows are invalid, or some have no group.
    """
    rows = endpoint_table(endpoints, endpoint)
    return rows.assign(arm=group_names(rows, by))


def two_arms(rows: pd.DataFrame, reference: str | None, what: str) -> tuple[str, str]:
    """Return the reference arm (by default the first) and the other.

    Raises
    ------
    DataError
        If there are not two arms, or the reference is none of them.
    """
    arms = list(dict.fromkeys(rows["arm"]))
    if len(arms) != 2:
        listed = ", ".join(map(repr, arms))
        raise DataError(Problem(what, f"compares two arms, but there are {len(arms)}: {listed}", "data from two arms"))
    if reference is not None and reference not in arms:
        raise DataError(Problem("reference", f"{reference!r} is not an arm", nearest(reference, arms)))
    first = arms[0] if reference is None else reference
    return first, next(arm for arm in arms if arm != first)


def with_strata(rows: pd.DataFrame, endpoints: Any, strata: str | Sequence[str]) -> pd.DataFrame:
    """Return rows with the column `stratum`: the values of the columns of strata, joined; "all" without strata.

    Parameters
    ----------
    rows : DataFrame
        With the columns subject and arm.
    endpoints : TrialData or DataFrame
        The source of the rows: its covariates may be strata.
    strata : str or sequence of str
        Columns of the rows, or covariates of the trial data.

    Raises
    ------
    DataError
        If there is no such column, a subject has no value, or a category has no subjects.
    """
    import pandas as pd

    names = [strata] if isinstance(strata, str) else list(strata)
    known = getattr(endpoints, "covariates", None)
    columns = {name: _column(rows, known, name) for name in names}
    problems = [problem for name, column in columns.items() for problem in _empty(rows, name, column)]
    DataError.raise_if(problems)
    if not columns:
        return rows.assign(**{STRATUM: "all"})
    texts = pd.DataFrame({name: as_text(column) for name, column in columns.items()})
    return rows.assign(**{STRATUM: texts.agg(", ".join, axis=1)})


def _column(rows: pd.DataFrame, covariates: Any, name: str) -> pd.Series:
    if name in rows.columns and name not in ("arm", "time", "event", "subject"):
        return rows[name]
    if covariates is not None and name in covariates.columns:
        by_subject = covariates[name].set_axis(covariates.index.astype(str))
        return rows["subject"].map(by_subject)
    others = [c for c in rows.columns if c not in ("arm", "time", "event", "subject")]
    known = [*others, *(covariates.columns if covariates is not None else [])]
    raise DataError(Problem("strata", f"{name!r} is not a column of the table", nearest(name, map(str, known))))


def _empty(rows: pd.DataFrame, name: str, column: pd.Series) -> list[Problem]:
    """Return the subjects without a value, and the categories without subjects."""
    import pandas as pd

    without = is_missing(as_text(column))
    right = "a value for each subject, or the table without the subject"
    found = [Problem(f"stratum {name!r}, subject {s}", "has no value", right) for s in rows.loc[without, "subject"]]
    if isinstance(column.dtype, pd.CategoricalDtype):
        unused = [c for c in column.cat.categories if not (column == c).any()]
        found += [Problem(f"stratum {name!r}", f"{c!r} has no subjects", "categories that occur in the data") for c in unused]
    return found


def one_armed(rows: pd.DataFrame) -> list[str]:
    """Return the strata whose subjects are all in one arm."""
    arms = rows.groupby(STRATUM, sort=False)["arm"].nunique()
    return [str(stratum) for stratum in arms.index[arms < 2]]


def check_confidence(confidence: float) -> float:
    """Return the quantile of the normal distribution of a confidence level.

    Raises
    ------
    DataError
        If it is not between 0 and 1.
    """
    from scipy.stats import norm

    DataError.raise_if(confidence_problems(confidence))
    return float(norm.ppf(0.5 + confidence / 2))
