"""Absolute tolerances by the size of each state, independent of its unit and of other states.

The size of a state is the largest of its initial value and the amounts that single doses add to it; its tolerance is rtol x
1e-3 x size, but at most one hundredth of the threshold if it counts cells. A state that starts empty has no size yet. Its
tolerance begins with a thousandth of the inflow from the other states within its own time constant (by the Jacobian of the
model, generation by generation), and grows with the largest value that it has reached.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.solve.problem.compiled_model import CompiledModel
from immunoode.solve.problem.evaluate import evaluate
from immunoode.solve.problem.packed_input import STATES_AT, TIME_AT, FloatArray

_SHARE = 1e-3
_LEAST = 1e-30
"""Minimum for a state without inflow at the start, as a fraction of the largest size in its unit.

No step would be short enough for a relative error at the end of a chain of empty states.
"""
_ROUNDING = 2e-16
_NONE = 1e-290
"""A tolerance if nothing is known about a size."""


@dataclass(frozen=True)
class Tolerances:
    """Absolute tolerances (P, states), and the share of a state's size that each is at least (0: constant).

    `units` (P, 1 + m) are the factors by which the size of a state is multiplied for the errors of its sensitivities; 0 for the
    state itself.
    """

    atol: FloatArray
    shares: FloatArray
    units: FloatArray


def absolute(
    system: CompiledModel, x: FloatArray, y: FloatArray, largest: FloatArray, scales: FloatArray, rtol: float
) -> Tolerances:
    """Return the absolute tolerances of the n states of each subject.

    Parameters
    ----------
    x : ndarray, shape (P, length of the packed input)
        Packed inputs at the start.
    y : ndarray, shape (P, n)
        Initial states.
    largest, scales : ndarray, shape (P, inputs)
        The largest single amount of each input, and the amount that one unit of it adds to its state.
    """
    size = np.abs(y)
    given = np.abs(largest * scales)
    for i, state in enumerate(system.input_states.tolist()):
        np.maximum(size[:, state], given[:, i], out=size[:, state])
    empty, atol, extinct = size == 0, rtol * _SHARE * size, system.extinct_below
    shares = np.zeros(size.shape)
    if empty.any():
        atol = np.where(empty, of_empty(system, x, size, rtol), atol)
        shares = np.where(empty & (extinct == 0), rtol * _SHARE, 0.0)
    if system.has_extinction:
        atol = np.where(extinct > 0, np.minimum(atol, 1e-2 * extinct), atol)
    return Tolerances(atol, shares, np.zeros((len(x), 1)))


def of_empty(system: CompiledModel, x: FloatArray, size: FloatArray, rtol: float) -> FloatArray:
    """Return the initial absolute tolerances of empty states, whose size (P, n) is zero."""
    fed = np.where(size == 0, _fed(system, x, size), 0.0)
    least = rtol * _SHARE * _LEAST * _largest_of_unit(system, size)
    return np.maximum(np.where(fed > 0, max(rtol * _SHARE * _SHARE, _ROUNDING) * fed, least), _NONE)


def _fed(system: CompiledModel, x: FloatArray, size: FloatArray) -> FloatArray:
    """Return sizes in which empty states have their inflow from the other states within a time constant."""
    n, found, rows = system.base, size.copy(), len(x)
    if found.all():
        return found
    packed = np.concatenate([x, x]) if system.depends_on_time else x.copy()
    packed[rows:, TIME_AT] += 1.0
    evaluated = {f: np.zeros((len(packed), f.size)) for f in (system.constants, system.jacobian, system.rates)}
    constants, jacobians, rates = evaluated.values()
    evaluate(system.constants, packed, constants)
    constants[~np.isfinite(constants)] = 0.0
    packed[:, system.constants_at : system.constants_at + system.constants.size] = constants
    for _ in range(n):
        packed[:rows, STATES_AT : STATES_AT + n] = packed[-rows:, STATES_AT : STATES_AT + n] = found
        evaluate(system.jacobian, packed, jacobians)
        evaluate(system.rates, packed, rates)
        jacobian = _sizes(jacobians, rows).reshape(-1, n, n)
        inflow = (jacobian @ found[:, :, None])[:, :, 0] + _sizes(rates[:, :n], rows)
        loss = jacobian.diagonal(axis1=1, axis2=2)
        fastest = loss.max(axis=1, keepdims=True)
        loss = np.where(loss > 0, loss, np.where(fastest > 0, fastest, 1.0))
        share = inflow / loss
        share[~np.isfinite(share)] = 0.0
        filled = np.where(found == 0, share, found)
        if np.array_equal(filled, found):
            break
        found = filled
        if found.all():
            break
    return found


def _sizes(values: FloatArray, rows: int) -> FloatArray:
    """Return the sizes of values at the start, zero if they are not finite.

    If there are further rows, sizes that are zero at the start are taken from these, a day later.
    """
    sizes, finite = np.abs(values), np.isfinite(values)
    if not finite.all():
        sizes[~finite] = 0.0
    return sizes if len(sizes) == rows else np.where(sizes[:rows] == 0, sizes[rows:], sizes[:rows])


def _largest_of_unit(system: CompiledModel, size: FloatArray) -> FloatArray:
    """Return the largest size of the states that share each state's unit."""
    units, found = np.array(system.equations.units), size.copy()
    for unit in set(system.equations.units):
        found[:, units == unit] = size[:, units == unit].max(axis=1, keepdims=True)
    return found


def of_derivatives(tolerances: Tolerances, parameters: FloatArray, system: CompiledModel) -> Tolerances:
    """Return the tolerances of states and their derivatives, (P, (1 + m) n): a derivative times its parameter is a state.

    If such a product is smaller than the state, the state is used instead: its change with a parameter need not be more
    accurate than the state itself, and a parameter with little influence does not require shorter steps. With respect to
    amounts and times of doses, and to parameters that are zero, tolerances are those for a parameter of one, and states are not
    taken into account.
    """
    sizes = np.zeros((len(parameters), 1 + len(system.by)))
    sizes[:, system.varied_columns] = np.abs(parameters[:, system.varied_parameters])
    ones = np.where(sizes > 0, sizes, 1.0)
    shape = len(parameters), system.size
    atol = (tolerances.atol[:, None, :] / ones[:, :, None]).reshape(shape)
    shares = np.repeat(tolerances.shares[:, None, :], 1 + len(system.by), axis=1).reshape(shape)
    return Tolerances(atol, shares, np.where(sizes > 0, 1.0 / ones, 0.0))
