"""Restricted mean survival."""

import immunoode as imo

lesions = imo.load_dataset("atezolizumab_lung")
two = ["Study_2_Arm_1", "Study_2_Arm_2"]
responses = imo.recist(lesions.select(arm=two))
pfs = imo.trial.progression_free_survival(responses)
imo.trial.restricted_mean_survival(pfs, "9 months").plot()
