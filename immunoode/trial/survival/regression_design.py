"""The design of a survival regression: rows with numeric columns, coded from covariates and arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem, nearest
from immunoode.trial.survival.endpoint_table import endpoint_table

if TYPE_CHECKING:
    import pandas as pd


def _covariate_table(endpoints: Any, covariates: Any) -> pd.DataFrame:
    """Return a table of covariates: as given, or the named ones of the trial data."""
    import pandas as pd

    if isinstance(covariates, pd.DataFrame):
        return covariates
    names = [covariates] if isinstance(covariates, str) else covariates
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        right = "a table with one row per subject, or names of covariates of the trial data"
        raise DataError(Problem("covariates", f"are {type(covariates).__name__}", right))
    known = getattr(endpoints, "covariates", None)
    if known is None:
        raise DataError(
            Problem("covariates", "are names, but the endpoints do not contain covariates", "a table with one row per subject")
        )
    missing = [name for name in names if name not in known.columns]
    DataError.raise_if(Problem("covariates", f"{m!r} is not in the data", nearest(m, map(str, known))) for m in missing)
    return pd.DataFrame(known[list(names)])


@dataclass(frozen=True)
class RegressionDesign:
    """Rows with numeric columns, the columns of each covariate, and the subjects without a value."""

    rows: pd.DataFrame
    terms: Mapping[str, list[str]]
    left_out: pd.DataFrame

    @property
    def columns(self) -> list[str]:
        return [column for own in self.terms.values() for column in own]


def design_of(
    endpoints: Any, endpoint: str | None, covariates: Any, arm: bool, reference: str | None, strata: Sequence[str]
) -> RegressionDesign:
    """Return the design of a regression."""
    import pandas as pd

    rows = endpoint_table(endpoints, endpoint)
    parts, names = rows, list[str]()
    if covariates is not None:
        given = _covariate_table(endpoints, covariates)
        table = given.set_index("subject") if "subject" in given.columns else given
        table = table.set_axis(table.index.astype(str), axis=0).set_axis([str(c) for c in table.columns], axis=1)
        clash = [c for c in table.columns if c in rows.columns and c != "arm"]
        if clash or not table.index.is_unique:
            what = f"have the column {clash[0]!r}, as the endpoints do" if clash else "have a subject twice"
            raise DataError(Problem("covariates", what, "one row per subject, and other names of columns"))
        names = [c for c in table.columns if c not in ("arm", *strata)]
        parts = rows.merge(table.drop(columns="arm", errors="ignore"), left_on="subject", right_index=True, how="left")
    unknown = [s for s in strata if s not in parts.columns]
    DataError.raise_if(Problem("strata", f"{s!r} is not a covariate", nearest(s, names)) for s in unknown)
    lost = parts[[*names, *strata]].isna().any(axis=1) if names or strata else pd.Series(False, index=parts.index)
    left_out = pd.DataFrame({"subject": parts.loc[lost, "subject"], "reason": "no value of a covariate"})
    kept = parts[~lost].reset_index(drop=True)
    if arm and "arm" not in strata and kept["arm"].nunique() > 1:
        names = ["arm", *names]
    if not names:
        raise DataError(Problem("covariates", "there are none, and only one arm", "give covariates, or several arms"))
    if not kept["event"].any():
        raise DataError(Problem("endpoints", "have no event", "data with at least one event"))
    coded, terms = _coded(kept, names, reference)
    flat = [c for own in terms.values() for c in own if coded[c].nunique() < 2]
    DataError.raise_if(Problem(f"covariate {c!r}", "has the same value in all subjects", "leave it out") for c in flat)
    return RegressionDesign(coded, terms, left_out)


def _coded(rows: pd.DataFrame, names: Sequence[str], reference: str | None) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Return words as indicator columns ("covariate: word"), one per word but the reference, and the columns by covariate."""
    import pandas as pd

    columns: dict[str, Any] = {}
    terms: dict[str, list[str]] = {}
    for name in names:
        column = rows[name]
        if pd.api.types.is_numeric_dtype(column) and name != "arm":
            made = {name: column.astype(float)}
        else:
            made = _indicators(name, column.astype(str), reference if name == "arm" else None)
        terms[name] = list(made)
        columns |= made
    others = rows.drop(columns=[n for n in names if n in rows.columns])
    return pd.concat([others, pd.DataFrame(columns, index=rows.index)], axis=1), terms


def _indicators(name: str, column: pd.Series[str], reference: str | None) -> dict[str, pd.Series[float]]:
    words = list(dict.fromkeys(column))
    first = words[0] if reference is None else reference
    if first not in words:
        raise DataError(Problem("reference", f"{first!r} is not an arm", nearest(first, words)))
    return {f"{name}: {w} (to {first})": (column == w).astype(float) for w in words if w != first}
