"""Estimates of each subject.

The parameters of a separate fit for each subject, by arm, with the median of the arm.
"""

import immunoode as imo

data = imo.load_example().select(at_least=4)
vary = ["growth_rate", "shrinkage_rate"]
imo.fitting.fit_each("ribba2022", data, vary, progress=False).plot()
