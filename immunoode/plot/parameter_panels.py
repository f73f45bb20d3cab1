"""Values of parameters over subjects: fits of single subjects, and virtual patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.plot.colours import arm_colours, colour, marker
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines, shared_legend, with_count
from immunoode.plot.panels import Panels, Size, hide_spines, new_grid
from immunoode.plot.quantity_labels import label
from immunoode.plot.value_ranges import plain_ticks, wide_distribution, wide_range

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.fitting.per_subject import EachResult
    from immunoode.virtual_population.patients import VirtualPatients

MOST = 12
"""Parameters that are drawn unless others are named."""
SPREAD = 0.25
"""Half the width over which the points of an arm lie beside each other."""


@figure_function
def fitted_parameters(
    found: EachResult,
    columns: Sequence[str] | None = None,
    *,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw the estimates of each subject by arm, one panel per parameter.

    Parameters
    ----------
    found : EachResult
    columns : sequence of str, optional
        Parameters; by default the first twelve that were fitted.
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes (one parameter) or array of Axes

    Raises
    ------
    DataError
        If no subject was fitted, or a parameter was not.
    """
    if not len(found):
        raise DataError(Problem("fits", "there is none", "at least one subject whose fit did not fail"))
    first = next(iter(found.values()))
    table, units = found.to_frame().loc[list(found)], first.to_frame()["unit"].to_dict()
    names = chosen_parameters(columns, list(first.values), list(first.values))
    drawn = _grid(names, ax, figsize)
    arms = list(dict.fromkeys(table["arm"]))
    colours = arm_colours(arms)
    for box, name in zip(drawn.boxes, names, strict=True):
        for k, arm in enumerate(arms):
            own = table[table["arm"] == arm]
            _points(box, k, own[name].to_numpy(float), own["converged"].to_numpy(bool), colours[arm], with_count(arm, table))
        box.hlines([], [], [], color="black", linewidth=1.2, label="median of the arm")
        if wide_range(table[name]):
            box.set_yscale("log")
            plain_ticks(box.yaxis)
        box.set_xticks([])
        box.set_xlim(-0.6, len(arms) - 0.4)
        box.set_ylabel(in_lines(label(name, units.get(name, "")), 24))
        hide_spines(box)
    shared_legend(drawn)
    drawn.set_title(title)
    return drawn.one_or_all()


def _points(box: Any, k: int, values: Any, converged: Any, shade: str, name: str) -> None:
    """Draw the values of an arm beside each other in the order of subjects, and their median."""
    at = k + np.linspace(-SPREAD, SPREAD, len(values)) if len(values) > 1 else np.array([float(k)])
    box.plot(at[converged], values[converged], marker(k), color=shade, markersize=4, alpha=0.7, linestyle="none", label=name)
    if not converged.all():
        box.plot(at[~converged], values[~converged], "x", color="0.4", markersize=4, linestyle="none", label="did not converge")
    if converged.any():
        box.hlines(np.median(values[converged]), k - 1.4 * SPREAD, k + 1.4 * SPREAD, color="black", linewidth=1.2)


@figure_function
def patient_parameters(
    patients: VirtualPatients,
    columns: Sequence[str] | None = None,
    *,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw the distributions of parameters over virtual patients, weighted by their prior weights.

    Parameters
    ----------
    patients : VirtualPatients
    columns : sequence of str, optional
        By default the first twelve parameters that vary.
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes (one parameter) or array of Axes

    Raises
    ------
    DataError
        If a column is not known, or no parameter varies.
    """
    table = patients.parameters.select_dtypes("number")
    names, units = chosen_parameters(columns, varying(table), list(map(str, table))), patients.parameters.attrs.get("units", {})
    drawn = _grid(names, ax, figsize)
    for box, name in zip(drawn.boxes, names, strict=True):
        _histogram(box, table[name].to_numpy(np.float64), patients.prior)
        box.set_xlabel(in_lines(label(name, units.get(name, "")), 24))
        box.set_yticks([])
        hide_spines(box, "left")
    drawn.set_title(f"{len(patients)} virtual patients" if title is None else title)
    return drawn.one_or_all()


def _histogram(box: Any, values: Any, weights: Any) -> None:
    """Draw a histogram, on a logarithmic axis if the values span much."""
    if wide_distribution(values):
        bins = np.geomspace(values.min(), values.max(), 31)
        box.set_xscale("log")
    else:
        bins = np.linspace(values.min(), values.max(), 31 if np.ptp(values) else 2)
        box.locator_params(axis="x", nbins=4)
    box.hist(values, bins, weights=weights, color=colour(0), alpha=0.7)


def varying(table: pd.DataFrame) -> list[str]:
    """Return the columns of numbers that differ between rows."""
    numbers = table.select_dtypes("number")
    return [str(name) for name in numbers if numbers[name].nunique() > 1]


def chosen_parameters(columns: Sequence[str] | None, usual: list[str], known: list[str]) -> list[str]:
    """Return the parameters to draw: those that are named, or the first of the usual ones.

    Raises
    ------
    DataError
        If a parameter is not known, or there is none.
    """
    given = usual[:MOST] if columns is None else [columns] if isinstance(columns, str) else list(map(str, columns))
    unknown = [name for name in given if name not in known]
    DataError.raise_if(Problem("columns", f"there is no parameter {n!r}", nearest(n, known)) for n in unknown)
    if not given:
        raise DataError(Problem("columns", "there is no parameter that varies", "name the columns to draw"))
    return given


def _grid(names: Sequence[str], ax: Any, figsize: Size | None) -> Panels:
    return new_grid(ax, len(names), min(len(names), 4), (2.6, 2.3), (0.4, 0.9), figsize, least=4.4)
