"""Comparison of fractionations: biologically effective dose and equivalent dose in 2 Gy fractions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from immunoode import units
from immunoode.errors import Problem, RegimenError, UnitError
from immunoode.regimen.doses import Dose

if TYPE_CHECKING:
    from immunoode.regimen.regimen import Regimen


def biologically_effective_dose(regimen: Regimen, alpha_beta_ratio: float, therapy: str = "radiotherapy") -> float:
    """Return the biologically effective dose of a regimen, Gy.

    The sum of d (1 + d / (alpha/beta)) over the fractions, by the linear-quadratic model (see Brenner 2008, Semin Radiat Oncol,
    PMC2750078, on its range of validity), without repopulation or incomplete repair between fractions.

    Parameters
    ----------
    regimen : Regimen
    alpha_beta_ratio : float
        Gy; 10 for most tumours, 3 for late-responding tissue.
    therapy : str
        The name of the fractions in the regimen.

    Raises
    ------
    RegimenError
        If the regimen has no such therapy, or the ratio is not positive.

    Examples
    --------
    >>> import immunoode as imo
    >>> course = imo.Regimen().dose("radiotherapy", "2 Gy", every="1 day", count=30)
    >>> imo.regimen.biologically_effective_dose(course, alpha_beta_ratio=10)
    72.0
    """
    ratio = _ratio(alpha_beta_ratio)
    fractions = [a * _in_gray(d) for d in regimen.doses if d.therapy == therapy for a in d.amounts()]
    if not fractions:
        given = f"one of: {', '.join(regimen.therapies)}" if regimen.therapies else "a regimen with fractions"
        raise RegimenError(Problem(f"therapy {therapy!r}", "is not in this regimen", given))
    return sum(d * (1 + d / ratio) for d in fractions)


def equivalent_dose_2gy(regimen: Regimen, alpha_beta_ratio: float, therapy: str = "radiotherapy") -> float:
    """Return the total dose in 2 Gy fractions of the same biological effect, Gy.

    Parameters
    ----------
    regimen : Regimen
    alpha_beta_ratio : float
        Gy.
    therapy : str
        The name of the fractions in the regimen.

    Raises
    ------
    RegimenError
        As for `biologically_effective_dose`.

    Examples
    --------
    >>> import immunoode as imo
    >>> stereotactic = imo.Regimen().dose("radiotherapy", "18 Gy", every="2 days", count=3)
    >>> round(imo.regimen.equivalent_dose_2gy(stereotactic, 10), 1)
    126.0
    """
    return biologically_effective_dose(regimen, alpha_beta_ratio, therapy) / (1 + 2 / _ratio(alpha_beta_ratio))


def _ratio(value: float) -> float:
    """Return the checked ratio of alpha to beta."""
    try:
        ratio = units.convert(value, "Gy")
    except (UnitError, TypeError, ValueError):
        ratio = -1.0
    if not ratio > 0:
        raise RegimenError(Problem("alpha_beta_ratio", f"is {value!r}", "a positive number of Gy"))
    return ratio


def _in_gray(dose: Dose) -> float:
    """Return the factor from the unit of a dose to Gy."""
    try:
        return units.factor(dose.unit, "Gy") if dose.unit else 1.0
    except UnitError:
        raise RegimenError(Problem(f"dose of {dose.therapy}", f"is in {dose.unit!r}", "a dose in Gy")) from None
