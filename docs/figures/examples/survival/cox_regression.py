"""Forest plot of a Cox regression."""

import pandas as pd

import immunoode as imo

lesions = imo.load_dataset("atezolizumab_lung")
two = ["Study_2_Arm_1", "Study_2_Arm_2"]
responses = imo.recist(lesions.select(arm=two))
pfs = imo.trial.progression_free_survival(responses)
baseline = responses.subjects.set_index("subject")["baseline"]
covariates = pd.DataFrame({"large_tumour": (baseline > baseline.median()) * 1.0})
imo.plot.forest(imo.trial.cox(pfs, covariates))
