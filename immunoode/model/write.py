"""Writing of model files: `read_model(save_model(model, path))` equals the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

from immunoode.atomic import write_whole
from immunoode.errors import ModelError, Problem
from immunoode.model.components import About, Member, Need, Parameter, ReferencePatient
from immunoode.model.model import Model
from immunoode.model.schema import TABLES, Table


def save_model(model: Model, path: str | Path, *, overwrite: bool = True) -> Path:
    """Write a model as TOML.

    Parameters
    ----------
    model : Model
        Any model, also a combined one. The values of a chosen variant are written as the values of the parameters.
    path : str or Path
        The file, which is written completely or not at all. Its stem is the name of a model without another.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ModelError
        If it is not a model.
    FileError
        If the file cannot be written, or exists and must not be replaced.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import immunoode as imo
    >>> model = imo.combine("tumour_immune", "radiotherapy")
    >>> imo.save_model(model, Path(tempfile.mkdtemp()) / "with_radiation.toml").name
    'with_radiation.toml'
    """
    import tomli_w

    if not isinstance(model, Model):
        raise ModelError(Problem("save_model", f"was given {model!r:.60}", "a Model"))
    return write_whole(path, tomli_w.dumps(document(model, Path(path).stem)), overwrite=overwrite)


def document(model: Model, stem: str = "") -> dict[str, Any]:
    """Return a model as the tables of a TOML document, without default values."""
    top: dict[str, Any] = {"kind": model.kind}
    for key in ("title", "description", "instance", "variant"):
        if getattr(model, key):
            top[key] = getattr(model, key)
    if model.name != stem:
        top["name"] = model.name
    if model.file != stem:
        top["file"] = model.file
    if model.references:
        top["references"] = list(model.references)
    if model.about != About():
        top["about"] = {key: list(words) for key, words in asdict(model.about).items() if words}
    top |= {key: rows for key, rows in _tables(model).items() if rows}
    if model.checks:
        top["checks"] = [_row(c, Table(type(c))) for c in model.checks]
    return top


def _tables(model: Model) -> dict[str, Any]:
    needed = {n: _row(need, Table(Need)) for n, need in model.needs.items() if need.value is None}
    used = {n: _row(need, Table(Need)) for n, need in model.needs.items() if need.value is not None}
    result: dict[str, Any] = {
        "members": {n: _row(m, Table(Member)) for n, m in model.members.items()},
        "needs": needed,
        "uses": used,
    }
    for name, spec in TABLES.items():
        result[name] = {key: _row(part, spec) for key, part in getattr(model, name).items()}
    result["variants"] = {
        v: _carried(model, v) | {n: _changes(p, model.constants[n]) for n, p in row.items()}
        for v, row in model.variants.items()
    }
    result["reference_patients"] = {n: _patient(p) for n, p in model.reference_patients.items()}
    return result


def _patient(patient: ReferencePatient) -> dict[str, Any]:
    texts = {key: getattr(patient, key) for key in ("title", "source") if getattr(patient, key)}
    return {**texts, **patient.covariates}


def _carried(model: Model, variant: str) -> dict[str, Any]:
    return {"instance": model.instances[variant]} if variant in model.instances else {}


def _row(part: Any, spec: Table) -> dict[str, Any]:
    row = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if value is not None and (value != field.default or field.default is MISSING):
            row[spec.key(field.name)] = list(value) if isinstance(value, tuple) else value
    return row


def _changes(part: Parameter, base: Parameter) -> Mapping[str, Any]:
    """Return the fields of a variant: the value, and others that differ from the parameter."""
    full = _row(part, TABLES["parameters"])
    same = _row(base, TABLES["parameters"])
    return {k: v for k, v in full.items() if k == "value" or same.get(k) != v}
