"""Running things along the visits of each subject: one row per subject, one column per visit, padded at the right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Grid:
    """Where each visit of a sorted table is in a padded matrix.

    Attributes
    ----------
    row, column : array of int
        One entry per visit.
    shape : (int, int)
        Subjects, and the most visits of one.
    """

    row: Array
    column: Array
    shape: tuple[int, int]

    def spread(self, values: Array, fill: float | bool) -> Array:
        """Return values as a matrix, `fill` where there is no visit."""
        matrix = np.full(self.shape, fill, dtype=np.asarray(values).dtype)
        matrix[self.row, self.column] = values
        return matrix

    def gather(self, matrix: Array) -> Array:
        """Return the matrix's values, one a visit."""
        return np.asarray(matrix[self.row, self.column])

    def before(self, values: Array) -> Array:
        """Return whether `values` was true at any earlier visit of the subject."""
        matrix = self.spread(values, False)
        earlier = np.zeros_like(matrix)
        earlier[:, 1:] = np.logical_or.accumulate(matrix, axis=1)[:, :-1]
        return self.gather(earlier)

    def smallest_before(self, values: Array, first: Array) -> Array:
        """Return the smallest of `first` (one a subject) and the values at earlier visits; NaN does not count."""
        matrix = np.empty((self.shape[0], self.shape[1] + 1))
        matrix[:, 0] = first
        matrix[:, 1:] = self.spread(np.asarray(values, float), np.nan)
        return self.gather(np.fmin.accumulate(matrix, axis=1)[:, :-1])


def grid_of(subject: Array, subjects: int) -> Grid:
    """Return the grid of visits that are sorted by subject."""
    count = np.bincount(subject, minlength=subjects)
    start = np.concatenate([[0], np.cumsum(count)[:-1]]) if subjects else np.zeros(0, np.int64)
    column = np.arange(len(subject)) - start[subject]
    return Grid(subject, column, (subjects, int(count.max(initial=0))))


def any_of(condition: Array, subject: Array, subjects: int) -> Array:
    """Return whether the condition held at any visit, one a subject."""
    return np.bincount(subject, weights=condition, minlength=subjects) > 0


def first_time(condition: Array, time: Array, subject: Array, subjects: int) -> Array:
    """Return the first time the condition held, NaN where it never did."""
    found = np.full(subjects, np.inf)
    np.minimum.at(found, subject[condition], time[condition])
    return np.where(np.isinf(found), np.nan, found)


def last_time(condition: Array, time: Array, subject: Array, subjects: int) -> Array:
    """Return the last time the condition held, NaN where it never did."""
    return -first_time(condition, -time, subject, subjects)
