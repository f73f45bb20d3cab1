"""The fit of a response surface to measured effects, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from immunoode.combination.hill_curve import HillCurve
from immunoode.combination.surface_models import SurfaceModel
from immunoode.errors import DataError, Problem, renamed
from immunoode.notebook import shown

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
HALVES, STEEP, ALPHA, KAPPA = 9.0, 3.0, 14.0, (-1.999, 200.0)
"""Bounds of the logarithms of half-effect doses (about their start), of Hill coefficients and of alphas (about 0), and of
kappa."""


@dataclass(frozen=True)
@shown
class SurfaceFit:
    """A fitted response surface.

    Attributes
    ----------
    model : SurfaceModel
    values : mapping of str to float
    covariance : ndarray
        Covariance of the fitted parameters (of their logarithms if in `logged`); NaN if the data do not determine them.
    residual_sd : float
    free : int
        The number of measurements minus the number of parameters.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import immunoode as imo
    >>> a, b = (x.ravel() for x in np.meshgrid([0, 0.5, 1, 2, 4], [0, 0.5, 1, 2, 4]))
    >>> table = pd.DataFrame({"first_dose": a, "second_dose": b, "effect": (a + b) / (1 + a + b)})
    >>> fitted = imo.combination.dose_surface(table).fit("braid")
    >>> round(fitted.values["kappa"], 3) + 0.0, fitted.free
    (0.0, 16)
    """

    model: SurfaceModel
    values: Mapping[str, float]
    covariance: FloatArray
    residual_sd: float
    free: int

    def effect(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """Return the fitted effect of doses."""
        return self.model.effect(self.values, np.asarray(first, np.float64), np.asarray(second, np.float64))

    @property
    def efficacy(self) -> float:
        """The additional effect of both drugs relative to that of the better one (beta of MuSyC): above 0 is synergy."""
        v = self.values
        best = max((v["e1"], v["e2"]), key=lambda e: abs(e - v["e0"]))
        return float((v["e3"] - best) / (best - v["e0"]))

    def to_frame(self, confidence: float = 0.95) -> pd.DataFrame:
        """Return one row per parameter: parameter, value, lower, upper, no_interaction (for interaction parameters).

        Intervals are from Student's t distribution on the fitted scale.
        """
        import pandas as pd
        from scipy.stats import t

        width = t.ppf(0.5 + confidence / 2, self.free) * np.sqrt(np.diag(self.covariance))
        rows = []
        for name, half in zip(self.model.parameters, width, strict=True):
            centre, back = (np.log(self.values[name]), np.exp) if name in self.model.logged else (self.values[name], float)
            none = self.model.interaction.get(name, np.nan)
            limits = {"lower": float(back(centre - half)), "upper": float(back(centre + half))}
            rows.append({"parameter": name, "value": self.values[name], **limits, "no_interaction": none})
        return pd.DataFrame(rows)

    table = renamed("table", "to_frame")

    def report(self) -> str:
        """Return the parameters and their interpretation."""
        shown = self.to_frame().to_string(index=False, float_format="{:.4g}".format, na_rep="")
        return f"{self}\n\n{shown}\nresidual standard deviation {self.residual_sd:.4g}, {self.free} degrees of freedom"

    def __str__(self) -> str:
        rows = self.to_frame().dropna(subset=["no_interaction"])
        said = [
            f"{r.parameter} {r.value:.3g} ({r.lower:.3g} to {r.upper:.3g}; {r.no_interaction:g} is no interaction)"
            for r in rows.itertuples()
        ]
        return f"{self.model.name}: " + ", ".join(said) + f"; efficacy {self.efficacy:+.3f}"


def fit_surface(
    model: SurfaceModel, first: FloatArray, second: FloatArray, effect: FloatArray, alone: tuple[HillCurve, HillCurve]
) -> SurfaceFit:
    """Return the surface closest to measured effects (least squares).

    Raises
    ------
    DataError
        If there are no more measurements than parameters.
    """
    from scipy.optimize import least_squares

    free = len(effect) - len(model.parameters)
    if free < 1:
        raise DataError(Problem("surface", f"has {len(effect)} effects", f"more than the {len(model.parameters)} parameters"))
    highest = float(effect[(first == first.max()) & (second == second.max())].mean())
    start = model.start(*alone, highest)
    x0, low, high = _bounded(model, start)

    def values(x: FloatArray) -> dict[str, float]:
        return {n: float(np.exp(v)) if n in model.logged else float(v) for n, v in zip(model.parameters, x, strict=True)}

    def residuals(x: FloatArray) -> FloatArray:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.nan_to_num(model.effect(values(x), first, second) - effect, nan=1e3, posinf=1e3, neginf=-1e3)

    starts = [x0, *(_moved(model, x0, low, high, by) for by in (-1.0, 1.0))]
    found = [least_squares(residuals, x, bounds=(low, high), x_scale="jac", max_nfev=400) for x in starts]
    best = min(found, key=lambda one: float(one.cost))
    variance = 2 * float(best.cost) / free
    return SurfaceFit(model, values(best.x), variance * _inverse(best.jac), float(np.sqrt(variance)), free)


def _bounded(model: SurfaceModel, start: Mapping[str, float]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return starting values on the fitted scale, and bounds."""
    x, low, high = [], [], []
    for name in model.parameters:
        value = np.log(start[name]) if name in model.logged else start[name]
        wide = {"c": (value - HALVES, value + HALVES), "h": (-STEEP, STEEP), "a": (-ALPHA, ALPHA), "k": KAPPA}
        limits = wide.get(name[0], (-np.inf, np.inf))
        x.append(float(np.clip(value, limits[0] + 1e-6, limits[1] - 1e-6)))
        low.append(limits[0])
        high.append(limits[1])
    return np.array(x), np.array(low), np.array(high)


def _moved(model: SurfaceModel, x: FloatArray, low: FloatArray, high: FloatArray, by: float) -> FloatArray:
    """Return another start, with interaction."""
    moved = x.copy()
    for k, name in enumerate(model.parameters):
        if name in model.interaction:
            moved[k] = np.clip(x[k] + by, low[k] + 1e-6, high[k] - 1e-6)
    return moved


def _inverse(jacobian: FloatArray) -> FloatArray:
    """Return the inverse of J'J; NaN if it has none."""
    try:
        return np.asarray(np.linalg.inv(jacobian.T @ jacobian))
    except np.linalg.LinAlgError:
        return np.full((jacobian.shape[1],) * 2, np.nan)
