"""Best overall response, confirmed or not, and the days of response and progression (4.4.3, 4.6, table 3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from immunoode.trial.response.codes import CR, NE, NON, PD, PR, SD
from immunoode.trial.response.rules import RecistRules
from immunoode.trial.response.visit_grid import any_of, first_time, grid_of
from immunoode.trial.response.visits import Array


def counted(response: Array, time: Array, subject: Array, until: Array) -> Array:
    """Return which visits count: up to the first PD (iCPD) with it, and before a new therapy (one day a subject)."""
    before = time < until[subject]
    return before & ~grid_of(subject, len(until)).before(before & (response == PD))


def best_response(response: Array, time: Array, subject: Array, counts: Array, rules: RecistRules, size: int) -> Array:
    """Return the best response of each subject; NE where nothing counts.

    SD counts from the first day of its window on; until then it, and a response that nothing confirms, is as good as NE.
    """
    best = np.full(size, NE)
    np.minimum.at(best, subject[counts], as_best(response, time, rules)[counts])
    return best


def as_best(response: Array, time: Array, rules: RecistRules) -> Array:
    """Return what each visit is worth for the best response."""
    early = np.isin(response, (SD, NON)) & (time < rules.stable_days)
    return np.where(early, NE, response)


def confirmed_visits(response: Array, time: Array, subject: Array, counts: Array, rules: RecistRules, size: int) -> Array:
    """Return which visits are a CR or PR that a later one confirms (4.6.1, table 3)."""
    found = np.zeros(len(response), bool)
    start = np.searchsorted(subject, np.arange(size))
    end = np.searchsorted(subject, np.arange(size), side="right")
    for who in np.flatnonzero(any_of(counts & (response <= PR), subject, size)):
        rows = np.arange(start[who], end[who])[counts[start[who] : end[who]]]
        codes, times = response[rows].tolist(), time[rows].tolist()
        found[rows] = [code <= PR and confirms(codes, times, i, rules) for i, code in enumerate(codes)]
    return found


def confirms(codes: Sequence[int], times: Sequence[float], at: int, rules: RecistRules) -> bool:
    """Return whether a later visit confirms the CR or PR at a visit: between the two nothing worse than the rules accept.

    CR needs another CR, PR another PR or a CR, and no PR after a CR. (The logic of admiralonco's derive_param_confirmed_bor.)
    """
    wanted = (CR,) if codes[at] == CR else (CR, PR)
    unknown = stable = 0
    complete = codes[at] == CR
    for code, time in zip(codes[at + 1 :], times[at + 1 :], strict=True):
        if code in wanted and not (complete and code == PR):
            if time - times[at] >= rules.confirmation_days:
                return True
            complete = complete or code == CR
            continue
        unknown += code == NE
        stable += code == SD
        refused = code not in (NE, SD) or (code == SD and codes[at] == CR)
        if refused or unknown > rules.not_evaluable_between or stable > rules.stable_between:
            return False
    return False


def confirmed_response(
    response: Array, time: Array, subject: Array, counts: Array, confirmed: Array, rules: RecistRules, size: int
) -> Array:
    """Return the best response where CR and PR count only if confirmed, and else as SD (table 3)."""
    worth = np.where((response <= PR) & ~confirmed, SD, response)
    return best_response(worth, time, subject, counts, rules, size)


def change_at_best(change: Array, subject: Array, counts: Array, size: int) -> Array:
    """Return the lowest change from baseline of each subject, NaN where there is none."""
    return first_time(counts & np.isfinite(change), change, subject, size)


CONTROL = (CR, PR, SD, NON)
"""Best responses that are disease control."""
