"""Results in files: everything a result holds, as JSON, so that it is read back to the last digit and nothing is executed.

Dataclasses of this package are written by their fields, arrays by their bytes, and what is held twice once. Reading makes
nothing but dataclasses of this package, arrays, tables, texts and numbers.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.atomic import write_whole
from immunoode.errors import FitError, Problem

if TYPE_CHECKING:
    from pandas import DataFrame

FORMAT = 1
_PACKAGE = "immunoode."
_RESULT = ("covar", "var_names", "residual", "nfev", "ndata", "nvarys", "nfree", "chisqr", "redchi", "aic", "bic", "success",
           "message", "method", "aborted", "errorbars", "init_vals", "ier", "lmdif_message")  # fmt: skip
"""What is kept of lmfit's result, besides its parameters."""


def save(result: Any, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a result to a file (JSON, compressed), whole or not at all.

    Returns
    -------
    Path

    Raises
    ------
    FitError
        If the result holds what cannot be written.
    FileError
        If the file cannot be written, or is there and is not to be replaced.
    """
    writer = _Writer()
    content = writer.value(result)
    text = json.dumps({"format": FORMAT, "immunoode": _version(), "objects": writer.objects, "result": content})
    return write_whole(path, gzip.compress(text.encode(), mtime=0), overwrite=overwrite)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("immunoode")
    except PackageNotFoundError:  # run from a folder, not installed
        return ""


def load_fit(path: str | Path) -> Any:
    """Read a result that `result.save(path)` wrote: a FitResult or a PopulationResult.

    Raises
    ------
    FitError
        If there is no such file, or it is not one of these.

    Examples
    --------
    >>> import immunoode as imo
    >>> result = imo.load_fit("trial.fit")  # doctest: +SKIP
    """
    file = Path(path)
    try:
        document = json.loads(gzip.decompress(file.read_bytes()))
        if document["format"] != FORMAT:
            what = f"is of format {document['format']}, written by immunoode {document['immunoode']}"
            raise FitError(Problem(str(path), what, f"this version reads format {FORMAT}"))
        return _Reader(document["objects"]).value(document["result"])
    except FileNotFoundError as error:
        raise FitError(Problem(str(path), "is not there", "the path that .save() was given")) from error
    except FitError:
        raise
    except Exception as error:  # whatever a broken file leads to
        raise FitError(Problem(str(path), f"is not a saved fit: {error}", "a file written by .save()")) from error


def fingerprint(*parts: Any) -> str:
    """Return a hash of data and settings: the same for the same fit, on any machine."""
    writer = _Writer()
    content = [writer.value(part) for part in parts]
    text = json.dumps([writer.objects, content], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Writer:
    """Turns values into what JSON holds; objects are listed once, and referred to by their place."""

    def __init__(self) -> None:
        self.objects: list[Any] = []
        self._places: dict[int, int] = {}
        self._kept: list[Any] = []

    def value(self, value: Any) -> Any:
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
            return {"cells": [self.value(v) for v in value.ravel().tolist()], "shape": list(value.shape)}
        kept = np.ascontiguousarray(value)
        return {"array": base64.b64encode(kept.tobytes()).decode(), "dtype": kept.dtype.str, "shape": list(value.shape)}

    def _table(self, table: DataFrame) -> Any:
        columns = [self.value(_plain(table.iloc[:, j])) for j in range(table.shape[1])]
        kinds = [str(t) for t in table.dtypes]
        return {"table": columns, "kinds": kinds, "names": [self.value(c) for c in table.columns],
                "index": self.value(_plain(table.index.to_series())), "index_name": self.value(table.index.name)}  # fmt: skip

    def _outcome(self, outcome: Any) -> Any:
        result = outcome.result
        kept = {n: self.value(getattr(result, n)) for n in _RESULT if hasattr(result, n)}
        return {"outcome": kept, "parameters": result.params.dumps(), "rounds": outcome.rounds, "settled": outcome.settled}


def _plain(column: Any) -> Any:
    """Return a column as an array: numbers as they are, everything else as objects."""
    values = column.to_numpy()
    if values.dtype.kind in "biuf":
        return values
    made = np.empty(len(values), dtype=object)
    made[:] = column.tolist()
    return made


class _Reader:
    """Turns it back."""

    def __init__(self, objects: list[Any]) -> None:
        self.made: list[Any] = []
        for one in objects:
            self.made.append(self._object(one))

    def value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.value(v) for v in value]
        if not isinstance(value, dict):
            return value
        if "tuple" in value:
            return tuple(self.value(v) for v in value["tuple"])
        if "dict" in value:
            return {self.value(k): self.value(v) for k, v in value["dict"]}
        return self.made[value["object"]]

    def _object(self, one: Any) -> Any:
        if "array" in one:
            return np.frombuffer(base64.b64decode(one["array"]), dtype=np.dtype(one["dtype"])).reshape(one["shape"]).copy()
        if "cells" in one:
            made = np.empty(len(one["cells"]), dtype=object)
            made[:] = [self.value(v) for v in one["cells"]]
            return made.reshape(one["shape"])
        if "set" in one:
            return frozenset(self.value(v) for v in one["set"])
        if "path" in one:
            return Path(one["path"])
        if "table" in one:
            return self._table(one)
        if "outcome" in one:
            return self._outcome(one)
        return _class(one["class"])(**{n: self.value(v) for n, v in one["fields"].items()})

    def _table(self, one: Any) -> Any:
        import pandas as pd

        index = pd.Index(self.value(one["index"]), name=self.value(one["index_name"]))
        columns = {j: pd.Series(self.value(c), index=index).astype(k) for j, (c, k) in
                   enumerate(zip(one["table"], one["kinds"], strict=True))}  # fmt: skip
        table = pd.DataFrame(columns, index=index)
        table.columns = pd.Index([self.value(n) for n in one["names"]])
        return table

    def _outcome(self, one: Any) -> Any:
        from lmfit.minimizer import MinimizerResult

        from immunoode.fit.logarithms import LogParameters
        from immunoode.fit.minimise import Outcome

        kept = {n: self.value(v) for n, v in one["outcome"].items()}
        result = MinimizerResult(params=LogParameters().loads(one["parameters"]), **kept)
        return Outcome(result, int(one["rounds"]), bool(one["settled"]))


def _class(name: str) -> Any:
    """Return a dataclass of this package, and nothing else."""
    from importlib import import_module

    module, _, attribute = name.partition(":")
    if not module.startswith(_PACKAGE) or not attribute.isidentifier():
        raise FitError(Problem(name, "is no part of immunoode", "a file written by .save()"))
    found = getattr(import_module(module), attribute)
    if not (isinstance(found, type) and is_dataclass(found)):
        raise FitError(Problem(name, "is no dataclass", "a file written by .save()"))
    return found
