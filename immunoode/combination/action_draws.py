"""Samples of both predictions, drawn from the curves of the single drugs and of the combination, and from the correlation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from immunoode.combination.arm_survival import SurvivalArm
from immunoode.combination.rank_correlation import CorrelationOfDrugs
from immunoode.combination.step_curve import FloatArray, StepCurve, additive_survival, independent_survival


@dataclass(frozen=True)
class Prediction:
    """A predicted curve: estimate (days,) and draws (draws, days)."""

    estimate: FloatArray
    draws: FloatArray


@dataclass(frozen=True)
class ActionDraws:
    """Predictions by name at days, and the same number of samples of the observed curve of the combination (None without
    one).
    """

    days: FloatArray
    predictions: Mapping[str, Prediction]
    combination: tuple[StepCurve, ...]


def action_draws(
    first: SurvivalArm,
    second: SurvivalArm,
    combination: SurvivalArm | None,
    correlation: CorrelationOfDrugs,
    first_scan: float | None,
    days: FloatArray,
    count: int,
    seed: int,
) -> ActionDraws:
    """Return estimates and samples of the predictions at days."""
    purposes = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)]
    related = correlation.draw(purposes[0], count)
    curves = [(first.sampling.draw(purposes[1]), second.sampling.draw(purposes[2])) for _ in range(count)]
    observed = tuple(combination.sampling.draw(purposes[3]) for _ in range(count)) if combination else ()

    def independent(one: StepCurve, other: StepCurve, rho: float) -> FloatArray:
        return independent_survival(one, other, rho, days)

    def additive(one: StepCurve, other: StepCurve, rho: float) -> FloatArray:
        assert first_scan is not None
        return additive_survival(one, other, rho, first_scan, days)

    functions = {"independent": independent} if first_scan is None else {"independent": independent, "additive": additive}
    return ActionDraws(
        days,
        {
            name: Prediction(
                function(first.curve, second.curve, correlation.spearman),
                np.array([function(a, b, rho) for (a, b), rho in zip(curves, related, strict=True)]),
            )
            for name, function in functions.items()
        },
        observed,
    )
