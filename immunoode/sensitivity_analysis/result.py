"""The result of a global sensitivity analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import Problem, SolveError, nearest, renamed, renamed_arguments
from immunoode.notebook import shown, without_mathematics
from immunoode.sensitivity_analysis.inputs import FloatArray

if TYPE_CHECKING:
    import pandas as pd

_LEADING = {
    "sobol": "total",
    "morris": "mean_absolute_effect",
    "pawn": "median_distance",
    "regional": "distance",
    "shapley": "effect",
    "tornado": "swing",
}


@dataclass(frozen=True)
@shown
class GlobalSensitivity:
    """Measures of importance of parameters, or of groups of them, for each output.

    Attributes
    ----------
    method : str
    outputs : tuple of str
        The outputs.
    tables : mapping of str to DataFrame
        One table per output, with one row per parameter, the most important first.
    sample : DataFrame
        Parameters and outputs of a sample of patients.
    parameters : tuple of str
        The parameters of the sample.
    n : int
        The number of points of the design.
    evaluations : int
        The number of evaluated patients.
    converged : bool
        Whether the stopping rule was met; true if there was none.
    confidence : float
        Level of the intervals.
    notes : tuple of str
        Limitations: an output that is constant, indices that are known without a design.
    units : mapping of str to str
        The units of parameters and outputs, as far as they are known.
    """

    method: str
    outputs: tuple[str, ...]
    tables: Mapping[str, pd.DataFrame]
    sample: pd.DataFrame
    parameters: tuple[str, ...]
    n: int
    evaluations: int
    converged: bool
    confidence: float
    notes: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def measure(self) -> str:
        """The measure by which parameters are sorted and drawn."""
        return _LEADING[self.method]

    @renamed_arguments(of="output")
    def output_table(self, output: str | None = None) -> pd.DataFrame:
        """Return the measures of one output; by default the first.

        Raises
        ------
        SolveError
            If it was not analysed.
        """
        name = output or self.outputs[0]
        if name not in self.tables:
            raise SolveError(Problem(f"output {name!r}", "was not analysed", nearest(name, self.outputs)))
        return self.tables[name]

    table = renamed("table", "output_table")
    of = renamed("of", "outputs")

    def to_frame(self) -> pd.DataFrame:
        """Return all measures: output, parameter, and one column per measure."""
        import pandas as pd

        return pd.concat(self.tables, names=["output", "parameter"]).reset_index()

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the measures with intervals, or a tornado; see `immunoode.plot.sensitivity.plot_sensitivity`. Returns Axes."""
        from immunoode.plot.sensitivity import plot_sensitivity

        return plot_sensitivity(self, ax=ax, **options)

    def plot_scatter(self, **options: Any) -> Any:
        """Draw the output against each parameter; see `immunoode.plot.sensitivity.plot_scatter`. Returns an array of Axes."""
        from immunoode.plot.sensitivity import plot_scatter

        return plot_scatter(self, **options)

    def report(self) -> str:
        """Return the measures of all outputs."""
        parts = [f"{name}\n{table.to_string(float_format=lambda v: f'{v:.4g}')}" for name, table in self.tables.items()]
        return "\n".join([str(self), *self.notes, *parts])

    def __str__(self) -> str:
        stopped = "" if self.converged else "; intervals are wider than requested: allow a larger design"
        more = f" and {len(self.outputs) - 3} more" if len(self.outputs) > 3 else ""
        return (
            f"{self.method} of {', '.join(self.outputs[:3])}{more}: design of {self.n}, {self.evaluations} evaluations{stopped}"
        )

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        shown = "".join(f"<p>{escape(n)}</p>{t.to_html(float_format=lambda v: f'{v:.4g}')}" for n, t in self.tables.items())
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return f"<p><b>{escape(str(self))}</b></p>{notes}{shown}"


def without_constant(values: Mapping[str, FloatArray], constant: Sequence[bool]) -> dict[str, FloatArray]:
    """Return measures (K, G), set to 0 for constant outputs, whose shares of the variance are not defined."""
    same = np.asarray(constant)[:, None]
    return {name: np.where(same, 0.0, measure) for name, measure in values.items()}


def tables_of(
    values: Mapping[str, FloatArray], rows: tuple[str, ...], outputs: tuple[str, ...], method: str
) -> dict[str, pd.DataFrame]:
    """Return one table per output, the most important row first."""
    import pandas as pd

    found = {}
    for k, name in enumerate(outputs):
        table = pd.DataFrame({column: v[k] for column, v in values.items()}, index=pd.Index(rows, name="parameter"))
        if method == "tornado":
            table["swing"] = (table["at_high"] - table["at_low"]).abs()
        order = np.argsort(-table[_LEADING[method]].to_numpy(), kind="stable")
        found[name] = table.iloc[order]
    return found
