"""Cohorts: weights, parameters before and after calibration, survival with its band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.calibration import AFTER, BEFORE
from immunoode.plot.colours import COLOURS, DASHES
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines, legend, shared_legend
from immunoode.plot.panels import Size, hide_spines, new_axes, new_grid, set_title, width
from immunoode.plot.parameter_panels import chosen_parameters, varying
from immunoode.plot.quantity_labels import label, sentence, words, wrapped
from immunoode.plot.survival import survival_axis
from immunoode.plot.time_axes import round_times, time_unit
from immunoode.plot.value_ranges import plain_ticks, wide_distribution

if TYPE_CHECKING:
    from immunoode.trial.survival.kaplan_meier import KaplanMeier
    from immunoode.virtual_population.cohort import Cohort

BINS = 40


@figure_function
def cohort_weights(cohort: Cohort, *, ax: Any = None, title: str | None = None, figsize: Size | None = None) -> Any:
    """Draw how often patients have which weight, relative to their prior weight, with the effective sample size.

    Parameters
    ----------
    cohort : Cohort
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    axes = new_axes(ax, (5.6, 3.6), figsize)
    ratio = cohort.weights / cohort.patients.prior
    shown = ratio[ratio > 0]
    low, high = shown.min(), shown.max() * 1.0001
    bins = np.geomspace(low, high, BINS) if high > 1.001 * low else np.array([low * 0.99, high * 1.01])
    axes.hist(shown, bins=bins, color=AFTER, alpha=0.85)
    axes.axvline(1, color="0.4", linewidth=0.9, linestyle="--")
    axes.set_xscale("log")
    plain_ticks(axes.xaxis)
    axes.set(xlabel="Weight relative to the prior weight", ylabel="Patients")
    size = cohort.effective_sample_size
    told = f"Effective sample size {size:,.0f} of {len(cohort):,}\nlargest weight {100 * cohort.largest_weight:.2g} %"
    without = int((ratio == 0).sum())
    told += f"\n{without:,} without weight" if without else ""
    set_title(axes, title, told)
    hide_spines(axes)
    return axes


