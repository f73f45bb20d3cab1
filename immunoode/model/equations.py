"""The equations of a model: one SymEngine expression per state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from immunoode.model.symbolic import Expr


@dataclass(frozen=True)
class InputTarget:
    """The target of an input's doses.

    `state` is the index of the compartment, `scale` its increase per unit of dose, `lag` the delay in days. `share` is the
    bioavailability (None if it depends on the state); `rate` and `duration` of infusions are None if the model does not state
    them.
    """

    state: int
    unit: str
    scale: Expr
    lag: Expr
    share: Expr | None
    rate: Expr | None
    duration: Expr | None


@dataclass(frozen=True)
class PulseTarget:
    """A pulse between two states: `fraction` of the source leaves, and `gain` times that arrives."""

    input: str
    source: int
    target: int | None
    fraction: Expr
    gain: Expr


@dataclass(frozen=True)
class Equations:
    """The equations of a closed model; its symbols are named like states and parameters, and `time`.

    `key` is equal for models that differ only in parameter values, so that they share compiled code. `break_times` are the
    times of discontinuities that depend on time alone; `conditions` are expressions that change sign at discontinuities that
    depend on the state. `exchanges` are the pairs of states that a flow connects. If there are steps (floor), `clock` has the
    arguments of steps (True) and the differences of the sides of comparisons (False) that depend on time alone. `counted` are
    the inputs of which an expression uses the time since the first dose.
    """

    key: str
    states: tuple[str, ...]
    units: tuple[str, ...]
    parameters: tuple[str, ...]
    values: tuple[float, ...]
    rhs: tuple[Expr, ...]
    initial: tuple[Expr, ...]
    outputs: Mapping[str, Expr]
    output_units: Mapping[str, str]
    inputs: Mapping[str, InputTarget]
    pulses: tuple[PulseTarget, ...]
    extinct_below: tuple[float, ...]
    break_times: tuple[Expr, ...]
    conditions: tuple[Expr, ...]
    exchanges: tuple[tuple[int, int], ...]
    clock: tuple[tuple[bool, Expr], ...] = ()
    counted: tuple[str, ...] = ()
