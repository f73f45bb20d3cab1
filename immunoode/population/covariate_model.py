"""The covariate and random-effects model: typical values, covariate effects, and which parameters have random effects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import FitError, Problem, nearest
from immunoode.fitting.covariates import covariate_columns
from immunoode.fitting.observations import FloatArray, IntArray, Observations
from immunoode.model.components import Parameter
from immunoode.model.model import Model
from immunoode.model.values import warn_out_of_bounds
from immunoode.population.covariance import CovariancePattern, pattern_of
from immunoode.population.distributions import Distribution, distribution_of
from immunoode.population.occasion_covariance import OccasionCovariance
from immunoode.population.occasions import Occasions, own_name

if TYPE_CHECKING:
    from pandas import DataFrame

SD, OCCASION_SD = 0.5, 0.3
"""Starting values of the standard deviations of random effects, on the latent scale."""


@dataclass(frozen=True)
class MixedEffects:
    """K parameters that vary over S subjects: latent values are columns @ beta + eta, with P coefficients and r random effects.

    A parameter that differs between M occasions counts as M of the K, one per occasion.

    Attributes
    ----------
    parameters : the parameters that the user named, and `first`, the position of each (on its first occasion) among the K
    names : the K parameters of the simulated model
    columns : (S, K, P)
    coefficients : P names: the parameter for its typical value, "parameter ~ covariate" for the effect of a covariate
    typical : (K,) the coefficient that is the typical value of each parameter
    random : (r,) the parameters among the K that have a random effect
    start, start_omega : (P,), (r, r) starting values of a fit
    occasions : the occasions, if parameters differ between them
    """

    parameters: tuple[str, ...]
    first: IntArray
    names: tuple[str, ...]
    units: tuple[str, ...]
    distributions: tuple[Distribution, ...]
    columns: FloatArray
    coefficients: tuple[str, ...]
    typical: IntArray
    random: IntArray
    pattern: CovariancePattern | OccasionCovariance
    start: FloatArray
    start_omega: FloatArray
    occasions: Occasions | None = None

    @property
    def random_names(self) -> tuple[str, ...]:
        """Parameters with a random effect between subjects."""
        if self.occasions is None:
            return tuple(self.names[k] for k in self.random)
        assert isinstance(self.pattern, OccasionCovariance)
        mine = {a: self.parameters[self.parameter_of[k]] for a, k in zip(self.pattern.subject_effect, self.random, strict=True)}
        return tuple(mine[a] for a in range(self.pattern.between.size))

    @property
    def parameter_of(self) -> IntArray:
        """(K,) the index of each in `parameters`."""
        return np.searchsorted(self.first, np.arange(len(self.names)), side="right") - 1

    @property
    def covariance_names(self) -> tuple[str, ...]:
        """A name for each element of the covariance's vector."""
        if self.occasions is None:
            return self.pattern.names(self.random_names)  # type: ignore[union-attr]
        assert isinstance(self.pattern, OccasionCovariance)
        within = tuple(map(between_occasions, self.occasions.names))
        return (*self.pattern.between.names(self.random_names), *self.pattern.within.names(within))

    @property
    def without_variability(self) -> IntArray:
        """Which of the K have no random effect."""
        return np.setdiff1d(np.arange(len(self.names)), self.random)

    def typical_values(self, beta: FloatArray) -> dict[str, float]:
        """Return the typical value of each parameter."""
        return {
            n: float(self.distributions[k].value(np.array(beta[self.typical[k]])))
            for n, k in zip(self.parameters, self.first, strict=True)
        }

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
        """Return derivatives of parameters with respect to their latent values."""
        return np.stack([d.slope(latent[..., k]) for k, d in enumerate(self.distributions)], axis=-1)


def between_occasions(parameter: str) -> str:
    """Return the name of the random effect of occasions on a parameter."""
    return f"{parameter} between occasions"


