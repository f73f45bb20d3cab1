"""The dataclasses of a model's parts. Files are one way to make them; Python code is another.

Expressions are text over local names; `immunoode.model.expressions` parses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

KINDS = ("base", "published", "therapy", "term", "interaction")
COMBINED = "combined"
BARE_KINDS = frozenset({"base", "published"})
"""Kinds whose names have no prefix in a combination: the other models attach to them."""
ROLES = ("tumour", "effector", "lymphocyte", "drug", "antigen", "dying", "doomed", "target")
CAUSES = ("t_cells", "car_t", "engager", "chemotherapy", "radiation", "radioligand", "antibody", "virus")
"""What flows and pulses may state as their cause, and compartments may resist."""
INPUT_BY_INSTANCE = "dose"
"""In a combination, an input of this name has the name of its instance."""
STRUCTURE_KEY = "_structure_key"
"""The attribute with a model's structure key (see `immunoode.model.closed_model`), which parameter values do not change."""


@dataclass(frozen=True)
class Parameter:
    """A constant: value, unit, bounds (lower, upper) and source.

    `source` is a key of `models/references.bib` with a place ("ahamadi2017, table 2"), or "estimate:" with a reason. A
    covariate is a parameter of the subject.

    Examples
    --------
    >>> import immunoode as imo
    >>> clearance = imo.load_model("pd1_inhibitor", variant="pembrolizumab").parameters["clearance"]
    >>> clearance.value, clearance.unit
    (0.2614143, 'L/day')
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
    """A state. `initial` is a number or an expression of parameters; below `extinct_below`, a number of cells becomes zero.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.model.Compartment("cell", initial="initial_tumour", roles=("tumour",)).roles
    ('tumour',)
    """

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

    `baseline` is the parameter that equals this quantity at the start, if there is one; a fit initialises it with the first
    observation.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.model.Derived("2 * cube_root(3 * volume / (4 * pi))", unit="mm").unit
    'mm'
    """

    expr: str
    unit: str = "1"
    baseline: str = ""
    title: str = ""
    symbol: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Modifiable:
    """A named quantity that modifiers of other models change: (base + sum of additions) x product of factors.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.load_model("tumour_immune").modifiables["checkpoint_brake"].unit
    '1'
    """

    base: str
    unit: str = "1"
    title: str = ""
    symbol: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Modifier:
    """An addition to a modifiable quantity, or a factor of it; it belongs to the model that causes the change.

    Examples
    --------
    >>> import immunoode as imo
    >>> [modifier.of for modifier in imo.load_model("pd1_inhibitor").modifiers.values()]
    ['checkpoint_brake']
    """

    of: str
    factor: str = ""
    add: str = ""
    title: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Flow:
    """A flow from `source` to `target` (either may be absent) at `rate`, or at `per_capita` times the source.

    `rate` is in the source's unit per day (the target's, if there is no source). Either end may be "role:tumour", which means
    one flow for every compartment with that role. `gain` multiplies the amount that arrives (units of the target per unit of
    the source), for example antigen released per dying cell. `cause` is one of `CAUSES`; a `Resistance` of the source against
    it reduces the flow, which therefore has `per_capita`.

    `producer` stands in the place of `source` where the amount that arrives is proportional to a compartment which it does not
    leave: antigen that killed cells release, in addition to the cells that they become.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.model.Flow(source="central", per_capita="clearance / central_volume").per_capita
    'clearance / central_volume'
    """

    source: str = ""
    target: str = ""
    rate: str = ""
    per_capita: str = ""
    gain: str = ""
    cause: str = ""
    producer: str = ""
    title: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Input:
    """The target of a therapy's doses: `into` a compartment, in `unit`, `lag` days after they are given.

    `fraction` is the amount in the compartment per unit of dose. If both have the same dimension, it is the bioavailability;
    otherwise it converts the unit ("1 / volume"), and `bioavailability` is stated separately. An infusion with a stated rate
    lasts bioavailability x amount / rate; one with a stated duration lasts that.

    `rate` (the input's unit per day) and `duration` (days) apply to infusions whose records leave them to the model (RATE -1
    and RATE -2). Lag, bioavailability, rate and duration are expressions of parameters, evaluated before the simulation.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.load_model("pd1_inhibitor").inputs["dose"].into
    'central'
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
    """An instantaneous transfer of a `fraction` of `source` when a dose of the input `on` arrives.

    `fraction` may use `dose`, the amount in the input's unit. Pulses act on the state just before the dose; `target` may be
    absent. A `Resistance` of the source against the `cause`, one of `CAUSES`, reduces the pulse.

    Examples
    --------
    >>> import immunoode as imo
    >>> [pulse.on for pulse in imo.load_model("radiotherapy").pulses.values()]
    ['dose', 'dose']
    """

    on: str
    source: str
    fraction: str
    target: str = ""
    gain: str = ""
    cause: str = ""
    title: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Resistance:
    """The resistance of a compartment against a cause: `share` is 0 for none, and 1 for a complete one.

    The flows of that cause `of` the compartment have (1 - share) times their rate. A pulse that S of the cells survive without
    resistance is survived by S to the power of (1 - share), as if the cells had received that share of the dose. Several
    resistances of a compartment against one cause multiply. `share` is an expression of unit 1 between 0 and 1.

    Examples
    --------
    >>> import immunoode as imo
    >>> [(r.of, r.against) for r in imo.load_model("clone").resistances.values()]
    [('cells', 't_cells'), ('cells', 'chemotherapy'), ('cells', 'radiation'), ('cells', 'radioligand')]
    """

    of: str
    against: str
    share: str
    title: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Need:
    """A quantity that a model takes from another. `value` is used if no model offers it; if None, a model must offer it.

    A `unit` of "" leaves the dimension open until the model is combined.

    Examples
    --------
    >>> import immunoode as imo
    >>> sorted(imo.load_model("pd1_inhibitor").needs)
    ['baseline_sum_of_diameters', 'checkpoint_brake']
    """

    value: float | None = None
    unit: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Member:
    """One of the models of a combination."""

    kind: str
    file: str
    variant: str = ""
    title: str = ""


@dataclass(frozen=True)
class Check:
    """A verification of a model file: the reference, the relative tolerance, and the test."""

    against: str
    tolerance: float = 0.0
    test: str = ""


@dataclass(frozen=True)
class ReferencePatient:
    """The patient for whom the parameters of a published analysis hold: values of covariates, by name.

    `covariates` may also name quantities that the model uses where another offers them (baseline_sum_of_diameters).
    """

    covariates: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    title: str = ""


@dataclass(frozen=True)
class About:
    """Keywords of a model, for searching the list of models; it does not enter the equations.

    Attributes
    ----------
    species : tuple of str
        Whose tumour or drug it describes: "human", "mouse", "monkey", "in vitro"; none if its source names none.
    tumours : tuple of str
        Diseases: "melanoma".
    therapies : tuple of str
        Classes of therapies, and drugs: "PD-1 inhibitor", "atezolizumab".
    measured : tuple of str
        The compartments and derived quantities that data can be compared with: "tumour_volume".
    keywords : tuple of str
        Further words.
    """

    species: tuple[str, ...] = ()
    tumours: tuple[str, ...] = ()
    therapies: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()


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
    about: About = About()
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
    resistances: Mapping[str, Resistance] = field(default_factory=dict)
    variants: Mapping[str, Mapping[str, Parameter]] = field(default_factory=dict)
    instances: Mapping[str, str] = field(default_factory=dict)
    reference_patients: Mapping[str, ReferencePatient] = field(default_factory=dict)

    @property
    def constants(self) -> dict[str, Parameter]:
        """Covariates and parameters together, in that order."""
        return {**self.covariates, **self.parameters}
