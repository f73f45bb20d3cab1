"""Forest plot of a Cox regression."""

import pandas as pd

import immunoode as imo

lesions = imo.load_dataset("atezolizumab_lung")
two = ["Study_2_Arm_1", "Study_2_Arm_2"]
responses = imo.recist(lesions.select(arm=two))
pfs = imo.trial.progression_free_survival(responses)
rates = imo.trial.growth_rates(lesions.select(arm=two)).set_index("subject")["growth_rate"].dropna()
covariates = pd.DataFrame({"fast_growth": (rates > rates.median()) * 1.0})
imo.plot.forest(imo.trial.cox(pfs, covariates))
