"""Make the tables of docs/first_tasks.md by simulation. Run: python docs/data/make_tables.py.

Nothing in them was measured. They have the form of measured tables, so that the page can be tried on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import immunoode as imo

HERE = Path(__file__).parent
ANTIBODY = imo.Regimen().dose("anti_pd1", "10 mg/kg", every="3 days", count=4)
RADIATION = imo.Regimen().dose("radiotherapy", "4 Gy")
ARMS = {"control": None, "anti-PD-1": ANTIBODY, "RT": RADIATION, "both": ANTIBODY + RADIATION}
DAYS = np.array([0.0, 3, 6, 9, 12])


def mice(each: int = 6) -> pd.DataFrame:
    """Return tumour volumes of mice in four arms, one row per mouse and day."""
    random = np.random.default_rng(1)
    mouse = imo.load_model("mouse_tumour_immune", variant="MC38")
    model = imo.combine(mouse, imo.load_model("mouse_pd1_inhibitor", variant="rmp1_14"), "radiotherapy")
    tables = []
    for arm, regimen in ARMS.items():
        for _ in range(each):
            growth, start = 0.4 * np.exp(0.1 * random.normal()), 100 * np.exp(0.2 * random.normal())
            values = {"growth_rate": growth, "baseline_tumour_volume": start}
            volume = imo.simulate(model, regimen, times=DAYS, parameters=values)["tumour_volume"]
            seen = (volume * np.exp(0.1 * random.normal(size=DAYS.size))).round(0)
            tables.append(pd.DataFrame({"mouse": f"m{len(tables) + 1}", "group": arm, "day": DAYS, "tumor_volume": seen}))
    return pd.concat(tables)


def patients(count: int = 30) -> pd.DataFrame:
    """Return sums of diameters of patients in the layout of NONMEM."""
    return pd.concat(_patients(count, np.random.default_rng(2)))


def _patients(count: int, random: np.random.Generator) -> Iterator[pd.DataFrame]:
    """Yield one patient after another, with a visit every six weeks."""
    days = np.arange(0.0, 337.0, 42.0)
    for number in range(1, count + 1):
        growth, shrinkage = 0.0016 * np.exp(0.5 * random.normal()), 0.004 * np.exp(0.5 * random.normal())
        size = 60 * np.exp(0.3 * random.normal()) * (np.exp(-shrinkage * days) + np.exp(growth * days) - 1)
        seen = (size * (1 + 0.08 * random.normal(size=days.size))).round(1)
        yield pd.DataFrame({"ID": number, "TIME": days, "DV": seen, "MDV": 0})


if __name__ == "__main__":
    mice().to_csv(HERE / "mouse_volumes.csv", index=False, float_format="%g")
    patients().to_csv(HERE / "nonmem_tumour_sizes.csv", index=False, float_format="%g")
