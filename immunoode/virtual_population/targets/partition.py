"""The values of an outcome between which targets distinguish, so that targets can be compared without patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from immunoode.virtual_population.targets.record import FloatArray


@dataclass(frozen=True)
class Partition:
    """The outcome of a target, with one value on each side of each limit.

    Attributes
    ----------
    arm : str
    subject : str
        The measured quantity: a column of the outcomes, or an endpoint.
    limits : tuple
        Increasing numbers, or categories.
    endpoint : bool
        Whether `subject` is an endpoint, in columns for times and events.
    """

    arm: str
    subject: str
    limits: tuple[Any, ...]
    endpoint: bool = False

    @property
    def key(self) -> tuple[str, str, bool]:
        """Targets with the same key refer to the same outcome."""
        return self.arm, self.subject, self.endpoint

    def columns(self, values: Sequence[Any]) -> dict[str, Any]:
        """Return the columns of outcomes of patients with these values."""
        if not self.endpoint:
            return {self.subject: list(values)}
        name = self.subject.lower()
        return {f"{name}_time": list(values), f"{name}_event": True}


def values_between(limits: Sequence[Any]) -> list[Any]:
    """Return values that the limits of several targets distinguish: the categories and one more, or numbers on both sides of
    each limit.
    """
    if any(isinstance(v, str) for v in limits):
        return [*dict.fromkeys(limits), "another"]
    sorted_limits: FloatArray = np.unique(np.asarray(limits, np.float64))
    margin = max(1.0, float(np.abs(sorted_limits).max()))
    inside = (sorted_limits[1:] + sorted_limits[:-1]) / 2
    below = sorted_limits[0] / 2 if sorted_limits[0] > 0 else sorted_limits[0] - margin
    return [float(below), *inside.tolist(), float(sorted_limits[-1] + margin)]
