"""A shipped cohort compared with trials."""

import immunoode as imo

cohort = imo.load_population("large_b_cell_lymphoma")
cohort.compare_with_trials(progress=False).plot()
