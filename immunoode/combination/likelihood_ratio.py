"""`interaction_test`: the likelihood-ratio test of an interaction parameter in a population fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from immunoode.errors import FitError, Problem
from immunoode.notebook import shown
from immunoode.population.fit_population import fit_population
from immunoode.population.result import PopulationResult
from immunoode.solve.simulate import as_model

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
@shown
class InteractionTest:
    """Two population fits, with an interaction parameter estimated and fixed at its null value.

    Attributes
    ----------
    parameter : str
    null : float
    free, fixed : PopulationResult
    bounded : bool
        Whether the null value is at a bound of the parameter, so that the p value is halved.
    """

    parameter: str
    null: float
    free: PopulationResult
    fixed: PopulationResult
    bounded: bool

    @property
    def statistic(self) -> float:
        """Twice the logarithm of the likelihood ratio; zero if rounding would make it negative."""
        return max(self.fixed.deviance - self.free.deviance, 0.0)

    @property
    def p_value(self) -> float:
        """Probability of a statistic at least this large without interaction: chi-squared with one degree of freedom."""
        from scipy.stats import chi2

        return float(chi2.sf(self.statistic, 1)) * (0.5 if self.bounded else 1.0)

    @property
    def estimate(self) -> float:
        """The estimated parameter."""
        return self.free.values[self.parameter]

    def to_frame(self) -> pd.DataFrame:
        """Return the test as a table of one row."""
        import pandas as pd

        names = ("parameter", "null", "estimate", "statistic", "p_value")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def report(self) -> str:
        """Return the test and the parameters of the free fit."""
        return f"{self}\n\n{self.free.to_frame().to_string(float_format='{:.4g}'.format, na_rep='')}"

    def __str__(self) -> str:
        said = f"{self.parameter} {self.estimate:.4g} (no interaction: {self.null:g})"
        return f"{said}, likelihood ratio {self.statistic:.2f} with 1 degree of freedom, p = {self.p_value:.3g}"


def interaction_test(
    model: Any,
    data: Any,
    parameter: str,
    *,
    null: float = 0.0,
    vary: str | Iterable[str] = (),
    random: Any,
    method: str = "focei",
    **options: Any,
) -> InteractionTest:
    """Test an interaction parameter in a model of both drugs by fitting the population with and without it.

    Parameters
    ----------
    model : Model or str
    data : TrialData
        All groups: each drug alone, both, and untreated.
    parameter : str
        A parameter of the model without a random effect.
    null : float
        Its value without interaction.
    vary, random, method
        As in `imo.fit_population`; "focei" by default, because the likelihood of "saem" has simulation error.
    **options
        As in `imo.fit_population`.

    Returns
    -------
    InteractionTest

    Raises
    ------
    FitError
        If the parameter is not in the model, or has a random effect.

    Examples
    --------
    >>> import immunoode as imo
    >>> trial = imo.load_example().select(arm="pembrolizumab")
    >>> both = ["growth_rate", "shrinkage_rate"]
    >>> how = {"vary": both, "random": ["baseline_sum_of_diameters"], "progress": False}
    >>> test = imo.combination.interaction_test("ribba2022", trial, "shrinkage_rate", null=0.0, **how)
    >>> test.parameter, test.bounded
    ('shrinkage_rate', False)
    """
    whole = as_model(model)
    names = [vary] if isinstance(vary, str) else list(vary)
    if parameter not in whole.parameters:
        raise FitError(Problem("parameter", f"{parameter!r} is not in {whole.name}", "one of its parameters"))
    if parameter in ([random] if isinstance(random, str) else list(random)):
        raise FitError(
            Problem("parameter", f"{parameter!r} has a random effect", "a parameter that is the same in all subjects")
        )
    others = [name for name in names if name != parameter]
    fixed = fit_population(whole.with_values(**{parameter: null}), data, others, random=random, method=method, **options)
    start = {**fixed.values, **dict(options.pop("initial", None) or {})}
    free = fit_population(whole, data, [*others, parameter], random=random, method=method, initial=start, **options)
    bounds = whole.parameters[parameter].bounds
    return InteractionTest(parameter, float(null), free, fixed, bounds is not None and null in bounds)
