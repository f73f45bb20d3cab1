"""Which parameters decide who responds."""

import immunoode as imo

population = imo.virtual_population.load_distribution("stein2019").truncated_to("stein2019")
imo.global_sensitivity("stein2019", population, "transgene: at(180) >= 50", method="regional", until="180 days", n=256).plot()
