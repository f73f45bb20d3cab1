"""The distribution of one parameter with its unit and source."""

from __future__ import annotations

from dataclasses import dataclass

from immunoode.errors import PopulationError, Problem
from immunoode.virtual_population.marginals import Marginal


@dataclass(frozen=True)
class ParameterDistribution:
    """The distribution of one parameter or covariate, with its unit and source.

    Attributes
    ----------
    distribution : Marginal
    unit : str
        The unit of its numbers; by default, that of the model.
    source : str
        As for a parameter in a model file.
    title : str

    Raises
    ------
    PopulationError

    Examples
    --------
    >>> import immunoode as imo
    >>> growth = imo.virtual_population.LogNormal(0.006, sd=0.4)
    >>> imo.virtual_population.ParameterDistribution(growth, unit="1/day", source="estimate: for this example").unit
    '1/day'
    """

    distribution: Marginal
    unit: str = ""
    source: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.distribution, Marginal):
            what = f"is {type(self.distribution).__name__}"
            raise PopulationError(Problem("distribution", what, "a distribution, such as LogNormal(0.22, 0.37)"))
