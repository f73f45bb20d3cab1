"""`simulate_patients`: outcomes of virtual patients under each arm, in blocks, on one machine or many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode import units
from immunoode.blocks.block import Block
from immunoode.blocks.executor import block_size, executor_of
from immunoode.blocks.run import Population, Processing, in_memory, to_file
from immunoode.blocks.storage import SUBJECT, storage_of
from immunoode.blocks.work import Executor
from immunoode.errors import DataError, Problem, UnitError
from immunoode.model.closed_model import resolve
from immunoode.model.model import Model
from immunoode.number_checks import is_whole
from immunoode.solve.digest import digest
from immunoode.solve.options import SolverOptions
from immunoode.solve.simulate import as_model, parameter_values, warn_of_bounds
from immunoode.trial.response.rules import IrecistRules, RecistRules
from immunoode.trial.survival.progression_free_survival import PfsRules
from immunoode.version import version
from immunoode.virtual_population.model_bounds import parameter_units
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.sampling import Distributions, as_distribution, sample_patients
from immunoode.virtual_trial.observation import Observation
from immunoode.virtual_trial.patient_block import ARM, STATUS, Evaluation, PatientBlock
from immunoode.virtual_trial.patient_file import patients_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

BLOCK = 10_000
"""Patients per block."""


def simulate_patients(
    model: Model | str,
    patients: pd.DataFrame | Distributions,
    arms: Mapping[str, Any],
    *,
    n: int | None = None,
    seed: int = 0,
    observation: Observation | None = None,
    rules: RecistRules | IrecistRules | None = None,
    pfs_rules: PfsRules | None = None,
    confirmed: bool = False,
    start: str | float = 0.0,
    solver: SolverOptions | None = None,
    block: int = BLOCK,
    workers: int | None = None,
    client: Any = None,
    progress: bool | None = None,
) -> VirtualPatients:
    """Simulate virtual patients under each arm, and return their outcomes with the visits of a trial.

    Every patient is in every arm, with the same random numbers for visits, measurement and events. The result for a patient
    depends only on the seed and the patient number, not on blocks, workers, machines, or other patients.

    Parameters
    ----------
    model : Model or str
    patients : DataFrame, or distributions as for `sample_patients`
        One row of parameters per patient, with patient numbers as index; or the distributions from which each block draws its
        patients, so that the table of all patients is never needed.
    arms : mapping of str to Regimen, Schedule or None
    n : int, optional
        Number of patients to draw; not allowed with a table.
    seed : int
        Seed of the drawn patients and of their observations.
    observation : Observation, optional
        Visits, measurement, new lesions, death and dropout; by default visits every six weeks to week 48.
    rules, pfs_rules, confirmed
        As for `evaluate_outcomes`.
    start : str or float
        Start of the simulation, if before day 0, for treatment before the trial ("-8 weeks"). Visits, events and times of
        outcomes count from day 0, at which the sizes are the baseline.
    solver : SolverOptions, optional
    block : int
        The number of patients at a time, which limits the memory.
    workers : int, optional
        The number of local processes that compute blocks. By default, this process does so, in threads. In a script, put the
        call inside ``if __name__ == "__main__":``, because each process reads the script.
    client : dask.distributed.Client, optional
        A Dask cluster that computes blocks instead of local processes.
    progress : bool, optional
        Whether to show a progress bar. Default: for 200 patients or more.

    Returns
    -------
    VirtualPatients
        Parameters, and the table of outcomes of each arm with the column `status`. For patients who could not be solved,
        `status` gives the reason, and there are no outcomes.

    Raises
    ------
    DataError, PopulationError, SolveError, ModelError, RegimenError

    Warns
    -----
    OutOfBoundsWarning
        If parameters (of the table, or of the first drawn block) are outside the bounds of the model.

    See Also
    --------
    simulate_patients_to : the same, to a file.

    Examples
    --------
    >>> import immunoode as imo
    >>> model = imo.combine("tumour_immune", "pd1_inhibitor")
    >>> regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=17)
    >>> growth = imo.virtual_population.LogNormal(0.006, 0.4)
    >>> found = imo.virtual_trial.simulate_patients(
    ...     model, {"growth_rate": growth}, {"control": None, "treated": regimen}, n=50, seed=1
    ... )
    >>> found.arms, len(found)
    (('control', 'treated'), 50)
    """
    evaluation = Evaluation(rules, pfs_rules, confirmed)
    executor = executor_of(workers, client)
    how = Processing(executor, block_size(block), progress)
    population = _population(model, patients, arms, n, seed, observation, evaluation, solver, start, executor)
    _warn_of_first(population, how.block)
    found = patients_of(in_memory(population, how))
    found.parameters.attrs["units"] = parameter_units(found.parameters, resolve(as_model(model)))
    return found


def simulate_patients_to(
    path: str | Path,
    model: Model | str,
    patients: pd.DataFrame | Distributions,
    arms: Mapping[str, Any],
    *,
    n: int | None = None,
    seed: int = 0,
    observation: Observation | None = None,
    rules: RecistRules | IrecistRules | None = None,
    pfs_rules: PfsRules | None = None,
    confirmed: bool = False,
    start: str | float = 0.0,
    solver: SolverOptions | None = None,
    block: int = BLOCK,
    workers: int | None = None,
    client: Any = None,
    resume: bool = False,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Simulate virtual patients under each arm, and write parameters and outcomes to a file, block after block.

    The file is the same, byte for byte, for any block size, number of workers and order, and after any interruption.

    Parameters
    ----------
    path : path
        "trial.parquet": one row per patient and arm (needs pyarrow). "trial.zarr": one array per parameter over patients, and
        one per outcome over patients and arms (needs zarr). The file must not exist yet. It appears only when it is complete;
        until then, its blocks are in the folder "trial.parquet.part" next to it.
    model, patients, arms, n, seed, observation, rules, pfs_rules, confirmed, start, solver, block, workers, client, progress
        As in `simulate_patients`.
    resume : bool
        Continue from the blocks left by an interrupted run of the same call, possibly with another block size or number of
        workers. If there are none, start from the beginning.

    Returns
    -------
    DataFrame
        The number of patients by arm and status.

    Raises
    ------
    DataError, PopulationError, SolveError, ModelError, RegimenError
        As for `simulate_patients`; also if the file exists, its kind is not known or the library for it is missing, or if
        there is an unfinished run of another call, or `resume` is False.
    FileError
        If the file cannot be written.

    See Also
    --------
    read_patients : the file as VirtualPatients.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import immunoode as imo
    >>> growth = {"growth_rate": imo.virtual_population.LogNormal(0.002, 0.4)}
    >>> file = Path(tempfile.mkdtemp()) / "patients.parquet"
    >>> how = {"n": 20, "seed": 1, "progress": False}
    >>> done = imo.virtual_trial.simulate_patients_to(file, "ribba2022", growth, {"control": None}, **how)
    >>> len(imo.virtual_trial.read_patients(file))
    20
    """
    import pandas as pd

    evaluation = Evaluation(rules, pfs_rules, confirmed)
    executor = executor_of(workers, client)
    how = Processing(executor, block_size(block), progress)
    storage_of(Path(path))
    population = _population(model, patients, arms, n, seed, observation, evaluation, solver, start, executor)
    _warn_of_first(population, how.block)
    manifest = _manifest(population, patients)
    counts = sum(
        to_file(population, how, path, manifest=manifest, resume=resume, summary=_statuses), Counter[tuple[str, str]]()
    )
    rows = [(arm, status, count) for (arm, status), count in counts.items()]
    return pd.DataFrame(rows, columns=[ARM, STATUS, "patients"])


