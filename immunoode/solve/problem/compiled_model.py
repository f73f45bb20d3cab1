"""Equations -> CompiledModel: one native function each for rates, Jacobian, arrivals of doses, initial values and outputs."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from immunoode.model.equations import Equations, InputTarget
from immunoode.model.symbolic import Expr, derivative, size_of_terms
from immunoode.solve.problem.codegen import NativeFunction
from immunoode.solve.problem.constants import Constants
from immunoode.solve.problem.layout import Layout, layout_of
from immunoode.solve.problem.packed_input import NEVER, STATES_AT, TIME_AT, VECTOR, FloatArray
from immunoode.solve.problem.sensitivities import PARAMETER, SensitivityParameter, TotalDerivative

if TYPE_CHECKING:
    from immunoode.solve.problem.codegen_implicit import ImplicitFunctions
    from immunoode.solve.problem.codegen_simd import VectorFunction

KNOWN = ("lag", "share", "rate", "duration")
"""The properties of an input that are known before a simulation, in the order of `CompiledModel.known_times`."""


_LOCK = RLock()


class _Lifted(NamedTuple):
    """Rates (1 + m) n, the Jacobian row by row, the explicit parts (m, n), and the expressions of the constants."""

    rates: list[Expr]
    jacobian: list[Expr]
    explicit: list[list[Expr]]
    constants: dict[Expr, Expr]


@dataclass(frozen=True)
class CompiledModel:
    """The compiled functions of one structure; parameter values are not part of it.

    With `by`, the sensitivity parameters (see `immunoode.solve.problem.sensitivities`), the states are followed by their
    derivatives with respect to the first of these, the second, and so on: (1 + m) n states that are integrated together.
    Functions then return the derivatives after the values.

    Every function takes the packed input [time, dose, filling, states, filling, parameters, first doses, constants], and for
    sensitivities [..., direction (n), dose rates (m)]: the vector of a directional derivative, and the derivatives of the dose.
    """

    equations: Equations
    by: tuple[SensitivityParameter, ...] = ()
    _outputs: dict[tuple[str, ...], NativeFunction] = field(default_factory=dict)
    _read_by: dict[tuple[str, ...], NDArray[np.int64]] = field(default_factory=dict)

    @cached_property
    def base(self) -> int:
        """Number of states of the model, n."""
        return len(self.equations.states)

    @cached_property
    def size(self) -> int:
        """Number of states that are solved, (1 + m) n."""
        return self.base * (1 + len(self.by))

    @cached_property
    def width(self) -> int:
        """Length of the vectors that hold the states."""
        return -(-self.size // VECTOR) * VECTOR

    @cached_property
    def chain(self) -> TotalDerivative:
        """The symbols, and derivatives along them."""
        return TotalDerivative(self.equations, self.by, self.width - self.size)

    def _function(self, expressions: list[Expr]) -> NativeFunction:
        return NativeFunction(self._inputs, expressions)

    @property
    def _inputs(self) -> list[Expr]:
        return self.chain.inputs(list(self._lifted.constants.values()))

    @cached_property
    def _lifted(self) -> _Lifted:
        """Rates and Jacobian with symbols for constant expressions, and these expressions."""
        constants, chain = Constants(self.equations.parameters), self.chain
        rates = [constants.without(e) for e in chain.with_derivatives(list(self.equations.rhs))]
        jacobian = [constants.without(derivative(rate, state)) for rate in self.equations.rhs for state in chain.states]
        explicit = [[constants.without(chain.explicit(e, k)) for e in self.equations.rhs] for k in range(len(self.by))]
        return _Lifted(rates, jacobian, explicit, constants.table)

    @cached_property
    def _jacobian_entries(self) -> dict[tuple[int, int], Expr]:
        """The entries of the Jacobian that are not zero."""
        return {divmod(place, self.base): e for place, e in enumerate(self._lifted.jacobian) if e != 0}

    @cached_property
    def rates(self) -> NativeFunction:
        """d(states)/d(time)."""
        return self._function(self._lifted.rates)

    @cached_property
    def lane_rates(self) -> VectorFunction | None:
        """The rates of eight subjects at once; None if they contain a function that has no vector version.

        The Jacobian is evaluated once for all sensitivities: the rates of a sensitivity are its product with the Jacobian plus
        an explicit part.
        """
        from immunoode.solve.problem.codegen_simd import NotVectorised, VectorFunction

        n, lifted, entries = self.base, self._lifted, self._jacobian_entries
        rows = [[(p, j) for p, (a, j) in enumerate(entries) if a == i] for i in range(n)]
        products = [list[tuple[int, int]]() for _ in range(n)]
        products += [[(p, STATES_AT + (k + 1) * n + j) for p, j in row] for k in range(len(self.by)) for row in rows]
        expressions = [*lifted.rates[:n], *(e for row in lifted.explicit for e in row)]
        with _LOCK:
            try:
                return VectorFunction(self._inputs, expressions, products, list(entries.values()) if self.by else ())
            except NotVectorised:
                return None

    @cached_property
    def implicit_lanes(self) -> ImplicitFunctions:
        """The functions that implicit steps of eight subjects need in addition to their rates."""
        from immunoode.solve.problem.codegen_implicit import ImplicitFunctions, linearisation

        lifted, chain = self._lifted, self.chain
        with _LOCK:
            found = linearisation(lifted.rates[: self.base], lifted.explicit, self._jacobian_entries, chain.states, chain.time)
            return ImplicitFunctions(self._inputs, found, STATES_AT)

    @cached_property
    def jacobian(self) -> NativeFunction:
        """Derivatives of the model's rates with respect to its states, row by row."""
        return self._function(self._lifted.jacobian)

    @cached_property
    def constants(self) -> NativeFunction:
        """The expressions in the rates that depend on parameters alone."""
        return self._function(list(self._lifted.constants))

    @cached_property
    def time_derivative(self) -> NativeFunction:
        """Derivatives of the rates with respect to time, if they depend on it."""
        rates = self.chain.with_derivatives(list(self.equations.rhs))
        return self._function([derivative(rate, self.chain.time) for rate in rates])

    @cached_property
    def coupling(self) -> NativeFunction:
        """Derivatives of the sensitivities' rates with respect to the model's states, along `direction`: (m n)."""
        rates = self.chain.with_derivatives(list(self.equations.rhs))[self.base :]
        return self._function([self.chain.along_direction(rate) for rate in rates])

    @cached_property
    def depends_on_time(self) -> bool:
        """Whether the rates depend on time."""
        return any(self.chain.time in rate.free_symbols for rate in self.equations.rhs)

    @cached_property
    def arrivals(self) -> NativeFunction:
        """The effect of each input when `dose` of it arrives.

        The amounts that pulses add to each state, then those that the dose adds to each.
        """
        return self._function([e for name in self.equations.inputs for e in self._arrival(name)])

    def _arrival(self, name: str) -> list[Expr]:
        target = self.equations.inputs[name]
        moved, added = ([self.chain.zero] * self.base for _ in range(2))
        added[target.state] = self.chain.dose * target.scale
        for pulse in self.equations.pulses:
            if pulse.input == name:
                leaving = pulse.fraction * self.chain.states[pulse.source]
                moved[pulse.source] -= leaving
                if pulse.target is not None:
                    moved[pulse.target] += leaving * pulse.gain
        return [*self.chain.with_derivatives(moved, dosed=True), *self.chain.with_derivatives(added, dosed=True)]

    @cached_property
    def conditions(self) -> NativeFunction:
        """Differences whose sign switches rates, then the sizes of their terms, to which rounding errors are relative."""
        conditions = list(self.equations.conditions)
        return self._function([*conditions, *map(size_of_terms, conditions)])

    @cached_property
    def crossings(self) -> NativeFunction:
        """The rate of change of each condition along `direction` and time, and its derivatives with respect to `by`."""
        rows = [
            [self.chain.along_direction(c) + derivative(c, self.chain.time), *self.chain.derivatives(c)]
            for c in self.equations.conditions
        ]
        return self._function([e for row in rows for e in row])

    def compile(self) -> None:
        """Create all functions now, because subjects are solved in threads, which must all use the same functions."""
        with _LOCK:
            _ = self.rates, self.arrivals, self.jacobian, self.initial, self.conditions, self.constants
            _ = self.known_times, self.scales, self.input_states, self.exchange, self.clock, self.clocks
            if self.depends_on_time:
                _ = self.time_derivative
            if self.by:
                _ = self.coupling, self.crossings

    @cached_property
    def initial(self) -> NativeFunction:
        """Initial states."""
        return self._function(self.chain.with_derivatives(list(self.equations.initial), start=True))

    @cached_property
    def scales(self) -> NativeFunction:
        """The amount that one unit of each input adds to its state."""
        return self._function([target.scale for target in self.equations.inputs.values()])

    @cached_property
    def known_times(self) -> NativeFunction:
        """The known properties of each input (`KNOWN`), then times at which rates switch.

        Each row of 1 + m has the value and its derivatives with respect to `by`.
        """
        known = [t for target in self.equations.inputs.values() for t in _known(target, self.chain.zero)]
        return self._function([e for t in (*known, *self.equations.break_times) for e in (t, *self.chain.derivatives(t))])

    @cached_property
    def known_by(self) -> frozenset[str]:
        """The parameters on which the known properties of the inputs depend."""
        targets = self.equations.inputs.values()
        return frozenset(str(s) for target in targets for t in _known(target, self.chain.zero) for s in t.free_symbols)

    @cached_property
    def clock(self) -> NativeFunction:
        """The switching quantities that depend on time alone, if there are steps."""
        return self._function([e for _, e in self.equations.clock])

    @cached_property
    def clock_gradients(self) -> NativeFunction:
        """The derivatives of each of these with respect to time and the sensitivity parameters."""
        expressions = [e for _, e in self.equations.clock]
        rows = [[derivative(e, self.chain.time), *self.chain.derivatives(e)] for e in expressions]
        return self._function([value for row in rows for value in row])

    @cached_property
    def has_known_times(self) -> bool:
        """Whether there are lags, bioavailabilities, rates or durations, or times at which rates switch."""
        return bool(self.equations.break_times) or any(
            t.lag != 0 or t.share != 1 or t.rate is not None or t.duration is not None for t in self.equations.inputs.values()
        )

    @cached_property
    def clocks(self) -> NDArray[np.int64]:
        """The position of the time of each input's first dose in the packed input; -1 if it is not used."""
        first = self.parameters_at + len(self.equations.parameters)
        places = {name: first + k for k, name in enumerate(self.equations.counted)}
        return np.array([places.get(name, -1) for name in self.equations.inputs], dtype=np.int64)

    @cached_property
    def input_states(self) -> NDArray[np.int64]:
        """The state that each input arrives in."""
        return np.array([target.state for target in self.equations.inputs.values()], dtype=np.int64)

    @cached_property
    def exchange(self) -> NDArray[np.bool_]:
        """Which states exchange matter with the one that each input arrives in, shape (inputs, n)."""
        links = np.eye(self.base, dtype=bool)
        for a, b in self.equations.exchanges:
            links[a, b] = links[b, a] = True
        for _ in range(self.base.bit_length()):
            links = links @ links
        return links[self.input_states].reshape(-1, self.base)

    @cached_property
    def varied_columns(self) -> NDArray[np.int64]:
        """Which of the blocks, the states (0) and their derivatives (1 ... m), are with respect to parameters."""
        return np.array([k for k, by in enumerate(self.by, 1) if by.kind == PARAMETER], dtype=np.int64)

    @cached_property
    def varied_parameters(self) -> NDArray[np.int64]:
        """The positions of these parameters."""
        names = self.equations.parameters
        return np.array([names.index(by.name) for by in self.by if by.kind == PARAMETER], dtype=np.int64)

    @cached_property
    def extinct_below(self) -> FloatArray:
        """The threshold below which each state is extinct, shape (n,); zero if there is none."""
        return np.array(self.equations.extinct_below)

    @cached_property
    def cells(self) -> NDArray[np.bool_]:
        """Which states are numbers or concentrations of cells, shape (n,)."""
        return np.array(["cell" in unit for unit in self.equations.units], dtype=bool) | (self.extinct_below > 0)

    @cached_property
    def has_extinction(self) -> bool:
        """Whether any state has a threshold of extinction."""
        return bool((self.extinct_below > 0).any())

    @cached_property
    def layout(self) -> Layout:
        """The positions of inputs and parameters."""
        return replace(layout_of(self.equations, self.by), linked=self.exchange[:, self.input_states])

    def outputs(self, names: tuple[str, ...]) -> NativeFunction:
        """Return the function of some outputs (states among them), compiled once for each choice."""
        with _LOCK:
            if names not in self._outputs:
                states = dict(zip(self.equations.states, self.chain.states, strict=True))
                found = [states.get(n) or self.equations.outputs[n] for n in names]
                self._outputs[names] = self._function(self.chain.with_derivatives(found))
            return self._outputs[names]

    def read_by(self, names: tuple[str, ...]) -> NDArray[np.int64]:
        """Return the positions of the states, including derivatives, from which some outputs are computed."""
        with _LOCK:
            if names not in self._read_by:
                found = self.outputs(names).symbols
                states = self.chain.inputs([])[STATES_AT : STATES_AT + self.size]
                self._read_by[names] = np.array([i for i, s in enumerate(states) if s in found], dtype=np.int64)
            return self._read_by[names]

    def packed(self, parameters: FloatArray, time: float = 0.0, states: FloatArray | None = None) -> FloatArray:
        """Return the packed input of every function, for the parameters (n,) of one subject."""
        x = self.rows(np.asarray(parameters)[None])[0]
        x[TIME_AT] = time
        if states is not None:
            x[STATES_AT : STATES_AT + states.size] = states
        self.set_constants(x)
        return x

    def rows(self, parameters: FloatArray) -> FloatArray:
        """Return packed inputs for the parameters (P, n) of subjects; all other values are still to be filled in."""
        x = np.zeros((len(parameters), self.constants_at + self.constants.size + self.chain.extra))
        clocks = self.parameters_at + len(self.equations.parameters)
        x[:, self.parameters_at : clocks] = parameters
        x[:, clocks : self.constants_at] = NEVER
        return x

    def set_constants(self, x: FloatArray) -> None:
        """Compute the constants that depend only on the parameters of a packed input, and store them in it."""
        if self.constants.size:
            x[self.constants_at : self.constants_at + self.constants.size] = self.constants(x)

    @property
    def constants_at(self) -> int:
        """The position of the first constant in the packed input."""
        return self.parameters_at + len(self.equations.parameters) + len(self.equations.counted)

    @property
    def parameters_at(self) -> int:
        """The position of the first parameter in the packed input."""
        return STATES_AT + self.width


def _known(target: InputTarget, zero: Expr) -> tuple[Expr, ...]:
    share = zero + 1 if target.share is None else target.share
    return target.lag, share, zero if target.rate is None else target.rate, zero if target.duration is None else target.duration


_CACHE: OrderedDict[tuple[str, tuple[SensitivityParameter, ...]], CompiledModel] = OrderedDict()
_KEPT = 128


def compiled_model_of(equations: Equations, by: tuple[SensitivityParameter, ...] = ()) -> CompiledModel:
    """Return the compiled system of some equations; models that differ only in values share one system."""
    key = equations.key, by
    with _LOCK:
        if key not in _CACHE:
            _CACHE[key] = CompiledModel(equations, by)
        _CACHE.move_to_end(key)
        while len(_CACHE) > _KEPT:
            _CACHE.popitem(last=False)
        return _CACHE[key]
