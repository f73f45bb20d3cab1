"""The random numbers of the subjects of a trial, or of several replicates of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from immunoode.virtual_population import random_numbers
from immunoode.virtual_population.random_numbers import Patients

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class RandomDraws:
    """Random numbers of subjects: one row per replicate and subject, starting with the first replicate.

    Each number depends only on seed, purpose, replicate and subject, so that the numbers of a subject do not depend on the
    other subjects in the trial, and a replicate has the same numbers whether or not others are simulated.

    Attributes
    ----------
    seed : int
    patients : range or array of int
        Numbers of the subjects.
    replicates : tuple of int
        Numbers of the replicates.
    keep : bool
        Whether to keep the numbers, for subjects who are observed twice.

    Examples
    --------
    >>> first, both = RandomDraws(1, range(2)), RandomDraws(1, range(2), replicates=(0, 1))
    >>> first.uniforms("dropout").shape, both.uniforms("dropout").shape
    ((2, 1), (4, 1))
    >>> bool((both.uniforms("dropout")[:2] == first.uniforms("dropout")).all())
    True
    """

    seed: int
    patients: Patients
    replicates: tuple[int, ...] = (0,)
    keep: bool = False
    _kept: dict[tuple[Callable[..., FloatArray], str, int], FloatArray] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __len__(self) -> int:
        return len(self.patients) * len(self.replicates)

    def uniforms(self, purpose: str, draws: int = 1) -> FloatArray:
        """Return uniform random numbers between 0 and 1, shape (rows, draws)."""
        return self._rows(random_numbers.uniforms, purpose, draws)

    def normals(self, purpose: str, draws: int = 1) -> FloatArray:
        """Return standard normal random numbers, shape (rows, draws)."""
        return self._rows(random_numbers.normals, purpose, draws)

    def exponentials(self, purpose: str, draws: int = 1) -> FloatArray:
        """Return exponential random numbers with mean 1, shape (rows, draws)."""
        return self._rows(random_numbers.exponentials, purpose, draws)

    def _rows(self, function: Callable[..., FloatArray], purpose: str, draws: int) -> FloatArray:
        if (function, purpose, draws) in self._kept:
            return self._kept[function, purpose, draws]
        parts = [function(self.seed, purpose, self.patients, draws, replicate=k) for k in self.replicates]
        rows = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if self.keep:
            self._kept[function, purpose, draws] = rows
        return rows
