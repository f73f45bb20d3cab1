"""The text and notebook representation of a finished population fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from immunoode.fitting.report import doses_line, not_used_line, units_line

if TYPE_CHECKING:
    from pandas import DataFrame

    from immunoode.population.finished import FinishedPopulationFit

from immunoode.population.diagnostics import warnings_of
from immunoode.population.tables import parameter_table


def headline(result: FinishedPopulationFit) -> str:
    """Return the fit in one sentence."""
    seen = result.observations
    how = {"focei": "FOCE with interaction", "saem": "SAEM"}[result.method]
    starts = result.starts
    several = "" if starts is None else f"; {starts.agreeing} of {len(starts)} starts ended at this optimum"
    return (
        f"{result.model.title or result.model.name}: {len(seen.subjects)} subjects, {len(seen)} observations, {how} in "
        f"{result.seconds:.3g} s; {result.outcome.message}{several}"
    )


def text(result: FinishedPopulationFit) -> str:
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
    lines += [*units_line(result.data, result.observations)]
    lines += [*not_used_line(result.covariates_not_used)]
    lines += [*doses_line(result.observations, result.population_model.trajectories.schedules), ""]
    lines.append(_rounded(parameter_table(result)).to_string(na_rep="", float_format=lambda x: f"{x:.4g}"))
    for what, rows in (("not fitted", result.unused), ("left out when the data were read", result.data.left_out)):
        if len(rows):
            counts = rows["reason"].value_counts()
            lines += ["", f"{what}: " + "; ".join(f"{n} x {reason}" for reason, n in counts.items())]
    warnings = warnings_of(result)
    if warnings:
        lines += ["", "Warnings:", *(f"  - {w}" for w in warnings)]
    return "\n".join(lines)


def _rounded(table: DataFrame) -> DataFrame:
    return table.drop(columns=[c for c in table.columns if table[c].isna().all()])


def html(result: FinishedPopulationFit) -> str:
    """Return the notebook representation."""
    from html import escape

    table = _rounded(parameter_table(result)).to_html(na_rep="", float_format=lambda x: f"{x:.4g}")
    warnings = "".join(f"<li>{escape(w)}</li>" for w in warnings_of(result))
    beware = f"<p>Warnings:</p><ul>{warnings}</ul>" if warnings else ""
    return f"<p><b>{escape(headline(result))}</b><br>objective {result.objective:.3f}, AIC {result.aic:.2f}</p>{table}{beware}"
