"""`calibrate_population`: from the definition of a cohort to patients with weights."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.cohorts.arm_simulation import Computing, parameters_of_arm, simulate_arms, solved_patients
from immunoode.cohorts.calibrated_population import CalibratedPopulation
from immunoode.cohorts.cohort_file import read_cohort
from immunoode.cohorts.definition import CohortArm, CohortDefinition, CohortFile
from immunoode.cohorts.library import cohort_path
from immunoode.cohorts.weights_file import CalibrationRecord, models_key, patients_key
from immunoode.errors import PopulationError, Problem
from immunoode.solve.options import SolverOptions
from immunoode.version import version
from immunoode.virtual_population.calibration.calibrate import calibrate
from immunoode.virtual_population.cohort import Cohort
from immunoode.virtual_population.criteria import PlausibilityCriterion
from immunoode.virtual_population.plausibility import Plausibility, check_plausibility
from immunoode.virtual_population.sampling import sample_patients
from immunoode.virtual_trial.patient_simulation import BLOCK

if TYPE_CHECKING:
    import pandas as pd


def calibrate_population(
    path: str | Path,
    *,
    solver: SolverOptions | None = None,
    block: int = BLOCK,
    workers: int | None = None,
    client: Any = None,
    progress: bool | None = None,
) -> CalibratedPopulation:
    """Calibrate the cohort that a file defines.

    Patients are drawn, implausible ones are excluded, the arms of the targets are simulated, and the weights are calibrated
    by `imo.calibrate`. Held-out statistics are not used.

    Parameters
    ----------
    path : str or Path
        A TOML file in the format of `docs/cohorts.md`, or the name of a shipped cohort.
    solver, block, workers, client, progress
        As for `imo.virtual_trial.simulate_patients`.

    Returns
    -------
    CalibratedPopulation
        `.save()` writes the weights next to the file.

    Raises
    ------
    PopulationError
        With all problems of the file; or if no patient is plausible.
    DataError
        If targets contradict each other, or none of the patients can have them.

    Warns
    -----
    OutOfBoundsWarning
        If parameters are outside the bounds of the models.
    RuntimeWarning
        If patients could not be solved; they are left out.

    Examples
    --------
    >>> import tempfile
    >>> text = '''
    ... models = ["ribba2022"]
    ... patients = 100
    ... seed = 1
    ... [parameters]
    ... shrinkage_rate = { distribution = "log-normal", median = 0.004, sd = 1, source = "estimate: an example" }
    ... [arms.drug]
    ... [[targets]]
    ... kind = "response rate"
    ... arm = "drug"
    ... rate = 0.5
    ... n = 80
    ... source = "estimate: an example"
    ... '''
    >>> path = Path(tempfile.mkdtemp()) / "example.toml"
    >>> _ = path.write_text(text)
    >>> population = calibrate_population(path, progress=False)
    >>> round(float(population.simulate("drug", progress=False).rates("drug")["PR"]), 1)
    0.5
    """
    file = read_cohort(cohort_path(path))
    made, how = file.definition, Computing(solver, block, workers, client, progress)
    drawn = sample_patients(made.whole_model, made.prior, made.size, made.seed)
    checks = plausibility_of(made, drawn, how)
    plausible = checks[-1].kept if checks else drawn
    if not len(plausible):
        said = "\n".join(check.report() for check in checks)
        raise PopulationError(Problem(f"{file.path.name}: plausibility", f"keeps no patient\n{said}\n", "wider limits"))
    arms = [made.arms[name] for name in made.arms_of(made.targets)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "values outside")  # the warning was already given for the drawn patients
        outcomes = simulate_arms(made, plausible, arms, how)
    cohort = calibrate(solved_patients(plausible, outcomes), [one.target for one in made.targets])
    record = _record(file, drawn, len(plausible), cohort)
    return CalibratedPopulation(file, cohort.patients.parameters, cohort.weights, record, cohort, tuple(checks))


def _record(file: CohortFile, drawn: pd.DataFrame, plausible: int, cohort: Cohort) -> CalibrationRecord:
    return CalibrationRecord(
        file.key,
        patients_key(drawn),
        models_key(file.definition.calibration_model),
        plausible,
        len(cohort),
        round(cohort.effective_sample_size, 1),
        round(float(cohort.target_table()["misfit"].abs().max()), 3),
        version(),
    )


@dataclass(frozen=True)
class _OfArm:
    """The criteria of one arm, with the settings of its simulation."""

    arm: CohortArm
    criteria: tuple[PlausibilityCriterion, ...]


def plausibility_of(made: CohortDefinition, drawn: pd.DataFrame, how: Computing) -> list[Plausibility]:
    """Return the exclusions by the criteria of each arm among the patients kept by the previous criteria.

    Parameters
    ----------
    made : CohortDefinition
    drawn : DataFrame
    how : Computing
    """
    found = list[Plausibility]()
    for part in _by_arm(made):
        patients = found[-1].kept if found else drawn
        if len(patients):
            found.append(_checked(made, patients, part, how))
    return found


def _by_arm(made: CohortDefinition) -> list[_OfArm]:
    untreated: Mapping[str, CohortArm] = {"": CohortArm("")}
    arms = {**untreated, **made.arms}
    names = dict.fromkeys(one.arm for one in made.plausibility)
    return [_OfArm(arms[name], tuple(c for c in made.plausibility if c.arm == name)) for name in names]


def _checked(made: CohortDefinition, patients: pd.DataFrame, part: _OfArm, how: Computing) -> Plausibility:
    model = made.model_with(part.arm.models)
    criteria = [replace(one, arm="") for one in part.criteria]
    options: dict[str, Any] = {"start": part.arm.start} | ({} if how.solver is None else {"solver": how.solver})
    own = parameters_of_arm(patients, part.arm, model, made.seed)
    checked = check_plausibility(model, own, criteria, part.arm.regimen, **options)
    named = tuple(part.criteria) if part.arm.name else checked.criteria
    return replace(checked, parameters=patients, criteria=named)