def _population(
    model: Model | str,
    patients: Any,
    arms: Any,
    n: int | None,
    seed: int,
    observation: Observation | None,
    evaluation: Evaluation,
    solver: SolverOptions | None,
    start: str | float,
    executor: Executor,
) -> Population[xr.Dataset]:
    """Return the computation for a population; arguments are checked before the first patient is simulated."""
    whole, table = as_model(model), patients if hasattr(patients, "columns") else None
    problems = [*_arm_problems(arms), *_count_problems(n, table), *_start_problems(start)]
    if observation is not None and not isinstance(observation, Observation):
        problems.append(Problem("observation", f"is {type(observation).__name__}", "an Observation"))
    DataError.raise_if(problems)
    if table is not None:
        parameter_values(resolve(whole), table, None)
    options = solver or SolverOptions()
    if executor.shares_processors and options.threads is None:
        options = replace(options, threads=1)
    drawn = as_distribution(patients) if table is None else None
    first = units.days(start)
    work = PatientBlock(whole, dict(arms), drawn, seed, observation or Observation(), evaluation, options, first)
    count = len(table) if table is not None else int(n or 0)
    return Population(work, count, lambda block: None if table is None else table.iloc[block.rows])


def _arm_problems(arms: Any) -> list[Problem]:
    if isinstance(arms, Mapping) and arms and all(isinstance(name, str) for name in arms):
        return []
    what = "are empty" if isinstance(arms, Mapping) and not arms else f"are {type(arms).__name__}"
    return [Problem("arms", what, "a mapping of the name of each arm to its regimen, or None for no treatment")]


