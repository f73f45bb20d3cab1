"""The burden of four arms of a cohort: one minus the response rate, or the hazard of an endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from immunoode.combination.four_arms import FloatArray, FourArms
from immunoode.combination.response_rates import RESPONSES
from immunoode.errors import DataError, Problem
from immunoode.virtual_population.cohort import Cohort
from immunoode.virtual_population.targets.event_free import event_times


@dataclass(frozen=True)
class CohortArms:
    """The arms of a cohort: control, first drug, second drug, both."""

    cohort: Cohort
    names: Sequence[str]
    endpoint: str

    def burdens(self, scale: str, draws: int, seed: int) -> FourArms:
        """Return the burden of the cohort, and of cohorts of patients drawn with replacement, shape (1 + draws, 1)."""
        rng, n = np.random.default_rng(seed), len(self.cohort)
        counts = np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1 / n), draws)])
        weights = counts * self.cohort.weights
        weights /= weights.sum(axis=1, keepdims=True)
        of_arm = self._not_responding if scale == "response_rate" else self._hazard
        found = [of_arm(weights, arm) for arm in self.names]
        for arm, burden in zip(self.names, found, strict=True):
            if not burden[0] > 0:
                raise DataError(
                    Problem(f"arm {arm!r}", "has no patient with an event, or none without response", "another scale")
                )
        return FourArms(*(burden[:, None] for burden in found))

    def _not_responding(self, weights: FloatArray, arm: str) -> FloatArray:
        responds = self.cohort.patients.column("best_response", arm).isin(RESPONSES).to_numpy(np.float64)
        return 1.0 - weights @ responds

    def _hazard(self, weights: FloatArray, arm: str) -> FloatArray:
        """Return events per day at risk."""
        times, events = event_times(self.cohort.patients, arm, self.endpoint)
        return np.asarray((weights @ events.astype(np.float64)) / (weights @ times))
