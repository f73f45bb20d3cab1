"""Compile all kernels at once, for container images and classrooms, where the first simulation should not have to wait."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from immunoode.errors import Problem, SolveError
from immunoode.model.components import Compartment, Flow, Parameter
from immunoode.model.model import Model
from immunoode.regimen.regimen import Regimen
from immunoode.regimen.sbml_event import Assignment, Event, Events
from immunoode.solve.integrator import kernel_cache
from immunoode.solve.simulate import simulate


def warm() -> str:
    """Compile every kernel that is not in the cache, by running a small simulation of each kind.

    Returns
    -------
    str
        What was compiled, what was already in the cache, and where the cache is.

    Raises
    ------
    SolveError
        If no folder for the cache can be written and a kernel is not in it.
    """
    for simulation in KINDS.values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            simulation()
    folder = kernel_cache.writable_folder()
    if folder is None and kernel_cache.compiled:
        what = f"cannot be written: {', '.join(map(str, kernel_cache.folders()))}"
        raise SolveError(Problem("the cache of kernels", what, "a folder that can be written, in NUMBA_CACHE_DIR"))
    counts = f"{len(kernel_cache.compiled)} kernels compiled, {len(kernel_cache.loaded)} loaded"
    places = folder or ", ".join(map(str, kernel_cache.folders()))
    return f"{counts}; the cache is in {places}"


def _model() -> Model:
    return Model(
        name="warm",
        kind="base",
        compartments={"amount": Compartment(unit="mg", initial=10.0)},
        flows={"loss": Flow(source="amount", per_capita="rate")},
        parameters={"rate": Parameter(value=0.1, unit="1/day")},
    )


def _explicit() -> None:
    simulate(_model(), until=1.0, method="tsit5")


def _implicit() -> None:
    simulate(_model(), until=1.0, method="rodas5p")


def _sensitivities() -> None:
    simulate(_model(), until=1.0, sensitivities=["rate"])


def _triggers() -> None:
    stopped = Regimen().when("amount", below=5.0, then="stop")
    for engine in ("compiled", "scipy"):
        simulate(_model(), stopped, until=1.0, engine=engine)


def _events() -> None:
    event = Event("emptied", "piecewise(1, time > 0.5, 0)", (Assignment("amount", "amount"),))
    simulate(_model(), Events((event,)), until=1.0)


KINDS: dict[str, Callable[[], None]] = {
    "first simulation": _explicit,
    "implicit steps": _implicit,
    "sensitivities": _sensitivities,
    "triggers, and the engine of SciPy": _triggers,
    "events of SBML": _events,
}
"""The kinds of simulation that kernels are compiled for, in this order."""
