"""The outputs: endpoints of simulations, or any function of a table of parameters."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import OutOfBoundsWarning, Problem, SolveError, nearest
from immunoode.model.closed_model import ClosedModel, resolve
from immunoode.model.model import Model
from immunoode.optimisation.accumulated import with_areas
from immunoode.optimisation.endpoints import Endpoint, endpoint
from immunoode.optimisation.quantity_units import quantity_units
from immunoode.optimisation.report_times import report_times
from immunoode.sensitivity_analysis.inputs import ROUNDING, FloatArray
from immunoode.solve.options import SolverOptions
from immunoode.solve.simulate import as_model, simulate

if TYPE_CHECKING:
    import pandas as pd

_BLOCK = 5_000


@dataclass
class Outputs:
    """The K outputs of a patient that are analysed; `count` is the number of evaluated patients."""

    function: Callable[[pd.DataFrame], FloatArray]
    labels: tuple[str, ...]
    units: dict[str, str] = field(default_factory=dict)
    count: int = field(default=0)
    _range: tuple[FloatArray, FloatArray] | None = field(default=None)

    def __call__(self, table: pd.DataFrame) -> FloatArray:
        """Return the numbers (n, K) of a table of parameters."""
        with warnings.catch_warnings():
            if self.count:  # once is enough
                warnings.simplefilter("ignore", OutOfBoundsWarning)
            found = self._numbers(table)
        self.count += len(table)
        found = found[:, None] if found.ndim == 1 else found
        if found.shape != (len(table), len(self.labels)):
            right = f"one number per row: {(len(table),)} or {(len(table), len(self.labels))}"
            raise SolveError(Problem("measure", f"returns an array of shape {found.shape} for {len(table)} rows", right))
        if not np.isfinite(found).all():
            row, k = np.argwhere(~np.isfinite(found))[0]
            what = f"is {found[row, k]} for {', '.join(f'{n} = {v:.4g}' for n, v in table.iloc[row].items())}"
            raise SolveError(Problem(self.labels[k], what, "narrower distributions, or an endpoint that is finite"))
        low, high = self._range or (found[0], found[0])
        self._range = np.minimum(low, found.min(axis=0)), np.maximum(high, found.max(axis=0))
        return found

    def _numbers(self, table: pd.DataFrame) -> FloatArray:
        found = self.function(table)
        try:
            return np.asarray(found, float)
        except (TypeError, ValueError) as error:
            raise SolveError(Problem("measure", f"gives {found!r:.60}", "one number per row of the table")) from error

    @property
    def constant(self) -> list[bool]:
        """Whether each of the K outputs was the same for all patients, apart from rounding."""
        low, high = self._range or (np.zeros(0), np.zeros(0))
        return list((high - low <= ROUNDING * np.maximum(np.abs(low), np.abs(high))).tolist())


def outputs(model: Model | str | None, regimen: Any, until: Any, of: Any, times: Any, solver: Any) -> Outputs:
    """Return the outputs.

    Raises
    ------
    SolveError
        If an endpoint is not in the model, or there is neither a model nor a function.
    """
    if callable(of):
        return Outputs(of, (getattr(of, "__name__", "function"),))
    if model is None or until is None:
        raise SolveError(Problem("measure", f"is {of!r}", "a function of a table of parameters; or a model and until= as well"))
    given = of if isinstance(of, (list, tuple)) else [of]
    if not given:
        raise SolveError(Problem("measure", "is empty", "one endpoint or more, such as 'sum_of_diameters: final'"))
    wanted = list(dict.fromkeys(one if isinstance(one, Endpoint) else endpoint(one) for one in given))
    whole = resolve(as_model(model))
    if solver is None and any(e.log for e in wanted):  # the logarithm of a number of cells continues below one cell
        solver = SolverOptions(extinction=False)
    problems = [
        Problem(f"output {e.output!r}", "is not an output of this model", nearest(e.output, whole.output_units))
        for e in wanted
        if e.output not in whole.output_units
    ]
    SolveError.raise_if(problems)
    simulated = _Simulated(with_areas(whole, wanted), regimen, report_times(until, times, wanted), wanted, solver)
    return Outputs(simulated, tuple(map(str, wanted)), quantity_units(wanted, whole))


@dataclass(frozen=True)
class _Simulated:
    """Endpoints of simulations, block by block."""

    model: ClosedModel
    regimen: Any
    times: FloatArray
    wanted: Sequence[Endpoint]
    solver: Any

    def __call__(self, table: pd.DataFrame) -> FloatArray:
        parts = [self._block(table.iloc[:_BLOCK])]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OutOfBoundsWarning)
            parts += [self._block(table.iloc[a : a + _BLOCK]) for a in range(_BLOCK, len(table), _BLOCK)]
        return np.concatenate(parts)

    def _block(self, table: pd.DataFrame) -> FloatArray:
        names = tuple(dict.fromkeys(e.reported for e in self.wanted))
        how = {"parameters": table, "progress": False, "solver": self.solver}
        run = simulate(self.model.model, self.regimen, times=self.times, outputs=names, **how)
        run.raise_for_status()
        changing = tuple(dict.fromkeys(e.output for e in self.wanted if e.is_change))
        first = simulate(self.model.model, times=[0.0], outputs=changing, **how).values[:, 0] if changing else np.zeros((0, 0))
        base = {name: first[:, k] for k, name in enumerate(changing)}
        columns = [e.of(self.times, run.values[:, :, names.index(e.reported)], base.get(e.output)) for e in self.wanted]
        return np.column_stack(columns)
