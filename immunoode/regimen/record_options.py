"""Options of reading event records: unit of time, compartments, covariates and their rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from immunoode.errors import DataError, Problem, nearest, warn_of_former
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


def covariate_columns(
    given: Mapping[str, str] | Sequence[str] | None, argument: str, *, usual: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """Return the name in the model of each column.

    Names of columns alone are the former form, which works with a warning; they keep their names but for the `usual` ones.

    Raises
    ------
    DataError
        If two columns have one name in the model, or names are not texts.
    """
    if given is None or isinstance(given, Mapping):
        found = dict(given or {})
    else:
        names = (given,) if isinstance(given, str) else tuple(given)
        found = {name: usual.get(str(name).strip().upper(), str(name)) for name in names}
        if found:
            warn_of_former(f"{argument}={list(names)!r}", f"{argument}={found!r}")
    problems = [
        Problem(argument, f"{column!r} is {name!r}", "the name of a column, and the name in the model: {'WT': 'weight'}")
        for column, name in found.items()
        if not (isinstance(column, str) and isinstance(name, str) and name)
    ]
    twice = [name for name, count in Counter(map(str, found.values())).items() if count > 1]
    problems += [Problem(argument, f"has two columns for {name!r}", "one column for each name in the model") for name in twice]
    if problems:
        raise DataError(problems)
    return found


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
