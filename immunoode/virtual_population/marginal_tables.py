"""Distributions of one parameter to and from tables of a file.

`{ distribution = "log-normal", median = 0.22, sd = 0.366 }`; instead of `sd`, a file may state `variance` (omega squared) or,
for a log-normal distribution, `cv` (standard deviation divided by mean); `truncate = [lower, upper]` truncates any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from immunoode.errors import PopulationError, Problem, nearest
from immunoode.number_checks import is_number
from immunoode.virtual_population.composed_marginals import Mixture, Truncated
from immunoode.virtual_population.discrete_marginals import Categorical, Empirical, Fixed
from immunoode.virtual_population.latent_normals import LogitNormal, LogNormal, Normal
from immunoode.virtual_population.marginals import LogUniform, Marginal, Uniform

KINDS: dict[str, type[Any]] = {
    "normal": Normal,
    "log-normal": LogNormal,
    "logit-normal": LogitNormal,
    "uniform": Uniform,
    "log-uniform": LogUniform,
    "categorical": Categorical,
    "empirical": Empirical,
    "fixed": Fixed,
    "mixture": Mixture,
}
NAMES = {kind: name for name, kind in KINDS.items()}
KIND, TRUNCATE = "distribution", "truncate"
SPREADS = ("sd", "variance", "cv")
NUMBERS = ("values", "probabilities", "counts", "weights")
"""Keys with lists of numbers."""


def marginal_of(row: Mapping[str, Any], place: str, problems: list[Problem]) -> Marginal | None:
    """Return the distribution that a table states; None, with the problems in the list, if it states none.

    Parameters
    ----------
    row : mapping
        The keys of the distribution only.
    place : str
        The file and key, with which the place of problems begins.
    """
    kind = row.get(KIND)
    if kind not in KINDS:
        right = f"{KIND} = ... with one of {', '.join(KINDS)}"
        problems.append(Problem(f"{place}.{KIND}", f"is {kind!r}" if kind else "is missing", right))
        return None
    before = len(problems)
    given = {k: v for k, v in row.items() if k not in (KIND, TRUNCATE)}
    values = _components(given, place, problems) if kind == "mixture" else _spread(given, str(kind), place, problems)
    values = _counts(values, place, problems) if kind == "categorical" else values
    _check_keys(values, KINDS[kind], place, problems)
    if len(problems) > before:
        return None
    return _made(lambda: _truncated(KINDS[kind](**values), row.get(TRUNCATE)), place, problems)


def table_of(found: Marginal) -> dict[str, Any]:
    """Return a distribution as a table, from which `marginal_of` makes an equal one."""
    if isinstance(found, Truncated):
        return {**table_of(found.of), TRUNCATE: [found.lower, found.upper]}
    row: dict[str, Any] = {KIND: NAMES[type(found)]}
    for field in fields(found):  # type: ignore[arg-type]
        value = getattr(found, field.name)
        if field.default is MISSING or value != field.default:
            row[field.name] = [_entry(v) for v in value] if isinstance(value, tuple) else value
    return row


def _entry(value: Any) -> Any:
    return table_of(value) if isinstance(value, Marginal) else value


def _made(make: Any, place: str, problems: list[Problem]) -> Any:
    """Return the distribution, or None with the problems and their place."""
    try:
        return make()
    except PopulationError as error:
        problems += [Problem(f"{place}.{p.where}", p.what, p.right) for p in error.problems]
        return None


def _truncated(found: Marginal, limits: Any) -> Marginal:
    if limits is None:
        return found
    if not isinstance(limits, list) or len(limits) != 2 or not all(is_number(v) for v in limits):
        raise PopulationError(Problem(TRUNCATE, f"is {limits!r}", "[lower, upper]; -inf or inf where there is no limit"))
    return Truncated(found, *map(float, limits))


def _check_keys(values: Mapping[str, Any], kind: type[Any], place: str, problems: list[Problem]) -> None:
    """Append problems of keys that are unknown, missing, or of the wrong type."""
    known = {f.name: f for f in fields(kind)}
    for key, value in values.items():
        if key not in known:
            problems.append(Problem(f"{place}.{key}", "is not a valid key here", nearest(key, known)))
        elif key == "group" and not isinstance(value, str):
            problems.append(Problem(f"{place}.{key}", f"is {value!r}", "a text in quotes"))
        elif key in NUMBERS and not (isinstance(value, list) and all(map(is_number, value))):
            problems.append(Problem(f"{place}.{key}", f"is {value!r:.60}", "a list of numbers"))
        elif key not in (*NUMBERS, "group", "components") and not is_number(value):
            problems.append(Problem(f"{place}.{key}", f"is {value!r:.60}", "a number"))
    for name, field in known.items():
        if field.default is MISSING and name not in values:
            problems.append(Problem(place, f"has no {name!r}", f"add {name} = ..."))


def _spread(given: dict[str, Any], kind: str, place: str, problems: list[Problem]) -> dict[str, Any]:
    """Return the keys with `sd` instead of a variance or a coefficient of variation."""
    stated = [key for key in SPREADS if key in given]
    if len(stated) > 1:
        problems.append(Problem(place, f"states {' and '.join(stated)}", "one of them"))
    if not stated or "sd" not in {f.name for f in fields(KINDS[kind])}:
        return given
    value, others = given[stated[0]], {k: v for k, v in given.items() if k not in SPREADS}
    if stated[0] == "sd":
        return {**others, "sd": value}
    if stated[0] == "cv" and kind != "log-normal":
        problems.append(Problem(f"{place}.cv", "is only for log-normal distributions", "sd or variance"))
    elif not is_number(value) or not value > 0:
        problems.append(Problem(f"{place}.{stated[0]}", f"is {value!r}", "a number above zero"))
    else:
        return {**others, "sd": float(np.sqrt(value if stated[0] == "variance" else np.log1p(value**2)))}
    return {**others, "sd": 1.0}


def _counts(given: dict[str, Any], place: str, problems: list[Problem]) -> dict[str, Any]:
    """Return the keys with `probabilities` instead of counts."""
    if "counts" not in given:
        return given
    counts, others = given["counts"], {k: v for k, v in given.items() if k != "counts"}
    if "probabilities" in given:
        problems.append(Problem(place, "states both counts and probabilities", "one of them"))
    if not isinstance(counts, list) or not all(map(is_number, counts)) or not sum(counts) > 0:
        problems.append(Problem(f"{place}.counts", f"is {counts!r:.60}", "a list of numbers, one per value"))
        return {**others, "probabilities": [1.0]}
    return {**others, "probabilities": [n / sum(counts) for n in counts]}


def _components(given: dict[str, Any], place: str, problems: list[Problem]) -> dict[str, Any]:
    """Return the keys of a mixture with its components as distributions."""
    rows = given.get("components")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        if "components" in given:
            right = "a list of tables such as { distribution = 'log-normal', median = 1, sd = 0.3 }"
            problems.append(Problem(f"{place}.components", f"is {rows!r:.60}", right))
        return given
    made = tuple(marginal_of(row, f"{place}.components[{k}]", problems) for k, row in enumerate(rows))
    return {**given, "components": made}
