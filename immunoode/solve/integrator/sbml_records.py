"""The events of an SBML model as records for the kernel, and their progress."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from immunoode.solve.integrator.records import Native

SBML_STATE = np.dtype(
    [
        ("window", np.float64),
        ("wrong_delay", np.float64),
        ("blur", np.float64),
        ("begun", np.int64),
        ("due", np.int64),
        ("stop_is_due", np.int64),
        ("next_known", np.int64),
        ("waiting", np.int64),
        ("order", np.int64),
        ("random", np.int64),
        ("busy", np.int64),
        ("happened", np.int64),
        ("event", np.int64),
        ("assignment", np.int64),
    ]
)
"""The progress of events: the start of the `busy` window, the smallest delay, the accuracy of the time.

Whether triggers have been evaluated, are to be evaluated now (`due`), and at the segment's stop; the next of the known times;
the number of waiting events, the number that have fired, the state of the random order, the number in the window and in total;
the event and the assignment that caused an error.
"""
WAITING_EVENT = np.dtype([("time", np.float64), ("event", np.int64), ("order", np.int64)])
"""An event that waits for execution: its time, its index, and its number among all events that have fired."""


class SbmlFunctions(NamedTuple):
    """The functions of the events: see `immunoode.solve.problem.event_functions.EventFunctions`."""

    sides: Native
    slopes: Native
    triggers: Native
    delays: Native
    priorities: Native
    values: Native


class SbmlEvents(NamedTuple):
    """The events of one run.

    `switches` (U,), `traits` (E,), `offsets`, `targets` and `levels` are those of `EventFunctions`; the values of switches are
    in the packed input from `switches_at` on, and `moved` states whether the state changes one. `known_times` up to `until` are
    the times at which curved switches change, which are valid as long as the states `kept_states` do not change; no step is
    longer than `longest`. `state` (1,) is an SBML_STATE, `holds` states which triggers hold, `waiting` contains the waiting
    events, with the `waiting_values` of their assignments. The other arrays are working memory.
    """

    functions: SbmlFunctions
    switches: Any
    traits: Any
    offsets: Any
    targets: Any
    levels: int
    switches_at: int
    moved: int
    known_times: Any
    until: float
    longest: float
    kept_states: Any
    state: Any
    holds: Any
    waiting: Any
    waiting_values: Any
    sides: Any
    slopes: Any
    crossed: Any
    differences: Any
    gaps: Any
    speeds: Any
    noise: Any
    holds_now: Any
    evaluated: Any
    kept: Any
