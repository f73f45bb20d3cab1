"""The interface between a fit and its forward model: predictions at the observations, and curves over time."""

from __future__ import annotations

from typing import Protocol

from immunoode.fitting.observations import FloatArray, IntArray, Observations
from immunoode.fitting.parameterisation import Parameterisation


class Predictor(Protocol):
    """The interface of a forward model.

    `values` are (B, S, K): B sets of values of the K varied parameters in S subjects. Predictions that could not be simulated
    are NaN.
    """

    def __call__(self, values: FloatArray) -> FloatArray:
        """Return the predictions (B, N) at the observations, in the outputs' units."""
        ...

    def derivatives(self, values: FloatArray) -> tuple[FloatArray, FloatArray, int]:
        """Return the predictions (N,) for one set of values (S, K), and their derivatives (K, N) by each fitted parameter.

        The derivatives of each subject are with respect to its own values. The last item is the number of simulations of the
        whole data set.
        """
        ...

    def curves(self, values: FloatArray, times: FloatArray) -> FloatArray:
        """Return the observed outputs (B, S, T, Q) at `times` (days); NaN before a subject's start."""
        ...

    def single_threaded(self) -> Predictor:
        """Return the same predictor in a single thread, for fits that run in parallel."""
        ...

    def take(self, subjects: IntArray, observations: Observations, parameterisation: Parameterisation) -> Predictor:
        """Return the predictor for some subjects, each any number of times, given their observations and parameterisation."""
        ...
