"""How the standard deviation of an observation depends on its prediction f: s * w(f), with s estimated. Others can be added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import FitError, Problem, nearest

FloatArray = NDArray[np.float64]
Weight = Callable[[FloatArray, float, float], tuple[FloatArray, FloatArray, FloatArray]]


@dataclass(frozen=True)
class ErrorWeight:
    """A residual error model: the standard deviation of an observation divided by its scale s, as a function of the prediction.

    Attributes
    ----------
    name : str
        The name for `error=`.
    weight : callable
        weight(f, parameter, floor) -> (w, dw/df, dw/dparameter), each (n,), at predictions f (n,). Predictions below `floor`,
        a number far below the data, should have the weight of that number, because a vanished tumour is not an outlier.
    parameter : str
        The name of a further parameter above zero, estimated with the others as "error_<name>"; "" if there is none.
    start : callable, optional
        start(values) -> (start, lower, upper) of that parameter, given the observations.

    Examples
    --------
    The error grows with a power of the prediction that is estimated:

    >>> import numpy as np
    >>> def power(f, p, floor):
    ...     size = np.maximum(np.abs(f), floor)
    ...     w = size**p
    ...     return w, np.where(np.abs(f) > floor, p * w / size * np.sign(f), 0.0), w * np.log(size)
    >>> ErrorWeight("power", power, "power", lambda values: (0.8, 0.01, 3.0)).name
    'power'
    """

    name: str
    weight: Weight
    parameter: str = ""
    start: Callable[[FloatArray], tuple[float, float, float]] | None = None

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise FitError(Problem("name", f"is {self.name!r}", "an identifier, such as 'power'"))
        if self.parameter and (not self.parameter.isidentifier() or self.start is None):
            raise FitError(Problem("parameter", f"{self.parameter!r} has no start", "an identifier, and start=function"))


def _constant(f: FloatArray, parameter: float, floor: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    return np.ones_like(f), np.zeros_like(f), np.zeros_like(f)


def _proportional(f: FloatArray, parameter: float, floor: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    size = np.abs(f)
    return np.maximum(size, floor), np.where(size > floor, np.sign(f), 0.0), np.zeros_like(f)


def _combined(f: FloatArray, ratio: float, floor: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    w = np.hypot(f, ratio)
    return w, f / w, ratio / w


def _combined_start(values: FloatArray) -> tuple[float, float, float]:
    """Return start and bounds of the ratio: the size at which additive and proportional parts are equal."""
    size = np.abs(values[values != 0])
    middle = float(np.median(size)) if len(size) else 1.0
    return 0.1 * middle, 1e-4 * middle, 1e2 * middle


ERRORS = ("additive", "proportional", "combined", "lognormal")
"""The built-in error models; population fits, PEtab and expected information accept only these."""
_WEIGHTS = {
    "additive": ErrorWeight("additive", _constant),
    "proportional": ErrorWeight("proportional", _proportional),
    "combined": ErrorWeight("combined", _combined, "ratio", _combined_start),
    "lognormal": ErrorWeight("lognormal", _constant),
}


def register_error(weight: ErrorWeight) -> None:
    """Register a residual error model under its name, for `error=` of `fit`.

    Parameters
    ----------
    weight : ErrorWeight
        A saved result contains only the name, so the same error model must be registered before the result is opened.

    Raises
    ------
    FitError
        If a built-in error model has the name.
    """
    if weight.name in ERRORS:
        raise FitError(Problem("name", f"{weight.name!r} is the name of a built-in error model", "another name"))
    _WEIGHTS[weight.name] = weight


def known_errors() -> tuple[str, ...]:
    """Return the names of the residual error models that `fit` takes."""
    return tuple(_WEIGHTS)


def error_weight(name: str) -> ErrorWeight:
    """Return a residual error model by its name.

    Raises
    ------
    FitError
        If it is not known.
    """
    if name not in _WEIGHTS:
        right = nearest(name, _WEIGHTS) + "; to add your own: imo.fitting.register_error(...)"
        raise FitError(Problem("error", f"{name!r} is not an error model", right))
    return _WEIGHTS[name]
