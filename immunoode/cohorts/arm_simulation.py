"""Simulation of the arms of a cohort, each with the models of its therapies and their parameters."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.cohorts.arm_patients import with_arm_parameters
from immunoode.cohorts.definition import CohortArm, CohortDefinition
from immunoode.errors import Problem, SolveError
from immunoode.model.closed_model import resolve
from immunoode.model.model import Model
from immunoode.solve.options import SolverOptions
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_trial.patient_block import STATUS
from immunoode.virtual_trial.patient_simulation import BLOCK, simulate_patients

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Computing:
    """Settings of the computation: the options of `simulate_patients` that do not change results, and those of the solver."""

    solver: SolverOptions | None = None
    block: int = BLOCK
    workers: int | None = None
    client: Any = None
    progress: bool | None = None


def own_parameters(parameters: pd.DataFrame, model: Model) -> pd.DataFrame:
    """Return the columns that are parameters of a model, without those of other therapies."""
    constants = resolve(model).constants
    return parameters[[name for name in parameters.columns if name in constants]]


def parameters_of_arm(parameters: pd.DataFrame, arm: CohortArm, model: Model, seed: int) -> pd.DataFrame:
    """Return the parameters of patients in an arm: the columns that its model has, with what differs in this arm.

    Parameters
    ----------
    parameters : DataFrame
        Patients of the cohort, one row each.
    arm : CohortArm
    model : Model
        That of the arm.
    seed : int
        That of the cohort.
    """
    return with_arm_parameters(own_parameters(parameters, model), arm.patients, model, seed)


def simulate_arms(
    definition: CohortDefinition, parameters: pd.DataFrame, arms: Iterable[CohortArm], how: Computing
) -> dict[str, pd.DataFrame]:
    """Return the outcomes of patients in each arm; a patient who could not be solved has none."""
    return {arm.name: _outcomes(definition, parameters, arm, how) for arm in arms}


def _outcomes(definition: CohortDefinition, parameters: pd.DataFrame, arm: CohortArm, how: Computing) -> pd.DataFrame:
    model = definition.model_with(arm.models)
    found = simulate_patients(
        model,
        parameters_of_arm(parameters, arm, model, definition.seed),
        {arm.name: arm.regimen},
        seed=definition.seed,
        observation=arm.how.observation,
        confirmed=arm.how.confirmed,
        start=arm.start,
        solver=how.solver,
        block=how.block,
        workers=how.workers,
        client=how.client,
        progress=how.progress,
    )
    return with_response_times(found.outcomes[arm.name])


def with_response_times(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return outcomes with the endpoints of responders: duration of response (DOR) and time to response (TTR)."""
    return outcomes.assign(
        dor_time=outcomes["duration_of_response"].fillna(0.0),
        dor_event=outcomes["duration_event"].astype(bool),
        ttr_time=outcomes["time_to_response"],
        ttr_event=outcomes["time_to_response"].notna(),
    )


def solved(outcomes: Mapping[str, pd.DataFrame], count: int) -> NDArray[np.bool_]:
    """Return which patients were solved in all arms, shape (patients,)."""
    found = np.ones(count, bool)
    for table in outcomes.values():
        found &= ~_unsolved(table)
    return found


def _unsolved(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which patients have no response, not even one that is not evaluable."""
    return np.asarray(table["best_response"].isin(["", None]), bool)


def solved_patients(parameters: pd.DataFrame, outcomes: Mapping[str, pd.DataFrame]) -> VirtualPatients:
    """Return the patients who were solved in all arms, with a warning about the others.

    Raises
    ------
    SolveError
        If no patient was solved.
    """
    good = solved(outcomes, len(parameters))
    if not good.all():
        failed = (table.loc[_unsolved(table), STATUS] for table in outcomes.values())
        reasons = sorted({str(status) for column in failed for status in column})
        if not good.any():
            right = "parameters and doses with which the model has a solution"
            raise SolveError(Problem("patients", f"none of {len(good)} could be solved in all arms: {reasons[0]:.200}", right))
        text = (
            f"{int((~good).sum())} of {len(good)} patients could not be solved in all arms and are left out: {reasons[0]:.200}"
        )
        warnings.warn(text, RuntimeWarning, stacklevel=3)
    return VirtualPatients(parameters[good], {arm: table[good] for arm, table in outcomes.items()})
