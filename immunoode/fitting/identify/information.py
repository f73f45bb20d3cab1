r"""Fisher information of planned observations.

For observations that are normal about f with variance v, :math:`I_{ab} = \sum f_a f_b / v + v_a v_b / (2 v^2)`, on the scale
where they are normal (the logarithm for log-normal errors); a and b run over the fitted parameters and the logarithms of
error sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import FitError, Problem, nearest
from immunoode.fitting.error_weights import ERRORS
from immunoode.fitting.observations import FloatArray, IntArray, Observations
from immunoode.fitting.parameterisation import Parameterisation
from immunoode.fitting.prediction import Predictor

if TYPE_CHECKING:
    from lmfit import Parameters

Size = float | tuple[float, float]


@dataclass(frozen=True)
class PlannedErrors:
    """Planned residual errors: kind, proportional and additive size per quantity (in the output's unit)."""

    kinds: tuple[str, ...]
    proportional: FloatArray
    additive: FloatArray

    def variance_terms(self, f: FloatArray, quantity: IntArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return (N,): slope of the scale on which errors are normal, variance v, dv/df, proportional part of v."""
        b, a = self.proportional[quantity] ** 2, self.additive[quantity] ** 2
        logged = np.array([k == "lognormal" for k in self.kinds])[quantity]
        size = np.maximum(np.abs(f), 1e-12 * max(float(np.max(np.abs(f))), 1e-300))
        v = np.where(logged, b, b * size**2 + a)
        v_f = np.where(logged, 0.0, 2 * b * f)
        return np.where(logged, 1.0 / size, 1.0), v, v_f, np.where(logged, 1.0, b * size**2 / v)


def planned_errors(seen: Observations, error: str | Mapping[str, str], size: Size | Mapping[str, Size]) -> PlannedErrors:
    """Return the planned residual errors of all quantities.

    Raises
    ------
    FitError
        If a kind is not known, or a size is invalid.
    """
    kinds = dict.fromkeys(seen.quantities, error) if isinstance(error, str) else dict(error)
    sizes = dict(size) if isinstance(size, Mapping) else dict.fromkeys(seen.quantities, size)
    problems = [
        Problem("error", f"{k!r} is not an error model", nearest(str(k), ERRORS)) for k in kinds.values() if k not in ERRORS
    ]
    for name, table in (("error", kinds), ("size", sizes)):
        problems += [Problem(name, f"quantity {q!r} is missing", f"{{{q!r}: ...}}") for q in seen.quantities if q not in table]
    both = []
    for q in seen.quantities:
        kind, given = kinds.get(q, "proportional"), sizes.get(q, 0.2)
        pair = _pair(kind, given)
        if pair is None:
            right = "(proportional, additive)" if kind == "combined" else "one number above zero"
            problems.append(Problem(f"size[{q!r}]", f"{given!r} is not a size of {kind} errors", right))
        both.append(pair or (0.2, 0.0))
    FitError.raise_if(problems)
    proportional, additive = (np.array(column) for column in zip(*both, strict=True))
    return PlannedErrors(tuple(str(kinds[q]) for q in seen.quantities), proportional, additive)


def _pair(kind: str, given: Size) -> tuple[float, float] | None:
    if kind == "combined":
        if not isinstance(given, tuple) or len(given) != 2 or not all(float(x) > 0 for x in given):
            return None
        return float(given[0]), float(given[1])
    if isinstance(given, tuple) or not float(given) > 0:
        return None
    return (0.0, float(given)) if kind == "additive" else (float(given), 0.0)


def observation_information(f: FloatArray, by: FloatArray, quantity: IntArray, errors: PlannedErrors) -> FloatArray:
    """Return the Fisher information (N, p + q, p + q) of each observation for p parameters and q error sizes.

    Parameters
    ----------
    f, by : (N,), (N, p) predictions, and their derivatives in the fitted scale
    """
    slope, v, v_f, share = errors.variance_terms(f, quantity)
    own = by * slope[:, None]
    sizes = []
    for q, kind in enumerate(errors.kinds):
        mine = quantity == q
        parts = [share, 1.0 - share] if kind == "combined" else [np.ones_like(f)]
        sizes += [np.where(mine, 2.0 * part, 0.0) for part in parts]
    relative = np.column_stack([(v_f / v)[:, None] * by, *sizes])
    mean = np.column_stack([own / np.sqrt(v)[:, None], np.zeros((len(f), len(sizes)))])
    return np.einsum("ia,ib->iab", mean, mean) + 0.5 * np.einsum("ia,ib->iab", relative, relative)


def size_names(errors: PlannedErrors, quantities: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the error sizes."""
    found: list[str] = []
    for kind, q in zip(errors.kinds, quantities, strict=True):
        found += [f"proportional error of {q}", f"additive error of {q}"] if kind == "combined" else [f"error of {q}"]
    return tuple(found)


@dataclass(frozen=True)
class FisherInformation:
    """Predictions (N,), their derivatives (N, p) in the fitted scale, and the information of each (N, p + q, p + q)."""

    f: FloatArray
    by: FloatArray
    information: FloatArray


def fisher_information(
    predictor: Predictor, plan: Parameterisation, parameters: Parameters, seen: Observations, errors: PlannedErrors
) -> FisherInformation:
    """Return the Fisher information of planned observations.

    Raises
    ------
    FitError
        If the model cannot be simulated at these values.
    """
    own = predictor.take(np.arange(len(seen.subjects)), seen, plan)
    values = plan.values(parameters)
    f, by, _ = own.derivatives(values)
    if not np.isfinite(f).all():
        raise FitError(
            Problem("parameters", "the model cannot be simulated at these values", "give other values with parameters={...}")
        )
    by = plan.jacobian_wrt_fit(parameters, values, by, seen.subject)
    return FisherInformation(f, by, observation_information(f, by, seen.quantity, errors))
