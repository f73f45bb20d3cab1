"""The result of a simulation: values over time with their units, and how each integration ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError, nearest, renamed
from immunoode.model.model import Model
from immunoode.notebook import shown, without_mathematics
from immunoode.regimen.schedule import Schedule
from immunoode.solve.problem.packed_input import FloatArray
from immunoode.solve.status import COUNTS, Status
from immunoode.suggestions import as_known

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True)
@shown
class Simulation:
    """Time courses of one or several subjects.

    Attributes
    ----------
    model : Model
        The closed model.
    times : ndarray, shape (T,)
        Days.
    names, units
        The K outputs, and the unit of each.
    subjects : tuple
        Names of the P subjects.
    values : ndarray, shape (P, T, K)
        NaN after the time at which a subject's integration stopped.
    status : tuple of Status
        How each subject's integration ended.
    counts : ndarray, shape (P, 6)
        Steps, rejected steps, evaluations of the rates, Jacobians, switches of method, switches of rates; see `statistics`.
    by : tuple of str
        The m quantities with respect to which the outputs were differentiated.
    derivatives : ndarray, shape (P, T, m, K)
        Derivatives of the outputs with respect to these; see `sensitivity`.
    fired : ndarray, shape (P, R)
        Day at which each trigger of the regimen first found its condition; infinite where it did not. See `trigger_times`.
    """

    model: Model
    times: FloatArray
    names: tuple[str, ...]
    units: Mapping[str, str]
    subjects: tuple[Any, ...]
    values: FloatArray
    status: tuple[Status, ...]
    counts: NDArray[np.int64]
    schedules: tuple[Schedule | None, ...] = ()
    parameters: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    by: tuple[str, ...] = ()
    derivatives: FloatArray = field(default_factory=lambda: np.empty((0, 0, 0, 0)))
    fired: FloatArray = field(default_factory=lambda: np.empty((0, 0)))

    def __getitem__(self, name: str) -> FloatArray:
        """Return one output: shape (T,) for one subject, (P, T) for several."""
        found = self.values[:, :, self._column(name)]
        return found[0] if len(self.subjects) == 1 else found

    def _ipython_key_completions_(self) -> list[str]:
        """Return the outputs, which IPython and Jupyter offer after `simulation["`."""
        return list(self.names)

    def _column(self, name: str) -> int:
        known = as_known(name, self.names, "output")
        if known not in self.names:
            raise SolveError(Problem(f"output {name!r}", "is not in this simulation", nearest(str(name), self.names)))
        return self.names.index(known)

    def sensitivity(self, output: str, by: str) -> FloatArray:
        """Return the derivative of an output: shape (T,) for one subject, (P, T) for several.

        Parameters
        ----------
        output : str
        by : str
            As in `simulate(sensitivities=)`: "growth_rate", "initial(tumour)", "amount(pembrolizumab)", "time(pembrolizumab,
            2)".

        Returns
        -------
        ndarray
            In the output's unit divided by that of the parameter (state, dose, day).

        Raises
        ------
        SolveError
            If it was not requested.
        """
        column = self._column(output)
        if by not in self.by:
            right = f"simulate(..., sensitivities=[{by!r}])" if not self.by else nearest(by, self.by)
            raise SolveError(Problem(f"sensitivity by {by!r}", "was not requested", right))
        found = self.derivatives[:, :, self.by.index(by), column]
        return found[0] if len(self.subjects) == 1 else found

    @property
    def trigger_times(self) -> pd.DataFrame:
        """When triggers of the regimen fired: subject, trigger in words, and the day on which its condition was first found."""
        import pandas as pd

        rows = [
            (subject, str(trigger), float(day))
            for subject, schedule, days in zip(self.subjects, self.schedules, self.fired, strict=False)
            for trigger, day in zip(schedule.triggers if schedule else (), days, strict=False)
            if np.isfinite(day)
        ]
        return pd.DataFrame(rows, columns=["subject", "trigger", "day"])

    reactions = renamed("reactions", "trigger_times")

    @property
    def ok(self) -> bool:
        """Whether every subject was integrated to the end."""
        return all(s.ok for s in self.status)

    def failures(self) -> str:
        """Return which subjects stopped early, and why, in words."""
        bad = [(subject, s) for subject, s in zip(self.subjects, self.status, strict=True) if not s.ok]
        shown = [f"patient {subject}: {s}" for subject, s in bad[:5]]
        return f"{len(bad)} of {len(self.subjects)} patients stopped early: " + " | ".join(shown) if bad else "none"

    @property
    def statistics(self) -> pd.DataFrame:
        """The work of the solver, one row per subject: steps, rejections, evaluations, jacobians, switches."""
        import pandas as pd

        return pd.DataFrame(self.counts, columns=list(COUNTS), index=list(self.subjects))

    def raise_for_status(self) -> None:
        """Raise a SolveError if a subject's integration stopped early."""
        if not self.ok:
            raise SolveError(Problem(self.model.name, self.failures(), "see Simulation.status"))

    def to_frame(self) -> pd.DataFrame:
        """Return a table of P x T rows: subject, time (days), and one column per output."""
        import pandas as pd

        subjects, steps, width = self.values.shape
        frame = pd.DataFrame(self.values.reshape(subjects * steps, width), columns=list(self.names))
        frame.insert(0, "time", np.tile(self.times, subjects))
        frame.insert(0, "subject", np.repeat(np.array(self.subjects, dtype=object), steps))
        frame.attrs["units"] = {"time": "day", **self.units}
        return frame

    def to_xarray(self) -> xr.Dataset:
        """Return a Dataset with one variable per output over (subject, time), with its unit."""
        import xarray as xr

        variables = {
            name: (("subject", "time"), self.values[:, :, k], {"units": self.units[name]}) for k, name in enumerate(self.names)
        }
        return xr.Dataset(
            variables,
            coords={"subject": list(self.subjects), "time": ("time", self.times, {"units": "day"})},
            attrs={"model": self.model.name},
        )

    def report(self) -> str:
        """Return how the integration ended, the start, range and end of each output, and which triggers fired, as text."""
        lines = [str(self), "", self._ranges().to_string(float_format="{:.4g}".format, na_rep="not reached")]
        if len(self.subjects) > 1:
            lines.append(f"Start and end are medians of {len(self.subjects)} patients; lowest and highest are of all of them.")
        fired = self.trigger_times
        if len(fired):
            lines += ["", "Triggers that fired:", fired.to_string(index=False, float_format="{:.4g}".format, max_rows=20)]
        return "\n".join(lines)

    def _ranges(self) -> pd.DataFrame:
        """Return one row per output: unit, start, lowest, highest, end; NaN where no integration reached the end."""
        import pandas as pd

        last = self.values[:, -1, :]
        return pd.DataFrame(
            {
                "unit": [self.units[name] for name in self.names],
                "start": np.nanmedian(self.values[:, 0, :], axis=0),
                "lowest": np.nanmin(self.values, axis=(0, 1)),
                "highest": np.nanmax(self.values, axis=(0, 1)),
                "end": np.nanmedian(last, axis=0) if np.isfinite(last).any() else np.full(len(self.names), np.nan),
            },
            index=pd.Index(self.names, name="output"),
        )

    def plot(self, *names: str, **options: Any) -> Any:
        """Draw outputs over time; see `immunoode.plot.timecourse.plot_simulation`. Returns Axes, one per unit."""
        from immunoode.plot.timecourse import plot_simulation

        return plot_simulation(self, *names, **options)

    def __str__(self) -> str:
        span = f"days {self.times[0]:g} to {self.times[-1]:g}"
        who = "1 patient" if len(self.subjects) == 1 else f"{len(self.subjects)} patients"
        ended = "all finished" if self.ok else self.failures()
        return f"Simulation of {self.model.name}: {who}, {span}, {len(self.names)} outputs; {ended}"

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        table: str = self._ranges().to_html(float_format="{:.4g}".format, na_rep="not reached")
        return f"<p>{escape(str(self))}</p>{table}"
