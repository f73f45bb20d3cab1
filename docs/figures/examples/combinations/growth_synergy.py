"""Synergy in mice.

Growth in four groups, and the index of each null over time.
"""

import numpy as np
import pandas as pd

import immunoode as imo

rng, days, rows = np.random.default_rng(1), np.arange(0, 31, 3.0), []
for group, rate in {"vehicle": 0.08, "A": 0.07, "B": 0.06, "A + B": 0.03}.items():
    for k in range(8):
        volume = 150 * np.exp((rate + 0.008 * rng.standard_normal()) * days + 0.15 * rng.standard_normal(len(days)))
        rows.append(pd.DataFrame({"subject": f"{group} {k}", "arm": group, "time": days, "value": volume}))
imo.synergy(pd.concat(rows), "A", "B", "A + B", control="vehicle").plot()
