"""Profile likelihood: a parameter is fixed at a series of values, and the others are estimated again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem, nearest, renamed
from immunoode.fitting.interrupt import interruptible
from immunoode.fitting.minimise import refit
from immunoode.fitting.observations import MEASURED, FloatArray
from immunoode.fitting.parameterisation import PER_SUBJECT
from immunoode.fitting.threads import one_thread
from immunoode.fitting.uncertainty.covariance import natural_name
from immunoode.fitting.uncertainty.progress import bar_over, in_order, processors
from immunoode.notebook import shown, without_mathematics
from immunoode.number_checks import confidence_problems

if TYPE_CHECKING:
    from lmfit import Parameters
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from immunoode.fitting.finished import FinishedFit

ROOTS = 0.35
"""Step of a profile: increment of the square root of the rise, relative to that of the threshold."""
MOST = 24
"""Largest number of points on one side of a profile."""
FLAT = 0.05
"""A side with a rise below this part of the threshold at its end is flat."""


@dataclass(frozen=True)
class Profile:
    """The profile of one parameter.

    Attributes
    ----------
    name : str
    best : float
    values, rise : (P,) its values, ascending, and the difference of -2 log L to its minimum at these values
    pointwise, simultaneous : float
        Rise at the limits of the interval for this parameter alone, and of a region for all fitted parameters simultaneously.
    ends : (str, str)
        Why each side ended: "threshold", "bound", "points" (the largest number of points was reached), "failed" (simulations
        fail beyond the last point), or "stopped" by the user.
    log : bool
        Whether its logarithm is fitted.
    """

    name: str
    best: float
    values: FloatArray
    rise: FloatArray
    pointwise: float
    simultaneous: float
    ends: tuple[str, str]
    log: bool
    unit: str = ""

    def limits(self, threshold: float) -> tuple[float, float]:
        """Return the limits at a threshold; infinite (0 for a lower limit on the log scale) if it is not reached."""
        return self._limit(threshold, -1), self._limit(threshold, 1)

    def _limit(self, threshold: float, side: int) -> float:
        x = np.log(self.values) if self.log else self.values
        middle = np.log(self.best) if self.log else self.best
        mine = x * side >= middle * side
        order = np.argsort(x[mine] * side)
        along, root = x[mine][order], np.sqrt(np.maximum(self.rise[mine][order], 0.0))
        above = np.flatnonzero(root >= np.sqrt(threshold))
        if not len(above):
            return np.inf if side > 0 else 0.0 if self.log else -np.inf
        i = int(above[0])
        start = max(i - 1, 0)
        share = (np.sqrt(threshold) - root[start]) / max(root[i] - root[start], 1e-300)
        at = float(along[start] + share * (along[i] - along[start]))
        return float(np.exp(at)) if self.log else at

    @property
    def verdict(self) -> str:
        """Verdict on the identifiability of the parameter."""
        low, high = self._limit(self.pointwise, -1), self._limit(self.pointwise, 1)
        if "stopped" in self.ends:
            return "stopped by the user before its end"
        if "failed" in self.ends and np.inf in (-low if low != 0.0 else np.inf, high):
            return "incomplete: simulations fail beyond its last point"
        open_below, open_above = low in (0.0, -np.inf), high == np.inf
        if open_below and open_above:
            flat = self.rise.max() < FLAT * self.pointwise
            return "not identifiable: the profile is flat" if flat else "not identifiable from these data"
        if open_below or open_above:
            return f"only bounded {'above' if open_below else 'below'}"
        return "identifiable"


@dataclass(frozen=True)
@shown
class Profiles(Mapping[str, Profile]):
    """Profiles of several parameters, by name."""

    profiles: Mapping[str, Profile]
    level: float

    def __getitem__(self, name: str) -> Profile:
        return self.profiles[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.profiles)

    def __len__(self) -> int:
        return len(self.profiles)

    def _ipython_key_completions_(self) -> list[str]:
        """Return the parameters, which IPython and Jupyter offer in brackets."""
        return list(self.profiles)

    def intervals(self) -> DataFrame:
        """Return one row per parameter: value, pointwise interval, simultaneous interval, and verdict."""
        import pandas as pd

        rows = {}
        for name, p in self.profiles.items():
            (low, high), (wide_low, wide_high) = p.limits(p.pointwise), p.limits(p.simultaneous)
            rows[name] = {
                "value": p.best,
                "lower": low,
                "upper": high,
                "simultaneous_lower": wide_low,
                "simultaneous_upper": wide_high,
                "unit": p.unit,
                "verdict": p.verdict,
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")

    def to_frame(self) -> DataFrame:
        """Return the curves: parameter, value, rise of -2 log L."""
        import pandas as pd

        parts = [pd.DataFrame({"parameter": n, "value": p.values, "rise": p.rise}) for n, p in self.profiles.items()]
        return pd.concat(parts, ignore_index=True)

    table = renamed("table", "to_frame")

    def plot(self, **how: Any) -> Axes | FloatArray:
        """Draw every curve with both thresholds; see `immunoode.plot.uncertainty.plot_profiles`."""
        from immunoode.plot.uncertainty import plot_profiles

        return plot_profiles(self, **how)

    def report(self) -> str:
        """Return value, intervals and verdict of each parameter as text."""
        level = f"{100 * self.level:g} % intervals from profile likelihoods: pointwise, and simultaneous over all parameters"
        return f"{level}\n\n{self}"

    def __str__(self) -> str:
        return self.intervals().to_string(float_format=lambda x: f"{x:.4g}")

    @without_mathematics
    def _repr_html_(self) -> str:
        return self.intervals().to_html(float_format=lambda x: f"{x:.4g}")


def profiles(
    result: FinishedFit, names: Sequence[str], level: float, threads: int | None = None, progress: bool | None = None
) -> Profiles:
    """Return the profiles of parameters; by default of all that are not per subject.

    Thresholds are exact for linear models with one error size: n log(1 + F / (n - p)), where F has 1 (or p) and n - p degrees
    of freedom; for many observations this is the chi-square threshold. Both sides are followed in parallel, from point to
    point, and end beyond both thresholds or at a bound.

    Raises
    ------
    FitError
        If a parameter was not fitted, or the level is invalid.
    """
    FitError.raise_if(confidence_problems(level, "confidence"))
    known = {natural_name(n, result.lmfit.params): n for n in result.lmfit.var_names}
    own = {k for s in result.parameterisation.fitted_parameters if s.sharing == PER_SUBJECT for k in s.keys}
    chosen = list(names) or [n for n in known if n not in own] or list(known)
    unknown = [n for n in chosen if n not in known]
    FitError.raise_if(Problem("profile", f"{n!r} was not fitted", nearest(n, known)) for n in unknown)
    ends = thresholds(result, level)
    jobs = [(known[n], side) for n in chosen for side in (-1, 1)]
    with (
        one_thread(),
        interruptible() as stop,
        ThreadPoolExecutor(threads or processors()) as pool,
        bar_over(len(jobs), "profile", progress) as bar,
    ):
        sides = in_order([pool.submit(_side, result, n, side, ends, stop) for n, side in jobs], stop, bar)
    units = {k: s.unit for s in result.parameterisation.fitted_parameters for k in s.keys}
    made = {}
    for i, name in enumerate(chosen):
        low, high = sides[2 * i], sides[2 * i + 1]
        log = known[name] != name
        best = float(result.lmfit.params[known[name]].value)
        x = np.array([*low.values[::-1], best, *high.values])
        rise = np.array([*low.rises[::-1], 0.0, *high.rises])
        rise = rise - min(float(rise.min()), 0.0)
        values = np.exp(x) if log else x
        made[name] = Profile(
            name, float(np.exp(best)) if log else best, values, rise, *ends, (low.end, high.end), log, units.get(name, "")
        )
    return Profiles(made, level)


def thresholds(result: FinishedFit, level: float) -> tuple[float, float]:
    from scipy.stats import chi2, f

    n, p = int((result.observations.censoring == MEASURED).sum()), int(result.lmfit.nvarys)
    if n - p < 1 or len(result.least_squares.priors):
        return float(chi2.ppf(level, 1)), float(chi2.ppf(level, p))
    one, every = f.ppf(level, 1, n - p), p * f.ppf(level, p, n - p)
    return float(n * np.log1p(one / (n - p))), float(n * np.log1p(every / (n - p)))


@dataclass
class _Side:
    values: list[float]
    rises: list[float]
    end: str


def _side(result: FinishedFit, name: str, side: int, thresholds: tuple[float, float], halt: Event) -> _Side:
    """Follow one side until both thresholds are passed."""
    least_squares = replace(result.least_squares, predict=result.least_squares.predict.single_threaded())
    parameters = result.lmfit.params.copy()
    least = least_squares.cost(parameters)
    others = [n for n in result.lmfit.var_names if n != name]
    best = float(parameters[name].value)
    bound = float(parameters[name].max if side > 0 else parameters[name].min)
    parameters[name].vary = False
    unit = np.sqrt(thresholds[0])
    aim, far = ROOTS, np.sqrt(thresholds[1]) / unit
    places, roots = [best], [0.0]
    starts = [np.array([float(parameters[n].value) for n in others])]
    found = _Side([], [], "points")
    step = _first_step(result, name) * unit * aim
    while len(found.values) < MOST:
        at = places[-1] + side * step
        stop = (at - bound) * side >= 0
        at = bound if stop else at
        parameters[name].value = at
        _continue(parameters, others, places, starts, at)
        try:
            refit(least_squares, parameters)
        except FitError:  # nothing can be simulated there
            found.end = "failed"
            break
        rise = least_squares.cost(parameters) - least
        found.values.append(at)
        found.rises.append(rise)
        root = float(np.sqrt(max(rise, 0.0))) / unit
        places.append(at)
        roots.append(root)
        starts.append(np.array([float(parameters[n].value) for n in others]))
        if root > far or stop:
            found.end = "threshold" if root > far else "bound"
            break
        aim = _next_aim(root, far)
        slope = (roots[-1] - roots[-2]) / max(abs(places[-1] - places[-2]), 1e-300)
        step = float(np.clip((aim - root) / slope if slope > 0 else np.inf, 0.3 * step, 3.0 * step))
        if halt.is_set():
            found.end = "stopped"
            break
    return found


def _next_aim(root: float, far: float) -> float:
    """Return the target of the next point: just beyond a threshold that is near, else one step further."""
    if root < 1.0:
        return 1.02 if root + 1.8 * ROOTS > 1.0 else root + ROOTS
    wide = max(2 * ROOTS, (far - 1.0) / 3)
    return far * 1.02 if root + 1.3 * wide > far else root + wide


def _first_step(result: FinishedFit, name: str) -> float:
    """Return the first step: a standard error on the fitted scale, or a tenth of the width of the bounds."""
    error = result.lmfit.params[name].stderr
    parameter = result.lmfit.params[name]
    if error is not None and np.isfinite(error) and 0 < error < 10:
        return float(error)
    span = parameter.max - parameter.min
    return 0.1 * float(span) if np.isfinite(span) else 0.5 * max(1.0, abs(float(parameter.value)))


def _continue(parameters: Parameters, others: list[str], places: list[float], starts: list[FloatArray], at: float) -> None:
    """Extrapolate the other parameters along the line through the last two points."""
    row = starts[-1]
    if len(places) > 1 and places[-1] != places[-2]:
        row = row + (starts[-1] - starts[-2]) * (at - places[-1]) / (places[-1] - places[-2])
    for name, value in zip(others, row, strict=True):
        p = parameters[name]
        p.value = float(np.clip(value, p.min, p.max))
