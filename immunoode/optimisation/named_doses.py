"""A regimen whose doses are chosen by name: "amount(docetaxel)", "time(docetaxel, 1)"."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from immunoode.errors import Problem, SolveError, nearest
from immunoode.model.closed_model import ClosedModel
from immunoode.optimisation.choices import Choices
from immunoode.optimisation.dosages import FloatArray
from immunoode.regimen.schedule import DOSE, Schedule
from immunoode.solve.simulate import Expansion

_NAME = re.compile(r"(amount|time)\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\)")


@dataclass(frozen=True)
class _Named:
    """One of the names: which column, which rows of it, and whether they change together with the first."""

    column: str
    rows: Any


def named_doses(
    regimen: Any, model: ClosedModel, parameters: FloatArray, chosen: Choices
) -> Callable[[dict[str, Any]], Schedule]:
    """Return the schedule as a function of amounts and times of its doses.

    Amounts are in the unit of the input. Of "amount(docetaxel)" it is the first dose; all others change by the same amount.

    Raises
    ------
    SolveError
        If a name is not one of these, or the regimen has no such dose.
    """
    stated = Expansion(regimen, model).schedule(parameters)
    assert stated is not None
    problems, named = list[Problem](), dict[str, _Named]()
    for name in (*chosen.numbers, *chosen.options):
        found = _named(name, stated)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            named[name] = found
    if problems:
        raise SolveError(problems)

    def schedule_of(values: dict[str, Any]) -> Schedule:
        columns = {"time": stated.times.copy(), "amount": stated.amounts.copy()}
        for name, own in named.items():
            column = columns[own.column]
            column[own.rows] += values[name] - column[own.rows[0]]
        return replace(stated, times=columns["time"], amounts=columns["amount"])

    return schedule_of


def _named(name: str, stated: Schedule) -> _Named | Problem:
    said = _NAME.fullmatch(name)
    if not said:
        right = "'amount(docetaxel)', 'time(docetaxel, 1)'; or a function of other names as the regimen"
        return Problem(f"choose: {name!r}", "is no dose of the regimen", right)
    pairs = zip(stated.inputs, stated.actions, strict=True)
    rows = np.array([i for i, (n, action) in enumerate(pairs) if n == said[2] and action == DOSE], dtype=np.int64)
    if not rows.size:
        return Problem(f"choose: {name!r}", "is of what the regimen does not give", nearest(said[2], stated.inputs))
    if said[3] is None:
        return _Named(said[1], rows)
    if int(said[3]) >= rows.size:
        return Problem(
            f"choose: {name!r}", f"is not given: the regimen has {rows.size} doses of it", "one of its doses, from 0"
        )
    return _Named(said[1], rows[[int(said[3])]])
