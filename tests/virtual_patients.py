"""Virtual patients of a closed-form model of tumour size, for tests of calibration."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from immunoode.virtual_population.patients import VirtualPatients

FloatArray = NDArray[np.float64]
CENTRE = np.array([logit(0.27), np.log(0.0013), np.log(0.0091)])
SPREAD = np.array([2.16, 1.57, 1.24])
CORRELATION = -0.64
"""Sensitive fraction (logit-normal), growth and shrinkage rate per day (log-normal), as in Pumas' public tutorial."""
FOLLOW_UP = 3 * 365.25
FIRST_VISIT = 42.0


def draw(n: int, seed: int, shift: FloatArray | float = 0.0, scale: FloatArray | float = 1.0) -> FloatArray:
    """Return transformed parameters, shape (n, 3); shift and scale are in standard deviations."""
    z = np.random.default_rng(seed).standard_normal((n, 3))
    z[:, 1] = CORRELATION * z[:, 0] + np.sqrt(1 - CORRELATION**2) * z[:, 1]
    return CENTRE + SPREAD * (shift + scale * z)


def sizes_at(parameters: FloatArray, days: FloatArray | float) -> FloatArray:
    """Return sizes relative to the baseline, f exp(-k t) + (1 - f) exp(g t)."""
    f, g, k = expit(parameters[:, 0]), np.exp(parameters[:, 1]), np.exp(parameters[:, 2])
    return f * np.exp(-k * days) + (1 - f) * np.exp(np.minimum(g * days, 50.0))


def outcomes(parameters: FloatArray) -> pd.DataFrame:
    """Return best change, best response and PFS: progression is a rise of 20 % (and 5 of 60 mm) above the nadir."""
    f, g, k = expit(parameters[:, 0]), np.exp(parameters[:, 1]), np.exp(parameters[:, 2])
    lowest = np.clip(np.log(np.maximum(f * k, 1e-300) / ((1 - f) * g)) / (k + g), 0.0, FOLLOW_UP)
    nadir = np.minimum(sizes_at(parameters, lowest), 1.0)
    low, high = lowest.copy(), np.full_like(lowest, FOLLOW_UP)
    limit = np.maximum(1.2 * nadir, nadir + 5 / 60)
    event = sizes_at(parameters, high) >= limit
    for _ in range(40):
        middle = (low + high) / 2
        above = sizes_at(parameters, middle) >= limit
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    time = np.where(event, high, FOLLOW_UP)
    best = sizes_at(parameters, np.clip(lowest, FIRST_VISIT, np.maximum(FIRST_VISIT, time))) - 1
    early = event & (time <= FIRST_VISIT)
    response = np.select([early, best <= -0.95, best <= -0.3], ["PD", "CR", "PR"], "SD")
    return pd.DataFrame({"best_change": best, "best_response": response, "pfs_time": time, "pfs_event": event})


def virtual_patients(n: int, seed: int, arm: str = "drug", shift: FloatArray | float = 0.0) -> VirtualPatients:
    """Return patients with outcomes in one arm."""
    parameters = draw(n, seed, shift)
    return VirtualPatients(pd.DataFrame(parameters, columns=["f", "g", "k"]), {arm: outcomes(parameters)})
