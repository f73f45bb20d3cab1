"""Optimal fractionation of radiotherapy in closed form, by the linear-quadratic model."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from immunoode.errors import Problem, SolveError
from immunoode.notebook import shown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
@shown
class Fractionation:
    """The best number of equal fractions for a given effective dose to the normal tissue.

    Attributes
    ----------
    fractions : int
    dose : float
        Gy of each fraction to the tumour.
    log_kill : float
        The decrease of the natural logarithm of the tumour size, minus growth during treatment.
    hypofractionated : bool
        Whether fewer and larger fractions are better at any growth rate, because alpha/beta of the tumour is below that of
        the tissue divided by the sparing factor.
    exact : float
        The best number of fractions if it did not have to be whole; infinite if more are always better.
    """

    fractions: int
    dose: float
    log_kill: float
    hypofractionated: bool
    exact: float

    def to_frame(self) -> pd.DataFrame:
        """Return the optimum as a table of one row, with the attributes as columns."""
        import pandas as pd

        return pd.DataFrame([asdict(self)])

    def report(self) -> str:
        """Return the optimum as text."""
        return str(self)

    def __str__(self) -> str:
        rule = "below" if self.hypofractionated else "not below"
        return (
            f"{self.fractions} fractions of {self.dose:.4g} Gy: log kill {self.log_kill:.4g}; the tumour's alpha/beta is "
            f"{rule} the tissue's divided by the sparing factor"
        )


def fractionation(
    alpha: float,
    alpha_beta: float,
    *,
    tissue_alpha_beta: float,
    tissue_effective_dose: float,
    sparing: float = 1.0,
    growth_rate: float = 0.0,
    interval: float = 1.0,
    most_fractions: int = 60,
) -> Fractionation:
    """Return the best number of equal fractions, and their dose.

    Parameters
    ----------
    alpha : float
        1/Gy; that of the tumour.
    alpha_beta, tissue_alpha_beta : float
        Gy; those of the tumour and of the normal tissue.
    tissue_effective_dose : float
        Gy; the biologically effective dose that the tissue may receive.
    sparing : float
        The dose to the tissue as a fraction of that to the tumour.
    growth_rate : float
        1/day; that of the tumour during treatment.
    interval : float
        Days between fractions.
    most_fractions : int

    Returns
    -------
    Fractionation

    Raises
    ------
    SolveError
        If a value is not positive (the growth rate may be zero).

    Notes
    -----
    n fractions of dose d give the tissue n f d (1 + f d / r) = B, with the sparing factor f and the ratio r; the tumour's
    logarithm falls by alpha n (d + d^2 / R) - growth (n - 1) interval. With the total dose D(n) = n r (s - 1) / (2 f) and
    s = sqrt(1 + 4 B / (n r)), that is alpha D (1 - r / (f R)) + alpha B r / (f^2 R) - growth (n - 1) interval, and D rises
    with n. So one fraction is best where R < r / f. Otherwise, with c = 2 f growth interval / (alpha r (1 - r / (f R))), the
    log kill is largest at s = 1 + c + sqrt(c^2 + 2 c), n = 4 B / (r (s^2 - 1)); the better whole neighbour is taken.

    Examples
    --------
    >>> str(fractionation(0.15, 1.5, tissue_alpha_beta=3, tissue_effective_dose=70))[:27]
    '1 fractions of 13.07 Gy: lo'
    """
    named = {
        "alpha": alpha,
        "alpha_beta": alpha_beta,
        "tissue_alpha_beta": tissue_alpha_beta,
        "tissue_effective_dose": tissue_effective_dose,
        "sparing": sparing,
        "interval": interval,
        "most_fractions": most_fractions,
    }
    problems = [Problem(n, f"is {v!r}", "a positive number") for n, v in named.items() if not v > 0]
    if not growth_rate >= 0:
        problems.append(Problem("growth_rate", f"is {growth_rate!r}", "zero or more"))
    SolveError.raise_if(problems)
    gain = 1 - tissue_alpha_beta / (sparing * alpha_beta)

    def dose(n: float) -> float:
        s = math.sqrt(1 + 4 * tissue_effective_dose / (n * tissue_alpha_beta))
        return tissue_alpha_beta * (s - 1) / (2 * sparing)

    def log_kill(n: float) -> float:
        d = dose(n)
        return alpha * n * d * (1 + d / alpha_beta) - growth_rate * (n - 1) * interval

    exact = _exact(alpha, gain, tissue_alpha_beta, tissue_effective_dose, sparing, growth_rate * interval)
    near = min(max(exact, 1.0), float(most_fractions))
    best = max({math.floor(near), math.ceil(near)}, key=log_kill)
    return Fractionation(best, dose(best), log_kill(best), gain < 0, exact)


def _exact(alpha: float, gain: float, ratio: float, effective_dose: float, sparing: float, growth: float) -> float:
    """Return the best number of fractions if it did not have to be whole."""
    if gain <= 0:
        return 1.0
    if growth == 0:
        return math.inf
    c = 2 * sparing * growth / (alpha * ratio * gain)
    s = 1 + c + math.sqrt(c * c + 2 * c)
    return 4 * effective_dose / (ratio * (s * s - 1))
