"""The words and tables of a population fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from immunoode import units
from immunoode.errors import FitError, Problem
from immunoode.fitting.lack_of_fit import LITTLE, LackOfFit, lack_of_fit
from immunoode.fitting.report import doses_line, not_used_line
from immunoode.population.distributions import LOGIT, LOGNORMAL, NORMAL

if TYPE_CHECKING:
    from pandas import DataFrame

    from immunoode.fitting.observations import FloatArray
    from immunoode.population.random_effect_levels import Level
    from immunoode.population.result import PopulationResult

SHRUNK = 0.5
"""Shrinkage above which what subjects show of an effect misleads."""
UNSURE = 50.0
"""Relative standard error, in percent, above which a parameter counts as not determined."""
STRONG = 0.95
MOVED = 0.3
"""Movement between the last iterations of SAEM, in standard errors, above which more of them are needed."""
_UNKNOWN = 100.0
"""Largest standard error of a logarithm: beyond it the interval is all numbers."""
POOR = 0.6
"""Proportional error, or log-normal one, above which a model hardly follows the data."""
PAIRS = 5
"""So many pairs that cannot be told apart are written out."""
FEW = 1e-3
"""Standard deviation of a random effect below which there is none."""


def parameter_table(result: PopulationResult, level: float = 0.95) -> DataFrame:
    """Return one row per population parameter; intervals are symmetric on the scale that is estimated."""
    import pandas as pd
    from scipy.stats import norm

    if not 0 < level < 1:
        raise FitError(Problem("level", f"{level!r} is not between 0 and 1", "for example 0.95"))
    covariance = result.uncertainty.covariance
    sd = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    z = float(norm.ppf(0.5 + level / 2))
    with np.errstate(over="ignore"):
        rows = [*_typical(result, sd, z), *_spread(result, covariance, z), *_errors(result, sd, z)]
    table = pd.DataFrame(rows).set_index("parameter")
    with np.errstate(divide="ignore", invalid="ignore"):
        table.insert(4, "rse_percent", 100 * table["standard_error"] / table["value"].abs())
    return table


def _typical(result: PopulationResult, sd: FloatArray, z: float) -> list[dict[str, object]]:
    effects, beta = result.population_model.effects, result.estimates.beta
    rows: list[dict[str, object]] = []
    for c, name in enumerate(effects.coefficients):
        k = int(np.argmax(np.abs(effects.columns[..., c]).sum(axis=0)))
        if c == effects.typical[k]:
            d = effects.distributions[k]
            value, low, high = (float(d.value(np.array(beta[c] + s * z * sd[c]))) for s in (0, -1, 1))
            error = float(d.slope(np.array(beta[c]))) * sd[c]
            rows.append(_row(name, "typical value", value, effects.units[k], error, low, high))
        else:
            rows.append(_row(name, "covariate", float(beta[c]), "1", sd[c], beta[c] - z * sd[c], beta[c] + z * sd[c]))
    return rows


def _spread(result: PopulationResult, covariance: FloatArray, z: float) -> list[dict[str, object]]:
    """Return standard deviations and correlations of random effects, level by level, with errors by the delta method."""
    return [row for level in result.levels for row in _spread_of(result, level, covariance, z)]


def _spread_of(result: PopulationResult, level: Level, covariance: FloatArray, z: float) -> list[dict[str, object]]:
    pattern, omega, names = level.pattern, level.covariance, level.names
    first, count = len(result.population_model.effects.coefficients) + level.offset, len(level.pattern.elements)
    slopes = np.array(list(pattern.derivatives(pattern.vector(omega))))
    own = covariance[first : first + count, first : first + count]
    size, shrinkage = np.sqrt(np.diag(omega)), level.shrinkage
    rows = []
    for i, name in enumerate(names):
        by = slopes[:, i, i] / (2 * omega[i, i])
        error = min(float(np.sqrt(max(by @ own @ by, 0.0))), _UNKNOWN)
        latent = level.distributions[i].kind
        unit = level.units[i] if latent == NORMAL else "1"
        known = size[i] >= FEW and error <= 1  # one that has vanished, or that nothing tells, has no interval
        low, high = (size[i] * np.exp(s * z * error) if known else np.nan for s in (-1, 1))
        row = _row(f"sd({name})", level.kind, float(size[i]), unit, size[i] * error if known else np.nan, low, high)
        cv = 100 * np.sqrt(np.expm1(omega[i, i])) if latent == LOGNORMAL and omega[i, i] < 50 else np.nan
        rows.append({**row, "cv_percent": cv, "shrinkage_percent": 100 * shrinkage[name]})
    for i, j in pattern.elements:
        if i == j:
            continue
        r = omega[i, j] / (size[i] * size[j])
        by = slopes[:, i, j] / (size[i] * size[j]) - r * (slopes[:, i, i] / omega[i, i] + slopes[:, j, j] / omega[j, j]) / 2
        error = float(np.sqrt(max(by @ own @ by, 0.0)))
        half = z * error / max(1 - r * r, 1e-9)
        rows.append(
            _row(
                f"correlation({names[j]}, {names[i]})",
                level.kind,
                float(r),
                "1",
                error,
                float(np.tanh(np.arctanh(r) - half)),
                float(np.tanh(np.arctanh(r) + half)),
            )
        )
    return rows


def _errors(result: PopulationResult, sd: FloatArray, z: float) -> list[dict[str, object]]:
    likelihood, seen, rows = result.population_model.likelihood, result.observations, []
    first = len(result.population_model.names) - len(likelihood.names)
    for j, name in enumerate(likelihood.names):
        quantity = int(seen.quantity[np.flatnonzero((likelihood.additive == j) | (likelihood.proportional == j))[0]])
        unit = seen.units[quantity] if name.startswith("additive") else "1"
        value, error = float(np.exp(result.estimates.errors[j])), min(float(sd[first + j]), _UNKNOWN)
        rows.append(
            _row(name, "within subjects", value, unit, value * error, value * np.exp(-z * error), value * np.exp(z * error))
        )
    return rows


def _row(name: str, kind: str, value: float, unit: str, error: float, low: float, high: float) -> dict[str, object]:
    return {
        "parameter": name,
        "kind": kind,
        "value": value,
        "unit": unit,
        "standard_error": float(error),
        "lower": float(low),
        "upper": float(high),
    }


def prediction_table(result: PopulationResult, times: Iterable[float] | None, of: str) -> DataFrame:
    """Return predictions at the observations, or at times."""
    import pandas as pd

    if of not in ("individual", "typical"):
        raise FitError(Problem("of", f"is {of!r}", "'individual' or 'typical'"))
    seen, effects = result.observations, result.population_model.effects
    eta = result.outcome.eta if of == "individual" else np.zeros_like(result.outcome.eta)
    latent = effects.latent(effects.means(result.estimates.beta), eta)[None]
    subjects, arms = np.array(seen.subjects), np.array(seen.arms)
    if times is None:
        found = result.population_model.trajectories(latent)[0]
        return pd.DataFrame(
            {
                "row": seen.rows,
                "subject": subjects[seen.subject],
                "arm": arms[seen.subject],
                "time": seen.time,
                "quantity": np.array(seen.quantities)[seen.quantity],
                "observed": seen.value,
                "predicted": found,
                "unit": np.array(seen.units)[seen.quantity],
            }
        )
    days = units.times(times)
    curves = result.population_model.trajectories.curves(latent, days)[0]
    count, length, width = curves.shape
    return pd.DataFrame(
        {
            "subject": np.repeat(subjects, length * width),
            "arm": np.repeat(arms, length * width),
            "time": np.tile(np.repeat(days, width), count),
            "quantity": np.tile(np.array(seen.quantities), count * length),
            "predicted": curves.ravel(),
            "unit": np.tile(np.array(seen.units), count * length),
        }
    )


def cautions(result: PopulationResult) -> tuple[str, ...]:
    """Return what a reader must know."""
    out = [] if result.success else [f"not converged: {result.outcome.message}"]
    lost = np.unique(result.observations.subject[~np.isfinite(result.modes.g)])
    if len(lost):
        who = ", ".join(result.observations.subjects[i] for i in lost[:5])
        out.append(f"{len(lost)} subjects could not be simulated: {who}")
    stuck = int((~result.modes.converged).sum())
    if stuck:
        out.append(f"the most likely effects of {stuck} subjects were not found to the end")
    sizes = {n: s for v in result.levels for n, s in zip(v.names, np.sqrt(np.diag(v.covariance)), strict=True)}
    out += [f"{n}: the random effect has vanished (sd {s:.1g}); leave it out of random" for n, s in sizes.items() if s < FEW]
    out += [
        f"{n}: shrinkage of {100 * s:.0f} %; subjects' own values say little"
        for n, s in result.shrinkage.items()
        if s > SHRUNK and sizes[n] >= FEW
    ]
    if not result.uncertainty.sound:
        out.append(f"standard errors are rough, from {result.uncertainty.method}")
    table = parameter_table(result)
    main = table[table["kind"] == "typical value"]
    out += [f"{n}: not determined (relative standard error {r:.0f} %)" for n, r in main["rse_percent"].items() if r > UNSURE]
    spread = table[table.index.str.startswith("sd(") & ~(table["rse_percent"] <= 100)]
    out += [
        f"{n}: not determined by the data, so that it has no interval" for n in spread.index if sizes.get(n[3:-1], FEW) >= FEW
    ]
    names, covariance = result.population_model.names, result.uncertainty.covariance
    sd = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    for direction in result.uncertainty.blind:
        mixed = [n for n, share in zip(names, np.abs(direction), strict=True) if share > 0.3 * np.abs(direction).max()]
        what = "these apart" if len(mixed) > 1 else "it at all"
        out.append(f"{' and '.join(mixed)}: the data do not tell {what}, at any size")
    if result.outcome.drift is not None:
        moved = np.abs(result.outcome.drift) / np.maximum(sd, 1e-9)
        if moved.max() > MOVED:
            worst = names[int(np.argmax(moved))]
            what = f"{worst} still moved by {moved.max():.1f} standard errors at the end"
            out.append(f"{what}: go on with resume=, or state more iterations")
    strong = np.argwhere(np.triu(np.abs(covariance / np.outer(sd, sd)) > STRONG, 1))
    out += [f"{names[i]} and {names[j]} can hardly be told apart" for i, j in strong[:PAIRS]]
    out += [f"nor can {len(strong) - PAIRS} more pairs of parameters"] if len(strong) > PAIRS else []
    out += [*_several(result), *_misfit(result)]
    few = sum(1 for n in np.bincount(result.observations.subject) if n == 1)
    if few:
        out.append("one subject has one observation" if few == 1 else f"{few} subjects have one observation each")
    return (*out, *_of_data(result), *_of_values(result))


def _several(result: PopulationResult) -> list[str]:
    """Return a warning where one start alone found the best optimum."""
    if result.starts is None or len(result.starts) < 3 or result.starts.agreeing > 1:
        return []
    return [f"only 1 of {len(result.starts)} starts ended here: there may be a better optimum still, look with more"]


def _misfit(result: PopulationResult) -> Iterator[str]:
    """Yield a warning for each quantity whose residuals about subjects' own curves are not what errors leave."""
    for lack in lacks_of_fit(result):
        little = lack.explained < LITTLE and lack.excess > 1
        if lack.found or little:
            share = f"subjects' own curves explain {100 * max(lack.explained, 0.0):.0f} % of its variance" if little else ""
            what = "; ".join(filter(None, (share, lack.evidence())))
            yield f"lack of fit of {lack.quantity}: {what}; {_remedy(result)}"


