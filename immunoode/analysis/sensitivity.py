"""Local sensitivity: the relative change of an output per relative change of each parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode import units
from immunoode.errors import Problem, SolveError
from immunoode.model.library import load_model
from immunoode.solve.simulate import simulate

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.model.model import Model

AT_ONCE = 12
"""The number of parameters whose sensitivities are computed together."""


def local_sensitivity(
    model: Model | str,
    output: str,
    regimen: Any = None,
    *,
    at: str | float | Sequence[float],
    parameters: Sequence[str] | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Return the elasticities of an output: the change in percent per percent of change of each parameter.

    Parameters
    ----------
    model : Model or str
    output : str
    regimen : Regimen, optional
    at : str, float or sequence of float
        The times: "90 days", or days.
    parameters : sequence of str, optional
        By default, all that are not zero.
    **options
        As for `simulate`.

    Returns
    -------
    DataFrame
        One row per parameter (index), one column per time in days, sorted by the largest absolute value.

    Raises
    ------
    SolveError
        If the output is zero at such a time, or if the simulation or a derivative fails.
    """
    import pandas as pd

    given = load_model(model) if isinstance(model, str) else model
    days = np.atleast_1d(units.times(at))
    first = simulate(given, regimen, times=days, outputs=[output], **options)
    names = [n for n, p in first.model.constants.items() if p.value] if parameters is None else list(parameters)
    values = {n: p.value for n, p in first.model.constants.items()}
    size = np.atleast_1d(first[output])
    if not np.all(np.abs(size) > 0):
        raise SolveError(Problem(f"output {output!r}", "is zero at such a time", "times at which it is not zero"))
    rows: dict[str, Any] = {}
    for k in range(0, len(names), AT_ONCE):
        some = names[k : k + AT_ONCE]
        run = simulate(given, regimen, times=days, outputs=[output], sensitivities=some, **options)
        run.raise_for_status()
        rows |= {n: np.atleast_1d(run.sensitivity(output, n)) * values[n] / size for n in some}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=days)
    return table.loc[table.abs().max(axis=1).sort_values(ascending=False, kind="stable").index]
