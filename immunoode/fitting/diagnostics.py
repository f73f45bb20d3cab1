"""Warnings about a fit: convergence, parameters that the data do not determine, lack of fit, probable mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import FitError
from immunoode.fitting.lack_of_fit import CHANCE, LITTLE, LackOfFit, lack_of_fit
from immunoode.fitting.observations import MEASURED, baseline_parameter
from immunoode.fitting.parameterisation import PER_ARM, PER_SUBJECT
from immunoode.fitting.tables import parameter_table
from immunoode.regimen.schedule import SET

if TYPE_CHECKING:
    from immunoode.fitting.finished import FinishedFit
    from immunoode.fitting.likelihood import ErrorModel

CURVED = 1.3
"""Ratio of the residuals to those about a smooth curve above which they indicate lack of fit rather than large errors."""
STRONG = 0.95
"""Correlation above which two parameters are hard to distinguish."""
FAR = 30.0
"""Median ratio of observations to predictions above which a unit or a starting value is probably wrong."""
APART = 3.0
"""Median ratio of first predictions to first observations above which curves do not start from the data."""
EXACT = 1e-5
"""Relative size of residual errors below which they are those of the solver."""


def warnings_of(result: FinishedFit) -> tuple[str, ...]:
    """Return all warnings about a fit."""
    lines = _grouped(parameter_table(result, 0.95)["beware"].to_dict())
    if result.stopped:
        lines.insert(0, f"the fit was stopped by the user{_done(result)}, so there may be a better minimum")
    elif not result.lmfit.success:
        lines.insert(0, f"the fit did not converge: {result.lmfit.message}")
    if not result.outcome.settled:
        lines.append(f"the error scale was still changing after {result.outcome.rounds} rounds")
    if result.least_squares.failures:
        lines.append(f"{result.least_squares.failures} simulations failed during the fit (each counts as a large residual)")
    if result.failed_subjects:
        lines.append("no simulation succeeds at the estimates for: " + ", ".join(result.failed_subjects[:10]))
    return (*_untreated(result), *_several(result), *_data(result), *lines, *_strong(result), *_misfit(result), *_thin(result))


def _done(result: FinishedFit) -> str:
    if result.starts is None or len(result.starts) == 1:
        return ""
    return f" when {len(result.starts) - result.starts.stopped} of {len(result.starts)} starts were done"


def _data(result: FinishedFit) -> Iterator[str]:
    """Yield a warning for each quantity that carries little information or looks like a mistake."""
    seen = result.observations
    for model, quantity, output, unit in zip(
        result.least_squares.errors, seen.quantities, seen.outputs, seen.units, strict=True
    ):
        yield from _about(model, result.fitted[model.rows], quantity, unit)
        yield from _start(result, model, quantity, output)


def _start(result: FinishedFit, model: ErrorModel, quantity: str, output: str) -> Iterator[str]:
    """Yield a warning if curves start from the model's initial value, far from the first observations."""
    if baseline_parameter(result.model, output) in (*result.observations.baselines, *result.parameterisation.names):
        return
    seen = result.observations
    rows = model.rows[seen.censoring[model.rows] == MEASURED]
    order = rows[np.lexsort((seen.time[rows], seen.subject[rows]))]
    first = order[np.unique(seen.subject[order], return_index=True)[1]]
    y, f = seen.value[first], result.fitted[first]
    both = (y > 0) & (f > 0)
    ratio = float(np.median(f[both] / y[both])) if both.any() else 1.0
    if max(ratio, 1 / ratio) > APART:
        known = [d.baseline for d in result.model.derived.values() if d.baseline and d.baseline not in result.values]
        what = f" ({', '.join(dict.fromkeys(known))})" if known else ""
        yield (
            f"the curves of {quantity} start from the model's own value, which is typically {ratio:.3g} times the "
            f"first observation: "
            f"estimate their initial value with per_subject=, or fix it with parameters={what}"
        )


def _about(model: ErrorModel, f: np.ndarray, quantity: str, unit: str) -> Iterator[str]:
    measured = model.censoring == MEASURED
    y = model.value[measured]
    if not len(y):
        yield f"all values of {quantity} are limits and none was measured, so the size of its errors cannot be estimated"
        return
    if len(y) > 2 and np.ptp(y) == 0:
        yield f"all {len(y)} values of {quantity} are {y[0]:g} {unit}, so they carry no information about its changes"
    both = (y > 0) & (f[measured] > 0)
    ratio = float(np.median(y[both] / f[measured][both])) if both.any() else 1.0
    if max(ratio, 1 / max(ratio, 1e-300)) > FAR:
        yield (
            f"{quantity} is typically {ratio:.3g} times its prediction (in {unit}): check its unit, and whether the "
            f"curve can reach it within the bounds"
        )
    size = model.scale.s / (max(float(np.max(np.abs(y))), 1e-300) if model.kind == "additive" else 1.0)
    if size < EXACT and np.ptp(y) > 0:
        yield (
            f"{quantity} is reproduced with a relative error of {size:.1g}: these data have no errors, so standard "
            f"errors mean little"
        )


