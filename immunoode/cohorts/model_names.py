"""Models by their names in cohort files: "name", "name:variant" or "name:variant:instance"."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from immunoode.errors import ModelError, PopulationError, Problem
from immunoode.model.closed_model import resolve
from immunoode.model.combine import combine
from immunoode.model.instances import with_instance_names
from immunoode.model.library import load_model, models_by_therapy
from immunoode.model.model import Model


def model_of(text: str) -> Model:
    """Return the shipped model that a text names.

    Parameters
    ----------
    text : str
        "tumour_immune", "pd1_inhibitor:nivolumab", or with the name of the instance "clone:immune_escape:second_clone".

    Raises
    ------
    ModelError
        If there is no such model or variant.

    Examples
    --------
    >>> model_of("pd1_inhibitor:nivolumab").name
    'nivolumab'
    """
    parts = text.split(":") if isinstance(text, str) else []
    if not 1 <= len(parts) <= 3 or not parts[0]:
        raise ModelError(
            Problem(f"model {text!r:.60}", "is not understood", '"name", "name:variant" or "name:variant:instance"')
        )
    name, variant, instance = (*parts, "", "")[:3]
    return load_model(name, variant or None, instance or None)


def combination_of(texts: Iterable[str]) -> Model:
    """Return the combination of models, each of which is named once or more.

    Raises
    ------
    ModelError
        If a model is not known, or they cannot be combined or solved.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # missing needs are an error in the next line
        whole = combine(*(model_of(text) for text in dict.fromkeys(texts)))
    resolve(whole)
    return whole


def therapies_of(text: str) -> tuple[str, ...]:
    """Return the names of the doses that a model takes."""
    return tuple(with_instance_names(model_of(text)).inputs)


def models_for(therapies: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the models that take doses of therapies: those of a cohort's file first, then the shipped ones.

    Parameters
    ----------
    therapies : iterable of str
    known : iterable of str
        The models that the file names.

    Raises
    ------
    PopulationError
        If no model takes doses of a therapy, or several do.
    """
    own = {therapy: text for text in known for therapy in therapies_of(text)}
    found, problems = list[str](), list[Problem]()
    for therapy in therapies:
        shipped = _shipped(therapy)
        if therapy in own or len(shipped) == 1:
            found.append(own.get(therapy) or shipped[0])
        else:
            what = "is not an input of any model of the cohort" if not shipped else f"is an input of {' and '.join(shipped)}"
            problems.append(Problem(f"dose of {therapy!r}", what, "models=[...], the model that takes it"))
    PopulationError.raise_if(problems)
    return list(dict.fromkeys(found))


def _shipped(therapy: str) -> list[str]:
    """Return the shipped models that take doses of a therapy; the variant of the same name, or none, is preferred."""
    pairs = models_by_therapy().get(therapy, [])
    own = [pair for pair in pairs if pair[1] == therapy] or [pair for pair in pairs if not pair[1]]
    return [":".join(filter(None, pair)) for pair in own or pairs]
