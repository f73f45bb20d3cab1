"""Figures of optimal schedules: doses over time, Pareto fronts, utility of doses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import Problem, SolveError, nearest
from immunoode.plot.colours import colour, line, marker
from immunoode.plot.endpoint_labels import in_words, valued, with_unit
from immunoode.plot.figure_function import figure_function
from immunoode.plot.heat_map import LARGEST, HeatMapLabels, heat_map
from immunoode.plot.legends import legend
from immunoode.plot.panels import Size, hide_spines, new_axes, new_panels, set_title
from immunoode.plot.quantity_labels import pretty_unit, sentence, words, wrapped
from immunoode.plot.time_axes import time_axis

if TYPE_CHECKING:
    from immunoode.optimisation.dose_finding import DoseFinding
    from immunoode.optimisation.pareto import ParetoFront
    from immunoode.optimisation.result import OptimalSchedule

_MOST_WRITTEN = 14


@figure_function
def plot_optimum(
    found: OptimalSchedule, *, unit: str | None = None, ax: Any = None, title: str | None = None, figsize: Size | None = None
) -> Any:
    """Draw the doses of an optimal schedule, one panel per therapy, with amounts written if there is space.

    Parameters
    ----------
    found : OptimalSchedule
    unit : {"day", "week", "month", "year"}, optional
        Of time; by default what suits the span.
    ax : Axes or sequence of Axes, optional
        One per therapy, or one whose area all panels share.
    title : str, optional
        Default: objective and value.
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes or ndarray of Axes
        One per therapy.
    """
    frame = found.to_frame()
    therapies = list(dict.fromkeys(frame["therapy"]))
    count = max(len(therapies), 1)
    drawn = new_panels(ax, count, (7.0, 0.9 + 1.7 * count), figsize, sharex=ax is None)
    last = max(float((frame["time_day"] + frame["duration_day"]).max()) if len(frame) else 1.0, 1.0)
    for k, (box, therapy) in enumerate(zip(drawn.boxes, therapies, strict=False)):
        _doses(box, frame[frame["therapy"] == therapy], therapy, colour(k), last)
        time_axis(box, 0.0, last, unit)
        box.set_xlim(-0.03 * last, 1.03 * last)
        box.label_outer()
    drawn.set_title(wrapped(in_words(_rounded(str(found))), 72) if title is None else title)
    return drawn.one_or_all()


def _doses(box: Any, given: Any, therapy: str, style: str, last: float) -> None:
    """Draw the doses of one therapy: a stem each, or a bar as long as the infusion."""
    times, amounts = given["time_day"].to_numpy(), given["amount"].to_numpy()
    widths = np.maximum(given["duration_day"].to_numpy(), 0.006 * last)
    box.bar(times, amounts, width=widths, align="edge", color=style)
    if len(times) <= _MOST_WRITTEN:
        for t, a, w in zip(times, amounts, widths, strict=True):
            box.annotate(f"{a:.3g}", (t + w / 2, a), (0, 2), textcoords="offset points", ha="center", fontsize="x-small")
    unit = pretty_unit(str(given["unit"].iloc[0])) if "unit" in given else ""
    box.set_ylabel(f"Dose of\n{words(therapy)}" + (f"\n({unit})" if unit else ""))
    box.set_ylim(0, 1.18 * max(float(amounts.max(initial=0.0)), 1e-12))
    hide_spines(box)


@figure_function
def plot_pareto_front(front: ParetoFront, ax: Any = None, *, title: str | None = None, figsize: Size | None = None) -> Any:
    """Draw a Pareto front, its knee marked with its choices.

    Parameters
    ----------
    front : ParetoFront
    ax : Axes, optional
    title : str, optional
        Default: the choices at the knee.
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    box = new_axes(ax, (6.4, 4.0), figsize)
    values, objectives = np.array(front.values), np.array([one.objective for one in front.optima])
    box.plot(values, objectives, "o-", color=colour(0), label="best schedules")
    at = front.knee
    ring = {"markersize": 11, "markerfacecolor": "none", "markeredgewidth": 2, "color": colour(1)}
    box.plot(values[at], objectives[at], "o", label="knee", **ring)
    box.set_xlabel(with_unit(str(front.against), front.units))
    box.set_ylabel(with_unit(str(front.optima[0].aim), front.units))
    set_title(box, title, wrapped(f"Knee: {_stated(front.optima[at].choices, front.units)}", 60))
    legend(box)
    hide_spines(box)
    return box


@figure_function
def plot_utility(
    found: DoseFinding,
    ax: Any = None,
    *,
    value: str = "utility",
    cmap: str = "viridis",
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw utility, response or toxicity over two axes, with contours and the best cell of the utility marked.

    Parameters
    ----------
    found : DoseFinding
        Of two axes.
    ax : Axes, optional
    value : {"utility", "response", "toxicity", "probability_best"}
    cmap : str
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    if len(found.axes) != 2:
        raise SolveError(Problem("dose finding", f"has {len(found.axes)} axes", "two for a heat map; or .plot_doses()"))
    (row, rows), (column, columns) = found.axes.items()
    known = {"utility": found.utility, "response": found.response, "toxicity": found.toxicity}
    known["probability_best"] = found.probability_best
    if value not in known:
        raise SolveError(Problem(f"value={value!r}", "is not known", nearest(value, known)))
    text = f"Utility: response − {found.weight:g} × toxicity" if value == "utility" else sentence(words(value))
    return heat_map(
        known[value].reshape(len(rows), len(columns)),
        rows,
        columns,
        HeatMapLabels(with_unit(column, found.units), with_unit(row, found.units), text, title or ""),
        ax=ax,
        cmap=cmap,
        contours=True,
        best=LARGEST if value == "utility" else None,
        figsize=figsize,
    )


@figure_function
def plot_dose_response(
    found: DoseFinding, ax: Any = None, *, title: str | None = None, figsize: Size | None = None, confidence: float = 0.95
) -> Any:
    """Draw response, toxicity and utility against the first axis, at the best values of the others, with the utility's band.

    Parameters
    ----------
    found : DoseFinding
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.
    confidence : float

    Returns
    -------
    Axes
    """
    box, frame = new_axes(ax, (7.2, 4.0), figsize), found.to_frame(confidence)
    first, *others = found.axes
    for name in others:
        frame = frame[frame[name] == found.best[name]]
    doses = frame[first].to_numpy()
    for k, name in enumerate(("response", "toxicity", "utility")):
        box.plot(doses, frame[name], marker=marker(k), label=sentence(name), **line(k))
    band = f"{100 * confidence:g} % of draws of the utility"
    box.fill_between(doses, frame["lower"], frame["upper"], color=colour(2), alpha=0.2, linewidth=0, label=band)
    box.axvline(
        found.best[first],
        color="0.5",
        linestyle=":",
        linewidth=1.2,
        label=f"best utility: {valued(first, found.best[first], found.units)}",
    )
    set_title(box, title, sentence(_stated({name: found.best[name] for name in others}, found.units)))
    box.set_xlabel(with_unit(first, found.units))
    box.set_ylabel("Probability; utility")
    legend(box)
    hide_spines(box)
    return box


def _stated(choices: Mapping[str, Any], units: Mapping[str, str]) -> str:
    """Return choices in words: dose 1 of docetaxel 75 mg, dose 2 of docetaxel 60 mg."""
    return ", ".join(valued(name, value, units) for name, value in choices.items())


def _rounded(text: str) -> str:
    """Return a text whose numbers have four digits."""
    return re.sub(r"\d+\.\d+", lambda found: f"{float(found[0]):.4g}", text)
