"""The events of an SBML model as the kernel takes them, and how far they have come."""

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
"""How far events have come: since when they are counted as `busy`, a delay that is none, how well the time is known; whether
triggers were looked at, are to be looked at now (`due`), and at the segment's stop; the next of the known times; how many
events wait, how many have fired, the state of the random order, how many happened in the window and in all; the event and the
assignment that are wrong."""
WAITING_EVENT = np.dtype([("time", np.float64), ("event", np.int64), ("order", np.int64)])
"""An event that waits to be carried out: when, which, and its number among all that have fired."""


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

    `switches` (U,), `traits` (E,), `offsets`, `targets` and `levels` are those of `EventFunctions`; what switches are stands in
    the packed input from `switches_at` on, and `moved` says whether the state moves one. `known_times` up to `until` are those
    at which curved switches change, which hold as long as the states `kept_states` do not; no step is longer than `longest`.
    `state` (1,) is an SBML_STATE, `holds` which triggers hold, `waiting` the events that wait, with the `waiting_values` of
    their assignments. The others are room.
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
