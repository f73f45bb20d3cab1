"""Response rates with exact confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from immunoode.errors import DataError, Problem, nearest
from immunoode.number_checks import confidence_problems

if TYPE_CHECKING:
    import pandas as pd


def exact_interval(successes: int, n: int, confidence: float) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a proportion; (nan, nan) for n = 0."""
    from scipy.stats import binomtest

    if n == 0:
        return float("nan"), float("nan")
    interval = binomtest(successes, n).proportion_ci(confidence_level=confidence, method="exact")
    return float(interval.low), float(interval.high)


def group_subjects(subjects: pd.DataFrame, by: str | None) -> list[tuple[str, pd.DataFrame]]:
    """Return the subjects of each group, sorted by the name of the group; one group "all" if `by` is None.

    Raises
    ------
    DataError
        If there is no such column.
    """
    if by is None:
        return [("all", subjects)]
    if by not in subjects.columns:
        raise DataError(Problem("by", f"{by!r} is not a column of subjects", nearest(by, map(str, subjects.columns))))
    return [(name, part) for name, part in subjects.groupby(by, sort=True, dropna=False)]


def rate_table(
    subjects: pd.DataFrame,
    best: str,
    by: str | None,
    confidence: float,
    categories: Sequence[str],
    responses: Sequence[str],
    control: Sequence[str],
) -> pd.DataFrame:
    """Return one row per group: objective response and disease control rates with intervals, and counts of best responses."""
    import pandas as pd

    DataError.raise_if(confidence_problems(confidence))
    rows = []
    for name, part in group_subjects(subjects, by):
        counts = part[best].value_counts()
        number = {category: int(counts.get(category, 0)) for category in categories}
        n, responders, controlled = len(part), sum(number[c] for c in responses), sum(number[c] for c in control)
        lower, upper = exact_interval(responders, n, confidence)
        control_lower, control_upper = exact_interval(controlled, n, confidence)
        rows.append(
            {
                by or "group": name,
                "n": n,
                "responders": responders,
                "objective_response_rate": responders / n if n else float("nan"),
                "lower": lower,
                "upper": upper,
                "controlled": controlled,
                "disease_control_rate": controlled / n if n else float("nan"),
                "disease_control_lower": control_lower,
                "disease_control_upper": control_upper,
                **number,
            }
        )
    return pd.DataFrame(rows)


def pseudoprogression_table(subjects: pd.DataFrame, by: str | None, confidence: float) -> pd.DataFrame:
    """Return one row per group: how many subjects had an iUPD, how many of them resolved, and the shares with intervals."""
    import pandas as pd

    rows = []
    for name, part in group_subjects(subjects, by):
        n, unconfirmed, resolved = len(part), int(part["had_iupd"].sum()), int(part["pseudoprogression"].sum())
        lower, upper = exact_interval(resolved, n, confidence)
        rows.append(
            {
                by or "group": name,
                "n": n,
                "with_iupd": unconfirmed,
                "pseudoprogression": resolved,
                "then_response": int(part["response_after_iupd"].sum()),
                "share": resolved / n if n else float("nan"),
                "lower": lower,
                "upper": upper,
                "share_of_iupd": resolved / unconfirmed if unconfirmed else float("nan"),
            }
        )
    return pd.DataFrame(rows)