def _start_problems(start: Any) -> list[Problem]:
    try:
        return [] if units.days(start) <= 0 else [Problem("start", f"is {start!r}, after day 0", "day 0 or a day before: -56")]
    except UnitError as error:
        return [Problem("start", str(error), "day 0 or a day before: '-8 weeks', or a number of days")]


def _count_problems(n: Any, table: Any) -> list[Problem]:
    if table is None:
        right = "the number of patients to draw, at least 1"
        return [] if is_whole(n, 1) else [Problem("n", f"is {n!r}", right)]
    problems = (
        []
        if n is None
        else [Problem("n", f"is {n!r}, but there is a table of patients", "leave it out: the table determines the number")]
    )
    if not len(table):
        problems.append(Problem("patients", "has no rows", "at least one patient"))
    elif table.index.dtype.kind not in "iu" or table.index.min() < 0 or table.index.has_duplicates:
        right = "unique patient numbers, as from patients.reset_index(drop=True)"
        problems.append(Problem("patients", "has an index that does not consist of unique whole numbers from 0", right))
    return problems


def _warn_of_first(population: Population[xr.Dataset], block: int) -> None:
    """Check patients against the bounds of the model: all of a table, or the first of those that are drawn."""
    work = population.work
    assert isinstance(work, PatientBlock)
    if work.distributions is not None:
        sample_patients(work.model, work.distributions, min(block, population.count), work.seed)
    else:
        model = resolve(work.model)
        warn_of_bounds(model, parameter_values(model, population.own(Block(0, population.count)), None)[0])


def _manifest(population: Population[xr.Dataset], patients: Any) -> dict[str, str]:
    """Return everything that results depend on, as hashes; threads do not change a result."""
    work = population.work
    assert isinstance(work, PatientBlock)
    parts = {
        "model": work.model,
        "patients": work.distributions if work.distributions is not None else patients,
        "arms": work.arms,
        "n": population.count,
        "seed": work.seed,
        "observation": work.observation,
        "rules": work.evaluation,
        "solver": replace(work.solver, threads=None),
        "start": work.start,
    }
    return {**{name: digest(part) for name, part in parts.items()}, "version": version()}


def _statuses(part: xr.Dataset) -> Counter[tuple[str, str]]:
    """Return how many patients of each arm ended with which status."""
    arms, counts = part[ARM].values, Counter[tuple[str, str]]()
    for k, arm in enumerate(arms):
        words, numbers = np.unique(part[STATUS].values[:, k].astype(str), return_counts=True)
        counts.update({(str(arm), str(word)): int(number) for word, number in zip(words, numbers, strict=True)})
    assert sum(counts.values()) == part.sizes[SUBJECT] * len(arms)
    return counts
