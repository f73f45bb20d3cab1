"""The words and tables of a fit's result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import FitError
from immunoode.fitting.diagnostics import lacks_of_fit
from immunoode.fitting.observations import INTERVAL, LEFT, MEASURED, RIGHT
from immunoode.fitting.parameterisation import LOG, Slot
from immunoode.regimen.schedule import DOSE, Schedule

if TYPE_CHECKING:
    from pandas import DataFrame

    from immunoode.fitting.observations import FloatArray, Observations
    from immunoode.fitting.result import FitResult

CENSORED = {LEFT: "left", MEASURED: "", RIGHT: "right", INTERVAL: "interval"}
UNSURE = 1.0
"""Standard error, of a logarithm or relative, above which a parameter counts as not determined."""
UNDETERMINED = "not determined by the data: an interval says little, see .profile()"


def parameter_table(result: FitResult, level: float) -> DataFrame:
    """Return one row per fitted parameter."""
    import pandas as pd

    try:
        limits = result.confidence(level)
    except FitError:
        limits = None
    rows = [
        _parameter_row(result, limits, slot, *owned)
        for slot in result.objective.design.slots
        for owned in (
            *zip(slot.keys, slot.labels, slot.initial, strict=True),
            *((c, "covariate", 0.0) for c in slot.coefficients),
        )
    ]
    return pd.DataFrame(rows).set_index("parameter")


def _parameter_row(
    result: FitResult, limits: DataFrame | None, slot: Slot, key: str, label: str, start: float
) -> dict[str, object]:
    found, shift = result.lmfit.params[key], key in slot.coefficients
    lower, upper = (np.nan, np.nan) if limits is None or key not in limits.index else limits.loc[key, ["lower", "upper"]]
    return {
        "parameter": key,
        "of": label,
        "value": found.value,
        "unit": "1" if shift else slot.unit,
        "standard_error": found.stderr if limits is not None else np.nan,
        "lower": lower,
        "upper": upper,
        "start": start,
        "lowest": -np.inf if shift else slot.bounds[0],
        "highest": np.inf if shift else slot.bounds[1],
        "beware": "" if shift else _beware(result, slot, key),
    }


def _beware(result: FitResult, slot: Slot, key: str) -> str:
    if key in result.objective.design.constraints:
        return ""
    found, name = result.lmfit.params[key], LOG + key if slot.log else key
    bound = result.slopes.stopped_at(name, result.lmfit.params)
    lines = [f"at its {bound} bound"] if bound else []
    if found.stderr is None or not np.isfinite(found.stderr):
        lines += ["without standard error"] if not bound else []
    elif found.stderr > abs(found.value) * UNSURE:
        lines.append(UNDETERMINED)
    return ", and ".join(lines)


def headline(result: FitResult) -> list[str]:
    """Return what was fitted to what, why it stopped, and how well it fits."""
    seen, fit = result.observations, result.lmfit
    state = "STOPPED by the user" if result.stopped else "converged" if result.success else "NOT converged"
    correction = float(np.sqrt(len(seen) / max(fit.nfree, 1)))
    errors = [
        f"{q} ({o}): {m.words(r, u, correction)}{_explained(lack.explained)}"
        for q, o, u, m, r, lack in zip(
            seen.quantities, seen.outputs, seen.units, result.objective.errors, result.ratios, lacks_of_fit(result), strict=True
        )
    ]
    return [
        f"Model {result.model.name}, data: {result.data.title or 'trial data'}",
        f"{len(seen)} observations of {len(seen.subjects)} subjects in {len(set(seen.arms))} arms fitted, "
        f"{len(seen.unused)} not fitted (baselines and what .unused lists), {fit.nvarys} parameters",
        f"{state} by {fit.method} in {result.objective.evaluations} evaluations, {result.seconds:.2f} s: {fit.message}",
        f"-2 log L {result.deviance:.3f}, AIC {result.aic:.3f}, BIC {result.bic:.3f}; "
        f"median relative error {100 * result.relative_error:.1f} %",
        *[f"Errors of {line}" for line in errors],
        *_starts_line(result),
        *doses_line(seen, getattr(result.predictor, "schedules", ())),
        *not_used_line(result.covariates_not_used),
    ]


def doses_line(seen: Observations, schedules: Sequence[Schedule | None]) -> list[str]:
    """Return in words how observations at the very time of a dose are compared: with the state before it, or after it."""
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
    how += [f"{after} after it (they are not said to be troughs)"] if after else []
    return [f"{len(at)} observations are at the very time of a dose: {', '.join(how)}"]


def not_used_line(names: tuple[str, ...]) -> list[str]:
    """Return what is said of covariates of the data that a fit does not use."""
    return [f"Covariates of the data that nothing uses: {', '.join(names)}"] if names else []


def _explained(share: float) -> str:
    return f"; predictions explain {100 * max(share, 0.0):.3g} % of the variance" if np.isfinite(share) else ""


def _starts_line(result: FitResult) -> list[str]:
    if result.starts is None or len(result.starts) < 2:
        return []
    lost, stopped = result.starts.failed, result.starts.stopped
    if stopped:
        done = f"{len(result.starts) - stopped} of {len(result.starts)} starts were done when the fit was stopped by the user"
        return [f"{done}; {result.starts.agreeing} ended at this minimum"]
    why = f"; {len(lost)} gave nothing, the first: {lost[0]}" if lost else ""
    return [f"{result.starts.agreeing} of {len(result.starts)} starts ended at this minimum{why}"]


def text(result: FitResult) -> str:
    """Return the whole report."""
    table = parameter_table(result, 0.95).drop(columns=["start", "lowest", "highest"])
    lines = [*headline(result), "", table.to_string(float_format=lambda x: f"{x:.4g}", max_rows=80), ""]
    strong = _pairs(result)
    if strong:
        lines += ["Correlations above 0.5:", *strong, ""]
    found = result.warnings()
    lines += ["Beware:", *[f"  - {line}" for line in found]] if found else ["Nothing to beware of."]
    return "\n".join(lines)


def _pairs(result: FitResult) -> list[str]:
    try:
        table = result.correlation()
    except FitError:
        return []
    names, values = list(table.index), table.to_numpy()
    pairs = sorted(((values[i, j], names[j], names[i]) for i in range(len(names)) for j in range(i)), key=lambda p: -abs(p[0]))
    return [f"  {a}, {b}: {c:+.3f}" for c, a, b in pairs[:12] if abs(c) > 0.5]


def html(result: FitResult) -> str:
    """Return the result for a notebook."""
    from html import escape

    lines = "<br>".join(escape(line) for line in headline(result))
    table = parameter_table(result, 0.95).to_html(float_format=lambda x: f"{x:.4g}", max_rows=60)
    found = "".join(f"<li>{escape(line)}</li>" for line in result.warnings())
    return f"<p>{lines}</p>{table}" + (f"<p>Beware:</p><ul>{found}</ul>" if found else "")


def fitted_table(result: FitResult) -> DataFrame:
    """Return predictions at the fitted observations, beside what was observed."""
    import pandas as pd

    seen, f = result.observations, result.fitted
    weighted = np.full(len(f), np.nan)
    for model, ratio in zip(result.objective.errors, result.ratios, strict=True):
        weighted[model.rows] = model.weighted(f[model.rows], ratio)
    return pd.DataFrame(
        {
            "row": list(seen.rows),
            "subject": np.array(seen.subjects, dtype=object)[seen.subject],
            "arm": np.array(seen.arms, dtype=object)[seen.subject],
            "time": seen.time,
            "quantity": np.array(seen.quantities, dtype=object)[seen.quantity],
            "observed": seen.value,
            "predicted": f,
            "weighted_residual": weighted,
            "censoring": [CENSORED[c] for c in seen.censoring],
            "unit": np.array(seen.units, dtype=object)[seen.quantity],
        }
    )


def curve_table(
    result: FitResult, days: FloatArray, shape: FloatArray, by: str, columns: Mapping[str, FloatArray]
) -> DataFrame:
    """Return (G, T, Q) arrays as a long table."""
    import pandas as pd

    seen = result.observations
    owners = list(seen.subjects) if by == "subject" else list(dict.fromkeys(seen.arms))
    count, times, quantities = shape.shape
    table = {by: np.repeat(np.array(owners, dtype=object), times * quantities)}
    if by == "subject":
        table["arm"] = np.repeat(np.array(seen.arms, dtype=object), times * quantities)
    table["time"] = np.tile(np.repeat(days, quantities), count)
    table["quantity"] = np.tile(np.array(seen.quantities, dtype=object), count * times)
    table.update({name: values.reshape(-1) for name, values in columns.items()})
    table["unit"] = np.tile(np.array(seen.units, dtype=object), count * times)
    return pd.DataFrame(table)
