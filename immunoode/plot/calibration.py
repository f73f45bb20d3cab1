"""Calibration: targets compared with the cohort, held-out statistics with their bands, inclusion rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.plot.colours import COLOURS
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines, legend
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title
from immunoode.plot.quantity_labels import sentence

if TYPE_CHECKING:
    from immunoode.virtual_population.calibration.held_out import HeldOut
    from immunoode.virtual_population.calibration.rules import RuleComparison
    from immunoode.virtual_population.cohort import Cohort

BEFORE, AFTER, BAND = "0.45", COLOURS[0], "0.88"
WIDE = 1.959963984540054
MOST = 8.0
"""Statistics before calibration are drawn at most this many standard errors away; an arrow marks those that are further
away."""
RULE_MARKERS = ("o", "s", "^", "D")


@figure_function
def calibration_targets(
    cohort: Cohort, *, ax: Any = None, title: str | None = None, figsize: Size | None = None, data: bool = False
) -> Any:
    """Draw the rows of the targets in standard errors from the observed values: before and after calibration.

    Parameters
    ----------
    cohort : Cohort
        Calibrated.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.
    data : bool
        Return the table behind the figure, too.

    Returns
    -------
    Axes, or (Axes, DataFrame)
        The table is `cohort.target_table()`.
    """
    table = cohort.target_table()
    unit = table["standard_error"].where(table["standard_error"] > 0, (table["before"] - table["observed"]).abs())
    unit = unit.where(unit > 0, 1.0)
    before, after = ((table[c] - table["observed"]) / unit for c in ("before", "after"))
    axes = new_axes(ax, (7.6, 1.2 + 0.26 * len(table)), figsize)
    rows = np.arange(len(table))
    axes.axvspan(-WIDE, WIDE, color=BAND, zorder=0, label="95 % of sampling errors")
    axes.axvline(0, color="0.5", linewidth=0.8, zorder=1)
    far = before.abs() > MOST
    axes.plot(before.clip(-MOST, MOST)[~far], rows[~far], "o", mfc="white", mec=BEFORE, label="before calibration", zorder=3)
    for sign, marker in ((-1, "<"), (1, ">")):
        axes.plot(*_clipped(before, rows, far & (np.sign(before) == sign)), marker, mfc="white", mec=BEFORE, zorder=3)
    axes.plot(after.clip(-MOST, MOST), rows, "o", color=AFTER, markersize=5, label="after calibration", zorder=4)
    _name_rows(axes, table["target"], table["row"])
    axes.set_xlabel("Difference from the observed value (standard errors)")
    axes.set_xlim(-MOST * 1.05, MOST * 1.05)
    hide_spines(axes)
    legend(axes)
    set_title(axes, title)
    return (axes, table) if data else axes


def _clipped(values: Any, rows: Any, which: Any) -> tuple[Any, Any]:
    return values.clip(-MOST, MOST)[which], rows[which]


def _name_rows(axes: Any, targets: Any, rows: Any) -> None:
    """Write rows at the left, and a line between targets."""
    axes.set_yticks(range(len(rows)), [in_lines(sentence(f"{t}: {r}"), 44) for t, r in zip(targets, rows, strict=True)])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    names = list(targets)
    for k in range(1, len(names)):
        if names[k] != names[k - 1]:
            axes.axhline(k - 0.5, color="0.8", linewidth=0.6, zorder=1)


@figure_function
def held_out(comparison: HeldOut, *, ax: Any = None, title: str | None = None, figsize: Size | None = None) -> Any:
    """Draw held-out statistics with the band of the population, and that of a trial's observed statistic.

    Parameters
    ----------
    comparison : HeldOut
        From `Cohort.held_out`.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
        In standard errors of the predicted difference, if the statistics have different units; unchanged if all are
        proportions.
    """
    table = comparison.table
    shares = bool(table[["observed", "predicted"]].apply(lambda c: c.between(0, 1)).all().all())
    unit = 1.0 if shares else (table["trial_upper"] - table["predicted"]) / WIDE
    centre = 0.0 if shares else table["predicted"]
    bounds = (0.0, 1.0) if shares else (None, None)
    columns = ("observed", "predicted", "lower", "upper", "trial_lower", "trial_upper")
    drawn = {c: (table[c].clip(*bounds) - centre) / unit for c in columns}
    axes = new_axes(ax, (7.6, 1.2 + 0.3 * len(table)), figsize)
    rows = np.arange(len(table))
    axes.hlines(rows, drawn["trial_lower"], drawn["trial_upper"], color=AFTER, linewidth=1.2, label="95 % band of a trial")
    axes.hlines(
        rows, drawn["lower"], drawn["upper"], color=AFTER, linewidth=4.5, alpha=0.45, label="95 % band of the population"
    )
    axes.plot(drawn["predicted"], rows, "o", color=AFTER, markersize=5, label="predicted")
    axes.plot(drawn["observed"], rows, "D", color=COLOURS[1], markersize=5, label="observed")
    _name_rows(axes, table["target"], table["row"])
    axes.set_xlabel("Share of subjects" if shares else "Difference from the prediction (standard errors)")
    hide_spines(axes)
    legend(axes)
    set_title(axes, title)
    return axes


@figure_function
def inclusion_rules(
    comparison: RuleComparison, *, ax: Any = None, title: str | None = None, figsize: Size | None = None
) -> Any:
    """Draw what each inclusion rule predicts for held-out statistics, with the band by entropy weights.

    Parameters
    ----------
    comparison : RuleComparison
        From `compare_rules`, with held-out statistics.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        If no statistics were held out.
    """
    table = comparison.held_out
    if not len(table):
        raise DataError(Problem("held_out", "is empty", "compare_rules(..., held_out=[...])"))
    middle, unit = table["entropy"], (table["upper"] - table["lower"]) / (2 * WIDE)
    axes = new_axes(ax, (7.6, 1.2 + 0.3 * len(table)), figsize)
    rows = np.arange(len(table))
    axes.axvspan(-WIDE, WIDE, color=BAND, zorder=0, label="95 % band of the population")
    for k, rule in enumerate(comparison.cohorts):
        marker = RULE_MARKERS[k % len(RULE_MARKERS)]
        axes.plot(
            (table[rule] - middle) / unit, rows, marker, color=COLOURS[k], markersize=5 + 2 * k, label=rule, mfc="none", mew=1.4
        )
    axes.plot((table["observed"] - middle) / unit, rows, "x", color="black", markersize=6, label="observed")
    _name_rows(axes, table["target"], table["row"])
    axes.set_xlabel("Difference from entropy weights (standard errors)")
    hide_spines(axes)
    legend(axes)
    set_title(axes, title)
    return axes
