"""Virtual patients.

The distributions of the parameters of a sample.
"""

import immunoode as imo

drawn = imo.sample_patients("stein2019", "stein2019", 500, seed=1)
imo.virtual_population.VirtualPatients(drawn).plot()
