"""An SBML file, opened with care: what is broken or hostile ends in an error, and what remains is brought to one form."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from immunoode.errors import ModelError, Problem
from immunoode.interop.inline_functions import check_expansion

Document = Any
"""A document of libsbml (the library carries no types)."""
LARGEST = 20_000_000
"""Bytes of a file, far above any model that is written by hand."""
SHOWN = 20
MEANT = ("arrays", "comp", "distrib", "fbc", "multi", "qual", "spatial")
"""Packages that change what a model means; others (layout, render, groups) draw and sort it."""
DEEPEST = 400
"""Elements within each other: parsers call themselves for each."""
_FORBIDDEN = ("<!ENTITY", "<!DOCTYPE")
_ENCODINGS = ("utf-8", "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "utf-16", "utf-16le", "utf-16be")
_TAG = re.compile(r"<(?:!--.*?-->|!\[CDATA\[.*?\]\]>|\?.*?\?>|(/?)[^<>]*?(/?)>)", re.DOTALL)
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

    raw, where = _bytes(source)
    text = _decoded(raw, where)
    if any(word in text.upper() for word in _FORBIDDEN):
        raise ModelError(Problem(where, "declares a document type or entities, which SBML does not have", _RIGHT))
    _shallow(text, where)
    document = libsbml.readSBMLFromString(text)
    _refuse(document, where)
    if document.getModel() is None:
        raise ModelError(Problem(where, "holds no model", _RIGHT))
    _packages(document, text, where)
    _fast(document.getModel(), where)
    _brought_up(document, where)
    return document, where


def _decoded(raw: bytes, where: str) -> str:
    """Return the text, without the declaration where another encoding than UTF-8 was stated."""
    if raw[:2] == b"PK":
        raise ModelError(Problem(where, "is an archive (zip, omex)", "the SBML file in it"))
    wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    head = raw[:400].decode("utf-16" if wide else "latin-1", errors="replace").lstrip("\ufeff\xef\xbb\xbf \t\r\n")
    stated = re.match(r"""<\?xml[^>]*encoding=["']([\w-]+)["']""", head)
    encoding = "utf-16" if wide else stated[1].lower() if stated else "utf-8"
    if encoding not in _ENCODINGS:
        raise ModelError(Problem(where, f"states the encoding {encoding[:40]!r}", "UTF-8"))
    text = raw.decode(encoding, errors="replace").lstrip("\ufeff \t\r\n")
    return text if encoding == "utf-8" else re.sub(r"^<\?xml[^>]*\?>", "", text).lstrip()


def _shallow(text: str, where: str) -> None:
    """Refuse elements that are nested deeper than parsers can take."""
    depth = 0
    for tag in _TAG.finditer(text):
        if tag[1] is None or tag[2]:
            continue
        depth += -1 if tag[1] else 1
        if depth > DEEPEST:
            raise ModelError(Problem(where, f"has elements nested more than {DEEPEST} deep", "parts as assignment rules"))


def _fast(model: Any, where: str) -> None:
    """Refuse fast reactions, of which Level 3 Version 2 no longer tells."""
    reactions = [model.getReaction(k) for k in range(model.getNumReactions())]
    problems = [
        Problem(where, f"the reaction {r.getId()!r} is fast", "reactions with finite rates")
        for r in reactions
        if r.isSetFast() and r.getFast()
    ]
    if problems:
        raise ModelError(problems)


def _bytes(source: str | Path) -> tuple[bytes, str]:
    if isinstance(source, str) and source.lstrip("\ufeff \t\r\n").startswith("<"):
        text, where = re.sub(r"^\s*<\?xml[^>]*\?>", "", source).encode(errors="replace"), "SBML text"
    elif isinstance(source, (str, Path)):
        text, where = _of_file(Path(source)), Path(source).name
    else:
        raise ModelError(Problem("source", f"is {type(source).__name__}", _RIGHT))
    if len(text) > LARGEST:
        raise ModelError(Problem(where, f"has more than {LARGEST} bytes", _RIGHT))
    return text, where


def _of_file(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ModelError(Problem(str(path)[:200], "is a folder", _RIGHT))
        if not path.is_file():
            raise ModelError(Problem(str(path)[:200], "there is no such file", _RIGHT))
        if path.stat().st_size > LARGEST:
            raise ModelError(Problem(path.name, f"has more than {LARGEST} bytes", _RIGHT))
        return path.read_bytes()
    except OSError as error:
        raise ModelError(Problem(str(path)[:200], f"cannot be read ({type(error).__name__})", _RIGHT)) from None


def _refuse(document: Document, where: str) -> None:
    """Raise with the errors that libsbml found; warnings, as of units that do not close, are let be."""
    import libsbml

    errors = [document.getError(k) for k in range(document.getNumErrors())]
    let_be = (libsbml.MissingXMLEncoding, libsbml.BadXMLDeclLocation)
    serious = [e for e in errors if e.getSeverity() >= libsbml.LIBSBML_SEV_ERROR and e.getErrorId() not in let_be]
    if serious:
        problems = [Problem(f"{where}, line {e.getLine()}", " ".join(e.getMessage().split())[:300]) for e in serious[:SHOWN]]
        raise ModelError([*problems, Problem(where, f"has {len(serious)} errors", _RIGHT)])


def _packages(document: Document, text: str, where: str) -> None:
    """Refuse packages without which a model means something else; those that a file only declares are taken off."""
    plugins = [document.getPlugin(k) for k in range(document.getNumPlugins())]
    meant = [(p.getPackageName(), p.getURI(), p.getPrefix()) for p in plugins if p.getPackageName() in MEANT]
    needed = [name for name, uri, prefix in meant if document.getPackageRequired(name) and _used(text, uri, prefix)]
    for _, uri, prefix in meant:
        if not _used(text, uri, prefix):
            document.disablePackage(uri, prefix)
    if needed:
        raise ModelError([Problem(where, f"needs the package {n!r}", "SBML core, which is all that is read") for n in needed])


def _used(text: str, uri: str, prefix: str) -> bool:
    """Whether a file has elements or attributes of a package, besides the declaration of it."""
    return text.count(uri) > 1 or re.search(rf"<{re.escape(prefix)}:|\s{re.escape(prefix)}:(?!required\b)\w", text) is not None


def _brought_up(document: Document, where: str) -> None:
    import libsbml

    if document.getLevel() == 1:
        raise ModelError(Problem(where, "is SBML Level 1", "convert it to Level 2 or 3"))
    if (document.getLevel(), document.getVersion()) != (3, 2):
        document.setLevelAndVersion(3, 2, False)
    check_expansion(document.getModel(), where)
    for option in ("promoteLocalParameters", "expandFunctionDefinitions"):
        properties = libsbml.ConversionProperties()
        properties.addOption(option, True)
        if document.convert(properties) != libsbml.LIBSBML_OPERATION_SUCCESS:
            what = "function definitions" if option.startswith("expand") else "parameters of reactions"
            raise ModelError(Problem(where, f"its {what} cannot be written out", "definitions that do not call themselves"))
