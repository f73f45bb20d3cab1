"""The shipped calibrated cohorts: loading by name, and a list."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.catalogue.entries import Entry, Filter, advice
from immunoode.catalogue.search import found
from immunoode.cohorts.calibrated_population import CalibratedPopulation
from immunoode.cohorts.cohort_file import CALIBRATION, PAGE, read_cohort
from immunoode.cohorts.definition import CohortFile
from immunoode.cohorts.weights_file import AGAIN, SUFFIX, CalibrationRecord, models_key, patients_key, read_weights, record_of
from immunoode.errors import ModelError, OutOfBoundsWarning, PopulationError, Problem
from immunoode.model.library import species_of
from immunoode.model.paths import shipped_folder, shipped_names
from immunoode.model.toml_document import toml_document
from immunoode.virtual_population.sampling import sample_patients

if TYPE_CHECKING:
    import pandas as pd

FOLDER = "cohorts"


def cohort_names() -> list[str]:
    """Return the names of the shipped cohorts."""
    return shipped_names(_folder())


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
        right = f"{advice(_entries(), str(given), 'immunoode.list_populations(words)')}; or the path of a .toml file"
        raise PopulationError(Problem(f"cohort {given!r:.60}", "is not shipped", right))
    return _folder() / f"{given}.toml"


def load_population(name: str | Path) -> CalibratedPopulation:
    """Load a calibrated cohort. Nothing is simulated: patients are drawn again from the seed, and weights are read.

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
        warnings.simplefilter("ignore", OutOfBoundsWarning)  # as at the calibration, which issued the warning
        return sample_patients(made.whole_model, made.prior, made.size, made.seed)


def _check(file: CohortFile, record: CalibrationRecord, drawn: pd.DataFrame) -> None:
    """Raise an error if the weights do not belong to the definition and its patients; warn if models have changed."""
    where, problems = f"{file.path.name}: {CALIBRATION}", list[Problem]()
    if record.definition != file.key:
        problems.append(Problem(where, "belongs to another definition: the file was changed after the calibration", AGAIN))
    elif record.patients != patients_key(drawn):
        what = "belongs to other patients: those drawn from the seed now differ from those of the calibration"
        problems.append(Problem(where, what, AGAIN))
    PopulationError.raise_if(problems)
    if record.models != models_key(file.definition.calibration_model):
        text = f"{where} was made with other models (immunoode {record.version}); predictions may be off: {AGAIN}"
        warnings.warn(text, UserWarning, stacklevel=3)


def _document(path: Path) -> dict[str, Any]:
    try:
        return toml_document(path, PAGE)
    except ModelError as error:
        raise PopulationError(error.problems) from None


def list_populations(
    search: str = "", *, therapy: str = "", species: str = "", tumour: str = "", data: str = ""
) -> pd.DataFrame:
    """Return a table of the shipped calibrated cohorts, of all or of those that match a search.

    Parameters
    ----------
    search : str
        Words that are searched in names, titles, descriptions, arms and trials, with their synonyms, as in `list_models`.
    therapy, species, tumour : str
        The therapy, species or tumour of the cohort: "anti-PD-1", "human", "NSCLC".
    data : str
        The data that it was compared with: "PFS", "response rate".

    Returns
    -------
    DataFrame
        One row per cohort, indexed by name: title, species, therapies, models, patients (drawn), effective_sample_size (NaN
        without weights), arms, targets and held_out (numbers of statistics), data (their kinds), trials.

    Raises
    ------
    DataError
        If an argument is not text.

    Warns
    -----
    UserWarning
        If no cohort matches: which words could be left out.

    See Also
    --------
    load_population
    immunoode.virtual_population.list_distributions : published distributions of parameters.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.list_populations("CAR-T").index.tolist()
    ['large_b_cell_lymphoma']
    """
    filters = {
        "therapy": Filter(therapy, ("therapies", "arms")),
        "species": Filter(species, ("species",)),
        "tumour": Filter(tumour, ("title", "models")),
        "data": Filter(data, ("data",)),
    }
    return found(_entries(), search, filters)


@cache
def _entries() -> tuple[Entry, ...]:
    documents = {name: _document(_folder() / f"{name}.toml") for name in cohort_names()}
    return tuple(Entry(name, _row(document), document.get("description", "")) for name, document in documents.items())


def cohort_description(name: str) -> str:
    """Return the description in the file of a shipped cohort."""
    return str(_document(_folder() / f"{name}.toml").get("description", "")).strip()


def _row(document: dict[str, Any]) -> dict[str, Any]:
    models, statistics = document.get("models", []), [*document.get("targets", []), *document.get("held_out", [])]
    arms = document.get("arms", {})
    given = [dose.get("input", "") for arm in arms.values() for dose in arm.get("doses", [])]
    return {
        "title": document.get("title", ""),
        "species": ", ".join(species_of(model.partition(":")[0] for model in models)),
        "therapies": ", ".join(dict.fromkeys(filter(None, given))),
        "models": ", ".join(models),
        "patients": document.get("patients"),
        "effective_sample_size": document.get(CALIBRATION, {}).get("effective_sample_size", np.nan),
        "arms": ", ".join(arms),
        "targets": len(document.get("targets", [])),
        "held_out": len(document.get("held_out", [])),
        "data": ", ".join(dict.fromkeys(f"{s.get('kind', '')} {s.get('endpoint', '')}".strip() for s in statistics)),
        "trials": ", ".join(dict.fromkeys(str(s["trial"]) for s in statistics if "trial" in s)),
    }
