"""`prepare`: a model with schedules and times, checked, as a Simulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from immunoode import units
from immunoode.errors import Problem, SolveError, nearest
from immunoode.model.components import Model
from immunoode.model.equations import equations
from immunoode.regimen import schedule as words
from immunoode.regimen.schedule import Schedule
from immunoode.solve.problem.compiled_model import FloatArray, System, system_of
from immunoode.solve.problem.event_table import Layout, layout_of
from immunoode.solve.problem.sensitivities import sensitivities_by
from immunoode.solve.problem.simulator import ENGINES, METHODS, Simulator
from immunoode.solve.problem.trigger_table import reactions_of


def prepare(
    model: Model,
    schedules: Sequence[Schedule | None],
    times: FloatArray | Sequence[FloatArray],
    outputs: Sequence[str] | None = None,
    *,
    start: float | FloatArray = 0.0,
    rtol: float = 1e-6,
    atol: float | FloatArray | None = None,
    extinction: bool = True,
    engine: str = "compiled",
    method: str = "auto",
    most_steps: int = 200_000,
    sensitivities: str | Sequence[str] = (),
    orders: FloatArray | Sequence[FloatArray] | None = None,
) -> Simulator:
    """Return a simulator of one patient for each schedule.

    Parameters
    ----------
    model : Model
    schedules : sequence of Schedule or None
        One a patient.
    times : ndarray (T,), or a sequence of one such array for each patient
        Days, increasing.
    outputs : sequence of str, optional
        States, derived quantities, modifiable quantities. Default: states and derived quantities.
    start : float or ndarray (P,)
        Days; initial values hold here.
    rtol, atol : float
        Tolerances; `atol` by the scale of each state unless given (see `immunoode.solve.problem.tolerances`).
    extinction : bool
        Whether compartments become zero below their threshold.
    engine : {"compiled", "scipy"}
    method : {"auto", "tsit5", "rodas5p"}
        Of the compiled engine: explicit and implicit steps as the system asks for, or one of them only.
    most_steps : int
        A patient that needs more stops with a status.
    sensitivities : sequence of str
        What derivatives of the outputs are by, solved beside the states: "growth_rate", a parameter; "initial(tumour)";
        "amount(pembrolizumab)" and "time(pembrolizumab)" of all doses, "amount(pembrolizumab, 2)" of the third one.
    orders : ndarray (T,), or a sequence of one such array for each patient, optional
        Where each of the times stands among the rows of a schedule of that time (`Schedule.orders`): the rows before it act
        before it. Infinite, the default: all act before; minus infinity: none. It increases where times are equal.

    Raises
    ------
    SolveError, ModelError
    """
    if not equations(model).states:
        raise SolveError(Problem(model.name, "has no compartments, so there is nothing to solve", "add [compartments]"))
    by = sensitivities_by(sensitivities, equations(model))
    system = system_of(equations(model), by)
    _check_choice("engine", engine, ENGINES)
    _check_choice("method", method, METHODS)
    if by and engine != "compiled":
        raise SolveError(Problem("sensitivities", f"are not made by engine {engine!r}", "engine='compiled'"))
    names = tuple(outputs) if outputs is not None else (*system.equations.states, *_derived(system, model))
    _check_outputs(names, system, model)
    rows = _rows(times, len(schedules))
    starts = np.broadcast_to(np.asarray(start, dtype=float), (len(schedules),)).copy()
    _check_times(rows, starts, rtol)
    places = _orders(orders, rows)
    longest = max(len(r) for r in rows)
    _check_schedules(schedules, layout_of(system.equations, by), model)
    if atol is not None:
        atol = _checked_atol(atol, system.base)
    made = {id(r): np.pad(r, (0, longest - len(r)), mode="edge") for r in (*rows, *places)}
    padded, placed = (np.array([made[id(r)] for r in column]) for column in (rows, places))
    numbers: dict[tuple[int, int], int] = {}
    grids = np.array([numbers.setdefault((id(r), id(o)), len(numbers)) for r, o in zip(rows, places, strict=True)])
    lengths = np.array([len(r) for r in rows], dtype=np.int64)
    reactions = reactions_of(
        schedules, layout_of(system.equations, by).inputs, (*system.equations.states, *system.equations.outputs), by
    )
    return Simulator(
        system,
        names,
        padded,
        lengths,
        placed,
        grids,
        starts,
        tuple(schedules),
        rtol,
        atol,
        extinction,
        engine,
        most_steps,
        method,
        reactions,
    )


def _derived(system: System, model: Model) -> list[str]:
    from immunoode.model.combine import closed

    return list(closed(model).derived)


def _check_choice(what: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise SolveError(Problem(what, f"is {given!r}", nearest(str(given), known)))


def _check_outputs(names: Sequence[str], system: System, model: Model) -> None:
    known = {*system.equations.states, *system.equations.outputs}
    if not names:
        raise SolveError(Problem(f"{model.name}: outputs", "are empty", nearest("", known)))
    unknown = [Problem(f"{model.name}: output {n!r}", "is not known", nearest(str(n), known)) for n in names if n not in known]
    if unknown:
        raise SolveError(unknown)


def _check_schedules(schedules: Sequence[Schedule | None], layout: Layout, model: Model) -> None:
    """Refuse names that the model does not have, and parameters that change although sensitivities are by them."""
    inputs, parameters = set[str](), set[str]()
    for schedule in {id(s): s for s in schedules if s is not None}.values():
        for action, name in zip(schedule.actions, schedule.inputs, strict=True):
            if action != words.RESET:
                (parameters if action == words.SET else inputs).add(name)
    unknown = [
        Problem(f"{model.name}: {n!r}", f"is not {what} of this model", nearest(n, known))
        for names, known, what in ((inputs, layout.inputs, "an input"), (parameters, layout.parameters, "a parameter"))
        for n in sorted(names - known.keys())
    ]
    unknown += [
        Problem(f"sensitivities: {str(by)!r}", "changes on the way", "leave it out")
        for by in layout.by
        if by.name in parameters
    ]
    if unknown:
        raise SolveError(unknown)


def _check_times(rows: Sequence[FloatArray], starts: FloatArray, rtol: float) -> None:
    if not 1e-13 <= rtol <= 0.1:
        raise SolveError(Problem("rtol", f"is {rtol!r}", "a relative tolerance between 1e-13 and 0.1"))
    latest: dict[int, tuple[FloatArray, float]] = {}  # rows that are shared are looked at once
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


def _checked_atol(atol: float | FloatArray, states: int) -> FloatArray:
    given = np.asarray(atol, dtype=float)
    shown = f"an array of shape {given.shape}" if given.ndim else repr(atol)
    if given.shape not in ((), (states,)) or not np.isfinite(given).all() or not (given > 0).all():
        raise SolveError(Problem("atol", f"is {shown}", f"a positive number, or one for each of the {states} states"))
    return given


def _orders(given: Any, rows: Sequence[FloatArray]) -> list[FloatArray]:
    """Return the order of each of the times, infinite where none is given; rows of times that are one object share theirs."""
    if given is None:
        shared = {id(row): np.full(len(row), np.inf) for row in rows}
        return [shared[id(row)] for row in rows]
    found = _rows(given, len(rows))
    for row, places in zip(rows, found, strict=True):
        same = np.diff(row) == 0
        if len(row) != len(places) or np.isnan(places).any() or (same & (places[1:] < places[:-1])).any():
            raise SolveError(Problem("orders", "do not go with the times", "one for each, increasing where times are equal"))
    return found


def _rows(times: Any, patients: int) -> list[FloatArray]:
    if isinstance(times, np.ndarray) and times.ndim == 1 and times.dtype != object:
        return [units.times(times)] * patients
    rows = [units.times(row) for row in times]
    if len(rows) != patients:
        raise SolveError(Problem("times", f"are given for {len(rows)} patients, schedules for {patients}", "one for each"))
    return rows
