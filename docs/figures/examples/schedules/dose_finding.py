"""Utility of doses and intervals."""

import numpy as np
import pandas as pd

import immunoode as imo

model = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))
patients = pd.DataFrame({"growth_rate": 0.006 * np.random.default_rng(1).lognormal(0, 0.5, 100)})
found = imo.optimisation.find_dose(
    model,
    lambda dose, interval: imo.Regimen().dose("docetaxel", dose, every=interval, count=3),
    "12 weeks",
    doses={"dose": [25, 50, 75, 100, 150], "interval": [7, 14, 21, 28]},
    patients=patients,
    response="sum_of_diameters: best_change <= -0.2",
    toxicity="effectors: best_change <= -0.8",
    subjects=50,
)
found.plot()
