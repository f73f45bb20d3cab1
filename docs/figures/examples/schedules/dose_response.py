"""Response, toxicity and utility against the dose."""

import numpy as np
import pandas as pd

import immunoode as imo

model = imo.combine("tumour_immune", "radiotherapy")
patients = pd.DataFrame({"growth_rate": 0.01 * np.random.default_rng(1).lognormal(0, 0.5, 80), "kill_rate": 0.1})


def radiotherapy(fraction_dose: float, fractions: int) -> imo.Regimen:
    return imo.Regimen().dose("radiotherapy", fraction_dose, every="1 day", count=fractions, start=7, weekdays=True)


found = imo.optimisation.find_dose(
    model,
    radiotherapy,
    "12 weeks",
    doses={"fraction_dose": [0.5, 1, 1.5, 2, 3], "fractions": [3, 5, 8, 10]},
    patients=patients,
    response="sum_of_diameters: best_change <= -0.3",
    toxicity="effectors: best_change <= -0.85",
    weight=0.5,
    subjects=60,
)
found.plot_doses()
