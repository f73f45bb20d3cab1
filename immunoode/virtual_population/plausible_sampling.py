"""Plausible patients drawn from a distribution: implausible ones are rejected, or perturbed until they are plausible.

The two methods yield different populations from the same distribution. Rejection yields the distribution conditional on
plausibility. Perturbation keeps patients whom rejection would lose, so that plausible patients near the limits become more
frequent. Gevertz and Wares [1]_ compare such choices: the proportion of responders was sensitive to them. The search for
plausible patients by optimisation goes back to Allen, Rieger and Musante [2]_.

Here, a perturbed patient makes a random walk from the drawn normal scores. A step is accepted if it reduces the sum of
squared distances beyond the limits. Steps grow after a success and shrink after a failure, by the 1/5 rule of evolution
strategies. The walk ends when all criteria hold. Because it moves scores, values stay within the support of their
distributions.

.. [1] Gevertz JL, Wares JR. Assessing the role of patient generation techniques in virtual clinical trial outcomes. Bulletin of
   Mathematical Biology (2024). doi:10.1007/s11538-024-01345-6
.. [2] Allen RJ, Rieger TR, Musante CJ. Efficient generation and selection of virtual populations in quantitative systems
   pharmacology models. CPT: Pharmacometrics and Systems Pharmacology (2016). doi:10.1002/psp4.12063
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import PopulationError, Problem, nearest
from immunoode.model.model import Model
from immunoode.notebook import shown, without_mathematics
from immunoode.number_checks import is_whole
from immunoode.virtual_population.criteria import PlausibilityCriterion
from immunoode.virtual_population.designs import independent_scores
from immunoode.virtual_population.marginals import FloatArray
from immunoode.virtual_population.model_bounds import unit_factors
from immunoode.virtual_population.plausibility import Plausibility
from immunoode.virtual_population.plausibility_simulation import (
    PlausibilitySimulation,
    PlausibilityValues,
    plausibility_simulation,
)
from immunoode.virtual_population.population_distribution import PopulationDistribution
from immunoode.virtual_population.random_numbers import normals
from immunoode.virtual_population.sampling import Distributions, as_distribution, dimensions_of, patients_at, warn_of_patients

if TYPE_CHECKING:
    import pandas as pd

REJECT, PERTURB = "reject", "perturb"
METHODS = (REJECT, PERTURB)
BLOCK = 2_000
"""The largest number of patients that are drawn at once; the result does not depend on it."""
STEP, GROWTH = 0.3, 1.5
"""First step of a perturbation, in scores, and its growth after a success; it shrinks by the fourth root after a failure."""
SMALLEST, LARGEST = 1e-3, 2.0
"""Limits of the step size."""


@dataclass(frozen=True, eq=False)
@shown
class PlausibleSample:
    """Plausible patients drawn from a distribution. The patients kept as drawn, perturbed and excluded add up to those drawn.

    Attributes
    ----------
    patients : DataFrame
        The plausible patients; the index has the numbers with which they were drawn.
    distance : ndarray, shape (patients,)
        The distance by which each was moved, in standard normal scores (Euclidean); 0 if kept as drawn.
    drawn : Plausibility
        The plausibility of all patients as drawn.
    method : {"reject", "perturb"}
    """

    patients: pd.DataFrame
    distance: FloatArray
    drawn: Plausibility
    method: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row with the numbers of patients drawn, kept as drawn, perturbed and excluded."""
        import pandas as pd

        total, kept = len(self.drawn.parameters), int((self.distance == 0).sum())
        moved = len(self.patients) - kept
        counts = {"drawn": total, "kept as drawn": kept, "perturbed": moved, "excluded": total - kept - moved}
        return pd.DataFrame([counts], index=[self.method])

    def report(self) -> str:
        """Return the numbers of patients by origin, and the exclusions by each criterion among those drawn."""
        counts = ", ".join(f"{int(n)} {label}" for label, n in self.to_frame().iloc[0].items())
        moved = self.distance[self.distance > 0]
        how_far = f"\nmoved by a median of {np.median(moved):.2g} scores (at most {moved.max():.2g})" if moved.size else ""
        return f"{len(self.patients)} plausible patients ({self.method}): {counts}{how_far}\n{self.drawn.report()}"

    def plot(self, **how: Any) -> NDArray[Any]:
        """Draw the values of the patients as drawn, with the limits."""
        from immunoode.plot.virtual_population import plot_plausibility

        return plot_plausibility(self.drawn.criteria, self.drawn.values, **how)

    def __str__(self) -> str:
        return self.report()

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        return f"<p>{escape(self.report().splitlines()[0])}</p>{self.drawn.to_frame().to_html()}"


