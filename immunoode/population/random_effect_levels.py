"""The levels of random effects: subjects, and their occasions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from immunoode.fitting.observations import FloatArray
from immunoode.population.covariance import CovariancePattern
from immunoode.population.covariate_model import MixedEffects, between_occasions
from immunoode.population.distributions import Distribution
from immunoode.population.occasion_covariance import OccasionCovariance


@dataclass(frozen=True)
class Level:
    """The q random effects of one level.

    Attributes
    ----------
    kind : "between subjects" or "between occasions"
    parameters, names : the parameters that have them, and the names of the effects
    pattern, covariance : (q, q)
    found : (n, q) the effects of all subjects, or of all occasions of all subjects
    offset : the position of the first covariance parameter among those of all levels
    """

    kind: str
    parameters: tuple[str, ...]
    names: tuple[str, ...]
    distributions: tuple[Distribution, ...]
    units: tuple[str, ...]
    pattern: CovariancePattern
    covariance: FloatArray
    found: FloatArray
    offset: int

    @property
    def shrinkage(self) -> dict[str, float]:
        """1 - sd(estimated effects) / sd of the population."""
        sd = self.found.std(axis=0)
        return {n: float(1 - s / np.sqrt(w)) for n, s, w in zip(self.names, sd, np.diag(self.covariance), strict=True)}


def levels(effects: MixedEffects, omega: FloatArray, eta: FloatArray) -> Iterator[Level]:
    """Yield the levels, given the covariance (r, r) and the effects (S, r) of all latent values."""
    pattern = effects.pattern
    if isinstance(pattern, CovariancePattern):
        yield _level(effects, "between subjects", effects.random_names, effects.random_names, pattern, omega, eta, 0)
        return
    assert isinstance(pattern, OccasionCovariance) and effects.occasions is not None
    between, within = pattern.components(omega)
    subjects, occasions = pattern.split(omega, eta)
    names = effects.random_names
    yield _level(effects, "between subjects", names, names, pattern.between, between, subjects, 0)
    later = effects.occasions.names
    yield _level(
        effects,
        "between occasions",
        later,
        tuple(map(between_occasions, later)),
        pattern.within,
        within,
        occasions[effects.occasions.there],
        len(pattern.between.elements),
    )


def _level(
    effects: MixedEffects,
    kind: str,
    parameters: tuple[str, ...],
    names: tuple[str, ...],
    pattern: CovariancePattern,
    covariance: FloatArray,
    found: FloatArray,
    offset: int,
) -> Level:
    at = [int(effects.first[effects.parameters.index(p)]) for p in parameters]
    return Level(
        kind,
        parameters,
        names,
        tuple(effects.distributions[k] for k in at),
        tuple(effects.units[k] for k in at),
        pattern,
        covariance,
        found,
        offset,
    )
