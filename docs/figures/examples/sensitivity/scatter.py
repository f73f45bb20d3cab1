"""An output against parameters."""

import immunoode as imo

population = imo.virtual_population.load_distribution("stein2019").truncated_to("stein2019")
imo.global_sensitivity("stein2019", population, "log(transgene): at(180)", until="180 days", n=128).plot_scatter()
