"""Endpoints: one number per time course of a patient, with its derivative."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError, nearest
from immunoode.solve.reductions import CROSSING

FloatArray = NDArray[np.float64]
Weights = Callable[[FloatArray, FloatArray], FloatArray]
_RESOLVED = 1e-9
_AT = re.compile(r"at\(\s*([-+0-9.eE]+)\s*\)")
_TEXT = re.compile(r"(?:(log)\(\s*(\w+)\s*\)|(\w+))\s*(?::\s*(.+?)\s*)?")


@dataclass(frozen=True)
class Endpoint:
    """A summary of a time course as one number.

    Attributes
    ----------
    output : str
        An output of the model.
    reduction : str
        "final", "minimum", "maximum", "area" (unit times days), "mean", "final_change" and "best_change" (the change of the
        last, or the smallest, value from the value before any dose, as a fraction), "at(90)" (days), "first_above(84)" or
        "first_below(20)": the first day above (below) a value, interpolated linearly between output times, or the end of the
        simulation.
    log : bool
        Whether to use the natural logarithm of the output. Values below 1e-9 of the largest value of a time course, which the
        solver does not resolve, are replaced by that limit.

    Examples
    --------
    >>> str(endpoint("log(tumour): at(90)"))
    'log(tumour): at(90)'
    """

    output: str
    reduction: str = "final"
    log: bool = False

    def __post_init__(self) -> None:
        if self.reduction not in _PLACES and not _AT.fullmatch(self.reduction) and not CROSSING.fullmatch(self.reduction):
            known = [*_PLACES, "at(90)", "first_above(20)", "first_below(20)"]
            raise SolveError(
                Problem(f"endpoint {self.output}: {self.reduction}", "is not known", nearest(self.reduction, known))
            )

    @property
    def day(self) -> float | None:
        """The day of "at(day)"."""
        said = _AT.fullmatch(self.reduction)
        return float(said[1]) if said else None

    @property
    def needs_course(self) -> bool:
        """Whether it depends on the whole time course."""
        return self.reduction not in ("final", "final_change") and self.day is None and not self.accumulated

    @property
    def accumulated(self) -> str:
        """The compartment that accumulates its area; "" if there is none."""
        return f"area_of_{self.output}" if self.reduction in ("area", "mean") and not self.log else ""

    @property
    def reported(self) -> str:
        """The output that it summarises."""
        return self.accumulated or self.output

    @property
    def is_change(self) -> bool:
        """Whether it is a change from the value before any dose, as a fraction of that value."""
        return self.reduction in ("final_change", "best_change")

    @property
    def is_time(self) -> bool:
        """Whether it is the day when a value is first crossed."""
        return bool(CROSSING.fullmatch(self.reduction))

    def of(self, times: FloatArray, courses: FloatArray, baseline: FloatArray | None = None) -> FloatArray:
        """Return the number of each time course (P, T), shape (P,); a change is from a baseline (P,) before any dose."""
        values = self._scaled(courses)
        crossing = CROSSING.fullmatch(self.reduction)
        if crossing:
            return _crossing(times, courses, float(crossing[2]), crossing[1] == "below")[0]
        found: FloatArray = np.einsum("pt,pt->p", self._weights(times, values), values)
        return found / baseline - 1 if self.is_change and baseline is not None else found

    def with_gradient(
        self, times: FloatArray, courses: FloatArray, derivatives: FloatArray, baseline: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return the number of each time course (P,), and its gradient (P, m) from derivatives (P, T, m)."""
        crossing = CROSSING.fullmatch(self.reduction)
        if crossing:
            found, weights = _crossing(times, courses, float(crossing[2]), crossing[1] == "below")
            return found, np.einsum("pt,ptm->pm", weights, derivatives)
        values = self._scaled(courses)
        weights = self._weights(times, values)
        found = np.einsum("pt,pt->p", weights, values)
        if self.is_change and baseline is not None:
            weights, found = weights / baseline[:, None], found / baseline - 1
        if self.log:
            weights = np.where(courses > _floor(courses), weights / np.maximum(courses, _floor(courses)), 0.0)
        return found, np.einsum("pt,ptm->pm", weights, derivatives)

    def _scaled(self, courses: FloatArray) -> FloatArray:
        if not self.log:
            return courses
        return np.log(np.maximum(courses, _floor(courses)))

    def _weights(self, times: FloatArray, values: FloatArray) -> FloatArray:
        """Return the weight of each time in the number, (P, T): it is a weighted sum of the course."""
        if self.day is not None:
            return _interpolation(times, self.day, values.shape)
        if self.accumulated:
            return _last(times, values) / (times[-1] - times[0] if self.reduction == "mean" else 1.0)
        return _PLACES[self.reduction](times, values)

    def __str__(self) -> str:
        output = f"log({self.output})" if self.log else self.output
        return f"{output}: {self.reduction}"


