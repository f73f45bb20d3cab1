"""The report of a fit: text and notebook representation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import FitError
from immunoode.fitting.diagnostics import lacks_of_fit, warnings_of
from immunoode.fitting.tables import parameter_table
from immunoode.regimen.schedule import DOSE, Schedule

if TYPE_CHECKING:
    from immunoode.fitting.finished import FinishedFit
    from immunoode.fitting.observations import Observations
    from immunoode.trial.trial_data import TrialData


def headline(result: FinishedFit) -> list[str]:
    """Return the heading: model, data, why the fit stopped, and how well it fits."""
    seen, fit = result.observations, result.lmfit
    state = "STOPPED by the user" if result.stopped else "converged" if result.success else "NOT converged"
    correction = float(np.sqrt(len(seen) / max(fit.nfree, 1)))
    errors = [
        f"{q} ({o}): {m.describe(r, u, correction)}{_explained(lack.explained)}"
        for q, o, u, m, r, lack in zip(
            seen.quantities,
            seen.outputs,
            seen.units,
            result.least_squares.errors,
            result.ratios,
            lacks_of_fit(result),
            strict=True,
        )
    ]
    return [
        f"Model {result.model.name}, data: {result.data.title or 'trial data'}",
        f"{len(seen)} observations of {len(seen.subjects)} subjects in {len(set(seen.arms))} arms fitted, "
        f"{len(seen.unused)} not fitted (see .unused), {fit.nvarys} parameters",
        f"{state} by {fit.method} in {result.least_squares.evaluations} evaluations, {result.seconds:.2f} s: {fit.message}",
        f"-2 log L {result.deviance:.3f}, AIC {result.aic:.3f}, BIC {result.bic:.3f}; "
        f"median relative error {100 * result.relative_error:.1f} %",
        *[f"Errors of {line}" for line in errors],
        *units_line(result.data, seen),
        *_starts_line(result),
        *doses_line(seen, getattr(result.predictor, "schedules", ())),
        *not_used_line(result.covariates_not_used),
    ]


def doses_line(seen: Observations, schedules: Sequence[Schedule | None]) -> list[str]:
    """Return whether observations at the time of a dose are compared with the state before or after it."""
    given = [
        set[float]() if s is None else {t for t, a in zip(s.times.tolist(), s.actions, strict=True) if a == DOSE}
        for s in schedules
    ]
    at = [k for k, (s, t) in enumerate(zip(seen.subject.tolist(), seen.time.tolist(), strict=True)) if given and t in given[s]]
    if not at:
        return []
    stated = int(np.isfinite(seen.orders[at]).sum())
    early = int((seen.orders[at] == -np.inf).sum())
    how = [f"{stated} in the order of the rows of their table"] if stated else []
    how += [f"{early} before it (troughs)"] if early else []
    after = len(at) - stated - early
    how += [f"{after} after it (not marked as troughs)"] if after else []
    return [f"{len(at)} observations are at the time of a dose: {', '.join(how)}"]


def units_line(data: TrialData, seen: Observations) -> list[str]:
    """Return which quantities have no unit in the data, and the unit that they are taken to be in."""
    without = set(data.frame.loc[~data.frame["unit"].map(bool), "quantity"])
    taken = [f"{q} (taken to be in {u or '1'})" for q, u in zip(seen.quantities, seen.units, strict=True) if q in without]
    return [f"The data state no unit of {', '.join(taken)}: the unit of the model's output"] if taken else []


def not_used_line(names: tuple[str, ...]) -> list[str]:
    """Return the line about unused covariates."""
    return [f"Unused covariates of the data: {', '.join(names)}"] if names else []


def _explained(share: float) -> str:
    return f"; predictions explain {100 * max(share, 0.0):.3g} % of the variance" if np.isfinite(share) else ""


def _starts_line(result: FinishedFit) -> list[str]:
    if result.starts is None or len(result.starts) < 2:
        return []
    lost, stopped = result.starts.failed, result.starts.stopped
    if stopped:
        done = f"{len(result.starts) - stopped} of {len(result.starts)} starts were done when the fit was stopped by the user"
        return [f"{done}; {result.starts.agreeing} ended at this minimum"]
    why = f"; {len(lost)} failed, the first: {lost[0]}" if lost else ""
    return [f"{result.starts.agreeing} of {len(result.starts)} starts ended at this minimum{why}"]


def text(result: FinishedFit) -> str:
    """Return the whole report."""
    table = parameter_table(result, 0.95).drop(columns=["start", "lowest", "highest"])
    lines = [*headline(result), "", table.to_string(float_format=lambda x: f"{x:.4g}", max_rows=80), ""]
    strong = _pairs(result)
    if strong:
        lines += ["Correlations above 0.5:", *strong, ""]
    found = warnings_of(result)
    lines += ["Warnings:", *[f"  - {line}" for line in found]] if found else ["No warnings."]
    return "\n".join(lines)


def _pairs(result: FinishedFit) -> list[str]:
    try:
        table = result.correlation()
    except FitError:
        return []
    names, values = list(table.index), table.to_numpy()
    pairs = sorted(((values[i, j], names[j], names[i]) for i in range(len(names)) for j in range(i)), key=lambda p: -abs(p[0]))
    return [f"  {a}, {b}: {c:+.3f}" for c, a, b in pairs[:12] if abs(c) > 0.5]


def html(result: FinishedFit) -> str:
    """Return the notebook representation."""
    from html import escape

    lines = "<br>".join(escape(line) for line in headline(result))
    table = parameter_table(result, 0.95).to_html(float_format=lambda x: f"{x:.4g}", max_rows=60)
    found = "".join(f"<li>{escape(line)}</li>" for line in warnings_of(result))
    return f"<p>{lines}</p>{table}" + (f"<p>Warnings:</p><ul>{found}</ul>" if found else "")
