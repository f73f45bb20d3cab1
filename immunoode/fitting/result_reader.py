"""Results from JSON, by the types that their dataclasses declare.

A field of type `FloatArray` becomes an array of numbers or an error, and names in a file do not determine what is created or
executed.
"""

from __future__ import annotations

import base64
import math
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.fitting.consistency import inconsistency
from immunoode.fitting.former_names import CLASSES, FIELDS
from immunoode.fitting.saved_parameters import parameters_of, parameters_of_lmfit
from immunoode.fitting.serialisation import ARRAY, OF_PARAMETERS, OF_RESULT, PACKAGE, Unread, listed, part_of
from immunoode.number_checks import is_whole

if TYPE_CHECKING:
    from lmfit import Parameters


RESULTS = ("immunoode.fitting.result:FitResult", "immunoode.population.result:PopulationResult")
"""Classes that may be saved."""
_IMPLEMENTED = {"Predictor": "immunoode.fitting.simulation_predictor:Simulated"}
"""The class behind a protocol."""
_HELD = {("Trigger", "course"): "immunoode.regimen.regimen:Regimen"}
"""Types of fields that are declared as `Any`."""
_DTYPE = re.compile(r"[<>|=]?([biuf])[1248]")
_COLUMN = re.compile(r"object|str|string|bool|boolean|category|u?int\d+|U?Int\d+|float\d+|Float\d+")
_WIDER = {"f": "biuf", "i": "biu", "u": "biu", "b": "b"}
"""Kinds of arrays that a field accepts, by its declared kind."""


_REPORTED = frozenset({"method", "message", "success"})
"""The fields of an outcome that every result has; reports show them."""


