"""Reading of model files: TOML becomes dataclasses, and all problems of a file are reported at once."""

from __future__ import annotations

import functools
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from immunoode.errors import ModelError, Problem, nearest
from immunoode.model.check import check
from immunoode.model.components import BARE_KINDS, COMBINED, KINDS, About, Check, Member, Need, Parameter, ReferencePatient
from immunoode.model.file_problems import FileProblems
from immunoode.model.model import Model
from immunoode.model.references import keys_for
from immunoode.model.schema import TABLES, Table
from immunoode.model.toml_document import toml_document

PATIENTS = "reference_patients"
_TEXTS = ("title", "description", "instance")
_TOP = (
    "kind",
    *_TEXTS,
    "name",
    "file",
    "variant",
    "references",
    "about",
    "needs",
    "uses",
    "members",
    "checks",
    "variants",
    PATIENTS,
    *TABLES,
)
INSTANCE = "instance"
"""The key of a variant for its name in a combination."""
_type_hints = functools.cache(typing.get_type_hints)


def read_model(path: str | Path, variant: str | None = None, instance: str | None = None) -> Model:
    """Read a model file.

    Parameters
    ----------
    path : str or Path
        A TOML file in the format of `docs/model_files.md`; its stem is the name of the model.
    variant : str, optional
        The named parameter set to use.
    instance : str, optional
        The name of the instance in a combination, if it is not that of the variant.

    Raises
    ------
    ModelError
        With all problems of the file: where, what is wrong, and what would be right.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import immunoode as imo
    >>> path = imo.save_model(imo.load_model("ribba2022"), Path(tempfile.mkdtemp()) / "own.toml")
    >>> sorted(imo.read_model(path).compartments) == sorted(imo.load_model("ribba2022").compartments)
    True
    """
    if not isinstance(path, (str, Path)) or not str(path):
        raise ModelError(Problem("read_model", f"was given {path!r:.60}", "the path of a .toml file"))
    path = Path(path)
    document = toml_document(path)
    bib = keys_for(path)
    return parse_model(document, path.stem, where=path.name, bib=bib, variant=variant, instance=instance)


def parse_model(
    document: Mapping[str, Any],
    name: str,
    *,
    where: str = "",
    bib: frozenset[str] | None = None,
    variant: str | None = None,
    instance: str | None = None,
) -> Model:
    """Return the checked model of a TOML document.

    Raises
    ------
    ModelError
        With all problems.
    """
    reader = _Reader(where or name)
    model = reader.model(document, name)
    problems = reader.problems.found
    if not problems:
        problems = check(model, where or name, bib)
    ModelError.raise_if(problems)
    return choose_variant(model, variant, instance)


def choose_variant(model: Model, variant: str | None, instance: str | None = None) -> Model:
    """Return the model with the values of a variant and the name of its instance.

    Raises
    ------
    ModelError
        If the model has no such variant, or the name of the instance is not an identifier.
    """
    if variant is not None and variant not in model.variants:
        raise ModelError(Problem(model.file or model.name, f"has no variant {variant!r}", nearest(variant, model.variants)))
    fixed = model.kind in BARE_KINDS or variant is None
    own = instance or (model.name if fixed else model.instances.get(str(variant), str(variant)))
    if model.kind != COMBINED and not own.isidentifier():
        raise ModelError(Problem(f"instance {own!r}", "is not an identifier", "letters, digits and _"))
    changes = dict(model.variants[variant]) if variant else {}
    return replace(
        model,
        name=own,
        instance="" if instance or variant else model.instance,
        variant=variant or model.variant,
        parameters={k: changes.get(k, p) for k, p in model.parameters.items()},
        covariates={k: changes.get(k, p) for k, p in model.covariates.items()},
    )


