"""An SBML file, opened with care: what is broken or hostile ends in an error, and what remains is brought to one form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from immunoode.errors import ModelError, Problem

Document = Any
"""A document of libsbml (the library carries no types)."""
LARGEST = 20_000_000
"""Bytes of a file, far above any model that is written by hand."""
SHOWN = 20
MEANT = ("arrays", "comp", "distrib", "fbc", "multi", "qual", "spatial")
"""Packages that change what a model means; others (layout, render, groups) draw and sort it."""
_FORBIDDEN = (b"<!ENTITY", b"<!DOCTYPE")
_RIGHT = "an SBML file, Level 2 or 3: a path, or its text"


def open_document(source: str | Path) -> tuple[Document, str]:
    """Return an SBML document as Level 3 Version 2 with functions written out and parameters of reactions named apart.

    Parameters
    ----------
    source : path or str
        A file, or the text of one (it begins with "<").

    Returns
    -------
    libsbml.SBMLDocument, str
        With the name of the source in messages.

    Raises
    ------
    ModelError
        If there is no such file, it is no SBML, declares entities, or has errors; all of them at once.
    """
    import libsbml

    text, where = _bytes(source)
    if any(word in text.upper() for word in _FORBIDDEN):
        raise ModelError(Problem(where, "declares a document type or entities, which SBML does not have", _RIGHT))
    document = libsbml.readSBMLFromString(text.decode("utf-8", errors="replace"))
    _refuse(document, where)
    if document.getModel() is None:
        raise ModelError(Problem(where, "holds no model", _RIGHT))
    _packages(document, where)
    _brought_up(document, where)
    return document, where


def _bytes(source: str | Path) -> tuple[bytes, str]:
    if isinstance(source, str) and source.lstrip().startswith("<"):
        text, where = source.encode(), "SBML text"
    elif isinstance(source, (str, Path)):
        path = Path(source)
        if not path.is_file():
            raise ModelError(Problem(str(path)[:200], "there is no such file", _RIGHT))
        if path.stat().st_size > LARGEST:
            raise ModelError(Problem(path.name, f"has more than {LARGEST} bytes", _RIGHT))
        text, where = path.read_bytes(), path.name
    else:
        raise ModelError(Problem("source", f"is {type(source).__name__}", _RIGHT))
    if len(text) > LARGEST:
        raise ModelError(Problem(where, f"has more than {LARGEST} bytes", _RIGHT))
    return text, where


def _refuse(document: Document, where: str) -> None:
    """Raise with the errors that libsbml found; warnings, as of units that do not close, are let be."""
    import libsbml

    errors = [document.getError(k) for k in range(document.getNumErrors())]
    let_be = (libsbml.MissingXMLEncoding, libsbml.BadXMLDeclLocation)
    serious = [e for e in errors if e.getSeverity() >= libsbml.LIBSBML_SEV_ERROR and e.getErrorId() not in let_be]
    if serious:
        problems = [
            Problem(f"{where}, line {e.getLine()}", " ".join(e.getMessage().split())[:300]) for e in serious[:SHOWN]
        ]
        raise ModelError([*problems, Problem(where, f"has {len(serious)} errors", _RIGHT)])


def _packages(document: Document, where: str) -> None:
    """Refuse packages without which a model means something else."""
    plugins = [document.getPlugin(k).getPackageName() for k in range(document.getNumPlugins())]
    needed = [n for n in plugins if n in MEANT and document.getPackageRequired(n)]
    if needed:
        raise ModelError(
            [Problem(where, f"needs the package {n!r}", "SBML core, which is all that is read") for n in needed]
        )


def _brought_up(document: Document, where: str) -> None:
    import libsbml

    if document.getLevel() == 1:
        raise ModelError(Problem(where, "is SBML Level 1", "convert it to Level 2 or 3"))
    if (document.getLevel(), document.getVersion()) != (3, 2):
        document.setLevelAndVersion(3, 2, False)
    for option in ("expandFunctionDefinitions", "promoteLocalParameters"):
        properties = libsbml.ConversionProperties()
        properties.addOption(option, True)
        if document.convert(properties) != libsbml.LIBSBML_OPERATION_SUCCESS:
            what = "function definitions" if option.startswith("expand") else "parameters of reactions"
            raise ModelError(
                Problem(where, f"its {what} cannot be written out", "definitions that do not call themselves")
            )
