"""How a subject's integration ended: a value with time, state and advice, never an exception from within a kernel."""

from __future__ import annotations

from dataclasses import dataclass

FINISHED, TOO_SMALL, TOO_MANY, NOT_FINITE, NOT_STEADY, NEGATIVE = range(6)
COUNTS = ("steps", "rejections", "evaluations", "jacobians", "switches", "crossings")
"""What is counted while a subject is solved."""
_MESSAGES = {
    FINISHED: ("finished", ""),
    TOO_SMALL: (
        "the step became too small",
        "the solution may grow without bound here, or a rate is not finite: look at the state, mend the rates or parameters",
    ),
    TOO_MANY: ("more steps than allowed", "loosen rtol, shorten the time span, or look for rates faster than minutes"),
    NOT_FINITE: (
        "the state, or what a dose brings, is not finite, or beyond 1e290",
        "at the start, look at divisions by zero and logarithms of zero in initial values; later, at what grows without bound",
    ),
    NOT_STEADY: (
        "no steady state was reached",
        "the doses accumulate without end, or too slowly: look at what eliminates the drug, or give the doses one by one",
    ),
    NEGATIVE: (
        "an initial number of cells is negative",
        "look at the parameters of the initial value: fractions of one tumour, as of its clones, add up to 1 at most",
    ),
}


@dataclass(frozen=True)
class Status:
    """How one subject ended.

    Attributes
    ----------
    ok : bool
        Whether the whole span was solved. Where not, values after `time` are NaN (and at it, where the state is not finite).
    message, advice : str
    time : float
        Where it stopped, days.
    state : dict
        The state there, by name; empty where it finished.
    """

    ok: bool
    message: str
    time: float
    advice: str = ""
    state: dict[str, float] | None = None

    def __str__(self) -> str:
        return self.message if self.ok else f"stopped at day {self.time:g}: {self.message}; {self.advice}"


def status_of(code: int, time: float, state: dict[str, float]) -> Status:
    """Return the status for a kernel's code."""
    message, advice = _MESSAGES[code]
    if code == NEGATIVE:
        message += f" ({', '.join(f'{name} = {value:.4g}' for name, value in state.items() if value < 0)})"
    return Status(code == FINISHED, message, time, advice, None if code == FINISHED else state)
