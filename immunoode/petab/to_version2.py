"""Conversion of tables of PEtab version 1 to version 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from immunoode.petab.noise import DISTRIBUTIONS_2

if TYPE_CHECKING:
    import pandas as pd

_NOISE = {pair: name for name, pair in DISTRIBUTIONS_2.items()}


def to_version_2(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return parameters, conditions, experiments, observables and measurements of version 2.

    Parameters
    ----------
    tables : mapping
        Tables of version 1: "parameters", "conditions", "observables", "measurements"; without pre-equilibration, log10
        transformations of observables, and placeholders.
    """
    conditions, experiments = _conditions(tables["conditions"])
    measured = tables["measurements"].rename(columns={"simulationConditionId": "experimentId"})
    return {
        "parameters": _parameters(tables["parameters"]),
        "conditions": conditions,
        "experiments": experiments,
        "observables": _observables(tables["observables"]),
        "measurements": measured,
    }


def _parameters(table: pd.DataFrame) -> pd.DataFrame:
    found = table[["parameterId", "lowerBound", "upperBound", "nominalValue"]].copy()
    found["estimate"] = ["true" if e else "false" for e in table["estimate"]]
    if "objectivePriorType" in table:
        pairs = list(zip(table["objectivePriorType"], table["objectivePriorParameters"], strict=True))
        found["priorDistribution"] = [{"normal": "normal", "": ""}.get(kind, "log-normal") for kind, _ in pairs]
        found["priorParameters"] = [
            _proportional(numbers) if kind == "parameterScaleNormal" else numbers for kind, numbers in pairs
        ]
    return found


def _proportional(numbers: str) -> str:
    """Return the log-normal density of a parameter that is proportional to a normal density of its logarithm.

    exp(-(u - m)^2 / 2 s^2), u = log(x), is exp(-(u - m - s^2)^2 / 2 s^2) / x times a constant.
    """
    middle, sd = map(float, numbers.split(";"))
    return f"{middle + sd**2!r};{sd!r}"


def _conditions(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return conditions in long form, and for each condition an experiment with the same name from time 0."""
    import pandas as pd

    targets = [c for c in table.columns if c not in ("conditionId", "conditionName")]
    rows = [(row["conditionId"], t, row[t]) for row in table.to_dict("records") for t in targets]
    long = pd.DataFrame(rows, columns=["conditionId", "targetId", "targetValue"], dtype=object)
    ids = table["conditionId"] if targets else [""] * len(table)
    return long, pd.DataFrame({"experimentId": table["conditionId"], "time": 0.0, "conditionId": ids})


def _observables(table: pd.DataFrame) -> pd.DataFrame:
    found = table.drop(columns="observableTransformation")
    pairs = zip(table["noiseDistribution"], table["observableTransformation"], strict=True)
    return found.assign(noiseDistribution=[_NOISE[pair] for pair in pairs])
