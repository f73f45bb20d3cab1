"""`dose_surface`: the effects of all dose pairs of two drugs, null models, isoboles and response surfaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode import units
from immunoode.combination.four_arms import ADDITIVE, BLISS, HIGHEST, LOEWE
from immunoode.combination.hill_curve import HillCurve, fit_hill
from immunoode.combination.simulated_arms import SimulatedPair
from immunoode.combination.surface_fit import SurfaceFit, fit_surface
from immunoode.combination.surface_models import SURFACES
from immunoode.combination.synergy_arguments import unknown_options
from immunoode.errors import DataError, Problem, nearest
from immunoode.notebook import shown
from immunoode.regimen.regimen import Regimen
from immunoode.scenario.compare import default_measure
from immunoode.solve.simulate import as_model

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
NEEDED = ("first_dose", "second_dose", "effect")


@dataclass(frozen=True)
@shown
class DoseSurface:
    """Effects of doses of two drugs.

    Attributes
    ----------
    table : DataFrame
        One row per measurement: first_dose, second_dose, effect. An effect is a fraction, such as that of cells killed or of
        growth prevented, and 0 without drugs.
    first, second : str
        The drugs, with the units of their doses.
    """

    table: pd.DataFrame
    first: str
    second: str

    @cached_property
    def alone(self) -> tuple[HillCurve, HillCurve]:
        """The Hill curve of each drug alone, from its doses without the other drug."""
        return self._alone("first_dose", "second_dose"), self._alone("second_dose", "first_dose")

    def _alone(self, drug: str, other: str) -> HillCurve:
        own = self.table[self.table[other] == 0]
        return fit_hill(own[drug].to_numpy(np.float64), own["effect"].to_numpy(np.float64))

    @cached_property
    def means(self) -> pd.DataFrame:
        """The mean effect of each pair of doses."""
        return self.table.groupby(["first_dose", "second_dose"], as_index=False)["effect"].mean()

    def nulls(self) -> pd.DataFrame:
        """Return one row per pair of doses of both drugs: doses, effect, the effect expected by each null model, and the
        combination index.

        Columns: first_dose, second_dose, effect, one per null model (the expected effect, computed from the measured effects
        of single drugs; for Loewe, from their Hill curves), combination_index (d1 / D1 + d2 / D2, where each D has the effect
        of both drugs alone: below 1 is synergy; a drug that cannot reach the effect has no term).
        """
        first, second = self.alone
        means = self.means
        one = {d: e for d, e in means.loc[means["second_dose"] == 0, ["first_dose", "effect"]].to_numpy()}
        other = {d: e for d, e in means.loc[means["first_dose"] == 0, ["second_dose", "effect"]].to_numpy()}
        both = means[(means["first_dose"] > 0) & (means["second_dose"] > 0)].reset_index(drop=True)
        a, b = both["first_dose"].map(one).to_numpy(float), both["second_dose"].map(other).to_numpy(float)
        d1, d2, effect = (both[c].to_numpy(np.float64) for c in NEEDED)
        loewe = [loewe_effect(first, second, x, y) for x, y in zip(d1, d2, strict=True)]
        with np.errstate(divide="ignore"):
            index = d1 / first.dose_of(effect) + d2 / second.dose_of(effect)
        expected = {BLISS: a + b - a * b, HIGHEST: np.maximum(a, b), ADDITIVE: a + b, LOEWE: loewe}
        return both.assign(**expected, combination_index=index)

    def fit(self, surface: str = "musyc") -> SurfaceFit:
        """Return the fit of a response surface with interaction parameters.

        Parameters
        ----------
        surface : {"musyc", "braid"}

        Raises
        ------
        DataError
        """
        if surface not in SURFACES:
            raise DataError(Problem("surface", f"is {surface!r}", nearest(str(surface), SURFACES)))
        one, other, effect = (self.table[c].to_numpy(np.float64) for c in NEEDED)
        return fit_surface(SURFACES[surface], one, other, effect, self.alone)

    def to_frame(self) -> pd.DataFrame:
        """Return the measurements."""
        return self.table.copy()

    def report(self) -> str:
        """Return a comparison of the effects of both drugs with the expectation of each null model."""
        nulls = self.nulls()
        lines = [str(self), ""]
        for null in (BLISS, HIGHEST, ADDITIVE, LOEWE):
            off = nulls["effect"] - nulls[null]
            lines.append(f"effect minus that of {null}: mean {off.mean():+.3f}, from {off.min():+.3f} to {off.max():+.3f}")
        return "\n".join(lines)

    def plot(self, **options: Any) -> Any:
        """Draw effects as contours over doses, with isoboles of additivity; see `imo.plot.dose_surface_map`."""
        from immunoode.plot.dose_surface import dose_surface_map

        return dose_surface_map(self, **options)

    def __str__(self) -> str:
        middle = self.nulls()["combination_index"].median()
        counts = f"{len(self.table)} effects of {len(self.means)} pairs of doses"
        return f"{self.first} and {self.second}: {counts}, median combination index {middle:.2f}"


def loewe_effect(first: HillCurve, second: HillCurve, one: float, other: float) -> float:
    """Return the effect expected of two doses by Loewe additivity; a drug counts up to its maximal effect."""
    from scipy.optimize import brentq

    least = max(float(first.effect(np.array(one))), float(second.effect(np.array(other))))
    most = max(first.top, second.top)

    def off(effect: float) -> float:
        level = np.array(effect)
        return float(one / first.dose_of(level) + other / second.dose_of(level)) - 1.0

    high = most - 1e-12 * abs(most)
    if not least < high or off(high) >= 0:
        return max(least, high)
    low = least + 1e-13 * max(abs(least), 1.0)
    return float(brentq(off, low, high, xtol=1e-14)) if off(low) > 0 else least


def dose_surface(table: pd.DataFrame, *, first: str = "first drug", second: str = "second drug") -> DoseSurface:
    """Return the effects of two drugs at pairs of doses.

    Parameters
    ----------
    table : DataFrame
        Columns first_dose, second_dose, effect; repeated measurements are separate rows. It needs three or more doses of each
        drug alone, and no drug.
    first, second : str
        Names of the drugs, for tables and figures.

    Returns
    -------
    DoseSurface

    Raises
    ------
    DataError

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> a, b = (x.ravel() for x in np.meshgrid([0, 0.5, 1, 2, 4], [0, 0.5, 1, 2, 4]))
    >>> sham = dose_surface(pd.DataFrame({"first_dose": a, "second_dose": b, "effect": (a + b) / (1 + a + b)}))
    >>> sham.nulls()["combination_index"].round(6).unique().tolist()
    [1.0]
    """
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        raise DataError(Problem("table", f"is {type(table).__name__}", "a DataFrame with " + ", ".join(NEEDED)))
    missing = [c for c in NEEDED if c not in table.columns]
    DataError.raise_if(Problem("table", f"no column {c!r}", nearest(c, map(str, table.columns))) for c in missing)
    values = table[list(NEEDED)].astype(float)
    if not np.isfinite(values.to_numpy()).all() or (values[["first_dose", "second_dose"]] < 0).any(axis=None):
        raise DataError(Problem("table", "has missing values or negative doses", "numbers, doses of zero or more"))
    return DoseSurface(values.reset_index(drop=True), first, second)


def simulated_surface(
    model: Any,
    first: Regimen,
    second: Regimen,
    until: str | float,
    *,
    first_multiples: Sequence[float] = (0, 0.25, 0.5, 1, 2, 4),
    second_multiples: Sequence[float] = (0, 0.25, 0.5, 1, 2, 4),
    measure: str | None = None,
    parameters: dict[str, float] | None = None,
    **options: Any,
) -> DoseSurface:
    """Return the fraction by which multiples of two regimens lower a tumour's size at a time, relative to no treatment.

    Parameters
    ----------
    model : Model or str
    first, second : Regimen
    until : str or float
        The time.
    first_multiples, second_multiples : sequence of float
        Multiples of all amounts of each regimen; 0 leaves it out.
    measure : str, optional
        As in `imo.synergy`.
    parameters : mapping, optional
    **options
        As for `imo.simulate`.

    Returns
    -------
    DoseSurface

    Examples
    --------
    >>> import immunoode as imo
    >>> model = imo.combine("tumour_immune", "pd1_inhibitor", "radiotherapy")
    >>> antibody = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=4)
    >>> radiation = imo.Regimen().dose("radiotherapy", "2 Gy", every="1 day", count=5)
    >>> few = {"first_multiples": (0, 1), "second_multiples": (0, 1)}
    >>> surface = imo.combination.simulated_surface(model, antibody, radiation, until="12 weeks", **few)
    >>> len(surface.table), float(surface.table["effect"].min())
    (4, 0.0)
    """
    import pandas as pd

    DataError.raise_if(unknown_options(options))
    whole = as_model(model)
    days = np.array([units.days(until)])
    common = (measure or default_measure(whole), days, dict(parameters or {}), {"rtol": 1e-8, **options})
    pair = SimulatedPair(whole, first, second, Regimen(), *common)
    untreated = float(pair.burden(0.0, 0.0)[0])
    rows = [(a, b, 1.0 - float(pair.burden(a, b)[0]) / untreated) for a in first_multiples for b in second_multiples]
    names = [f"{' + '.join(regimen.therapies)} (multiple of the regimen)" for regimen in (first, second)]
    return dose_surface(pd.DataFrame(rows, columns=list(NEEDED)), first=names[0], second=names[1])
