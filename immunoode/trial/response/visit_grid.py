"""Operations along the visits of each subject, on matrices with one row per subject and one column per visit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class VisitGrid:
    """Row and column of each visit in a matrix that is padded at the right.

    Attributes
    ----------
    row, column : array of int
        One entry per visit.
    shape : (int, int)
        Number of subjects, and the largest number of visits of one subject.
    """

    row: Array
    column: Array
    shape: tuple[int, int]

    def to_matrix(self, values: Array, fill: float | bool) -> Array:
        """Return one value per visit as a matrix, with `fill` in the padding."""
        matrix = np.full(self.shape, fill, dtype=np.asarray(values).dtype)
        matrix[self.row, self.column] = values
        return matrix

    def from_matrix(self, matrix: Array) -> Array:
        """Return the values of a matrix, one per visit."""
        return np.asarray(matrix[self.row, self.column])

    def any_before(self, values: Array) -> Array:
        """Return whether `values` was true at any earlier visit of the subject."""
        matrix = self.to_matrix(values, False)
        earlier = np.zeros_like(matrix)
        earlier[:, 1:] = np.logical_or.accumulate(matrix, axis=1)[:, :-1]
        return self.from_matrix(earlier)

    def largest_so_far(self, values: Array) -> Array:
        """Return the largest value up to each visit of the subject; values are not negative."""
        return self.from_matrix(np.maximum.accumulate(self.to_matrix(values, 0), axis=1))

    def smallest_before(self, values: Array, first: Array) -> Array:
        """Return the smallest of `first` (one per subject) and the values at earlier visits; NaN is ignored."""
        matrix = np.empty((self.shape[0], self.shape[1] + 1))
        matrix[:, 0] = first
        matrix[:, 1:] = self.to_matrix(np.asarray(values, float), np.nan)
        return self.from_matrix(np.fmin.accumulate(matrix, axis=1)[:, :-1])


def visit_grid(subject: Array, subjects: int) -> VisitGrid:
    """Return the grid of visits that are sorted by subject."""
    count = np.bincount(subject, minlength=subjects)
    start = np.concatenate([[0], np.cumsum(count)[:-1]]) if subjects else np.zeros(0, np.int64)
    column = np.arange(len(subject)) - start[subject]
    return VisitGrid(subject, column, (subjects, int(count.max(initial=0))))


def is_first(*sorted_columns: Array) -> Array:
    """Return which rows begin a new group, in rows that are sorted by these columns."""
    changes = np.logical_or.reduce([np.diff(column) != 0 for column in sorted_columns])
    return np.append(True, changes)[: len(sorted_columns[0])]


def any_of(condition: Array, subject: Array, subjects: int) -> Array:
    """Return for each subject whether the condition held at any visit."""
    return np.bincount(subject, weights=condition, minlength=subjects) > 0


def first_time(condition: Array, time: Array, subject: Array, subjects: int) -> Array:
    """Return for each subject the first time at which the condition held, NaN if it never did."""
    found = np.full(subjects, np.inf)
    np.minimum.at(found, subject[condition], time[condition])
    return np.where(np.isinf(found), np.nan, found)


def last_time(condition: Array, time: Array, subject: Array, subjects: int) -> Array:
    """Return for each subject the last time at which the condition held, NaN if it never did."""
    return -first_time(condition, -time, subject, subjects)
