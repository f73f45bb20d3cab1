"""The measurements of a trial over time, as they were read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.plot.colours import arm_lines
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import shared_legend, with_count
from immunoode.plot.panels import Size, hide_spines, new_grid
from immunoode.plot.quantity_labels import label
from immunoode.plot.time_axes import time_axis
from immunoode.plot.value_ranges import plain_ticks, wide_range

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.trial.trial_data import TrialData

MOST = 6
"""Quantities that are drawn unless others are named."""


@figure_function
def measurements(
    data: TrialData,
    quantity: str | Iterable[str] | None = None,
    *,
    unit: str | None = None,
    log: bool | None = None,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw the measurements of each subject over time, one panel per quantity, with one colour per arm.

    Parameters
    ----------
    data : TrialData
    quantity : str or iterable of str, optional
        By default the first six.
    unit : {"day", "week", "month", "year"}, optional
        Of time; by default what suits the span.
    log : bool, optional
        Logarithmic axes; by default where the values span more than a factor of a thousand.
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose area all panels share.
    title : str, optional
        By default, the title of the data.
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes (one quantity) or array of Axes

    Raises
    ------
    DataError
        If there is no measurement, or a quantity is not in the data.
    """
    names = _quantities(data, quantity)
    drawn = new_grid(ax, len(names), min(len(names), 2), (4.0, 3.2), (1.6, 0.9), figsize)
    subjects = data.frame.drop_duplicates("subject")
    looks = {arm: {**look, "label": with_count(arm, subjects)} for arm, look in arm_lines(data.arms).items()}
    for box, name in zip(drawn.boxes, names, strict=True):
        _panel(box, data.frame[data.frame["quantity"] == name], looks, wide_range if log is None else lambda _: log)
        time_axis(box, *_span(data.frame), unit)
        box.set_ylabel(label(name, data.units.get(name, "")))
        hide_spines(box)
    shared_legend(drawn)
    drawn.set_title(data.title if title is None else title)
    return drawn.one_or_all()


def _quantities(data: TrialData, wanted: str | Iterable[str] | None) -> list[str]:
    """Return the quantities to draw."""
    if not len(data):
        raise DataError(Problem("data", "have no measurement", "data with observations"))
    names = list(data.quantities[:MOST]) if wanted is None else [wanted] if isinstance(wanted, str) else list(wanted)
    unknown = [name for name in names if name not in data.quantities]
    DataError.raise_if(Problem("quantity", f"{n!r} is not in the data", nearest(n, data.quantities)) for n in unknown)
    return names


def _span(frame: pd.DataFrame) -> tuple[float, float]:
    first, last = min(float(frame["time"].min()), 0.0), float(frame["time"].max())
    return first, last + 0.02 * (last - first) if last > first else first + 1.0


def _panel(box: Any, own: pd.DataFrame, looks: dict[str, dict[str, Any]], logarithmic: Any) -> None:
    """Draw the lines of the subjects, fainter where they are many."""
    count = own["subject"].nunique()
    faint = 0.9 if count <= 20 else 0.6 if count <= 100 else 0.3
    columns = ["arm", "subject", *(["lesion"] if (own["lesion"] != "").any() else [])]
    for (arm, *_), rows in own.groupby(columns, sort=False):
        box.plot(rows["time"], rows["value"], marker=".", markersize=3, alpha=faint, linewidth=0.9, **looks[str(arm)])
    values = own["value"].to_numpy(np.float64)
    if logarithmic(values) and (values > 0).any():
        box.set_yscale("log", nonpositive="mask")
        plain_ticks(box.yaxis)