def sample_plausible_patients(
    model: Model | str,
    distributions: Distributions,
    n: int,
    criteria: PlausibilityCriterion | Iterable[PlausibilityCriterion],
    regimen: Any = None,
    until: str | float | None = None,
    *,
    method: Literal["reject", "perturb"] = "reject",
    seed: int = 0,
    replicate: int = 0,
    most_drawn: int | None = None,
    rounds: int = 100,
    **options: Any,
) -> PlausibleSample:
    """Draw patients until a given number of them is plausible.

    Parameters
    ----------
    model, distributions, seed, replicate
        As for `imo.sample_patients`.
    n : int
        Plausible patients.
    criteria, regimen, until, **options
        As for `check_plausibility`.
    method : {"reject", "perturb"}
        How implausible patients are treated: they are excluded, or moved until they are plausible; see
        `immunoode.virtual_population.plausible_sampling`.
    most_drawn : int, optional
        The number of drawn patients after which the search fails; by default 100 n, at least 10,000.
    rounds : int
        The number of steps of a perturbation, after which a patient who is still implausible is excluded.

    Returns
    -------
    PlausibleSample
        The same for the same arguments, on any number of threads.

    Raises
    ------
    PopulationError
        With all problems; or if too few of the drawn patients are plausible, with the exclusions by each criterion.

    Warns
    -----
    OutOfBoundsWarning
        If values lie outside the bounds that the model states.

    Examples
    --------
    >>> import immunoode as imo
    >>> from immunoode.virtual_population import LogNormal, PlausibilityCriterion, sample_plausible_patients
    >>> slow = PlausibilityCriterion("sum_of_diameters", upper="150 mm", at="1 year")
    >>> rates = {"growth_rate": LogNormal(0.0016, 1.0)}
    >>> made = sample_plausible_patients("ribba2022", rates, 100, slow, method="perturb", seed=1)
    >>> made.to_frame()
             drawn  kept as drawn  perturbed  excluded
    perturb    100             75         25         0
    """
    simulation = plausibility_simulation(model, criteria, regimen, until, options)
    population = as_distribution(distributions)
    sampler = _Sampler(simulation, population, method, seed, replicate, rounds)
    made = sampler.sample(n, max(100 * n, 10_000) if most_drawn is None else most_drawn)
    warn_of_patients(simulation.resolved, made.patients)
    return made


@dataclass(frozen=True)
class _Batch:
    """A batch of patients: as drawn, after perturbation, and the distances by which they were moved."""

    parameters: pd.DataFrame
    values: PlausibilityValues
    final: pd.DataFrame
    distance: FloatArray
    plausible: NDArray[np.bool_]


