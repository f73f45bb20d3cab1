"""Best overall response of a subject, with and without confirmation, and the dates of response and progression."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from immunoode.trial.response.rules import (
    CR,
    ICPD,
    ICR,
    INON,
    IPR,
    ISD,
    IUPD,
    NE,
    NON,
    PD,
    PR,
    SD,
    RecistRules,
)

_PLAIN = {ICR: CR, IPR: PR, ISD: SD, INON: NON, IUPD: PD, ICPD: PD}
"""What the responses of iRECIST are to the rules of best response."""
GOOD, SOME, STABLE, OTHER, WORSE = 4, 3, 2, 1, 0
RANK: Mapping[str, int] = {CR: GOOD, PR: SOME, SD: STABLE, NON: OTHER, PD: WORSE}


@dataclass(frozen=True)
class Best:
    """The best response of one subject; days, NaN where there is none."""

    response: str
    response_time: float
    confirmed: str
    confirmed_time: float
    progression_time: float
    last_time: float


def best_of(times: Sequence[float], responses: Sequence[str], rules: RecistRules, stop: float = math.inf) -> Best:
    """Return the best overall response to visits after the baseline, in order of time (RECIST 1.1, section 4.4 and table 3).

    Parameters
    ----------
    times : sequence of float
        Days.
    responses : sequence of str
        CR, PR, SD, non-CR/non-PD, PD or NE.
    stop : float
        Day of a new therapy: later visits do not count.
    """
    counted = [(t, r) for t, r in zip(times, responses, strict=True) if t <= stop]
    end = next((t for t, r in counted if r == PD), math.nan)
    until = [(t, r) for t, r in counted if not t >= end] + [(t, r) for t, r in counted if t == end and r == PD][:1]
    response, response_time = _unconfirmed(until, rules)
    confirmed, confirmed_time = _confirmed(until, rules)
    last = max((t for t, r in until if r != NE), default=math.nan)
    return Best(response, response_time, confirmed, confirmed_time, end, last)


_Seen = list[tuple[float, str]]


def _unconfirmed(seen: _Seen, rules: RecistRules) -> tuple[str, float]:
    """Return the best response, and the day of the first response of CR or PR."""
    responses = [r for _, r in seen]
    first = next((t for t, r in seen if r in (CR, PR)), math.nan)
    for best in (CR, PR):
        if best in responses:
            return best, first
    return _without_response(seen, rules), math.nan


def _without_response(seen: _Seen, rules: RecistRules) -> str:
    """Return the best response where none of CR or PR counts: stable for long enough, else progression, else unknown."""
    lasting = [r for t, r in seen if r in (CR, PR, SD, NON) and t >= rules.stable_days]
    if lasting:
        return NON if set(lasting) == {NON} else SD
    return PD if any(r == PD for _, r in seen) else NE


def _confirmed(seen: _Seen, rules: RecistRules) -> tuple[str, float]:
    """Return the best response that was confirmed, and the day of the first confirmed response."""
    complete = next((t for k, (t, r) in enumerate(seen) if r == CR and _holds(seen, k, (CR,), (), rules)), math.nan)
    between = (SD,) if rules.stable_between else ()
    partial = next(
        (t for k, (t, r) in enumerate(seen) if r in (CR, PR) and _holds(seen, k, (CR, PR), between, rules)), math.nan
    )
    if not math.isnan(complete):
        return CR, min(complete, partial)
    if not math.isnan(partial):
        return PR, partial
    return _without_response(seen, rules), math.nan


def _holds(seen: _Seen, start: int, good: tuple[str, ...], between: tuple[str, ...], rules: RecistRules) -> bool:
    """Return whether the response at a visit is confirmed later, with nothing worse between and few visits not evaluable."""
    missed, complete = 0, seen[start][1] == CR
    for time, response in seen[start + 1 :]:
        if response in good and not (complete and response == PR):
            if time - seen[start][0] >= rules.confirmation_days:
                return True
            complete = complete or response == CR
        elif response == NE:
            missed += 1
            if missed > rules.most_not_evaluable:
                return False
        elif response not in between or complete:
            return False
    return False


def plain(response: str) -> str:
    """Return a response of iRECIST as the one of RECIST that it stands for."""
    return _PLAIN.get(response, response)
