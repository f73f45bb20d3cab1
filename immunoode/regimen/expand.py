"""From rules to the schedule of one patient: amounts in the units of the inputs, by the patient's size."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from immunoode.errors import Problem, RegimenError, nearest
from immunoode.model.library import who_takes
from immunoode.regimen.covariate_series import Course
from immunoode.regimen.doses import Dose, basis
from immunoode.regimen.schedule import DOSE, MULTIPLY, REPLACE, RESET, SET, Schedule
from immunoode.regimen.state_change import Change

CALVERT_OFFSET = 25.0
"""mL/min, clearance that is not renal: the Calvert formula (J Clin Oncol 1989), dose = exposure x (filtration + 25)."""
_COVARIATES = {"weight": "weight", "surface_area": "surface_area", "exposure": "glomerular_filtration"}
Rule = Dose | Change | Course


class Row(NamedTuple):
    """A row of a schedule; the fields are its columns, one by one."""

    time: float
    name: str
    amount: float
    duration: float = 0.0
    action: str = DOSE
    steady: float = 0.0
    rate: float = 0.0
    adding: bool = False
    order: float = 0.0


_Lookup = Callable[[str, float], float | None]


def schedule_of(rules: Sequence[Rule], inputs: Mapping[str, str], covariates: Mapping[str, float]) -> Schedule:
    """Return the flat schedule of one patient; see `Regimen.schedule`."""
    rules = [rule for k, rule in enumerate(rules) if not (isinstance(rule, Course) and rule in rules[:k])]
    problems, rows, lookup = _clashes(rules), list[Row](), _lookup(rules, covariates)
    for rule in rules:
        try:
            rows += _rows(rule, inputs, lookup)
        except RegimenError as error:
            problems.extend(error.problems)
    if problems:
        raise RegimenError(dict.fromkeys(problems))
    return of_rows(rows)


def of_rows(rows: Sequence[Row]) -> Schedule:
    """Return a schedule of rows; those of one time stay in the order given."""
    times, names, amounts, durations, actions, steady, rates, adding, orders = (
        zip(*rows, strict=True) if rows else ((),) * len(Row._fields)
    )
    return Schedule(
        np.array(times),
        names,
        np.array(amounts),
        np.array(durations),
        actions,
        np.array(steady),
        rates=np.array(rates),
        adding=np.array(adding, dtype=bool),
        orders=np.array(orders),
    )


def _clashes(rules: Sequence[Rule]) -> list[Problem]:
    """Return the covariates that have more than one course."""
    names = Counter(rule.parameter for rule in rules if isinstance(rule, Course))
    return [
        Problem(f"set of {name}", f"has {number} courses that differ", "one .set() with all its values and times")
        for name, number in names.items()
        if number > 1
    ]


def _lookup(rules: Sequence[Rule], covariates: Mapping[str, float]) -> _Lookup:
    """Return what says a patient's covariate at a time: as its course was measured, else the patient's own, else None."""
    courses = {rule.parameter: rule for rule in rules if isinstance(rule, Course)}

    def at(name: str, time: float) -> float | None:
        value = courses[name].at(time) if name in courses else None
        return covariates.get(name) if value is None else value

    return at


def stated_rows(rule: Rule) -> list[tuple[str, float, float, str, float, str, float]]:
    """Return a rule time by time, as it was stated: therapy or parameter, day, amount, unit, duration, action, steady state."""
    if isinstance(rule, Course):
        return [(rule.parameter, time, value, "", 0.0, SET, 0.0) for time, value in rule.steps()]
    times, amounts = rule.times(), rule.amounts()
    duration, action = (rule.over, DOSE) if isinstance(rule, Dose) else (0.0, rule.action)
    first = rule.every if isinstance(rule, Dose) and rule.steady else 0.0
    return [
        (rule.therapy, time, amount, rule.unit, duration, action, 0.0 if k else first)
        for k, (time, amount) in enumerate(zip(times, amounts, strict=True))
    ]


def _rows(rule: Rule, inputs: Mapping[str, str], lookup: _Lookup) -> list[Row]:
    """Return a rule time by time, for one patient."""
    stated = stated_rows(rule)
    amounts = [row[2] for row in stated] if isinstance(rule, Course) else _amounts(rule, inputs, lookup)
    at_rate = isinstance(rule, Dose) and rule.at_rate
    return [
        Row(time, name, amount, duration, action, steady, amount / duration if at_rate and duration else 0.0)
        for (name, time, _, _, duration, action, steady), amount in zip(stated, amounts, strict=True)
    ]


def _amounts(rule: Dose | Change, inputs: Mapping[str, str], lookup: _Lookup) -> list[float]:
    """Return the amounts in the input's unit for one patient; factors as they are."""
    action = DOSE if isinstance(rule, Dose) else rule.action
    if action == RESET:
        return rule.amounts()
    where = f"{_WORDS[action]} of {rule.therapy}"
    if rule.therapy not in inputs:
        raise RegimenError(Problem(where, "is not an input of this model", _advice(rule.therapy, inputs)))
    if action == MULTIPLY:
        return rule.amounts()
    kind, factor = basis(rule.unit, inputs[rule.therapy], where)
    sizes = (_size(kind, where, time, lookup) for time in rule.times())
    return [amount * factor * size for amount, size in zip(rule.amounts(), sizes, strict=True)]


def _advice(therapy: str, inputs: Mapping[str, str]) -> str:
    """Return the nearest inputs, and which shipped models take this therapy."""
    takers = who_takes(therapy)
    loading = f"; combine the model with one that takes {therapy}: {takers}" if takers else ""
    return nearest(therapy, inputs) + loading


_WORDS = {DOSE: "dose", REPLACE: "replacement", MULTIPLY: "multiplication"}


def _size(kind: str, where: str, time: float, lookup: _Lookup) -> float:
    """Return the patient's kg, m2, or clearance in mL/min at a time, that an amount is multiplied by."""
    if kind == "flat":
        return 1.0
    name = _COVARIATES[kind]
    found = lookup(name, time)
    if found is None:
        right = f"add a covariate {name!r} to the model, or give a flat dose"
        raise RegimenError(Problem(where, f"is stated by {name}, which the model has no covariate for", right))
    value = float(found)
    if not (math.isfinite(value) and value > 0):
        raise RegimenError(Problem(where, f"is stated by {name}, which is {value:g}", f"a positive {name}"))
    return value + (CALVERT_OFFSET if kind == "exposure" else 0.0)
