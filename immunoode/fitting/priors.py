"""Priors as residuals: a normal prior acts like an observation of the parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem, nearest
from immunoode.fitting.log_parameters import LOG
from immunoode.fitting.observations import FloatArray
from immunoode.fitting.parameterisation import Parameterisation

if TYPE_CHECKING:
    from lmfit import Parameters

NORMAL, LOGNORMAL = "normal", "lognormal"


@dataclass(frozen=True)
class Prior:
    """The prior of one parameter: normal with mean `centre`, or log-normal with that median, and standard deviation `sd`."""

    key: str
    kind: str
    centre: float
    sd: float

    def residual(self, parameters: Parameters) -> float:
        """Return the distance from the prior's centre, in standard deviations."""
        value = float(parameters[self.key].value)
        with np.errstate(divide="ignore", invalid="ignore"):
            return float((value - self.centre if self.kind == NORMAL else np.log(value / self.centre)) / self.sd)

    def slope(self, parameters: Parameters, logged: bool) -> float:
        """Return the derivative of the residual with respect to the varied parameter."""
        value = float(parameters[self.key].value)
        by_value = 1.0 / self.sd if self.kind == NORMAL else 1.0 / (self.sd * value)
        return by_value * (value if logged else 1.0)


@dataclass(frozen=True)
class PriorFromFit:
    """A multivariate normal prior from an earlier fit: lmfit names `keys`, centre and whitening matrix on the fitted scale."""

    keys: tuple[str, ...]
    centre: FloatArray
    whiten: FloatArray

    def residuals(self, parameters: Parameters) -> FloatArray:
        """Return the whitened distances from the earlier estimates."""
        return self.whiten @ (np.array([float(parameters[k].value) for k in self.keys]) - self.centre)


@dataclass(frozen=True)
class Priors:
    """All priors of a fit."""

    single: tuple[Prior, ...] = ()
    from_fits: tuple[PriorFromFit, ...] = ()

    def __len__(self) -> int:
        return len(self.single) + sum(len(e.keys) for e in self.from_fits)

    def residuals(self, parameters: Parameters) -> FloatArray:
        """Return one residual per parameter with a prior."""
        own = [p.residual(parameters) for p in self.single]
        return np.concatenate([np.array(own, dtype=np.float64), *(e.residuals(parameters) for e in self.from_fits)])

    def jacobian(self, parameters: Parameters) -> FloatArray:
        """Return the derivatives of the residuals with respect to the varied parameters."""
        names = [n for n, p in parameters.items() if p.vary]
        out = np.zeros((len(self), len(names)))
        for i, prior in enumerate(self.single):
            logged = LOG + prior.key in names
            out[i, names.index(LOG + prior.key if logged else prior.key)] = prior.slope(parameters, logged)
        at = len(self.single)
        for from_fits in self.from_fits:
            out[at : at + len(from_fits.keys), [names.index(k) for k in from_fits.keys]] = from_fits.whiten
            at += len(from_fits.keys)
        return out


def priors_of(given: Any, parameterisation: Parameterisation) -> Priors:
    """Return the priors of a fit.

    Parameters
    ----------
    given : mapping, result of an earlier fit, or several of these
        {"kill_rate": ("lognormal", 0.02, 0.5)}: kind, centre (mean or median) and standard deviation (of the logarithm).

    Raises
    ------
    FitError
        If a name does not vary, or a prior does not have this form.
    """
    single: list[Prior] = []
    from_fits: list[PriorFromFit] = []
    for part in [] if given is None else given if isinstance(given, Sequence) else [given]:
        if isinstance(part, Mapping):
            single += _single(part, parameterisation)
        else:
            from_fits.append(_from_fit(part, parameterisation))
    return Priors(tuple(single), tuple(from_fits))


def _keys(parameterisation: Parameterisation) -> dict[str, tuple[str, ...]]:
    """Return the lmfit names that a name refers to: a parameter, one of its groups, or a coefficient."""
    fitted_parameters = parameterisation.fitted_parameters
    free = {s.name: tuple(k for k in s.keys if k not in parameterisation.constraints) for s in fitted_parameters}
    return {
        **{k: (k,) for s in fitted_parameters for k in (*s.keys, *s.coefficients) if k not in parameterisation.constraints},
        **free,
    }


def _single(given: Mapping[str, Any], parameterisation: Parameterisation) -> list[Prior]:
    known = _keys(parameterisation)
    problems, found = [], []
    for name, form in given.items():
        if name not in known:
            problems.append(Problem("priors", f"{name!r} is not fitted", nearest(name, known)))
        elif not _is_prior(form):
            right = '("normal", mean, sd) or ("lognormal", median, sd of the logarithm), sd and median above zero'
            problems.append(Problem(f"priors[{name!r}]", f"{form!r} is not a prior", right))
        else:
            found += [Prior(key, form[0], float(form[1]), float(form[2])) for key in known[name]]
    FitError.raise_if(problems)
    return found


def _is_prior(form: Any) -> bool:
    if not (isinstance(form, Sequence) and len(form) == 3 and form[0] in (NORMAL, LOGNORMAL)):
        return False
    try:
        centre, sd = float(form[1]), float(form[2])
    except (TypeError, ValueError):
        return False
    return bool(np.isfinite(centre) and np.isfinite(sd) and sd > 0 and (form[0] == NORMAL or centre > 0))


def _from_fit(result: Any, parameterisation: Parameterisation) -> PriorFromFit:
    """Return the prior from an earlier fit, for the parameters that both fits have on the same scale."""
    if not hasattr(result, "covariance"):
        what = f"{type(result).__name__} is not a prior"
        raise FitError(Problem("priors", what, "a mapping {name: (kind, centre, sd)}, or the result of an earlier fit"))
    varied = {n for n, p in parameterisation.parameters().items() if p.vary}
    table = result.covariance()
    keys = tuple(n for n in table.index if n in varied)
    if not keys:
        raise FitError(
            Problem("priors", "the earlier fit has no parameter in common with this one", "one of " + ", ".join(sorted(varied)))
        )
    covariance = table.loc[list(keys), list(keys)].to_numpy(np.float64)
    centre = np.array([float(result.lmfit.params[k].value) for k in keys])
    return PriorFromFit(keys, centre, np.linalg.inv(np.linalg.cholesky(covariance)))
