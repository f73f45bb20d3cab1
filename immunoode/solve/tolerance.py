"""Absolute tolerances by the scale of each state.

A state's scale is the largest of its initial value and of what single doses put there; a state that starts empty takes the
largest scale of the states with its unit, times 1e-3. Tolerance = rtol x 1e-3 x scale; one hundredth of the threshold at
most where a state counts cells.
"""

from __future__ import annotations

import numpy as np

from immunoode.solve.sensitivity import PARAMETER
from immunoode.solve.system import FloatArray, System

_SHARE = 1e-3


def absolute(system: System, y: FloatArray, largest: FloatArray, scales: FloatArray, rtol: float) -> FloatArray:
    """Return the absolute tolerance of each state of each patient, shape (P, n).

    Parameters
    ----------
    y : ndarray, shape (P, n)
        Initial states.
    largest, scales : ndarray, shape (P, inputs)
        The largest single amount of each input, and what one unit of it adds to its state.
    """
    size = np.abs(y)
    given = np.abs(largest * scales)
    for i, state in enumerate(system.input_states):
        size[:, state] = np.maximum(size[:, state], given[:, i])
    units = np.array(system.equations.units)
    filled = size.copy()
    for unit in set(system.equations.units):
        same = units == unit
        of_unit = _SHARE * np.maximum(size[:, same].max(axis=1, keepdims=True), _SHARE)
        filled[:, same] = np.where(size[:, same] == 0, of_unit, size[:, same])
    atol = rtol * _SHARE * filled
    extinct = np.array(system.equations.extinct_below)
    return np.where(extinct > 0, np.minimum(atol, 1e-2 * extinct), atol)


def of_derivatives(atol: FloatArray, parameters: FloatArray, system: System) -> FloatArray:
    """Return the tolerances of states and their derivatives, (P, (1 + m) n): a derivative times its parameter is a state.

    By amounts and times of doses, and by parameters that are zero, they are those for a parameter of one.
    """
    columns = [atol]
    names = system.equations.parameters
    for by in system.by:
        size = np.abs(parameters[:, names.index(by.name)]) if by.kind == PARAMETER else np.ones(len(parameters))
        columns.append(atol / np.where(size > 0, size, 1.0)[:, None])
    return np.ascontiguousarray(np.concatenate(columns, axis=1))
