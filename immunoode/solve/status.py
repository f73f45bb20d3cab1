"""How a subject's integration ended: a value with time, state and advice, rather than an exception from within a kernel."""

from __future__ import annotations

from dataclasses import dataclass

FINISHED, TOO_SMALL, TOO_MANY, NOT_FINITE, NOT_STEADY, NEGATIVE = range(6)
COUNTS = ("steps", "rejections", "evaluations", "jacobians", "switches", "crossings")
"""The work that is counted while a subject is integrated."""
_MESSAGES = {
    FINISHED: ("finished", ""),
    TOO_SMALL: (
        "the step became too small",
        "the solution may grow without bound here, or a rate is not finite: look at the state, and correct the rates "
        "or parameters",
    ),
    TOO_MANY: ("more steps than allowed", "loosen rtol, shorten the time span, or look for rates faster than minutes"),
    NOT_FINITE: (
        "the state, or the amount that a dose adds, is not finite or exceeds 1e290",
        "at the start, look for divisions by zero and logarithms of zero in initial values; later, for a state that "
        "grows without bound",
    ),
    NOT_STEADY: (
        "no steady state was reached",
        "the doses accumulate without limit, or too slowly: check the elimination of the drug, or give the doses one by one",
    ),
    NEGATIVE: (
        "an initial number of cells is negative",
        "look at the parameters of the initial value: fractions of one tumour, such as its clones, must not add up to "
        "more than 1, nor lesions that are measured at the start to more than the sum of diameters at the start",
    ),
}


@dataclass(frozen=True)
class Status:
    """How one subject's integration ended.

    Attributes
    ----------
    ok : bool
        Whether the integration reached the end. If not, values after `time` are NaN (also at `time`, if the state is not
        finite there, or a negative number of cells).
    message, advice : str
    time : float
        The time at which it stopped, in days.
    state : dict
        The state at that time, by name; empty if the integration finished.
    """

    ok: bool
    message: str
    time: float
    advice: str = ""
    state: dict[str, float] | None = None

    def __str__(self) -> str:
        return self.message if self.ok else f"stopped at day {self.time:g}: {self.message}; {self.advice}"


def status_of(code: int, time: float, state: dict[str, float]) -> Status:
    """Return the status for the code of a kernel."""
    message, advice = _MESSAGES[code]
    if code == NEGATIVE:
        message += f" ({', '.join(f'{name} = {value:.4g}' for name, value in state.items() if value < 0)})"
    return Status(code == FINISHED, message, time, advice, None if code == FINISHED else state)
