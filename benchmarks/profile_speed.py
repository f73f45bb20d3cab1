"""Profile likelihoods of a four-arm mouse study: time to the five curves, with and without starting sizes of each mouse."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd
from tools.results import show

import immunoode as imo

ARMS = {"control": 0.43, "one": 0.41, "other": 0.39, "both": 0.36}
"""Growth rate of each arm (1/day)."""
MICE, DAYS, SIZE = 10, [7.0, 10.0, 13.0, 16.0, 19.0, 22.0], 0.2
BRAKE = 0.43
TEXT = f"""Five parameters of `tumour_immune_0_1`, scaled to a mouse: a growth rate for each of four arms and the PD-1 brake of
all; {MICE} mice an arm, {len(DAYS)} volumes each with log-normal errors of {100 * SIZE:.0f} %. First with the starting size of
each mouse taken from its first volume, then with all {MICE * len(ARMS)} of them fitted again at every point. Both thresholds
are passed on either side. Seconds of a warm fit and of its profiles, the least of three rounds; processor seconds are those of
both threads, and do not depend on what else the machine does."""


MOUSE = {
    "number_of_lesions": 1,
    "cell_density": 1e9,
    "capacity": 5e9,
    "growth_rate": 0.25,
    "turnover_rate": 0.05,
    "clearance_rate": 0.3,
    "baseline_sum_of_diameters": 5,
    "antigen_half_saturation": 1e7,
    "killing_half_saturation": 1e7,
    "effector_capacity": 1e7,
    "priming_rate": 1e6,
    "recruitment_rate": 1e6,
    "surveillance_rate": 1e3,
    "pd1_inhibition": BRAKE,
}
"""The base model at the scale of a mouse, as docs/fits/real_data_fits.py has it for the experiment with anti-PD-1."""


def model() -> imo.Model:
    """Return it, with these values outside the bounds that hold for patients."""
    whole = imo.load_model("tumour_immune_0_1")
    values = {n: replace(p, value=MOUSE[n], bounds=None) if n in MOUSE else p for n, p in whole.parameters.items()}
    patient = {n: replace(p, value=MOUSE[n], bounds=None) if n in MOUSE else p for n, p in whole.covariates.items()}
    return replace(whole, parameters=values, covariates=patient)


def data() -> imo.TrialData:
    """Return a simulated study."""
    random, rows = np.random.default_rng(3), []
    for arm, rate in ARMS.items():
        for i in range(MICE):
            start = 5.0 * np.exp(0.15 * random.standard_normal())
            run = imo.simulate(
                model(),
                times=DAYS,
                outputs=["tumour_volume"],
                start=DAYS[0],
                parameters={"growth_rate": rate, "baseline_sum_of_diameters": start},
            )
            values = run["tumour_volume"] * np.exp(SIZE * random.standard_normal(len(DAYS)))
            rows += [(f"{arm} {i + 1}", arm, d, "tumour_volume", v) for d, v in zip(DAYS, values, strict=True)]
    return imo.read_trial(pd.DataFrame(rows, columns=["subject", "arm", "time", "quantity", "value"]), {}, "mL")


def timed(study: imo.TrialData, own: list[str]) -> list[Any]:
    """Return one row of the table."""
    bounds = {"growth_rate": (0.02, 1.5), "pd1_inhibition": (0.01, 300.0), "baseline_sum_of_diameters": (0.5, 20.0)}
    known = {"growth_rate", "pd1_inhibition", *own}
    best: list[float] = []
    for _ in range(3):
        begin = perf_counter()
        fit = imo.fit(
            model(),
            study,
            ["pd1_inhibition"],
            per_arm=["growth_rate"],
            per_subject=own,
            error="lognormal",
            start=DAYS[0],
            bounds={n: b for n, b in bounds.items() if n in known},
            progress=False,
        )
        middle, busy = perf_counter(), process_time()
        curves = fit.profile(progress=False)
        found = [middle - begin, perf_counter() - middle, process_time() - busy]
        best = found if not best or found[1] < best[1] else best
    points = sum(len(p.values) for p in curves.values())
    name = "starting sizes fitted again" if own else "starting sizes from the data"
    return [name, fit.lmfit.nvarys, len(curves), points, *(f"{s:.2f}" for s in best)]


def main() -> None:
    """Measure, print the table."""
    study = data()
    rows = [timed(study, []), timed(study, ["baseline_sum_of_diameters"])]
    head = ("study", "parameters", "profiles", "points", "fit, s", "profiles, s", "processor, s")
    show("profile_speed", "Profile likelihoods", TEXT, head, rows)


if __name__ == "__main__":
    main()