class ResultReader:
    """Converts JSON back, by the declared types; an object refers only to those before it."""

    def __init__(self, objects: list[Any]) -> None:
        self._objects, self._made = objects, dict[int, Any]()
        self._before = len(objects)

    def result(self, node: Any) -> Any:
        """Return the result of a fit.

        Raises
        ------
        Unread
            If the file contains something else.
        """
        named = self._tag(self._objects[self._at(node)])
        known = {name.partition(":")[2]: name for name in RESULTS}
        if named not in known:
            raise Unread(f"{named!r} is not a result of immunoode")
        return self.value(node, class_of(known[named]))

    def value(self, node: Any, hint: Any) -> Any:
        """Return the value of a node, which must be of the declared type."""
        if hint in _PLAIN:
            return node if _PLAIN[hint](node) else _refuse(node, hint)
        origin, inner = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Literal:
            return node if node in inner else _refuse(node, hint)
        if origin in (typing.Union, types.UnionType):
            return self._one_of(node, inner)
        if origin is tuple:
            return self._tuple(node, inner)
        if origin is list:
            return [self.value(v, inner[0]) for v in listed(node)]
        if isinstance(origin, type) and issubclass(origin, Mapping):
            pairs = [listed(pair, 2) for pair in listed(part_of(node, "dict"))]
            return {self.value(k, inner[0]): self.value(v, inner[1]) for k, v in pairs}
        return self._referred(node, hint)

    def _one_of(self, node: Any, hints: tuple[Any, ...]) -> Any:
        if node is None and type(None) in hints:
            return None
        if isinstance(node, dict) and "object" in node:
            named = self._tag(self._objects[self._at(node)])
            hints = tuple(h for h in hints if not named or not is_dataclass(h) or h.__qualname__ == named)  # type: ignore[union-attr]
        hints = tuple(h for h in hints if h is not type(None))
        why = "is not allowed here"
        for hint in hints:
            try:
                return self.value(node, hint)
            except Unread as error:
                why = str(error)
        raise Unread(why)

    def _tuple(self, node: Any, hints: tuple[Any, ...]) -> tuple[Any, ...]:
        if hints[-1:] == (Ellipsis,):
            return tuple(self.value(v, hints[0]) for v in listed(part_of(node, "tuple")))
        return tuple(self.value(v, h) for v, h in zip(listed(part_of(node, "tuple"), len(hints)), hints, strict=True))

    def _at(self, node: Any) -> int:
        at = part_of(node, "object")
        if not (is_whole(at, 0) and at < self._before):
            raise Unread(f"refers to an object {at!r:.40} that does not exist")
        return at

    def _referred(self, node: Any, hint: Any) -> Any:
        at = self._at(node)
        if at not in self._made:
            before, self._before = self._before, at
            try:
                self._made[at] = self._object(self._objects[at], hint)
            finally:
                self._before = before
        made = self._made[at]
        if not _is(made, hint):
            raise Unread(f"a {type(made).__name__} is not {hint!r:.80}")
        return made

    def _tag(self, one: Any) -> str:
        """Return the class name of an object, which must be of this package."""
        name = one.get("class", "") if isinstance(one, dict) else ""
        module, _, named = str(name).partition(":")
        if name and not module.startswith(PACKAGE):
            raise Unread(f"{str(name)!r:.80} is not a class of immunoode")
        return CLASSES.get(named, named)

    def _object(self, one: Any, hint: Any) -> Any:
        origin = typing.get_origin(hint)
        if origin is np.ndarray:
            return _array(one)
        if origin is frozenset:
            return frozenset(self.value(v, typing.get_args(hint)[0]) for v in listed(part_of(one, "set")))
        if getattr(hint, "__name__", "") == "DataFrame":
            return self._table(one)
        if getattr(hint, "__name__", "") == "Outcome":
            return self._outcome(one, hint)
        kind = class_of(_IMPLEMENTED[hint.__name__]) if getattr(hint, "__name__", "") in _IMPLEMENTED else hint
        if not is_dataclass(kind):
            raise Unread(f"{hint!r:.80} is not part of a saved fit")
        named = self._tag(one)
        if named != kind.__qualname__:  # type: ignore[union-attr]
            raise Unread(f"{named or str(one)!r:.80} is not the class that belongs here")
        made = kind(**self._fields(part_of(one, "fields"), kind))  # type: ignore[operator]
        if why := inconsistency(made):
            raise Unread(f"{kind.__qualname__}: {why}")  # type: ignore[union-attr]
        return made

    def _fields(self, given: Any, kind: Any) -> dict[str, Any]:
        hints, former = hints_of(kind), FIELDS.get(kind.__qualname__, {})
        if isinstance(given, dict):
            now = {former.get(name, name): node for name, node in given.items()}
            given = {name: node for name, node in now.items() if name is not None}
        needed = {f.name for f in fields(kind) if f.init and f.default is MISSING and f.default_factory is MISSING}
        if not isinstance(given, dict) or given.keys() - hints.keys() or needed - given.keys():
            raise Unread(f"{kind.__qualname__} has other fields than this version of immunoode writes")
        return {name: self.value(node, hints[name]) for name, node in given.items()}

    def _column(self, node: Any) -> Any:
        at = self._at(node)
        if at not in self._made:
            self._made[at] = self._cells(self._objects[at])
        return self._made[at]

    def _cells(self, one: Any) -> Any:
        """Return a column of a table: numbers, or words."""
        if not isinstance(one, dict) or "array" in one:
            return _array(one)
        known = listed(one.get("words", one.get("cells")))
        words = np.empty(len(known), dtype=object)
        words[:] = [self.value(v, object) for v in known]
        codes = _array(one["codes"]) if "words" in one else np.arange(len(words))
        if codes.dtype.kind not in "iu" or codes.size and not 0 <= codes.min() <= codes.max() < len(words):
            raise Unread("a column refers to values that do not exist")
        return words[codes].reshape(_shape(one.get("shape"), codes.size))

    def _table(self, one: Any) -> Any:
        import pandas as pd

        given, kinds, names = (listed(part_of(one, n)) for n in ("table", "kinds", "names"))
        index = pd.Index(self._column(part_of(one, "index")), name=self.value(one.get("index_name"), object))
        if not len(given) == len(kinds) == len(names) or not all(isinstance(k, str) and _COLUMN.fullmatch(k) for k in kinds):
            raise Unread("a table does not have the columns that it names")
        series = [pd.Series(self._column(c), index=index).astype(k) for c, k in zip(given, kinds, strict=True)]
        columns = dict(enumerate(series))
        table = pd.DataFrame(columns, index=index)
        table.columns = pd.Index([self.value(n, object) for n in names])
        return table

    def _outcome(self, one: Any, kind: Any) -> Any:
        from lmfit.minimizer import MinimizerResult

        kept = part_of(one, "outcome")
        if not isinstance(kept, dict) or kept.keys() - OF_RESULT.keys():
            raise Unread("the outcome of a fit has other fields than this version of immunoode writes")
        if missing := _REPORTED - kept.keys():
            raise Unread(f"the outcome of a fit has no {sorted(missing)[0]!r}")
        stated = one["fields"] if "fields" in one else {n: one[n] for n in ("rounds", "settled")}
        own = {n: self.value(part_of(stated, n), h) for n, h in hints_of(kind).items() if n in stated and n != "result"}
        params = self._parameters(part_of(one, "parameters"))
        result = MinimizerResult(params=params, **{n: self.value(v, OF_RESULT[n]) for n, v in kept.items()})
        return kind(result, **own)

    def _parameters(self, one: Any) -> Parameters:
        if isinstance(one, str):
            return parameters_of_lmfit(one)
        names = [self.value(n, str) for n in listed(part_of(one, "names"))]
        columns = {n: self.value(part_of(one, n), ARRAY) for n in (*OF_PARAMETERS, "vary")}
        if any(column.shape != (len(names),) for column in columns.values()) or len(set(names)) < len(names):
            raise Unread("lmfit parameters differ in length, or one occurs twice")
        texts = {self.value(n, str): self.value(t, str) for n, t in (listed(p, 2) for p in listed(part_of(one, "expressions")))}
        params = parameters_of(names, columns, texts)
        varied = [n for n, vary in zip(names, columns["vary"], strict=True) if vary]
        correlated = self.value(part_of(one, "correlations"), ARRAY)
        if correlated.shape != ((len(varied), len(varied)) if varied else (0,)):
            raise Unread("correlations are not those of the varied parameters")
        for name, row in zip(varied, correlated, strict=True):
            own = {other: float(c) for other, c in zip(varied, row, strict=True) if not math.isnan(c)}
            params[name].correl = own or None
        return params


