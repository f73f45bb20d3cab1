"""The tumour burden of four arms: untreated, each drug alone, and both; and what is expected of both by each null.

Burden is any positive number of which less is better: a size, one less a response rate, a hazard. What is expected of both
drugs:

- Bliss: the factors by which each drug changes the burden multiply;
- highest single agent: the lower burden of the two;
- response additivity: the changes add;
- Loewe: that of doses which are exchanged for each other (see `immunoode.combination.loewe`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BLISS, HIGHEST, ADDITIVE, LOEWE = "Bliss", "highest single agent", "response additivity", "Loewe"


@dataclass(frozen=True)
class FourArms:
    """Burdens, each of shape (draws, times)."""

    control: FloatArray
    first: FloatArray
    second: FloatArray
    both: FloatArray

    def expected(self, null: str) -> FloatArray:
        """Return the burden under both drugs that a null expects; 0 where changes add up to more than there is."""
        with np.errstate(divide="ignore", invalid="ignore"):  # a sample of a cohort may have no burden left in an arm
            return np.maximum(EXPECTED[null](self), 0.0)


def _bliss(arms: FourArms) -> FloatArray:
    return arms.first * (arms.second / arms.control)


def _highest(arms: FourArms) -> FloatArray:
    return np.minimum(arms.first, arms.second)


def _additive(arms: FourArms) -> FloatArray:
    return arms.first + arms.second - arms.control


EXPECTED: Mapping[str, Callable[[FourArms], FloatArray]] = {BLISS: _bliss, HIGHEST: _highest, ADDITIVE: _additive}
