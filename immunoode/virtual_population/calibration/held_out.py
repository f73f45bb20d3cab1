"""Comparison of a cohort with statistics to which it was not calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.notebook import shown, without_mathematics
from immunoode.virtual_population.calibration.calibrated import CalibratedPatients
from immunoode.virtual_population.calibration.errors_of_statistics import errors_of
from immunoode.virtual_population.calibration.stacked import stack_targets
from immunoode.virtual_population.targets.record import Target, TargetRecord

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
@shown
class HeldOut:
    """Held-out statistics compared with the bands of a calibrated cohort.

    Attributes
    ----------
    table : DataFrame
        One row per row of the held-out targets: target, row, observed, standard_error (of its sampling), predicted; lower and
        upper, the band for the statistic of the population; trial_lower and trial_upper, the band for the observed statistic
        of a trial; inside (whether the observed one is in the latter); and the three components of the standard error:
        sampling (of the calibration targets), undetermined (differences between populations that meet the targets), patients
        (their finite number).
    confidence : float
    shift : float
        The mean size of the shift of the population from the prior one, estimated from the calibration targets, in standard
        deviations of each parameter.
    """

    table: pd.DataFrame
    confidence: float
    shift: float

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the table."""
        return self.table.copy()

    def report(self) -> str:
        """Return the comparison as text."""
        return f"{self}\n\n" + self.table.to_string(index=False, float_format="{:.3f}".format)

    def plot(self, **options: Any) -> Any:
        """Draw the statistics with their bands; see `imo.plot.held_out`."""
        from immunoode.plot import calibration as figures

        return figures.held_out(self, **options)

    def __str__(self) -> str:
        inside = int(self.table["inside"].sum())
        level = f"{100 * self.confidence:g} %"
        return f"{inside} of {len(self.table)} held-out statistics are within their {level} bands"

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        return f"<p>{escape(str(self))}</p>" + str(self.table.to_html(index=False, float_format="{:.3f}".format))


def compare_held_out(cohort: CalibratedPatients, targets: Sequence[Target], confidence: float) -> HeldOut:
    """Return held-out statistics with bands; see `Cohort.held_out`."""
    import pandas as pd

    records = stack_targets(cohort.patients, targets, cohort.weights).records
    pairs = zip(targets, records, strict=True)
    tables = [_compare(cohort, target, record, confidence) for target, record in pairs]
    return HeldOut(pd.concat(tables, ignore_index=True), confidence, cohort.shift_size.mean)


def _compare(cohort: CalibratedPatients, target: Target, record: TargetRecord, confidence: float) -> pd.DataFrame:
    import pandas as pd

    errors = errors_of(cohort, record, target.trial, target.arm)
    predicted = record.statistics(cohort.weights)
    width, wider = errors.half_width(confidence), errors.half_width(confidence, of_trial=True)
    undetermined = (errors.shift.probabilities @ errors.shift.sizes**2) * errors.undetermined
    return pd.DataFrame(
        {
            "target": record.label,
            "row": record.rows,
            "observed": record.stated,
            "standard_error": record.standard_errors(cohort.weights),
            "predicted": predicted,
            "lower": predicted - width,
            "upper": predicted + width,
            "trial_lower": predicted - wider,
            "trial_upper": predicted + wider,
            "inside": np.abs(record.stated - predicted) <= wider,
            "sampling": np.sqrt(errors.sampling),
            "undetermined": np.sqrt(undetermined),
            "patients": np.sqrt(errors.patients),
        }
    )
