"""The tumour burden of four arms (untreated, each drug alone, both), and the expectation of each null model for both drugs.

Burden is any positive number that should be small: a size, one minus a response rate, a hazard. The null models expect for
both drugs:

- Bliss: the factors by which each drug changes the burden multiply;
- highest single agent: the lower burden of the two;
- response additivity: the changes add;
- Loewe: the burden if doses of one drug can replace doses of the other (see `immunoode.combination.loewe`).
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
        """Return the burden under both drugs that a null model expects; 0 if the changes add up to more than the whole
        burden.
        """
        with np.errstate(divide="ignore", invalid="ignore"):  # in a sample of a cohort, an arm may have no burden left
            return np.maximum(EXPECTED[null](self), 0.0)


def _bliss(arms: FourArms) -> FloatArray:
    return arms.first * (arms.second / arms.control)


def _highest(arms: FourArms) -> FloatArray:
    return np.minimum(arms.first, arms.second)


def _additive(arms: FourArms) -> FloatArray:
    return arms.first + arms.second - arms.control


EXPECTED: Mapping[str, Callable[[FourArms], FloatArray]] = {BLISS: _bliss, HIGHEST: _highest, ADDITIVE: _additive}
