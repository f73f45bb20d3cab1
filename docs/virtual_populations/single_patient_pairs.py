"""Which pair of parameters of the base model should be free in single patients: a search on coarse grids.

The patients are not those of single_patients.py. Prints, for each pair, the lowest median difference of AIC from the law of
Stein and Fojo over the values of the other parameters. It takes some ten minutes. Run:
python docs/virtual_populations/single_patient_pairs.py [FOLDER]
"""

from __future__ import annotations

import sys
from itertools import combinations, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from single_patients import ROOT, all_squares, deviance, law, other_courses, patients

FloatArray = NDArray[np.float64]
LEVELS = {
    "growth_rate": (-2.4, -1.6, -0.8, 0, 0.8, 1.6, 2.4),
    "priming_rate": (-2.4, -1.6, -0.8, 0, 0.8, 1.6, 2.4),
    "immune_escape_initial_fraction": (-1.5, -0.5, 0.5, 1, 1.5, 2, 2.7),
    "pd1_inhibition": (-1, 0, 1),
    "suppression_strength": (-1, 0, 1),
    "stroma_formation": (-1, 0, 1, 2),
}
"""Scores."""


def differences(folder: Path) -> FloatArray:
    """Return differences of AIC: shape (patients, levels of the first parameter, of the second, ...)."""
    made, grid, found = patients(), np.array(list(product(*LEVELS.values()))), []
    for one in other_courses(folder, number=60):
        n = len(one.days)
        found.append(deviance(all_squares(made, list(LEVELS), one, grid), n) - deviance(np.array(law(one, 2)), n))
    return np.array(found).reshape(-1, *map(len, LEVELS.values()))


def best_of_pair(values: FloatArray, pair: tuple[int, int]) -> tuple[float, dict[str, float]]:
    """Return the lowest median difference at the mode of a pair, and the scores of the others there."""
    names, levels = list(LEVELS), [np.array(x, float) for x in LEVELS.values()]
    others = [k for k in range(len(names)) if k not in pair]
    moved = np.moveaxis(values, [k + 1 for k in pair], [-2, -1])
    penalty = levels[pair[0]][:, None] ** 2 + levels[pair[1]][None, :] ** 2
    flat = moved.reshape(*moved.shape[:-2], -1)
    modes = (flat + penalty.ravel()).argmin(axis=-1)
    medians = np.median(np.take_along_axis(flat, modes[..., None], axis=-1)[..., 0], axis=0)
    where = np.unravel_index(medians.argmin(), medians.shape)
    return float(medians.min()), {names[k]: float(levels[k][i]) for k, i in zip(others, where, strict=True)}


if __name__ == "__main__":
    found = differences(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data")
    pairs = {pair: best_of_pair(found, pair) for pair in combinations(range(len(LEVELS)), 2)}
    for pair, (median, others) in sorted(pairs.items(), key=lambda item: item[1][0]):
        print(" and ".join(list(LEVELS)[k] for k in pair), f"{median:+.1f}", others)