def class_of(name: str) -> Any:
    """Return a class of this package by module and name, which are written in this file."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def hints_of(kind: Any) -> dict[str, Any]:
    """Return the types of the fields of a dataclass."""
    import pandas as pd

    module = {n: v for base in reversed(kind.__mro__) for n, v in vars(sys.modules[base.__module__]).items()}
    stated = {f.name: f.type for f in fields(kind) if f.init}
    known = {"DataFrame": pd.DataFrame, "pd": pd, "MinimizerResult": object}
    hints = {n: eval(t, module, known) if isinstance(t, str) else t for n, t in stated.items()}  # our own source's text
    held = {n: class_of(_HELD[kind.__name__, n]) | None for n in hints if (kind.__name__, n) in _HELD}
    return hints | held


def _is(made: Any, hint: Any) -> bool:
    """Return whether an object is of a declared type."""
    origin = typing.get_origin(hint)
    if origin is np.ndarray:
        stated = np.dtype(typing.get_args(typing.get_args(hint)[1])[0])
        return isinstance(made, np.ndarray) and made.dtype.kind in _WIDER[stated.kind]
    if getattr(hint, "__name__", "") in _IMPLEMENTED:
        return isinstance(made, class_of(_IMPLEMENTED[hint.__name__]))
    return isinstance(made, origin or hint)


def _array(one: Any) -> Any:
    text, dtype = part_of(one, "array"), part_of(one, "dtype")
    if not isinstance(text, str) or not isinstance(dtype, str) or not _DTYPE.fullmatch(dtype):
        raise Unread("an array is not numeric")
    flat = np.frombuffer(base64.b64decode(text, validate=True), dtype=np.dtype(dtype))
    return flat.reshape(_shape(part_of(one, "shape"), flat.size)).copy()


def _shape(given: Any, size: int) -> tuple[int, ...]:
    shape = tuple(listed(given))
    if len(shape) > 8 or not all(is_whole(n, 0) for n in shape) or math.prod(shape) != size:
        raise Unread(f"an array of {size} numbers cannot be of shape {shape!r:.60}")
    return shape


def _refuse(node: Any, hint: Any) -> Any:
    raise Unread(f"{node!r:.60} is not of type {getattr(hint, '__name__', hint)}")


def _is_number(node: Any) -> bool:
    return isinstance(node, (int, float)) and not isinstance(node, bool)


_PLAIN: Mapping[Any, Callable[[Any], bool]] = {
    Any: lambda v: v is None or isinstance(v, (bool, int, float, str)),
    object: lambda v: v is None or isinstance(v, (bool, int, float, str)),
    type(None): lambda v: v is None,
    bool: lambda v: isinstance(v, bool),
    int: is_whole,
    float: _is_number,
    str: lambda v: isinstance(v, str),
}
