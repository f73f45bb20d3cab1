"""The virtual patients of an explorer: a table of parameters, its description, and the code that reproduces it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.cohorts.calibrated_population import CalibratedPopulation
from immunoode.cohorts.library import cohort_names, load_population
from immunoode.errors import PopulationError, Problem
from immunoode.explorer.sliders import Slider
from immunoode.model.closed_model import ClosedModel
from immunoode.virtual_population.cohort import Cohort
from immunoode.virtual_population.latent_normals import LogNormal
from immunoode.virtual_population.library import distribution_names
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.population_distribution import PopulationDistribution
from immunoode.virtual_population.sampling import sample_patients

if TYPE_CHECKING:
    import pandas as pd

NUMBER = 200
SPREAD = 0.3
"""Standard deviation of the logarithm of a parameter, if no distribution is given."""


@dataclass(frozen=True)
class ExplorerPatients:
    """Virtual patients with equal weights.

    Attributes
    ----------
    parameters : DataFrame
        One row per patient.
    description : str
        Who they are, as a sentence.
    code : str
        An expression of Python that makes the table again; "" for a table that was given.
    """

    parameters: pd.DataFrame
    description: str
    code: str

    def __len__(self) -> int:
        return len(self.parameters)


def explorer_patients(
    given: Any, model: ClosedModel, sliders: Sequence[Slider], number: int, seed: int
) -> ExplorerPatients | None:
    """Return the virtual patients that an argument stands for.

    Parameters
    ----------
    given : int, DataFrame, VirtualPatients, Cohort, CalibratedPopulation, PopulationDistribution, mapping, str or None
        See `immunoode.explore`.
    model : ClosedModel
    sliders : sequence of Slider
        The parameters that vary, if no distribution is given.
    number : int
        Patients who are drawn.
    seed : int

    Raises
    ------
    PopulationError
    """
    if given is None:
        return None
    if isinstance(given, (bool, np.bool_)):
        raise PopulationError(Problem("patients", f"are {given}", "a number of patients, a table, a cohort, or None"))
    if isinstance(given, (int, np.integer)):
        return _spread(model, sliders, int(given), seed)
    if isinstance(given, str) and given in cohort_names():
        return _resampled(load_population(given).cohort, number, seed, f"imo.load_population({given!r}).cohort", given, model)
    if isinstance(given, CalibratedPopulation):
        shipped = given.name in cohort_names()
        code = f"imo.load_population({given.name!r}).cohort" if shipped else ""
        return _resampled(given.cohort, number, seed, code, given.title, model)
    if isinstance(given, Cohort):
        return _resampled(given, number, seed, "", "the cohort", model)
    if isinstance(given, VirtualPatients):
        return _table(given.parameters, model)
    if hasattr(given, "columns"):
        return _table(given, model)
    return _drawn(given, model, number, seed)


def _check_number(number: int) -> None:
    if not 2 <= number <= 100_000:
        raise PopulationError(Problem("patients", f"are {number}", "a number from 2 to 100000, or None for no cohort"))


def _spread(model: ClosedModel, sliders: Sequence[Slider], number: int, seed: int) -> ExplorerPatients:
    """Return patients in whom the parameters of the sliders vary about where the sliders stand at first."""
    _check_number(number)
    varied = [s for s in sliders if s.value > 0 and s.stated]
    if not varied:
        raise PopulationError(
            Problem(
                "patients", "cannot be drawn: no slider has a positive value and bounds", "a distribution, or patients=None"
            )
        )
    population = PopulationDistribution({s.name: LogNormal(s.value, SPREAD) for s in varied}).truncated_to(model.model)
    stated = ", ".join(f"{s.name!r}: LogNormal({s.value!r}, sd={SPREAD})" for s in varied)
    code = f"imo.sample_patients(model, PopulationDistribution({{{stated}}}).truncated_to(model), {number}, seed={seed})"
    words = (
        f"{number} virtual patients for illustration, not calibrated to any trial: log-normal parameters of the sliders, "
        f"with a standard deviation of the logarithm of {SPREAD:g}"
    )
    return ExplorerPatients(sample_patients(model.model, population, number, seed), words, code)


def _resampled(cohort: Cohort, number: int, seed: int, code: str, title: str, model: ClosedModel) -> ExplorerPatients:
    """Return patients drawn by their weights; columns that are not parameters of the model (a trial's strata) are left out."""
    _check_number(number)
    drawn = cohort.resample(number, seed).parameters
    other = [str(name) for name in drawn.columns if name not in model.constants]
    kept = drawn.drop(columns=other) if len(other) <= len(drawn.columns) / 2 else drawn
    dropped = f".drop(columns={other!r})" if other else ".copy()"
    made = f"{code}.resample({number}, seed={seed}).parameters{dropped}" if code else ""
    words = f"{number} virtual patients, drawn by their weights from the {len(cohort)} of {title}"
    words += f", without {', '.join(other)}, which the model does not have" if other else ""
    return ExplorerPatients(_known(kept, model), words, made)


def _table(table: pd.DataFrame, model: ClosedModel) -> ExplorerPatients:
    return ExplorerPatients(_known(table, model), f"{len(table)} virtual patients of the table that was given", "")


def _drawn(given: Any, model: ClosedModel, number: int, seed: int) -> ExplorerPatients:
    _check_number(number)
    if not isinstance(given, (PopulationDistribution, str, Mapping)):
        right = "a number, a table, a cohort, a distribution or the name of a shipped one, or None"
        raise PopulationError(Problem("patients", f"are {type(given).__name__}", right))
    if isinstance(given, str) and given not in distribution_names():
        known = ", ".join([*distribution_names(), *cohort_names()])
        raise PopulationError(Problem("patients", f"{given!r} is no shipped distribution or cohort", f"known: {known}"))
    code = f"imo.sample_patients(model, {given!r}, {number}, seed={seed})" if isinstance(given, str) else ""
    of = f"the distribution {given!r}" if isinstance(given, str) else "the distribution that was given"
    return ExplorerPatients(
        sample_patients(model.model, given, number, seed), f"{number} virtual patients, drawn from {of}", code
    )


def _known(table: pd.DataFrame, model: ClosedModel) -> pd.DataFrame:
    """Return the table; all of its columns must be parameters of the model."""
    unknown = [str(name) for name in table.columns if name not in model.constants]
    if unknown:
        shown = ", ".join(unknown[:5]) + (", ..." if len(unknown) > 5 else "")
        right = "columns that are parameters of the model; population.model_with(...) is the model of a calibrated cohort"
        raise PopulationError(Problem("patients", f"have {len(unknown)} columns that the model lacks: {shown}", right))
    if not len(table):
        raise PopulationError(Problem("patients", "have no rows", "one row per patient"))
    return table


def moved(values: NDArray[np.float64], slider: Slider, to: float) -> NDArray[np.float64]:
    """Return the patients' values of a parameter after its slider was moved.

    All of them change by the same factor, within the range of the slider (by the same amount, if the slider stood at 0).

    Examples
    --------
    >>> slider = Slider("growth_rate", "", "1/day", "", value=0.01, low=0.001, high=0.1, stated=True, logarithmic=True)
    >>> moved(np.array([0.005, 0.08]), slider, 0.02).tolist()
    [0.01, 0.1]
    """
    if to == slider.value:
        return values
    changed = values * (to / slider.value) if slider.value else values + to
    return changed.clip(min(slider.low, to), max(slider.high, to))


def moved_code(slider: Slider, to: float, name: str) -> str:
    """Return the code of `moved` for a column of the table `patients`."""
    column = f"patients[{name!r}]"
    change = f"{column} * ({to!r} / {slider.value!r})" if slider.value else f"{column} + {to!r}"
    return f"{column} = ({change}).clip({min(slider.low, to)!r}, {max(slider.high, to)!r})"
