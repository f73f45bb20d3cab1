"""Time course of many patients.

Some patients, the median and the range from the 5th to the 95th percentile.
"""

import numpy as np
import pandas as pd

import immunoode as imo

antibody = imo.load_model("pd1_inhibitor", variant="pembrolizumab")
model = imo.combine("tumour_immune", antibody, "radiotherapy", "radiation_pdl1")
pembrolizumab = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=17, over="30 min")
radiotherapy = imo.Regimen().dose("radiotherapy", "3 Gy", every="1 day", count=10, start="6 weeks", weekdays=True)
patients = pd.DataFrame({"growth_rate": 0.006 * np.random.default_rng(1).lognormal(0, 0.4, 200)})
imo.simulate(model, pembrolizumab, until="1 year", parameters=patients, progress=False).plot()
