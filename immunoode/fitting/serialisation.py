"""Results as JSON and back: dataclasses by their fields, arrays by their bytes, shared objects once.

Reading follows the types that the dataclasses declare: a field of type `FloatArray` becomes an array of numbers or an error,
and names in a file do not determine what is created or executed.
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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem
from immunoode.fitting.arithmetic import fault
from immunoode.fitting.consistency import inconsistency
from immunoode.fitting.former_names import CLASSES, FIELDS

if TYPE_CHECKING:
    from lmfit import Parameters
    from pandas import DataFrame

RESULTS = ("immunoode.fitting.result:FitResult", "immunoode.population.result:PopulationResult")
"""Classes that may be saved."""
_IMPLEMENTED = {"Predictor": "immunoode.fitting.simulation_predictor:Simulated"}
"""The class behind a protocol."""
_HELD = {("Trigger", "course"): "immunoode.regimen.regimen:Regimen"}
"""Types of fields that are declared as `Any`."""
_PACKAGE = "immunoode."
_ARRAY = np.ndarray[Any, np.dtype[np.float64]]
_RESULT: Mapping[str, Any] = {
    "covar": _ARRAY | None,
    "var_names": list[str],
    "residual": _ARRAY | None,
    "nfev": int,
    "ndata": int,
    "nvarys": int,
    "nfree": int,
    "chisqr": float,
    "redchi": float,
    "aic": float,
    "bic": float,
    "success": bool,
    "message": str,
    "method": str,
    "aborted": bool,
    "errorbars": bool,
    "init_vals": list[float],
    "ier": int | None,
    "lmdif_message": str,
}
"""The parts of lmfit's result that are kept, in addition to its parameters."""
_OF_PARAMETERS = ("value", "min", "max", "stderr", "init_value")
_DTYPE = re.compile(r"[<>|=]?([biuf])[1248]")
_COLUMN = re.compile(r"object|str|string|bool|boolean|category|u?int\d+|U?Int\d+|float\d+|Float\d+")
_WIDER = {"f": "biuf", "i": "biu", "u": "biu", "b": "b"}
"""Kinds of arrays that a field accepts, by its declared kind."""


_REPORTED = frozenset({"method", "message", "success"})
"""The fields of an outcome that every result has; reports show them."""


class Unread(ValueError):
    """A file has something that does not belong there."""


