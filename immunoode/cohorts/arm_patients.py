"""The patients of an arm where they differ from those of the cohort: other distributions, or values times a factor."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, PopulationError, Problem
from immunoode.model.closed_model import ClosedModel, resolve
from immunoode.model.file_problems import FileProblems
from immunoode.number_checks import is_number
from immunoode.virtual_population.model_bounds import unit_factors
from immunoode.virtual_population.parameter_distribution import ParameterDistribution
from immunoode.virtual_population.population_file import PopulationReader
from immunoode.virtual_population.sampling import sample_patients

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.model.model import Model

FACTOR = "factor"
IN_CALL = "simulate(patients=...)"
OWN_DRAW = 1
"""The repetition whose random numbers are used, so that values do not depend on those that the cohort drew."""


@dataclass(frozen=True)
class ArmParameter:
    """A parameter or covariate of the patients of an arm: it has another distribution, or is multiplied by a factor.

    Attributes
    ----------
    source : str
        As for a parameter in a model file.
    distribution : ParameterDistribution, optional
        Replaces the values of the cohort. The patients' values are drawn independently of everything else that is drawn, and
        are the same in all arms that state this distribution.
    factor : float
        Multiplies the values of the cohort, or the model's value if the cohort does not draw the parameter.
    """

    source: str
    distribution: ParameterDistribution | None = None
    factor: float = 1.0


def arm_parameters(given: Any, place: str, problems: FileProblems) -> dict[str, ArmParameter]:
    """Return the parameters by name from the table of an arm; problems are collected.

    Parameters
    ----------
    given : Any
        `{ previously_treated = { distribution = "fixed", value = 1, source = "..." }, kill_rate = { factor = 0.5, ... } }`.
    place : str
    problems : FileProblems
    """
    if not isinstance(given, Mapping):
        problems.add(place, f"is {given!r:.60}", "a table with one line per parameter")
        return {}
    found = {str(name): _entry(row, f"{place}.{name}", problems) for name, row in given.items()}
    return {name: entry for name, entry in found.items() if entry is not None}


def stated_in_call(given: Any) -> dict[str, ArmParameter]:
    """Return the parameters that a caller states: as in a file, where the source may be missing, or a number.

    Parameters
    ----------
    given : mapping of str to float or mapping

    Returns
    -------
    dict of str to ArmParameter

    Raises
    ------
    DataError
        With all problems.

    Examples
    --------
    >>> stated_in_call({"pdl1_score": 0.5, "kill_rate": {"factor": 0.8}})["kill_rate"].factor
    0.8
    """
    problems = FileProblems(IN_CALL)
    if not isinstance(given, Mapping):
        right = 'a mapping of names to values: {"previously_treated": 1}'
        raise DataError(Problem(IN_CALL, f"is {given!r:.60}", right))
    rows = {name: row if not is_number(row) else {"distribution": "fixed", "value": float(row)} for name, row in given.items()}
    sourced = {
        name: {"source": "estimate: stated in the call", **row} if isinstance(row, Mapping) else row
        for name, row in rows.items()
    }
    found = arm_parameters(sourced, "patients", problems)
    DataError.raise_if(problems.found)
    return found


def _entry(row: Any, place: str, problems: FileProblems) -> ArmParameter | None:
    if isinstance(row, Mapping) and FACTOR in row:
        return _scaled(row, place, problems)
    reader = PopulationReader(problems.where, problems.bib)
    entry = reader.entry(dict(row) if isinstance(row, Mapping) else row, place)
    problems.found += reader.problems.found
    return None if entry is None else ArmParameter(entry.source, entry)


def _scaled(row: Mapping[str, Any], place: str, problems: FileProblems) -> ArmParameter | None:
    table = problems.table(row, place, (FACTOR, "source", "title")) or {}
    source, factor = problems.source(table, place), table.get(FACTOR)
    if not is_number(factor) or not 0 <= factor < math.inf:
        problems.add(
            f"{place}.{FACTOR}", f"is {factor!r:.60}", "a finite number that is not negative, or a distribution instead"
        )
        return None
    return ArmParameter(source, factor=float(factor))


def parameter_problems(entries: Mapping[str, ArmParameter], model: ClosedModel) -> Iterator[Problem]:
    """Yield the problems of parameters that a model does not have, or whose units have another dimension.

    Parameters
    ----------
    entries : mapping of str to ArmParameter
    model : ClosedModel
        That of the arm.
    """
    stated = {name: entry.distribution.unit if entry.distribution else "" for name, entry in entries.items()}
    try:
        unit_factors(stated, model)
    except PopulationError as error:
        yield from error.problems


def with_arm_parameters(parameters: pd.DataFrame, entries: Mapping[str, ArmParameter], model: Model, seed: int) -> pd.DataFrame:
    """Return the parameters of the patients of an arm, with the rows of those of the cohort.

    Parameters
    ----------
    parameters : DataFrame
        Patients of the cohort, one row each, indexed by the number by which they were drawn; in the units of the model.
    entries : mapping of str to ArmParameter
    model : Model
        The model of the arm.
    seed : int
        That of the cohort.

    Returns
    -------
    DataFrame
        With a column for each entry as well, in the units of the model.
    """
    columns, closed = dict[str, Any](), resolve(model)
    for name, entry in entries.items():
        if entry.distribution is None:
            columns[name] = entry.factor * (parameters[name] if name in parameters else closed.values[closed.column[name]])
        else:
            count = int(parameters.index.max()) + 1
            drawn = sample_patients(model, {name: entry.distribution}, count, seed, replicate=OWN_DRAW)
            columns[name] = drawn[name].loc[parameters.index]
    return parameters.assign(**columns)
