"""`resolve` returns the `ClosedModel` of a model: its final names, values and equations, for everything that solves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.model.combine import as_closed
from immunoode.model.components import STRUCTURE_KEY, Parameter
from immunoode.model.equation_cache import equations_of, structure_key
from immunoode.model.equations import Equations
from immunoode.model.model import Model
from immunoode.model.values import Limits, limits_of

_ATTRIBUTE = "_closed_model"
"""The attribute with the closed form of a model, which is derived once because models are frozen."""


@dataclass(frozen=True, eq=False)
class ClosedModel:
    """A model that can be solved: with the names of a combination, and without missing needs.

    Returned by `resolve`. Derived attributes are computed when first used, and cached.

    Attributes
    ----------
    model : Model
        Of kind "combined".
    """

    model: Model

    def __reduce__(self) -> tuple[Any, ...]:
        return resolve, (self.model,)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    @property
    def key(self) -> str:
        """A hash that is equal for models that differ only in parameter values, so that they share compiled functions."""
        kept = vars(self.model)
        if STRUCTURE_KEY not in kept:
            kept[STRUCTURE_KEY] = structure_key(self.model)
        return str(kept[STRUCTURE_KEY])

    @cached_property
    def equations(self) -> Equations:
        """Rates of change, initial values and outputs as expressions.

        Raises
        ------
        ModelError
            If the parts of the model are inconsistent.
        """
        return equations_of(self.model, self.key)

    @cached_property
    def constants(self) -> Mapping[str, Parameter]:
        """Covariates and parameters by name, in the order of `parameters`."""
        return MappingProxyType(self.model.constants)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the covariates and parameters, in the order of the columns of a matrix of values."""
        return self.equations.parameters

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The parameter values of the model, in the order of `parameters`; read-only."""
        found = np.array([parameter.value for parameter in self.constants.values()], dtype=float)
        found.setflags(write=False)
        return found

    @cached_property
    def limits(self) -> Limits:
        """The bounds of the parameters, in the order of `parameters`."""
        return limits_of(self.constants)

    @cached_property
    def column(self) -> Mapping[str, int]:
        """The position of each parameter in `parameters`."""
        return MappingProxyType({name: i for i, name in enumerate(self.parameters)})

    @cached_property
    def input_units(self) -> Mapping[str, str]:
        """The unit of the doses of each input."""
        return MappingProxyType({name: target.unit for name, target in self.equations.inputs.items()})

    @cached_property
    def output_units(self) -> Mapping[str, str]:
        """The unit of each possible output: states, derived and modifiable quantities."""
        eq = self.equations
        return MappingProxyType({**eq.output_units, **dict(zip(eq.states, eq.units, strict=True))})

    @cached_property
    def default_outputs(self) -> tuple[str, ...]:
        """The states, then the derived quantities."""
        return (*self.equations.states, *self.model.derived)


def resolve(model: Model | ClosedModel) -> ClosedModel:
    """Return the closed form of a model, the same object for the same model.

    Raises
    ------
    ModelError
        If no model offers a quantity that the model needs.
    """
    if isinstance(model, ClosedModel):
        return model
    found: ClosedModel | None = vars(model).get(_ATTRIBUTE)
    if found is None:
        whole = as_closed(model)
        found = vars(whole).get(_ATTRIBUTE) or ClosedModel(whole)
        for one in (whole, model):
            vars(one)[_ATTRIBUTE] = found
    return found
