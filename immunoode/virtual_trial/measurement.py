"""What an observer writes down of a tumour: lesions, with error, to the millimetre, the smallest not measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem

FloatArray = NDArray[np.float64]
MOST_TARGETS = 5
"""RECIST 1.1, section 3.1.2: up to five target lesions."""


@dataclass(frozen=True)
class Measurement:
    """How target lesions are measured.

    Attributes
    ----------
    lesions : tuple of float
        Probabilities of having one, two, ... target lesions. The sum of diameters is divided among them. The values are an
        estimate of ours: few lesions are the rule.
    additive, proportional : float
        Standard deviation of one diameter: in mm, and as a fraction of it; both add up as variances. The values are those that
        Ribba et al. 2022 (doi 10.3389/fphar.2022.1058220) estimated for sums of diameters in the OAK trial.
    limit_mm : float
        Below it a lesion is written down as too small to measure, which is 5 mm (RECIST 1.1, 4.3.2).
    absent_mm : float
        Below it a lesion is not seen any more: 0 mm. An assumption of ours: half of a thin CT slice.
    round_mm : float
        Diameters are read to so many mm; 0 for no rounding.

    Raises
    ------
    DataError
    """

    lesions: tuple[float, ...] = (0.3, 0.3, 0.2, 0.1, 0.1)
    additive: float = 0.65
    proportional: float = 0.08
    limit_mm: float = 5.0
    absent_mm: float = 1.0
    round_mm: float = 1.0

    def __post_init__(self) -> None:
        shares = np.asarray(self.lesions, float)
        problems = []
        if not 0 < len(shares) <= MOST_TARGETS or (shares < 0).any() or not np.isclose(shares.sum(), 1):
            right = f"one to {MOST_TARGETS} probabilities that add up to 1"
            problems.append(Problem("lesions", f"are {self.lesions}", right))
        for name in ("additive", "proportional", "limit_mm", "absent_mm", "round_mm"):
            if not 0 <= getattr(self, name) < np.inf:
                problems.append(Problem(name, f"is {getattr(self, name)}", "a number, not negative"))
        if problems:
            raise DataError(problems)

    def shares(self, patients: int, random: np.random.Generator) -> FloatArray:
        """Return each target lesion's share of the sum, shape (patients, most lesions); 0 for lesions that there are not."""
        count = random.choice(len(self.lesions), patients, p=self.lesions) + 1
        parts = random.uniform(0.3, 1.0, (patients, len(self.lesions)))
        parts[np.arange(len(self.lesions)) >= count[:, None]] = 0.0
        return parts / parts.sum(axis=1, keepdims=True)

    def read(self, true: FloatArray, random: np.random.Generator) -> FloatArray:
        """Return diameters as written down: 0 where absent, `limit_mm` where too small, else with error and rounded."""
        error = np.sqrt(self.additive**2 + (self.proportional * true) ** 2)
        seen = true + error * random.normal(size=true.shape)
        if self.round_mm:
            seen = np.round(seen / self.round_mm) * self.round_mm
        return np.where(true < self.absent_mm, 0.0, np.maximum(seen, self.limit_mm))