@figure_function
def cohort_parameters(
    cohort: Cohort,
    columns: Sequence[str] | None = None,
    *,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw the distributions of parameters before and after calibration.

    Parameters
    ----------
    cohort : Cohort
    columns : sequence of str, optional
        By default the first twelve parameters that vary.
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    ndarray of Axes
    """
    names, units = _columns(cohort, columns), cohort.patients.parameters.attrs.get("units", {})
    drawn = new_grid(ax, len(names), min(len(names), 4), (2.4, 2.1), (0.4, 0.9), figsize, least=4.4)
    for axes, name in zip(drawn.boxes, names, strict=True):
        values = cohort.patients.parameters[name].to_numpy(np.float64)
        logarithmic = wide_distribution(values)
        bins = _bins(values, logarithmic)
        axes.hist(values, bins, weights=cohort.patients.prior, color=BEFORE, alpha=0.35, label="before calibration")
        axes.hist(values, bins, weights=cohort.weights, histtype="step", color=AFTER, linewidth=1.5, label="after calibration")
        axes.set_xscale("log" if logarithmic else "linear")
        axes.set_xlabel(wrapped(label(name, units.get(name, "")), 24))
        axes.set_yticks([])
        if not logarithmic:
            axes.locator_params(axis="x", nbins=4)
        hide_spines(axes)
        axes.spines["left"].set_visible(False)
    shared_legend(drawn)
    drawn.set_title(title)
    return drawn.array()


def _bins(values: Any, logarithmic: bool) -> Any:
    low, high = np.quantile(values, [0.001, 0.999])
    return np.geomspace(low, high, BINS) if logarithmic else np.linspace(low, high, BINS)


def _columns(cohort: Cohort, columns: Sequence[str] | None) -> list[str]:
    known = list(map(str, cohort.patients.parameters.columns))
    return chosen_parameters(columns, varying(cohort.patients.parameters) or known[:1], known)


@figure_function
def cohort_correlations(
    cohort: Cohort,
    columns: Sequence[str] | None = None,
    *,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw the rank correlations of parameters before (below the diagonal) and after calibration (above it).

    Parameters
    ----------
    cohort : Cohort
    columns : sequence of str, optional
        By default the first twelve parameters that vary.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    names = _columns(cohort, columns)
    ranks = cohort.patients.parameters[names].rank().to_numpy(np.float64)
    before, after = (_correlation(ranks, w) for w in (cohort.patients.prior, cohort.weights))
    both = np.tril(before, -1) + np.triu(after, 1)
    np.fill_diagonal(both, np.nan)
    axes = new_axes(ax, (2.4 + 0.66 * len(names), 1.7 + 0.58 * len(names)), figsize)
    image = axes.imshow(both, cmap="RdBu_r", vmin=-1, vmax=1)
    for i, j in np.ndindex(both.shape):
        if i != j:
            shade = "white" if abs(both[i, j]) > 0.6 else "black"
            axes.text(j, i, f"{both[i, j]:.2f}".replace("-", "−"), ha="center", va="center", fontsize="small", color=shade)
    shown = [in_lines(sentence(words(n)), 20) for n in names]
    axes.set_xticks(range(len(names)), shown, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), shown)
    set_title(axes, title, "Before calibration (below)\nand after (above the diagonal)")
    axes.figure.colorbar(image, ax=axes, shrink=0.8, label="Rank correlation")
    return axes


def _correlation(values: Any, weights: Any) -> Any:
    centred = values - weights @ values
    covariance = (centred * weights[:, None]).T @ centred
    spread = np.sqrt(np.diag(covariance))
    return covariance / np.outer(spread, spread)


@figure_function
def cohort_survival(
    cohort: Cohort,
    arm: str,
    endpoint: str = "PFS",
    *,
    observed: KaplanMeier | None = None,
    observed_arm: str = "",
    confidence: float = 0.95,
    unit: str | None = None,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw the survival of a cohort with its band, before calibration, and as observed.

    Parameters
    ----------
    cohort : Cohort
        Calibrated.
    arm, endpoint : str
    observed : KaplanMeier, optional
        A curve that the cohort was not calibrated to, with its own band.
    observed_arm : str
        Its arm, if it has another name there.
    confidence : float
    unit : {"day", "week", "month", "year"}, optional
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    from immunoode.virtual_population.targets.event_free import event_times, weighted_survival

    band = cohort.survival_band(arm, endpoint, confidence=confidence)
    days, name = time_unit(float(band["time"].max()), unit)
    axes = new_axes(ax, (7.2, 4.0), figsize)
    steps, before = weighted_survival(*event_times(cohort.patients, arm, endpoint), cohort.patients.prior)
    shown = steps <= band["time"].max()
    axes.step(steps[shown] / days, before[1:][shown], where="post", color=BEFORE, linestyle="--", label="before calibration")
    times = np.concatenate([[0.0], band["time"] / days])
    low, middle, high = (np.concatenate([[1.0], band[c]]) for c in ("lower", "survival", "upper"))
    axes.fill_between(times, low, high, color=AFTER, alpha=0.18, linewidth=0, label=f"{100 * confidence:g} % band")
    axes.plot(times, middle, color=AFTER, linewidth=1.8, label="calibrated")
    if observed is not None:
        curve = observed.curve[observed.curve["arm"] == (observed_arm or arm)]
        for column, wide in (("survival", 1.5), ("lower", 0.7), ("upper", 0.7)):
            said = "observed, with its band" if column == "survival" else None
            axes.step(
                curve["time"] / days,
                curve[column],
                where="post",
                color=COLOURS[1],
                linestyle=DASHES[2],
                linewidth=wide,
                label=said,
            )
    survival_axis(axes, endpoint)
    last = float(times[-1])
    axes.set_xlabel(f"Time ({name})")
    axes.set_xticks(round_times(last, 1.3 * width(axes), name))
    axes.set_xlim(0, last)
    hide_spines(axes)
    legend(axes)
    set_title(axes, title, in_lines(sentence(words(arm)), 60))
    return axes
