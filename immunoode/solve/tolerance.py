"""Absolute tolerances by the scale of each state.

A state's scale is the largest of its initial value and of what single doses put there; a state that starts empty takes the
largest scale of the states with its unit, times 1e-3. Tolerance = rtol x 1e-3 x scale; one hundredth of the threshold at
most where a state counts cells.
"""

from __future__ import annotations

import numpy as np

from immunoode.solve.events import Events
from immunoode.solve.system import FloatArray, System

_SHARE = 1e-3


def absolute(system: System, y: FloatArray, events: Events, scales: FloatArray, rtol: float) -> FloatArray:
    """Return the absolute tolerance of each state of one patient, shape (n,)."""
    size = np.abs(y)
    for state, which in enumerate(system.input_states):
        given = events.amounts[events.inputs == state]
        if given.size:
            size[which] = max(size[which], float(np.max(np.abs(given))) * abs(float(scales[state])))
    units = np.array(system.equations.units)
    for i in np.where(size == 0)[0]:
        size[i] = _SHARE * max(size[units == units[i]].max(), _SHARE)
    atol = rtol * _SHARE * size
    extinct = np.array(system.equations.extinct_below)
    return np.where(extinct > 0, np.minimum(atol, 1e-2 * extinct), atol)