@dataclass(frozen=True)
class _Sampler:
    simulation: PlausibilitySimulation
    population: PopulationDistribution
    method: str
    seed: int
    replicate: int
    rounds: int

    @cached_property
    def factors(self) -> dict[str, float]:
        return unit_factors(self.population.units, self.simulation.resolved)

    @cached_property
    def dimensions(self) -> tuple[str, ...]:
        return dimensions_of(self.population)

    def check(self, n: int, most: int) -> None:
        stated = (("n", n), ("most_drawn", most), ("rounds", self.rounds))
        problems = [
            Problem(name, f"is {value!r}", "a whole number of at least 1") for name, value in stated if not is_whole(value, 1)
        ]
        if self.method not in METHODS:
            problems.append(Problem("method", f"{self.method!r} is not known", nearest(str(self.method), METHODS)))
        PopulationError.raise_if(problems)

    def sample(self, n: int, most: int) -> PlausibleSample:
        import pandas as pd

        self.check(n, most)
        batches, found, drawn = list[_Batch](), 0, 0
        while found < n:
            if drawn >= most:
                raise PopulationError(self._too_few(batches, n, found))
            batches.append(self.batch(drawn, min(BLOCK, most - drawn, self._wanted(n, found, drawn))))
            drawn += len(batches[-1].parameters)
            found += int(batches[-1].plausible.sum())
        plausible = np.concatenate([b.plausible for b in batches])
        end = int(np.flatnonzero(plausible)[n - 1]) + 1
        final = pd.concat([b.final for b in batches]).iloc[:end]
        distance = np.concatenate([b.distance for b in batches])[:end]
        return PlausibleSample(final[plausible[:end]], distance[plausible[:end]], self._checked(batches, end), self.method)

    @staticmethod
    def _wanted(n: int, found: int, drawn: int) -> int:
        """Return how many more patients to draw, from the proportion that was plausible so far."""
        share = max(found, 1) / max(drawn, 1) if drawn else 1.0
        return int(np.ceil((n - found) / share * 1.05)) + 1

    def _checked(self, batches: list[_Batch], end: int) -> Plausibility:
        import pandas as pd

        values = PlausibilityValues(
            np.concatenate([b.values.extremes for b in batches])[:end],
            self.simulation.limits,
            tuple(s for b in batches for s in b.values.status)[:end],
            self.simulation.units,
        )
        return Plausibility(pd.concat([b.parameters for b in batches]).iloc[:end], self.simulation.criteria, values)

    def _too_few(self, batches: list[_Batch], n: int, found: int) -> Problem:
        drawn = self._checked(batches, sum(len(b.parameters) for b in batches))
        what = f"only {found} of {len(drawn.parameters)} patients drawn are plausible, but {n} are needed\n{drawn.report()}\n"
        other = "; method='perturb'" if self.method == REJECT else ""
        return Problem("criteria", what, f"wider limits or other distributions{other}; or a larger most_drawn")

    def batch(self, first: int, count: int) -> _Batch:
        """Return the drawn patients, perturbed if that is the method."""
        scores = independent_scores("random", self.dimensions, first, count, seed=self.seed, replicate=self.replicate)
        drawn = patients_at(self.population, scores, self.factors, first)
        values = self.simulation.values(drawn)
        plausible = values.plausible
        if self.method == REJECT or plausible.all():
            return _Batch(drawn, values, drawn, np.zeros(count), plausible)
        moved, excess = self.perturbed(scores, values.excess, first)
        final = patients_at(self.population, moved, self.factors, first)
        distance = np.sqrt(np.sum((moved - scores) ** 2, axis=1))
        return _Batch(drawn, values, final, distance, excess == 0)

    def perturbed(self, scores: FloatArray, excess: FloatArray, first: int) -> tuple[FloatArray, FloatArray]:
        """Return the scores of patients moved until they are plausible, and their remaining distances beyond the limits."""
        scores, excess, step = scores.copy(), excess.copy(), np.full(len(scores), STEP)
        size = scores.shape[1]
        for k in range(self.rounds):
            rows = np.flatnonzero(excess > 0)
            if not len(rows):
                break
            purpose, draw = "perturbation", k * size
            walk = normals(self.seed, purpose, first + rows, size, first_draw=draw, replicate=self.replicate)
            tried = scores[rows] + step[rows, None] * walk
            found = self.simulation.values(patients_at(self.population, tried, self.factors)).excess
            better = found < excess[rows]
            scores[rows[better]], excess[rows[better]] = tried[better], found[better]
            changed = step[rows] * np.where(better, GROWTH, GROWTH**-0.25)
            step[rows] = np.clip(changed, SMALLEST, LARGEST)
        return scores, excess
