"""The records that kernels take: read this file first.

A `Run` contains everything that a kernel needs: the functions of the model, the layout of its vectors, settings, triggers, the
subjects (`Batch`, one row per subject), the progress of the subjects that are being solved (`Progress`, one row per lane), and
working memory. The scalar engine (`immunoode.solve.integrator.scalar`) has one lane, the lane engine
(`immunoode.solve.integrator.lanes`) eight; functions that both share take a run and a lane.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from immunoode.solve.problem.event_table import INFUSION_START, EventGradients
from immunoode.solve.problem.packed_input import LANES
from immunoode.solve.status import COUNTS

STATISTICS = np.dtype([(name, np.int64) for name in COUNTS])
"""The counts for each subject (see `immunoode.solve.status.COUNTS`)."""
AUTOMATIC, EXPLICIT, IMPLICIT = range(3)
"""Codes of methods, in the order of `immunoode.solve.options.METHODS`."""
LARGEST = 1e290
"""The integration of a subject stops if a state exceeds this size, because interpolants would overflow."""
STEPPING, HANDED_OVER = -1, -3
"""Used instead of a status code.

A subject is being integrated, or waits at its checkpoint for a run that also takes implicit steps.
"""
EVENTS_APPLIED, STATE_SET, PARAMETERS_SET = 1, 2, 4
"""The sum of flags for events at one time: any event was applied, something was given or set, inputs of functions were changed.
"""


class Native(NamedTuple):
    """A function of the model as machine code, `void f(double *out, const double *in, void *context)`; address 0: none."""

    address: int
    context: int


class Functions(NamedTuple):
    """The functions of the model, over its packed input (see `immunoode.solve.problem.compiled_model.CompiledModel`).

    `quantities` computes the quantities that triggers watch, `outputs` the requested outputs, `lane_rates` the rates of eight
    subjects; for implicit steps of these, `lane_setup` prepares the input of `lane_stage` (see
    `immunoode.solve.problem.codegen_implicit`), and `lane_steps` is the kernel `attempt_implicit_steps`, which is compiled when
    it is needed.
    """

    rates: Native
    dose_effects: Native
    jacobian: Native
    initial: Native
    conditions: Native
    time_derivative: Native
    coupling: Native
    crossings: Native
    constants: Native
    quantities: Native
    outputs: Native
    lane_rates: Native
    lane_setup: Native
    lane_stage: Native
    lane_steps: Native


class VectorLayout(NamedTuple):
    """The layout of vectors.

    `states` is the number n of the model's states, `size` that of the integrated states, (1 + m) n with the derivatives with
    respect to m = `varied` quantities; `width` is the length of vectors, padded to a multiple of four. `conditions` are the
    differences whose sign switches rates. `constants_at` is the position of the first constant in the packed input, `clocks`
    (inputs,) that of the time of each input's first dose, -1 if it is not used. `input_states` (inputs,) is the state that each
    input arrives in, `exchange` (inputs, n) which states exchange matter with it, and `reported` the positions of the states
    from which outputs are computed.
    """

    states: int
    size: int
    width: int
    varied: int
    conditions: int
    constants_at: int
    clocks: Any
    input_states: Any
    exchange: Any
    reported: Any


class Settings(NamedTuple):
    """Settings: tolerance, method, maximum number of steps, and the extinction threshold of each state (n,), 0 for none."""

    rtol: float
    method: int
    max_steps: int
    thresholds: Any


class Triggers(NamedTuple):
    """The triggers of a run.

    An array of TRIGGER records (R,), the inputs that each affects (R, inputs), whether one of them is evaluated continuously.
    """

    table: Any
    affects: Any
    continuous: int


class Batch(NamedTuple):
    """The subjects to be solved, one row per subject, and the arrays for results.

    `x` is the packed input at the start, `y` the initial state and, at the end, the last one. Absolute tolerances `atol` grow
    during the integration, by `atol_share` of each state's size, and `units` (P, 1 + m) convert the size of a state to that of
    its sensitivities for their errors (see `immunoode.solve.problem.tolerances`). The times of outputs of subject p are
    times[p, :lengths[p]]; its events offsets[p]:offsets[p + 1] of `events` (EVENT records) and of their `gradients`. `ended` is
    the time reached, `fired` when each trigger first found its condition.
    """

    x: Any
    y: Any
    atol: Any
    atol_share: Any
    units: Any
    starts: Any
    times: Any
    lengths: Any
    offsets: Any
    events: Any
    gradients: EventGradients
    values: Any
    statistics: Any
    ended: Any
    codes: Any
    fired: Any


class Progress(NamedTuple):
    """The progress of subjects, one row per lane.

    `t` is the time, `h` the size of the next step, `size` that of the present step, `log_error` the logarithm of the last
    accepted step's error. A segment ends at `stop`; within it, rates are evaluated between `earliest` and `latest`, which are
    slightly inside. `end` is the end of the subject's simulation. `uncut` is the step size after a step that was shortened
    before a discontinuity, 0 if none was. `event` and `output` are the next ones, `taken` the number of steps, `streak` the
    number of successive steps for which the other method would be cheaper, `patience` the required length of a streak;
    `implicit` states whether steps are implicit, `jacobian_known` whether the Jacobian is that of the state, `events_done` the
    flags of events at the present time (EVENTS_APPLIED and others), `infusing` whether an infusion runs. `error` and `reached`
    are the scaled error of a step and the time at which it ends, `theta` and `root` the position and reason if it is shortened.
    `x` is the packed input, `y` the state, `saved` the states at the times of outputs, `infusion` the sum of the infusions
    `running`, those that are `active`. `trigger_on` states which triggers are on, `dose_factors` the factors for doses of each
    input, `baseline` and `nadir` the reference values of triggers.
    """

    subject: Any
    t: Any
    h: Any
    size: Any
    log_error: Any
    stop: Any
    earliest: Any
    latest: Any
    end: Any
    uncut: Any
    error: Any
    reached: Any
    theta: Any
    root: Any
    event: Any
    output: Any
    taken: Any
    streak: Any
    patience: Any
    implicit: Any
    jacobian_known: Any
    events_done: Any
    infusing: Any
    x: Any
    y: Any
    saved: Any
    infusion: Any
    active: Any
    running: Any
    trigger_on: Any
    dose_factors: Any
    baseline: Any
    nadir: Any


class Workspace(NamedTuple):
    """Working memory for the step of one subject.

    Its content has no meaning between calls, except that `slope` contains the rates at (t, y), `tolerance` the absolute
    tolerances padded with ones, and `eigenvector` the last iterate of the leading eigenvector.

    `stages`, `trial`, `sixth` and `dense` are the stages of a step, the state at its end, that of its sixth stage and the
    coefficients of its interpolant; `jacobian` to `base` belong to implicit steps, `condition_` ones to discontinuities;
    `dose_effect` contains the amounts that a dose moves and adds, `quantities` those that triggers watch, and `steady_` vectors
    belong to steady states.
    """

    stages: Any
    dense: Any
    slope: Any
    trial: Any
    sixth: Any
    tolerance: Any
    weights: Any
    clipped: Any
    scratch: Any
    jacobian: Any
    matrix: Any
    pivots: Any
    row_sizes: Any
    time_derivative: Any
    eigenvector: Any
    base: Any
    condition_values: Any
    condition_signs: Any
    crossing_rows: Any
    root_gradient: Any
    reached: Any
    dose_effect: Any
    quantities: Any
    steady_state: Any
    steady_start: Any
    steady_inflow: Any
    steady_running: Any
    steady_moving: Any


class Run(NamedTuple):
    """Everything that a kernel needs."""

    functions: Functions
    layout: VectorLayout
    settings: Settings
    triggers: Triggers
    batch: Batch
    progress: Progress
    work: Workspace


def progress_for(batch: Batch, layout: VectorLayout, triggers: Triggers, lanes: int, aligned: bool = False) -> Progress:
    """Return the arrays for the progress of some lanes; memory is used only by the parts that are filled."""
    length, inputs, count = batch.times.shape[1], layout.input_states.size, triggers.table.size
    infusions = _largest_count_of_infusions(batch)

    def numbers() -> Any:
        return aligned_zeros(1)[:lanes] if aligned else np.zeros(lanes)

    def whole() -> Any:
        return np.zeros(lanes, np.int64)

    return Progress(
        subject=whole(),
        t=numbers(),
        h=numbers(),
        size=numbers(),
        log_error=numbers(),
        stop=numbers(),
        earliest=numbers(),
        latest=numbers(),
        end=numbers(),
        uncut=numbers(),
        error=numbers(),
        reached=numbers(),
        theta=numbers(),
        root=whole(),
        event=whole(),
        output=whole(),
        taken=whole(),
        streak=whole(),
        patience=whole(),
        implicit=whole(),
        jacobian_known=whole(),
        events_done=whole(),
        infusing=whole(),
        x=np.zeros((lanes, batch.x.shape[1])),
        y=np.zeros((lanes, layout.width)),
        saved=np.zeros((lanes, length, layout.width)),
        infusion=np.zeros((lanes, layout.width)),
        active=np.zeros((lanes, infusions), np.int64),
        running=np.zeros((lanes, infusions, layout.width)),
        trigger_on=np.zeros((lanes, count), np.int64),
        dose_factors=np.zeros((lanes, inputs)),
        baseline=np.zeros((lanes, count)),
        nadir=np.zeros((lanes, count)),
    )


def workspace_for(batch: Batch, layout: VectorLayout, quantities: int) -> Workspace:
    """Return the working memory for the steps of one subject; `quantities` is the number of quantities that triggers watch."""
    n, size, width, m = layout.states, layout.size, layout.width, layout.varied
    return Workspace(
        stages=np.zeros((8, width)),
        dense=np.zeros((5, width)),
        slope=np.zeros(width),
        trial=np.zeros(width),
        sixth=np.zeros(width),
        tolerance=np.ones(width),
        weights=np.zeros(size),
        clipped=np.zeros(width),
        scratch=np.zeros(width),
        jacobian=np.zeros((n, n)),
        matrix=np.zeros((n, n)),
        pivots=np.zeros(n, np.int64),
        row_sizes=np.zeros(size),
        time_derivative=np.zeros(size),
        eigenvector=np.zeros(n),
        base=np.zeros(batch.x.shape[1]),
        condition_values=np.zeros(2 * layout.conditions),
        condition_signs=np.zeros(layout.conditions, np.int64),
        crossing_rows=np.zeros(layout.conditions * (1 + m)),
        root_gradient=np.zeros(m),
        reached=np.zeros(n, np.int64),
        dose_effect=np.zeros(2 * size * layout.input_states.size),
        quantities=np.zeros(quantities),
        steady_state=np.zeros(width),
        steady_start=np.zeros(width),
        steady_inflow=np.zeros(width),
        steady_running=np.zeros(width),
        steady_moving=np.zeros(n, np.bool_),
    )


def aligned_zeros(size: int) -> Any:
    """Return zeros, `size` numbers for each of eight lanes, that begin at a multiple of 64 bytes."""
    width = 8 * LANES
    found = np.zeros(LANES * (size + 1))
    first = (-found.ctypes.data % width) // 8
    return found[first : first + LANES * size]


def _largest_count_of_infusions(batch: Batch) -> int:
    """Return the maximum number of infusions in the events of one subject."""
    starts = batch.events["kind"] == INFUSION_START
    return int(batch.events["infusion"][starts].max(initial=-1)) + 1
