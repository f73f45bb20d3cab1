"""Cohort: virtual patients with weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, renamed
from immunoode.notebook import shown, without_mathematics
from immunoode.virtual_population.calibration.calibration_record import Calibration
from immunoode.virtual_population.calibration.certificate import Certificate, certificate
from immunoode.virtual_population.calibration.divergence import FloatArray
from immunoode.virtual_population.calibration.fit_table import fit_report, fit_table, target_costs
from immunoode.virtual_population.calibration.population_shift import ShiftSize, shift_features, shift_size
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.random_numbers import uniforms
from immunoode.virtual_population.targets.checks import check_count
from immunoode.virtual_population.targets.event_free import event_times, weighted_median, weighted_survival

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.virtual_population.calibration.held_out import HeldOut
    from immunoode.virtual_population.calibration.survival_bands import MedianBand
    from immunoode.virtual_population.targets.record import Target


@dataclass(frozen=True)
@shown
class Cohort:
    """Virtual patients with weights that add up to 1.

    Attributes
    ----------
    patients : VirtualPatients
    weights : ndarray, shape (patients,)
    calibration : Calibration or None
        The record of the calibration; None if the weights were given.

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
            shaped = given.shape == (len(self.patients),)
            what = "are negative, not finite, or all zero" if shaped else f"are of shape {given.shape}"
            raise DataError(Problem("weights", what, f"{len(self.patients)} numbers of zero or more, one per patient"))
        object.__setattr__(self, "weights", given / given.sum())

    def __len__(self) -> int:
        return len(self.patients)

    @property
    def effective_sample_size(self) -> float:
        """The number of equally weighted patients with the same sampling variance, 1 / sum(w^2) (Kish)."""
        return float(1 / (self.weights**2).sum())

    @property
    def largest_weight(self) -> float:
        """The largest weight of a patient."""
        return float(self.weights.max())

    @cached_property
    def features(self) -> FloatArray:
        """The features of patients in which populations may be shifted, shape (patients, features)."""
        return shift_features(self.patients.parameters, self.patients.prior)

    @cached_property
    def shift_size(self) -> ShiftSize:
        """The shift of the population from the prior one, estimated from the targets."""
        return shift_size(self.calibrated.stacked, self.features, self.patients.prior)

    def target_table(self) -> pd.DataFrame:
        """Return one row per row of the targets: how well the cohort meets it, and its cost.

        Returns
        -------
        DataFrame
            target, row, observed, standard_error (of sampling), before (with prior weights), after, misfit (difference
            between after and observed, in standard errors), price (the increase of the minimum of the program if the observed
            value increases by one standard error; for exact rows, by 1), share_of_cost (that of a target, in its first row;
            the shares add up to 1).

        Raises
        ------
        DataError
            If the weights were not calibrated.
        """
        return fit_table(self)

    table = renamed("table", "target_table")

    def costs(self) -> FloatArray:
        """Return the share of each target in the cost of calibration; the shares add up to 1.

        The cost of a row is its price times the difference between its observed value and its value under the prior weights.
        A target has a negative share if the other targets alone would overshoot it.
        """
        return target_costs(self)

    def certificate(self, within: float = 1.96) -> Certificate:
        """Return how close any weights of these patients can come to the targets, with a proof if they cannot meet them.

        Parameters
        ----------
        within : float
            Targets that can be met within this many standard errors count as met.
        """
        return certificate(self.calibrated.stacked, self.patients.prior, within=within)

    @property
    def calibrated(self) -> Calibration:
        """The record of the calibration.

        Raises
        ------
        DataError
            If the weights were given.
        """
        if self.calibration is None:
            right = "a cohort that imo.calibrate returned; for a shipped one, population.simulate(arms, bands=True)"
            raise DataError(Problem("cohort", "was not calibrated", right))
        return self.calibration

    def mean(self, column: str, arm: str = "") -> float:
        """Return the weighted mean of a column; missing values do not count."""
        values = self.patients.column(column, arm).to_numpy(np.float64)
        known = np.isfinite(values)
        return float(self.weights[known] @ values[known] / self.weights[known].sum())

    def rates(self, arm: str, column: str = "best_response") -> pd.Series:
        """Return the weighted proportion of each category of a column."""
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

    def survival_band(
        self,
        arm: str,
        endpoint: str = "PFS",
        times: Any = None,
        *,
        confidence: float = 0.95,
        subjects: float | None = None,
        trial: str = "",
    ) -> pd.DataFrame:
        """Return the survival of the cohort with its pointwise band.

        Parameters
        ----------
        arm, endpoint : str
        times : array of times, optional
            By default 60 times, equidistant in survival.
        confidence : float
        subjects : float, optional
            Return the band for the curve of a trial with this number of subjects, which includes its own sampling error.
        trial : str
            With `subjects`: if targets of the arm come from this trial, the curve is of the same subjects and shares their
            error. By default, it is the trial of targets without a named trial; use another name for a future trial.

        Returns
        -------
        DataFrame
            time (days), survival, lower, upper.
        """
        from immunoode.virtual_population.calibration.survival_bands import survival_band

        return survival_band(self, arm, endpoint, times, confidence, subjects, trial)

    def median_band(
        self, arm: str, endpoint: str = "PFS", *, confidence: float = 0.95, subjects: float | None = None, trial: str = ""
    ) -> MedianBand:
        """Return the median time to an event with its band: the times at which the band of the curve contains one half.

        Parameters
        ----------
        arm, endpoint, confidence, subjects, trial
            As for `survival_band`.
        """
        from immunoode.virtual_population.calibration.survival_bands import median_band

        return median_band(self, arm, endpoint, confidence, subjects, trial)

    def held_out(self, targets: Sequence[Target], *, confidence: float = 0.95) -> HeldOut:
        """Compare the cohort with statistics to which it was not calibrated.

        Parameters
        ----------
        targets : sequence of targets
            Their trials determine whether they share subjects with the calibration targets.
        confidence : float

        Returns
        -------
        HeldOut
        """
        from immunoode.virtual_population.calibration.held_out import compare_held_out

        return compare_held_out(self, targets, confidence)

    def sample(self, n: int, seed: int) -> VirtualPatients:
        """Draw patients with replacement, with the weights as probabilities; they get new numbers from 0.

        Parameters
        ----------
        n : int
        seed : int
            For a given seed, patient i is the same for any `n`.
        """
        check_count(n)
        which = self._drawn(uniforms(seed, "sample of a cohort", range(n))[:, 0])
        return _renumbered(self.patients, which)

    def resample(self, n: int, seed: int) -> VirtualPatients:
        """Draw patients systematically: each is drawn n x weight times, rounded up or down, which adds little random variation.

        Parameters
        ----------
        n : int
        seed : int
        """
        check_count(n)
        start = uniforms(seed, "systematic sample of a cohort", range(1))[0, 0]
        return _renumbered(self.patients, self._drawn((np.arange(n) + start) / n))

    def _drawn(self, shares: FloatArray) -> np.ndarray:
        return np.searchsorted(np.cumsum(self.weights), shares).clip(0, len(self) - 1)

    def plot(self, **options: Any) -> Any:
        """Draw the targets with the cohort before and after calibration; see `imo.plot.calibration_targets`."""
        from immunoode.plot import calibration as figures

        return figures.calibration_targets(self, **options)

    def to_frame(self) -> pd.DataFrame:
        """Return parameters, outcomes and weights in one table."""
        return self.patients.to_frame().assign(weight=self.weights)

    def report(self) -> str:
        """Return how well the targets are met, their costs, and how uneven the weights are."""
        lines = [str(self)]
        if self.calibration is not None:
            lines += fit_report(self)
        return "\n".join(lines)

    def __str__(self) -> str:
        rule = f" by {self.calibration.rule}" if self.calibration else ""
        percent = 100 * self.largest_weight
        largest = f"{percent:.2g}" if percent < 10 else f"{percent:.0f}"  # not 1e+02
        size = f"effective sample size {self.effective_sample_size:.0f}"
        return f"{len(self)} virtual patients with weights{rule}: {size}, largest weight {largest} %"

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        shown = self.target_table().to_html(index=False, float_format="{:.3f}".format, na_rep="") if self.calibration else ""
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
