"""The tables of a cohort file that state its arms."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from immunoode import units
from immunoode.cohorts.arm_patients import ArmParameter, arm_parameters
from immunoode.cohorts.definition import CohortArm, HowObserved
from immunoode.cohorts.observation_table import how_observed, merged
from immunoode.errors import Problem, RegimenError, nearest
from immunoode.model.file_problems import FileProblems
from immunoode.regimen.library import load_regimen
from immunoode.regimen.regimen import Regimen

SUBPOPULATIONS, PATIENTS = "subpopulations", "patients"
KEYS = ("title", "models", "doses", "regimen", "start", "before", "observation", PATIENTS, "source")
INPUT = "input"
DOSE_KEYS = (INPUT, *(name for name in inspect.signature(Regimen.dose).parameters if name not in ("self", "therapy")))


@dataclass(frozen=True)
class Shared:
    """What the arms of a file share: the table of the general observation and what it states, and the subpopulations."""

    observation: Any
    how: HowObserved
    subpopulations: Mapping[str, Mapping[str, ArmParameter]] = field(default_factory=dict)


def subpopulations_of(given: Any, problems: FileProblems) -> dict[str, dict[str, ArmParameter]]:
    """Return the parameters of subpopulations by name; problems are collected."""
    if not isinstance(given, Mapping):
        problems.add(SUBPOPULATIONS, f"is {given!r:.60}", f"tables [{SUBPOPULATIONS}.NAME]")
        return {}
    return {name: arm_parameters(row, f"{SUBPOPULATIONS}.{name}", problems) for name, row in given.items()}


def arms_of(given: Any, shared: Shared, problems: FileProblems) -> dict[str, CohortArm]:
    """Return the arms by name; problems are collected."""
    if not isinstance(given, Mapping):
        problems.add("arms", f"is {given!r:.60}", "tables [arms.NAME]")
        return {}
    found = {name: _arm(name, row, shared, problems) for name, row in given.items()}
    return {name: arm for name, arm in found.items() if arm is not None}


def _arm(name: str, given: Any, shared: Shared, problems: FileProblems) -> CohortArm | None:
    place = f"arms.{name}"
    table = problems.table(given, place, KEYS)
    if table is None:
        return None
    title, models = problems.text(table, "title", place), problems.texts(table.get("models", []), f"{place}.models")
    start = _start(table, place, problems)
    regimen = _regimen(table, start, place, problems)
    own = shared.how
    if "observation" in table:
        own = how_observed(merged(shared.observation, table["observation"]), f"{place}.observation", problems)
    patients = _patients(table.get(PATIENTS, {}), f"{place}.{PATIENTS}", shared, problems)
    source = problems.source(table, place) if "source" in table else ""
    return CohortArm(name, title, models, regimen, start, own, patients, source)


def _patients(given: Any, place: str, shared: Shared, problems: FileProblems) -> Mapping[str, ArmParameter]:
    """Return the parameters of a table, or of the subpopulation that a text names."""
    if not isinstance(given, str):
        return arm_parameters(given, place, problems)
    if given not in shared.subpopulations:
        problems.add(place, f"{given!r} is not a subpopulation of the file", nearest(given, shared.subpopulations))
    return shared.subpopulations.get(given, {})


def _start(table: Mapping[str, Any], place: str, problems: FileProblems) -> float:
    with problems.at(f"{place}.start"):
        start = units.days(table.get("start", 0.0))
        if start <= 0:
            return start
        problems.add(f"{place}.start", f"is day {start:g}", "day 0 or a day before: '-8 weeks'")
    return 0.0


def _regimen(table: Mapping[str, Any], start: float, place: str, problems: FileProblems) -> Regimen | None:
    """Return the treatments before and from day 0; None for no treatment."""
    parts = [_doses(table[key], f"{place}.{key}", problems) for key in ("doses", "regimen") if key in table]
    if "before" in table:
        if not start:
            problems.add(f"{place}.before", "is stated without a start", "start = '-8 weeks', the day on which it begins")
        parts.append(_doses(table["before"], f"{place}.before", problems).shift(start))
    whole = sum(parts[1:], start=parts[0]) if parts else None
    return whole if whole and whole.rules else None


def _doses(given: Any, place: str, problems: FileProblems) -> Regimen:
    """Return the regimen of names in the library, or of tables of doses."""
    if isinstance(given, str) or (isinstance(given, list) and given and all(isinstance(v, str) for v in given)):
        names = problems.texts(given, place)
        with problems.at(place):
            parts = [load_regimen(name) for name in names]
            return sum(parts[1:], start=parts[0])
        return Regimen()
    made = Regimen()
    for k, row in enumerate(problems.rows(given, place)):
        with problems.at(f"{place}[{k}]"):
            made = _with_dose(made, row, f"{place}[{k}]", problems)
    return made


def _with_dose(made: Regimen, row: Mapping[str, Any], place: str, problems: FileProblems) -> Regimen:
    table = problems.table(row, place, DOSE_KEYS) or {}
    missing = [key for key in (INPUT, "amount") if key not in table]
    RegimenError.raise_if(Problem(key, "is missing", f'a dose such as {{{key} = "200 mg"}}') for key in missing)
    lists: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items() if key != INPUT
    }
    return made.dose(table[INPUT], **lists)
