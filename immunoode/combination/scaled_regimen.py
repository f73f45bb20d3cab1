"""Regimens with multiplied amounts, for Loewe additivity."""

from __future__ import annotations

from dataclasses import replace

from immunoode.errors import DataError, Problem
from immunoode.regimen.doses import Dose
from immunoode.regimen.regimen import Regimen


def scaled(regimen: Regimen, factor: float) -> Regimen:
    """Return a regimen with all amounts multiplied; times and the durations of infusions are unchanged.

    Raises
    ------
    DataError
        If it has triggers or changes of the state, whose amounts depend on the simulation.

    Examples
    --------
    >>> import immunoode as imo
    >>> scaled(imo.Regimen().dose("pembrolizumab", "200 mg"), 0.5).doses[0].amount
    100.0
    """
    if regimen.triggers:
        what = "has triggers, so its doses cannot be scaled as multiples of a regimen"
        raise DataError(Problem("regimen", what, "a regimen of doses, or loewe=False"))
    rules = tuple(_scaled(rule, factor) if isinstance(rule, Dose) else rule for rule in regimen.rules)
    return replace(regimen, rules=rules)


def _scaled(dose: Dose, factor: float) -> Dose:
    loading = None if dose.loading is None else dose.loading * factor
    return replace(dose, amount=dose.amount * factor, loading=loading)