def _thin(result: FinishedFit) -> Iterator[str]:
    """Yield warnings about subjects and arms with very few observations for their own parameters."""
    seen, fitted_parameters = result.observations, result.parameterisation.fitted_parameters
    own = sum(s.sharing == PER_SUBJECT for s in fitted_parameters)
    counts = np.bincount(seen.subject, minlength=len(seen.subjects))
    few = [s for s, n in zip(seen.subjects, counts, strict=True) if n <= own] if own else []
    if few:
        yield (
            f"{_some(few)} {'has' if len(few) == 1 else 'have'} no more observations than subject-specific "
            f"parameters: they determine only these, and carry no information about shared parameters"
        )
    arms = np.array(seen.arms, dtype=object)[seen.subject]
    blind = [a for a in dict.fromkeys(seen.arms) if not (seen.censoring[arms == a] == MEASURED).any()]
    if blind and any(s.sharing == PER_ARM for s in fitted_parameters):
        yield (
            f"all values in arm {_some(blind)} are limits and none was measured, so its own parameters are bounded "
            f"on one side only"
        )


def _several(result: FinishedFit) -> list[str]:
    """Return a warning if only one start found the best minimum."""
    if result.starts is None or len(result.starts) < 4 or result.starts.agreeing > 1:
        return []
    return [f"only 1 of {len(result.starts)} starts ended at this minimum, so there may be a better one; use more starts"]


def _misfit(result: FinishedFit) -> Iterator[str]:
    """Yield a warning for each quantity with lack of fit, with advice."""
    for lack in lacks_of_fit(result):
        little = lack.explained < LITTLE and lack.excess > CURVED
        if lack.found or little:
            share = f"predictions explain {100 * max(lack.explained, 0.0):.0f} % of its variance" if little else ""
            what = "; ".join(filter(None, (share, lack.evidence())))
            yield f"lack of fit of {lack.quantity}: {what}. Standard errors are too small; {_remedy(result, lack)}"


def _remedy(result: FinishedFit, lack: LackOfFit) -> str:
    """Return advice on remedies that have not been tried yet."""
    fitted_parameters, starts = result.parameterisation.fitted_parameters, result.starts
    if lack.subjects_p < CHANCE and not any(s.sharing == PER_SUBJECT for s in fitted_parameters):
        taken = list(result.observations.baselines)
        own = "with per_subject="
        if taken:
            own = f"by estimating the baselines, which are now taken from the data, with per_subject={taken!r}"
        return f"let subjects differ, {own}, or use fit_population"
    if starts is None or len(starts) < 2:
        return "look for a better minimum with starts=8; if there is none, the model lacks a feature that the data show"
    if starts.agreeing < 2:
        return f"look for a better minimum with more than {len(starts)} starts"
    return (
        f"{starts.agreeing} of {len(starts)} starts agree, so the model lacks a feature that the data show: it may "
        f"need another structure, or doses may be missing"
    )


def lacks_of_fit(result: FinishedFit) -> list[LackOfFit]:
    """Return the residual tests of each quantity."""
    seen, found = result.observations, []
    for model, at, quantity in zip(result.least_squares.errors, result.ratios, seen.quantities, strict=True):
        measured = seen.censoring[model.rows] == MEASURED
        rows = model.rows[measured]
        y, f = seen.value[rows], result.fitted[rows]
        if model.kind in ("lognormal", "proportional"):
            with np.errstate(divide="ignore", invalid="ignore"):
                y, f = np.log(y), np.log(f)
        residuals = model.weighted_residuals(result.fitted[model.rows], at)[measured]
        share = result.lmfit.nvarys * len(rows) / len(seen)
        found.append(lack_of_fit(quantity, seen.subject[rows], seen.time[rows], y, f, residuals, share))
    return found


def _untreated(result: FinishedFit) -> list[str]:
    """Return a warning if the model has inputs for doses and no subject was dosed."""
    given = getattr(result.predictor, "schedules", None)
    if given is None or not result.model.inputs or any(s is not None and set(s.actions) - {SET} for s in given):
        return []
    return [f"no subject is treated: give regimens= for doses of {', '.join(result.model.inputs)}"]


def _grouped(beware: Mapping[str, str]) -> list[str]:
    """Return one line per kind of warning, with the parameters concerned."""
    kinds = [text for text in dict.fromkeys(beware.values()) if text]
    about = {text: [key for key, t in beware.items() if t == text] for text in kinds}
    return [
        f"{_some(keys)} is {text}" if len(keys) == 1 else f"{_some(keys)} are {text.replace('at its', 'at their')}"
        for text, keys in about.items()
    ]


def _some(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _strong(result: FinishedFit) -> list[str]:
    try:
        table = result.correlation()
    except FitError:
        return []
    names, values = list(table.index), table.to_numpy()
    pairs = [(i, j) for i in range(len(names)) for j in range(i) if abs(values[i, j]) > STRONG]
    lines = [f"{names[j]} and {names[i]} are hard to distinguish (correlation {values[i, j]:.3f})" for i, j in pairs[:8]]
    return lines + ([f"and {len(pairs) - 8} more pairs of strong correlation"] if len(pairs) > 8 else [])
