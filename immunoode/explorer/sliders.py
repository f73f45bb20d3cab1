"""Which parameters have sliders, and from where to where these go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from immunoode.errors import ModelError, Problem, nearest
from immunoode.model.closed_model import ClosedModel
from immunoode.model.components import Parameter
from immunoode.solve.prepared import prepare
from immunoode.solve.simulate import as_model

NUMBER = 8
"""Sliders at the beginning, unless they are named."""
_LOGARITHMIC_FROM = 30.0
"""The ratio of the bounds from which a slider is logarithmic."""
_CHANGE = 0.1
"""The relative change by which parameters are compared."""


@dataclass(frozen=True)
class Slider:
    """A slider of a parameter.

    Attributes
    ----------
    name : str
    title, unit, source : str
        As the model states them.
    value : float
        Where it stands at first.
    low, high : float
        From where to where it goes.
    stated : bool
        Whether these are the bounds that the model states; otherwise a tenth and ten times the value.
    logarithmic : bool
    """

    name: str
    title: str
    unit: str
    source: str
    value: float
    low: float
    high: float
    stated: bool
    logarithmic: bool


def slider_of(name: str, parameter: Parameter, value: float) -> Slider:
    """Return the slider of a parameter.

    Examples
    --------
    >>> slider_of("growth_rate", Parameter(0.006, "1/day", (0.0001, 0.1)), 0.006).logarithmic
    True
    """
    low, high = parameter.bounds or _range_without_bounds(value)
    low, high = min(low, value), max(high, value)
    logarithmic = low > 0 and high / low >= _LOGARITHMIC_FROM
    stated = parameter.bounds is not None
    return Slider(name, parameter.title, parameter.unit, parameter.source, value, low, high, stated, logarithmic)


def _range_without_bounds(value: float) -> tuple[float, float]:
    if not value:
        return -1.0, 1.0
    return (value / 10, value * 10) if value > 0 else (value * 10, value / 10)


def check_names(model: ClosedModel, names: Sequence[str]) -> tuple[str, ...]:
    """Return names of parameters, each once.

    Raises
    ------
    ModelError
        If a name is not a parameter of the model.
    """
    problems = [
        Problem("sliders", f"{name!r} is not a parameter of {model.name}", nearest(str(name), model.constants))
        for name in names
        if name not in model.constants
    ]
    ModelError.raise_if(problems)
    return tuple(dict.fromkeys(names))


def influential(
    model: ClosedModel, regimens: Sequence[Any], measure: str, days: tuple[float, float], values: Mapping[str, float]
) -> tuple[str, ...]:
    """Return the parameters that change tumour size the most if they change by a tenth, in the order of the model.

    Parameters
    ----------
    model : ClosedModel
    regimens : sequence of Regimen or None
        The largest change under any of them counts.
    measure : str
    days : (float, float)
        Start and end; the size halfway and at the end are compared.
    values : mapping
        Values that differ from those of the model.
    """
    candidates = [n for n, p in model.constants.items() if p.bounds and p.bounds[0] < p.bounds[1] and not _is_reference(n)]
    effects = np.zeros(len(candidates))
    times = np.linspace(days[0], days[1], 3)[1:]
    for regimen in regimens:
        prepared = prepare(
            as_model(model.model), regimen, times=times, vary=candidates, outputs=measure, parameters=values, start=days[0]
        )
        effects = np.maximum(effects, _effects(prepared, [model.constants[n] for n in candidates]))
    best = [candidates[k] for k in np.argsort(-effects, kind="stable")[:NUMBER] if effects[k] > 0]
    return tuple(name for name in candidates if name in best)


def _is_reference(name: str) -> bool:
    """Whether a parameter is a value at which others are stated ("reference_weight"), which nobody would vary."""
    return "reference_" in name


def _effects(prepared: Any, parameters: Sequence[Parameter]) -> np.ndarray:
    """Return the mean change of the logarithm of the size, for each parameter."""
    base = prepared.values
    lows, highs = np.array([p.bounds for p in parameters], dtype=float).T
    down, up = np.tile(base, (len(base), 1)), np.tile(base, (len(base), 1))
    np.fill_diagonal(down, np.clip(base * (1 - _CHANGE), lows, highs))
    np.fill_diagonal(up, np.clip(base * (1 + _CHANGE), lows, highs))
    found = prepared.solve(np.concatenate([down, up])).values[:, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = np.log(np.maximum(found, 1e-300))
    change = np.abs(sizes[len(base) :] - sizes[: len(base)]).mean(axis=1)
    return np.nan_to_num(change, nan=0.0, posinf=0.0)
