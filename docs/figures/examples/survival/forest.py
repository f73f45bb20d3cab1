"""Forest plot of subgroups."""

import pandas as pd

import immunoode as imo

subgroups = pd.DataFrame(
    {
        "label": ["under 65 years", "65 years or older", "men", "women", "all patients"],
        "group": ["age", "age", "sex", "sex", ""],
        "estimate": [0.70, 0.82, 0.74, 0.78, 0.75],
        "lower": [0.50, 0.55, 0.54, 0.52, 0.58],
        "upper": [0.98, 1.22, 1.01, 1.17, 0.96],
        "events": [71, 58, 69, 60, 129],
        "n": [120, 80, 110, 90, 200],
    }
)
imo.plot.forest(subgroups, favours=("combination", "chemotherapy"))
