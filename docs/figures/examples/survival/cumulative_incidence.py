"""Cumulative incidence of competing events."""

import numpy as np
import pandas as pd

import immunoode as imo

rng, n = np.random.default_rng(3), 240
arm = np.repeat(["docetaxel", "atezolizumab"], n // 2)
progression, death = rng.exponential(np.where(arm == "docetaxel", 150, 230)), rng.exponential(600, n)
end = rng.uniform(200, 700, n)
table = pd.DataFrame({"subject": range(n), "arm": arm, "time": np.minimum(np.minimum(progression, death), end)})
table["event"] = table["time"] < end
table["reason"] = np.where(progression < death, "progression", "death without progression")
imo.trial.cumulative_incidence(table).plot(bands=True)
