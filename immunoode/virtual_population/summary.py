"""A distribution of patients as a table and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.virtual_population.composed_marginals import Mixture, Truncated
from immunoode.virtual_population.dependence import Correlation, EmpiricalRows
from immunoode.virtual_population.discrete_marginals import Categorical, Empirical
from immunoode.virtual_population.marginals import Marginal
from immunoode.virtual_population.parameter_distribution import ParameterDistribution

if TYPE_CHECKING:
    import pandas as pd

QUANTILES = {"median": 0.5, "2.5 %": 0.025, "97.5 %": 0.975}


def summary(entries: Mapping[str, ParameterDistribution], tables: Sequence[EmpiricalRows]) -> pd.DataFrame:
    """Return one row per parameter: distribution, median, quantiles at 2.5 % and 97.5 %, unit, source."""
    import pandas as pd

    rows = {
        name: {
            "distribution": words(entry.distribution),
            **{label: float(entry.distribution.ppf(p)) for label, p in QUANTILES.items()},
            "unit": entry.unit,
            "source": entry.source,
        }
        for name, entry in entries.items()
    }
    for table in tables:
        for k, column in enumerate(table.columns):
            quantiles = {label: float(np.quantile(table.values[:, k], p)) for label, p in QUANTILES.items()}
            unit = table.units[k] if table.units else ""
            rows[column] = {"distribution": f"{len(table.rows)} rows", **quantiles, "unit": unit, "source": table.source}
    return pd.DataFrame.from_dict(rows, orient="index")


def words(found: Marginal) -> str:
    """Return a distribution as text: "LogNormal(median=0.22, sd=0.366)"."""
    if isinstance(found, Truncated):
        return f"{words(found.of)} in [{found.lower:g}, {found.upper:g}]"
    if isinstance(found, Mixture):
        parts = [f"{w:.3g} {words(c)}" for w, c in zip(found.weights, found.components, strict=True)]
        return " + ".join(parts)
    if isinstance(found, Categorical):
        return ", ".join(f"{v:g} ({p:.1%})" for v, p in zip(found.values, found.probabilities, strict=True))
    if isinstance(found, Empirical):
        return f"one of {len(found.values)} values"
    stated: list[Any] = [(f.name, getattr(found, f.name)) for f in fields(found) if getattr(found, f.name) != f.default]  # type: ignore[arg-type]
    return f"{type(found).__name__}({', '.join(f'{name}={value:.4g}' for name, value in stated)})"


def text(title: str, model: str, table: pd.DataFrame, correlations: Sequence[Correlation]) -> str:
    """Return the report of a distribution: its title, the model, its summary, and its correlations."""
    title = title or "Distribution of patients"
    lines = [title, "=" * len(title), model, table.to_string(float_format=lambda v: f"{v:.4g}")]
    for block in correlations:
        lines += ["", *correlation_lines(block)]
    return "\n".join(filter(None, lines[:3])) + "\n" + "\n".join(lines[3:])


def correlation_lines(block: Correlation) -> list[str]:
    """Return the lower triangle of a correlation as lines."""
    width = max(map(len, block.names))
    rows = [
        f"  {name:<{width}}  " + "  ".join(f"{block.matrix[i][j]:6.3f}" for j in range(i + 1))
        for i, name in enumerate(block.names)
    ]
    return [f"Correlation{f' ({block.source})' if block.source else ''}:", *rows]