def _remedy(result: PopulationResult) -> str:
    if result.starts is None:
        return "see whether starts=8 finds a better optimum; if not, the model lacks what the data show"
    if result.starts.agreeing < 2:
        return f"look for a better optimum with more than {len(result.starts)} starts"
    return f"{result.starts.agreeing} of {len(result.starts)} starts agree, so the model lacks what the data show"


def lacks_of_fit(result: PopulationResult) -> list[LackOfFit]:
    """Return the tests of residuals of each quantity, about subjects' own curves."""
    seen, likelihood, found = result.observations, result.population_model.likelihood, result.modes
    residuals = likelihood.residuals(found.g, result.estimates.errors)
    pulled = np.einsum("sij,ji->s", np.linalg.inv(found.hessian), np.linalg.inv(result.estimates.omega))
    own = result.parameter_count + float(
        np.sum(len(result.estimates.omega) - pulled)
    )  # effects count as far as the data tell them
    tests = []
    for i, quantity in enumerate(seen.quantities):
        rows = np.flatnonzero((seen.quantity == i) & likelihood.measured)
        share = own * len(rows) / len(seen)
        tests.append(
            lack_of_fit(
                quantity, seen.subject[rows], seen.time[rows], likelihood.value[rows], found.g[rows], residuals[rows], share
            )
        )
    return tests


