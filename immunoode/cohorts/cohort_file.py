"""Reading of cohort files: TOML becomes a `CohortDefinition`, and all problems of a file are reported at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from immunoode.cohorts.arm_table import PATIENTS, SUBPOPULATIONS, Shared, arms_of, subpopulations_of
from immunoode.cohorts.definition import CohortArm, CohortDefinition, CohortFile
from immunoode.cohorts.definition_checks import check_definition
from immunoode.cohorts.observation_table import how_observed
from immunoode.cohorts.statistic_table import statistics_of
from immunoode.errors import PopulationError, Problem
from immunoode.model.file_problems import FileProblems
from immunoode.model.references import keys_for
from immunoode.virtual_population.criteria import PlausibilityCriterion
from immunoode.virtual_population.population_distribution import PopulationDistribution
from immunoode.virtual_population.population_file import PopulationReader, population_document

PAGE = "docs/cohorts.md"
CALIBRATION = "calibration"
"""The table that the package writes: the record of the calibration."""
OF_PRIOR = ("title", "description", "references", "parameters", "covariates", "correlations", "tables")
OWN = ("models", "patients", "seed", "plausibility", "observation", SUBPOPULATIONS, "arms", "targets", "held_out", CALIBRATION)
TOP = (*OF_PRIOR, *OWN)
MOST_PATIENTS = 1_000_000
OF_CRITERIA = (*(f.name for f in fields(PlausibilityCriterion)), "until", "source")
WITHOUT_EFFECT = ("title", "description", "references", "source", "held_out", CALIBRATION)
"""Keys that do not influence the weights."""


def read_cohort(path: str | Path) -> CohortFile:
    """Read the definition of a cohort.

    Parameters
    ----------
    path : str or Path
        A TOML file in the format of `docs/cohorts.md`.

    Returns
    -------
    CohortFile

    Raises
    ------
    PopulationError
        With all problems of the file: where, what is wrong, and what would be right.

    Examples
    --------
    >>> import immunoode as imo
    >>> from immunoode.cohorts.library import cohort_path
    >>> file = imo.cohorts.read_cohort(cohort_path("melanoma_first_line"))
    >>> file.definition.name
    'melanoma_first_line'
    """
    path = Path(path)
    document = population_document(path, PAGE)
    definition = definition_of(document, path)
    return CohortFile(definition, path, _without_calibration(path, document), key_of(document, definition.calibration_arms))


def definition_of(document: Mapping[str, Any], path: Path) -> CohortDefinition:
    """Return the contents of a document.

    Raises
    ------
    PopulationError
        With all problems.
    """
    problems = FileProblems(path.name, keys_for(path))
    problems.keys(document, TOP, what="is not a table or key of cohort files")
    prior = _prior(document, path, problems)
    models = problems.texts(document.get("models", []), "models")
    if "models" not in document:
        problems.add("models", "is missing", 'models = ["tumour_immune"], without therapies')
    how = how_observed(document.get("observation", {}), "observation", problems)
    subpopulations = subpopulations_of(document.get(SUBPOPULATIONS, {}), problems)
    arms = arms_of(document.get("arms", {}), Shared(document.get("observation", {}), how, subpopulations), problems)
    parts: dict[str, Any] = {
        "models": models,
        "size": problems.count(document, "patients", 1, MOST_PATIENTS),
        "seed": problems.count(document, "seed", 0, 2**63 - 1),
        "plausibility": _plausibility(document, arms, problems),
        "how": how,
        "arms": arms,
        "subpopulations": subpopulations,
        "targets": statistics_of(document.get("targets", []), "targets", problems),
        "held_out": statistics_of(document.get("held_out", []), "held_out", problems),
    }
    if prior is None or problems.found:
        raise PopulationError(problems.found)
    made = CohortDefinition(path.stem, prior.title, prior.description, prior.references, prior=prior, **parts)
    check_definition(made, problems)
    PopulationError.raise_if(problems.found)
    return made


def _prior(document: Mapping[str, Any], path: Path, problems: FileProblems) -> PopulationDistribution | None:
    own = {key: document[key] for key in OF_PRIOR if key in document}
    try:
        return PopulationReader(path.name, problems.bib).population(own, path.stem)
    except PopulationError as error:
        problems.found += error.problems
        return None


def _plausibility(
    document: Mapping[str, Any], arms: Mapping[str, CohortArm], problems: FileProblems
) -> tuple[PlausibilityCriterion, ...]:
    found = []
    for k, row in enumerate(problems.rows(document.get("plausibility", []), "plausibility")):
        place = f"plausibility[{k}]"
        table = problems.table(row, place, OF_CRITERIA)
        if table is None or len(table) < len(row):
            continue
        if "source" in table:
            problems.source(table, place)
        with problems.at(place):
            found.append(_criterion(table, arms))
    return tuple(found)


def _criterion(table: Mapping[str, Any], arms: Mapping[str, CohortArm]) -> PlausibilityCriterion:
    stated: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in table.items() if key not in ("until", "source")
    }
    made = PlausibilityCriterion(**stated)
    if "until" not in table:
        return made
    arm = arms.get(made.arm)
    return replace(made, between=(arm.start if arm else 0.0, table["until"]))


def key_of(document: Mapping[str, Any], arms: Collection[str] = ()) -> str:
    """Return a hash of everything that weights depend on: models, patients, targets, and the arms of targets and plausibility;
    not texts, sources, held-out numbers or other arms.

    Parameters
    ----------
    document : mapping
    arms : collection of str
        The arms of targets and plausibility criteria.

    Examples
    --------
    >>> key_of({"seed": 1, "title": "One"}) == key_of({"title": "Another", "seed": 1})
    True
    >>> key_of({"seed": 1, "arms": {"of_a_later_trial": {}}}) == key_of({"seed": 1})
    True
    """
    whole = {**document, "arms": {name: _with_parameters(document["arms"][name], document) for name in arms}}
    whole.pop(SUBPOPULATIONS, None)
    text = json.dumps(_essential(whole), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _with_parameters(arm: Any, document: Mapping[str, Any]) -> Any:
    """Return the table of an arm with the parameters of its subpopulation instead of the name of it."""
    if not isinstance(arm, Mapping) or not isinstance(arm.get(PATIENTS), str):
        return arm
    return {**arm, PATIENTS: document.get(SUBPOPULATIONS, {}).get(arm[PATIENTS])}


def _essential(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {key: _essential(value) for key, value in part.items() if key not in WITHOUT_EFFECT}
    return [_essential(each) for each in part] if isinstance(part, list) else part


def _without_calibration(path: Path, document: Mapping[str, Any]) -> str:
    """Return the text of a file up to its table [calibration], which must be the last one.

    Raises
    ------
    PopulationError
        If there is anything after it.
    """
    import tomllib

    text = path.read_text(encoding="utf-8-sig")
    lines = text.splitlines(keepends=True)
    at = next((k for k, line in enumerate(lines) if line.strip() == f"[{CALIBRATION}]"), len(lines))
    kept = "".join(lines[:at]).rstrip() + "\n"
    if tomllib.loads(kept) != {key: value for key, value in document.items() if key != CALIBRATION}:
        right = "the last table of the file, as the package writes it"
        raise PopulationError(Problem(f"{path.name}: {CALIBRATION}", "is followed by other tables", right))
    return kept
