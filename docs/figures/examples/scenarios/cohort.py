"""Scenarios of a cohort.

The median and the range of 90 % of the patients, one column per scenario.
"""

import numpy as np
import pandas as pd

import immunoode as imo

model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"), "radiotherapy")
pembrolizumab = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=8, over="30 min")
radiotherapy = imo.Regimen().dose("radiotherapy", "3 Gy", every="1 day", count=5, start="6 weeks", weekdays=True)
scenarios = {"untreated": None, "pembrolizumab": pembrolizumab, "both": pembrolizumab + radiotherapy}
patients = pd.DataFrame({"growth_rate": 0.006 * np.random.default_rng(1).lognormal(0, 0.5, 60)})
comparison = imo.compare(model, scenarios, until="26 weeks", parameters=patients, progress=False)
comparison.plot(facet=True, panels=[])
