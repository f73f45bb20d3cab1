"""`prepare`: a simulation that can be called repeatedly with arrays of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from immunoode import units
from immunoode.errors import Problem, SolveError
from immunoode.model.closed_model import ClosedModel, resolve
from immunoode.model.model import Model
from immunoode.regimen.sbml_event import Events
from immunoode.regimen.schedule import DOSE, SET, Schedule
from immunoode.solve.options import SolverOptions
from immunoode.solve.prepared_result import PreparedResult
from immunoode.solve.problem.make_simulator import make_simulator
from immunoode.solve.problem.moved_doses import DoseColumns
from immunoode.solve.problem.packed_input import FloatArray
from immunoode.solve.problem.sensitivities import AMOUNT, INITIAL, PARAMETER, TIME, SensitivityParameter, sensitivity_parameters
from immunoode.solve.problem.simulator import Simulator
from immunoode.solve.problem.subject_batch import InitialValues
from immunoode.solve.simulate import Expansion, as_model, check_start, parameter_values, warn_of_bounds
from immunoode.solve.varied_doses import VariedDoses

if TYPE_CHECKING:
    import pandas as pd

_MOST_SIMULATORS = 8
"""The largest number of simulators, for different numbers of subjects, that are kept."""


def prepare(
    model: Model | str,
    regimen: Any = None,
    *,
    times: Sequence[float] | FloatArray,
    vary: str | Sequence[str],
    outputs: Sequence[str] | str | None = None,
    parameters: Mapping[str, float] | pd.DataFrame | None = None,
    start: str | float = 0.0,
    solver: SolverOptions | None = None,
) -> PreparedSimulation:
    """Prepare a simulation that is called with an array of values, for optimisers, samplers and sliders.

    Everything that does not depend on these values is done here, once. The results equal those of `simulate` to the last bit.

    Parameters
    ----------
    model : Model or str
        A model, or the name of a shipped one.
    regimen : Regimen, Schedule or sequence of them, optional
        One for all subjects, or one per subject.
    times : sequence of float
        Output times in days. At the time of a dose, the state after the dose is reported.
    vary : sequence of str
        The quantities in the columns of the array, named as in `simulate(sensitivities=)`:

        - "growth_rate": a parameter. Doses that depend on it (per kilogram), lags and steady states change with it.
        - "initial(tumour)": the initial value of a state, instead of that of the model.
        - "amount(pembrolizumab, 2)", "time(pembrolizumab, 2)": the amount of the third dose, in the unit of the input, and
          its time in days.
        - "amount(pembrolizumab)", "time(pembrolizumab)": those of the first dose; all other doses of this input change by the
          same amount, or move by the same time.
    outputs : sequence of str, optional
        The outputs to report. Default: states and derived quantities.
    parameters : mapping or pandas.DataFrame, optional
        Values that differ from the model's and do not vary. A DataFrame has one row per subject.
    start : str or float
        The time at which the initial values hold. No dose may be earlier.
    solver : SolverOptions, optional
        The settings of the integration.

    Returns
    -------
    PreparedSimulation

    Raises
    ------
    SolveError, ModelError, RegimenError
        If the model has unmet needs, or an argument is wrong.

    Warns
    -----
    OutOfBoundsWarning
        If values of the model, or of `parameters`, are outside their bounds. Values in later calls are not compared with the
        bounds; that is left to the caller.

    See Also
    --------
    simulate : one call, with a `Simulation` as its result.

    Examples
    --------
    >>> import numpy as np
    >>> import immunoode as imo
    >>> prepared = imo.prepare("tumour_immune", times=np.arange(0, 91, 30), outputs="tumour", vary=["growth_rate"])
    >>> prepared([0.005]).shape
    (4, 1)
    >>> values, derivatives = prepared([0.005], derivatives=True)
    >>> derivatives.shape  # (times, outputs, varied)
    (4, 1, 1)
    >>> prepared([[0.004], [0.005], [0.006]]).shape  # three subjects
    (3, 4, 1)
    """
    if isinstance(regimen, Events):
        raise SolveError(Problem("regimen", "has a model's own events, which cannot be prepared", "call simulate() each time"))
    whole, first = resolve(as_model(model)), units.days(start)
    count = len(regimen) if isinstance(regimen, (list, tuple)) else None
    matrix, subjects = parameter_values(whole, parameters, count)
    warn_of_bounds(whole, matrix)
    if count is not None and count != len(matrix):
        raise SolveError(
            Problem("regimen", f"is given for {count} subjects, parameters for {len(matrix)}", "one regimen per subject")
        )
    regimens = tuple(regimen) if isinstance(regimen, (list, tuple)) else (regimen,) * len(matrix)
    names = (outputs,) if isinstance(outputs, str) else whole.default_outputs if outputs is None else tuple(outputs)
    varied = sensitivity_parameters(vary, whole.equations, "vary")
    if not varied:
        raise SolveError(Problem("vary", "is empty", "the names of the quantities that vary, for example ['growth_rate']"))
    options = solver or SolverOptions()
    of = PreparedSubjects(matrix, subjects, regimens)
    return PreparedSimulation(whole, of, units.times(times), names, varied, first, options)


class PreparedSubjects(NamedTuple):
    """The subjects of a prepared simulation: parameters, shape (P, n), and the name and regimen of each."""

    parameters: FloatArray
    names: tuple[Any, ...]
    regimens: tuple[Any, ...]


class PreparedSimulation:
    """A simulation that is called with values of the varied quantities; made by `immunoode.prepare`.

    It can be pickled, and called from several threads at once, because each call has its own arrays.

    Attributes
    ----------
    vary : tuple of str
        The names of the m varied quantities: the columns of the array with which it is called.
    times : ndarray, shape (T,)
        Days.
    outputs : tuple of str
        The K outputs.
    units : dict
        The unit of each output and of each varied quantity.
    subjects : tuple
        The names of the subjects that were prepared.
    values : ndarray, shape (m,), or (P, m) of many subjects
        The values of the varied quantities in the model, the parameters and the regimen.
    """

    def __init__(
        self,
        model: ClosedModel,
        subjects: PreparedSubjects,
        times: FloatArray,
        outputs: tuple[str, ...],
        varied: tuple[SensitivityParameter, ...],
        start: float,
        solver: SolverOptions,
    ) -> None:
        self._arguments = model, subjects, times, outputs, varied, start, solver
        matrix, names, regimens = subjects.parameters, subjects.names, subjects.regimens
        self.vary, self.times, self.outputs, self.subjects = tuple(map(str, varied)), times, outputs, names
        self.units = {**{n: model.output_units[n] for n in outputs if n in model.output_units}, **_units(varied, model)}
        self._model, self._varied, self._start, self._matrix = model, varied, start, matrix
        kinds = np.array([by.kind for by in varied])
        self._parameters, self._initial = np.flatnonzero(kinds == PARAMETER), np.flatnonzero(kinds == INITIAL)
        self._columns = np.array([model.column[varied[k].name] for k in self._parameters], dtype=np.int64)
        self._states = [model.equations.states.index(varied[k].name) for k in self._initial]
        self._is_parameter = (np.arange(len(varied))[:, None] == self._initial[None, :]).astype(float)
        made = {id(one): Expansion(one, model) for one in regimens}
        self._expansions = [made[id(one)] for one in regimens]
        schedules = [e.schedule(row) for e, row in zip(self._expansions, matrix, strict=True)]
        self._doses = VariedDoses(varied, schedules)
        self._check(schedules)
        scaled = {model.parameters[i] for e in made.values() for i in e.columns}
        self._scaling = sorted(scaled & {by.name for by in varied if by.kind == PARAMETER})
        self._changing = bool(self._doses or self._scaling)
        self._simulators: dict[tuple[int, bool], Simulator] = {(0, False): self._simulator_of(schedules)}
        self._lock = Lock()

    def __call__(self, values: Any, derivatives: bool = False) -> Any:
        """Simulate.

        Parameters
        ----------
        values : array_like, shape (m,), or (P, m)
            Values of the varied quantities, in the order of `vary`. Each row is a subject: either one of those that were
            prepared or, if only one was, any number of subjects like it.
        derivatives : bool
            Whether to return derivatives with respect to the varied quantities as well.

        Returns
        -------
        ndarray, shape (T, K), or (P, T, K)
            Outputs; with `derivatives` also their derivatives, (T, K, m), or (P, T, K, m).

        Raises
        ------
        SolveError
            If the values have another shape or are not finite, if derivatives cannot be made, or if the integration of a
            subject stops; `solve` returns a status instead of the last.
        """
        found = self.solve(values, derivatives)
        if not found.ok:
            k, status = next((k, s) for k, s in enumerate(found.status) if not s.ok)
            which = f"subject {self.subjects[k] if len(self.subjects) > 1 else k}"
            raise SolveError(Problem(f"{self._model.name}: {which}", str(status), "or call .solve(values) for a status"))
        return (found.values, found.derivatives) if derivatives else found.values

    def solve(self, values: Any, derivatives: bool = False) -> PreparedResult:
        """Simulate, and return how each subject ended.

        Parameters and errors are those of a call, except that an early stop raises no error.
        """
        given = self._checked(values)
        rows = given if given.ndim == 2 else given[None]
        count = len(rows) if len(self.subjects) == 1 else len(self.subjects)
        if len(rows) != count:
            rows = np.broadcast_to(rows, (count, rows.shape[1]))
        if derivatives:
            self._check_derivatives()
        simulator = self._simulator(count, derivatives)
        matrix = self._matrix.copy() if count == len(self._matrix) else np.repeat(self._matrix, count, axis=0)
        matrix[:, self._columns] = rows[:, self._parameters]
        doses = None
        if self._changing:
            simulator, doses = self._with_doses(simulator, rows, matrix, derivatives)
        initial = None
        if self._states:
            is_parameter = self._is_parameter if derivatives else self._is_parameter[:0]
            initial = InitialValues(self._states, rows[:, self._initial], is_parameter)
        solution = simulator.run(matrix, initial=initial, doses=doses)
        by = solution.derivatives.transpose(0, 1, 3, 2) if derivatives else None
        one = given.ndim == 1 and count == 1
        if one:
            return PreparedResult(solution.values[0], None if by is None else by[0], solution.statuses)
        return PreparedResult(solution.values, by, solution.statuses)

    @cached_property
    def values(self) -> FloatArray:
        """The values of the varied quantities in the model, the parameters and the regimen."""
        found = np.empty((len(self._matrix), len(self.vary)))
        found[:, self._parameters] = self._matrix[:, self._columns]
        system = self._simulator(len(self._matrix), False).system
        for row, parameters in zip(found, self._matrix, strict=True):
            row[self._initial] = system.initial(system.packed(parameters, self._start))[self._states]
        self._doses.fill(found)
        return found[0] if len(self.subjects) == 1 else found

    def _checked(self, values: Any) -> FloatArray:
        try:
            given = np.asarray(values, dtype=float)
        except (TypeError, ValueError):
            raise SolveError(Problem("values", "are not an array of numbers", self._shapes())) from None
        m, prepared = len(self.vary), len(self.subjects)
        if given.ndim not in (1, 2) or given.shape[-1] != m or (given.ndim == 2 and prepared > 1 and len(given) != prepared):
            raise SolveError(Problem("values", f"have the shape {given.shape}", self._shapes()))
        if not np.isfinite(given).all():
            *row, k = np.argwhere(~np.isfinite(given))[0].tolist()
            where = f"values: {self.vary[k]!r}" + (f", row {row[0]}" if row else "")
            raise SolveError(Problem(where, f"is {given[(*row, k)]}", "a finite number"))
        return given

    def _shapes(self) -> str:
        m = len(self.vary)
        shown = ", ".join(self.vary[:4]) + (", ..." if m > 4 else "")
        rows = f"({len(self.subjects)}, {m})" if len(self.subjects) > 1 else f"(subjects, {m})"
        return f"shape ({m},) or {rows}: {shown}"

    def _check(self, schedules: list[Schedule | None]) -> None:
        """Refuse varied quantities that the regimen determines."""
        stated = {id(s): s for s in schedules if s is not None}.values()
        check_start(list(stated), self._start)
        changed = {n for s in stated for n, action in zip(s.inputs, s.actions, strict=True) if action == SET}
        problems = [
            Problem(f"vary: {str(by)!r}", "is set by the regimen", "leave one of them out")
            for by in self._varied
            if by.kind == PARAMETER and by.name in changed
        ]
        if self._states and any(action == "reset" for s in stated for action in s.actions):
            problems.append(Problem("vary", "has initial values, and the regimen resets to those of the model", "one of them"))
        if self._doses and any(s.triggers for s in stated):
            problems.append(Problem("vary", "has doses of a regimen that reacts to the state", "leave one of them out"))
        SolveError.raise_if(problems)

    def _check_derivatives(self) -> None:
        if self._scaling:
            what = f"scales doses ({', '.join(self._scaling)}): derivatives leave that out"
            raise SolveError(Problem("derivatives", what, "state the amounts and vary these: 'amount(...)'"))

    def _simulator(self, count: int, derivatives: bool) -> Simulator:
        """Return the simulator for a number of subjects."""
        key = (0 if count == len(self.subjects) else count), derivatives
        with self._lock:
            if key not in self._simulators:
                base = self._simulators.get((0, derivatives)) or self._simulator_of(
                    self._simulators[0, False].schedules, self.vary if derivatives else ()
                )
                self._simulators[0, derivatives] = base
                if key[0]:
                    while len(self._simulators) > _MOST_SIMULATORS:
                        del self._simulators[next(k for k in self._simulators if k[0])]
                    self._simulators[key] = base.take(np.zeros(count, dtype=np.int64))
            return self._simulators[key]

    def _simulator_of(self, schedules: Sequence[Schedule | None], by: Sequence[str] = ()) -> Simulator:
        *_, start, solver = self._arguments
        return make_simulator(self._model, schedules, self.times, self.outputs, start=start, solver=solver, sensitivities=by)

    def _with_doses(
        self, simulator: Simulator, rows: FloatArray, matrix: FloatArray, derivatives: bool
    ) -> tuple[Simulator, list[DoseColumns | None] | None]:
        """Return the simulator for values (P, m) and parameters (P, n), and doses that differ from the schedules.

        A new simulator is made if parameters change more than times and amounts.
        """
        expansions = self._expansions if len(self.subjects) > 1 else self._expansions * len(rows)
        made = [e.schedule(row) for e, row in zip(expansions, matrix, strict=True)] if self._scaling else simulator.schedules
        if self._scaling and not all(map(_same_but_for_doses, made, simulator.schedules)):
            simulator = simulator.with_schedules(tuple(made))
            if not self._doses:
                return simulator, None
        found, shared = list[DoseColumns | None](), dict[tuple[int, bytes], DoseColumns]()
        keys = [values.tobytes() for values in rows[:, self._doses.columns_of_values]]  # one table of events for equal doses
        for p, (schedule, row) in enumerate(zip(made, rows, strict=True)):
            if schedule is None:
                found.append(None)
                continue
            key = id(schedule), keys[p]
            if key in shared:
                found.append(shared[key])
                continue
            own = shared[key] = self._doses.columns(p if len(self.subjects) > 1 else 0, schedule, row, derivatives)
            if own.times.min(initial=self._start) < self._start:
                check_start([own.of(schedule)], self._start)
            found.append(own)
        return simulator, found

    def __reduce__(self) -> tuple[Any, ...]:
        return PreparedSimulation, self._arguments

    def __repr__(self) -> str:
        who = "" if len(self.subjects) == 1 else f"{len(self.subjects)} subjects, "
        span = f"{len(self.times)} times (days {self.times[0]:g} to {self.times[-1]:g})"
        outputs, vary = ", ".join(self.outputs), ", ".join(self.vary)
        return f"PreparedSimulation of {self._model.name}: {who}{span}; outputs {outputs}; varies {vary}"


def _same_but_for_doses(one: Schedule | None, other: Schedule | None) -> bool:
    """Whether two schedules differ only in times and amounts of doses."""
    if one is None or other is None or one is other:
        return one is other
    alike = all(
        np.array_equal(getattr(one, c), getattr(other, c)) for c in ("durations", "steady", "rates", "adding", "orders")
    )
    others = np.array([action != DOSE for action in one.actions], dtype=bool)
    same = alike and one.inputs == other.inputs and one.actions == other.actions and one.triggers == other.triggers
    return same and np.array_equal(one.times[others], other.times[others]) and not one.triggers


def _units(varied: Sequence[SensitivityParameter], model: ClosedModel) -> dict[str, str]:
    known = {
        PARAMETER: lambda name: model.constants[name].unit,
        INITIAL: lambda name: model.output_units[name],
        AMOUNT: lambda name: model.input_units[name],
        TIME: lambda name: "day",
    }
    return {str(by): known[by.kind](by.name) for by in varied}
