"""A regimen whose doses are chosen by name: "amount(docetaxel)", "time(docetaxel, 1)"."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from immunoode.errors import Problem, SolveError, nearest
from immunoode.model.closed_model import ClosedModel
from immunoode.number_checks import is_number
from immunoode.optimisation.choices import Choices
from immunoode.optimisation.dosages import FloatArray
from immunoode.regimen.doses import amount_basis
from immunoode.regimen.schedule import DOSE, Schedule
from immunoode.solve.simulate import Expansion

_NAME = re.compile(r"(amount|time)\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\)")


_AS_FUNCTION = "as regimen, a function of the choices: lambda dose: Regimen().dose('x', f'{dose} mg/kg', ...)"


@dataclass(frozen=True)
class _Named:
    """One of the names: its column, its rows, and whether they change together with the first."""

    column: str
    rows: Any


def named_doses(
    regimen: Any, model: ClosedModel, patients: FloatArray, chosen: Choices
) -> Callable[[dict[str, Any]], Schedule]:
    """Return the schedule as a function of the amounts and times of its doses.

    Amounts are in the unit of the input. "amount(docetaxel)" is the first dose; all others change by the same amount.

    Raises
    ------
    SolveError
        If a name does not have this form, the regimen has no such dose, a chosen amount is per kilogram or per m2, or doses
        differ between patients (P, parameters).
    """
    expansion = Expansion(regimen, model)
    stated = expansion.schedule(patients[0])
    assert stated is not None
    problems, named = _differing(expansion, patients), dict[str, _Named]()
    for name in (*chosen.numbers, *chosen.options):
        found = _of_patient(name, regimen, model) or _named(name, stated)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            named[name] = found
            problems += _of_values(name, found, chosen)
    SolveError.raise_if(problems)

    def schedule_of(values: dict[str, Any]) -> Schedule:
        columns = {"time": stated.times.copy(), "amount": stated.amounts.copy()}
        for name, own in named.items():
            column = columns[own.column]
            column[own.rows] += values[name] - column[own.rows[0]]
        return replace(stated, times=columns["time"], amounts=columns["amount"])

    return schedule_of


def _of_values(name: str, named: _Named, chosen: Choices) -> list[Problem]:
    """Return problems of options of a dose: those that are not numbers, or a wrong number of them."""
    if name in chosen.options:
        wrong = [value for value in chosen.options[name] if not is_number(value)]
        return [Problem(f"choose: {name!r}", f"has the option {wrong[0]!r:.60}", "plain numbers")] if wrong else []
    size = chosen.numbers[name].size
    if size is None or size == len(named.rows):
        return []
    return [Problem(f"choose: {name!r}", f"is {size} numbers for {len(named.rows)} doses", "one number, or one per dose")]


def _differing(expansion: Expansion, patients: FloatArray) -> list[Problem]:
    """Return the problem of a regimen whose doses differ between patients, because one schedule is chosen for all of them."""
    names = list(expansion.model.parameters)
    differing = [names[i] for i in expansion.columns if np.ptp(patients[:, i]) > 0]
    what = f"has doses that depend on {', '.join(differing)}, which differs between the patients"
    return [Problem("regimen", what, _AS_FUNCTION)] if differing else []


def _of_patient(name: str, regimen: Any, model: ClosedModel) -> Problem | None:
    """Return the problem of an amount that the regimen states per kilogram, per m2 or as an exposure."""
    said = _NAME.fullmatch(name)
    if not said or said[1] != "amount" or said[2] not in model.input_units:
        return None
    own = [rule for rule in getattr(regimen, "rules", ()) if getattr(rule, "therapy", None) == said[2]]
    stated = [r.unit for r in own if amount_basis(r.unit, model.input_units[said[2]], f"dose of {said[2]}")[0] != "flat"]
    if not stated:
        return None
    what = f"is in {model.input_units[said[2]]!r}, but the regimen's dose is in {stated[0]!r}"
    return Problem(f"choose: {name!r}", what, _AS_FUNCTION)


def _named(name: str, stated: Schedule) -> _Named | Problem:
    said = _NAME.fullmatch(name)
    if not said:
        right = "'amount(docetaxel)', 'time(docetaxel, 1)'; or a function of other names as the regimen"
        return Problem(f"choose: {name!r}", "is not a dose of the regimen", right)
    pairs = zip(stated.inputs, stated.actions, strict=True)
    rows = np.array([i for i, (n, action) in enumerate(pairs) if n == said[2] and action == DOSE], dtype=np.int64)
    if not rows.size:
        return Problem(
            f"choose: {name!r}", "refers to a therapy that the regimen does not give", nearest(said[2], stated.inputs)
        )
    if said[3] is None:
        return _Named(said[1], rows)
    if int(said[3]) >= rows.size:
        return Problem(
            f"choose: {name!r}", f"is not given: the regimen has {rows.size} doses of it", "one of its doses, from 0"
        )
    return _Named(said[1], rows[[int(said[3])]])
