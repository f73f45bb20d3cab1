"""The events of one dose: a bolus, an infusion, or the doses of a steady state that are still arriving."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from immunoode.errors import Problem, SolveError
from immunoode.regimen import schedule as words
from immunoode.solve.problem.clock import SAME, Clock
from immunoode.solve.problem.event_table import INFUSION_END, INFUSION_START, STEADY, SUPERPOSE
from immunoode.solve.problem.layout import Layout

IMPLIED = -math.inf
"""The order of events that no row of the table states: the end of an infusion, a dose that arrives after a lag.

They act first.
"""


class Known(NamedTuple):
    """The known properties of an input at a dose: values with their m derivatives (see
    `immunoode.solve.problem.compiled_model.KNOWN`)."""

    lag: Sequence[float]
    share: Sequence[float]
    rate: Sequence[float]
    duration: Sequence[float]


@dataclass(frozen=True)
class EventRow:
    """An event with its derivatives, before events are sorted; `ordinal` numbers doses, `source` is the row of the schedule."""

    time: float
    kind: int
    which: int = -1
    amount: float = 0.0
    duration: float = 0.0
    ordinal: int = 0
    interval: float = 0.0
    phase: float = 0.0
    time_by: tuple[float, ...] = ()
    amount_by: tuple[float, ...] = ()
    duration_by: tuple[float, ...] = ()
    phase_by: tuple[float, ...] = ()
    order: float = IMPLIED
    trigger: int = -1
    source: int = -1


def lasting_dose(dose: EventRow, rate: float, known: Known, name: str, layout: Layout) -> EventRow:
    """Return a dose with its duration in days, and the derivatives of the duration.

    For a rate, this is the bioavailable amount divided by the rate.

    Raises
    ------
    SolveError
        If the model does not state the rate or duration that the dose leaves to it, or its value is invalid.
    """
    if dose.interval == math.inf or rate:
        where = f"dose of {name}"
        if name in layout.unknown_shares:
            what = "has a rate, but the bioavailability of its input depends on states or time, so its duration is not known"
            raise SolveError(Problem(where, what, "state its duration instead"))
        for model, states, word in (
            (words.MODEL_RATE, layout.states_rate, "rate"),
            (words.MODEL_DURATION, layout.states_duration, "duration"),
        ):
            if rate == model and name not in states:
                right = f"state `{word}` with the input, an expression of parameters; or state the {word} with the dose"
                raise SolveError(Problem(where, f"leaves its {word} to the model, which states none", right))
    (share, *share_by), amount_by = known.share, dose.amount_by
    if dose.interval == math.inf:  # at a rate without end: all of the rate arrives
        if not share > 0:
            what = f"is a constant infusion of which a share of {share:g} arrives"
            raise SolveError(Problem(f"dose of {name}", what, "a bioavailability above 0"))
        by = tuple(d / share - dose.amount * s / share**2 for d, s in zip(amount_by, share_by, strict=True))
        return replace(dose, amount=dose.amount / share, amount_by=by, duration_by=(0.0,) * len(by))
    if rate == words.MODEL_DURATION:
        lasts, *by_model = known.duration
        if not 0 <= lasts < math.inf:
            raise SolveError(Problem(f"dose of {name}", f"lasts {lasts:g} days according to the model", "zero or more days"))
        return replace(dose, duration=lasts, duration_by=tuple(by_model))
    if not rate:
        return replace(dose, duration_by=(0.0,) * len(amount_by))
    speed, *speed_by = known.rate if rate == words.MODEL_RATE else (rate, *(0.0 for _ in amount_by))
    if not 0 < speed < math.inf:
        raise SolveError(
            Problem(f"dose of {name}", f"has a rate of {speed:g} per day according to the model", "a positive rate")
        )
    by = tuple(
        (s * dose.amount + share * d) / speed - share * dose.amount * v / speed**2
        for d, s, v in zip(amount_by, share_by, speed_by, strict=True)
    )
    return replace(dose, duration=max(share, 0.0) * dose.amount / speed, duration_by=by)


def events_of_dose(dose: EventRow, lag: Sequence[float], adding: bool, clock: Clock, numbers: Iterator[int]) -> list[EventRow]:
    """Return the events of one dose.

    At steady state, also those of earlier doses that are on their way or whose infusion still runs.

    The doses of a steady state were given one interval apart, the last with this record; each arrives a lag later.
    """
    (late, *late_by), interval = lag, dose.interval
    if not interval > 0.0:
        return _arrival(dose, late, tuple(late_by), clock, next(numbers))
    offsets = _offsets(late, interval, dose.duration) if interval < math.inf else []
    following = min((o for o in offsets if o >= 0.0), default=0.0)
    phase = interval - following if following > 0.0 else 0.0
    rows = [replace(dose, kind=SUPERPOSE if adding else STEADY, phase=phase, phase_by=tuple(-d for d in late_by))]
    for offset in offsets:
        rows += _arrival(dose, offset, tuple(late_by), clock, next(numbers))
    return rows


def _offsets(lag: float, interval: float, duration: float) -> list[float]:
    """Return the arrival times of the doses of a steady state that have not arrived completely.

    Days after the last one was given.
    """
    found, k = list[float](), 0
    while True:
        offset = lag - k * interval
        if abs(offset) <= SAME * max(1.0, lag):
            offset = 0.0
        if offset < 0.0 and offset + duration <= SAME * max(1.0, lag, duration):
            return found
        found.append(offset)
        k += 1


def _arrival(dose: EventRow, offset: float, late_by: tuple[float, ...], clock: Clock, ordinal: int) -> list[EventRow]:
    """Return the events of a dose that arrives `offset` days after it was given.

    If negative, those of the remainder of its infusion.
    """
    moved = tuple(a + b for a, b in zip(dose.time_by, late_by, strict=True))
    ended = tuple(a + b for a, b in zip(moved, dose.duration_by, strict=True))
    end = clock(dose.time + offset + dose.duration)
    if offset < 0.0:
        left = dose.duration + offset
        share = left / dose.duration
        part = replace(
            dose,
            amount=dose.amount * share,
            duration=left,
            ordinal=ordinal,
            amount_by=tuple(d * share for d in dose.amount_by),
            duration_by=tuple(d * share for d in dose.duration_by),
        )
        return _infusion(part, end, ended) if end > dose.time else []
    begins = clock(dose.time + offset) if offset else dose.time
    order = dose.order if offset == 0.0 else IMPLIED
    arriving = replace(dose, time=begins, time_by=moved, order=order, ordinal=ordinal)
    if not end > begins:  # a bolus, or shorter than the clock can tell
        return [replace(arriving, duration=0.0)]
    return _infusion(arriving, end, ended)


def _infusion(dose: EventRow, end: float, ended: tuple[float, ...]) -> list[EventRow]:
    return [replace(dose, kind=INFUSION_START), replace(dose, kind=INFUSION_END, time=end, time_by=ended, order=IMPLIED)]
