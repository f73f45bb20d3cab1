"""Time of a robust schedule over 10,000 patients: the worst tenth of a cohort, three doses under a cumulative limit.

Run: python benchmarks/robust_schedule.py
"""

from __future__ import annotations

import os
import time

import numpy as np
import pandas as pd

import immunoode as imo

PATIENTS, STARTS = 10_000, 10  # as many starts as give at least 200 evaluations


def cohort(n: int) -> pd.DataFrame:
    """Return patients whose tumours grow, and respond, differently."""
    random = np.random.default_rng(1)
    growth, kill = np.exp(0.3 * random.standard_normal((2, n)))
    return pd.DataFrame({"growth_rate": 0.005 * growth, "docetaxel_largest_kill": 0.1 * kill})


def main() -> None:
    """Print wall and processor time: starts are tried with 1,000 of the patients, the best is continued with all."""
    model = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))
    regimen = imo.Regimen().dose("docetaxel", 100, every="3 weeks", count=3)
    how = {
        "choose": {f"amount(docetaxel, {k})": (0, 250) for k in range(3)},
        "minimise": "log(tumour): final",
        "subject_to": ["cumulative(docetaxel) <= 400"],
        "over": "cvar(0.9)",
    }
    imo.optimise(model, regimen, "12 weeks", patients=cohort(16), starts=1, **how)  # compiles
    wall, processor = time.perf_counter(), time.process_time()
    found = imo.optimise(model, regimen, "12 weeks", patients=cohort(PATIENTS), starts=STARTS, **how)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(found.report())
    print(f"{os.cpu_count()} processors: {wall:.1f} s wall, {processor:.1f} s processor time, {found.evaluations} evaluations")


if __name__ == "__main__":
    main()
