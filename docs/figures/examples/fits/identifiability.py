"""Identifiability before the experiment."""

import pandas as pd

import immunoode as imo

arms = pd.DataFrame({"concentration": [0.0, 150.0, 300.0, 600.0]}, index=["control", "low", "middle", "high"])
names = ["exponential_growth", "linear_growth", "potency", "death_rate", "initial_tumour"]
how = {"regimens": dict.fromkeys(arms.index), "parameters": arms, "error": "lognormal", "size": 0.15, "subjects": 6}
early = imo.identifiability("simeoni2004", names, times={"tumour_weight": [5, 8, 11]}, **how)
early.plot()
