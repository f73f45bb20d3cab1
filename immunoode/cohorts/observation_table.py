"""The table of a cohort file that states how patients are observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from immunoode import units
from immunoode.cohorts.definition import HowObserved
from immunoode.model.file_problems import FileProblems
from immunoode.virtual_trial.hazard import Hazard
from immunoode.virtual_trial.measurement import Measurement
from immunoode.virtual_trial.observation import Observation
from immunoode.virtual_trial.visits import VisitSchedule

CONFIRMED = "confirmed"
HAZARDS = ("death", "dropout", "new_lesions")
KEYS = (*(f.name for f in fields(Observation)), CONFIRMED)
MOST_VISITS = 5_000


def how_observed(given: Any, place: str, problems: FileProblems) -> HowObserved:
    """Return the observation of patients; problems of the table are collected."""
    table = problems.table(given, place, KEYS) or {}
    parts: dict[str, Any] = {key: table[key] for key in ("output", "follow_up") if key in table}
    if "visits" in table:
        parts["visits"] = _visits(table["visits"], f"{place}.visits", problems)
    if "measurement" in table:
        parts["measurement"] = _made(Measurement, table["measurement"], f"{place}.measurement", problems)
    for name in HAZARDS:
        if name in table:
            rows = problems.rows(table[name], f"{place}.{name}")
            made = [_made(Hazard, row, f"{place}.{name}[{k}]", problems) for k, row in enumerate(rows)]
            parts[name] = tuple(hazard for hazard in made if hazard is not None) or None
    confirmed = table.get(CONFIRMED, False)
    if not isinstance(confirmed, bool):
        problems.add(f"{place}.{CONFIRMED}", f"is {confirmed!r:.60}", "true or false")
    with problems.at(place):
        return HowObserved(Observation(**{k: v for k, v in parts.items() if v is not None}), confirmed is True)
    return HowObserved()


def _visits(given: Any, place: str, problems: FileProblems) -> VisitSchedule | None:
    made = _made(VisitSchedule, given, place, problems)
    if made is None:
        return None
    last = units.days(made.until if made.end is None else made.end)
    shortest = min(units.days(each) for each in (made.every, made.then) if each is not None)
    if last / shortest <= MOST_VISITS:
        return made
    problems.add(place, f"make about {last / shortest:.3g} visits", f"at most {MOST_VISITS:,}")
    return None


def _made(kind: type, given: Any, place: str, problems: FileProblems) -> Any:
    """Return an object made from the fields of a table; None if they are wrong."""
    table = problems.table(given, place, [f.name for f in fields(kind)])
    if table is None or len(table) < len(given):
        return None
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    with problems.at(place):
        return kind(**lists)
    return None


def merged(general: Any, own: Any) -> Any:
    """Return the table of an arm, completed with the general keys; nested tables are treated alike."""
    if not isinstance(own, Mapping) or not isinstance(general, Mapping):
        return own
    return {**general, **{key: merged(general.get(key), value) for key, value in own.items()}}
