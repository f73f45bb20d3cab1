"""Derivatives of predictions by central differences, for engines or subjects without sensitivities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from immunoode.fitting.observations import FloatArray, IntArray
from immunoode.fitting.parameterisation import Parameterisation


def by_differences(
    predict: Callable[[FloatArray], FloatArray], parameterisation: Parameterisation, values: FloatArray, subject: IntArray
) -> tuple[FloatArray, FloatArray, int]:
    """Return predictions, derivatives and number of simulations, as `immunoode.fitting.prediction.Predictor.derivatives` does.

    Parameters
    ----------
    predict : callable
        (B, S, K) -> (B, N).
    subject : ndarray, shape (N,)
        The subject of each observation.
    """
    moved, _ = parameterisation.perturbed(values)
    found = predict(np.concatenate([values[None], moved]))
    by = np.empty((len(parameterisation.fitted_parameters), len(subject)))
    for k in range(len(by)):
        width = moved[2 * k, :, k] - moved[2 * k + 1, :, k]
        by[k] = (found[1 + 2 * k] - found[2 + 2 * k]) / width[subject]
    return found[0], by, len(found)
