"""The dataclasses that a model is made of; they are the truth, TOML is a front end.

Expressions are text here, over local names; `immunoode.model.expressions` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

KINDS = ("base", "published", "therapy", "term", "interaction")
COMBINED = "combined"
BARE_KINDS = frozenset({"base", "published"})
"""Kinds whose names go without the instance name in front: they are what the others attach to."""
ROLES = ("tumour", "effector", "lymphocyte", "drug", "antigen", "dying")
INPUT_BY_INSTANCE = "dose"
"""An input of this name is known outside by the instance's name alone."""
STRUCTURE_KEY = "_structure_key"
"""The attribute in which a model keeps its key (see `immunoode.model.closed_model`): other values do not change it."""


@dataclass(frozen=True)
class Parameter:
    """A constant: value, unit, bounds (lower, upper) and where the value comes from.

    `source` is a key of `models/references.bib` with its place ("ahamadi2017, table 2"), or begins with "estimate:" and
    gives the reason. A covariate is a parameter that belongs to the patient.
    """

    value: float
    unit: str = "1"
    bounds: tuple[float, float] | None = None
    source: str = ""
    title: str = ""
    symbol: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Compartment:
    """A state: `initial` is a number or an expression of parameters; below `extinct_below` a count of cells becomes zero."""

    unit: str
    initial: float | str = 0.0
    roles: tuple[str, ...] = ()
    extinct_below: float | None = None
    title: str = ""
    symbol: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Derived:
    """A named expression of states, parameters and `time`.

    `baseline` names the parameter that is this quantity's value at the start, where there is one: a fit sets it from the
    first observation.
    """

    expr: str
    unit: str = "1"
    baseline: str = ""
    title: str = ""
    symbol: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Modifiable:
    """A named quantity that other models may change: (base + sum of additions) x product of factors."""

    base: str
    unit: str = "1"
    title: str = ""
    symbol: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Modifier:
    """One addition to, or one factor of, a modifiable quantity; owned by the model that causes it."""

    of: str
    factor: str = ""
    add: str = ""
    title: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Flow:
    """What leaves `source` and arrives in `target` (either may be absent) at `rate`, or `per_capita` of what it leaves.

    `rate` is an amount of the source's unit (the target's where there is no source) a day. Either end may be
    "role:tumour": one flow for every compartment with that role. `gain` multiplies what arrives (units of target a unit of
    source): antigen released by a dying cell.
    """

    source: str = ""
    target: str = ""
    rate: str = ""
    per_capita: str = ""
    gain: str = ""
    title: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Input:
    """Where doses of a therapy arrive: `into` a compartment, in `unit`, `lag` days after they are given.

    `fraction` is what one unit of a dose becomes there. Where input and compartment measure the same, it is the share that
    arrives, the bioavailability; elsewhere it converts ("1 / volume"), and `bioavailability` states the share beside it. An
    infusion at a stated rate lasts share x amount / rate, one of a stated duration lasts that.

    `rate` (the input's unit per day) and `duration` (days) are what the model says of infusions whose records leave it to
    the model: RATE -1 and RATE -2. Lag, bioavailability, rate and duration are expressions of parameters: they are known
    before the simulation.
    """

    into: str
    unit: str
    fraction: str = ""
    lag: str = ""
    bioavailability: str = ""
    rate: str = ""
    duration: str = ""
    title: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Pulse:
    """What leaves `source` at once when a dose of input `on` arrives: a `fraction` (may use `dose`, in the input's unit).

    Pulses see the state just before the dose; `target` may be absent.
    """

    on: str
    source: str
    fraction: str
    target: str = ""
    gain: str = ""
    title: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Need:
    """A name that a model takes from others; `value` (with `uses`) holds where nobody offers it, None: must be offered.

    `unit` "" leaves the dimension open until the model is combined.
    """

    value: float | None = None
    unit: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Member:
    """One of the models that a model was combined from."""

    kind: str
    file: str
    variant: str = ""
    title: str = ""


@dataclass(frozen=True)
class Check:
    """How a model file was checked: against what, to what relative tolerance, by which test."""

    against: str
    tolerance: float = 0.0
    test: str = ""


@dataclass(frozen=True)
class ModelTables:
    """The tables of a model; see `immunoode.model.model.Model`, which adds its methods."""

    name: str
    kind: str
    title: str = ""
    description: str = ""
    file: str = ""
    variant: str = ""
    instance: str = ""
    references: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    members: Mapping[str, Member] = field(default_factory=dict)
    needs: Mapping[str, Need] = field(default_factory=dict)
    covariates: Mapping[str, Parameter] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    compartments: Mapping[str, Compartment] = field(default_factory=dict)
    modifiables: Mapping[str, Modifiable] = field(default_factory=dict)
    derived: Mapping[str, Derived] = field(default_factory=dict)
    flows: Mapping[str, Flow] = field(default_factory=dict)
    modifiers: Mapping[str, Modifier] = field(default_factory=dict)
    inputs: Mapping[str, Input] = field(default_factory=dict)
    pulses: Mapping[str, Pulse] = field(default_factory=dict)
    variants: Mapping[str, Mapping[str, Parameter]] = field(default_factory=dict)
    instances: Mapping[str, str] = field(default_factory=dict)

    @property
    def constants(self) -> dict[str, Parameter]:
        """Covariates and parameters together, in that order."""
        return {**self.covariates, **self.parameters}
