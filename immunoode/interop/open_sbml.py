"""Safe opening of SBML files: invalid or hostile files are refused, and others are converted to one level and version."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from immunoode.errors import ModelError, Problem
from immunoode.interop.inline_functions import check_inlined_size
from immunoode.optional import require

Document = Any
"""A document of libsbml; the library has no types."""
MAX_BYTES = 20_000_000
"""The largest size of a file, far above that of models written by hand."""
MAX_ERRORS = 20
SEMANTIC_PACKAGES = ("arrays", "comp", "distrib", "fbc", "multi", "qual", "spatial")
"""Packages that change the meaning of a model, unlike layout, render and groups."""
MAX_DEPTH = 400
"""The largest depth of elements; parsers are recursive."""
_FORBIDDEN = ("<!ENTITY", "<!DOCTYPE")
_ENCODINGS = ("utf-8", "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "utf-16", "utf-16le", "utf-16be")
_TAG = re.compile(r"<(?:!--.*?-->|!\[CDATA\[.*?\]\]>|\?.*?\?>|(/?)[^<>]*?(/?)>)", re.DOTALL)
_RIGHT = "an SBML file, Level 2 or 3: a path, or its text"


def open_document(source: str | Path) -> tuple[Document, str]:
    """Return an SBML document as Level 3 Version 2, with inlined functions and promoted local parameters.

    Parameters
    ----------
    source : path or str
        A file, or its text, which begins with "<".

    Returns
    -------
    libsbml.SBMLDocument, str
        The document, and the name of the source in messages.

    Raises
    ------
    ModelError
        If the file does not exist, is not SBML, declares entities, or has errors, which are reported together.
    """
    libsbml = require("libsbml", "SBML")
    raw, where = _bytes(source)
    text = _decoded(raw, where)
    if any(word in text.upper() for word in _FORBIDDEN):
        raise ModelError(Problem(where, "declares a document type or entities, which SBML does not have", _RIGHT))
    _check_depth(text, where)
    document = libsbml.readSBMLFromString(text)
    _refuse(document, where)
    if document.getModel() is None:
        raise ModelError(Problem(where, "has no model", _RIGHT))
    _packages(document, text, where)
    _refuse_fast_reactions(document.getModel(), where)
    _convert(document, where)
    return document, where


def _decoded(raw: bytes, where: str) -> str:
    """Return the text; its XML declaration is removed if it states another encoding than UTF-8."""
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


def _check_depth(text: str, where: str) -> None:
    """Refuse elements that are nested too deeply for parsers."""
    depth = 0
    for tag in _TAG.finditer(text):
        if tag[1] is None or tag[2]:
            continue
        depth += -1 if tag[1] else 1
        if depth > MAX_DEPTH:
            raise ModelError(Problem(where, f"has elements nested more than {MAX_DEPTH} deep", "parts as assignment rules"))


def _refuse_fast_reactions(model: Any, where: str) -> None:
    """Refuse fast reactions, which Level 3 Version 2 does not have."""
    reactions = [model.getReaction(k) for k in range(model.getNumReactions())]
    problems = [
        Problem(where, f"the reaction {r.getId()!r} is fast", "reactions with finite rates")
        for r in reactions
        if r.isSetFast() and r.getFast()
    ]
    ModelError.raise_if(problems)


def _bytes(source: str | Path) -> tuple[bytes, str]:
    if isinstance(source, str) and source.lstrip("\ufeff \t\r\n").startswith("<"):
        text, where = re.sub(r"^\s*<\?xml[^>]*\?>", "", source).encode(errors="replace"), "SBML text"
    elif isinstance(source, (str, Path)):
        text, where = _read_file(Path(source)), Path(source).name
    else:
        raise ModelError(Problem("source", f"is {type(source).__name__}", _RIGHT))
    if len(text) > MAX_BYTES:
        raise ModelError(Problem(where, f"has more than {MAX_BYTES} bytes", _RIGHT))
    return text, where


def _read_file(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ModelError(Problem(str(path)[:200], "is a folder", _RIGHT))
        if not path.is_file():
            raise ModelError(Problem(str(path)[:200], "does not exist", _RIGHT))
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(Problem(path.name, f"has more than {MAX_BYTES} bytes", _RIGHT))
        return path.read_bytes()
    except OSError as error:
        raise ModelError(Problem(str(path)[:200], f"cannot be read ({type(error).__name__})", _RIGHT)) from None


def _refuse(document: Document, where: str) -> None:
    """Raise an error with the errors that libsbml reports; warnings, such as those about units, are ignored."""
    import libsbml

    errors = [document.getError(k) for k in range(document.getNumErrors())]
    ignored = (libsbml.MissingXMLEncoding, libsbml.BadXMLDeclLocation)
    serious = [e for e in errors if e.getSeverity() >= libsbml.LIBSBML_SEV_ERROR and e.getErrorId() not in ignored]
    if serious:
        problems = [
            Problem(f"{where}, line {e.getLine()}", " ".join(e.getMessage().split())[:300]) for e in serious[:MAX_ERRORS]
        ]
        raise ModelError([*problems, Problem(where, f"has {len(serious)} errors", _RIGHT)])


def _packages(document: Document, text: str, where: str) -> None:
    """Refuse packages that change the meaning of the model; those that are declared but not used are removed."""
    plugins = [document.getPlugin(k) for k in range(document.getNumPlugins())]
    meant = [(p.getPackageName(), p.getURI(), p.getPrefix()) for p in plugins if p.getPackageName() in SEMANTIC_PACKAGES]
    needed = [name for name, uri, prefix in meant if document.getPackageRequired(name) and _used(text, uri, prefix)]
    for _, uri, prefix in meant:
        if not _used(text, uri, prefix):
            document.disablePackage(uri, prefix)
    ModelError.raise_if(Problem(where, f"needs the package {n!r}", "SBML core only") for n in needed)


def _used(text: str, uri: str, prefix: str) -> bool:
    """Whether a file has elements or attributes of a package, apart from its declaration."""
    return text.count(uri) > 1 or re.search(rf"<{re.escape(prefix)}:|\s{re.escape(prefix)}:(?!required\b)\w", text) is not None


def _convert(document: Document, where: str) -> None:
    import libsbml

    if document.getLevel() == 1:
        raise ModelError(Problem(where, "is SBML Level 1", "convert it to Level 2 or 3"))
    if (document.getLevel(), document.getVersion()) != (3, 2):
        document.setLevelAndVersion(3, 2, False)
    check_inlined_size(document.getModel(), where)
    for option in ("promoteLocalParameters", "expandFunctionDefinitions"):
        properties = libsbml.ConversionProperties()
        properties.addOption(option, True)
        if document.convert(properties) != libsbml.LIBSBML_OPERATION_SUCCESS:
            what = "function definitions" if option.startswith("expand") else "parameters of reactions"
            raise ModelError(Problem(where, f"its {what} cannot be inlined", "definitions that are not recursive"))
