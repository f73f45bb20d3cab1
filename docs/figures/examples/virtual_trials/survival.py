"""Survival in a simulated trial."""

import numpy as np
import pandas as pd

import immunoode as imo

vt, rng = imo.virtual_trial, np.random.default_rng(1)
model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
antibody = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=17, over="30 min")
patients = pd.DataFrame({"growth_rate": 0.006 * rng.lognormal(0, 0.5, 100), "kill_rate": 0.7 * rng.lognormal(0, 0.8, 100)})
visits = vt.VisitSchedule("6 weeks", "48 weeks")
how = {"model": model, "observation": vt.Observation(visits, death=vt.Hazard(0.4, 1.0)), "seed": 1}
arms = {"control": None, "pembrolizumab": antibody}
imo.simulate_trial(patients, arms, 120, **how).plot()
