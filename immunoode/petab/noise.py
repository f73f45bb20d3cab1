"""Likelihoods of measurements and priors of parameters, as PEtab defines them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
LN10 = math.log(10)
_TRANSFORMED: Mapping[str, Callable[..., Any]] = {"lin": lambda x: x, "log": np.log, "log10": np.log10}
DISTRIBUTIONS, TRANSFORMATIONS = ("normal", "laplace"), tuple(_TRANSFORMED)


def log_likelihood(
    measured: FloatArray, predicted: FloatArray, noise: FloatArray, distribution: str, transformation: str
) -> FloatArray:
    """Return the log-likelihood of each measurement; -inf where a prediction has no logarithm that is asked for.

    Parameters
    ----------
    measured, predicted, noise : ndarray, shape (n,)
        The noise is on the transformed scale.
    distribution : {"normal", "laplace"}
    transformation : {"lin", "log", "log10"}
    """
    change = _TRANSFORMED[transformation]
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(change(measured) - change(predicted)) / noise
        stretch = {"lin": 0.0, "log": np.log(np.abs(measured)), "log10": np.log(np.abs(measured) * LN10)}[
            transformation
        ]
        if distribution == "normal":
            each = -0.5 * np.log(2 * np.pi * noise**2) - 0.5 * distance**2
        else:
            each = -np.log(2 * noise) - distance
    return np.asarray(np.where(np.isfinite(each), each - stretch, -np.inf))


def log_prior(kind: str, first: float, second: float, value: float, scaled: float) -> float:
    """Return the log-density of a prior: "normal", "laplace", "uniform", with "logNormal" and "parameterScale..." forms."""
    x = scaled if kind.startswith("parameterScale") else value
    stretch = 0.0
    if kind.startswith("log"):
        x, stretch = (math.log(value), math.log(value)) if value > 0 else (math.nan, 0.0)
    shape = kind.lower().removeprefix("parameterscale").removeprefix("log")
    if shape == "uniform":
        return -math.log(second - first) if first <= x <= second else -math.inf
    if shape == "normal":
        return -0.5 * math.log(2 * math.pi * second**2) - 0.5 * ((x - first) / second) ** 2 - stretch
    return -math.log(2 * second) - abs(x - first) / second - stretch


PRIORS = (
    "uniform", "normal", "laplace", "logNormal", "logLaplace", "parameterScaleUniform", "parameterScaleNormal",
    "parameterScaleLaplace",
)  # fmt: skip
