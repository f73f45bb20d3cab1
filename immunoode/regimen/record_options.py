"""What is said beside a table of event records: its unit of time, its compartments, the rule of its covariates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from immunoode.errors import DataError, Problem, nearest
from immunoode.regimen.covariate_series import RULES

COVARIATES = {
    "WT": "weight",
    "WTKG": "weight",
    "WGT": "weight",
    "BW": "weight",
    "BWT": "weight",
    "WEIGHT": "weight",
    "BSA": "surface_area",
    "AGE": "age",
    "SEX": "sex",
    "HT": "height",
    "HGT": "height",
    "HEIGHT": "height",
}
"""What columns of NONMEM tables are usually called, and the package's names for these covariates."""


def covariate_columns(given: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """Return which column is which parameter: as stated, or by the usual names."""
    if isinstance(given, Mapping):
        return dict(given)
    names = (given,) if isinstance(given, str) else given
    return {name: COVARIATES.get(str(name).strip().upper(), str(name)) for name in names}


PER_DAY = {"day": 1.0, "hour": 24.0}
"""Units of time that records may be in, and how many of them are a day."""


def days_per(time_unit: str) -> float:
    """Return how many of a unit of time are a day.

    Raises
    ------
    DataError
        If it is neither "hour" nor "day".
    """
    if time_unit not in PER_DAY:
        raise DataError(Problem("time_unit", f"is {time_unit!r}", "'hour' or 'day'"))
    return PER_DAY[time_unit]


def named(compartments: Mapping[int | str, str] | None) -> tuple[dict[str, str] | None, list[Problem]]:
    """Return compartments by their text, and what is wrong with them."""
    if compartments is None:
        return None, []
    if not isinstance(compartments, Mapping) or not compartments:
        right = "a mapping such as {1: 'pembrolizumab'}; or leave it out where CMT has the names of inputs"
        return None, [Problem("compartments", f"is {compartments!r:.60}", right)]
    wrong = [name for name in compartments.values() if not (isinstance(name, str) and name.isidentifier())]
    problems = [Problem("compartments", f"has {name!r}", "the name of an input of a model") for name in wrong]
    return {str(number): name for number, name in compartments.items()}, problems


def rule_problems(rule: str | None, covariates: bool) -> list[Problem]:
    """Return what is wrong with the rule of covariates."""
    if rule in RULES or (rule is None and not covariates):
        return []
    what = "is not stated, but there are covariates" if rule is None else f"is {rule!r}"
    right = "'locf' (a value holds until the next record) or 'nocb' (since the one before, as NONMEM has it)"
    return [Problem("rule", what, right if rule is None else f"{nearest(str(rule), RULES)}: {right}")]
