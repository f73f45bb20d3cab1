"""The positions of names in a system, and what a system states about its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from immunoode.model.equations import Equations
from immunoode.solve.problem.sensitivities import SensitivityParameter


@dataclass(frozen=True)
class Layout:
    """The positions of names in a system: inputs, parameters, and sensitivity parameters.

    `linked` (inputs, inputs) states which inputs have compartments that exchange matter with each other; `counted` are the
    inputs with a clock that starts at the first dose; `unknown_shares` those whose bioavailability is not known before the
    simulation; `states_rate` and `states_duration` those that state the rate, or the duration, of infusions.
    """

    inputs: Mapping[str, int]
    parameters: Mapping[str, int]
    by: tuple[SensitivityParameter, ...]
    counted: frozenset[str] = frozenset()
    unknown_shares: frozenset[str] = frozenset()
    states_rate: frozenset[str] = frozenset()
    states_duration: frozenset[str] = frozenset()
    linked: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), dtype=bool))


def layout_of(equations: Equations, by: tuple[SensitivityParameter, ...]) -> Layout:
    """Return the layout of some equations."""
    targets = equations.inputs
    return Layout(
        {name: i for i, name in enumerate(targets)},
        {name: i for i, name in enumerate(equations.parameters)},
        by,
        frozenset(equations.counted),
        frozenset(name for name, target in targets.items() if target.share is None),
        frozenset(name for name, target in targets.items() if target.rate is not None),
        frozenset(name for name, target in targets.items() if target.duration is not None),
    )
