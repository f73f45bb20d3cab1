"""Limits: an endpoint or a property of the schedule that must not be above, or below, a number."""

from __future__ import annotations

import re
from dataclasses import dataclass

from immunoode.errors import Problem, SolveError
from immunoode.number_checks import NUMBER
from immunoode.optimisation.dosages import Dosage, dosage
from immunoode.optimisation.endpoints import Endpoint, endpoint
from immunoode.optimisation.statistics import MEAN, Statistic, statistic

Quantity = Endpoint | Dosage
_TEXT = re.compile(rf"(.+?)(<=|>=)\s*({NUMBER})\s*(?:for\s+(.+))?")


@dataclass(frozen=True)
class Limit:
    """A quantity that must not be above, or below, a number.

    Attributes
    ----------
    quantity : Endpoint or Dosage
    limit : float
        In the unit of the quantity.
    above : bool
        Whether the quantity must be at or above the limit; otherwise at or below.
    over : Statistic
        The statistic over a cohort to which the limit applies; with "quantile(0.95)", 95 % of patients must satisfy the
        limit.

    Examples
    --------
    >>> import immunoode as imo
    >>> limit = imo.optimisation.Limit(imo.optimisation.Dosage("cumulative", "docetaxel"), 250.0, above=False)
    >>> limit.limit, limit.over.kind
    (250.0, 'mean')
    """

    quantity: Quantity
    limit: float
    above: bool
    over: Statistic = Statistic(MEAN)

    @property
    def sign(self) -> float:
        """1 if larger values are better, otherwise -1."""
        return 1.0 if self.above else -1.0

    @property
    def scale(self) -> float:
        """The scale of a violation."""
        return abs(self.limit) or 1.0

    def __str__(self) -> str:
        over = "" if self.over.kind == MEAN else f" for {self.over}"
        return f"{self.quantity} {'>=' if self.above else '<='} {self.limit:g}{over}"


def quantity(given: str | Quantity) -> Quantity:
    """Return the quantity that a text names: an endpoint "neutrophils: minimum", or a property of the schedule
    "cumulative(docetaxel)".

    Raises
    ------
    SolveError
        If it names neither.
    """
    if isinstance(given, (Endpoint, Dosage)):
        return given
    if not isinstance(given, str):
        right = "a text such as 'tumour: final' or 'cumulative(docetaxel)', an Endpoint or a Dosage"
        raise SolveError(Problem("quantity", f"is {given!r:.60}", right))
    return dosage(given) or endpoint(given)


def limit(given: str | Limit) -> Limit:
    """Return the limit that a text states: "neutrophils: minimum >= 1", "cumulative(docetaxel) <= 450".

    Over a cohort, "neutrophils: minimum >= 0.5 for quantile(0.95)".

    Raises
    ------
    SolveError
        If the text does not have this form.
    """
    if isinstance(given, Limit):
        return given
    said = _TEXT.fullmatch(given.strip()) if isinstance(given, str) else None
    if not said:
        right = "for example 'neutrophils: minimum >= 1' or 'cumulative(docetaxel) <= 450'"
        raise SolveError(Problem(f"subject_to: {given!r:.60}", "is not understood", right))
    return Limit(quantity(said[1]), float(said[3]), said[2] == ">=", statistic(said[4] or MEAN))
