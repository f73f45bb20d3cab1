"""The covariance of random effects (omega) in blocks, as a vector of unbounded numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from immunoode.fitting.observations import FloatArray, IntArray

SMALLEST = 1e-4
"""Smallest standard deviation of a random effect."""


@dataclass(frozen=True)
class CovariancePattern:
    """Which random effects are correlated: `blocks` of positions among `size` effects.

    Each block is L L' with L lower triangular; the vector contains the logarithms of the diagonal of L, and its other
    elements divided by the diagonal element of their row.
    """

    size: int
    blocks: tuple[tuple[int, ...], ...]

    @cached_property
    def elements(self) -> tuple[tuple[int, int], ...]:
        """Row and column in L of each element of the vector."""
        return tuple((b[i], b[j]) for b in self.blocks for i in range(len(b)) for j in range(i + 1))

    @cached_property
    def mask(self) -> FloatArray:
        """(r, r) one if two effects are in one block."""
        mask = np.zeros((self.size, self.size))
        for block in self.blocks:
            mask[np.ix_(block, block)] = 1.0
        return mask

    def vector(self, omega: FloatArray) -> FloatArray:
        """Return the vector of a covariance."""
        lower = np.zeros_like(omega)
        for block in self.blocks:
            at = np.ix_(block, block)
            lower[at] = np.linalg.cholesky(omega[at])
        return np.array([np.log(lower[i, j]) if i == j else lower[i, j] / lower[i, i] for i, j in self.elements])

    def lower(self, vector: FloatArray) -> FloatArray:
        """Return L."""
        lower = np.zeros((self.size, self.size))
        diagonal = {i: np.exp(v) for (i, j), v in zip(self.elements, vector, strict=True) if i == j}
        for (i, j), v in zip(self.elements, vector, strict=True):
            lower[i, j] = diagonal[i] if i == j else v * diagonal[i]
        return lower

    def matrix(self, vector: FloatArray) -> FloatArray:
        """Return the covariance."""
        lower = self.lower(vector)
        return lower @ lower.T

    def derivatives(self, vector: FloatArray) -> Iterator[FloatArray]:
        """Yield the derivative of the covariance with respect to each element of the vector."""
        lower = self.lower(vector)
        for i, j in self.elements:
            change = np.zeros_like(lower)
            if i == j:
                change[i] = lower[i]
            else:
                change[i, j] = lower[i, i]
            yield change @ lower.T + lower @ change.T

    def names(self, effects: tuple[str, ...]) -> tuple[str, ...]:
        """Return a name for each element of the vector."""
        return tuple(f"omega({effects[i]})" if i == j else f"omega({effects[i]}, {effects[j]})" for i, j in self.elements)

    def projected(self, omega: FloatArray) -> FloatArray:
        """Return the nearest covariance of this pattern, with standard deviations above a minimum."""
        masked = 0.5 * (omega + omega.T) * self.mask
        values, vectors = np.linalg.eigh(masked)
        return np.asarray((vectors * np.maximum(values, SMALLEST**2)) @ vectors.T * self.mask)


def pattern_of(size: int, correlated: tuple[tuple[int, ...], ...]) -> CovariancePattern:
    """Return the pattern in which these groups are correlated and all other effects are independent."""
    grouped = {i for group in correlated for i in group}
    blocks = [tuple(sorted(g)) for g in correlated] + [(i,) for i in range(size) if i not in grouped]
    return CovariancePattern(size, tuple(sorted(blocks)))


def solve_all(matrices: FloatArray, vectors: FloatArray) -> FloatArray:
    """Return the solutions of (S, r, r) systems with right sides (S, r)."""
    return np.asarray(np.linalg.solve(matrices, vectors[..., None])[..., 0])


def log_determinants(matrices: FloatArray) -> FloatArray:
    """Return (S,) logarithms of determinants of positive definite matrices."""
    return np.asarray(np.linalg.slogdet(matrices)[1])


def first_rows_of(subject: IntArray, count: int) -> IntArray:
    """Return the first row (S,) of each subject's observations, which are sorted by subject."""
    return np.searchsorted(subject, np.arange(count))
