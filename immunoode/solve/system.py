"""Equations -> System: one LLVM function each for rates, Jacobian, pulses, dose scales, initial values and outputs."""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError
from immunoode.model.equations import Equations
from immunoode.model.symbolic import Expr

FloatArray = NDArray[np.float64]
TIME_AT, DOSE_AT, STATES_AT = 0, 1, 2
"""Places in the packed input [time, dose, states, parameters] of every function."""


_LOCK = RLock()


class Function:
    """A vector of expressions as machine code, `void f(double *out, const double *in, void *context)`.

    Holds what SymEngine returned: the address is good only while that lives.
    """

    def __init__(self, inputs: list[Expr], expressions: list[Expr]) -> None:
        import symengine as se

        self.size = len(expressions)
        self.address = np.zeros(2, dtype=np.int64)
        if expressions:
            try:
                self._keep = se.Lambdify(inputs, expressions, backend="llvm", cse=True)
            except RuntimeError as error:
                right = "look for divisions by zero and for powers that are not finite"
                raise SolveError(Problem("the equations", f"cannot be compiled ({error})", right)) from None
            pointer, context = self._keep.as_ctypes()
            self._call: Any = pointer
            self._context = context
            self.address[:] = [ctypes.cast(pointer, ctypes.c_void_p).value or 0, context.value]

    def __call__(self, packed: FloatArray) -> FloatArray:
        """Return the values at one packed input."""
        out = np.empty(self.size)
        if self.size:
            double = ctypes.POINTER(ctypes.c_double)
            self._call(out.ctypes.data_as(double), packed.ctypes.data_as(double), self._context)
        return out


@dataclass(frozen=True)
class System:
    """The compiled functions of one structure; parameter values are not part of it."""

    equations: Equations
    _outputs: dict[tuple[str, ...], Function] = field(default_factory=dict)

    @cached_property
    def inputs(self) -> list[Expr]:
        """The symbols of the packed input."""
        import symengine as se

        return [se.Symbol(name) for name in ("time", "dose", *self.equations.states, *self.equations.parameters)]

    @cached_property
    def rates(self) -> Function:
        """d(states)/d(time)."""
        return Function(self.inputs, list(self.equations.rhs))

    @cached_property
    def jacobian(self) -> Function:
        """Derivatives of the rates by the states, row by row."""
        states = self.inputs[STATES_AT : STATES_AT + self.size]
        return Function(self.inputs, [rate.diff(state) for rate in self.equations.rhs for state in states])

    @cached_property
    def time_derivative(self) -> Function:
        """Derivatives of the rates by time, where it stands in them."""
        return Function(self.inputs, [rate.diff(self.inputs[TIME_AT]) for rate in self.equations.rhs])

    @cached_property
    def depends_on_time(self) -> bool:
        """Whether time stands in the rates."""
        time = self.inputs[TIME_AT]
        return any(time in rate.free_symbols for rate in self.equations.rhs)

    @cached_property
    def addresses(self) -> NDArray[np.int64]:
        """Addresses and contexts of rates, pulses, scales, Jacobian and time derivatives (zeros where there are none)."""
        drift = self.time_derivative.address if self.depends_on_time else np.zeros(2, dtype=np.int64)
        found = (self.rates, self.pulses, self.scales, self.jacobian)
        return np.concatenate([*(f.address for f in found), drift])

    def compile(self) -> None:
        """Make every function now: patients are solved in threads, and each must find the same ones."""
        with _LOCK:
            _ = self.addresses, self.initial, self.breaks, self.pulse_table, self.input_states

    @cached_property
    def initial(self) -> Function:
        """Initial states."""
        return Function(self.inputs, list(self.equations.initial))

    @cached_property
    def scales(self) -> Function:
        """What one unit of each input adds to its state."""
        return Function(self.inputs, [target.scale for target in self.equations.inputs.values()])

    @cached_property
    def pulses(self) -> Function:
        """Fraction and gain of each pulse, in pairs."""
        return Function(self.inputs, [e for pulse in self.equations.pulses for e in (pulse.fraction, pulse.gain)])

    @cached_property
    def breaks(self) -> Function:
        """Times at which the rates are not smooth."""
        return Function(self.inputs, list(self.equations.break_times))

    @cached_property
    def pulse_table(self) -> NDArray[np.int64]:
        """Input, source and target (-1: outside) of each pulse."""
        index = {name: i for i, name in enumerate(self.equations.inputs)}
        rows = [(index[p.input], p.source, -1 if p.target is None else p.target) for p in self.equations.pulses]
        return np.array(rows, dtype=np.int64).reshape(-1, 3)

    @cached_property
    def input_states(self) -> NDArray[np.int64]:
        """The state that each input arrives in."""
        return np.array([target.state for target in self.equations.inputs.values()], dtype=np.int64)

    @property
    def size(self) -> int:
        """Number of states."""
        return len(self.equations.states)

    def outputs(self, names: tuple[str, ...]) -> Function:
        """Return the function of some outputs (states among them), compiled once for each choice."""
        with _LOCK:
            if names not in self._outputs:
                states = dict(zip(self.equations.states, self.inputs[STATES_AT:], strict=False))
                self._outputs[names] = Function(
                    self.inputs, [states.get(n) or self.equations.outputs[n] for n in names]
                )
            return self._outputs[names]

    def packed(self, parameters: FloatArray, time: float = 0.0, states: FloatArray | None = None) -> FloatArray:
        """Return the packed input of every function."""
        x = np.zeros(STATES_AT + self.size + len(parameters))
        x[TIME_AT] = time
        if states is not None:
            x[STATES_AT : STATES_AT + self.size] = states
        x[STATES_AT + self.size :] = parameters
        return x


_CACHE: OrderedDict[str, System] = OrderedDict()
_KEPT = 128


def system_of(equations: Equations) -> System:
    """Return the compiled system of some equations; the same for all that differ in values only."""
    with _LOCK:
        if equations.key not in _CACHE:
            _CACHE[equations.key] = System(equations)
        _CACHE.move_to_end(equations.key)
        while len(_CACHE) > _KEPT:
            _CACHE.popitem(last=False)
        return _CACHE[equations.key]
