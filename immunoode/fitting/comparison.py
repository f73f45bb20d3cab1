"""Comparison of fitted models: information criteria, Akaike weights, likelihood ratios, averaged predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from immunoode.errors import FitError, Problem, nearest, renamed
from immunoode.fitting.observations import FloatArray, Observations
from immunoode.notebook import shown, without_mathematics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

CRITERIA = ("aic", "aicc", "bic")


class Fitted(Protocol):
    """The attributes that a result needs to be compared; `FitResult` and `PopulationResult` have them."""

    @property
    def deviance(self) -> float:
        """-2 log-likelihood, including all constants."""
        ...

    @property
    def parameter_count(self) -> int:
        """Number of estimated parameters."""
        ...

    @property
    def success(self) -> bool:
        """Whether it converged."""
        ...

    @property
    def observations(self) -> Observations:
        """The fitted data."""
        ...

    def predict(self, times: Iterable[float] | None = None) -> DataFrame:
        """Return predictions of each subject."""
        ...


@dataclass(frozen=True)
@shown
class FitComparison:
    """Fits to the same data, by name.

    Examples
    --------
    >>> import pandas as pd
    >>> import immunoode as imo
    >>> sizes = [50, 68, 91, 80, 105, 146]
    >>> data = imo.read_trial(
    ...     pd.DataFrame({"subject": [*"aaabbb"], "day": [0, 70, 140] * 2, "sum_of_diameters (mm)": sizes})
    ... )
    >>> one = imo.fit("claret2009", data, ["growth_rate"])
    >>> each = imo.fit("claret2009", data, per_subject=["growth_rate"])
    >>> imo.fitting.compare_fits({"one rate": one, "one rate per subject": each}).to_frame("bic").index.tolist()
    ['one rate', 'one rate per subject']
    """

    fits: Mapping[str, Fitted]

    def to_frame(self, criterion: str = "aicc") -> DataFrame:
        """Return one row per fit, best first: parameters, -2 log L, AIC, AICc, BIC, difference to the best, Akaike weight.

        Parameters
        ----------
        criterion : {"aicc", "aic", "bic"}
            The criterion for differences and weights.
        """
        import pandas as pd

        if criterion not in CRITERIA:
            raise FitError(Problem("criterion", f"{criterion!r} is not known", nearest(str(criterion), CRITERIA)))
        rows = {n: _criteria(f) for n, f in self.fits.items()}
        table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")
        delta = table[criterion] - table[criterion].min()
        weight = np.exp(-0.5 * delta)
        return table.assign(delta=delta, weight=weight / weight.sum()).sort_values("delta")

    table = renamed("table", "to_frame")

    def likelihood_ratio(self, small: str, large: str) -> tuple[float, int, float]:
        """Return the differences in -2 log L and in the number of parameters, and the p-value by chi-square.

        The smaller model must be the larger one with some parameters fixed or shared. If these are on the boundary of their
        range (such as a variance of zero), the p-value is too large, by a factor of about two for one parameter.

        Raises
        ------
        FitError
            If a name is not known, or the larger model does not have more parameters, or fits worse (in which case it did not
            converge).
        """
        from scipy.stats import chi2

        problems = [
            Problem("likelihood_ratio", f"{n!r} is not one of the fits", nearest(n, self.fits))
            for n in (small, large)
            if n not in self.fits
        ]
        FitError.raise_if(problems)
        a, b = self.fits[small], self.fits[large]
        more, gain = b.parameter_count - a.parameter_count, a.deviance - b.deviance
        if more < 1:
            what = f"{large!r} does not have more parameters than {small!r}"
            raise FitError(Problem("likelihood_ratio", what, "likelihood_ratio(smaller, larger)"))
        if gain < -1e-2:
            what = (
                f"{large!r} fits worse than {small!r}, by {-gain:.3g}: it contains the smaller model, so it has not converged"
            )
            raise FitError(
                Problem(
                    "likelihood_ratio",
                    what,
                    "start it from the smaller model's estimates (initial=), or from several points (starts=)",
                )
            )
        return float(gain), int(more), float(chi2.sf(max(gain, 0.0), more))

    def predict(self, times: Iterable[float], criterion: str = "aicc") -> DataFrame:
        """Return predictions averaged over the models by weight, and the standard deviation between models."""
        weights = self.to_frame(criterion)["weight"]
        days = list(times)
        tables = {n: f.predict(days) for n, f in self.fits.items()}
        first = next(iter(tables.values()))
        values = np.stack([t["predicted"].to_numpy(np.float64) for t in tables.values()])
        w = weights.loc[list(tables)].to_numpy()[:, None]
        mean = (w * values).sum(axis=0)
        between = np.sqrt(np.maximum((w * (values - mean) ** 2).sum(axis=0), 0.0))
        return first.assign(predicted=mean, between_models=between)

    def plot(self, criterion: str = "aicc", **how: Any) -> Axes:
        """Draw differences and weights; see `immunoode.plot.comparison.plot_comparison`."""
        from immunoode.plot.comparison import plot_comparison

        return plot_comparison(self, criterion, **how)

    def report(self) -> str:
        """Return the table as text."""
        return str(self)

    def __str__(self) -> str:
        return self.to_frame().to_string(float_format=lambda x: f"{x:.4g}")

    @without_mathematics
    def _repr_html_(self) -> str:
        return self.to_frame().to_html(float_format=lambda x: f"{x:.4g}")


def _criteria(fit: Fitted) -> dict[str, Any]:
    n, k, d = len(fit.observations), fit.parameter_count, fit.deviance
    left = n - k - 1
    return {
        "parameters": k,
        "observations": n,
        "deviance": d,
        "aic": d + 2 * k,
        "aicc": d + 2 * k + 2 * k * (k + 1) / left if left > 0 else np.inf,
        "bic": d + k * np.log(n),
        "converged": fit.success,
    }


def compare_fits(fits: Mapping[str, Fitted] | Iterable[Fitted]) -> FitComparison:
    """Compare fits of different models to the same data.

    Parameters
    ----------
    fits : mapping of name to result, or sequence of results (which are then numbered)
        Results of `fit` or of `fit_population`.

    Raises
    ------
    FitError
        If there are fewer than two, or they were not fitted to the same observations.
    """
    named = dict(fits) if isinstance(fits, Mapping) else {f"model {i + 1}": f for i, f in enumerate(fits)}
    if len(named) < 2:
        raise FitError(Problem("fits", f"there are {len(named)}", "at least two results, {name: result}"))
    first, *others = named
    data = _data(named[first].observations)
    problems = [
        Problem(f"fits[{n!r}]", f"was fitted to different observations than {first!r}", "fit all models to the same data")
        for n in others
        if not _same(data, _data(named[n].observations))
    ]
    FitError.raise_if(problems)
    return FitComparison(named)


def _data(seen: Observations) -> tuple[tuple[str, ...], FloatArray]:
    """Return the observations in a canonical order."""
    names = np.array(seen.subjects, dtype=object)[seen.subject]
    keys = [f"{s}|{seen.quantities[q]}" for s, q in zip(names, seen.quantity, strict=True)]
    order = np.lexsort((seen.value, seen.time, np.array(keys)))
    numbers = np.column_stack([seen.time, seen.value, seen.censoring])[order]
    return tuple(keys[i] for i in order), numbers


def _same(a: tuple[tuple[str, ...], FloatArray], b: tuple[tuple[str, ...], FloatArray]) -> bool:
    return a[0] == b[0] and bool(np.allclose(a[1], b[1], rtol=1e-9))
