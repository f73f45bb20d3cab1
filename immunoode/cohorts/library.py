"""The shipped calibrated cohorts: loading by name, and a list."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.cohorts.calibrated_population import CalibratedPopulation
from immunoode.cohorts.cohort_file import CALIBRATION, PAGE, read_cohort
from immunoode.cohorts.definition import CohortFile
from immunoode.cohorts.weights_file import AGAIN, SUFFIX, CalibrationRecord, models_key, patients_key, read_weights, record_of
from immunoode.errors import ModelError, OutOfBoundsWarning, PopulationError, Problem, nearest
from immunoode.model.paths import shipped_folder
from immunoode.model.read import toml_document
from immunoode.virtual_population.sampling import sample_patients

if TYPE_CHECKING:
    import pandas as pd

FOLDER = "cohorts"


def cohort_names() -> list[str]:
    """Return the names of the shipped cohorts."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def _folder() -> Path:
    return shipped_folder("populations") / FOLDER


def cohort_path(given: str | Path) -> Path:
    """Return the path of a cohort file: that of a shipped one by its name.

    Raises
    ------
    PopulationError
        If there is no such cohort.
    """
    if isinstance(given, Path) or (isinstance(given, str) and given.endswith(".toml")):
        return Path(given)
    if not isinstance(given, str) or given not in cohort_names():
        advice = _advice(str(given))
        right = f"{advice}; or the path of a .toml file".lstrip("; ")
        raise PopulationError(Problem(f"cohort {given!r:.60}", "is not shipped", right))
    return _folder() / f"{given}.toml"


def _advice(given: str) -> str:
    """Return which cohorts may be meant: all whose names contain what is given, otherwise those of similar names."""
    named = [repr(name) for name in cohort_names() if given.strip() and given.strip().lower() in name]
    return f"did you mean {' or '.join(named)}?" if named else nearest(given, cohort_names())


def load_population(name: str | Path) -> CalibratedPopulation:
    """Load a calibrated cohort. Nothing is simulated: patients are drawn again from the seed, and weights read.

    Parameters
    ----------
    name : str or Path
        One of `imo.list_populations()`, or the path of a cohort file that was calibrated.

    Returns
    -------
    CalibratedPopulation

    Raises
    ------
    PopulationError
        With all problems of the file; if the cohort has no weights, or they do not belong to its patients.

    Warns
    -----
    UserWarning
        If the models have changed since the calibration.

    See Also
    --------
    immunoode.cohorts.calibrate_population : makes the weights.
    immunoode.virtual_population.load_distribution : published distributions of parameters.
    """
    path = cohort_path(name)
    file = read_cohort(path)
    record = record_of(_document(path).get(CALIBRATION), path.name)
    drawn = _drawn(file)
    _check(file, record, drawn)
    weights = read_weights(path.with_suffix(SUFFIX), file.definition.size)
    kept = weights > 0
    return CalibratedPopulation(file, drawn[kept], weights[kept], record)


def _drawn(file: CohortFile) -> pd.DataFrame:
    made = file.definition
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfBoundsWarning)  # as at the calibration, which said so
        return sample_patients(made.whole_model, made.prior, made.size, made.seed)


def _check(file: CohortFile, record: CalibrationRecord, drawn: pd.DataFrame) -> None:
    """Raise if the weights are not those of the definition and its patients; warn if models have changed."""
    where, problems = f"{file.path.name}: {CALIBRATION}", list[Problem]()
    if record.definition != file.key:
        problems.append(Problem(where, "is of another definition: the file was changed after the calibration", AGAIN))
    elif record.patients != patients_key(drawn):
        what = "is of other patients: those that are drawn from the seed now differ from those that the weights belong to"
        problems.append(Problem(where, what, AGAIN))
    if problems:
        raise PopulationError(problems)
    if record.models != models_key(file.definition.whole_model):
        text = f"{where} was made with other models (immunoode {record.version}); predictions may be off: {AGAIN}"
        warnings.warn(text, UserWarning, stacklevel=3)


def _document(path: Path) -> dict[str, Any]:
    try:
        return toml_document(path, PAGE)
    except ModelError as error:
        raise PopulationError(error.problems) from None


def list_populations() -> pd.DataFrame:
    """Return a table of the shipped calibrated cohorts.

    Returns
    -------
    DataFrame
        One row per cohort, indexed by name: title, models, patients (drawn), effective_sample_size (NaN without weights), arms,
        targets and held_out (numbers of statistics).

    See Also
    --------
    load_population
    immunoode.virtual_population.list_distributions : published distributions of parameters.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.list_populations().index.name
    'name'
    """
    import pandas as pd

    rows = {name: _row(_document(_folder() / f"{name}.toml")) for name in cohort_names()}
    columns = ["title", "models", "patients", "effective_sample_size", "arms", "targets", "held_out"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("name")


def _row(document: dict[str, Any]) -> list[Any]:
    return [
        document.get("title", ""),
        ", ".join(document.get("models", [])),
        document.get("patients"),
        document.get(CALIBRATION, {}).get("effective_sample_size", np.nan),
        ", ".join(document.get("arms", {})),
        len(document.get("targets", [])),
        len(document.get("held_out", [])),
    ]
