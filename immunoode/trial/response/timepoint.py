"""The response at each visit by RECIST 1.1: of the targets, and overall with non-targets and new lesions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from immunoode.trial.response.rules import CR, NE, PD, PR, SD, TOLERANCE, RecistRules

if TYPE_CHECKING:
    import pandas as pd


def with_targets(visits: pd.DataFrame, rules: RecistRules) -> pd.DataFrame:
    """Return visits with `baseline`, `nadir` (of the visits before, baseline included), changes from both, and `target`.

    `target` is "" at the baseline and for subjects without target lesions.
    """
    subject, total = visits["subject"], visits["sum_of_diameters"]
    baseline = total.where(visits["is_baseline"]).groupby(subject).transform("max")
    lowest = total.groupby(subject).cummin().groupby(subject).ffill()
    nadir = lowest.groupby(subject).shift()
    complete = visits["all_gone"] & ~visits["is_baseline"]
    gone_before = complete.groupby(subject).cummax().groupby(subject).shift(fill_value=False)
    target = _target(visits, baseline.to_numpy(), nadir.to_numpy(), gone_before.to_numpy(bool), rules)
    with np.errstate(divide="ignore", invalid="ignore"):
        return visits.assign(
            baseline=baseline,
            nadir=nadir,
            change_from_baseline=_ratio(total, baseline).where(~visits["is_baseline"]),
            change_from_nadir=_ratio(total, nadir),
            target=target,
        )


def _ratio(total: pd.Series, reference: pd.Series) -> pd.Series:
    """Return the relative change; infinite from zero upwards, none from zero to zero."""
    change = total / reference - 1
    return change.where(~((reference == 0) & (total == 0)), 0.0)


def _target(
    visits: pd.DataFrame,
    baseline: NDArray[np.float64],
    nadir: NDArray[np.float64],
    gone_before: NDArray[np.bool_],
    rules: RecistRules,
) -> NDArray[np.str_]:
    """Return the response of the targets at each visit (4.3.1); progression comes before partial response."""
    total, some = visits["sum_of_diameters"].to_numpy(), visits["measured_sum"].to_numpy()
    seen = some if rules.subset_progression else total
    slack = TOLERANCE * np.nan_to_num(baseline)
    grown = (seen - nadir >= rules.progression_mm - slack) & (seen >= nadir * (1 + rules.progression) - slack)
    if rules.reappearance:
        grown |= gone_before & visits["some_back"].to_numpy(bool)
    shrunk = total <= baseline * (1 - rules.partial_response) + slack
    gone = visits["all_gone"].to_numpy(bool)
    first = visits["is_baseline"].to_numpy(bool) | (visits["targets"].to_numpy() == 0)
    known = np.isfinite(total) & np.isfinite(baseline)
    choices = [first, grown, ~known, gone, shrunk]
    return np.select(choices, ["", PD, NE, CR, PR], SD)


def overall(target: pd.Series, non_target: pd.Series, new_lesion: pd.Series) -> pd.Series:
    """Return the response at each visit from its three parts (tables 1 and 2).

    Parameters
    ----------
    target, non_target : Series of str
        "" where the subject has no such lesions.
    new_lesion : Series of bool
    """
    import pandas as pd

    progression = new_lesion | (target == PD) | (non_target == PD)
    only_others = target == ""
    complete = (target == CR) & non_target.isin((CR, ""))
    partial = target.isin((CR, PR))
    others = non_target.where(non_target != "", NE)
    chosen = np.select([progression, only_others, complete, partial, target == SD], [PD, others, CR, PR, SD], NE)
    return pd.Series(chosen, index=target.index)
