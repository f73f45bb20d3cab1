"""Phase planes of two states: nullclines, directions, steady states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from immunoode.analysis.rates import at_rest, rates_of
from immunoode.analysis.steady import steady_states
from immunoode.errors import ModelError, Problem, nearest
from immunoode.plot.colours import COLOURS
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend
from immunoode.plot.panels import Size, new_axes, set_title
from immunoode.plot.quantity_labels import label, words

if TYPE_CHECKING:
    from immunoode.model.model import Model

FINE, FEWER, COARSE = 240, 100, 26


@figure_function
def phase_plane(
    model: Model | str,
    x: str,
    y: str,
    *,
    parameters: Mapping[str, float] | None = None,
    others: Mapping[str, float] | Literal["quasi-steady"] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
    data: bool = False,
) -> Any:
    """Draw the nullclines and the flow of two states, and steady states.

    Parameters
    ----------
    model : Model or str
    x, y : str
        States.
    parameters : mapping, optional
        Values that replace those of the model.
    others : mapping or "quasi-steady", optional
        Fixed values of the other states, by default their initial values. "quasi-steady" sets them to their quasi-steady values
        at every point of the plane; then nullclines cross at the steady states of the whole model.
    ranges : mapping, optional
        Axis limits, {"tumour": (0, 500)}; by default, a third above the steady states and the initial value.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.
    data : bool
        Whether to return the steady states as well.

    Returns
    -------
    Axes, or (Axes, DataFrame)
        Steady states of the whole model are drawn if the model has only two states or the others are quasi-steady; otherwise
        nullclines cross at the steady states of the plane.

    Raises
    ------
    ModelError
        If a name is not a state.
    """
    rates = rates_of(model, parameters)
    fast = others == "quasi-steady"
    held = dict(others) if others and not isinstance(others, str) else {}
    if isinstance(others, str) and not fast:
        raise ModelError(Problem("others", f"is {others!r}", "'quasi-steady', or values of other states"))
    wrong = [n for n in (x, y, *held, *(ranges or {})) if n not in rates.states]
    if wrong or x == y:
        known = nearest(wrong[0], rates.states) if wrong else "two different states"
        raise ModelError(Problem(f"state {wrong[0] if wrong else x!r}", "is not a state" if wrong else "is given twice", known))
    found = steady_states(model, parameters)
    spans = {n: (ranges or {}).get(n) or _span(n, rates, found) for n in (x, y)}
    axes = new_axes(ax, (6.8, 4.4), figsize)
    grid = [np.linspace(*spans[n], FEWER if fast else FINE) for n in (x, y)]
    rest = rates.initial.copy()
    for name, value in held.items():
        rest[rates.states.index(name)] = value
    at = _field(rates, x, y, rest, *np.meshgrid(*grid), fast=fast)
    for k, (name, style) in enumerate(((x, "-"), (y, "--"))):
        axes.contour(*grid, at[k], levels=[0.0], colors=[COLOURS[k]], linewidths=1.8, linestyles=style)
        axes.plot([], [], color=COLOURS[k], linestyle=style, linewidth=1.8, label=f"no change of {words(name)}")
    coarse = [np.linspace(*spans[n], COARSE) for n in (x, y)]
    way = _field(rates, x, y, rest, *np.meshgrid(*coarse), fast=fast)
    with np.errstate(all="ignore"):
        axes.streamplot(*coarse, *np.nan_to_num(way), color="0.75", linewidth=0.7, arrowsize=0.8, density=1.1, zorder=0)
    if len(rates.states) == 2 or fast:
        stable = found["stability"].str.startswith("stable")
        inside = (found[x] <= spans[x][1]) & (found[y] <= spans[y][1])
        for face, name, rows in (("black", "stable", found[stable & inside]), ("white", "not stable", found[~stable & inside])):
            if len(rows):
                points = {"color": "black", "markerfacecolor": face, "markersize": 7, "zorder": 5, "clip_on": False}
                axes.plot(rows[x], rows[y], "o", label=name, **points)
    units = dict(zip(rates.states, rates.units, strict=True))
    axes.set(xlabel=label(x, units[x]), ylabel=label(y, units[y]), xlim=spans[x], ylim=spans[y])
    legend(axes)
    set_title(axes, title)
    return (axes, found) if data else axes


def _span(name: str, rates: Any, found: Any) -> tuple[float, float]:
    largest = max([float(rates.initial[rates.states.index(name)]), *found[name].tolist()])
    return 0.0, 4 / 3 * largest if largest > 0 else 1.0


def _field(rates: Any, x: str, y: str, rest: Any, a: Any, b: Any, *, fast: bool) -> Any:
    """Return the rates of both states on a grid; NaN without convergence of quasi-steady states."""
    points = np.tile(rest, (a.size, 1))
    points[:, rates.states.index(x)], points[:, rates.states.index(y)] = a.ravel(), b.ravel()
    if fast:
        points = at_rest(rates, points, [k for k, n in enumerate(rates.states) if n not in (x, y)])
    with np.errstate(all="ignore"):
        found = rates(points)
    return [found[:, rates.states.index(n)].reshape(a.shape) for n in (x, y)]
