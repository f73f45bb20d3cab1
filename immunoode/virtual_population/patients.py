"""Virtual patients: their parameters, and their outcomes in each arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem, nearest
from immunoode.notebook import shown, without_mathematics

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
@shown
class VirtualPatients:
    """Simulated patients: their parameters and their outcomes in each arm.

    Attributes
    ----------
    parameters : DataFrame
        One row per patient; the index is the patient number, the columns are parameters of the model and covariates.
    outcomes : mapping of arm to DataFrame
        With the same index: `best_change` (fraction), `best_response`, `pfs_time` (days), `pfs_event`, `os_time`, `os_event`
        and any other column that a target refers to.
    sizes : mapping of arm to DataFrame
        Sums of diameters in mm with the same index; the columns are days, with NaN if the patient is not observed.
    prior_weights : ndarray, shape (n,), optional
        Weights before any calibration, positive; equal by default. For patients who were not all drawn from the prior
        population, they are the importance weights.

    Raises
    ------
    DataError
        If tables have different patients, or weights are not positive.

    Examples
    --------
    >>> import pandas as pd
    >>> patients = VirtualPatients(
    ...     pd.DataFrame({"growth_rate": [0.001, 0.002]}),
    ...     {"atezolizumab": pd.DataFrame({"best_response": ["PR", "PD"]})},
    ... )
    >>> len(patients), patients.arms
    (2, ('atezolizumab',))
    """

    parameters: pd.DataFrame
    outcomes: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    sizes: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    prior_weights: FloatArray | None = None

    def __post_init__(self) -> None:
        tables = {
            "parameters": self.parameters,
            **{f"outcomes of {arm!r}": table for arm, table in self.outcomes.items()},
            **{f"sizes of {arm!r}": table for arm, table in self.sizes.items()},
        }
        problems = [p for where, table in tables.items() for p in _table_problems(where, table, self.parameters)]
        if not problems and self.prior_weights is not None:
            problems = _weight_problems(self.prior_weights, len(self))
        DataError.raise_if(problems)

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms with outcomes or sizes."""
        return tuple(dict.fromkeys([*self.outcomes, *self.sizes]))

    @property
    def prior(self) -> FloatArray:
        """The weights before calibration, which add up to 1."""
        if self.prior_weights is None:
            return np.full(len(self), 1 / len(self))
        given = np.asarray(self.prior_weights, np.float64)
        return given / given.sum()

    def column(self, name: str, arm: str = "") -> pd.Series:
        """Return a column of the outcomes of an arm, or of the parameters if no arm is named.

        Parameters
        ----------
        name : str
        arm : str

        Raises
        ------
        DataError
            If there is no such arm or column.
        """
        if arm and arm not in self.outcomes:
            raise DataError(Problem("arm", f"the virtual patients have no outcomes of {arm!r}", nearest(arm, self.outcomes)))
        table = self.outcomes[arm] if arm else self.parameters
        if name not in table.columns:
            where = f"outcomes of {arm!r}" if arm else "parameters"
            raise DataError(Problem(where, f"there is no column {name!r}", nearest(name, map(str, table.columns))))
        return table[name]

    def take(self, rows: Any) -> VirtualPatients:
        """Return some of the patients, who keep their numbers and have equal prior weights unless weights were given.

        Parameters
        ----------
        rows : array of int or bool
            Positions, not patient numbers.
        """
        given = self.prior_weights
        return VirtualPatients(
            self.parameters.iloc[rows],
            {arm: table.iloc[rows] for arm, table in self.outcomes.items()},
            {arm: table.iloc[rows] for arm, table in self.sizes.items()},
            None if given is None else np.asarray(given)[rows],
        )

    def report(self) -> str:
        """Return the number of patients, their parameters and arms."""
        lines = [str(self), "Parameters: " + ", ".join(map(str, self.parameters.columns))]
        lines += [f"Outcomes of {arm}: " + ", ".join(map(str, table.columns)) for arm, table in self.outcomes.items()]
        lines += [f"Sizes of {arm}: {len(table.columns)} days" for arm, table in self.sizes.items()]
        return "\n".join(lines)

    def plot(self, columns: Sequence[str] | None = None, **options: Any) -> Any:
        """Draw the distributions of parameters; see `immunoode.plot.parameter_panels.patient_parameters`. Returns Axes."""
        from immunoode.plot.parameter_panels import patient_parameters

        return patient_parameters(self, columns, **options)

    def to_frame(self) -> pd.DataFrame:
        """Return parameters and outcomes in one table; columns of outcomes are named `arm: column`."""
        import pandas as pd

        tables = [table.add_prefix(f"{arm}: ") for arm, table in self.outcomes.items()]
        return pd.concat([self.parameters, *tables], axis=1)

    def __str__(self) -> str:
        return (
            f"{len(self)} virtual patients, {len(self.parameters.columns)} parameters, arms: {', '.join(self.arms) or 'none'}"
        )

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        return f"<p><b>{escape(str(self))}</b></p>" + str(self.to_frame().head(10).to_html())


def _table_problems(where: str, table: Any, parameters: pd.DataFrame) -> list[Problem]:
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        return [Problem(where, f"is {type(table).__name__}", "a DataFrame with one row per patient")]
    if not len(table):
        return [Problem(where, "has no rows", "one row per patient")]
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()][0]
        return [Problem(where, f"has patient {twice} more than once", "one row per patient, with the patient number as index")]
    if not table.index.equals(parameters.index):
        return [Problem(where, "does not have the patients of the parameters", "the same index as the parameters")]
    return []


def _weight_problems(weights: FloatArray, patients: int) -> list[Problem]:
    given = np.asarray(weights, np.float64)
    if given.shape != (patients,):
        return [Problem("prior_weights", f"have the shape {given.shape}", f"one weight per patient: ({patients},)")]
    if not (np.isfinite(given) & (given > 0)).all():
        return [Problem("prior_weights", "are not all positive numbers", "positive weights; leave other patients out")]
    return []