def _of_data(result: PopulationResult) -> Iterator[str]:
    """Yield what the data cannot give."""
    count, effects = result.population_model.subjects, len(result.population_model.effects.random_names)
    if count <= effects + 1:
        yield f"{count} {'subject' if count == 1 else 'subjects'} for {effects} random effects: too few to tell how these vary"
    seen, likelihood = result.observations, result.population_model.likelihood
    for i, quantity in enumerate(seen.quantities):
        rows = seen.quantity == i
        if not likelihood.measured[rows].any():
            yield f"{quantity}: nothing was measured, all values are limits"
        elif rows.sum() > 1 and np.ptp(seen.value[rows]) == 0:
            yield f"{quantity}: all values are {seen.value[rows][0]:g}; what does not change determines no rate"


def _of_values(result: PopulationResult) -> Iterator[str]:
    """Yield which values found are beyond what they should be."""
    effects, constants = result.population_model.effects, result.model.constants
    for name, value in result.values.items():
        low, high = constants[name].bounds or (-np.inf, np.inf)
        kind = effects.distributions[effects.first[effects.parameters.index(name)]].kind
        edge = 1e-3 * (high - low) if kind == LOGIT else 0.0
        if not low + edge <= value <= high - edge:
            yield f"{name}: {value:.3g} is {'at' if edge else 'beyond'} the model's bounds ({low:g}, {high:g})"
    likelihood = result.population_model.likelihood
    sizes = np.exp(result.estimates.errors)
    for name, size, least in zip(likelihood.names, sizes, likelihood.least, strict=True):
        if size < 3 * least:
            yield f"{name}: has vanished, the model meets the data to the solver's precision; are these data?"
        elif not name.startswith("additive") and size > POOR:
            yield f"{name}: {100 * size:.0f} %, so the model hardly follows the data; other values to begin with (initial=)?"
        elif name.startswith("additive") and not least and size < 1e-6 * float(np.abs(likelihood.value).max()):
            yield f"{name}: has vanished; proportional errors are enough"


