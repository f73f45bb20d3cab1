"""How long trial data and endpoints take: a table of a million rows, responses and a virtual trial of 10,000 patients."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tools.results import show

import immunoode as imo

PATIENTS, ROWS = 10_000, 1_000_000
TEXT = f"""Reading is of a csv with {ROWS:,} rows: opened, every row checked, units compared, sorted. The virtual trial has
{PATIENTS:,} patients in two arms, visits every 6, then every 9 weeks for two years, up to five target lesions each, new
lesions, deaths and dropout; the simulations are made before. Responses are by lesions, best and confirmed ones included."""


def main() -> None:
    """Measure, print the table."""
    rows = [("a table of a million rows: reading and checks", _read())]
    runs = _runs()
    made: dict[str, Any] = {}
    rows.append(("10,000 simulated patients to trial data", _seconds(lambda: made.update(trial=_observed(runs)))))
    trial = made["trial"]
    rows.append(("trial data to responses by RECIST 1.1", _seconds(lambda: made.update(responses=imo.recist(trial)))))
    rows.append(("to rates with exact intervals", _seconds(lambda: made["responses"].rates())))
    rows.append(("trial data to responses by iRECIST", _seconds(lambda: imo.irecist(trial))))
    pfs = imo.trial.progression_free_survival(made["responses"], trial)
    rows.append(("progression-free survival and its curves", _seconds(lambda: imo.kaplan_meier(pfs))))
    show("trial_endpoints", "Trial data and endpoints", TEXT, ("what", "seconds"), [(what, f"{s:.2f} s") for what, s in rows])


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _read() -> float:
    subject = np.repeat(np.arange(ROWS // 10), 10)
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {"subject": subject, "arm": np.where(subject % 2, "a", "b"), "day": np.tile(np.arange(10) * 42, ROWS // 10)}
    )
    table["value"], table["unit"] = random.lognormal(4, 0.5, ROWS).round(1), "mm"
    with tempfile.TemporaryDirectory() as folder:
        table.to_csv(path := Path(folder) / "rows.csv", index=False)
        return _seconds(lambda: imo.read_trial(path))


def _runs() -> dict[str, imo.Simulation]:
    random = np.random.default_rng(0)
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    antibody = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=35, over="30 min")
    runs = {}
    for arm, regimen in (("control", None), ("pembrolizumab", antibody)):
        count = PATIENTS // 2
        people = pd.DataFrame(
            {
                "growth_rate": 0.006 * random.lognormal(0, 0.5, count),
                "kill_rate": np.clip(0.7 * random.lognormal(0, 0.8, count), 0.1, 20),
                "baseline_sum_of_diameters": np.clip(70 * random.lognormal(0, 0.4, count), 20, 200),
            }
        )
        options: dict[str, Any] = {"until": "2 years", "outputs": ["sum_of_diameters"], "times": np.arange(0, 731, 7.0)}
        runs[arm] = imo.simulate(model, regimen, parameters=people, progress=False, **options)
    return runs


def _observed(runs: dict[str, imo.Simulation]) -> imo.TrialData:
    visits = imo.virtual_trial.VisitSchedule(
        "6 weeks", "48 weeks", "9 weeks", "100 weeks", screening="4 weeks", jitter="3 days", missed=0.04
    )
    hazards = {
        "new_lesions": imo.virtual_trial.Hazard(0.3, 0.5),
        "death": imo.virtual_trial.Hazard(0.5, 1.0),
        "dropout": imo.virtual_trial.Hazard(0.1),
    }
    return imo.virtual_trial.observe(runs, visits, seed=1, **hazards)


if __name__ == "__main__":
    main()
