"""The base model and the law of Stein and Fojo on single patients of lung-cancer trials, with two free parameters each.

Writes docs/single_patients.md. Run: python docs/virtual_populations/single_patients.py [FOLDER]. The data are not part of the
package: the argument is their folder, or what IMMUNOODE_DATA names, or ../shared/data beside the repository.

The base model is fitted over a grid of its two parameters, for all of a patient's visits at once: thousands of simulations per
patient are cheap, and a grid has no local minima. The law of Stein and Fojo is fitted by least squares from nine starts.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares

import immunoode as imo
from immunoode.trial.lesion_table import read_lesions

FloatArray = NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[2]
PATIENTS, SEED, VISITS = 100, 0, 6
GROWTH, PRIMING = np.geomspace(2e-4, 0.06, 26), np.geomspace(3e2, 1e6, 26)
FRACTION = 0.05
"""Of the tumour that escapes T cells, the same for all patients."""
ATEZOLIZUMAB = imo.Regimen().dose("atezolizumab", "1200 mg", every="3 weeks", count=35, over="60 min")


@dataclass(frozen=True)
class Course:
    """The visits of a patient after the start of treatment: days and sizes, and the size at the start."""

    days: FloatArray
    sizes: FloatArray
    start: float


def courses(folder: Path) -> list[Course]:
    """Return the courses of randomly chosen patients with six or more measurements."""
    table = read_lesions(folder / "nsclc_atezolizumab_target_lesions.csv").select(at_least=VISITS).frame
    subjects = np.random.default_rng(SEED).choice(list(dict.fromkeys(table["subject"])), PATIENTS, replace=False)
    found = [course(table[table["subject"] == subject].sort_values("time")) for subject in subjects]
    return [one for one in found if len(one.days) >= VISITS - 2 and one.start >= 5]


def course(rows: pd.DataFrame) -> Course:
    """Return the course of one patient; the start is the last measurement before treatment."""
    days, sizes = rows["time"].to_numpy(float), rows["value"].to_numpy(float)
    before = days <= 1
    return Course(days[~before], sizes[~before], float(sizes[before][-1] if before.any() else sizes[0]))


def stein_fojo(one: Course) -> float:
    """Return the least sum of squares of size x (exp(growth t) + exp(-shrinkage t) - 1)."""

    def residuals(logs: FloatArray) -> FloatArray:
        growth, shrinkage = np.exp(logs)
        return np.asarray(one.start * (np.exp(growth * one.days) + np.exp(-shrinkage * one.days) - 1) - one.sizes)

    starts = [(g, s) for g in (1e-4, 1e-3, 5e-3) for s in (1e-4, 3e-3, 2e-2)]
    limits = (np.log(1e-6), np.log(0.3))
    return float(min(2 * least_squares(residuals, np.log(start), bounds=limits).cost for start in starts))


def patient_model() -> imo.Model:
    """Return the base model with an escape clone under atezolizumab."""
    antibody = imo.load_model("pd1_inhibitor", variant="atezolizumab")
    return imo.combine("tumour_immune", antibody, imo.load_model("clone", variant="immune_escape"))


def base_model(model: imo.Model, one: Course) -> tuple[float, bool]:
    """Return the least sum of squares over the grid, and whether it is at an edge of the grid."""
    growth, priming = (values.ravel() for values in np.meshgrid(GROWTH, PRIMING))
    table = pd.DataFrame({"growth_rate": growth, "priming_rate": priming})
    table = table.assign(immune_escape_initial_fraction=FRACTION, baseline_sum_of_diameters=one.start)
    times = np.concatenate([[0.0], one.days])
    run = imo.simulate(model, ATEZOLIZUMAB, times=times, parameters=table, outputs=["sum_of_diameters"], progress=False)
    squares = ((run["sum_of_diameters"][:, 1:] - one.sizes) ** 2).sum(axis=1)
    best = int(np.nanargmin(squares))
    return float(squares[best]), growth[best] in GROWTH[[0, -1]] or priming[best] in PRIMING[[0, -1]]


def page(folder: Path) -> str:
    """Return the page."""
    model, rows = patient_model(), []
    for one in courses(folder):
        n, law = len(one.days), stein_fojo(one)
        ours, edge = base_model(model, one)
        floor = n * 0.05  # mm^2: errors below a quarter of a millimetre are not measured
        rows.append((n * np.log(max(ours, floor) / n) - n * np.log(max(law, floor) / n), edge))
    difference = np.array([row[0] for row in rows])
    low, middle, high = np.quantile(difference, (0.25, 0.5, 0.75))
    edges = 100 * np.mean([row[1] for row in rows])
    return TEXT.format(n=len(rows), middle=middle, low=low, high=high, better=100 * (difference < 0).mean(), edges=edges)


TEXT = """# Single patients: the base model beside an empirical law

Made by `docs/virtual_populations/single_patients.py` from the diameters of target lesions of patients of lung-cancer trials
(Ghaffari Laleh 2022, supplement), {n} randomly chosen patients with six or more measurements. Two free parameters each, from
the last measurement before treatment on: growth and shrinkage of the law of Stein and Fojo (`ribba2022`), growth and priming of
`tumour_immune` with atezolizumab and an escape clone of 5 % of the tumour. Errors are additive.

The difference of AIC, base model minus law, has the median {middle:.2f} (quartiles {low:.1f} to {high:.1f}); the base model
is better in {better:.0f} % of the patients. Its best value is at an edge of the grid in {edges:.0f} % (growth 0.0002 to 0.06
per day, priming 300 to 1e6 cells per day): these patients tell only that growth or killing is below or above a limit, and need
the prior of a population.

Without the clone the base model loses to the law by more: it cannot follow tumours that shrink and grow again. The 5 % are the
same for all patients and were chosen among 0, 5, 20 and 40 % by 25 patients of these trials; they do not count as a parameter.
"""


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IMMUNOODE_DATA", ROOT.parent / "shared" / "data")
    (ROOT / "docs" / "single_patients.md").write_text(page(Path(given)), encoding="utf-8")
