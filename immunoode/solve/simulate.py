"""`simulate`: a model, a regimen and a span of time into a Simulation."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode import units
from immunoode.errors import Problem, SolveError, nearest
from immunoode.model.closed_model import ClosedModel, resolve
from immunoode.model.library import load_model
from immunoode.model.model import Model
from immunoode.model.values import warn_out_of_bounds
from immunoode.regimen.sbml_event import Events
from immunoode.regimen.schedule import SET, Schedule
from immunoode.solve.options import SolverOptions, solver_options
from immunoode.solve.problem.make_simulator import make_simulator
from immunoode.solve.problem.packed_input import FloatArray
from immunoode.solve.report_times import daily
from immunoode.solve.sbml_events import many_with_events
from immunoode.solve.simulation import Simulation
from immunoode.suggestions import with_known_names
from immunoode.tables.identifiers import NAMES, identifier, subject_column

if TYPE_CHECKING:
    import pandas as pd

_BAR_FROM = 200
"""The number of subjects from which a progress bar is shown by default."""
_MOST_SCHEDULES = 100_000
"""The number of schedules kept per regimen."""
_LONGEST = 1e6
"""The largest number of days with daily output; a longer span is probably a mistake and would fill the memory."""


def simulate(
    model: Model | str,
    regimen: Any = None,
    until: str | float | None = None,
    *,
    times: Sequence[float] | FloatArray | None = None,
    before: bool | Sequence[bool] = False,
    start: str | float = 0.0,
    parameters: Mapping[str, float] | pd.DataFrame | None = None,
    outputs: Sequence[str] | str | None = None,
    sensitivities: str | Sequence[str] = (),
    solver: SolverOptions | None = None,
    engine: str | None = None,
    method: str | type | None = None,
    rtol: float | None = None,
    atol: float | FloatArray | None = None,
    extinction: bool | None = None,
    most_steps: int | None = None,
    threads: int | None = None,
    progress: bool | None = None,
) -> Simulation:
    """Simulate one subject or many.

    Parameters
    ----------
    model : Model or str
        A model, or the name of a shipped one.
    regimen : Regimen, Schedule or sequence of them, or Events, optional
        One for all subjects, or one per subject. If the model has its own events (`Events`), subjects are solved one by one.
    until : str or float, optional
        End of the simulation: "1 year", or a number of days. Not needed if `times` is given.
    times : sequence of float, optional
        Output times in days. Default: every day, at each dose and end of infusion, and at several times in the hours after
        these, so that peaks are seen (those of the first subject of each regimen). At the time of a dose, the state after the
        dose is reported.
    before : bool or sequence of bool
        Whether to report, at each of `times`, the state just before the events at that time, for example a trough. If the
        order of doses and observations in a table matters, see `immunoode.solve.problem.make_simulator.make_simulator`.
    start : str or float
        The time at which the initial values hold. No dose may be earlier.
    parameters : mapping or pandas.DataFrame, optional
        Values that differ from the model's. A DataFrame has one row per subject, named by its index or by a column `subject`.
    outputs : sequence of str, optional
        The outputs to report. Default: states and derived quantities.
    sensitivities : sequence of str
        What to differentiate the outputs with respect to: "growth_rate", a parameter; "initial(tumour)", an initial value;
        "amount(pembrolizumab)" and "time(pembrolizumab)", all doses of a drug; "amount(pembrolizumab, 2)", its third dose.
        The sensitivity equations are solved together with the states; see `Simulation.sensitivity`.
    solver : SolverOptions, optional
        The settings of the integration.
    engine, method, rtol, atol, extinction, most_steps, threads
        Individual settings, as an alternative to `solver` (`most_steps` is `SolverOptions.max_steps`). If the model has its
        own events, the step limit applies between one event and the next.
    progress : bool, optional
        Whether to show a progress bar. Default: for 200 subjects or more.

    Returns
    -------
    Simulation

    Raises
    ------
    SolveError, ModelError, RegimenError
        If the model has unmet needs, or an argument is wrong. A subject whose integration stops early raises no error: a
        warning is issued, `Simulation.status` gives the reason, and the values after that time are NaN.

    Warns
    -----
    OutOfBoundsWarning
        If values (the model's or those given) are outside the bounds of their parameters. One warning names each such
        parameter with its bounds and the number of subjects concerned.

    See Also
    --------
    prepare : the same for repeated calls with other values.

    Examples
    --------
    >>> import immunoode as imo
    >>> run = imo.simulate("tumour_immune", until="30 days")
    >>> run["sum_of_diameters"].shape
    (31,)
    """
    options = solver_options(
        solver,
        SolverOptions(),
        engine=engine,
        method=method,
        rtol=rtol,
        atol=atol,
        extinction=extinction,
        max_steps=most_steps,
        threads=threads,
    )
    whole = resolve(as_model(model))
    matrix, subjects = parameter_values(whole, parameters, _count(regimen))
    warn_of_bounds(whole, matrix)
    first = days_of("start", start)
    grid = _times(times, until, first)
    wanted = (outputs,) if isinstance(outputs, str) else outputs
    if isinstance(regimen, Events):
        for name, given in (("sensitivities", bool(sensitivities)), ("before", bool(np.any(before)))):
            if given:
                raise SolveError(Problem(name, "cannot be used with a model that has its own events", "leave one of them out"))
        return many_with_events(whole, regimen, grid, first, (matrix, subjects), wanted, options, progress)
    schedules = schedules_of(regimen, whole, matrix)
    check_start(schedules, first)
    orders = _orders(before, grid, times is not None)
    simulator = make_simulator(
        whole, schedules, grid, wanted, start=first, solver=options, sensitivities=sensitivities, orders=orders
    )
    if times is None:
        simulator = simulator.reporting_doses(matrix, first_of_each(regimen))
        grid = simulator.times[0]
    solution = simulator.run(matrix, progress=len(matrix) >= _BAR_FROM if progress is None else progress)
    run = Simulation(
        whole.model,
        grid,
        simulator.names,
        {name: whole.output_units[name] for name in simulator.names},
        subjects,
        solution.values,
        solution.statuses,
        solution.counts,
        tuple(schedules),
        matrix,
        tuple(map(str, simulator.by)),
        solution.derivatives,
        solution.fired,
    )
    if not run.ok:
        warnings.warn(run.failures(), RuntimeWarning, stacklevel=2)
    return run


def as_model(model: Any) -> Model:
    """Return the model itself, or the shipped model with this name.

    Raises
    ------
    SolveError, ModelError
        If it is neither.
    """
    model = load_model(model) if isinstance(model, str) else model
    if not isinstance(model, Model):
        raise SolveError(Problem("model", f"is {type(model).__name__}", "a Model, or the name of a shipped one"))
    return model


def report_times(
    model: Model | str, regimen: Any, until: str | float | None, *, start: str | float = 0.0, parameters: Any = None
) -> FloatArray:
    """Return the default output times of `simulate`, in days.

    Raises
    ------
    SolveError, ModelError, RegimenError
        As for `simulate`.
    """
    whole, first = resolve(as_model(model)), days_of("start", start)
    matrix, _ = parameter_values(whole, parameters, _count(regimen))
    grid = _times(None, until, first)
    simulator = make_simulator(whole, schedules_of(regimen, whole, matrix), grid, whole.equations.states[:1], start=first)
    return np.asarray(simulator.reporting_doses(matrix, first_of_each(regimen)).times[0])


def first_of_each(regimen: Any) -> list[int]:
    """Return the first subject who receives each of the regimens."""
    if not isinstance(regimen, (list, tuple)):
        return [0]
    first: dict[int, int] = {}
    for k, one in enumerate(regimen):
        first.setdefault(id(one), k)
    return list(first.values())


def _orders(before: bool | Sequence[bool], times: FloatArray, stated: bool) -> FloatArray | None:
    """Return whether each output is taken before or after the events at its time."""
    flags = np.asarray(before)
    if flags.any() and not stated:
        raise SolveError(Problem("before", "is given without times", "times= with the days of the doses"))
    if flags.dtype != bool or flags.shape not in ((), times.shape):
        raise SolveError(Problem("before", f"is {before!r:.60}", "True, False, or one of them for each of times"))
    return np.where(np.broadcast_to(flags, times.shape), -np.inf, np.inf) if flags.any() else None


def _count(regimen: Any) -> int | None:
    return len(regimen) if isinstance(regimen, (list, tuple)) else None


def parameter_values(model: ClosedModel, given: Any, subjects_of_regimens: int | None) -> tuple[FloatArray, tuple[Any, ...]]:
    """Return parameter values (P, n) and the subjects' names.

    Raises
    ------
    SolveError
        If a name is not a parameter, or a value is not a finite number; the message names the row.
    """
    if given is not None and hasattr(given, "columns"):
        given = _by_subject(given, model.parameters)
        columns, subjects = {str(c): np.asarray(given[c]) for c in given.columns}, tuple(given.index)
    elif given is not None and not isinstance(given, Mapping):
        right = "a mapping {'growth_rate': 0.01}, or a DataFrame with one row per subject"
        raise SolveError(Problem("parameters", f"are {type(given).__name__}", right))
    else:
        columns = {str(k): np.asarray([v]) for k, v in dict(given or {}).items()}
        subjects = tuple(range(subjects_of_regimens or 1))
    index = model.column
    columns = with_known_names(columns, index, "parameter")
    problems = [
        Problem(f"{model.name}: parameters.{n}", "is not a parameter of this model", nearest(n, index))
        for n in columns
        if n not in index
    ]
    if not subjects:
        problems.append(Problem("parameters", "has no rows", "one row per subject"))
    matrix = np.tile(model.values, (max(len(subjects), 1), 1))
    for name, values in columns.items():
        if name in index:
            problems += _fill(matrix, index[name], name, values, subjects)
    SolveError.raise_if(problems)
    return matrix, subjects


def warn_of_bounds(model: ClosedModel, matrix: FloatArray) -> None:
    """Issue one warning that names the parameters with values (P, n) outside their bounds."""
    if not model.limits.hold(matrix):
        values = {n: v[:1] if (v == v[0]).all() else v for n, v in zip(model.parameters, matrix.T, strict=True)}
        warn_out_of_bounds(model.name, model.constants, values)


def _by_subject(table: Any, parameters: Sequence[str]) -> Any:
    """Return a table of subjects indexed by its column `subject`, if it has one."""
    column = subject_column(table, [name for name in NAMES if name not in parameters])
    return table if column is None else table.set_index(column).rename(index=identifier)


def _fill(matrix: FloatArray, column: int, name: str, values: Any, rows: Sequence[Any]) -> list[Problem]:
    try:
        matrix[:, column] = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        return [Problem(f"parameters.{name}", "is not a number", "one number per subject")]
    bad = np.where(~np.isfinite(matrix[:, column]))[0]
    more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
    what = f"is not finite in row {rows[bad[0]]!r}{more}" if bad.size else ""
    return [Problem(f"parameters.{name}", what, "a finite number")] if bad.size else []


def days_of(argument: str, value: Any) -> float:
    """Return an argument as a time in days.

    Raises
    ------
    UnitError
        If it is not a time, with the name of the argument.
    """
    try:
        return units.days(value)
    except units.UnitError as error:
        raise units.UnitError([Problem(f"{argument}: {p.where}", p.what, p.right) for p in error.problems]) from None


def _times(times: Any, until: str | float | None, start: float) -> FloatArray:
    if times is not None:
        try:
            return units.times(times)
        except units.UnitError as error:
            raise SolveError([Problem("times", f"{p.where}: {p.what}", p.right) for p in error.problems]) from None
    if until is None:
        raise SolveError(Problem("simulate", "needs either until or times", "for example until='1 year'"))
    end = days_of("until", until)
    if not end > start:
        raise SolveError(Problem("until", f"is day {end:g}, which is not after the start, day {start:g}", "a later time"))
    if end - start > _LONGEST:
        raise SolveError(Problem("until", f"is day {end:g}", f"at most {_LONGEST:g} days of daily output; or give times="))
    return daily(start, end)


def schedules_of(regimen: Any, model: ClosedModel, matrix: FloatArray) -> list[Schedule | None]:
    """Return the schedule of each subject; subjects with equal covariates for dosing share a schedule.

    Raises
    ------
    SolveError
        If the numbers of regimens and subjects differ, or something is not a regimen.
    """
    each = list(regimen) if isinstance(regimen, (list, tuple)) else [regimen] * len(matrix)
    if len(each) != len(matrix):
        what = f"is given for {len(each)} subjects, but parameters for {len(matrix)}"
        raise SolveError(Problem("regimen", what, "one regimen per subject"))
    expanded: dict[int, Expansion] = {}
    for one in each:
        if id(one) not in expanded:
            expanded[id(one)] = Expansion(one, model)
    return [expanded[id(one)].schedule(row) for one, row in zip(each, matrix, strict=True)]


class Expansion:
    """One regimen as schedules, one for each set of values of the parameters that its doses depend on.

    `columns` are these parameters; they are known once a schedule has been made.
    """

    def __init__(self, regimen: Any, model: ClosedModel) -> None:
        if not (regimen is None or isinstance(regimen, Schedule) or hasattr(regimen, "schedule")):
            right = "a Regimen, a Schedule, None, or a list of them"
            raise SolveError(Problem("regimen", f"is {type(regimen).__name__}", right))
        self.regimen, self.model = regimen, model
        self.columns = list[int]()
        self._made: dict[bytes, Schedule] = {}

    def schedule(self, row: FloatArray) -> Schedule | None:
        """Return the schedule of a subject with these parameter values (n,)."""
        if self.regimen is None or isinstance(self.regimen, Schedule):
            return self.regimen
        if not self._made:
            asked = _Asked(zip(self.model.parameters, row.tolist(), strict=True))
            made = self.regimen.schedule(self.model.input_units, asked)
            self.columns = [i for i, name in enumerate(self.model.parameters) if name in asked.asked]
            self._made[row[self.columns].tobytes()] = made
        key = row[self.columns].tobytes()
        found = self._made.get(key)
        if found is None:
            if len(self._made) > _MOST_SCHEDULES:
                self._made.clear()
            own = {self.model.parameters[i]: float(row[i]) for i in self.columns}
            found = self._made[key] = self.regimen.schedule(self.model.input_units, own)
        return found


class _Asked(dict[str, float]):
    """Values that record which of them have been used."""

    def __init__(self, items: Iterable[tuple[str, float]]) -> None:
        super().__init__(items)
        self.asked: set[str] = set()

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)

    def __getitem__(self, name: str) -> float:
        self.asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


def check_start(schedules: Sequence[Schedule | None], start: float) -> None:
    """Refuse doses before the start, so that a lymphodepletion on day -5 is not lost silently. Covariate values simply hold."""
    different = {id(s): s for s in schedules if s is not None}.values()
    given = [t for s in different for t, action in zip(s.times.tolist(), s.actions, strict=True) if action != SET]
    first = min(given, default=start)
    if first < start:
        right = f"state start={first:g}, or .shift() the regimen to later"
        raise SolveError(Problem("regimen", f"begins at day {first:g}, before the simulation does (day {start:g})", right))
