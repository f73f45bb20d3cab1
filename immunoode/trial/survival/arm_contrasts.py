"""Contrasts of an estimate between arms: differences and ratios to a reference arm, with normal intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.trial.survival.two_arms import check_confidence

if TYPE_CHECKING:
    import pandas as pd

CONTRASTS = ("arm", "reference", "measure", "estimate", "lower", "upper", "p_value")


def reference_arm(arms: list[str], reference: str | None) -> str:
    """Return the reference arm, by default the first.

    Raises
    ------
    DataError
        If it is not an arm.
    """
    if reference is not None and reference not in arms:
        raise DataError(Problem("reference", f"{reference!r} is not an arm", nearest(reference, arms)))
    return arms[0] if reference is None else reference


def differences(estimates: pd.DataFrame, column: str, reference: str, confidence: float, measure: str) -> list[dict[str, Any]]:
    """Return one row per other arm: its estimate minus that of the reference.

    Parameters
    ----------
    estimates : DataFrame
        One row per arm: arm, `column`, standard_error.
    """
    base = estimates.set_index("arm").loc[reference]
    return [
        {
            "arm": arm.arm,
            "reference": reference,
            "measure": measure,
            **_interval(getattr(arm, column) - base[column], np.hypot(arm.standard_error, base["standard_error"]), confidence),
        }
        for arm in estimates[estimates["arm"] != reference].itertuples()
    ]


def ratios(estimates: pd.DataFrame, column: str, reference: str, confidence: float, measure: str) -> list[dict[str, Any]]:
    """Return a row per other arm: the ratio of its estimate to that of the reference, by the delta method on its logarithm."""
    base = estimates.set_index("arm").loc[reference]
    rows = []
    for arm in estimates[estimates["arm"] != reference].itertuples():
        value, other = getattr(arm, column), base[column]
        if not (value > 0 and other > 0):
            row = dict.fromkeys(("estimate", "lower", "upper", "p_value"), np.nan)
        else:
            spread = np.hypot(arm.standard_error / value, base["standard_error"] / other)
            row = _interval(np.log(value / other), spread, confidence)
            row = {name: float(np.exp(v)) if name != "p_value" else v for name, v in row.items()}
        rows.append({"arm": arm.arm, "reference": reference, "measure": measure, **row})
    return rows


def _interval(estimate: float, spread: float, confidence: float) -> dict[str, float]:
    from scipy.stats import norm

    z = check_confidence(confidence)
    p = float(2 * norm.sf(abs(estimate) / spread)) if spread > 0 else np.nan
    return {
        "estimate": float(estimate),
        "lower": float(estimate - z * spread),
        "upper": float(estimate + z * spread),
        "p_value": p,
    }
