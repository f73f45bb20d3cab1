"""Comparison of inclusion rules for the same targets, and their predictions of held-out statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError
from immunoode.notebook import shown, without_mathematics
from immunoode.virtual_population.calibration.calibrate import calibrate
from immunoode.virtual_population.calibration.selection import ACCEPTANCE, SELECTION, accept_patients, select_patients
from immunoode.virtual_population.calibration.stacked import stack_targets
from immunoode.virtual_population.cohort import Cohort
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.record import Target

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
@shown
class RuleComparison:
    """Cohorts for the same targets by different rules.

    Attributes
    ----------
    cohorts : mapping of str to Cohort
    table : DataFrame
        One row per rule: patients with a weight, effective_sample_size, largest_weight, largest_misfit (in standard errors).
    held_out : DataFrame
        One row per row of the held-out targets: target, row, observed, lower and upper (the band of the population's value,
        by entropy weights), and the prediction of each rule.
    left_out : mapping of str to str
        Rules that cannot use these targets, with the reasons.
    """

    cohorts: Mapping[str, Cohort]
    table: pd.DataFrame
    held_out: pd.DataFrame
    left_out: Mapping[str, str]

    def report(self) -> str:
        """Return both tables as text."""
        lines = [str(self), "", self.table.to_string(float_format="{:.3g}".format)]
        if len(self.held_out):
            lines += ["", self.held_out.to_string(index=False, float_format="{:.3f}".format)]
        return "\n".join([*lines, *(f"Left out: {rule}, as {why}." for rule, why in self.left_out.items())])

    def to_frame(self) -> pd.DataFrame:
        """Return the table of rules."""
        return self.table.copy()

    def plot(self, **options: Any) -> Any:
        """Draw the prediction of each rule; see `imo.plot.inclusion_rules`."""
        from immunoode.plot import calibration as figures

        return figures.inclusion_rules(self, **options)

    def __str__(self) -> str:
        return f"{len(self.cohorts)} inclusion rules: {', '.join(self.cohorts)}"

    @without_mathematics
    def _repr_html_(self) -> str:
        return str(self.table.to_html(float_format="{:.3g}".format)) + str(self.held_out.to_html(index=False))


def compare_rules(
    patients: VirtualPatients,
    targets: Sequence[Target],
    held_out: Sequence[Target] = (),
    *,
    seed: int = 0,
    confidence: float = 0.95,
) -> RuleComparison:
    """Calibrate by entropy weights, least-squares weights, selection of patients, and acceptance-rejection.

    If the rules differ in a held-out statistic by more than its band, the targets do not determine it.

    Parameters
    ----------
    patients : VirtualPatients
    targets : sequence of targets
    held_out : sequence of targets
        Statistics to compare.
    seed : int
        Seed of selection and acceptance.
    confidence : float

    Returns
    -------
    RuleComparison

    Examples
    --------
    >>> import pandas as pd
    >>> import immunoode as imo
    >>> patients = imo.virtual_population.VirtualPatients(
    ...     pd.DataFrame({"kill_rate": [1.0, 2.0, 3.0, 4.0]}),
    ...     {"nivolumab": pd.DataFrame({"best_response": ["PD", "PD", "SD", "PR"]})},
    ... )
    >>> target = imo.virtual_population.ResponseRateTarget.objective("nivolumab", 0.5, n=100)
    >>> imo.virtual_population.compare_rules(patients, [target]).table.index.tolist()
    ['entropy', 'least squares', 'whole selection', 'accept or reject']
    """
    entropy = calibrate(patients, targets)
    makers: dict[str, Callable[[], Cohort]] = {
        "entropy": lambda: entropy,
        "least squares": lambda: calibrate(patients, targets, rule="least squares"),
        SELECTION: lambda: select_patients(patients, targets, seed=seed),
        ACCEPTANCE: lambda: accept_patients(entropy, seed=seed),
    }
    cohorts, left_out = dict[str, Cohort](), dict[str, str]()
    for rule, make in makers.items():
        try:
            cohorts[rule] = make()
        except DataError as error:
            left_out[rule] = str(error)
    return RuleComparison(cohorts, _table(cohorts), _predicted(cohorts, held_out, confidence), left_out)


def _table(cohorts: Mapping[str, Cohort]) -> pd.DataFrame:
    import pandas as pd

    rows = {
        rule: {
            "patients": int((cohort.weights > 0).sum()),
            "effective_sample_size": cohort.effective_sample_size,
            "largest_weight": cohort.largest_weight,
            "largest_misfit": float(cohort.target_table()["misfit"].abs().max()),
        }
        for rule, cohort in cohorts.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("rule")


def _predicted(cohorts: Mapping[str, Cohort], targets: Sequence[Target], confidence: float) -> pd.DataFrame:
    import pandas as pd

    if not targets:
        return pd.DataFrame()
    table = cohorts["entropy"].held_out(targets, confidence=confidence).table
    shown = table[["target", "row", "observed", "lower", "upper"]].copy()
    for rule, cohort in cohorts.items():
        records = stack_targets(cohort.patients, targets, cohort.weights).records
        shown[rule] = np.concatenate([r.statistics(cohort.weights) for r in records])
    return shown
