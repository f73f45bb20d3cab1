"""Survival of one arm.

The curve from which a combination is predicted.
"""

import immunoode as imo

lesions = imo.load_dataset("atezolizumab_lung")
pfs = imo.trial.progression_free_survival(imo.recist(lesions))
imo.combination.survival_arm(pfs, "Study_2_Arm_1").plot()
