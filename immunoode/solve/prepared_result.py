"""The result of one call of a prepared simulation."""

from __future__ import annotations

from dataclasses import dataclass

from immunoode.solve.problem.packed_input import FloatArray
from immunoode.solve.status import Status


@dataclass(frozen=True)
class PreparedResult:
    """The result of a prepared simulation.

    Attributes
    ----------
    values : ndarray, shape (T, K), or (P, T, K) of many subjects
        The outputs at the output times; NaN after the time at which a subject's integration stopped.
    derivatives : ndarray, shape (T, K, m), or (P, T, K, m), or None
        Derivatives of the outputs with respect to the varied quantities, if requested.
    status : tuple of Status
        How each subject ended.
    """

    values: FloatArray
    derivatives: FloatArray | None
    status: tuple[Status, ...]

    @property
    def ok(self) -> bool:
        """Whether every subject was integrated to the end."""
        return all(s.ok for s in self.status)
