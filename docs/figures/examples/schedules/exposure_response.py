"""Exposure and response.

Groups of equal size by exposure, and a logistic regression.
"""

import numpy as np
import pandas as pd

import immunoode as imo

rng = np.random.default_rng(2)
model = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))
patients = pd.DataFrame(
    {
        "growth_rate": 0.004 * rng.lognormal(0, 0.5, 120),
        "docetaxel_clearance": imo.load_model("chemotherapy", variant="docetaxel").parameters["clearance"].value
        * rng.lognormal(0, 0.35, 120),
    }
)
regimen = imo.Regimen().dose("docetaxel", 150, every="3 weeks", count=4)
run = imo.simulate(model, regimen, until="12 weeks", parameters=patients, progress=False)
sums = run["sum_of_diameters"]
exposure = 4 * 150 / patients["docetaxel_clearance"]
imo.plot.exposure_response(
    exposure,
    sums.min(axis=1) < 0.9 * sums[:, 0],
    labels=("Area under the concentration of docetaxel (mg·day/L)", "Share of patients whose tumour shrinks"),
)