class _Reader:
    """Converts the tables of one document to dataclasses and collects problems."""

    def __init__(self, where: str) -> None:
        self.problems = FileProblems(where)

    def model(self, document: Mapping[str, Any], name: str) -> Model:
        self.problems.keys(document, _TOP, what="is not a table or key of model files")
        kind = document.get("kind")
        if kind not in (*KINDS, COMBINED):
            self.problems.add("kind", f"is {kind!r}" if kind else "is missing", f"one of {', '.join(KINDS)}")
        tables: dict[str, Any] = {key: self.table(document, key, spec) for key, spec in TABLES.items()}
        variants, instances = self.variants(document, tables), self.instances(document)
        texts: dict[str, Any] = {k: self.problems.text(document, k) for k in _TEXTS}
        own = document.get("name") or name
        return Model(
            name=str(own),
            kind=str(kind),
            file=str(document.get("file", name)),
            variant=str(document.get("variant", "")),
            references=self.problems.list_of_texts(document.get("references", []), "references"),
            about=self.about(document),
            checks=self.checks(document),
            members=self.members(document),
            needs=self.needs(document),
            variants=variants,
            instances=instances,
            reference_patients=self.reference_patients(document),
            **texts,
            **tables,
        )

    def rows(self, document: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
        value = self.problems.lines(document, key)
        good = {k: v for k, v in value.items() if isinstance(v, dict)}
        for bad in value.keys() - good.keys():
            self.problems.add(f"{key}.{bad}", f"is {value[bad]!r}", 'a table such as { value = 1, unit = "1/day" }')
        return good

    def table(self, document: Mapping[str, Any], key: str, spec: Table) -> dict[str, Any]:
        rows = self.rows(document, key)
        built = {name: self.part(spec, row, f"{key}.{name}", spec.required) for name, row in rows.items()}
        return {name: part for name, part in built.items() if part is not None}

    def part(self, spec: Table, row: Mapping[str, Any], place: str, required: tuple[str, ...]) -> Any:
        hints = _type_hints(spec.part)
        field_of = {spec.key(f.name): f.name for f in fields(spec.part)}
        before, values = len(self.problems.found), dict[str, Any]()
        for key, value in row.items():
            if key not in field_of:
                self.problems.add(f"{place}.{key}", "is not a valid key", nearest(key, field_of.keys() - {"owner"}))
            else:
                values[field_of[key]] = self.value(hints[field_of[key]], value, f"{place}.{key}")
        for name in required:
            if name not in values:
                self.problems.add(place, f"has no {spec.key(name)!r}", f"add {spec.key(name)} = ...")
        return spec.part(**values) if len(self.problems.found) == before else None

    def value(self, hint: Any, value: Any, place: str) -> Any:
        kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        if float in kinds and isinstance(value, (int, float)) and not isinstance(value, bool):
            if math.isfinite(value):
                return float(value)
            self.problems.add(place, f"is {value}", "a finite number")
        elif str in kinds and isinstance(value, str):
            return value
        elif isinstance(value, list) and any(typing.get_origin(k) is tuple for k in kinds):
            return self.tuple_of(kinds, value, place)
        else:
            self.problems.add(place, f"is {value!r}", _expected(kinds))
        return None

    def tuple_of(self, kinds: tuple[Any, ...], value: list[Any], place: str) -> Any:
        inner = next(typing.get_args(k) for k in kinds if typing.get_origin(k) is tuple)
        if Ellipsis not in inner and len(value) != len(inner):
            self.problems.add(place, f"has {len(value)} entries", f"{len(inner)}: [lower, upper]")
            return None
        return tuple(self.value(inner[0], v, place) for v in value)

    def needs(self, document: Mapping[str, Any]) -> dict[str, Need]:
        wanted = document.get("needs", {})
        result: dict[str, Need] = {}
        if isinstance(wanted, list) and all(isinstance(name, str) for name in wanted):
            result = {name: Need() for name in wanted}
        elif isinstance(wanted, dict):
            spec = Table(Need)
            parts = {k: self.part(spec, v, f"needs.{k}", ()) for k, v in self.rows(document, "needs").items()}
            result = {k: p for k, p in parts.items() if p is not None}
        else:
            self.problems.add("needs", f"is {wanted!r}", "a list of names, or a table of names with units")
        used = document.get("uses", {})
        if isinstance(used, dict):
            result |= self.uses(used)
        else:
            self.problems.add("uses", f"is {used!r}", 'a table: name = { value = 1, unit = "1" }')
        return result

    def uses(self, used: Mapping[str, Any]) -> dict[str, Need]:
        rows = {k: v if isinstance(v, dict) else {"value": v} for k, v in used.items()}
        spec = Table(Need, ("value",))
        parts = {k: self.part(spec, row, f"uses.{k}", spec.required) for k, row in rows.items()}
        return {k: p for k, p in parts.items() if p is not None}

    def about(self, document: Mapping[str, Any]) -> About:
        value = document.get("about", {})
        if not isinstance(value, dict):
            self.problems.add("about", f"is {value!r}", "a table: [about] with species, tumours, therapies, measured, keywords")
            return About()
        return self.part(Table(About), value, "about", ()) or About()

    def members(self, document: Mapping[str, Any]) -> dict[str, Member]:
        spec = Table(Member, ("kind", "file"))
        rows = {k: self.part(spec, v, f"members.{k}", spec.required) for k, v in self.rows(document, "members").items()}
        return {k: v for k, v in rows.items() if v is not None}

    def checks(self, document: Mapping[str, Any]) -> tuple[Check, ...]:
        rows = document.get("checks", [])
        if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
            self.problems.add("checks", "is not a list of tables", "[[checks]] with against, tolerance and test")
            return ()
        spec = Table(Check, ("against",))
        parts = [self.part(spec, row, f"checks[{i}]", spec.required) for i, row in enumerate(rows)]
        return tuple(p for p in parts if p is not None)

    def reference_patients(self, document: Mapping[str, Any]) -> dict[str, ReferencePatient]:
        rows = {k: dict(row) for k, row in self.rows(document, PATIENTS).items()}
        return {name: self.reference_patient(row, f"{PATIENTS}.{name}") for name, row in rows.items()}

    def reference_patient(self, row: dict[str, Any], place: str) -> ReferencePatient:
        """Return the patient of one table, whose keys are covariates, a source and a title."""
        texts = {key: self.value(str, row.pop(key), f"{place}.{key}") or "" for key in ("source", "title") if key in row}
        values = {key: self.value(float, value, f"{place}.{key}") for key, value in row.items()}
        return ReferencePatient({k: v for k, v in values.items() if v is not None}, **texts)

    def variants(self, document: Mapping[str, Any], tables: Mapping[str, Any]) -> dict[str, dict[str, Parameter]]:
        return {name: self.variant(name, row, tables) for name, row in self.rows(document, "variants").items()}

    def instances(self, document: Mapping[str, Any]) -> dict[str, str]:
        """Return the names in a combination of the variants that state one."""
        stated = {name: row[INSTANCE] for name, row in self.rows(document, "variants").items() if INSTANCE in row}
        for name, own in stated.items():
            if not isinstance(own, str) or not own.isidentifier():
                self.problems.add(f"variants.{name}.{INSTANCE}", f"is {own!r}", "a name of letters, digits and _")
        return {name: str(own) for name, own in stated.items()}

    def variant(self, name: str, rows: Mapping[str, Any], tables: Mapping[str, Any]) -> dict[str, Parameter]:
        constants = {**tables["covariates"], **tables["parameters"]}
        result: dict[str, Parameter] = {}
        for key, row in rows.items():
            if key == INSTANCE:
                continue
            place = f"variants.{name}.{key}"
            row = row if isinstance(row, dict) else {"value": row}
            part = self.part(TABLES["parameters"], row, place, ("value",))
            if key not in constants:
                self.problems.add(place, "is not a parameter of this model", nearest(key, constants))
            elif part is not None:
                given = {f.name: getattr(part, f.name) for f in fields(Parameter) if f.name in row}
                result[key] = replace(constants[key], **given)
        return result


def _expected(kinds: tuple[Any, ...]) -> str:
    """Return the accepted kinds of value as text."""
    words = {float: "a number", str: "a text in quotes"}
    named = [words[k] for k in kinds if k in words]
    return " or ".join(named + ["a list"] * any(typing.get_origin(k) is tuple for k in kinds)) or "another value"
