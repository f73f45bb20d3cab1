"""Cohort: virtual patients with weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.notebook import without_mathematics
from immunoode.virtual_population.calibration.divergence import FloatArray
from immunoode.virtual_population.calibration.stacked import StackedTargets
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.random_numbers import uniforms
from immunoode.virtual_population.targets.event_free import event_times, weighted_median, weighted_survival

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Calibration:
    """How the weights of a cohort were found.

    Attributes
    ----------
    stacked : StackedTargets
        The rows of the targets, with the covariance that was used (times the squared tolerance).
    prices : ndarray, shape (rows,)
        How much the minimum of the program rises if the observed value of a row rises by 1.
    rule : str
    tolerance, prior_size : float
    steps : int
        Newton steps.
    """

    stacked: StackedTargets
    prices: FloatArray
    rule: str
    tolerance: float
    prior_size: float
    steps: int


@dataclass(frozen=True)
class Cohort:
    """Virtual patients with weights that add up to 1.

    Attributes
    ----------
    patients : VirtualPatients
    weights : ndarray, shape (patients,)
    calibration : Calibration or None
        How they were found; None if they were given.

    Raises
    ------
    DataError
        If there is not one weight of zero or more per patient, or all are zero.
    """

    patients: VirtualPatients
    weights: FloatArray
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        given = np.asarray(self.weights, np.float64)
        if given.shape != (len(self.patients),) or not (np.isfinite(given) & (given >= 0)).all() or not given.sum() > 0:
            right = f"one number of zero or more per patient: ({len(self.patients)},)"
            raise DataError(Problem("weights", f"of shape {given.shape} are not weights", right))
        object.__setattr__(self, "weights", given / given.sum())

    def __len__(self) -> int:
        return len(self.patients)

    @property
    def effective_sample_size(self) -> float:
        """The number of equally weighted patients with the same sampling variance, 1 / sum(w^2) (Kish)."""
        return float(1 / (self.weights**2).sum())

    @property
    def largest_weight(self) -> float:
        """The largest share of one patient."""
        return float(self.weights.max())

    def table(self) -> pd.DataFrame:
        """Return one row per row of the targets: how the cohort meets it, and what it costs.

        Returns
        -------
        DataFrame
            target, row, observed, standard_error (of sampling), before (with prior weights), after, misfit (difference of after
            and observed in standard errors), price (how much the minimum of the program rises if the observed value rises by
            one standard error; for exact rows, by 1), share_of_cost (of a target, on its first row: the shares add up to 1).

        Raises
        ------
        DataError
            If the weights were not calibrated.
        """
        import pandas as pd

        how = self._calibrated()
        prior, costs = self.patients.prior, self.costs()
        tables = []
        for record, rows, cost in zip(how.stacked.records, how.stacked.slices, costs, strict=True):
            error = record.standard_errors(self.weights)
            after = record.statistics(self.weights)
            used = np.sqrt(np.diag(how.stacked.covariance)[rows])
            columns = {
                "observed": record.stated,
                "standard_error": error,
                "before": record.statistics(prior),
                "after": after,
                "misfit": np.divide(after - record.stated, error, out=np.zeros_like(error), where=error > 0),
                "price": how.prices[rows] * np.where(used > 0, used, 1.0),
                "share_of_cost": [cost, *[np.nan] * (len(record.rows) - 1)],
            }
            tables.append(pd.DataFrame({"target": record.label, "row": record.rows, **columns}))
        return pd.concat(tables, ignore_index=True)

    def costs(self) -> FloatArray:
        """Return the share of each target in what calibration costs; they add up to 1.

        The cost of a row is its price times what it asks for: the difference of observed value and that of the prior weights. A
        negative share is that of a target which the others more than meet.
        """
        how = self._calibrated()
        asked = how.prices * (how.stacked.observed - self.patients.prior @ how.stacked.moments)
        each = np.array([asked[rows].sum() for rows in how.stacked.slices])
        total = each.sum()
        return each / total if total > 0 else np.full(len(each), 1 / len(each))

    def _calibrated(self) -> Calibration:
        if self.calibration is None:
            raise DataError(Problem("cohort", "was not calibrated", "a cohort that imo.calibrate returned"))
        return self.calibration

    def mean(self, column: str, arm: str = "") -> float:
        """Return the weighted mean of a column; missing values do not count."""
        values = self.patients.column(column, arm).to_numpy(np.float64)
        known = np.isfinite(values)
        return float(self.weights[known] @ values[known] / self.weights[known].sum())

    def rates(self, arm: str, column: str = "best_response") -> pd.Series:
        """Return the weighted share of each category of a column."""
        import pandas as pd

        return pd.Series(self.weights).groupby(self.patients.column(column, arm).to_numpy()).sum()

    def survival(self, arm: str, endpoint: str = "PFS") -> pd.DataFrame:
        """Return the weighted Kaplan-Meier curve: time (days) and survival, from day 0 on."""
        import pandas as pd

        times, events = event_times(self.patients, arm, endpoint)
        days, survival = weighted_survival(times, events, self.weights)
        return pd.DataFrame({"time": np.concatenate([[0.0], days]), "survival": survival})

    def median(self, arm: str, endpoint: str = "PFS") -> float:
        """Return the weighted median time to an event in days; infinite if it is not reached."""
        times, events = event_times(self.patients, arm, endpoint)
        return weighted_median(*weighted_survival(times, events, self.weights))

    def sample(self, n: int, seed: int) -> VirtualPatients:
        """Draw patients with the weights as probabilities, with replacement; they have new numbers from 0 on.

        Parameters
        ----------
        n : int
        seed : int
            Patient i is the same for a seed whatever `n` is.
        """
        which = self._drawn(uniforms(seed, "sample of a cohort", range(n))[:, 0])
        return _renumbered(self.patients, which)

    def resample(self, n: int, seed: int) -> VirtualPatients:
        """Draw patients systematically: each is drawn n x weight times, rounded up or down, so that little chance is added.

        Parameters
        ----------
        n : int
        seed : int
        """
        start = uniforms(seed, "systematic sample of a cohort", range(1))[0, 0]
        return _renumbered(self.patients, self._drawn((np.arange(n) + start) / n))

    def _drawn(self, shares: FloatArray) -> np.ndarray:
        return np.searchsorted(np.cumsum(self.weights), shares).clip(0, len(self) - 1)

    def to_frame(self) -> pd.DataFrame:
        """Return parameters, outcomes and weights in one table."""
        return self.patients.to_frame().assign(weight=self.weights)

    def report(self) -> str:
        """Return how well the targets are met, what they cost, and how uneven the weights are."""
        lines = [str(self)]
        if self.calibration is not None:
            table, costs = self.table(), self.costs()
            dearest = self.calibration.stacked.records[int(np.argmax(costs))].label
            lines.append(f"The costliest target is {dearest}: {100 * costs.max():.0f} % of the cost.")
            worst = table.loc[table["misfit"].abs().idxmax()]
            lines.append(f"The largest misfit is {worst['misfit']:.1f} standard errors: {worst['target']}, {worst['row']}.")
            lines += ["", table.to_string(index=False, float_format="{:.3f}".format, na_rep="")]
        return "\n".join(lines)

    def __str__(self) -> str:
        rule = f" by {self.calibration.rule}" if self.calibration else ""
        return (
            f"{len(self)} virtual patients with weights{rule}: effective sample size {self.effective_sample_size:.0f}, "
            f"largest weight {100 * self.largest_weight:.2g} %"
        )

    def __repr__(self) -> str:
        return f"<Cohort: {self}>"

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        shown = self.table().to_html(index=False, float_format="{:.3f}".format, na_rep="") if self.calibration else ""
        return f"<p><b>{escape(str(self))}</b></p>{shown}"


def _renumbered(patients: VirtualPatients, rows: np.ndarray) -> VirtualPatients:
    import pandas as pd

    new = pd.RangeIndex(len(rows))

    def taken(table: Any) -> Any:
        return table.iloc[rows].set_axis(new)

    return replace(
        patients,
        parameters=taken(patients.parameters),
        outcomes={arm: taken(table) for arm, table in patients.outcomes.items()},
        sizes={arm: taken(table) for arm, table in patients.sizes.items()},
        prior_weights=None,
    )
