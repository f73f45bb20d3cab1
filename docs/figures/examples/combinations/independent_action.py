"""Independent drug action."""

import numpy as np
import pandas as pd

import immunoode as imo

rng, n = np.random.default_rng(4), 200
times = {"A": rng.exponential(150, n), "B": rng.exponential(200, n)}
times["A + B"] = np.maximum(rng.exponential(150, n), rng.exponential(200, n))
last = rng.uniform(300, 900, 3 * n)
trial = pd.DataFrame({"arm": np.repeat(list(times), n), "time": np.concatenate(list(times.values()))})
trial = trial.assign(event=trial["time"] <= last, time=np.minimum(trial["time"], last), endpoint="PFS")
imo.independent_action("A", "B", "A + B", data=trial, correlation=0, first_scan="6 weeks").plot()
