"""Warnings about a finished population fit: convergence, parameters not determined by the data, lack of fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from immunoode.fitting.lack_of_fit import LITTLE, LackOfFit, lack_of_fit
from immunoode.population.distributions import LOGIT

if TYPE_CHECKING:
    from immunoode.population.finished import FinishedPopulationFit

from immunoode.population.tables import FEW, parameter_table

SHRUNK = 0.5
"""Shrinkage above which individual estimates mislead."""
UNSURE = 50.0
"""Relative standard error, in percent, above which a parameter counts as not determined."""
STRONG = 0.95
MOVED = 0.3
"""Drift between the last iterations of SAEM, in standard errors, above which more iterations are needed."""
POOR = 0.6
"""Proportional or log-normal error above which a model hardly follows the data."""
PAIRS = 5
"""Number of strongly correlated pairs that are listed."""


def warnings_of(result: FinishedPopulationFit) -> tuple[str, ...]:
    """Return all warnings about a population fit."""
    out = [] if result.success else [f"not converged: {result.outcome.message}"]
    lost = np.unique(result.observations.subject[~np.isfinite(result.modes.g)])
    if len(lost):
        who = ", ".join(result.observations.subjects[i] for i in lost[:5])
        out.append(f"{len(lost)} subjects could not be simulated: {who}")
    stuck = int((~result.modes.converged).sum())
    if stuck:
        out.append(f"the conditional modes of {stuck} subjects did not converge")
    sizes = {n: s for v in result.levels for n, s in zip(v.names, np.sqrt(np.diag(v.covariance)), strict=True)}
    out += [f"{n}: the random effect has vanished (sd {s:.1g}); remove it from random" for n, s in sizes.items() if s < FEW]
    out += [
        f"{n}: shrinkage of {100 * s:.0f} %; individual estimates carry little information"
        for n, s in result.shrinkage.items()
        if s > SHRUNK and sizes[n] >= FEW
    ]
    if not result.uncertainty.sound:
        out.append(f"standard errors are approximate, from {result.uncertainty.method}")
    table = parameter_table(result)
    main = table[table["kind"] == "typical value"]
    out += [f"{n}: not determined (relative standard error {r:.0f} %)" for n, r in main["rse_percent"].items() if r > UNSURE]
    spread = table[table.index.str.startswith("sd(") & ~(table["rse_percent"] <= 100)]
    out += [f"{n}: not determined by the data, so it has no interval" for n in spread.index if sizes.get(n[3:-1], FEW) >= FEW]
    names, covariance = result.population_model.names, result.uncertainty.covariance
    sd = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    for direction in result.uncertainty.blind:
        mixed = [n for n, share in zip(names, np.abs(direction), strict=True) if share > 0.3 * np.abs(direction).max()]
        what = "them separately" if len(mixed) > 1 else "it at all"
        out.append(f"{' and '.join(mixed)}: the data do not determine {what}")
    if result.outcome.drift is not None:
        moved = np.abs(result.outcome.drift) / np.maximum(sd, 1e-9)
        if moved.max() > MOVED:
            worst = names[int(np.argmax(moved))]
            what = f"{worst} still moved by {moved.max():.1f} standard errors at the end"
            out.append(f"{what}: continue with resume=, or use more iterations")
    strong = np.argwhere(np.triu(np.abs(covariance / np.outer(sd, sd)) > STRONG, 1))
    out += [f"{names[i]} and {names[j]} can hardly be distinguished" for i, j in strong[:PAIRS]]
    out += [f"{len(strong) - PAIRS} more pairs of parameters are as strongly correlated"] if len(strong) > PAIRS else []
    out += [*_several(result), *_misfit(result)]
    few = sum(1 for n in np.bincount(result.observations.subject) if n == 1)
    if few:
        out.append("one subject has one observation" if few == 1 else f"{few} subjects have one observation each")
    return (*out, *_of_data(result), *_of_values(result))


def _several(result: FinishedPopulationFit) -> list[str]:
    """Return a warning if only one start found the best optimum."""
    if result.starts is None or len(result.starts) < 3 or result.starts.agreeing > 1:
        return []
    return [f"only 1 of {len(result.starts)} starts ended at this optimum, so there may be a better one; use more starts"]


def _misfit(result: FinishedPopulationFit) -> Iterator[str]:
    """Yield a warning for each quantity with lack of fit about the individual curves."""
    for lack in lacks_of_fit(result):
        little = lack.explained < LITTLE and lack.excess > 1
        if lack.found or little:
            share = f"individual curves explain {100 * max(lack.explained, 0.0):.0f} % of its variance" if little else ""
            what = "; ".join(filter(None, (share, lack.evidence())))
            yield f"lack of fit of {lack.quantity}: {what}; {_remedy(result)}"


def _remedy(result: FinishedPopulationFit) -> str:
    if result.starts is None:
        return "look for a better optimum with starts=8; if there is none, the model lacks a feature that the data show"
    if result.starts.agreeing < 2:
        return f"look for a better optimum with more than {len(result.starts)} starts"
    return f"{result.starts.agreeing} of {len(result.starts)} starts agree, so the model lacks a feature that the data show"


def lacks_of_fit(result: FinishedPopulationFit) -> list[LackOfFit]:
    """Return the residual tests of each quantity, about the individual curves."""
    seen, likelihood, found = result.observations, result.population_model.likelihood, result.modes
    residuals = likelihood.residuals(found.g, result.estimates.errors)
    pulled = np.einsum("sij,ji->s", np.linalg.inv(found.hessian), np.linalg.inv(result.estimates.omega))
    own = result.parameter_count + float(
        np.sum(len(result.estimates.omega) - pulled)
    )  # effects count as far as the data determine them
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


def _of_data(result: FinishedPopulationFit) -> Iterator[str]:
    """Yield warnings about the data: too few subjects, nothing measured, constant values."""
    count, effects = result.population_model.subjects, len(result.population_model.effects.random_names)
    if count <= effects + 1:
        who = "1 subject" if count == 1 else f"{count} subjects"
        yield f"{who} for {effects} random effects: too few to estimate their variances"
    seen, likelihood = result.observations, result.population_model.likelihood
    for i, quantity in enumerate(seen.quantities):
        rows = seen.quantity == i
        if not likelihood.measured[rows].any():
            yield f"{quantity}: all values are limits and none was measured"
        elif rows.sum() > 1 and np.ptp(seen.value[rows]) == 0:
            yield f"{quantity}: all values are {seen.value[rows][0]:g}; constant values do not determine rates"


def _of_values(result: FinishedPopulationFit) -> Iterator[str]:
    """Yield warnings about estimates: beyond bounds, vanished or very large errors."""
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
            yield (
                f"{name}: has vanished: the model reproduces the data to the precision of the solver; check whether "
                f"they are simulated"
            )
        elif not name.startswith("additive") and size > POOR:
            yield f"{name}: {100 * size:.0f} %, so the model hardly follows the data; try other starting values (initial=)"
        elif name.startswith("additive") and not least and size < 1e-6 * float(np.abs(likelihood.value).max()):
            yield f"{name}: has vanished; proportional errors suffice"
