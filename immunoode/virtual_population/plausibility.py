"""Plausibility of patients, and the patients that each criterion excludes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import PopulationError, Problem
from immunoode.model.model import Model
from immunoode.notebook import shown, without_mathematics
from immunoode.virtual_population.criteria import PlausibilityCriterion
from immunoode.virtual_population.plausibility_simulation import PlausibilityValues, plausibility_simulation

if TYPE_CHECKING:
    import pandas as pd

NOT_SIMULATED = "simulated to the end"
"""The first criterion."""


@dataclass(frozen=True, eq=False)
@shown
class Plausibility:
    """Patients and plausibility criteria. Kept and excluded patients add up to all patients.

    Attributes
    ----------
    parameters : DataFrame
        All patients.
    criteria : tuple of PlausibilityCriterion
    values : PlausibilityValues
        The bounded values of each patient.
    """

    parameters: pd.DataFrame
    criteria: tuple[PlausibilityCriterion, ...]
    values: PlausibilityValues

    @property
    def plausible(self) -> NDArray[np.bool_]:
        """Which patients are plausible, shape (patients,)."""
        return self.values.plausible

    @property
    def kept(self) -> pd.DataFrame:
        """The plausible patients, with their numbers."""
        return self.parameters[self.plausible]

    def excluded(self) -> pd.DataFrame:
        """Return the other patients: parameters, and in the column `excluded by` the first criterion that each fails."""
        rows = ~self.plausible
        first = self._failed[rows].argmax(axis=1)
        return self.parameters[rows].assign(**{"excluded by": np.array(self._labels, dtype=object)[first]})

    @property
    def _labels(self) -> list[str]:
        return [NOT_SIMULATED, *map(str, self.criteria)]

    @property
    def _failed(self) -> NDArray[np.bool_]:
        """Whether each patient fails each criterion, with the simulation itself first, shape (patients, 1 + criteria)."""
        return np.column_stack([~self.values.simulated, self.values.failed])

    def to_frame(self) -> pd.DataFrame:
        """Return one row per criterion, the simulation itself first.

        Returns
        -------
        DataFrame
            `below`, `above`: patients beyond each limit (a time course may be beyond both); `failed`: patients who fail this
            criterion, including those with undefined values (0 / 0); `only`: patients who fail no other criterion; `first`:
            patients for whom this is the first criterion that they fail, which add up to all excluded patients. A patient who
            cannot be simulated does not count for the other criteria.
        """
        import pandas as pd

        failed, nothing = self._failed, np.zeros(1, int)
        alone = failed & (failed.sum(axis=1) == 1)[:, None]
        any_before = np.cumsum(failed, axis=1) > failed
        table = {
            "below": np.concatenate([nothing, self.values.below.sum(axis=0)]),
            "above": np.concatenate([nothing, self.values.above.sum(axis=0)]),
            "failed": failed.sum(axis=0),
            "only": alone.sum(axis=0),
            "first": (failed & ~any_before).sum(axis=0),
        }
        return pd.DataFrame(table, index=pd.Index(self._labels, name="criterion"))

    def report(self) -> str:
        """Return the exclusions by each criterion, in words and a table."""
        kept, total = int(self.plausible.sum()), len(self.parameters)
        share = f" ({kept / total:.1%})" if total else ""
        lines = [f"Plausibility of {total} patients: {kept} kept{share}, {total - kept} excluded"]
        lines.append(self.to_frame().rename_axis(None).to_string())
        reasons = sorted({s for s in self.values.status if s})
        return "\n".join([*lines, *(f"not simulated: {reason}" for reason in reasons)])

    def plot(self, **how: Any) -> NDArray[Any]:
        """Draw the values with the limits; see `immunoode.plot.virtual_population.plot_plausibility`."""
        from immunoode.plot.virtual_population import plot_plausibility

        return plot_plausibility(self.criteria, self.values, **how)

    def __str__(self) -> str:
        return self.report()

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        return f"<p>{escape(self.report().splitlines()[0])}</p>{self.to_frame().to_html()}"


def check_plausibility(
    model: Model | str,
    patients: pd.DataFrame,
    criteria: PlausibilityCriterion | Iterable[PlausibilityCriterion],
    regimen: Any = None,
    until: str | float | None = None,
    **options: Any,
) -> Plausibility:
    """Simulate patients, and determine which are plausible.

    Parameters
    ----------
    model : Model or str
    patients : DataFrame
        One row per patient, as from `imo.sample_patients`.
    criteria : PlausibilityCriterion or several
        The criteria, in the order in which excluded patients are counted.
    regimen : Regimen or Schedule, or mapping of arm to these, optional
        The treatment; by default none.
    until : str or float, optional
        End of the simulation, for criteria on whole time courses. Output times are those of `imo.simulate`.
    **options
        As for `imo.simulate`: start, method, rtol, threads, ...

    Returns
    -------
    Plausibility
        `.kept` are the plausible patients; printing it shows the exclusions by each criterion.

    Raises
    ------
    PopulationError
        With all problems: unknown outputs, arms without a regimen, units with another dimension.

    Examples
    --------
    >>> import immunoode as imo
    >>> from immunoode.virtual_population import LogNormal, PlausibilityCriterion, check_plausibility
    >>> patients = imo.sample_patients("ribba2022", {"growth_rate": LogNormal(0.0016, 1.0)}, 100, seed=1)
    >>> slow = PlausibilityCriterion("sum_of_diameters", upper="150 mm", at="1 year")
    >>> print(check_plausibility("ribba2022", patients, slow))
    Plausibility of 100 patients: 75 kept (75.0%), 25 excluded
                                                   below  above  failed  only  first
    simulated to the end                               0      0       0     0      0
    sum_of_diameters at day 365.25 at most 150 mm      0     25      25    25     25
    """
    if not hasattr(patients, "columns") or not len(patients):
        what = "have no rows" if hasattr(patients, "columns") else f"are {type(patients).__name__}"
        raise PopulationError(Problem("patients", what, "a DataFrame with one row per patient"))
    simulation = plausibility_simulation(model, criteria, regimen, until, options)
    return Plausibility(patients, simulation.criteria, simulation.values(patients))
