"""The arms that a call simulates: those of the cohort's file, or new ones from regimens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from immunoode import units
from immunoode.cohorts.arm_patients import ArmParameter, parameter_problems, stated_in_call
from immunoode.cohorts.definition import CohortArm, CohortDefinition, HowObserved
from immunoode.cohorts.model_names import models_for
from immunoode.errors import DataError, Problem, nearest
from immunoode.model.closed_model import resolve
from immunoode.regimen.library import load_regimen
from immunoode.regimen.regimen import Regimen
from immunoode.virtual_trial.observation import Observation

NEW_ARMS = "a mapping of the name of a new arm to its regimen"


@dataclass(frozen=True)
class OfNewArms:
    """What a call states for all of its new arms.

    Attributes
    ----------
    models : tuple of str
        Further models.
    start : float
        The day on which the simulation starts.
    patients : Any
        A subpopulation of the file, or the parameters in which patients differ from those of the cohort.
    """

    models: tuple[str, ...]
    start: float
    patients: Any

    def given(self) -> list[str]:
        """Return the names of the arguments that are stated."""
        empty = isinstance(self.patients, Mapping) and not self.patients
        return [name for name, value in (("models", self.models), ("start", self.start), ("patients", not empty)) if value]


def chosen_arms(
    definition: CohortDefinition, arms: Any, models: str | Sequence[str], start: str | float, patients: Any
) -> list[CohortArm]:
    """Return the arms of a call.

    Parameters
    ----------
    definition : CohortDefinition
    arms : str, sequence of str, mapping of str to Regimen, str or None, or None
        Names of arms of the file (None: all), or the regimens of new arms by name.
    models, start, patients
        For new arms, as for `CalibratedPopulation.simulate`.

    Raises
    ------
    DataError, PopulationError, ModelError, RegimenError
    """
    of_new = OfNewArms((models,) if isinstance(models, str) else tuple(models), units.days(start), patients)
    if isinstance(arms, Mapping):
        _check_names(arms)
        differing = _patients(definition, patients)
        return [_new_arm(definition, name, regimen, of_new, differing) for name, regimen in arms.items()]
    known = definition.arms
    names = list(known) if arms is None else [arms] if isinstance(arms, str) else list(arms)
    problems = [
        Problem("arms", f"{name!r} is not an arm of {definition.name}", nearest(str(name), known))
        for name in names
        if name not in known
    ]
    problems += [Problem(name, "can be stated for new arms only", NEW_ARMS) for name in of_new.given()]
    if not names:
        problems.append(Problem("arms", "are empty", NEW_ARMS))
    DataError.raise_if(problems)
    return [known[name] for name in names]


def _check_names(arms: Mapping[Any, Any]) -> None:
    """Raise an error if there are no arms, or some have no names."""
    problems = [
        Problem(f"arm {name!r:.60}", "has a name that is not text", NEW_ARMS) for name in arms if not isinstance(name, str)
    ]
    if not arms:
        problems.append(Problem("arms", "are empty", NEW_ARMS))
    DataError.raise_if(problems)


def _patients(definition: CohortDefinition, given: Any) -> Mapping[str, ArmParameter]:
    """Return the parameters of a subpopulation of the file, or of a table."""
    if not isinstance(given, str):
        return stated_in_call(given)
    if given not in definition.subpopulations:
        right = nearest(given, definition.subpopulations)
        raise DataError(Problem("patients", f"{given!r} is not a subpopulation of {definition.name}", right))
    return definition.subpopulations[given]


def _new_arm(
    definition: CohortDefinition, name: str, given: Any, stated: OfNewArms, patients: Mapping[str, ArmParameter]
) -> CohortArm:
    regimen = load_regimen(given) if isinstance(given, str) else given
    if regimen is not None and not isinstance(regimen, Regimen):
        raise DataError(Problem(f"arm {name!r}", f"is {type(regimen).__name__}", "a Regimen, the name of one, or None"))
    known = [*stated.models, *definition.therapies]
    needed = models_for(regimen.therapies, known) if regimen else []
    models = tuple(dict.fromkeys([*stated.models, *needed]))
    model = resolve(definition.model_with(models))
    DataError.raise_if(Problem(f"patients: {p.where}", p.what, p.right) for p in parameter_problems(patients, model))
    return CohortArm(name, "", models, regimen, stated.start, definition.how, patients)


def observed(arm: CohortArm, observation: Observation | None, confirmed: bool | None) -> CohortArm:
    """Return an arm with another observation, if one is stated."""
    if observation is None and confirmed is None:
        return arm
    own = arm.how
    how = HowObserved(observation or own.observation, own.confirmed if confirmed is None else confirmed)
    return replace(arm, how=how)
