"""Options of reading event records: unit of time, compartments, covariates and their rule."""

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
"""Usual names of columns in NONMEM tables, and the package's names of these covariates."""


def covariate_columns(given: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """Return the mapping of columns to parameters: as stated, or by the usual names."""
    if isinstance(given, Mapping):
        return dict(given)
    names = (given,) if isinstance(given, str) else given
    return {name: COVARIATES.get(str(name).strip().upper(), str(name)) for name in names}


PER_DAY = {"day": 1.0, "hour": 24.0}
"""Units of time of records, and their number per day."""


def days_per(time_unit: str) -> float:
    """Return the number of a unit of time per day.

    Raises
    ------
    DataError
        If it is neither "hour" nor "day".
    """
    if time_unit not in PER_DAY:
        raise DataError(Problem("time_unit", f"is {time_unit!r}", "'hour' or 'day'"))
    return PER_DAY[time_unit]


def compartment_names(compartments: Mapping[int | str, str] | None) -> tuple[dict[str, str] | None, list[Problem]]:
    """Return the inputs by the text of their compartment number, and problems."""
    if compartments is None:
        return None, []
    if not isinstance(compartments, Mapping) or not compartments:
        right = "a mapping such as {1: 'pembrolizumab'}, or None if CMT has the names of inputs"
        return None, [Problem("compartments", f"is {compartments!r:.60}", right)]
    wrong = [name for name in compartments.values() if not (isinstance(name, str) and name.isidentifier())]
    problems = [Problem("compartments", f"has {name!r}", "the name of an input of a model") for name in wrong]
    return {str(number): name for number, name in compartments.items()}, problems


def rule_problems(rule: str | None, covariates: bool) -> list[Problem]:
    """Return the problems of the rule of covariates."""
    if rule in RULES or (rule is None and not covariates):
        return []
    what = "is missing, but there are covariates" if rule is None else f"is {rule!r}"
    right = "'locf' (a value holds until the next record) or 'nocb' (from the previous record on, as in NONMEM)"
    return [Problem("rule", what, right if rule is None else f"{nearest(str(rule), RULES)}: {right}")]
