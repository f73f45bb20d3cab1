"""`grid`: a measure as a function of two properties of a regimen, such as start of radiotherapy and number of doses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError, nearest, warn_of_former
from immunoode.model.library import load_model
from immunoode.model.model import Model
from immunoode.notebook import shown, without_mathematics
from immunoode.regimen.regimen import Regimen
from immunoode.scenario.compare import default_measure
from immunoode.scenario.summary import CurveSummary, progression_rule, summarise
from immunoode.solve.simulate import simulate

if TYPE_CHECKING:
    import pandas as pd

SUMMARIES: dict[str, tuple[Callable[[CurveSummary], float], str]] = {
    "final": (lambda c: c.final, "{of} at the end ({unit})"),
    "final_change": (lambda c: c.final_change, "change of {of} at the end (%)"),
    "nadir": (lambda c: c.nadir, "smallest {of} ({unit})"),
    "nadir_change": (lambda c: c.nadir_change, "best change of {of} (%)"),
    "time_to_progression": (lambda c: np.inf if c.progression_day is None else c.progression_day, "time to {event} (days)"),
}
"""The summaries of the time course of an output in a cell, and their labels."""


@dataclass(frozen=True)
@shown
class Grid:
    """A measure on a grid of two axes.

    Attributes
    ----------
    axes : mapping of str to tuple
        Two labels with their values: rows, then columns.
    values : ndarray, shape (rows, columns)
        Infinite if progression is not reached.
    label : str
        The label of the values, with unit.
    """

    axes: Mapping[str, tuple[Any, ...]]
    values: NDArray[np.float64]
    label: str
    until: float

    def to_frame(self) -> pd.DataFrame:
        """Return the grid as a table with the first axis as rows and the second as columns."""
        import pandas as pd

        (row, rows), (column, columns) = self.axes.items()
        return pd.DataFrame(self.values, index=pd.Index(rows, name=row), columns=pd.Index(columns, name=column))

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the grid as a heat map; see `immunoode.plot.scenario.plot_grid`. Returns Axes."""
        from immunoode.plot.grid import plot_grid

        return plot_grid(self, ax=ax, **options)

    def report(self) -> str:
        """Return the table as text."""
        return str(self)

    def __str__(self) -> str:
        return f"{self.label}\n{self.to_frame().to_string(float_format=lambda v: f'{v:.4g}')}"

    @without_mathematics
    def _repr_html_(self) -> str:
        table: str = self.to_frame().to_html(float_format=lambda v: f"{v:.4g}")
        return f"<p>{escape(self.label)}</p>{table}"


def grid(
    model: Model | str,
    regimen_of: Callable[[Any, Any], Regimen],
    axes: Mapping[str, Sequence[Any]],
    until: str | float = "1 year",
    *,
    measure: str | None = None,
    summary: str = "final",
    parameters: Mapping[str, float] | None = None,
    progress: bool | None = None,
    **options: Any,
) -> Grid:
    """Simulate a regimen on a grid of two of its properties.

    Parameters
    ----------
    model : Model or str
    regimen_of : callable
        Takes a value of each axis and returns the Regimen.
    axes : mapping of str to sequence
        Two labels with their values.
    until : str or float
    measure : str, optional
        The output that is measured. Default: as in `compare`.
    summary : {"final", "final_change", "nadir", "nadir_change", "time_to_progression"}
        The summary of its time course in a cell.
    parameters : mapping, optional
    progress : bool, optional
        Whether to show a progress bar. Default: with 30 cells or more.
    **options
        As for `immunoode.simulate`.

    Returns
    -------
    Grid

    Raises
    ------
    SolveError
        If there are not two axes, or the summary is unknown.
    """
    from tqdm.auto import tqdm

    model = load_model(model) if isinstance(model, str) else model
    if len(axes) != 2 or not all(len(values) for values in axes.values()):
        raise SolveError(Problem("grid", f"has {len(axes)} axes", "two, each with its values"))
    measure, summary = _former_arguments(measure, summary, options)
    if summary not in SUMMARIES:
        raise SolveError(Problem(f"summary {summary!r}", "is not known", nearest(str(summary), SUMMARIES)))
    output = measure or default_measure(model)
    summary_of, label = SUMMARIES[summary]
    rows, columns = (tuple(values) for values in axes.values())
    cells = list(product(rows, columns))
    found, unit = [], ""
    for a, b in tqdm(cells, desc="grid", disable=len(cells) < 30 if progress is None else not progress):
        run = simulate(model, regimen_of(a, b), until, parameters=parameters, outputs=(output,), **options)
        run.raise_for_status()
        unit = run.units[output]
        if summary == "time_to_progression" and progression_rule(unit) is None:
            right = "a diameter or a volume as measure=, or another summary: " + ", ".join(m for m in SUMMARIES if m != summary)
            raise SolveError(Problem(f"{output} ({unit})", "has no rule of progression", right))
        found.append(summary_of(summarise(run.times, run[output], unit)))
    values = np.array(found).reshape(len(rows), len(columns))
    rule = progression_rule(unit)
    text = label.format(of=output.replace("_", " "), unit=unit, event=rule.event if rule else "")
    return Grid({k: tuple(v) for k, v in axes.items()}, values, text, float(run.times[-1]))


def _former_arguments(measure: str | None, summary: str, options: dict[str, Any]) -> tuple[str | None, str]:
    """Return measure and summary; they were `of` and `measure`."""
    if measure in SUMMARIES:
        warn_of_former(f"grid(measure={measure!r})", f"grid(summary={measure!r})")
        measure, summary = None, str(measure)
    if "of" in options:
        warn_of_former("grid(of=)", "grid(measure=)")
        measure = options.pop("of")
    return measure, summary