def endpoint(text: str) -> Endpoint:
    """Return the endpoint that a text such as "sum_of_diameters: final" or "log(tumour): at(90)" names.

    Raises
    ------
    SolveError
        If the text does not have this form.
    """
    said = _TEXT.fullmatch(text.strip()) if isinstance(text, str) else None
    if not said:
        right = "'output: reduction', for example 'sum_of_diameters: final'"
        raise SolveError(Problem(f"endpoint {text!r:.60}", "is not understood", right))
    return Endpoint(said[2] or said[3], said[4] or "final", log=bool(said[1]))


def _floor(courses: FloatArray) -> FloatArray:
    """Return the smallest value of each time course whose logarithm is taken, (P, 1)."""
    largest = courses.max(axis=1, keepdims=True)
    if not (largest > 0).all():
        raise SolveError(Problem("endpoint", "has the logarithm of a time course that is never positive", "no logarithm"))
    return _RESOLVED * largest


def _one_hot(at: NDArray[np.int64], values: FloatArray) -> FloatArray:
    weights = np.zeros(values.shape)
    weights[np.arange(len(values)), at] = 1.0
    return weights


def _last(times: FloatArray, values: FloatArray) -> FloatArray:
    return _one_hot(np.full(len(values), values.shape[1] - 1), values)


def _least(times: FloatArray, values: FloatArray) -> FloatArray:
    return _one_hot(values.argmin(axis=1), values)


def _most(times: FloatArray, values: FloatArray) -> FloatArray:
    return _one_hot(values.argmax(axis=1), values)


def _trapezoids(times: FloatArray, values: FloatArray) -> FloatArray:
    steps = np.diff(times)
    weights = np.zeros(len(times))
    weights[:-1] += steps / 2
    weights[1:] += steps / 2
    return np.broadcast_to(weights, values.shape)


def _means(times: FloatArray, values: FloatArray) -> FloatArray:
    return _trapezoids(times, values) / (times[-1] - times[0])


_PLACES: dict[str, Weights] = {
    "final": _last,
    "final_change": _last,
    "minimum": _least,
    "best_change": _least,
    "maximum": _most,
    "area": _trapezoids,
    "mean": _means,
}


def _interpolation(times: FloatArray, day: float, shape: tuple[int, ...]) -> FloatArray:
    if not times[0] <= day <= times[-1]:
        raise SolveError(Problem(f"at({day:g})", f"is outside days {times[0]:g} to {times[-1]:g}", "a day of the simulation"))
    after = max(int(np.searchsorted(times, day)), 1)
    share = (day - times[after - 1]) / (times[after] - times[after - 1])
    weights = np.zeros(len(times))
    weights[after - 1], weights[after] = 1 - share, share
    return np.broadcast_to(weights, shape)


def _crossing(times: FloatArray, values: FloatArray, limit: float, below: bool) -> tuple[FloatArray, FloatArray]:
    """Return the first time beyond a limit (P,), and its derivative with respect to the values (P, T)."""
    beyond = values < limit if below else values > limit
    weights, found = np.zeros(values.shape), np.full(len(values), times[-1])
    for p in np.flatnonzero(beyond.any(axis=1)):
        k = int(beyond[p].argmax())
        if k == 0:
            found[p] = times[0]
            continue
        low, high, step = values[p, k - 1], values[p, k], times[k] - times[k - 1]
        found[p] = times[k - 1] + step * (limit - low) / (high - low)
        weights[p, k - 1] = step * (limit - high) / (high - low) ** 2
        weights[p, k] = -step * (limit - low) / (high - low) ** 2
    return found, weights
