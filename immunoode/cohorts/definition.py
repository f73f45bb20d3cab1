"""The definition of a cohort: the contents of its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from immunoode.cohorts.arm_patients import ArmParameter
from immunoode.cohorts.model_names import combination_of
from immunoode.cohorts.published import PublishedStatistic
from immunoode.model.model import Model
from immunoode.regimen.regimen import Regimen
from immunoode.virtual_population.criteria import PlausibilityCriterion
from immunoode.virtual_population.population_distribution import PopulationDistribution
from immunoode.virtual_trial.observation import Observation


@dataclass(frozen=True)
class HowObserved:
    """The observation of the patients of an arm, and whether responses count only if confirmed."""

    observation: Observation = field(default_factory=Observation)
    confirmed: bool = False


@dataclass(frozen=True)
class CohortArm:
    """An arm: the treatment and observation of its patients.

    Attributes
    ----------
    name, title : str
    models : tuple of str
        Therapies that are added to the models of the cohort.
    regimen : Regimen or None
        The treatment; its day 0 is that of the trial.
    start : float
        The day on which the simulation starts, not after day 0.
    how : HowObserved
    patients : mapping of str to ArmParameter
        The parameters and covariates in which the patients of this arm differ from those of the cohort.
    source : str
        Of the treatment and of the visits.
    """

    name: str
    title: str = ""
    models: tuple[str, ...] = ()
    regimen: Regimen | None = None
    start: float = 0.0
    how: HowObserved = field(default_factory=HowObserved)
    patients: Mapping[str, ArmParameter] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True)
class CohortDefinition:
    """The contents of a cohort file.

    Attributes
    ----------
    name, title, description : str
    references : tuple of str
    models : tuple of str
    size : int
        The number of patients to draw.
    seed : int
    prior : PopulationDistribution
    plausibility : tuple of PlausibilityCriterion
    how : HowObserved
    arms : mapping of str to CohortArm
    subpopulations : mapping of str to mapping of str to ArmParameter
        Patients of trials, by name: the parameters and covariates in which they differ from those of the cohort.
    targets, held_out : tuple of PublishedStatistic
    """

    name: str
    title: str
    description: str
    references: tuple[str, ...]
    models: tuple[str, ...]
    size: int
    seed: int
    prior: PopulationDistribution
    plausibility: tuple[PlausibilityCriterion, ...]
    how: HowObserved
    arms: Mapping[str, CohortArm]
    targets: tuple[PublishedStatistic, ...]
    held_out: tuple[PublishedStatistic, ...]
    subpopulations: Mapping[str, Mapping[str, ArmParameter]] = field(default_factory=dict)

    @cached_property
    def model(self) -> Model:
        """The combination of the models, without therapies."""
        return combination_of(self.models)

    @cached_property
    def whole_model(self) -> Model:
        """The combination with the therapies of all arms, which has all parameters."""
        return combination_of([*self.models, *self.therapies])

    @property
    def calibration_model(self) -> Model:
        """The combination with the therapies of the arms on which the weights depend."""
        arms = (self.arms[name] for name in self.calibration_arms)
        return self.model_with(tuple(dict.fromkeys(text for arm in arms for text in arm.models)))

    @property
    def calibration_arms(self) -> tuple[str, ...]:
        """The arms of targets and plausibility criteria, on which the weights depend."""
        used = {*self.arms_of(self.targets), *(one.arm for one in self.plausibility)}
        return tuple(name for name in self.arms if name in used)

    @property
    def therapies(self) -> tuple[str, ...]:
        """The models of all arms."""
        return tuple(dict.fromkeys(text for arm in self.arms.values() for text in arm.models))

    def model_with(self, models: tuple[str, ...]) -> Model:
        """Return the combination with therapies."""
        return combination_of([*self.models, *models]) if models else self.model

    def arms_of(self, statistics: tuple[PublishedStatistic, ...]) -> tuple[str, ...]:
        """Return the arms of statistics, including the single-drug arms of combinations."""
        return tuple(dict.fromkeys(arm for one in statistics for arm in one.needed_arms))


@dataclass(frozen=True)
class CohortFile:
    """A definition with the file from which it was read.

    Attributes
    ----------
    definition : CohortDefinition
    path : Path
    text : str
        The file without its table [calibration].
    key : str
        A hash of everything that weights depend on.
    """

    definition: CohortDefinition
    path: Path
    text: str
    key: str
