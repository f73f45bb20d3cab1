"""Survival reconstructed from a published figure."""

import numpy as np
import pandas as pd

import immunoode as imo

months = np.arange(0, 18.1, 0.5)
nivolumab = [
    1.000,
    0.970,
    0.903,
    0.836,
    0.768,
    0.547,
    0.524,
    0.501,
    0.478,
    0.462,
    0.415,
    0.407,
    0.383,
    0.335,
    0.327,
    0.311,
    0.286,
    0.278,
    0.278,
    0.270,
    0.252,
    0.225,
    0.216,
    0.216,
    0.207,
    0.197,
    0.197,
    0.186,
    0.175,
    0.175,
    0.175,
    0.175,
    0.149,
    0.149,
    0.149,
    0.149,
    0.149,
]  # CheckMate 017
curve = pd.DataFrame({"time": months, "survival": nivolumab})
at_risk = {0: 135, 3: 68, 6: 48, 9: 33, 12: 21, 15: 15, 18: 6}
imo.reconstruct_survival(curve, at_risk, unit="month", endpoint="PFS").plot()
