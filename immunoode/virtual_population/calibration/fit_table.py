"""A table of how well a calibrated cohort meets its targets, and of their costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from immunoode.virtual_population.calibration.divergence import FloatArray
from immunoode.virtual_population.targets.record import TargetRecord

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.virtual_population.calibration.calibrated import CalibratedPatients


def fit_table(cohort: CalibratedPatients) -> pd.DataFrame:
    """Return one row per row of the targets; see `Cohort.table`."""
    import pandas as pd

    how, costs = cohort.calibrated, target_costs(cohort)
    used = np.sqrt(np.diag(how.covariance))
    prices = how.prices * np.where(used > 0, used, 1.0)
    parts = zip(how.stacked.records, how.stacked.slices, costs, strict=True)
    return pd.concat([_of_target(cohort, record, prices[rows], cost) for record, rows, cost in parts], ignore_index=True)


def _of_target(cohort: CalibratedPatients, record: TargetRecord, prices: FloatArray, cost: float) -> pd.DataFrame:
    import pandas as pd

    error, after = record.standard_errors(cohort.weights), record.statistics(cohort.weights)
    columns = {
        "observed": record.stated,
        "standard_error": error,
        "before": record.statistics(cohort.patients.prior),
        "after": after,
        "misfit": np.divide(after - record.stated, error, out=np.zeros_like(error), where=error > 0),
        "price": prices,
        "share_of_cost": [cost, *[np.nan] * (len(record.rows) - 1)],
    }
    return pd.DataFrame({"target": record.label, "row": record.rows, **columns})


def target_costs(cohort: CalibratedPatients) -> FloatArray:
    """Return the share of each target in the cost of calibration; see `Cohort.costs`."""
    how = cohort.calibrated
    asked = how.prices * (how.stacked.observed - cohort.patients.prior @ how.stacked.moments)
    each = np.array([asked[rows].sum() for rows in how.stacked.slices])
    total = each.sum()
    if np.isnan(total):
        return np.full(len(each), np.nan)
    return each / total if total > 0 else np.full(len(each), 1 / len(each))


def fit_report(cohort: CalibratedPatients) -> list[str]:
    """Return the lines of a report: the target with the largest cost, the largest misfit, unmet targets, and the table."""
    table, costs = fit_table(cohort), target_costs(cohort)
    lines = []
    if np.isfinite(costs).all():
        dearest = cohort.calibrated.stacked.records[int(np.argmax(costs))].label
        lines.append(f"The target with the largest cost is {dearest}: {100 * costs.max():.0f} % of the total.")
    worst = table.loc[table["misfit"].abs().idxmax()]
    lines.append(f"The largest misfit is {worst['misfit']:.1f} standard errors: {worst['target']}, {worst['row']}.")
    if abs(worst["misfit"]) > 2:
        lines.append(str(cohort.certificate()).capitalize() + ".")
    return [*lines, "", table.to_string(index=False, float_format="{:.3f}".format, na_rep="")]
