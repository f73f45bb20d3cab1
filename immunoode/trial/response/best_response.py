"""Best overall response, confirmed or not, and which visits count for it (4.4.3, 4.6, table 3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from immunoode.trial.response.codes import CR, NE, NON_CR_NON_PD, PD, PR, SD
from immunoode.trial.response.rules import RecistRules
from immunoode.trial.response.visit_grid import Array, any_of, first_time, visit_grid

DISEASE_CONTROL = (CR, PR, SD, NON_CR_NON_PD)
"""Best responses that are disease control."""


def counted(response: Array, time: Array, subject: Array, new_therapy_days: Array) -> Array:
    """Return which visits count: up to and with the first PD (iCPD), and before a new therapy (one day per subject)."""
    before = time < new_therapy_days[subject]
    return before & ~visit_grid(subject, len(new_therapy_days)).any_before(before & (response == PD))


def best_response(response: Array, time: Array, subject: Array, counts: Array, rules: RecistRules, size: int) -> Array:
    """Return the best response of each subject; NE if no visit counts.

    SD counts from `RecistRules.stable_days` on; an earlier SD, or an earlier response that is not confirmed, counts as NE.
    """
    early = np.isin(response, (SD, NON_CR_NON_PD)) & (time < rules.stable_days)
    best = np.full(size, NE)
    np.minimum.at(best, subject[counts], np.where(early, NE, response)[counts])
    return best


def confirmed_visits(response: Array, time: Array, subject: Array, counts: Array, rules: RecistRules, size: int) -> Array:
    """Return which visits are a CR or PR that a later visit confirms (4.6.1, table 3)."""
    found = np.zeros(len(response), bool)
    start = np.searchsorted(subject, np.arange(size))
    end = np.searchsorted(subject, np.arange(size), side="right")
    for who in np.flatnonzero(any_of(counts & (response <= PR), subject, size)):
        rows = np.arange(start[who], end[who])[counts[start[who] : end[who]]]
        codes, times = response[rows].tolist(), time[rows].tolist()
        found[rows] = [code <= PR and is_confirmed(codes, times, i, rules) for i, code in enumerate(codes)]
    return found


def is_confirmed(codes: Sequence[int], times: Sequence[float], at: int, rules: RecistRules) -> bool:
    """Return whether a later visit confirms the CR or PR at a visit, with nothing between them that the rules do not accept.

    CR needs another CR; PR needs another PR or a CR, and no PR after a CR. (The logic of derive_param_confirmed_bor of
    admiralonco.)
    """
    wanted = (CR,) if codes[at] == CR else (CR, PR)
    not_evaluable = stable = 0
    complete = codes[at] == CR
    for code, time in zip(codes[at + 1 :], times[at + 1 :], strict=True):
        if code in wanted and not (complete and code == PR):
            if time - times[at] >= rules.confirmation_days:
                return True
            complete = complete or code == CR
            continue
        not_evaluable += code == NE
        stable += code == SD
        refused = code not in (NE, SD) or (code == SD and codes[at] == CR)
        if refused or not_evaluable > rules.not_evaluable_between or stable > rules.stable_between:
            return False
    return False


def confirmed_response(
    response: Array, time: Array, subject: Array, counts: Array, confirmed: Array, rules: RecistRules, size: int
) -> Array:
    """Return the best response if CR and PR count only when confirmed, and otherwise as SD (table 3)."""
    with_confirmation = np.where((response <= PR) & ~confirmed, SD, response)
    return best_response(with_confirmation, time, subject, counts, rules, size)


def best_change(change: Array, subject: Array, counts: Array, size: int) -> Array:
    """Return the lowest change from baseline of each subject, NaN without one."""
    return first_time(counts & np.isfinite(change), change, subject, size)
