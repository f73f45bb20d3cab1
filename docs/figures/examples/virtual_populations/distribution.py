"""Distribution of a virtual population."""

import immunoode as imo

imo.virtual_population.load_distribution("stein2019").plot()
