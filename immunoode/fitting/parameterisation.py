"""Which parameters are fitted, how they are shared, on which scale and within which bounds; to lmfit Parameters and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import FitError, Problem, nearest
from immunoode.fitting.constraints import constrain, slopes_of
from immunoode.fitting.log_parameters import LOG, LogParameters
from immunoode.fitting.observations import FloatArray, IntArray
from immunoode.model.components import Parameter
from immunoode.model.model import Model
from immunoode.model.values import warn_out_of_bounds

if TYPE_CHECKING:
    from lmfit import Parameters

SHARED, PER_ARM, PER_SUBJECT = "shared", "per_arm", "per_subject"
STEP = 1e-3
"""Step of the finite differences on the fitted scale: well above the error of the solver."""


@dataclass(frozen=True)
class FittedParameter:
    """One fitted model parameter: one lmfit parameter for all subjects, or one per arm or subject.

    `keys` are their names in lmfit (natural scale), `labels` the arms or subjects that they belong to, and `group` (S,) is
    the index for each subject. If `log`, the varied parameter is log(parameter), named "log_" + key. Covariates shift it on
    the fitted scale by `columns` (S, c) times `coefficients`, which are c parameters of lmfit.
    """

    name: str
    sharing: str
    keys: tuple[str, ...]
    labels: tuple[str, ...]
    group: IntArray
    log: bool
    bounds: tuple[float, float]
    initial: tuple[float, ...]
    unit: str = "1"
    coefficients: tuple[str, ...] = ()
    columns: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def varied(self) -> tuple[str, ...]:
        """Names of the lmfit parameters that vary."""
        return tuple(LOG + k for k in self.keys) if self.log else self.keys

    @property
    def scale(self) -> float:
        """Typical size of the parameter on the scale that is fitted."""
        if self.log:
            return 1.0
        low, high = self.bounds
        return max(abs(self.initial[0]), (high - low) * 0.05 if np.isfinite(high - low) else 0.0) or 1.0


@dataclass(frozen=True)
class Parameterisation:
    """K fitted parameters over S subjects; `constraints` are lmfit expressions, by the lmfit parameter that they set."""

    fitted_parameters: tuple[FittedParameter, ...]
    constraints: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The fitted model parameters, in the order of `values`."""
        return tuple(s.name for s in self.fitted_parameters)

    def parameters(self) -> Parameters:
        """Return the lmfit Parameters; a parameter fitted as its logarithm is an expression of that.

        Raises
        ------
        FitError
            If a constraint has an unknown name, or cannot be evaluated.
        """
        made = LogParameters()
        for fitted in self.fitted_parameters:
            low, high = fitted.bounds
            for key, start in zip(fitted.keys, fitted.initial, strict=True):
                if fitted.log and key not in self.constraints:
                    made.add(LOG + key, value=float(np.log(start)), min=_log(low), max=_log(high))
                    made.add(key, expr=f"exp({LOG}{key})")
                else:
                    made.add(key, value=start, min=low, max=high)
            for key in fitted.coefficients:
                made.add(key, value=0.0)
        constrain(made, self.constraints)
        return made

    def starting_from(self, found: Mapping[str, float]) -> Parameterisation:
        """Return the parameterisation with starting values from an earlier fit."""
        fitted_parameters = [
            replace(
                s,
                initial=tuple(_inside(found.get(k, found.get(s.name, at)), s) for k, at in zip(s.keys, s.initial, strict=True)),
            )
            for s in self.fitted_parameters
        ]
        return replace(self, fitted_parameters=tuple(fitted_parameters))

    def values(self, parameters: Parameters) -> FloatArray:
        """Return the values (S, K) of the fitted parameters in every subject."""
        columns = [_column(fitted, parameters) for fitted in self.fitted_parameters]
        return np.column_stack(columns) if columns else np.zeros((0, 0))

    def set_varied(self, parameters: Parameters, names: Iterable[str], row: Iterable[float]) -> Parameters:
        """Set the varied parameters to other values, and return the same object (a copy would be slow)."""
        for name, value in zip(names, row, strict=True):
            parameters[name].value = float(value)
        if self.constraints:
            parameters.update_constraints()
        return parameters

    def take(self, subjects: IntArray, names: tuple[str, ...]) -> Parameterisation:
        """Return the parameterisation for some of the subjects, each any number of times, under other names."""
        return replace(self, fitted_parameters=tuple(_taken(fitted, subjects, names) for fitted in self.fitted_parameters))

    def chain_rule(self, parameters: Parameters) -> dict[str, list[tuple[int, FloatArray]]]:
        """Return, per varied lmfit parameter, the model parameters it affects and the derivative for each subject (S,)."""
        found: dict[str, list[tuple[int, FloatArray]]] = {}
        for k, fitted in enumerate(self.fitted_parameters):
            for g, (key, name) in enumerate(zip(fitted.keys, fitted.varied, strict=True)):
                mine = (fitted.group == g).astype(np.float64)
                through = slopes_of(parameters, key, fitted.log) if key in self.constraints else {name: 1.0}
                for of, slope in through.items():
                    found.setdefault(of, []).append((k, slope * mine))
            for c, name in enumerate(fitted.coefficients):
                found.setdefault(name, []).append((k, fitted.columns[:, c]))
        return found

    def jacobian_wrt_fit(self, parameters: Parameters, values: FloatArray, by: FloatArray, subject: IntArray) -> FloatArray:
        """Return derivatives (N, p) by the varied lmfit parameters, from those (K, N) by the model parameters (S, K)."""
        place = {n: j for j, n in enumerate(n for n, p in parameters.items() if p.vary)}
        logged = np.array([fitted.log for fitted in self.fitted_parameters])
        scaled = by * np.where(logged[:, None], values.T[:, subject], 1.0)
        scaled = np.where(np.isfinite(scaled), scaled, 0.0)
        out = np.zeros((len(subject), len(place)))
        for name, parts in self.chain_rule(parameters).items():
            for k, factors in parts if name in place else ():
                out[:, place[name]] += scaled[k] * factors[subject]
        return out

    def perturbed(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return values (2K, S, K) with each parameter perturbed up and down, and the distances (K, S) on the fitted scale.

        The parameters of all subjects are perturbed at once. Because a parameter of one subject or arm does not change the
        predictions of others, derivatives with respect to many subject-specific parameters need no more simulations than those
        with respect to shared ones.
        """
        count = len(self.fitted_parameters)
        perturbed = np.repeat(values[None], 2 * count, axis=0)
        width = np.empty((count, len(values)))
        for k, fitted in enumerate(self.fitted_parameters):
            up, down = _one_step(fitted, values[:, k])
            perturbed[2 * k, :, k], perturbed[2 * k + 1, :, k] = up, down
            width[k] = np.log(up / down) if fitted.log else up - down
        return perturbed, width


def _column(fitted: FittedParameter, parameters: Parameters) -> FloatArray:
    """Return the values (S,) of one parameter."""
    logs = [LOG + k if fitted.log and LOG + k in parameters else k for k in fitted.keys]
    own = np.array([parameters[k].value for k in logs])
    if fitted.log:
        plain = np.array([k == n for k, n in zip(fitted.keys, logs, strict=True)])
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.where(plain, np.log(own), own)
    latent = own[fitted.group]
    if fitted.coefficients:
        latent = latent + fitted.columns @ np.array([parameters[c].value for c in fitted.coefficients])
    with np.errstate(over="ignore"):
        return np.exp(latent) if fitted.log else latent


def _taken(fitted: FittedParameter, subjects: IntArray, names: tuple[str, ...]) -> FittedParameter:
    columns = fitted.columns[subjects] if fitted.coefficients else fitted.columns
    if fitted.sharing != PER_SUBJECT:
        return replace(fitted, group=fitted.group[subjects], columns=columns)
    start = tuple(fitted.initial[fitted.group[s]] for s in subjects)
    keys = tuple(_keys(fitted.name, names))
    return replace(fitted, keys=keys, labels=names, group=np.arange(len(names)), initial=start, columns=columns)


def _one_step(fitted: FittedParameter, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the values one step up and down, kept within the bounds."""
    low, high = fitted.bounds
    if fitted.log:
        up, down = values * np.exp(STEP), values * np.exp(-STEP)
    else:
        up, down = values + STEP * fitted.scale, values - STEP * fitted.scale
    return np.minimum(up, high), np.maximum(down, low)


def _log(bound: float) -> float:
    return float(np.log(bound)) if bound > 0 else -np.inf


def parameterise(
    model: Model,
    subjects: Iterable[str],
    arms: Iterable[str],
    vary: Iterable[str],
    per_arm: Iterable[str],
    per_subject: Iterable[str],
    *,
    log: bool | Iterable[str] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    initial: Mapping[str, float | Mapping[str, float]] | None = None,
    starts: Mapping[str, FloatArray] | None = None,
    covariates: Mapping[str, Mapping[str, FloatArray]] | None = None,
    constraints: Mapping[str, str] | None = None,
) -> Parameterisation:
    """Return the parameterisation of a fit; all problems are reported at once.

    Parameters
    ----------
    subjects, arms : names, and the arm of each
    vary, per_arm, per_subject : names of model parameters: shared, one per arm, one per subject
    log : parameters that are fitted as logarithms; None: those with positive bounds (a bound of zero must be reachable)
    bounds : instead of the model's
    initial : starting values instead of the model's; a mapping is by arm or subject
    starts : name -> (S,) starting values of subject-specific parameters (baselines that vary)
    covariates : name -> label -> (S,) values that shift a parameter
    constraints : key in lmfit -> expression of other keys
    """
    names, of = tuple(subjects), tuple(arms)
    sharing = _sharing(vary, per_arm, per_subject)
    problems = _problems(model, sharing, dict(bounds or {}), dict(initial or {}), log)
    problems += [
        Problem("covariates", f"{n!r} is not fitted", nearest(n, sharing)) for n in covariates or {} if n not in sharing
    ]
    FitError.raise_if(problems)
    fitted_parameters, taken = [], set(model.constants)
    for name, how in sharing.items():
        fitted = _fitted_parameter(model.constants[name], name, how, names, of, log, (bounds or {}).get(name))
        fitted_parameters.append(
            _started(fitted, model.constants[name].value, (initial or {}).get(name), (starts or {}).get(name))
        )
        clash = [k for k in fitted.varied if k in taken and k != name]
        taken.update(clash)
    fitted_parameters = [_shifted(fitted, (covariates or {}).get(fitted.name, {})) for fitted in fitted_parameters]
    keys = [k for fitted in fitted_parameters for k in fitted.keys]
    unknown = [k for k in constraints or {} if k not in keys]
    FitError.raise_if(Problem("constraints", f"{k!r} is not fitted", nearest(k, keys)) for k in unknown)
    made = Parameterisation(tuple(fitted_parameters), dict(constraints or {}))
    made.parameters()
    return made


def _shifted(fitted: FittedParameter, columns: Mapping[str, FloatArray]) -> FittedParameter:
    """Return the parameter with the coefficients of its covariates."""
    if not columns:
        return fitted
    return replace(
        fitted, coefficients=tuple(_keys(fitted.name, tuple(columns))), columns=np.column_stack(list(columns.values()))
    )


def _sharing(vary: Iterable[str], per_arm: Iterable[str], per_subject: Iterable[str]) -> dict[str, str]:
    """Return how each fitted parameter is shared; those in `per_arm` and `per_subject` need not be repeated in `vary`."""
    given = {SHARED: _listed(vary), PER_ARM: _listed(per_arm), PER_SUBJECT: _listed(per_subject)}
    both = set(given[PER_ARM]) & set(given[PER_SUBJECT])
    if both:
        raise FitError([Problem(n, "is in both per_arm and per_subject", "keep it in only one of them") for n in sorted(both)])
    own = {n: how for how in (PER_ARM, PER_SUBJECT) for n in given[how]}
    order = [*given[SHARED], *own]
    if not order:
        raise FitError(Problem("vary", "is empty", "name at least one parameter to fit"))
    return {n: own.get(n, SHARED) for n in dict.fromkeys(order)}


def _listed(names: str | Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _problems(
    model: Model,
    sharing: Mapping[str, str],
    bounds: Mapping[str, tuple[float, float]],
    initial: Mapping[str, object],
    log: bool | Iterable[str] | None,
) -> list[Problem]:
    known = model.constants
    problems = [
        Problem("vary", f"{n!r} is not a parameter of model {model.name!r}", nearest(n, known))
        for n in sharing
        if n not in known
    ]
    logged = () if log is None or isinstance(log, bool) else _listed(log)
    for where, names in (("bounds", bounds), ("initial", initial), ("log", logged)):
        problems += [Problem(where, f"{n!r} is not fitted", nearest(n, sharing)) for n in names if n not in sharing]
    problems += [
        Problem(f"bounds[{n!r}]", f"{b!r} is not (lower, upper) with lower < upper", "for example (0.01, 1)")
        for n, b in bounds.items()
        if not (len(b) == 2 and b[0] < b[1])
    ]
    problems += [
        Problem(
            f"bounds[{n!r}]", f"lower bound {bounds[n][0]:g} has no logarithm", "give a positive bound, or leave it out of log"
        )
        for n in logged
        if n in bounds and bounds[n][0] <= 0
    ]
    return problems


def _fitted_parameter(
    parameter: Parameter,
    name: str,
    how: str,
    subjects: tuple[str, ...],
    arms: tuple[str, ...],
    log: bool | Iterable[str] | None,
    given: tuple[float, float] | None,
) -> FittedParameter:
    low, high = given or parameter.bounds or (-np.inf, np.inf)
    logged = _is_logged(name, log, parameter.value, low)
    if logged and low <= 0:
        low = 1e-12 * abs(parameter.value) if parameter.value else 1e-12
    owners = {SHARED: ("all",) * len(subjects), PER_ARM: arms, PER_SUBJECT: subjects}[how]
    labels = tuple(dict.fromkeys(owners))
    group = np.array([labels.index(o) for o in owners], dtype=np.int64)
    keys = (name,) if how == SHARED else _keys(name, labels)
    return FittedParameter(
        name, how, keys, labels, group, logged, (float(low), float(high)), (parameter.value,) * len(keys), parameter.unit
    )


def _is_logged(name: str, log: bool | Iterable[str] | None, value: float, low: float) -> bool:
    if log is None:
        return low > 0 or (not np.isfinite(low) and value > 0)
    return log if isinstance(log, bool) else name in _listed(log)


def _keys(name: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return one valid, distinct identifier per label: growth_rate__arm_label."""
    keys: list[str] = []
    for label in labels:
        base = f"{name}__" + (re.sub(r"\W+", "_", label, flags=re.ASCII).strip("_").lower() or "unnamed")
        key, count = base, 1
        while key in keys:
            count += 1
            key = f"{base}_{count}"
        keys.append(key)
    return tuple(keys)


def _started(
    fitted: FittedParameter, value: float, given: float | Mapping[str, float] | None, own: FloatArray | None
) -> FittedParameter:
    """Return the parameter with its starting values, within its bounds."""
    if isinstance(given, Mapping):
        unknown = [k for k in given if k not in fitted.labels]
        if unknown:
            where = f"initial[{fitted.name!r}]"
            raise FitError(
                [Problem(where, f"{k!r} is not one of its arms or subjects", nearest(k, fitted.labels)) for k in unknown]
            )
        first = [float(given.get(label, value)) for label in fitted.labels]
    elif given is None and own is not None:
        first = [float(np.exp(np.mean(np.log(own[fitted.group == g])))) for g in range(len(fitted.keys))]
    else:
        first = [float(value if given is None else given)] * len(fitted.keys)
    if not np.isfinite(first).all():
        raise FitError(Problem(f"initial[{fitted.name!r}]", f"is {given!r}", f"initial={{{fitted.name!r}: a finite number}}"))
    if given is not None or own is None:
        limits = Parameter(value, fitted.unit, fitted.bounds)
        warn_out_of_bounds("start of the fit", {fitted.name: limits}, {fitted.name: first}, "moved to them")
    return replace(fitted, initial=tuple(_inside(x, fitted) for x in first))


def _inside(value: float, fitted: FittedParameter) -> float:
    """Return the value, moved away from its bounds, because at a bound derivatives vanish and the fit would not start."""
    low, high = fitted.bounds
    if fitted.log:
        edge = 1e-3 * (np.log(high) - np.log(low)) if np.isfinite(high) else 1e-3
        return float(np.clip(value, low * np.exp(edge), high * np.exp(-edge)))
    edge = 1e-3 * (high - low) if np.isfinite(high - low) else 0.0
    return float(np.clip(value, low + edge, high - edge))
