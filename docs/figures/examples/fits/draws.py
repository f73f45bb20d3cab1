"""Bootstrap draws."""

import numpy as np
import pandas as pd

import immunoode as imo

rng, days, rows = np.random.default_rng(4), [5, 8, 11, 14, 17, 20, 23, 26], []
arms = pd.DataFrame({"concentration": [0.0, 300.0, 600.0]}, index=["control", "300 ng/mL", "600 ng/mL"])
for arm, concentration in arms["concentration"].items():
    weight = imo.simulate("simeoni2004", times=[0, *days], parameters={"concentration": concentration})["tumour_weight"][1:]
    for k in range(6):
        values = weight * np.exp(0.15 * rng.normal(size=len(days)))
        rows += [(f"{arm} {k}", arm, t, "tumour_weight", v) for t, v in zip(days, values, strict=True)]
study = imo.read_trial(pd.DataFrame(rows, columns=["subject", "arm", "time", "quantity", "value"]), units="g")
names = ["exponential_growth", "linear_growth", "potency", "initial_tumour"]
how = {"parameters": arms, "baseline": False, "start": 0.0, "error": "lognormal", "progress": False}
fit = imo.fit("simeoni2004", study, names, **how)
fit.bootstrap(60, progress=False).plot()