def headline(result: PopulationResult) -> str:
    """Return the fit in a sentence."""
    seen = result.observations
    how = {"focei": "FOCE with interaction", "saem": "SAEM"}[result.method]
    starts = result.starts
    several = "" if starts is None else f"; {starts.agreeing} of {len(starts)} starts ended at this optimum"
    return (
        f"{result.model.title or result.model.name}: {len(seen.subjects)} subjects, {len(seen)} observations, {how} in "
        f"{result.seconds:.3g} s; {result.outcome.message}{several}"
    )


def text(result: PopulationResult) -> str:
    """Return the fit in words and tables."""
    lines = [headline(result), ""]
    sampled = result.method != "focei"
    way = f"by importance sampling (standard error {result.sampled[1]:.2g})" if sampled else "by Laplace's method"
    lines.append(
        f"objective {result.objective:.3f} {way}; -2 log-likelihood {result.deviance:.3f}, AIC {result.aic:.2f}, "
        f"BIC {result.bic:.2f}"
    )
    errors = ", ".join(f"{q}: {k}" for q, k in result.population_model.likelihood.kinds.items())
    lines += [f"errors {errors}; standard errors from {result.uncertainty.method}"]
    lines += [*not_used_line(result.covariates_not_used)]
    lines += [*doses_line(result.observations, result.population_model.trajectories.schedules), ""]
    lines.append(_rounded(parameter_table(result)).to_string(na_rep="", float_format=lambda x: f"{x:.4g}"))
    for what, rows in (("not fitted", result.unused), ("left out when the data were read", result.data.left_out)):
        if len(rows):
            counts = rows["reason"].value_counts()
            lines += ["", f"{what}: " + "; ".join(f"{n} x {reason}" for reason, n in counts.items())]
    warnings = cautions(result)
    if warnings:
        lines += ["", "Beware:", *(f"  - {w}" for w in warnings)]
    return "\n".join(lines)


def _rounded(table: DataFrame) -> DataFrame:
    return table.drop(columns=[c for c in table.columns if table[c].isna().all()])


def html(result: PopulationResult) -> str:
    """Return the notebook representation."""
    from html import escape

    table = _rounded(parameter_table(result)).to_html(na_rep="", float_format=lambda x: f"{x:.4g}")
    warnings = "".join(f"<li>{escape(w)}</li>" for w in cautions(result))
    beware = f"<p>Beware:</p><ul>{warnings}</ul>" if warnings else ""
    return f"<p><b>{escape(headline(result))}</b><br>objective {result.objective:.3f}, AIC {result.aic:.2f}</p>{table}{beware}"
