"""The references of a model for citation."""

from __future__ import annotations

from immunoode.errors import ModelError, Problem
from immunoode.model.library import load_model
from immunoode.model.model import Model
from immunoode.model.paths import models_folder
from immunoode.model.references import REFERENCES, entries_of, key_at_start


def cite(model: Model | str) -> str:
    """Return the references of a model and of its parameters' values as BibTeX.

    Parameters
    ----------
    model : Model or str
        Also a combined one, with the references of all its members.

    Returns
    -------
    str
        One entry per reference, sorted by key; empty if the model has none.

    Raises
    ------
    ModelError
        If a key is not in the bibliography.

    Examples
    --------
    >>> import immunoode as imo
    >>> print(imo.cite("kuznetsov1994").splitlines()[0])
    @article{kuznetsov1994,
    """
    given = load_model(model) if isinstance(model, str) else model
    if not isinstance(given, Model):
        raise ModelError(Problem("cite", f"was given {given!r:.60}", "a Model, or the name of a shipped one"))
    files = {member.file for member in given.members.values()} - {""}
    papers = [r for file in files for r in load_model(file).references] if files else []
    keys = {*given.references, *papers, *(key_at_start(p.source) for p in given.constants.values())} - {""}
    known = entries_of(models_folder() / REFERENCES)
    missing = sorted(keys - known.keys())
    ModelError.raise_if(
        Problem(f"reference {k!r}", "is not in the bibliography", "an entry in references.bib") for k in missing
    )
    return "\n\n".join(known[key] for key in sorted(keys))
