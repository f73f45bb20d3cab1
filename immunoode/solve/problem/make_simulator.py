"""`make_simulator`: a model with schedules and times, checked, as a Simulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from immunoode import units
from immunoode.errors import Problem, SolveError, nearest
from immunoode.model.closed_model import ClosedModel, resolve
from immunoode.model.model import Model
from immunoode.regimen import schedule as words
from immunoode.regimen.schedule import Schedule
from immunoode.solve.options import SolverOptions
from immunoode.solve.problem.compiled_model import compiled_model_of
from immunoode.solve.problem.layout import Layout
from immunoode.solve.problem.packed_input import FloatArray
from immunoode.solve.problem.sensitivities import sensitivity_parameters
from immunoode.solve.problem.simulator import Simulator
from immunoode.solve.problem.trigger_table import trigger_table_of
from immunoode.suggestions import as_known


def make_simulator(
    model: Model | ClosedModel,
    schedules: Sequence[Schedule | None],
    times: FloatArray | Sequence[FloatArray],
    outputs: Sequence[str] | None = None,
    *,
    start: float | FloatArray = 0.0,
    solver: SolverOptions | None = None,
    sensitivities: str | Sequence[str] = (),
    orders: FloatArray | Sequence[FloatArray] | None = None,
) -> Simulator:
    """Return a simulator of one subject for each schedule.

    Parameters
    ----------
    model : Model or ClosedModel
    schedules : sequence of Schedule or None
        One per subject.
    times : ndarray (T,), or a sequence of one such array for each subject
        Days, increasing.
    outputs : sequence of str, optional
        States, derived quantities or modifiable quantities. Default: states and derived quantities.
    start : float or ndarray (P,)
        Days; the time at which the initial values hold.
    solver : SolverOptions, optional
    sensitivities : sequence of str
        What to differentiate the outputs with respect to, solved together with the states: "growth_rate", a parameter;
        "initial(tumour)"; "amount(pembrolizumab)" and "time(pembrolizumab)", all doses; "amount(pembrolizumab, 2)", the third
        dose.
    orders : ndarray (T,), or a sequence of one such array for each subject, optional
        The position of each time among the rows of the schedule at that time (`Schedule.orders`): earlier rows act before the
        output is taken. Infinity, the default, means after all rows; minus infinity, before all of them. It increases where
        times are equal.

    Raises
    ------
    SolveError, ModelError
    """
    whole, options = resolve(model), solver or SolverOptions()
    eq = whole.equations
    if not eq.states:
        raise SolveError(Problem(whole.name, "has no compartments, so there is nothing to solve", "add [compartments]"))
    by = sensitivity_parameters(sensitivities, eq)
    if by and options.engine != "compiled":
        raise SolveError(Problem("sensitivities", f"are not supported by the engine {options.engine!r}", "engine='compiled'"))
    system = compiled_model_of(eq, by)
    names = tuple(as_known(n, whole.output_units, "output") for n in outputs) if outputs is not None else whole.default_outputs
    _check_outputs(names, whole)
    rows = _rows(times, len(schedules))
    starts = np.broadcast_to(np.asarray(start, dtype=float), (len(schedules),)).copy()
    _check_times(rows, starts)
    places = _orders(orders, rows)
    _check_schedules(schedules, system.layout, whole.name)
    padded, lengths, placed, grids = _padded(rows, places)
    return Simulator(
        system,
        names,
        padded,
        lengths,
        placed,
        grids,
        starts,
        tuple(schedules),
        options,
        options.absolute_tolerance(system.base),
        trigger_table_of(schedules, system.layout.inputs, tuple(whole.output_units), by),
    )


def _padded(rows: Sequence[FloatArray], places: Sequence[FloatArray]) -> tuple[Any, ...]:
    """Return times (P, T), their lengths, orders (P, T), and the number of each subject's grid."""
    longest = max(len(r) for r in rows)
    different = {id(r): r for r in (*rows, *places)}
    made = {key: np.concatenate([r, np.full(longest - len(r), r[-1])]) for key, r in different.items()}
    padded, placed = (np.array([made[id(r)] for r in column]) for column in (rows, places))
    numbers: dict[tuple[int, int], int] = {}
    grids = np.array([numbers.setdefault((id(r), id(o)), len(numbers)) for r, o in zip(rows, places, strict=True)])
    return padded, np.array([len(r) for r in rows], dtype=np.int64), placed, grids


