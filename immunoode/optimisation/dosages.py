"""Properties of a schedule that need no simulation: cumulative amount, intervals, largest dose, biologically effective dose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError, nearest
from immunoode.number_checks import NUMBER

FloatArray = NDArray[np.float64]
CUMULATIVE, INTERVAL, LARGEST, EFFECTIVE = "cumulative", "interval", "largest", "effective_dose"
_KINDS = (CUMULATIVE, INTERVAL, LARGEST, EFFECTIVE)
_TEXT = re.compile(rf"(\w+)\(\s*(\w+)\s*((?:,\s*\w+\s*=\s*{NUMBER}\s*)*)\)")


@dataclass(frozen=True)
class Doses:
    """The doses of one input, in order.

    Attributes
    ----------
    times, amounts : ndarray, shape (k,)
        In days, and in the unit of the input.
    """

    times: FloatArray
    amounts: FloatArray


@dataclass(frozen=True)
class Dosage:
    """A property of the doses of one therapy.

    Attributes
    ----------
    kind : {"cumulative", "interval", "largest", "effective_dose"}
        The sum of amounts; each interval between two doses (days); the largest amount; the biologically effective dose of
        fractions d, the sum of f d (1 + f d / alpha_beta).
    therapy : str
    alpha_beta : float
        Gy; that of the tissue for which the effective dose is computed.
    sparing : float
        The sparing factor f: the dose to the tissue as a fraction of that to the tumour.

    Examples
    --------
    >>> import numpy as np
    >>> tissue = dosage("effective_dose(radiotherapy, alpha_beta=3, sparing=0.5)")
    >>> tissue.of({"radiotherapy": Doses(np.arange(30.0), np.full(30, 2.0))}).round(9).tolist()
    [40.0]
    """

    kind: str
    therapy: str
    alpha_beta: float = 3.0
    sparing: float = 1.0

    def __post_init__(self) -> None:
        if not (self.alpha_beta > 0 and self.sparing >= 0):
            right = "a positive alpha_beta (Gy), and a sparing factor of 0 or more"
            raise SolveError(Problem(self.kind, f"has alpha_beta={self.alpha_beta:g}, sparing={self.sparing:g}", right))

    def of(self, doses: Mapping[str, Doses]) -> FloatArray:
        """Return the property: one number, or one per interval."""
        return self.with_gradient(doses)[0]

    def with_gradient(self, doses: Mapping[str, Doses]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the property (c,), and its derivatives with respect to times and amounts of the k doses, each (c, k)."""
        if self.therapy not in doses:
            raise SolveError(
                Problem(f"{self}", f"refers to {self.therapy!r}, which is not given", nearest(self.therapy, doses))
            )
        own = doses[self.therapy]
        k, d = len(own.times), own.amounts
        if self.kind == INTERVAL:
            difference = np.eye(k)[1:] - np.eye(k)[:-1]
            return np.diff(own.times), difference, np.zeros((k - 1, k))
        if self.kind == LARGEST:
            return d.copy(), np.zeros((k, k)), np.eye(k)
        if self.kind == EFFECTIVE:
            f = self.sparing
            value, slope = f * d * (1 + f * d / self.alpha_beta), f * (1 + 2 * f * d / self.alpha_beta)
            return np.array([value.sum()]), np.zeros((1, k)), slope[None]
        return np.array([d.sum()]), np.zeros((1, k)), np.ones((1, k))

    def __str__(self) -> str:
        extra = f", alpha_beta={self.alpha_beta:g}, sparing={self.sparing:g}" if self.kind == EFFECTIVE else ""
        return f"{self.kind}({self.therapy}{extra})"


def dosage(text: str) -> Dosage | None:
    """Return the property that a text such as "cumulative(docetaxel)" names; None if it has another form.

    Raises
    ------
    SolveError
        If an argument is not known.
    """
    said = _TEXT.fullmatch(text.strip())
    if not said or said[1] not in _KINDS:
        return None
    pairs = [part.split("=") for part in said[3].split(",") if part.strip()]
    given = {name.strip(): float(value) for name, value in pairs}
    if unknown := set(given) - {"alpha_beta", "sparing"}:
        raise SolveError(Problem(text, f"has the argument {min(unknown)!r}", "alpha_beta= and sparing="))
    return Dosage(said[1], said[2], **given)
