"""The rules of a regimen expanded to the schedule of one subject, with amounts in the units of the model's inputs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from immunoode.errors import Problem, RegimenError, nearest
from immunoode.model.library import models_taking
from immunoode.regimen.covariate_series import CovariateSeries
from immunoode.regimen.doses import Dose, amount_basis
from immunoode.regimen.schedule import DOSE, MULTIPLY, REPLACE, RESET, SET, EventRecord, Schedule
from immunoode.regimen.state_change import StateChange

CALVERT_OFFSET = 25.0
"""mL/min, non-renal clearance in the formula of Calvert (J Clin Oncol 1989): dose = exposure x (filtration + 25)."""
_COVARIATES = {"weight": "weight", "surface_area": "surface_area", "exposure": "glomerular_filtration"}
_NOUNS = {DOSE: "dose", REPLACE: "replacement", MULTIPLY: "multiplication"}
Rule = Dose | StateChange | CovariateSeries
_CovariateAt = Callable[[str, float], float | None]


def expand_rules(rules: Sequence[Rule], inputs: Mapping[str, str], covariates: Mapping[str, float]) -> Schedule:
    """Return the schedule of one subject; see `Regimen.schedule`."""
    rules = [rule for k, rule in enumerate(rules) if not (isinstance(rule, CovariateSeries) and rule in rules[:k])]
    problems, records, covariate_at = _conflicting_series(rules), list[EventRecord](), _covariate_lookup(rules, covariates)
    for rule in rules:
        try:
            records += _records(rule, inputs, covariate_at)
        except RegimenError as error:
            problems.extend(error.problems)
    if problems:
        raise RegimenError(dict.fromkeys(problems))
    return Schedule.from_records(records)


def _conflicting_series(rules: Sequence[Rule]) -> list[Problem]:
    """Return the covariates that have several series."""
    names = Counter(rule.parameter for rule in rules if isinstance(rule, CovariateSeries))
    return [
        Problem(f"set of {name}", f"has {number} series that differ", "one .set() with all its values and times")
        for name, number in names.items()
        if number > 1
    ]


def _covariate_lookup(rules: Sequence[Rule], covariates: Mapping[str, float]) -> _CovariateAt:
    """Return the function of a covariate's name and a time: its series' value, else the subject's constant, else None."""
    series = {rule.parameter: rule for rule in rules if isinstance(rule, CovariateSeries)}

    def at(name: str, time: float) -> float | None:
        value = series[name].at(time) if name in series else None
        return covariates.get(name) if value is None else value

    return at


def stated_records(rule: Rule) -> list[EventRecord]:
    """Return the event records of a rule with amounts as stated; only the first dose of a rule can be at steady state."""
    if isinstance(rule, CovariateSeries):
        return [EventRecord(time, rule.parameter, value, action=SET) for time, value in rule.steps()]
    stated = zip(rule.times(), rule.amounts(), strict=True)
    if isinstance(rule, StateChange):
        return [EventRecord(time, rule.therapy, amount, action=rule.action, unit=rule.unit) for time, amount in stated]
    doses = [EventRecord(time, rule.therapy, amount, rule.over, unit=rule.unit) for time, amount in stated]
    return [doses[0]._replace(steady=rule.every), *doses[1:]] if rule.steady else doses


def _records(rule: Rule, inputs: Mapping[str, str], covariate_at: _CovariateAt) -> list[EventRecord]:
    """Return the event records of a rule for one subject."""
    records = stated_records(rule)
    if isinstance(rule, CovariateSeries) or (isinstance(rule, StateChange) and rule.action == RESET):
        return records
    action = DOSE if isinstance(rule, Dose) else rule.action
    where = f"{_NOUNS[action]} of {rule.therapy}"
    if rule.therapy not in inputs:
        raise RegimenError(Problem(where, "is not an input of this model", _advice(rule.therapy, inputs)))
    if action == MULTIPLY:
        return records
    basis, factor = amount_basis(rule.unit, inputs[rule.therapy], where)
    sized = [r._replace(amount=r.amount * factor * _size(basis, where, r.time, covariate_at)) for r in records]
    if isinstance(rule, Dose) and rule.at_rate:
        return [r._replace(rate=r.amount / r.duration) if r.duration else r for r in sized]
    return sized


def _advice(therapy: str, inputs: Mapping[str, str]) -> str:
    """Return the most similar inputs, and the shipped models that take this therapy."""
    takers = models_taking(therapy)
    loading = f"; combine the model with one that takes {therapy}: {takers}" if takers else ""
    return nearest(therapy, inputs) + loading


def _size(basis: str, where: str, time: float, covariate_at: _CovariateAt) -> float:
    """Return the factor of an amount at a time: 1, the subject's kg or m2, or its clearance in mL/min."""
    if basis == "flat":
        return 1.0
    name = _COVARIATES[basis]
    found = covariate_at(name, time)
    if found is None:
        right = f"add a covariate {name!r} to the model, or give a flat dose"
        raise RegimenError(Problem(where, f"depends on {name}, for which the model has no covariate", right))
    value = float(found)
    if not (math.isfinite(value) and value > 0):
        raise RegimenError(Problem(where, f"depends on {name}, which is {value:g}", f"a positive {name}"))
    return value + (CALVERT_OFFSET if basis == "exposure" else 0.0)
