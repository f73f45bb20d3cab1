"""Goodness of fit of a population."""

import numpy as np
import pandas as pd

import immunoode as imo

rng, days, rows = np.random.default_rng(2), np.arange(0, 300, 42.0), []
for k in range(40):
    growth, shrinkage, size = 0.002 * rng.lognormal(0, 0.5), 0.004 * rng.lognormal(0, 0.5), 70 * rng.lognormal(0, 0.3)
    sums = size * (np.exp(growth * days) + np.exp(-shrinkage * days) - 1) * (1 + 0.06 * rng.normal(size=len(days)))
    rows += [(f"P{k + 1:02d}", "drug", t, "sum_of_diameters", v, "mm") for t, v in zip(days, sums, strict=True)]
trial = imo.read_trial(pd.DataFrame(rows, columns=["subject", "arm", "time", "quantity", "value", "unit"]))
random = ["growth_rate", "shrinkage_rate", "baseline_sum_of_diameters"]
fit = imo.fit_population("ribba2022", trial, random=random, method="focei", error="proportional", progress=False)
fit.plot_residuals(draws=200)