class Writer:
    """Converts values to JSON; each object is listed once, and referred to by its position."""

    def __init__(self) -> None:
        self.objects: list[Any] = []
        self._places: dict[int, int] = {}
        self._kept: list[Any] = []

    def value(self, value: Any) -> Any:
        """Return a value as JSON."""
        if value is None or isinstance(value, (bool, int, float, str)):
            return value.item() if isinstance(value, np.generic) else value
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, tuple):
            return {"tuple": [self.value(v) for v in value]}
        if isinstance(value, list):
            return [self.value(v) for v in value]
        if isinstance(value, Mapping) and not is_dataclass(value):
            return {"dict": [[self.value(k), self.value(v)] for k, v in value.items()]}
        return {"object": self._place(value)}

    def _place(self, value: Any) -> int:
        if id(value) not in self._places:
            self._kept.append(value)  # so that no other object gets its id
            made = self._object(value)
            self._places[id(value)] = len(self.objects)
            self.objects.append(made)
        return self._places[id(value)]

    def _object(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, (frozenset, set)):
            return {"set": [self.value(v) for v in sorted(value)]}
        if isinstance(value, Path):
            return {"path": str(value)}
        kind = type(value)
        if kind.__name__ == "DataFrame":
            return self._table(value)
        if kind.__name__ == "Outcome":
            return self._outcome(value)
        if is_dataclass(value) and kind.__module__.startswith(_PACKAGE):
            own = {f.name: self.value(getattr(value, f.name)) for f in fields(value) if f.init}
            return {"class": f"{kind.__module__}:{kind.__qualname__}", "fields": own}
        raise FitError(Problem("save", f"a {kind.__module__}.{kind.__qualname__} cannot be written", "a result of a fit"))

    def _array(self, value: Any) -> Any:
        if value.dtype == object:
            return self._words(value)
        kept = np.ascontiguousarray(value)
        return {"array": base64.b64encode(kept.tobytes()).decode(), "dtype": kept.dtype.str, "shape": list(value.shape)}

    def _words(self, value: Any) -> Any:
        """Return an array of objects as its unique values and codes."""
        places: dict[tuple[type, str], int] = {}
        cells = value.ravel().tolist()
        codes = np.array([places.setdefault((type(c), repr(c)), len(places)) for c in cells], dtype=np.int32)
        first = {code: cell for code, cell in zip(reversed(codes.tolist()), reversed(cells), strict=True)}
        words = [self.value(first[k]) for k in range(len(first))]
        return {"words": words, "codes": self._array(codes), "shape": list(value.shape)}

    def _table(self, table: DataFrame) -> Any:
        columns = [self.value(_plain(table.iloc[:, j])) for j in range(table.shape[1])]
        kinds = [str(t) for t in table.dtypes]
        return {
            "table": columns,
            "kinds": kinds,
            "names": [self.value(c) for c in table.columns],
            "index": self.value(_plain(table.index.to_series())),
            "index_name": self.value(table.index.name),
        }

    def _outcome(self, outcome: Any) -> Any:
        result = outcome.result
        kept = {n: self.value(getattr(result, n)) for n in _RESULT if hasattr(result, n)}
        own = {f.name: getattr(outcome, f.name) for f in fields(outcome) if f.name != "result"}
        return {"outcome": kept, "parameters": self._parameters(result.params), "fields": own}

    def _parameters(self, params: Parameters) -> Any:
        every = list(params.values())
        names = {p.name for p in every}
        for p in every:
            if p.expr is not None and (why := fault(p.expr, names)):
                raise FitError(Problem(f"constraints[{p.name!r}]", f"{p.expr!r} {why}", "only arithmetic can be saved"))
        numbers = {n: np.array([_number(getattr(p, n)) for p in every]) for n in _OF_PARAMETERS}
        varied = [p.name for p in every if p.vary]
        correlated = np.array([[(params[a].correl or {}).get(b, np.nan) for b in varied] for a in varied], dtype=np.float64)
        return {
            "names": [p.name for p in every],
            "expressions": [[p.name, p.expr] for p in every if p.expr is not None],
            "vary": self.value(np.array([bool(p.vary) for p in every])),
            **{name: self.value(column) for name, column in numbers.items()},
            "correlations": self.value(correlated),
        }


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _plain(column: Any) -> Any:
    """Return a column as an array: numbers as they are, everything else as objects."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        return column.to_numpy()
    made = np.empty(len(column), dtype=object)
    whole = isinstance(column.dtype, np.dtype) or column.dtype.name == "category"
    made[:] = column.tolist() if whole else [None if missing else v for v, missing in zip(column, column.isna(), strict=True)]
    return made


class Reader:
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
            return [self.value(v, inner[0]) for v in _listed(node)]
        if isinstance(origin, type) and issubclass(origin, Mapping):
            pairs = [_listed(pair, 2) for pair in _listed(_part(node, "dict"))]
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
            return tuple(self.value(v, hints[0]) for v in _listed(_part(node, "tuple")))
        return tuple(self.value(v, h) for v, h in zip(_listed(_part(node, "tuple"), len(hints)), hints, strict=True))

    def _at(self, node: Any) -> int:
        at = _part(node, "object")
        if not isinstance(at, int) or isinstance(at, bool) or not 0 <= at < self._before:
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
        if name and not module.startswith(_PACKAGE):
            raise Unread(f"{str(name)!r:.80} is not a class of immunoode")
        return CLASSES.get(named, named)

    def _object(self, one: Any, hint: Any) -> Any:
        origin = typing.get_origin(hint)
        if origin is np.ndarray:
            return _array(one)
        if origin is frozenset:
            return frozenset(self.value(v, typing.get_args(hint)[0]) for v in _listed(_part(one, "set")))
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
        made = kind(**self._fields(_part(one, "fields"), kind))  # type: ignore[operator]
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
        known = _listed(one.get("words", one.get("cells")))
        words = np.empty(len(known), dtype=object)
        words[:] = [self.value(v, object) for v in known]
        codes = _array(one["codes"]) if "words" in one else np.arange(len(words))
        if codes.dtype.kind not in "iu" or codes.size and not 0 <= codes.min() <= codes.max() < len(words):
            raise Unread("a column refers to values that do not exist")
        return words[codes].reshape(_shape(one.get("shape"), codes.size))

    def _table(self, one: Any) -> Any:
        import pandas as pd

        given, kinds, names = (_listed(_part(one, n)) for n in ("table", "kinds", "names"))
        index = pd.Index(self._column(_part(one, "index")), name=self.value(one.get("index_name"), object))
        if not len(given) == len(kinds) == len(names) or not all(isinstance(k, str) and _COLUMN.fullmatch(k) for k in kinds):
            raise Unread("a table does not have the columns that it names")
        series = [pd.Series(self._column(c), index=index).astype(k) for c, k in zip(given, kinds, strict=True)]
        columns = dict(enumerate(series))
        table = pd.DataFrame(columns, index=index)
        table.columns = pd.Index([self.value(n, object) for n in names])
        return table

    def _outcome(self, one: Any, kind: Any) -> Any:
        from lmfit.minimizer import MinimizerResult

        kept = _part(one, "outcome")
        if not isinstance(kept, dict) or kept.keys() - _RESULT.keys():
            raise Unread("the outcome of a fit has other fields than this version of immunoode writes")
        if missing := _REPORTED - kept.keys():
            raise Unread(f"the outcome of a fit has no {sorted(missing)[0]!r}")
        stated = one["fields"] if "fields" in one else {n: one[n] for n in ("rounds", "settled")}
        own = {n: self.value(_part(stated, n), h) for n, h in hints_of(kind).items() if n in stated and n != "result"}
        params = self._parameters(_part(one, "parameters"))
        result = MinimizerResult(params=params, **{n: self.value(v, _RESULT[n]) for n, v in kept.items()})
        return kind(result, **own)

    def _parameters(self, one: Any) -> Parameters:
        if isinstance(one, str):
            return _parameters_of_lmfit(one)
        names = [self.value(n, str) for n in _listed(_part(one, "names"))]
        columns = {n: self.value(_part(one, n), _ARRAY) for n in (*_OF_PARAMETERS, "vary")}
        if any(column.shape != (len(names),) for column in columns.values()) or len(set(names)) < len(names):
            raise Unread("lmfit parameters differ in length, or one occurs twice")
        texts = {self.value(n, str): self.value(t, str) for n, t in (_listed(p, 2) for p in _listed(_part(one, "expressions")))}
        params = parameters_of(names, columns, texts)
        varied = [n for n, vary in zip(names, columns["vary"], strict=True) if vary]
        correlated = self.value(_part(one, "correlations"), _ARRAY)
        if correlated.shape != ((len(varied), len(varied)) if varied else (0,)):
            raise Unread("correlations are not those of the varied parameters")
        for name, row in zip(varied, correlated, strict=True):
            own = {other: float(c) for other, c in zip(varied, row, strict=True) if not math.isnan(c)}
            params[name].correl = own or None
        return params


def parameters_of(names: list[str], columns: Mapping[str, Any], texts: Mapping[str, str]) -> Parameters:
    """Return lmfit Parameters; expressions are arithmetic of known names.

    Raises
    ------
    Unread
        If an expression is more than that, or a name is not that of a parameter.
    """
    from lmfit import Parameter

    from immunoode.fitting.log_parameters import LogParameters

    problems = [f"{n!r:.40} is not an identifier" for n in names if not n.isidentifier()]
    whys = {n: fault(t, set(names) - {n}) if n in names else "is not a parameter" for n, t in texts.items()}
    problems += [f"{n!r:.40} = {texts[n]!r:.80} {why}" for n, why in whys.items() if why]
    if problems:
        raise Unread(problems[0])
    made = LogParameters()
    every = zip(names, columns["vary"].tolist(), *(columns[n].tolist() for n in _OF_PARAMETERS), strict=True)
    for name, vary, value, low, high, error, first in every:
        one = Parameter(name, value, bool(vary) and name not in texts, low, high)
        made.add(one)
        one.stderr, one.init_value = (None if math.isnan(error) else error), first
    for name, text in texts.items():
        made[name].expr = text
    for name in texts:
        _ = made[name].value  # every expression has a value, or this says why not
    return made


def _parameters_of_lmfit(text: str) -> Parameters:
    """Return the parameters of a file of format 1, as lmfit writes them; what lmfit would unpickle is ignored."""
    import json

    rows = _listed(_part(json.loads(text), "params"))
    names = [r[0] for r in rows if len(_listed(r)) == 11 and isinstance(r[0], str)]
    if len(names) < len(rows) or len(set(names)) < len(names):
        raise Unread("lmfit parameters have other fields than lmfit writes")
    places = {"value": 1, "vary": 2, "min": 4, "max": 5, "stderr": 7, "init_value": 9}
    columns = {n: np.array([_number(r[k]) for r in rows]) for n, k in places.items()}
    columns["vary"] = columns["vary"] > 0
    params = parameters_of(names, columns, {r[0]: str(r[3]) for r in rows if r[3] is not None})
    for row in rows:
        if isinstance(row[8], dict):
            params[row[0]].correl = {str(n): _number(c) for n, c in row[8].items()}
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
    text, dtype = _part(one, "array"), _part(one, "dtype")
    if not isinstance(text, str) or not isinstance(dtype, str) or not _DTYPE.fullmatch(dtype):
        raise Unread("an array is not numeric")
    flat = np.frombuffer(base64.b64decode(text, validate=True), dtype=np.dtype(dtype))
    return flat.reshape(_shape(_part(one, "shape"), flat.size)).copy()


def _shape(given: Any, size: int) -> tuple[int, ...]:
    shape = tuple(_listed(given))
    if len(shape) > 8 or not all(isinstance(n, int) and n >= 0 for n in shape) or math.prod(shape) != size:
        raise Unread(f"an array of {size} numbers cannot be of shape {shape!r:.60}")
    return shape


def _part(node: Any, name: str) -> Any:
    if not isinstance(node, dict) or name not in node:
        raise Unread(f"{name!r} is missing in {node!r:.60}")
    return node[name]


def _listed(node: Any, length: int | None = None) -> list[Any]:
    if not isinstance(node, list) or length is not None and len(node) != length:
        raise Unread(f"{node!r:.60} is not a list" + (f" of {length}" if length else ""))
    return node


def _refuse(node: Any, hint: Any) -> Any:
    raise Unread(f"{node!r:.60} is not of type {getattr(hint, '__name__', hint)}")


def _is_number(node: Any) -> bool:
    return isinstance(node, (int, float)) and not isinstance(node, bool)


_PLAIN: Mapping[Any, Callable[[Any], bool]] = {
    Any: lambda v: v is None or isinstance(v, (bool, int, float, str)),
    object: lambda v: v is None or isinstance(v, (bool, int, float, str)),
    type(None): lambda v: v is None,
    bool: lambda v: isinstance(v, bool),
    int: lambda v: isinstance(v, int) and not isinstance(v, bool),
    float: _is_number,
    str: lambda v: isinstance(v, str),
}
