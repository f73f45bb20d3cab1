"""Covariate columns: what covariates add to the latent mean of a parameter."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem, nearest
from immunoode.fitting.observations import FloatArray, Observations
from immunoode.regimen.record_options import COVARIATES
from immunoode.tables.identifiers import index_by_subject

if TYPE_CHECKING:
    from pandas import DataFrame

_FORM = re.compile(r"^(?:log\((?P<logged>.+?)(?:\s*/\s*(?P<reference>[-+0-9.eE]+))?\)|(?P<plain>.+))$")


def covariate_columns(
    parameter: str, given: str | Iterable[str], seen: Observations, table: DataFrame | None
) -> dict[str, FloatArray]:
    """Return one column (S,) per coefficient, by its label.

    "log(weight)" is the logarithm of the weight divided by its median, "log(weight / 70)" of the weight divided by 70; for a
    log-normal parameter, the coefficient is the exponent. "age" is the number minus its median. A categorical covariate, or
    "arm", yields one column per category except the most common one.

    Raises
    ------
    FitError
        If a covariate is not known, is missing for a subject, or does not suit the form.
    """
    made: dict[str, FloatArray] = {}
    for text in [given] if isinstance(given, str) else list(given):
        made |= _columns(parameter, str(text), seen, table)
    return made


def unused_covariates(
    table: DataFrame | None, constants: Iterable[str], given: Mapping[str, str | Iterable[str]] | None
) -> tuple[str, ...]:
    """Return the covariates of the data that are neither parameters of the model nor named in `covariates=`."""
    if table is None:
        return ()
    forms = [t for texts in (given or {}).values() for t in ([texts] if isinstance(texts, str) else texts)]
    known = set(constants)
    used = {*known, *(_name(str(t)) for t in forms)}
    usual = with_model_names(table, known)
    assert usual is not None
    pairs = zip(table.columns, usual.columns, strict=True)
    return tuple(str(c) for c, name in pairs if str(c) not in used and str(name) not in known)


def warn_of_unused(names: Iterable[str], table: DataFrame | None) -> None:
    """Warn about unused numeric covariates, because one of them may have another name in the model."""
    lost = [] if table is None else [n for n in names if table[n].dtype.kind in "iuf"]
    if lost:
        shown = ", ".join(lost[:8]) + (", ..." if len(lost) > 8 else "")
        warnings.warn(
            f"nothing uses the covariates {shown} of the data, because no parameter of the model has such a name; "
            f"covariates={{'WT': 'weight'}} in the reader maps columns to parameters",
            stacklevel=3,
        )


def with_model_names(table: DataFrame | None, constants: Iterable[str]) -> DataFrame | None:
    """Return the covariates under the model's names: WT becomes `weight` if the model has one and the data have no other."""
    if table is None:
        return None
    known, taken = set(constants), set(map(str, table.columns))
    usual = {c: COVARIATES.get(str(c).strip().upper(), "") for c in table.columns if c not in known}
    ours = {c: name for c, name in usual.items() if name in known and name not in taken}
    return table.rename(columns=ours) if len(set(ours.values())) == len(ours) else table


def _name(text: str) -> str:
    form = _FORM.match(text.strip())
    return (form["logged"] or form["plain"]).strip() if form else ""


def _columns(parameter: str, text: str, seen: Observations, table: DataFrame | None) -> dict[str, FloatArray]:
    where = f"covariates[{parameter!r}]"
    form = _FORM.match(text.strip())
    assert form is not None  # it matches everything that is not empty
    name = (form["logged"] or form["plain"]).strip()
    values = _values(where, name, seen, table)
    if not np.issubdtype(values.dtype, np.number):
        if form["logged"]:
            raise FitError(Problem(where, f"{name!r} is a category, which has no logarithm", f"state it without log: {name!r}"))
        return _words(name, values)
    numbers = values.astype(np.float64)
    lost = [s for s, v in zip(seen.subjects, numbers, strict=True) if not np.isfinite(v)]
    if lost:
        what = f"{name!r} is missing for {len(lost)} subjects ({', '.join(lost[:3])}, ...)"
        raise FitError(Problem(where, what, "give each subject a value, or leave these subjects out with data.select"))
    if not form["logged"]:
        return {name: numbers - np.median(numbers)}
    if (numbers <= 0).any():
        raise FitError(Problem(where, f"{name!r} is zero or negative for some subjects", f"state it without log: {name!r}"))
    reference = float(form["reference"] or np.median(numbers))
    return {text.strip(): np.log(numbers / reference)}


def _values(where: str, name: str, seen: Observations, table: DataFrame | None) -> Any:
    if name == "arm":
        return np.array(seen.arms)
    known = [] if table is None else [str(c) for c in table.columns]
    if table is None or name not in known:
        raise FitError(Problem(where, f"{name!r} is not a covariate of the data", nearest(name, [*known, "arm"])))
    column = index_by_subject(table[[name]], "covariates")[name]
    values = column.reindex(list(seen.subjects))
    return values.to_numpy() if values.dtype.kind in "fiub" else values.fillna("missing").astype(str).to_numpy()


def _words(name: str, values: Any) -> dict[str, FloatArray]:
    words, counts = np.unique(values.astype(str), return_counts=True)
    usual = words[np.argmax(counts)]
    return {f"{name}={w}": (values == w).astype(np.float64) for w in words if w != usual}
