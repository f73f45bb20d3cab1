"""Response surfaces of two drugs with interaction parameters: MuSyC [1]_ and BRAID [2]_.

.. [1] Meyer CT, Wooten DJ, Paudel BB, et al. (2019). Quantifying drug combination synergy along potency and efficacy axes. Cell
Systems 8,
   97-108, doi 10.1016/j.cels.2019.01.003.
.. [2] Twarog NR, Stewart E, Hammill CV, Shelat AA (2016). BRAID: a unifying paradigm for the analysis of combined drug action.
Scientific
   Reports 6, 25523, doi 10.1038/srep25523.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode.combination.hill_curve import HillCurve

FloatArray = NDArray[np.float64]
Values = Mapping[str, float]


@dataclass(frozen=True)
class SurfaceModel:
    """A response surface.

    Attributes
    ----------
    name : str
    parameters : tuple of str
        In this order; those in `logged` are fitted as logarithms.
    logged : frozenset of str
    interaction : mapping of str to float
        Interaction parameters, with their values for no interaction.
    effect : callable
        Computes the effect from values of the parameters and doses of both drugs.
    start : callable
        Computes starting values from the curves of both drugs alone and the effect of the highest doses.
    """

    name: str
    parameters: tuple[str, ...]
    logged: frozenset[str]
    interaction: Mapping[str, float]
    effect: Callable[[Values, FloatArray, FloatArray], FloatArray]
    start: Callable[[HillCurve, HillCurve, float], dict[str, float]]


def musyc_effect(p: Values, first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the effect of MuSyC: four states (untreated, either drug, both) in equilibrium, with equal rates of return.

    `alpha12` multiplies the dose of the second drug if the first is bound, `alpha21` that of the first if the second is
    bound.
    """
    a, b = (first / p["c1"]) ** p["h1"], (second / p["c2"]) ** p["h2"]
    then_a, then_b = a * p["alpha21"] ** p["h1"], b * p["alpha12"] ** p["h2"]
    one = (a + (a + b) * then_a / 2) / (1 + (then_a + then_b) / 2)
    other = a + b - one
    both = (one * then_b + other * then_a) / 2
    whole = p["e0"] + p["e1"] * one + p["e2"] * other + p["e3"] * both
    return np.asarray(whole / (1 + one + other + both))


def braid_effect(p: Values, first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the effect of BRAID; `kappa` is 0 for additivity, above 0 for synergy, and above -2."""
    span = p["e3"] - p["e0"]
    power = np.sqrt(p["h1"] * p["h2"])

    def potency(dose: FloatArray, k: str) -> FloatArray:
        share, odds = (p[f"e{k}"] - p["e0"]) / span, (dose / p[f"c{k}"]) ** p[f"h{k}"]
        return np.asarray(np.maximum(share * odds / np.maximum(1 + (1 - share) * odds, 1e-12), 0.0) ** (1 / power))

    a, b = potency(first, "1"), potency(second, "2")
    total = np.maximum(a + b + p["kappa"] * np.sqrt(a * b), 0.0) ** power
    return np.asarray(p["e0"] + span * total / (1 + total))


def _common(first: HillCurve, second: HillCurve) -> dict[str, float]:
    base = (first.base + second.base) / 2
    return {
        "e0": base,
        "e1": first.top,
        "e2": second.top,
        "c1": first.half,
        "c2": second.half,
        "h1": first.steepness,
        "h2": second.steepness,
    }


def _musyc_start(first: HillCurve, second: HillCurve, both: float) -> dict[str, float]:
    return {**_common(first, second), "e3": both, "alpha12": 1.0, "alpha21": 1.0}


def _braid_start(first: HillCurve, second: HillCurve, both: float) -> dict[str, float]:
    found = _common(first, second)
    further = max((first.top, second.top, both), key=lambda e: abs(e - found["e0"]))
    return {**found, "e3": found["e0"] + 1.02 * (further - found["e0"]), "kappa": 0.0}


_SHARED = ("e0", "e1", "e2", "e3", "c1", "c2", "h1", "h2")
_LOGGED = frozenset({"c1", "c2", "h1", "h2"})
MUSYC = SurfaceModel(
    *("MuSyC", (*_SHARED, "alpha12", "alpha21"), _LOGGED | {"alpha12", "alpha21"}),
    *({"alpha12": 1.0, "alpha21": 1.0}, musyc_effect, _musyc_start),
)
BRAID = SurfaceModel("BRAID", (*_SHARED, "kappa"), _LOGGED, {"kappa": 0.0}, braid_effect, _braid_start)
SURFACES = {"musyc": MUSYC, "braid": BRAID}
