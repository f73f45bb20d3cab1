"""Kaplan-Meier curves with the hazard ratio."""

import immunoode as imo

lesions = imo.load_dataset("atezolizumab_lung")
two = ["Study_2_Arm_1", "Study_2_Arm_2"]
responses = imo.recist(lesions.select(arm=two))
pfs = imo.trial.progression_free_survival(responses)
imo.kaplan_meier(pfs).plot(hazard_ratio=True)
