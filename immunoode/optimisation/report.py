"""The text report of an `OptimalSchedule`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

_MOST_NUMBERS = 12
NO_UNITS: Mapping[str, str] = MappingProxyType({})


def report(found: Any) -> str:
    """Return the report of the optimum."""
    parts = [str(found), *_choices(found), *_limits(found), *_quality(found), *_flatness(found)]
    parts += [*_calendar(found), *_alternatives(found), *_left_out(found), *_cohort(found)]
    parts.append(f"{found.evaluations} schedules simulated in {found.seconds:.1f} s")
    return "\n".join(parts)


def words(values: Mapping[str, Any], units: Mapping[str, str] = NO_UNITS) -> str:
    """Return choices as text, with their units as far as they are known."""
    return ", ".join(f"{name} = {with_unit(_number(value), units.get(name, ''))}" for name, value in values.items())


def with_unit(number: str, unit: str) -> str:
    """Return a number with its unit, if it has one."""
    return number if unit in ("", "1") else f"{number} {unit}"


def _number(value: Any) -> str:
    if isinstance(value, np.ndarray):
        shown = ", ".join(f"{v:.4g}" for v in value[:_MOST_NUMBERS])
        return f"[{shown}{', ...' if len(value) > _MOST_NUMBERS else ''}]"
    return f"{value:.5g}" if isinstance(value, float) else f"{value}"


def _choices(found: Any) -> list[str]:
    lines = [f"  {words({name: value}, found.units)}" for name, value in found.choices.items()]
    if found.flatness and len(found.flatness.within) <= _MOST_NUMBERS:
        moved = [f"{name} {low:.4g} to {high:.4g}" for name, (low, high) in found.flatness.within.items()]
        lines.append(f"  loses less than 1 % (one at a time): {'; '.join(moved)}")
    return lines


def _limits(found: Any) -> list[str]:
    table = found.limits_table()
    units = [found.units.get(str(one.quantity), "") for one in found.limits]
    rows = zip(table.itertuples(), units, strict=True)
    return [f"  {row.limit}: {with_unit(f'{row.value:.6g}', unit)}{_standing(row)}" for row, unit in rows]


def _standing(row: Any) -> str:
    if row.violated_by:
        return f", violated by {row.violated_by:.4g}"
    return f", active; relaxing it by one unit gains {row.gain_per_unit:.3g}" if row.active else ""


def _quality(found: Any) -> list[str]:
    if found.optimality is None:
        return ["no gradient: found by a search among schedules, which does not prove optimality"]
    if not found.feasible:
        return ["the optimality conditions do not apply because limits are violated; relax a limit, or widen the bounds"]
    active = [a.what for a in found.optimality.active if a.is_bound]
    shown = ", ".join(active[:4]) + (f" and {len(active) - 4} more" if len(active) > 4 else "")
    bounds = f"; at bounds: {shown}" if active else ""
    starts = f"{found.agreeing} of {len(found.descents)} starts agree"
    return [f"residual of the optimality conditions {found.optimality.residual:.1e} of the objective's range{bounds}; {starts}"]


def _flatness(found: Any) -> list[str]:
    flat = found.flatness
    if flat is None or found.optimality is None:
        return []
    active = [a.what for a in found.optimality.active if not a.is_bound]
    same = " and ".join(_as_equality(a) for a in active)
    if flat.drawn < 2:
        return [f"flatness: no other schedules with {same} were found"]
    whom = f"all schedules with {same}" if same else "all schedules within the bounds"
    if flat.is_flat:
        return [f"flat: {whom} are equal ({flat.drawn} drawn at random; objectives differ by {flat.spread:.1e} of the range)"]
    which = f" with {same}" if same else ""
    return [f"not flat: of {flat.drawn} random schedules{which}, the worst loses {100 * flat.spread:.3g} % of the range"]


def _as_equality(limit: str) -> str:
    return limit.replace("<=", "=").replace(">=", "=")


def _calendar(found: Any) -> list[str]:
    loss = found.calendar
    if loss is None:
        return []
    share = abs(loss.loss / found.scale) if found.scale else 0.0
    text = f"on the calendar: loses {loss.loss:.3g} ({100 * share:.2g} % of the range) compared with the continuous optimum, "
    return [text + words(loss.continuous, found.units)]


def _alternatives(found: Any) -> list[str]:
    shown = [f"  {other.objective:.6g} with {words(other.choices, found.units)}" for other in found.alternatives[:5]]
    more = len(found.alternatives) - len(shown)
    return ["next best:", *shown, *([f"  and {more} more"] if more > 0 else [])] if shown else []


def _left_out(found: Any) -> list[str]:
    return ["left out:", *(f"  {one}" for one in found.left_out)] if found.left_out else []


def _cohort(found: Any) -> list[str]:
    if found.typical is None:
        return []
    gain = abs(found.typical_in_cohort - found.objective)
    return [
        f"the optimum of the typical patient, {words(found.typical.choices, found.units)}, gives the cohort "
        f"{found.typical_in_cohort:.6g}; the robust optimum gains {gain:.3g}"
    ]
