"""Draws of the fitted parameters, from a bootstrap or a posterior: intervals, curves, figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from immunoode import units
from immunoode.errors import FitError, Problem, renamed, renamed_arguments
from immunoode.fitting.observations import FloatArray
from immunoode.fitting.uncertainty.bands import grouped, observation_band, quantiles
from immunoode.fitting.uncertainty.covariance import natural_name
from immunoode.notebook import shown, without_mathematics
from immunoode.number_checks import confidence_problems
from immunoode.optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from immunoode.fitting.finished import FinishedFit

CURVES = 300
"""Largest number of draws for the curves of a band."""


@dataclass(frozen=True, eq=False)
@shown
class Draws:
    """Draws (D, p) of the varied parameters (`names`, on the fitted scale), and (D, Q) of the error scales.

    Attributes
    ----------
    kind : {"parametric", "cases", "posterior"}
    failed : why some draws are missing, one text each
    facts : other properties: acceptance, autocorrelation time
    chain : (steps, walkers, p + Q) of a posterior
    """

    result: FinishedFit
    kind: str
    names: tuple[str, ...]
    drawn: FloatArray
    scales: FloatArray
    failed: tuple[str, ...] = ()
    facts: Mapping[str, float] = field(default_factory=dict)
    chain: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.drawn)

    @property
    def best(self) -> FloatArray:
        """(p,) the estimates, on the fitted scale."""
        return np.array([float(self.result.lmfit.params[n].value) for n in self.names])

    @property
    def units(self) -> dict[str, str]:
        """The units of the parameters in their natural scale."""
        return {key: one.unit for one in self.result.parameterisation.fitted_parameters for key in one.keys}

    def to_frame(self) -> DataFrame:
        """Return one row per draw, one column per parameter in its natural scale, and the scales of errors."""
        import pandas as pd

        keys = [natural_name(n, self.result.lmfit.params) for n in self.names]
        logged = np.array([k != n for k, n in zip(keys, self.names, strict=True)])
        with np.errstate(over="ignore"):
            values = np.where(logged, np.exp(np.where(logged, self.drawn, 0.0)), self.drawn)
        errors = [f"error_scale__{q}" for q in self.result.observations.quantities]
        return pd.DataFrame(np.column_stack([values, self.scales]), columns=[*keys, *errors])

    table = renamed("table", "to_frame")

    @renamed_arguments(level="confidence")
    def intervals(self, confidence: float = 0.95) -> DataFrame:
        """Return value, standard error (of the draws, natural scale), bias and interval of each parameter.

        For a bootstrap, percentiles corrected for the bias of the median (Efron); for a posterior, equal tails.
        """
        import pandas as pd
        from scipy.special import ndtr, ndtri

        FitError.raise_if(confidence_problems(confidence, "confidence"))
        if len(self) < 2:
            raise FitError(Problem("draws", f"there are {len(self)}", "at least two; see .failed for the reasons"))
        table = self.to_frame().iloc[:, : len(self.names)]
        tails = np.array([0.5 - confidence / 2, 0.5 + confidence / 2])
        rows = {}
        for j, key in enumerate(table.columns):
            own, best = self.drawn[:, j], self.best[j]
            shares = tails
            if self.kind != "posterior":
                below = np.clip(np.mean(own < best) + 0.5 * np.mean(own == best), 1 / (2 * len(own)), 1 - 1 / (2 * len(own)))
                shares = ndtr(2 * ndtri(below) + ndtri(tails))
            ends = np.quantile(table[key], shares)
            value = float(self.result.lmfit.params[key].value)
            rows[key] = {
                "value": value,
                "median": float(table[key].median()),
                "standard_error": float(table[key].std()),
                "bias": float(table[key].mean() - value),
                "lower": ends[0],
                "upper": ends[1],
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")

    @renamed_arguments(level="confidence", of="kind")
    def bands(
        self,
        times: Iterable[float] | None = None,
        *,
        by: Literal["subject", "arm"] = "subject",
        confidence: float = 0.95,
        kind: Literal["mean", "observation"] = "mean",
    ) -> DataFrame:
        """Return bands of curves over the draws, as `FitResult.bands` returns them."""
        from immunoode.fitting.tables import curve_table

        FitError.raise_if(confidence_problems(confidence, "confidence"))
        fit = self.result
        days = fit.grid() if times is None else units.times(times)
        parameterisation, groups = fit.least_squares.parameterisation, fit.groups(by)
        rows = self.drawn[np.linspace(0, len(self) - 1, min(len(self), CURVES)).astype(np.int64)]
        middle = grouped(fit.predictor.curves(parameterisation.values(fit.lmfit.params)[None], days), groups)[0]
        low, high = quantiles(fit.predictor, parameterisation, fit.lmfit.params, self.names, rows, days, groups, confidence)
        if kind == "observation":
            low, high = observation_band(middle, low, high, fit.least_squares.errors, fit.ratios, confidence)
        return curve_table(fit.observations, days, by, {"predicted": middle, "lower": low, "upper": high})

    def plot(self, **how: Any) -> Axes | FloatArray:
        """Draw the distribution of each parameter and of each pair; see `immunoode.plot.uncertainty.plot_draws`."""
        from immunoode.plot.uncertainty import plot_draws

        return plot_draws(self, **how)

    def to_arviz(self) -> Any:
        """Return a posterior as ArviZ's InferenceData, one chain per walker, on the fitted scale (needs the package arviz).

        Raises
        ------
        FitError
            If this is a bootstrap.
        MissingPackageError
            If arviz is not installed.
        """
        if self.chain is None:
            raise FitError(Problem("to_arviz", f"{self.kind} draws have no Markov chains", "use the result of .posterior()"))
        arviz = require("arviz", "to_arviz")
        names = [*self.names, *(f"log_error_scale__{q}" for q in self.result.observations.quantities)]
        made = {n: self.chain[:, :, j].T for j, n in enumerate(names)}
        return arviz.from_dict(made) if arviz.__version__.startswith("0.") else arviz.from_dict({"posterior": made})

    def report(self) -> str:
        """Return the report: number of draws, failures, intervals."""
        facts = ", ".join(f"{k} {v:.3g}" for k, v in self.facts.items())
        lines = [f"{len(self)} draws ({self.kind})" + (f"; {facts}" if facts else "")]
        if self.failed:
            lost = f"{len(self.failed)} failed, the first: "
            lines.append(("Warning: " if self.kind == "posterior" else lost) + self.failed[0])
        return "\n".join([*lines, "", self.intervals().to_string(float_format=lambda x: f"{x:.4g}")])

    def __str__(self) -> str:
        return self.report()

    @without_mathematics
    def _repr_html_(self) -> str:
        return self.intervals().to_html(float_format=lambda x: f"{x:.4g}")