def mixed_effects(
    model: Model,
    seen: Observations,
    covariate_table: DataFrame | None,
    vary: Sequence[str],
    random: Iterable[str] | Mapping[str, float],
    correlated: bool | Iterable[Iterable[str]],
    covariates: Mapping[str, str | Iterable[str]],
    distribution: Mapping[str, str],
    initial: Mapping[str, float],
    occasional: Iterable[str] | Mapping[str, float] = (),
) -> MixedEffects:
    """Return the mixed-effects model of a population fit with one occasion; see `immunoode.fit_population`.

    Raises
    ------
    FitError
        All problems at once.
    """
    sds, later = deviations(random, SD), deviations(occasional, OCCASION_SD)
    names = tuple(dict.fromkeys([*vary, *sds, *later]))
    known = model.constants
    problems = [
        Problem("vary", f"{n!r} is not a parameter of model {model.name!r}", nearest(n, known)) for n in names if n not in known
    ]
    if not sds:
        problems.append(Problem("random", "is empty", "name a parameter that differs between subjects, or use immunoode.fit"))
    for where, table in (("covariates", covariates), ("distribution", distribution), ("initial", initial)):
        problems += [Problem(where, f"{n!r} is not fitted", nearest(str(n), names)) for n in table if n not in names]
    for where, table in (("random", sds), ("between_occasions", later)):
        problems += [
            Problem(f"{where}[{n!r}]", f"a standard deviation of {s!r}", "a number above zero")
            for n, s in table.items()
            if isinstance(s, str) or not s > 0
        ]
    groups = _groups(correlated, tuple(n for n in names if n in sds), problems)
    FitError.raise_if(problems)
    made = tuple(distribution_of(n, known[n], distribution) for n in names)
    extra = {n: covariate_columns(n, c, seen, covariate_table) for n, c in covariates.items()}
    coefficients: list[str] = []
    columns, typical, start = [], [], []
    for k, (name, d) in enumerate(zip(names, made, strict=True)):
        one = np.zeros((len(seen.subjects), len(names)))
        one[:, k] = 1.0
        typical.append(len(coefficients))
        coefficients.append(name)
        columns.append(one)
        start.append(_start(name, d, float(initial.get(name, known[name].value)), known[name]))
        for label, values in extra.get(name, {}).items():
            coefficients.append(f"{name} ~ {label}")
            columns.append(one * values[:, None])
            start.append(0.0)
    which = tuple(k for k, n in enumerate(names) if n in sds)
    return MixedEffects(
        names,
        np.arange(len(names)),
        names,
        tuple(known[n].unit for n in names),
        made,
        np.stack(columns, axis=-1),
        tuple(coefficients),
        np.array(typical),
        np.array(which),
        pattern_of(len(which), groups),
        np.array(start),
        np.diag([float(sds[names[k]]) ** 2 for k in which]),
    )


def deviations(given: str | Iterable[str] | Mapping[str, float], usual: float) -> dict[str, float]:
    """Return names with starting values of their standard deviations."""
    if isinstance(given, Mapping):
        return dict(given)
    return dict.fromkeys([given] if isinstance(given, str) else given, usual)


def on_occasions(one: MixedEffects, occasions: Occasions, sds: Mapping[str, float]) -> MixedEffects:
    """Return the mixed-effects model in which some parameters differ between occasions, from that with one occasion.

    The effects of occasions are independent and identically distributed.
    """
    rows: list[tuple[int, int]] = []
    for k, name in enumerate(one.parameters):
        rows += [(k, m) for m in range(occasions.count)] if name in occasions.names else [(k, -1)]
    of = np.array([k for k, _ in rows])
    names = tuple(own_name(one.parameters[k], m) if m >= 0 else one.parameters[k] for k, m in rows)
    subjects = {int(k): a for a, k in enumerate(one.random)}
    random = [i for i, (k, m) in enumerate(rows) if m >= 0 or k in subjects]
    assert isinstance(one.pattern, CovariancePattern)
    within = pattern_of(len(occasions.names), ())
    own = tuple(subjects.get(rows[i][0], -1) for i in random)
    kinds = tuple(occasions.names.index(one.parameters[rows[i][0]]) if rows[i][1] >= 0 else -1 for i in random)
    nested = OccasionCovariance(one.pattern, within, own, kinds, tuple(rows[i][1] for i in random))
    start = nested.assembled(one.start_omega, np.diag([sds[n] ** 2 for n in occasions.names]))
    return replace(
        one,
        first=np.searchsorted(of, np.arange(len(one.parameters))),
        names=names,
        units=tuple(one.units[k] for k in of),
        distributions=tuple(one.distributions[k] for k in of),
        columns=one.columns[:, of],
        typical=one.typical[of],
        random=np.array(random),
        pattern=nested,
        start_omega=start,
        occasions=occasions,
    )


def _start(name: str, distribution: Distribution, value: float, parameter: Parameter) -> float:
    bounds = parameter.bounds
    warn_out_of_bounds("start of the fit", {name: parameter}, {name: value})
    latent = float(distribution.latent(np.array(value)))
    if not np.isfinite(latent):
        raise FitError(Problem(f"initial[{name!r}]", f"{value:g} is outside its distribution", f"a value within {bounds}"))
    return latent


def _groups(
    correlated: bool | Iterable[Iterable[str]], random: tuple[str, ...], problems: list[Problem]
) -> tuple[tuple[int, ...], ...]:
    """Return the groups of correlated effects, as positions."""
    if isinstance(correlated, bool):
        return (tuple(range(len(random))),) if correlated else ()
    groups = [tuple(g) for g in correlated]
    flat = [n for g in groups for n in g]
    problems += [Problem("correlated", f"{n!r} has no random effect", nearest(n, random)) for n in flat if n not in random]
    problems += [
        Problem("correlated", f"{n!r} is in two groups", "put it in one group only")
        for n in dict.fromkeys(flat)
        if flat.count(n) > 1
    ]
    return tuple(tuple(random.index(n) for n in g) for g in groups if all(n in random for n in g))
