"""The tables of a finished fit: parameters, predictions at the observations, curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import FitError
from immunoode.fitting.finished import FinishedFit
from immunoode.fitting.observations import INTERVAL, LEFT, MEASURED, RIGHT, FloatArray, Observations
from immunoode.fitting.parameterisation import LOG, FittedParameter
from immunoode.model.closed_model import resolve
from immunoode.model.components import Parameter

if TYPE_CHECKING:
    from pandas import DataFrame

CENSORED = {LEFT: "left", MEASURED: "", RIGHT: "right", INTERVAL: "interval"}
UNSURE = 1.0
"""Standard error (of a logarithm, or relative) above which a parameter counts as not determined."""
UNDETERMINED = "not determined by the data (see .profile())"


def parameter_table(result: FinishedFit, level: float) -> DataFrame:
    """Return one row per fitted parameter."""
    import pandas as pd

    try:
        limits = result.confidence(level)
    except FitError:
        limits = None
    rows = [
        _parameter_row(result, limits, fitted, *owned)
        for fitted in result.parameterisation.fitted_parameters
        for owned in (
            *zip(fitted.keys, fitted.labels, fitted.initial, strict=True),
            *((c, "covariate", 0.0) for c in fitted.coefficients),
        )
    ]
    return pd.DataFrame(rows).set_index("parameter")


def with_fixed(fitted: DataFrame, result: FinishedFit) -> DataFrame:
    """Return the table with one more row per parameter of the model that was not fitted."""
    import pandas as pd

    names = {found.name for found in result.parameterisation.fitted_parameters}
    every = {**result.model.parameters, **result.model.covariates}
    others = {name: parameter for name, parameter in every.items() if name not in names}
    used = _used_values(result)
    rows = [_fixed_row(parameter, used.get(name, np.array([parameter.value]))) for name, parameter in others.items()]
    return pd.concat([fitted, pd.DataFrame(rows, index=pd.Index(others, name="parameter"))]) if rows else fitted


def _used_values(result: FinishedFit) -> dict[str, FloatArray]:
    """Return the values (S,) of all parameters in the subjects, as the simulations of the fit used them."""
    base = getattr(result.predictor, "base", None)
    return {} if base is None else dict(zip(resolve(result.model).parameters, np.asarray(base).T, strict=True))


def _fixed_row(parameter: Parameter, values: FloatArray) -> dict[str, object]:
    """Return the row of a parameter that was not fitted, with its values in the subjects."""
    alike = bool((values == values[0]).all())
    value, beware = (float(values[0]), "") if alike else (np.nan, "differs between subjects")
    lowest, highest = parameter.bounds or (-np.inf, np.inf)
    found = {"of": "all", "value": value, "unit": parameter.unit, "standard_error": np.nan, "lower": np.nan, "upper": np.nan}
    return {**found, "start": value, "lowest": lowest, "highest": highest, "beware": beware, "fixed": True}


def _parameter_row(
    result: FinishedFit, limits: DataFrame | None, fitted: FittedParameter, key: str, label: str, start: float
) -> dict[str, object]:
    found, shift = result.lmfit.params[key], key in fitted.coefficients
    lower, upper = (np.nan, np.nan) if limits is None or key not in limits.index else limits.loc[key, ["lower", "upper"]]
    return {
        "parameter": key,
        "of": label,
        "value": found.value,
        "unit": "1" if shift else fitted.unit,
        "standard_error": found.stderr if limits is not None else np.nan,
        "lower": lower,
        "upper": upper,
        "start": start,
        "lowest": -np.inf if shift else fitted.bounds[0],
        "highest": np.inf if shift else fitted.bounds[1],
        "beware": "" if shift else _beware(result, fitted, key),
    }


def _beware(result: FinishedFit, fitted: FittedParameter, key: str) -> str:
    if key in result.parameterisation.constraints:
        return ""
    found, name = result.lmfit.params[key], LOG + key if fitted.log else key
    bound = result.slopes.stopped_at(name, result.lmfit.params)
    lines = [f"at its {bound} bound"] if bound else []
    if found.stderr is None or not np.isfinite(found.stderr):
        lines += ["without standard error"] if not bound else []
    elif found.stderr > abs(found.value) * UNSURE:
        lines.append(UNDETERMINED)
    return ", and ".join(lines)


def fitted_table(result: FinishedFit) -> DataFrame:
    """Return predictions at the fitted observations, with the observed values."""
    import pandas as pd

    seen, f = result.observations, result.fitted
    weighted = np.full(len(f), np.nan)
    for model, ratio in zip(result.least_squares.errors, result.ratios, strict=True):
        weighted[model.rows] = model.weighted_residuals(f[model.rows], ratio)
    return pd.DataFrame(
        {
            "row": list(seen.rows),
            "subject": np.array(seen.subjects, dtype=object)[seen.subject],
            "arm": np.array(seen.arms, dtype=object)[seen.subject],
            "time": seen.time,
            "quantity": np.array(seen.quantities, dtype=object)[seen.quantity],
            "observed": seen.value,
            "predicted": f,
            "weighted_residual": weighted,
            "censoring": [CENSORED[c] for c in seen.censoring],
            "unit": np.array(seen.units, dtype=object)[seen.quantity],
        }
    )


def curve_table(seen: Observations, days: FloatArray, by: str, columns: Mapping[str, FloatArray]) -> DataFrame:
    """Return (G, T, Q) arrays, by name, as a long table with one row per subject (or arm), time and quantity."""
    import pandas as pd

    owners = list(seen.subjects) if by == "subject" else list(dict.fromkeys(seen.arms))
    count, times, quantities = next(iter(columns.values())).shape
    table = {by: np.repeat(np.array(owners, dtype=object), times * quantities)}
    if by == "subject":
        table["arm"] = np.repeat(np.array(seen.arms, dtype=object), times * quantities)
    table["time"] = np.tile(np.repeat(days, quantities), count)
    table["quantity"] = np.tile(np.array(seen.quantities, dtype=object), count * times)
    table.update({name: values.reshape(-1) for name, values in columns.items()})
    table["unit"] = np.tile(np.array(seen.units, dtype=object), count * times)
    return pd.DataFrame(table)
