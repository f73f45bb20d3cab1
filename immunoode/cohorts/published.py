"""Published statistics of trials: the target for each, and the numbers as published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from immunoode.virtual_population.targets.hazard_ratio import HazardRatioTarget
from immunoode.virtual_population.targets.record import Target
from immunoode.virtual_population.targets.subgroup import SubgroupTarget

SHARE, TIME, RATIO, NUMBER = "share", "time", "ratio", "number"
RESPONDERS: Mapping[str, tuple[Any, ...]] = {"best_response": ("CR", "PR", "iCR", "iPR")}
OF_RESPONDERS = ("DOR", "TTR")
"""Endpoints that only responders have: duration of response and time to response."""


@dataclass(frozen=True)
class PublishedValue:
    """One number: its description, its value, and the 95 % interval (NaN if there is none)."""

    row: str
    value: float
    lower: float = float("nan")
    upper: float = float("nan")


@dataclass(frozen=True)
class PublishedStatistic:
    """A statistic of a trial.

    Attributes
    ----------
    kind : str
        "response rate", "median", "survival", "quantiles", "mean", "correlation", "hazard ratio", "median time to response".
    target : target
        The target for the subjects of the arm, or for a subgroup of them.
    values : tuple of PublishedValue
        Times in days.
    scale : {"share", "time", "ratio", "number"}
    source, title : str
    combination : tuple of str
        The arms of the single drugs, if the arm combines them.
    set : str
        The set of held-out numbers to which it belongs, if there are several.
    """

    kind: str
    target: Target
    values: tuple[PublishedValue, ...]
    scale: str
    source: str
    title: str = ""
    combination: tuple[str, ...] = ()
    set: str = ""
    place: str = field(default="", compare=False)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arm, or both arms of a hazard ratio; empty for a statistic of parameters."""
        inner = self.inner
        if isinstance(inner, HazardRatioTarget):
            return tuple(inner.arms)
        return (inner.arm,) if inner.arm else ()

    @property
    def needed_arms(self) -> tuple[str, ...]:
        """The arms, and those of the single drugs."""
        return tuple(dict.fromkeys([*self.arms, *self.combination]))

    @property
    def inner(self) -> Target:
        """The target without a subgroup."""
        return self.target.target if isinstance(self.target, SubgroupTarget) else self.target

    @property
    def label(self) -> str:
        """The statistic in words."""
        return self.title or self.target.label

    def of_arm(self, arm: str) -> PublishedStatistic:
        """Return the same statistic for another arm instead of the first one."""
        inner: Any = self.inner
        both = {"arms": (arm, inner.arms[1])} if isinstance(inner, HazardRatioTarget) else {"arm": arm}
        moved = replace(inner, **both)
        target = replace(self.target, target=moved) if isinstance(self.target, SubgroupTarget) else moved
        return replace(self, target=target)
