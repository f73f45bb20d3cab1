"""What varies in a population fit: typical values, effects of covariates, and which parameters differ between subjects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import FitError, Problem, nearest
from immunoode.fit.covariates import columns_of
from immunoode.fit.observations import FloatArray, IntArray, Observations
from immunoode.model.parts import Model
from immunoode.population.covariance import Pattern, pattern_of
from immunoode.population.distributions import Distribution, distribution_of

if TYPE_CHECKING:
    from pandas import DataFrame

SD = 0.5
"""Where standard deviations of random effects start, on the latent scale."""


@dataclass(frozen=True)
class Effects:
    """K parameters that vary over S subjects: latent values are columns @ beta + eta, with P coefficients and r random effects.

    Attributes
    ----------
    names : the K parameters of the model
    columns : (S, K, P)
    coefficients : P names: a parameter's own for its typical value, "parameter ~ covariate" for what a covariate adds
    typical : (K,) which coefficient is a parameter's typical value
    random : (r,) which of the K have a random effect
    start, start_sd : (P,), (r,) where a fit starts
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    distributions: tuple[Distribution, ...]
    columns: FloatArray
    coefficients: tuple[str, ...]
    typical: IntArray
    random: IntArray
    pattern: Pattern
    start: FloatArray
    start_sd: FloatArray

    @property
    def random_names(self) -> tuple[str, ...]:
        """Parameters with a random effect."""
        return tuple(self.names[k] for k in self.random)

    @property
    def fixed(self) -> IntArray:
        """Which of the K have none."""
        return np.setdiff1d(np.arange(len(self.names)), self.random)

    def means(self, beta: FloatArray) -> FloatArray:
        """Return (S, K) latent values without random effects."""
        return np.asarray(self.columns @ beta)

    def latent(self, means: FloatArray, eta: FloatArray) -> FloatArray:
        """Return (..., S, K) latent values of means (S, K) and effects (..., S, r)."""
        out = np.broadcast_to(means, (*eta.shape[:-1], means.shape[-1])).copy()
        out[..., self.random] += eta
        return out

    def values(self, latent: FloatArray) -> FloatArray:
        """Return parameters, same shape as their latent values."""
        return np.stack([d.value(latent[..., k]) for k, d in enumerate(self.distributions)], axis=-1)

    def slopes(self, latent: FloatArray) -> FloatArray:
        """Return derivatives of parameters by their latent values."""
        return np.stack([d.slope(latent[..., k]) for k, d in enumerate(self.distributions)], axis=-1)


def effects(
    model: Model,
    seen: Observations,
    covariate_table: DataFrame | None,
    vary: Sequence[str],
    random: Iterable[str] | Mapping[str, float],
    correlated: bool | Iterable[Iterable[str]],
    covariates: Mapping[str, str | Iterable[str]],
    distribution: Mapping[str, str],
    initial: Mapping[str, float],
) -> Effects:
    """Return the effects of a population fit; see `immunoode.fit_population`.

    Raises
    ------
    FitError
        Every problem at once.
    """
    sds = dict(random) if isinstance(random, Mapping) else dict.fromkeys([random] if isinstance(random, str) else random, SD)
    names = tuple(dict.fromkeys([*vary, *sds]))
    known = model.constants
    problems = [Problem("vary", f"{n!r} is not a parameter of model {model.name!r}", nearest(n, known)) for n in names
                if n not in known]  # fmt: skip
    if not sds:
        problems.append(Problem("random", "is empty", "name a parameter that differs between subjects, or use immunoode.fit"))
    for where, table in (("covariates", covariates), ("distribution", distribution), ("initial", initial)):
        problems += [Problem(where, f"{n!r} does not vary", nearest(str(n), names)) for n in table if n not in names]
    problems += [Problem(f"random[{n!r}]", f"a standard deviation of {s!r}", "a number above zero") for n, s in sds.items()
                 if not s > 0]  # fmt: skip
    groups = _groups(correlated, tuple(n for n in names if n in sds), problems)
    if problems:
        raise FitError(problems)
    made = tuple(distribution_of(n, known[n], distribution) for n in names)
    extra = {n: columns_of(n, c, seen, covariate_table) for n, c in covariates.items()}
    coefficients: list[str] = []
    columns, typical, start = [], [], []
    for k, (name, d) in enumerate(zip(names, made, strict=True)):
        one = np.zeros((len(seen.subjects), len(names)))
        one[:, k] = 1.0
        typical.append(len(coefficients))
        coefficients.append(name)
        columns.append(one)
        start.append(_start(name, d, float(initial.get(name, known[name].value)), known[name].bounds))
        for label, values in extra.get(name, {}).items():
            coefficients.append(f"{name} ~ {label}")
            columns.append(one * values[:, None])
            start.append(0.0)
    which = tuple(k for k, n in enumerate(names) if n in sds)
    return Effects(
        names, tuple(known[n].unit for n in names), made, np.stack(columns, axis=-1), tuple(coefficients),
        np.array(typical), np.array(which), pattern_of(len(which), groups), np.array(start),
        np.array([float(sds[names[k]]) for k in which]),
    )  # fmt: skip


def _start(name: str, distribution: Distribution, value: float, bounds: tuple[float, float] | None) -> float:
    latent = float(distribution.latent(np.array(value)))
    if not np.isfinite(latent):
        raise FitError(Problem(f"initial[{name!r}]", f"{value:g} is outside of its distribution", f"a value within {bounds}"))
    return latent


def _groups(
    correlated: bool | Iterable[Iterable[str]], random: tuple[str, ...], problems: list[Problem]
) -> tuple[tuple[int, ...], ...]:
    """Return groups of correlated effects as positions."""
    if isinstance(correlated, bool):
        return (tuple(range(len(random))),) if correlated else ()
    groups = [tuple(g) for g in correlated]
    flat = [n for g in groups for n in g]
    problems += [Problem("correlated", f"{n!r} has no random effect", nearest(n, random)) for n in flat if n not in random]
    problems += [Problem("correlated", f"{n!r} is in two groups", "one group each") for n in dict.fromkeys(flat)
                 if flat.count(n) > 1]  # fmt: skip
    return tuple(tuple(random.index(n) for n in g) for g in groups if all(n in random for n in g))
