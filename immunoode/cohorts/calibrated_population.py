"""CalibratedPopulation: patients of a cohort file with their weights."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.cohorts.arm_choice import chosen_arms, observed
from immunoode.cohorts.arm_simulation import Computing, own_parameters, simulate_arms, solved_patients
from immunoode.cohorts.definition import CohortArm, CohortDefinition, CohortFile
from immunoode.cohorts.published import PublishedStatistic
from immunoode.cohorts.trial_comparison import HELD_OUT, TARGET, TrialComparison, compared
from immunoode.cohorts.weights_file import CalibrationRecord, write_weights
from immunoode.errors import DataError, Problem
from immunoode.model.model import Model
from immunoode.notebook import shown, without_mathematics
from immunoode.regimen.regimen import Regimen
from immunoode.solve.options import SolverOptions
from immunoode.virtual_population.calibration.calibrate import calibrate
from immunoode.virtual_population.cohort import Cohort
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.plausibility import Plausibility
from immunoode.virtual_trial.observation import Observation
from immunoode.virtual_trial.patient_simulation import BLOCK

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
CHANGED = 0.01
"""Distance between weights (in total variation) from which a warning says that the models have changed."""


@dataclass(frozen=True, eq=False)
@shown
class CalibratedPopulation:
    """A calibrated cohort: virtual patients with weights, and their treatment and observation in trials.

    Returned by `imo.load_population` and `imo.cohorts.calibrate_population`.

    Attributes
    ----------
    file : CohortFile
        The contents of the cohort's file.
    parameters : DataFrame
        One row per plausible patient, indexed by the number by which it was drawn; covariates and parameters in the units of
        the models.
    weights : ndarray, shape (patients,)
        They add up to 1.
    record : CalibrationRecord
        The record of the calibration.
    calibrated : Cohort or None
        The patients with their outcomes in the arms of the targets, if the cohort was calibrated in this session.
    plausibility : tuple of Plausibility
        The exclusions by the criteria, in the same case.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.list_populations().columns[:3].tolist()
    ['title', 'species', 'therapies']
    """

    file: CohortFile
    parameters: pd.DataFrame
    weights: FloatArray
    record: CalibrationRecord
    calibrated: Cohort | None = field(default=None, repr=False)
    plausibility: tuple[Plausibility, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def definition(self) -> CohortDefinition:
        """The contents of the cohort's file."""
        return self.file.definition

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.definition.name

    @property
    def title(self) -> str:
        """The title."""
        return self.definition.title or self.name

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models, without therapies."""
        return self.definition.models

    @property
    def model(self) -> Model:
        """The combination of the models, without therapies."""
        return self.definition.model

    @property
    def observation(self) -> Observation:
        """The observation of patients, unless an arm states otherwise."""
        return self.definition.how.observation

    @property
    def arms(self) -> Mapping[str, CohortArm]:
        """The arms of the file by name."""
        return self.definition.arms

    @property
    def targets(self) -> tuple[PublishedStatistic, ...]:
        """The statistics to which the weights were calibrated."""
        return self.definition.targets

    @property
    def held_out(self) -> tuple[PublishedStatistic, ...]:
        """The statistics that were not used in calibration."""
        return self.definition.held_out

    @cached_property
    def cohort(self) -> Cohort:
        """The patients with their weights, without outcomes."""
        return Cohort(VirtualPatients(self.parameters), self.weights)

    @property
    def effective_sample_size(self) -> float:
        """The number of equally weighted patients with the same sampling variance, 1 / sum(w^2) (Kish)."""
        return self.cohort.effective_sample_size

    def model_with(self, *models: str) -> Model:
        """Return the combination with therapies.

        Parameters
        ----------
        *models : str
            "pd1_inhibitor:nivolumab", or an arm of the file.
        """
        texts = [text for one in models for text in (self.arms[one].models if one in self.arms else (one,))]
        return self.definition.model_with(tuple(texts))

    def simulate(
        self,
        arms: str | Sequence[str] | Mapping[str, Regimen | str | None] | None = None,
        *,
        models: str | Sequence[str] = (),
        start: str | float = 0.0,
        patients: str | Mapping[str, Any] | None = None,
        observation: Observation | None = None,
        confirmed: bool | None = None,
        bands: bool = False,
        solver: SolverOptions | None = None,
        block: int = BLOCK,
        workers: int | None = None,
        client: Any = None,
        progress: bool | None = None,
    ) -> Cohort:
        """Simulate arms, and return the patients with their outcomes and weights.

        Parameters
        ----------
        arms : str, sequence of str, or mapping of str to Regimen, str or None
            Names of arms of the file (by default all), or regimens of new arms: a regimen, the name of one in the library, or
            None for no treatment. The models of the therapies follow from the doses.
        models : str or sequence of str
            Further models of new arms: "pd1_inhibitor:nivolumab".
        start : str or float
            For new arms, the start of the simulation, if before day 0.
        patients : str or mapping, optional
            For new arms, a subpopulation of the file (`.definition.subpopulations`), or the parameters and covariates in which
            their patients differ from those of the cohort: a number, a distribution as a table of a cohort file, or a factor,
            for example
            `{"previously_treated": 1, "pdl1_score": {"distribution": "uniform", "lower": 0.5, "upper": 1}}`.
        observation, confirmed
            Used instead of those in the file.
        bands : bool
            Whether to simulate the arms of the targets as well, so that the bands of the cohort are known.
        solver, block, workers, client, progress
            As for `imo.virtual_trial.simulate_patients`.

        Returns
        -------
        Cohort
            Patients who could not be solved are left out, with a warning.

        Raises
        ------
        DataError, PopulationError, ModelError, RegimenError, SolveError
        """
        how = Computing(solver, block, workers, client, progress)
        given = {} if patients is None else patients
        chosen = [observed(arm, observation, confirmed) for arm in chosen_arms(self.definition, arms, models, start, given)]
        if not bands:
            outcomes = simulate_arms(self.definition, self.parameters, chosen, how)
            return self._weighted(solved_patients(self.parameters, outcomes))
        of_targets = self.definition.arms_of(self.targets)
        twice = sorted({arm.name for arm in chosen if self.arms.get(arm.name) != arm} & set(of_targets))
        if twice:
            right = "another name, or the arm as defined in the file"
            raise DataError(
                [Problem(f"arm {name!r}", "differs from the arm of the same name in the targets", right) for name in twice]
            )
        return self._with_bands(chosen, how)

    def _weighted(self, patients: VirtualPatients) -> Cohort:
        rows = self.parameters.index.get_indexer(patients.parameters.index)
        return Cohort(patients, self.weights[rows])

    def _with_bands(self, arms: Iterable[CohortArm], how: Computing) -> Cohort:
        """Return the cohort with the outcomes of the requested arms and of those of the targets, and with the calibration
        for its bands.
        """
        known = {} if self.calibrated is None else self.calibrated.patients.outcomes
        wanted = {name: self.arms[name] for name in self.definition.arms_of(self.targets)} | {arm.name: arm for arm in arms}
        missing = [arm for name, arm in wanted.items() if name not in known]
        parameters = self.parameters if self.calibrated is None else self.calibrated.patients.parameters
        outcomes = {**known, **simulate_arms(self.definition, parameters, missing, how)}
        patients = solved_patients(parameters, {name: outcomes[name] for name in wanted})
        stored = self._weighted(patients)
        again = calibrate(patients, [one.target for one in self.targets])
        if np.abs(again.weights - stored.weights).sum() / 2 > CHANGED:
            text = (
                f"the targets of {self.name} now give other weights than those in the file, because models or "
                f"solver have changed"
            )
            warnings.warn(text, UserWarning, stacklevel=3)
        return Cohort(patients, stored.weights, again.calibration)

    def compare_with_trials(self, *, progress: bool | None = None, workers: int | None = None) -> TrialComparison:
        """Compare the cohort with its targets and with held-out statistics.

        The arms are simulated. If a held-out statistic is that of a combination whose single drugs are arms, the table also
        has the prediction of independent drug action, in which each patient has the better of the outcomes under the single
        drugs.

        Parameters
        ----------
        progress, workers
            As for `simulate`.

        Returns
        -------
        TrialComparison
        """
        names = self.definition.arms_of((*self.targets, *self.held_out))
        how = Computing(progress=progress, workers=workers)
        cohort = self._with_bands([self.arms[name] for name in names], how)
        return compared(cohort, {TARGET: self.targets, HELD_OUT: self.held_out}, self.title)

    def sample(self, n: int, seed: int = 0, *, model: Model | None = None) -> pd.DataFrame:
        """Draw patients with equal weights, with replacement and with the weights as probabilities; their numbers start from 0.

        Parameters
        ----------
        n : int
        seed : int
        model : Model, optional
            Return only the parameters that this model has, so that it can be simulated; see `model_with`.

        Returns
        -------
        DataFrame
            One row per patient.
        """
        drawn = self.cohort.sample(n, seed).parameters
        return drawn if model is None else own_parameters(drawn, model)

    def save(self, path: str | Path | None = None, *, overwrite: bool = True) -> Path:
        """Write the cohort file with its table [calibration], and the weights next to it.

        Parameters
        ----------
        path : path, optional
            By default, the file from which the definition was read.
        overwrite : bool
            Replace existing files.

        Returns
        -------
        Path

        Raises
        ------
        FileError
            If a file cannot be written; either both are written or none.
        """
        weights = np.zeros(self.definition.size)
        weights[self.parameters.index] = np.maximum(self.weights, np.finfo(float).tiny)
        target = self.file.path if path is None else Path(path)
        return write_weights(self.file, target, weights, self.record, overwrite)

    def to_frame(self) -> pd.DataFrame:
        """Return parameters and weights in one table."""
        return self.parameters.assign(weight=self.weights)

    def plot(self, **options: Any) -> Any:
        """Draw the parameters of the cohort before and after calibration; see `imo.plot.cohort_parameters`."""
        from immunoode.plot import cohort as figures

        return figures.cohort_parameters(self.cohort, **options)

    def report(self) -> str:
        """Return a description of the cohort and of its calibration."""
        made, record = self.definition, self.record
        lines = [
            str(self),
            made.description.strip(),
            f"Models: {', '.join(made.models)}",
            f"{made.size} patients drawn (seed {made.seed}), {record.plausible} plausible, {record.solved} solved in all arms",
            f"Largest misfit of a target: {record.largest_misfit:.1f} standard errors",
            "Arms: " + ", ".join(made.arms),
            *(f"Target: {one.label} ({one.target.trial or 'no trial named'}; {one.source})" for one in made.targets),
            *(f"Held out: {one.label} ({one.target.trial or 'no trial named'}; {one.source})" for one in made.held_out),
            *(one.report() for one in self.plausibility),
        ]
        return "\n".join(filter(None, lines))

    def __str__(self) -> str:
        return (
            f"{self.title}: {len(self)} virtual patients, effective sample size {self.effective_sample_size:.0f}, "
            f"{len(self.targets)} targets, {len(self.held_out)} statistics held out"
        )

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        return f"<p><b>{escape(str(self))}</b></p>" + str(self.to_frame().describe().T.to_html(float_format="{:.3g}".format))
