"""Criteria of plausibility."""

import immunoode as imo
from immunoode.virtual_population import LogNormal, PlausibilityCriterion, check_plausibility

rates = {"growth_rate": LogNormal(0.002, 0.8), "shrinkage_rate": LogNormal(0.004, 0.6)}
criteria = (
    PlausibilityCriterion("sum_of_diameters", upper="120 mm", at="1 year"),
    PlausibilityCriterion("sum_of_diameters", lower="30 mm", between=(0, "1 year")),
)
patients = imo.sample_patients("ribba2022", rates, 400, seed=1)
check_plausibility("ribba2022", patients, criteria).plot()
