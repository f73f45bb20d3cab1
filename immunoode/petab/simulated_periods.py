"""Requests for an experiment, its periods during the simulation, and its result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from immunoode.petab.components import STEADY, Experiment, Period
from immunoode.petab.dual_numbers import Dual, FloatArray


@dataclass
class SimulatedPeriod:
    """One period of one experiment, with its values at the start and its result.

    Attributes
    ----------
    period : Period
    key : tuple
        Identifies periods with the same result.
    constants : dict
        Values of the constants, including those that states start from.
    start, end : float
        In the unit of the file; the end is inf if the period lasts until a steady state.
    times : ndarray
        Times of measurements in the period.
    label : str
        Condition and start, for messages.
    followed : bool
        Whether another period follows.
    true_triggers : tuple of bool, optional
        Which triggers of events are true at the start.
    states : dict
        Values of states at `times`.
    last : dict
        Values of states at the end, or at steady state.
    """

    period: Period
    key: tuple[Any, ...]
    constants: dict[str, Dual]
    start: float
    times: FloatArray
    label: str
    followed: bool
    true_triggers: tuple[bool, ...] | None = None
    states: dict[str, Dual] = field(default_factory=dict)
    last: dict[str, Dual] = field(default_factory=dict)
    end: float = math.nan

    @property
    def steady(self) -> bool:
        """Whether the period lasts until a steady state."""
        return self.period.time == STEADY or self.end == math.inf


@dataclass(frozen=True)
class ExperimentRequest:
    """Measurement times of one experiment.

    Finite times in the unit of the file, sorted, and whether there are some at steady state.
    """

    experiment: Experiment
    times: FloatArray
    steady: bool


@dataclass(frozen=True)
class ExperimentResult:
    """States and constants of one experiment at each of its times; the steady state, if requested, is last (time inf)."""

    times: FloatArray
    states: Mapping[str, Dual]
    constants: Mapping[str, Dual]


def with_main_period(request: ExperimentRequest) -> ExperimentRequest:
    """Add a period for measurements to an experiment that ends with a steady state."""
    periods = request.experiment.periods
    if periods[-1].time != STEADY:
        return request
    return replace(request, experiment=replace(request.experiment, periods=(*periods, Period(0.0, {}, periods[-1].label))))


def label_of(experiment: Experiment, period: Period) -> str:
    """Return condition and start of a period, for messages."""
    when = "before the start" if period.time == STEADY else f"from time {period.time:g}"
    return f"condition {period.label or experiment.name!r} {when}" if period.label else f"experiment {experiment.name!r} {when}"


def group_periods(periods: Iterable[SimulatedPeriod], key: Callable[[SimulatedPeriod], Any]) -> list[list[SimulatedPeriod]]:
    """Return the periods in groups with the same key."""
    found: dict[Any, list[SimulatedPeriod]] = {}
    for period in periods:
        found.setdefault(key(period), []).append(period)
    return list(found.values())
