"""Best overall response, confirmed or not, and which visits count for it (4.4.3, 4.6, table 3)."""

from __future__ import annotations

import numpy as np

from immunoode.trial.response.codes import CR, NE, NON_CR_NON_PD, PD, PR, SD
from immunoode.trial.response.rules import RecistRules
from immunoode.trial.response.visit_grid import Array, first_time, visit_grid

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


def confirmed_visits(response: Array, time: Array, subject: Array, counts: Array, rules: RecistRules) -> Array:
    """Return which visits are a CR or PR that a later visit confirms (4.6.1, table 3), with nothing refused between them.

    CR needs another CR; PR needs another PR or a CR, and no PR after a CR. (The logic of derive_param_confirmed_bor of
    admiralonco.) Visits are sorted by subject and time. All responses are compared with their first later visit, then those
    that are still undecided with their second, and so on.
    """
    found = np.zeros(len(response), bool)
    rows = np.flatnonzero(counts)
    codes, times, who = response[rows], time[rows], subject[rows]
    start = np.flatnonzero(codes <= PR)
    complete = codes[start] == CR
    not_evaluable = stable = np.zeros(len(start), np.int64)
    later = start + 1
    while True:
        here = later < len(rows)
        here[here] = who[later[here]] == who[start[here]]
        start, later, complete = start[here], later[here], complete[here]
        not_evaluable, stable = not_evaluable[here], stable[here]
        if not len(start):
            return found
        code, first_code = codes[later], codes[start]
        agrees = np.where(first_code == CR, code == CR, code <= PR) & ~(complete & (code == PR))
        confirmed = agrees & (times[later] - times[start] >= rules.confirmation_days)
        found[rows[start[confirmed]]] = True
        complete = complete | (agrees & (code == CR))
        not_evaluable, stable = not_evaluable + (code == NE), stable + (code == SD)
        refused = ~((code == NE) | ((code == SD) & (first_code != CR)))
        refused |= (not_evaluable > rules.not_evaluable_between) | (stable > rules.stable_between)
        undecided = np.where(agrees, ~confirmed, ~refused)
        start, later, complete = start[undecided], later[undecided] + 1, complete[undecided]
        not_evaluable, stable = not_evaluable[undecided], stable[undecided]


def confirmed_response(
    response: Array, time: Array, subject: Array, counts: Array, confirmed: Array, rules: RecistRules, size: int
) -> Array:
    """Return the best response if CR and PR count only when confirmed, and otherwise as SD (table 3)."""
    with_confirmation = np.where((response <= PR) & ~confirmed, SD, response)
    return best_response(with_confirmation, time, subject, counts, rules, size)


def best_change(change: Array, subject: Array, counts: Array, size: int) -> Array:
    """Return the lowest change from baseline of each subject, NaN without one."""
    return first_time(counts & np.isfinite(change), change, subject, size)