def _check_outputs(names: Sequence[str], model: ClosedModel) -> None:
    known = model.output_units
    if not names:
        raise SolveError(Problem(f"{model.name}: outputs", "are empty", nearest("", known)))
    unknown = [Problem(f"{model.name}: output {n!r}", "is not known", nearest(str(n), known)) for n in names if n not in known]
    twice = sorted({n for n in names if n in known and list(names).count(n) > 1})
    unknown += [Problem(f"{model.name}: output {n!r}", "is stated twice", "once: it has one column") for n in twice]
    SolveError.raise_if(unknown)


def _check_schedules(schedules: Sequence[Schedule | None], layout: Layout, where: str) -> None:
    """Refuse names that the model does not have, and time-varying parameters for which sensitivities are requested."""
    inputs, parameters = set[str](), set[str]()
    for schedule in {id(s): s for s in schedules if s is not None}.values():
        for action, name in zip(schedule.actions, schedule.inputs, strict=True):
            if action != words.RESET:
                (parameters if action == words.SET else inputs).add(name)
    unknown = [
        Problem(f"{where}: {n!r}", f"is not {what} of this model", nearest(n, known))
        for names, known, what in ((inputs, layout.inputs, "an input"), (parameters, layout.parameters, "a parameter"))
        for n in sorted(names - known.keys())
    ]
    unknown += [
        Problem(f"sensitivities: {str(by)!r}", "varies with time", "leave it out") for by in layout.by if by.name in parameters
    ]
    SolveError.raise_if(unknown)


def _check_times(rows: Sequence[FloatArray], starts: FloatArray) -> None:
    latest: dict[int, tuple[FloatArray, float]] = {}  # shared rows are checked once
    for row, start in zip(rows, starts.tolist(), strict=True):
        if id(row) not in latest or not latest[id(row)][1] >= start:
            latest[id(row)] = row, start
    for row, start in latest.values():
        if row.ndim != 1 or row.size == 0 or not np.isfinite(row).all() or not np.isfinite(start):
            raise SolveError(Problem("times", "are empty, or not finite", "a list of days, for example range(0, 366)"))
        if np.any(np.diff(row) < 0):
            raise SolveError(Problem("times", "do not increase", "sort them"))
        if row[0] < start:
            raise SolveError(
                Problem("times", f"begin at day {row[0]:g}, before the start, day {start:g}", "state an earlier start=")
            )


def _orders(given: Any, rows: Sequence[FloatArray]) -> list[FloatArray]:
    """Return the order of each of the times, infinite if none is given.

    Rows of times that are the same object share their order.
    """
    if given is None:
        shared = {id(row): np.full(len(row), np.inf) for row in rows}
        return [shared[id(row)] for row in rows]
    found = _rows(given, len(rows))
    for row, places in zip(rows, found, strict=True):
        same = np.diff(row) == 0
        if len(row) != len(places) or np.isnan(places).any() or (same & (places[1:] < places[:-1])).any():
            raise SolveError(Problem("orders", "do not match the times", "one per time, increasing where times are equal"))
    return found


def _rows(times: Any, subjects: int) -> list[FloatArray]:
    if isinstance(times, np.ndarray) and times.ndim == 1 and times.dtype != object:
        return [units.times(times)] * subjects
    rows = [units.times(row) for row in times]
    if len(rows) != subjects:
        raise SolveError(
            Problem("times", f"are given for {len(rows)} subjects, but schedules for {subjects}", "one per subject")
        )
    return rows
