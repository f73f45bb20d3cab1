"""Simulators for tests, with the options of the solver as keywords."""

from __future__ import annotations

from typing import Any

from immunoode.solve.options import SolverOptions
from immunoode.solve.problem.make_simulator import make_simulator
from immunoode.solve.problem.simulator import Simulator

_APART = ("outputs", "start", "sensitivities", "orders")


def simulator_of(model: Any, schedules: Any, times: Any, *outputs: Any, **options: Any) -> Simulator:
    """Return a simulator; options are those of `make_simulator`, and fields of `SolverOptions`."""
    own = {name: options.pop(name) for name in _APART if name in options}
    return make_simulator(model, schedules, times, *outputs, solver=SolverOptions(**options), **own)
