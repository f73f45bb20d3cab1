"""The simulation of a block of patients, and the results that are kept: numbers or time courses."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.blocks.block import Block
from immunoode.blocks.storage import SUBJECT
from immunoode.errors import OutOfBoundsWarning, Problem, SolveError
from immunoode.model.model import Model
from immunoode.solve.reductions import reductions
from immunoode.solve.simulate import simulate
from immunoode.solve.simulation import Simulation

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

STATUS, STOPPED = "status", "stopped"


@dataclass(frozen=True)
class OwnValues:
    """The patients of a block: one row of parameters per patient, and one regimen per patient if they differ."""

    parameters: pd.DataFrame
    regimens: Sequence[Any] | None = None


@dataclass(frozen=True)
class SimulatedBlock:
    """The simulation of a block of patients of one model.

    Attributes
    ----------
    model, regimen, until, outputs, options
        As for `simulate`; the output times are among the options.
    """

    model: Model
    regimen: Any
    until: Any
    outputs: str | Sequence[str]
    options: Mapping[str, Any]

    def __call__(self, own: OwnValues) -> Simulation:
        """Return the time courses; a failure is a row of the result; the bounds were checked for the whole table."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.simplefilter("ignore", OutOfBoundsWarning)
            return simulate(
                self.model,
                self.regimen if own.regimens is None else own.regimens,
                self.until,
                parameters=own.parameters,
                outputs=self.outputs,
                progress=False,
                **self.options,
            )


@dataclass(frozen=True)
class Reduced:
    """The work of `simulate_many`: a few numbers per patient."""

    simulated: SimulatedBlock
    reduce: tuple[str, ...]

    def __call__(self, block: Block, own: OwnValues) -> pd.DataFrame:
        """Return one row per patient."""
        import pandas as pd

        run = self.simulated(own)
        made, good = reductions(self.reduce), np.array([s.ok for s in run.status])
        columns: dict[str, Any] = {}
        for k, output in enumerate(run.names):
            for name, function in made.items():
                column = np.full(len(run.subjects), np.nan)
                column[good] = function(run.times, run.values[good, :, k]) if good.any() else np.nan
                columns[f"{output}: {name}"] = column
        return pd.DataFrame(columns | _ends(run), index=list(run.subjects))


@dataclass(frozen=True)
class TimeCourses:
    """The work of `simulate_to`: time courses, and how each patient ended."""

    simulated: SimulatedBlock

    def __call__(self, block: Block, own: OwnValues) -> xr.Dataset:
        """Return outputs over subject and time, and the status of each subject."""
        run = self.simulated(own)
        taken = [name for name in (STATUS, STOPPED) if name in run.names]
        if taken:
            raise SolveError(
                Problem(f"output {taken[0]!r}", "has the name of a column that states how an integration ended", "")
            )
        ends = {name: (SUBJECT, np.array(values)) for name, values in _ends(run).items()}
        return run.to_xarray().assign(ends).assign_coords({SUBJECT: _names(run.subjects)})


def _ends(run: Simulation) -> dict[str, Any]:
    """Return how each patient's integration ended, in words, and the day at which a failed one stopped."""
    return {STATUS: [s.message for s in run.status], STOPPED: [np.nan if s.ok else s.time for s in run.status]}


def _names(subjects: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Return the names of subjects: numbers unchanged, all others as text."""
    found = np.asarray(subjects)
    return found if found.dtype.kind in "iu" else np.array([str(s) for s in subjects], dtype=object)
