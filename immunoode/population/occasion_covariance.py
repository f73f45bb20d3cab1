"""The covariance of random effects on two levels: subjects, and occasions within subjects.

A subject's latent values on M occasions are mean + its own effect + that of the occasion. The covariance between subjects
applies across all occasions, and that between occasions within each of them; its parameters are those of the two patterns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from immunoode.fitting.observations import FloatArray
from immunoode.population.covariance import CovariancePattern

_LEAST = 1e-3
"""Smallest starting variance between subjects, as a share of the variance over occasions."""
_ROUNDS = 20
"""EM iterations for the covariance that is most likely given the moments."""


@dataclass(frozen=True)
class OccasionCovariance:
    """Effects of subjects (`between`) and of occasions (`within`) in r latent values.

    Attributes
    ----------
    subject_effect, occasion_effect : length r
        The index of the effect in `between`, and in `within`, of each latent value; -1 for none.
    occasion : length r
        The occasion of the latter; -1 for none.
    """

    between: CovariancePattern
    within: CovariancePattern
    subject_effect: tuple[int, ...]
    occasion_effect: tuple[int, ...]
    occasion: tuple[int, ...]

    @property
    def occasions(self) -> int:
        """M."""
        return 1 + max(self.occasion)

    @cached_property
    def elements(self) -> tuple[tuple[int, int], ...]:
        """Row and column of each element of the vector: of the subjects' covariance, then of the occasions'."""
        return self.between.elements + self.within.elements

    @cached_property
    def loadings(self) -> tuple[FloatArray, FloatArray]:
        """(r, q), (r, M w) design matrices of the effects of subjects, and of occasions."""
        size, w = len(self.subject_effect), self.within.size
        own, occasional = np.zeros((size, self.between.size)), np.zeros((size, self.occasions * w))
        for i, (a, b, m) in enumerate(zip(self.subject_effect, self.occasion_effect, self.occasion, strict=True)):
            if a >= 0:
                own[i, a] = 1.0
            if b >= 0:
                occasional[i, m * w + b] = 1.0
        return own, occasional

    def assembled(self, between: FloatArray, within: FloatArray) -> FloatArray:
        """Return the joint covariance (r, r) from those of subjects and occasions."""
        own, occasional = self.loadings
        each = np.kron(np.eye(self.occasions), within)
        return np.asarray(own @ between @ own.T + occasional @ each @ occasional.T)

    def components(self, omega: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the covariances of subjects and of occasions from the joint one."""
        within = np.zeros((self.within.size, self.within.size))
        for a in range(self.within.size):
            for b in range(self.within.size):
                i, j, other = self._at(a, 0), self._at(b, 0), self._at(b, 1)
                within[a, b] = omega[i, j] - omega[i, other]
        between = np.zeros((self.between.size, self.between.size))
        for a in range(self.between.size):
            for b in range(self.between.size):
                i = self.subject_effect.index(a)
                j = (
                    len(self.subject_effect) - 1 - self.subject_effect[::-1].index(b)
                )  # on the last occasion, apart from the first
                between[a, b] = omega[i, j]
        return between * self.between.mask, within * self.within.mask

    def _at(self, effect: int, occasion: int) -> int:
        pairs = list(zip(self.occasion_effect, self.occasion, strict=True))
        return pairs.index((effect, occasion))

    def split(self, omega: FloatArray, eta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the expected effects of subjects (S, q) and of occasions (S, M, w), given their sums (S, r)."""
        between, within = self.components(omega)
        own, occasional = self.loadings
        precise = np.linalg.solve(omega, eta.T).T
        each = precise @ occasional @ np.kron(np.eye(self.occasions), within)
        return precise @ own @ between, each.reshape(len(eta), self.occasions, self.within.size)

    def vector(self, omega: FloatArray) -> FloatArray:
        """Return the vector of a covariance."""
        between, within = self.components(omega)
        return np.concatenate([self.between.vector(between), self.within.vector(within)])

    def matrix(self, vector: FloatArray) -> FloatArray:
        """Return the covariance."""
        count = len(self.between.elements)
        return self.assembled(self.between.matrix(vector[:count]), self.within.matrix(vector[count:]))

    def derivatives(self, vector: FloatArray) -> Iterator[FloatArray]:
        """Yield the derivative of the covariance with respect to each element of the vector."""
        count = len(self.between.elements)
        nothing = np.zeros((self.between.size,) * 2), np.zeros((self.within.size,) * 2)
        for change in self.between.derivatives(vector[:count]):
            yield self.assembled(change, nothing[1])
        for change in self.within.derivatives(vector[count:]):
            yield self.assembled(nothing[0], change)

    def projected(self, omega: FloatArray) -> FloatArray:
        """Return the covariance of this pattern under which second moments `omega` are most likely."""
        between, within = (p.projected(m) for p, m in zip((self.between, self.within), self._guess(omega), strict=True))
        own, occasional = self.loadings
        for _ in range(_ROUNDS):
            each = np.kron(np.eye(self.occasions), within)
            turned = np.linalg.inv(own @ between @ own.T + occasional @ each @ occasional.T)
            both = turned @ omega @ turned - turned
            first = between + between @ own.T @ both @ own @ between
            second = each + each @ occasional.T @ both @ occasional @ each
            w, m = self.within.size, self.occasions
            mean = np.einsum("aiaj->ij", second.reshape(m, w, m, w)) / m
            between, within = self.between.projected(first), self.within.projected(mean)
        return self.assembled(between, within)

    def _guess(self, omega: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the covariances of subjects and occasions by the method of moments."""
        w, m = self.within.size, self.occasions
        place = np.array([[self._at(b, k) for b in range(w)] for k in range(m)])
        same = np.mean([omega[np.ix_(p, p)] for p in place], axis=0)
        others = [omega[np.ix_(p, q)] for k, p in enumerate(place) for j, q in enumerate(place) if j != k]
        within = same - np.mean(others, axis=0)
        own = self.loadings[0]
        counts = own.sum(axis=0)
        average = (own / counts).T @ omega @ (own / counts)
        noise = np.zeros_like(average)
        for a in range(self.between.size):
            mine = self.occasion_effect[self.subject_effect.index(a)]
            if mine >= 0:
                noise[a, a] = within[mine, mine] / m
        diagonal = np.diag(average)
        low = np.diag(np.maximum(_LEAST * diagonal - np.diag(average - noise), 0.0))
        return average - noise + low, within
