"""The outcomes of a block of virtual patients under each arm: drawn, simulated, observed at visits and evaluated."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.blocks.block import Block
from immunoode.blocks.storage import SUBJECT
from immunoode.errors import DataError, OutOfBoundsWarning, Problem
from immunoode.model.model import Model
from immunoode.solve.options import SolverOptions
from immunoode.solve.simulate import simulate
from immunoode.trial.response.rules import IrecistRules, RecistRules
from immunoode.trial.survival.progression_free_survival import PfsRules
from immunoode.virtual_population.sampling import Distributions, sample_patients
from immunoode.virtual_trial.hazard import as_hazards
from immunoode.virtual_trial.observation import Observation
from immunoode.virtual_trial.random_draws import RandomDraws

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

FloatArray = NDArray[np.float64]
ARM, STATUS = "arm", "status"
FINE = 7.0
"""Days between output times if the tumour size matters between visits."""


@dataclass(frozen=True)
class Evaluation:
    """The arguments of `evaluate_outcomes`."""

    rules: RecistRules | IrecistRules | None = None
    pfs_rules: PfsRules | None = None
    confirmed: bool = False


@dataclass(frozen=True)
class PatientBlock:
    """The simulation and evaluation of a block of virtual patients.

    Attributes
    ----------
    model : Model
    arms : mapping of arm to regimen
    distributions : PopulationDistribution, str, or mapping of str to Marginal, or None
        The distributions from which patients are drawn; None if the patients are sent with the block.
    seed : int
        Seed of the patients and of their observations.
    observation : Observation
    evaluation : Evaluation
    solver : SolverOptions
    start : float
        The day on which the simulation starts, not after day 0.
    """

    model: Model
    arms: Mapping[str, Any]
    distributions: Distributions | None
    seed: int
    observation: Observation
    evaluation: Evaluation
    solver: SolverOptions
    start: float = 0.0

    def __call__(self, block: Block, own: pd.DataFrame | None) -> xr.Dataset:
        """Return parameters over patients, and outcomes over patients and arms."""
        patients = self._drawn(block) if own is None else own
        return self.dataset(patients, {arm: self._outcomes(patients, regimen) for arm, regimen in self.arms.items()})

    def dataset(self, patients: pd.DataFrame, found: Mapping[str, pd.DataFrame]) -> xr.Dataset:
        """Return parameters and outcomes of each arm as arrays.

        Raises
        ------
        DataError
            If a parameter has the name of an outcome.
        """
        import pandas as pd
        import xarray as xr

        names = list(next(iter(found.values())).columns)
        twice = sorted({SUBJECT, ARM, *names} & set(patients))
        if twice:
            right = "another name of this parameter in the model"
            raise DataError([Problem(f"parameter {name!r}", "has the name of a column of outcomes", right) for name in twice])
        parameters = {str(name): (SUBJECT, patients[name].to_numpy(float)) for name in patients}
        outcomes = {n: ((SUBJECT, ARM), np.stack([t[n].to_numpy() for t in found.values()], axis=1)) for n in names}
        coords = {SUBJECT: patients.index.to_numpy(), ARM: pd.Index(list(found), dtype=object)}
        return xr.Dataset({**parameters, **outcomes}, coords=coords)

    def _drawn(self, block: Block) -> pd.DataFrame:
        assert self.distributions is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OutOfBoundsWarning)  # the bounds were checked for the first patients
            return sample_patients(self.model, self.distributions, block.last - block.first, self.seed, first=block.first)

    def _outcomes(self, patients: pd.DataFrame, regimen: Any) -> pd.DataFrame:
        """Return the outcomes of patients under a regimen with their status; a patient who could not be solved has none."""
        times = report_times(self.observation)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a failure is a row of the result
            warnings.simplefilter("ignore", OutOfBoundsWarning)
            run = simulate(
                self.model,
                regimen,
                times=times,
                start=self.start,
                parameters=patients,
                outputs=self.observation.outputs,
                solver=self.solver,
                progress=False,
            )
        values = {name: np.nan_to_num(run.values[:, :, k]) for k, name in enumerate(run.names)}
        courses = self.observation.observe(RandomDraws(self.seed, patients.index.to_numpy()), times, values)
        how = self.evaluation
        table = courses.outcomes(how.rules, pfs_rules=how.pfs_rules, confirmed=how.confirmed, index=patients.index)
        failed = np.array([not s.ok for s in run.status])
        return without(table, failed).assign(**{STATUS: np.array([s.message for s in run.status], dtype=object)})


def report_times(observation: Observation) -> FloatArray:
    """Return the output times: the days of visits, and every week if visits are shifted or hazards need them."""
    days = observation.visits.days()
    hazards = [h for name in ("new_lesions", "death", "dropout") for h in as_hazards(getattr(observation, name), name)]
    if not observation.visits.jitter and not any(hazard.exponent for hazard in hazards):
        return days
    return np.union1d(days, np.arange(0.0, days[-1], FINE))


def without(table: pd.DataFrame, failed: NDArray[np.bool_]) -> pd.DataFrame:
    """Return a table of outcomes in which those of some patients are missing: NaN, no event, and empty words."""
    missing = {"f": np.nan, "b": False, "O": ""}
    if failed.any():
        table = table.assign(**{name: table[name].mask(failed, missing[table[name].dtype.kind]) for name in table})
    return table
