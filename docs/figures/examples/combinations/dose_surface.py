"""Dose surface with isoboles."""

import numpy as np
import pandas as pd

import immunoode as imo

first, second = (d.ravel() for d in np.meshgrid([0, 0.1, 0.3, 1, 3, 10], [0, 0.2, 0.6, 2, 6, 20]))
effect = 0.9 * (first + second / 2 + first * second / 4) ** 1.5 / (1 + (first + second / 2 + first * second / 4) ** 1.5)
table = pd.DataFrame({"first_dose": first, "second_dose": second, "effect": effect})
imo.combination.dose_surface(table).plot()
