"""Starting typical values: the model's own, unless others are much closer to the data.

If a model of patients is fitted to mice, its rates may be wrong by a factor of a hundred. No method recovers from there,
because predictions are flat. So if predictions are far from the data, a design over some orders of magnitude is searched
first, without random effects. Its result is only a proposal: a method uses it if some first steps from there reach a higher
likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.fitting.observations import FloatArray, IntArray
from immunoode.population.population_model import PopulationModel

WIDTHS = (4.6, 1.5, 0.5)
"""Half widths of successive Sobol sequences on the latent scale: factors of 100, 4 and 1.6."""
POINTS = 64
SUBJECTS = 24
"""Largest number of subjects that are compared, in equal steps over all."""
FAR = 1.0
"""Distance at the model's own values up to which these are kept: a factor of e, or one standard deviation of the data."""
APART = 1.0
"""Smallest distance between starting points on the latent scale, in at least one coefficient."""
BETTER = 0.7
"""Relative distance below which other starting values are proposed."""


@dataclass(frozen=True)
class Region:
    """The region of starting points: `free` coefficients, within `bounds` (P, 2) on the latent scale."""

    bounds: FloatArray
    free: IntArray

    def around(self, centre: FloatArray, width: float, count: int, seed: list[int]) -> FloatArray:
        """Return a Sobol design (count, P) about a centre."""
        from scipy.stats import qmc

        unit = qmc.Sobol(len(self.free), seed=np.random.default_rng(seed)).random(count)
        tried = np.repeat(centre[None], count, axis=0)
        tried[:, self.free] += width * (2.0 * unit - 1.0)
        return np.clip(tried, self.bounds[:, 0], self.bounds[:, 1])


def candidate_starts(model: PopulationModel, region: Region, seed: int) -> FloatArray:
    """Return coefficients to start from (1 or 2, P): the model's own, and others if these are far off."""
    start, subjects = model.effects.start, _some(model)
    if not len(region.free):
        return start[None]
    far = _distances(model, start[None], subjects)[0]
    if far < FAR:
        return start[None]
    best, nearest = start, far
    for k, width in enumerate(WIDTHS):
        tried = region.around(best, width, POINTS, [seed, 5, k])
        found = _distances(model, tried, subjects)
        if found.min() < nearest:
            best, nearest = tried[np.argmin(found)], float(found.min())
    return np.stack([start, best]) if nearest < BETTER * far else start[None]


def multistart_points(model: PopulationModel, region: Region, count: int, seed: int) -> list[FloatArray]:
    """Return other coefficients to start from: the points of a Sobol sequence closest to the data that are distinct from
    each other.
    """
    start = model.effects.start
    if not len(region.free):
        return []
    points = POINTS * 2 ** int(np.ceil(np.log2(max(count, 1))))
    tried = region.around(start, WIDTHS[0], points, [seed, 6])
    order = np.argsort(_distances(model, tried, _some(model)), kind="stable")
    chosen: list[FloatArray] = []
    for apart in (APART, 0.0):
        for i in order:
            if len(chosen) < count and all(np.abs(tried[i] - c).max() > apart for c in [start, *chosen]):
                chosen.append(tried[i])
    return chosen


def _some(model: PopulationModel) -> IntArray:
    """Return the subjects that are compared."""
    return np.unique(np.linspace(0, model.subjects - 1, SUBJECTS).astype(np.int64))


def _distances(model: PopulationModel, coefficients: FloatArray, subjects: IntArray) -> FloatArray:
    """Return the distances (B,) of predictions from the data: mean over subjects of the median over observations.

    Distances are differences of logarithms if errors are proportional; for additive errors, they are in units of the spread
    of the data.
    """
    likelihood, trajectories = model.likelihood, model.trajectories.of(subjects)
    latent = np.stack([model.effects.means(c)[subjects] for c in coefficients])
    rows = np.isin(model.subject, subjects)
    predicted = trajectories(latent)
    measured = likelihood.measured[rows]
    value = likelihood.value[rows]
    logged, floor = likelihood.logged[rows], likelihood.floor[rows]
    value = np.where(logged, np.exp(np.where(logged, value, 0.0)), value)
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.abs(np.log(np.maximum(predicted, 1e3 * floor)) - np.log(np.maximum(value, 1e3 * floor)))
        plain = np.abs(predicted - value) / (np.std(value) or 1.0)
    additive = (likelihood.proportional[rows] < 0) & ~logged
    distance = np.where(additive, plain, logs)
    distance = np.where(np.isfinite(distance), distance, 50.0)
    own = model.subject[rows]
    each = [np.median(distance[:, (own == s) & measured], axis=1) for s in subjects if ((own == s) & measured).any()]
    return np.asarray(np.mean(each, axis=0)) if each else np.zeros(len(coefficients))
