"""Regressions as lifelines fits them: warnings, estimates, and whether there are enough events."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

FEW = 10
"""Events per covariate below which estimates are unreliable, as a rule of thumb."""


def fitted_with_notes(fit: Any, table: pd.DataFrame, **options: Any) -> list[str]:
    """Fit, and return the warnings of lifelines, one line each.

    Raises
    ------
    DataError
        If the fit does not converge.
    """
    from lifelines.exceptions import ConvergenceError

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            fit(table, **options)
        except (ConvergenceError, ValueError, np.linalg.LinAlgError) as error:
            what = f"does not converge ({str(error).strip().splitlines()[0]})"
            right = "fewer covariates: one may be a function of others, or separate all events"
            raise DataError(Problem("regression", what, right)) from None
    words = [str(w.message).strip().splitlines()[0] for w in caught if "lifelines" in type(w.message).__module__]
    return list(dict.fromkeys(words))


def note_of_few_events(rows: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    each = int(rows["event"].sum()) / len(columns)
    return [f"Only {each:.1f} events per covariate; at least {FEW} are recommended."] if each < FEW else []


def estimates_of(summary: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    rows = summary.loc[list(columns)]
    bounds = [c for c in rows.columns if c.startswith("exp(coef) ")]
    return pd.DataFrame(
        {
            "covariate": rows.index,
            "estimate": rows["exp(coef)"].to_numpy(),
            "lower": rows[bounds[0]].to_numpy(),
            "upper": rows[bounds[1]].to_numpy(),
            "p_value": rows["p"].to_numpy(),
        }
    )
