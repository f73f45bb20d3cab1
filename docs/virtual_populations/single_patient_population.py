"""Free parameters of the base model, their distribution among patients, and the values of the others: a population fit.

The patients are not those whom single_patients.py judges. First every pair of parameters is free, with the other parameters at
values that are the same for all patients and not searched. The free parameters have a normal distribution (of logarithms; of
logits of fractions) that maximises the marginal likelihood, and each patient is at the mode. The pair with the lowest median
difference of AIC from the law of Stein and Fojo is kept, also with growth as a third free parameter; for each of the two an
evolution strategy then searches the values of the other parameters. The results go to single_patient_population.json, which
single_patients.py reads; a search continues from the values that it finds there.

Courses are computed once for a few sizes at the start and interpolated between these, in time, and in the grid of the free
parameters. It takes some 20 minutes. Run: python docs/virtual_populations/single_patient_population.py [FOLDER]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from single_patients import FITTED, ROOT, Course, Population, courses, deviance, inverse, law, scale, simulated

FloatArray = NDArray[np.float64]
SIZES, DAYS = np.array([8.0, 22, 45, 100]), np.arange(14.0, 631, 14)
FREE = {
    "growth_rate": (2e-4, 0.03), "priming_rate": (100, 3e7), "immune_escape_initial_fraction": (1e-8, 0.95),
    "division_rate": (0.01, 1), "pd1_inhibition": (0.1, 60), "suppression_strength": (0.02, 60),
    "stroma_formation": (1e-4, 0.9), "regulatory_release": (0.01, 60), "exhaustion_rate": (0.005, 0.45),
    "memory_death": (2e-4, 0.08), "clearance_rate": (0.006, 0.5), "infiltrate_volume": (0.1, 90),
}  # fmt: skip
"""Parameters that may be free, and the range of the grid."""
SAME = {
    "growth_rate": (0.0015, 2e-4, 0.03), "priming_rate": (6e3, 100, 3e7), "immune_escape_initial_fraction": (0.01, 1e-8, 0.95),
    "division_rate": (0.15, 0.01, 1), "expansion_limit": (10, 0.3, 100), "effector_death": (0.1, 0.02, 0.4),
    "clearance_rate": (0.05, 0.006, 0.5), "stroma_formation": (0.003, 1e-4, 0.9), "access_cells": (1e10, 1e8, 5e11),
    "pd1_inhibition": (3, 0.1, 60), "infiltrate_volume": (5, 0.1, 90), "suppression_strength": (1, 0.02, 60),
    "exhaustion_rate": (0.1, 0.005, 0.45), "exhausted_death": (0.05, 0.006, 0.4), "turnover_rate": (0.0075, 0.0011, 0.09),
}  # fmt: skip
"""First values, and bounds of the search, where they are not free."""
POINTS = {2: (16, 25), 3: (12, 16)}
"""Simulations along each axis, in the search and at its end, by the number of free parameters."""
STEPS, DRAWS, SEED = {2: 36, 3: 18}, 14, 1
Free = tuple[str, ...]


def relative_courses(free: Free, same: dict[str, float], number: int) -> tuple[FloatArray, FloatArray]:
    """Return the scaled free parameters at points of a grid, and relative sizes: (sizes at the start, points, days)."""
    axes = [np.linspace(*scale(name, np.array(FREE[name])), number) for name in free]
    table = {name: np.tile(inverse(name, values), len(SIZES)) for name, values in zip(free, points(axes).T, strict=True)}
    frame = pd.DataFrame(table).assign(baseline_sum_of_diameters=np.repeat(SIZES, number ** len(free)), **same)
    sizes = simulated(DAYS, frame).reshape(len(SIZES), *[number] * len(free), len(DAYS))
    relative = np.clip(np.nan_to_num(np.swapaxes(np.swapaxes(sizes, 0, -1) / SIZES, 0, -1), nan=100), 0, 100)
    for axis in range(1, len(free) + 1):
        relative = halved(relative, axis)
    relative = relative.reshape(len(SIZES), -1, len(DAYS))
    return points([halved(axis, 0) for axis in axes]), np.concatenate([np.ones_like(relative[..., :1]), relative], axis=-1)


def points(axes: list[FloatArray]) -> FloatArray:
    """Return the points of a grid: shape (points, axes)."""
    return np.stack([x.ravel() for x in np.meshgrid(*axes, indexing="ij")], axis=1)


def halved(values: FloatArray, axis: int) -> FloatArray:
    """Return values with their means put between neighbours along an axis."""
    moved = np.moveaxis(values, axis, 0)
    found = np.empty((2 * len(moved) - 1, *moved.shape[1:]))
    found[::2], found[1::2] = moved, (moved[1:] + moved[:-1]) / 2
    return np.moveaxis(found, 0, axis)


def deviances(relative: FloatArray, one: Course) -> FloatArray:
    """Return a patient's deviance at each point of the grid."""
    at = float(np.clip(np.interp(np.log(one.start), np.log(SIZES), np.arange(len(SIZES))), 0, len(SIZES) - 1.001))
    k, part = int(at), at - int(at)
    day = (one.days // DAYS[0]).astype(int)
    later = one.days / DAYS[0] - day
    first, second = ((1 - part) * relative[k][:, d] + part * relative[k + 1][:, d] for d in (day, day + 1))
    return deviance(((one.start * (first * (1 - later) + second * later) - one.sizes) ** 2).sum(axis=1), len(one.days))


def prior(grid: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return mean and standard deviation of the free parameters that maximise the marginal likelihood, and penalties on the
    grid: by expectation and maximisation, of deviances (patients, points)."""
    likelihood = np.exp(-0.5 * (values - values.min(axis=1, keepdims=True)))
    mean, variance = grid.mean(axis=0), grid.var(axis=0)
    for _ in range(25):
        density = np.exp(-0.5 * ((grid - mean) ** 2 / variance).sum(axis=1))
        weights = density * ((1 / (likelihood @ density)) @ likelihood) / len(values)
        mean = weights @ grid
        variance = np.maximum(weights @ (grid - mean) ** 2, 0.05)
    return mean, np.sqrt(variance), ((grid - mean) ** 2 / variance).sum(axis=1)


def fitted(
    free: Free, same: dict[str, float], found: list[Course], laws: FloatArray, number: int
) -> tuple[Population, FloatArray]:
    """Return the population at given values of the other parameters, and the differences of AIC at the modes."""
    grid, relative = relative_courses(free, same, number)
    values = np.array([deviances(relative, one) for one in found])
    mean, sd, penalty = prior(grid, values)
    modes = (values + penalty).argmin(axis=1)
    return Population(list(free), mean, sd, same), values[np.arange(len(values)), modes] - laws


def evolved(loss: Callable[[FloatArray], float], start: FloatArray, steps: int, step: float) -> FloatArray:
    """Return the best point of a separable evolution strategy with adapted covariance (CMA-ES with a diagonal matrix)."""
    rng, n, kept = np.random.default_rng(SEED), len(start), DRAWS // 2
    weights = np.log(kept + 0.5) - np.log(np.arange(1, kept + 1))
    weights /= weights.sum()
    mass = 1 / (weights**2).sum()
    fade, pull = (4 + mass / n) / (n + 4 + 2 * mass / n), (mass + 2) / (n + mass + 5)
    rank_one = 2 / ((n + 1.3) ** 2 + mass) * (n + 2) / 3
    rank_many = min(1 - rank_one, 2 * (mass - 2 + 1 / mass) / ((n + 2) ** 2 + mass) * (n + 2) / 3)
    expected = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))
    variance, trail, path = np.ones(n), np.zeros(n), np.zeros(n)
    centre, best, least = start, start, np.inf
    for _ in range(steps):
        normal = rng.standard_normal((DRAWS, n))
        tried = centre + step * np.sqrt(variance) * normal
        losses = np.array([loss(point) for point in tried])
        order = losses.argsort()
        if losses[order[0]] < least:
            least, best = losses[order[0]], tried[order[0]]
        moved, chosen = weights @ normal[order[:kept]], normal[order[:kept]]
        centre = centre + step * np.sqrt(variance) * moved
        path = (1 - pull) * path + np.sqrt(pull * (2 - pull) * mass) * moved
        trail = (1 - fade) * trail + np.sqrt(fade * (2 - fade) * mass) * np.sqrt(variance) * moved
        variance = (1 - rank_one - rank_many) * variance + rank_one * trail**2 + rank_many * (weights @ (variance * chosen**2))
        step *= np.exp(pull / (1 + pull) * (np.linalg.norm(path) / expected - 1))
    return best


def others(free: Free) -> dict[str, tuple[float, float, float]]:
    """Return first values and bounds of the parameters that are not free."""
    return {name: entry for name, entry in SAME.items() if name not in free}


def median_of_pair(pair: Free, found: list[Course], laws: FloatArray) -> float:
    """Return the median difference with a pair of free parameters, the others at their first values."""
    first = {name: entry[0] for name, entry in others(pair).items()}
    return float(np.median(fitted(pair, first, found, laws, POINTS[2][0])[1]))


def former_values(free: Free) -> dict[str, float]:
    """Return the values of a former search with these free parameters, from which the next continues."""
    fits = json.loads(FITTED.read_text(encoding="utf-8"))["fits"].values() if FITTED.exists() else []
    return next((dict(fit["typical"]) for fit in fits if fit["names"] == list(free)), {})


def searched(free: Free, found: list[Course], laws: FloatArray) -> dict[str, object]:
    """Return the population whose other values have the lowest mean of tanh(difference / 4), which outliers do not dominate."""
    first, low, high = np.log(np.array(list(others(free).values()), float)).T
    former, step = former_values(free), 0.5
    if former:
        first, step = np.log([former[name] for name in others(free)]), 0.3
    coarse, fine = POINTS[len(free)]

    def same(point: FloatArray) -> dict[str, float]:
        return dict(zip(others(free), np.exp(np.clip(point, low, high)).tolist(), strict=True))

    def loss(point: FloatArray) -> float:
        difference = fitted(free, same(point), found, laws, coarse)[1]
        return float(100 * np.tanh(difference / 4).mean() + ((point - np.clip(point, low, high)) ** 2).sum())

    population, difference = fitted(free, same(evolved(loss, first, STEPS[len(free)], step)), found, laws, fine)
    record = {"names": population.names, "mean": population.mean.tolist(), "sd": population.sd.tolist()}
    return record | {"typical": population.typical, "patients": len(found), "median": float(np.median(difference))}


def deviances_of_law(found: list[Course], parameters: int) -> FloatArray:
    """Return the deviances of the law with two or three parameters."""
    return np.array([float(deviance(np.array(law(one, parameters)), len(one.days))) for one in found])


def main(folder: Path) -> None:
    """Write the populations with two and with three free parameters."""
    found = courses(folder, judged=False)
    laws = {number: deviances_of_law(found, number) for number in (2, 3)}
    medians = {pair: median_of_pair(pair, found, laws[2]) for pair in combinations(FREE, 2)}
    order = sorted(medians, key=lambda pair: medians[pair])
    pairs = {" and ".join(pair): medians[pair] for pair in order[:5]}
    fits = {"2": searched(order[0], found, laws[2]), "3": searched(("growth_rate", *order[0]), found, laws[3])}
    records = {"pairs": pairs, "fits": fits}
    FITTED.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data")
