"""New patients where weights are large: candidates from the prior are thinned before they are simulated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.number_checks import is_whole
from immunoode.virtual_population.calibration.calibrate import calibrate
from immunoode.virtual_population.calibration.divergence import FloatArray
from immunoode.virtual_population.cohort import Cohort
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.random_numbers import stream_key, uniforms
from immunoode.virtual_population.targets.record import Target

if TYPE_CHECKING:
    import pandas as pd

NEIGHBOURS = 10
ENOUGH = 0.99
"""Candidates whose importance reaches this share of the weight are certain to be simulated."""
MOST_CANDIDATES = 1_000_000

Draw = Callable[[int, int], "pd.DataFrame"]
"""Draws n patients of the prior population: draw(n, seed) returns a table of parameters."""
Simulate = Callable[["pd.DataFrame"], VirtualPatients]
"""Simulates patients with these parameters."""


def refine(
    patients: VirtualPatients,
    targets: Sequence[Target],
    draw: Draw,
    simulate: Simulate,
    *,
    new: int,
    rounds: int = 2,
    seed: int = 0,
    floor: float = 0.05,
    rule: str = "entropy",
    tolerance: float = 1.0,
    prior_size: float = 1.0,
) -> Cohort:
    """Simulate new patients similar to those with increased weights, and calibrate all patients.

    Candidates are drawn from the prior population. A candidate is simulated with a probability proportional to the weights,
    relative to the prior weights, of the patients nearest to it, and its prior weight is divided by that probability. Thus
    the prior population does not change, while more of the patients have substantial weight.

    Parameters
    ----------
    patients : VirtualPatients
        Drawn from the prior population.
    targets : sequence of targets
    draw : callable
        ``draw(n, seed)`` returns parameters of n patients of the prior population, with the columns of `patients.parameters`.
    simulate : callable
        ``simulate(parameters)`` returns their `VirtualPatients`, with the same arms as `patients`.
    new : int
        The approximate number of patients that are simulated in each round.
    rounds : int
    seed : int
    floor : float
        The smallest probability of being simulated, above 0, because the weights of some regions may only appear to be small.
    rule, tolerance, prior_size
        As for `imo.calibrate`.

    Returns
    -------
    Cohort
        The old and new patients; the numbers of the new ones follow the largest existing number.

    Raises
    ------
    DataError

    Notes
    -----
    If e(x) is the expected number of patients per prior density at parameters x, over all draws, then the prior weight is 1 /
    e (the balance heuristic of multiple importance sampling).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from immunoode.virtual_population import ResponseRateTarget
    >>> def draw(n, seed):
    ...     return pd.DataFrame({"kill": np.random.default_rng(seed).standard_normal(n)})
    >>> def simulate(table):
    ...     best = pd.DataFrame({"best_response": np.where(table["kill"] > 2, "PR", "PD")}, table.index)
    ...     return VirtualPatients(table, {"drug": best})
    >>> target = ResponseRateTarget.objective("drug", 0.5, n=100)
    >>> first = simulate(draw(1000, 1))
    >>> refined = refine(first, [target], draw, simulate, new=500)
    >>> bool(refined.effective_sample_size > 3 * calibrate(first, [target]).effective_sample_size)
    True
    """
    _check(new, rounds, floor)
    options = {"rule": rule, "tolerance": tolerance, "prior_size": prior_size}
    for number in range(rounds):
        needed = _needed(patients, targets, options)
        patients = _with_new(patients, needed, draw, simulate, new, _round_seed(seed, number), floor)
    return calibrate(patients, targets, rule=rule, tolerance=tolerance, prior_size=prior_size)


@dataclass(frozen=True)
class _Neighbourhood:
    """Patients from whom values at other parameters are estimated."""

    columns: tuple[str, ...]
    sorted_values: tuple[FloatArray, ...]
    scores: FloatArray

    @classmethod
    def of(cls, table: pd.DataFrame) -> _Neighbourhood:
        numbers = table.select_dtypes("number")
        columns = tuple(str(c) for c in numbers.columns if numbers[c].nunique() > 1)
        if not columns:
            raise DataError(Problem("parameters", "do not vary among the patients", "at least one column whose numbers differ"))
        values = tuple(np.sort(numbers[c].to_numpy(np.float64)) for c in columns)
        here = cls(columns, values, np.zeros((0, 0)))
        return cls(columns, values, here.normal_scores(table))

    def normal_scores(self, table: pd.DataFrame) -> FloatArray:
        """Return parameters on a scale on which the patients are normally distributed."""
        from scipy.special import ndtri

        n = len(self.sorted_values[0])
        pairs = zip(self.columns, self.sorted_values, strict=True)
        return np.column_stack([ndtri((np.searchsorted(v, table[c].to_numpy(np.float64)) + 0.5) / (n + 1)) for c, v in pairs])

    def mean_at(self, values: FloatArray, table: pd.DataFrame) -> FloatArray:
        """Return the mean of the values of the nearest patients."""
        from scipy.spatial import cKDTree

        count = min(NEIGHBOURS, len(self.scores))
        _, found = cKDTree(self.scores).query(self.normal_scores(table), k=count)
        return np.asarray(values[found.reshape(len(table), count)].mean(axis=1))


def _round_seed(seed: int, number: int) -> int:
    """Return the seed for the candidates of a round, one that is unlikely to have been used for the existing patients.

    Candidates with the same random numbers as existing patients would duplicate these. The seed is below 2**32, as other
    generators need it.
    """
    return int(stream_key(seed, f"candidates of round {number}")[0] >> np.uint64(32))


def _needed(patients: VirtualPatients, targets: Sequence[Target], options: dict[str, object]) -> FloatArray:
    """Return the weights relative to the prior ones; with sampling errors if no weights meet exact targets yet."""
    try:
        weights = calibrate(patients, targets, **options).weights  # type: ignore[arg-type]
    except DataError:
        if options["tolerance"]:
            raise
        weights = calibrate(patients, targets, prior_size=options["prior_size"]).weights  # type: ignore[arg-type]
    return np.asarray(weights / patients.prior)


def _with_new(
    patients: VirtualPatients, needed: FloatArray, draw: Draw, simulate: Simulate, new: int, seed: int, floor: float
) -> VirtualPatients:
    """Return the old and new patients, with the prior weights of all."""
    near = _Neighbourhood.of(patients.parameters)
    order = np.argsort(needed)
    share = np.cumsum((needed * patients.prior)[order])
    certain = needed[order][np.searchsorted(share, ENOUGH * share[-1]).clip(0, len(order) - 1)]

    def probability(table: pd.DataFrame) -> FloatArray:
        return np.clip(near.mean_at(needed, table) / certain, floor, 1.0)

    own = probability(patients.parameters)
    candidates = min(int(np.ceil(new / float(patients.prior @ own))), MOST_CANDIDATES)
    table = draw(candidates, seed)
    chance = probability(table)
    kept = uniforms(seed, "refinement of patients", range(candidates))[:, 0] < chance
    if not kept.any():
        return patients
    first = int(patients.parameters.index.max()) + 1
    simulated = simulate(table[kept].set_axis(range(first, first + int(kept.sum()))))
    earlier = 1 / patients.prior
    exposure = np.concatenate([earlier + candidates * own, near.mean_at(earlier, table[kept]) + candidates * chance[kept]])
    return _joined(patients, simulated, 1 / exposure)


def _joined(old: VirtualPatients, new: VirtualPatients, prior_weights: FloatArray) -> VirtualPatients:
    import pandas as pd

    missing = [a for a in old.arms if a not in new.arms]
    DataError.raise_if(Problem("simulate", f"gave no outcomes of the arm {a!r}", "the arms of the patients") for a in missing)
    return VirtualPatients(
        pd.concat([old.parameters, new.parameters[old.parameters.columns]]),
        {arm: pd.concat([table, new.outcomes[arm]]) for arm, table in old.outcomes.items()},
        {arm: pd.concat([table, new.sizes[arm]]) for arm, table in old.sizes.items()},
        prior_weights,
    )


def _check(new: int, rounds: int, floor: float) -> None:
    problems = [
        Problem(name, f"is {value!r}", "a whole number above zero")
        for name, value in {"new": new, "rounds": rounds}.items()
        if not is_whole(value, 1)
    ]
    if not 0 < floor <= 1:
        problems.append(Problem("floor", f"is {floor!r}", "a probability above 0"))
    DataError.raise_if(problems)
