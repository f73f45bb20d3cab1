"""Results as JSON: dataclasses by their fields, arrays by their bytes, shared objects once."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem
from immunoode.fitting.arithmetic import fault
from immunoode.fitting.serialisation import OF_PARAMETERS, OF_RESULT, PACKAGE, number_or_nan

if TYPE_CHECKING:
    from lmfit import Parameters
    from pandas import DataFrame


class ResultWriter:
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
        if is_dataclass(value) and kind.__module__.startswith(PACKAGE):
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
        kept = {n: self.value(getattr(result, n)) for n in OF_RESULT if hasattr(result, n)}
        own = {f.name: getattr(outcome, f.name) for f in fields(outcome) if f.name != "result"}
        return {"outcome": kept, "parameters": self._parameters(result.params), "fields": own}

    def _parameters(self, params: Parameters) -> Any:
        every = list(params.values())
        names = {p.name for p in every}
        for p in every:
            if p.expr is not None and (why := fault(p.expr, names)):
                raise FitError(Problem(f"constraints[{p.name!r}]", f"{p.expr!r} {why}", "only arithmetic can be saved"))
        numbers = {n: np.array([number_or_nan(getattr(p, n)) for p in every]) for n in OF_PARAMETERS}
        varied = [p.name for p in every if p.vary]
        correlated = np.array([[(params[a].correl or {}).get(b, np.nan) for b in varied] for a in varied], dtype=np.float64)
        return {
            "names": [p.name for p in every],
            "expressions": [[p.name, p.expr] for p in every if p.expr is not None],
            "vary": self.value(np.array([bool(p.vary) for p in every])),
            **{name: self.value(column) for name, column in numbers.items()},
            "correlations": self.value(correlated),
        }


def _plain(column: Any) -> Any:
    """Return a column as an array: numbers as they are, everything else as objects."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        return column.to_numpy()
    made = np.empty(len(column), dtype=object)
    whole = isinstance(column.dtype, np.dtype) or column.dtype.name == "category"
    made[:] = column.tolist() if whole else [None if missing else v for v, missing in zip(column, column.isna(), strict=True)]
    return made
