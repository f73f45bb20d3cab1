"""`describe`: one readable text about any name of the package."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from immunoode.descriptions.description import Description, Meaning
from immunoode.descriptions.library import names_in_library, of_library
from immunoode.descriptions.models import names_of_parts, of_model, of_models
from immunoode.descriptions.public_names import PACKAGE, public_names
from immunoode.descriptions.words import found_everywhere
from immunoode.errors import ImmunoodeError, Problem, nearest
from immunoode.model.library import model_names
from immunoode.model.model import Model
from immunoode.terms import british, read, terms

_MISSPELT = 0.8
"""How similar a name is to a known one if it is taken for a misspelling, on the scale of `difflib`: 1 is equal."""
_RIGHT = "a name such as 'pd1_inhibitor', 'kill_rate', 'simulate' or 'Keytruda'; or a model, a result or a function"


def describe(name: Any) -> Description:
    """Describe a name of the package: text when printed, a page in a notebook.

    Parameters
    ----------
    name : str or object
        A model, a variant, a regimen, a cohort, a distribution, a data set, a parameter, state, output or input of models
        ("kill_rate"), a public function or class ("simulate"), a term of the field ("Keytruda"), or words that all of these
        are searched for ("hazard ratio"). Also a model, a function or a result itself.

    Returns
    -------
    Description
        With one section for each thing that the name is.

    Raises
    ------
    ImmunoodeError
        If nothing has this name, and the message says which names may be meant; if it is neither text nor of this package.

    See Also
    --------
    list_models : searches the models.

    Examples
    --------
    >>> import immunoode as imo
    >>> print(imo.describe("reactivation_rate").report())
    parameter reactivation_rate, in 1 model
    ---------------------------------------
    model       value  unit          bounds      meaning                               source
    barros2021  6e-06  1/(cell*day)  0 to 0.001  reactivation of memory by the tumour  barros2021
    """
    if not isinstance(name, str):
        return _of_object(name)
    if not name.strip():
        raise ImmunoodeError(Problem("describe", "the name is empty", _RIGHT))
    sections = _sections(name) or [*(_sections(british(name)) if british(name) != name else []), *_of_term(name)]
    if not sections and (" " in name.strip() or not _is_misspelt(name)):
        sections = [*found_everywhere(name)]
    if not sections:
        raise ImmunoodeError(Problem("describe", f"nothing is named {name!r:.80}", nearest(name, _all_names())))
    return Description(name, tuple(sections))


def _sections(name: str) -> list[Meaning]:
    return [*of_models(name), *of_library(name), *_of_public_name(name)]


def _all_names() -> set[str]:
    return {*model_names(), *names_of_parts(), *names_in_library(), *public_names(), *terms()}


def _is_misspelt(name: str) -> bool:
    return bool(get_close_matches(name.lower(), map(str.lower, _all_names()), n=1, cutoff=_MISSPELT))


def _of_public_name(name: str) -> Iterator[Meaning]:
    asked = name.removeprefix("immunoode.").removeprefix("imo.")
    for known, home in public_names().items():
        if asked in (known, known.rpartition(".")[2]):
            value = getattr(__import__(home, fromlist=["_"]), known.rpartition(".")[2])
            yield _of_documented(f"immunoode.{known}", value)


def _of_documented(title: str, value: Any) -> Meaning:
    kind = "class" if inspect.isclass(value) else "function" if callable(value) else type(value).__name__
    called = f"{title}{inspect.signature(value)}\n\n" if callable(value) else ""
    return Meaning(f"{kind} {title}", called + (inspect.getdoc(value) or ""))


def _of_object(value: Any) -> Description:
    if not _is_ours(value):
        raise ImmunoodeError(Problem("describe", f"{value!r:.60} is neither a name nor anything of this package", _RIGHT))
    if isinstance(value, Model):
        return Description(value.name, (of_model(value),))
    if isinstance(value, ModuleType):
        return Description(value.__name__, (Meaning(f"namespace {value.__name__}", inspect.getdoc(value) or ""),))
    if callable(value) and hasattr(value, "__name__"):
        return Description(value.__name__, (_of_documented(value.__name__, value),))
    report = getattr(value, "report", None)
    return Description(type(value).__name__, (Meaning(type(value).__name__, report() if callable(report) else str(value)),))


def _is_ours(value: Any) -> bool:
    """Return whether a module, a function, a class or the class of an object is of this package."""
    if isinstance(value, ModuleType):
        home = value.__name__
    else:
        home = value.__module__ if callable(value) and hasattr(value, "__name__") else type(value).__module__
    return str(home).partition(".")[0] == PACKAGE.name


def _of_term(name: str) -> Iterator[Meaning]:
    """Yield the meaning of a text as a term of the field, with its models and regimens."""
    said = read(name)
    if len(said.terms) != 1 or said.words:
        return
    for term in (terms()[one] for one in said.terms[0]):
        also = f"also: {', '.join(term.same)}\n" if term.same else ""
        belongs = f"is a kind of: {', '.join(term.broader)}\n" if term.broader else ""
        yield Meaning(f"term {term.name}", (also + belongs).rstrip("\n"))
        yield from found_everywhere(term.name)
