"""Waterfall of best changes.

The best change from baseline of each subject, coloured by best response.
"""

import immunoode as imo

lesions = imo.load_dataset("atezolizumab_lung")
two = ["Study_2_Arm_1", "Study_2_Arm_2"]
responses = imo.recist(lesions.select(arm=two))
imo.plot.waterfall(responses)
