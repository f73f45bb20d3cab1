"""`fit_each`: a separate fit for every subject."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, SolveError, renamed
from immunoode.fitting.fit import fit
from immunoode.fitting.interrupt import interruptible
from immunoode.fitting.result import FitResult
from immunoode.fitting.simulation_predictor import chosen_regimens
from immunoode.fitting.uncertainty.progress import STOPPED
from immunoode.notebook import shown
from immunoode.trial.long_table import as_trial
from immunoode.trial.trial_data import TrialData

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pandas import DataFrame

    from immunoode.model.model import Model


@dataclass(frozen=True, eq=False)
@shown
class EachResult(Mapping[str, FitResult]):
    """The fits by subject; `failed` has the reason if a subject has none."""

    results: Mapping[str, FitResult]
    failed: Mapping[str, str]

    def __getitem__(self, subject: str) -> FitResult:
        return self.results[subject]

    def __iter__(self) -> Iterator[str]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def _ipython_key_completions_(self) -> list[str]:
        """Return the subjects, which IPython and Jupyter offer in brackets."""
        return list(self.results)

    def to_frame(self) -> DataFrame:
        """Return one row per subject: arm, whether the fit converged, errors, parameters, remarks."""
        import pandas as pd

        rows = [{"subject": s, **_row(r)} for s, r in self.results.items()]
        rows += [{"subject": s, "converged": False, "beware": why} for s, why in self.failed.items()]
        return pd.DataFrame(rows).set_index("subject")

    table = renamed("table", "to_frame")

    def report(self) -> str:
        """Return how many fits converged, their goodness of fit, and how many parameters ended at a bound."""
        table = self.to_frame()
        good = table[table["converged"].astype(bool)]
        bound = good["beware"].str.contains("bound").mean() if len(good) else 0.0
        median = good["relative_error"].median() if len(good) else float("nan")
        return (
            f"{len(good)} of {len(table)} fits converged ({100 * len(good) / max(len(table), 1):.1f} %); "
            f"median over subjects of the median relative error {100 * median:.1f} %; "
            f"{100 * bound:.0f} % of them have a parameter at a bound"
        )

    def plot(self, columns: Sequence[str] | None = None, **options: Any) -> Any:
        """Draw the estimates of each subject by arm; see `immunoode.plot.parameter_panels.fitted_parameters`. Returns Axes."""
        from immunoode.plot.parameter_panels import fitted_parameters

        return fitted_parameters(self, columns, **options)

    def __str__(self) -> str:
        return self.report()

    summary = renamed("summary", "report")


def _row(result: FitResult) -> dict[str, Any]:
    seen = result.observations
    beware = "; ".join(f"{k} {t}" for k, t in result.to_frame()["beware"].items() if t)
    return {
        "arm": seen.arms[0],
        "converged": result.success,
        "observations": len(seen),
        **result.values,
        "relative_error": result.relative_error,
        "rmse": float(np.sqrt(np.mean((seen.value - result.fitted) ** 2))),
        "deviance": result.deviance,
        "aic": result.aic,
        "evaluations": result.least_squares.evaluations,
        "seconds": result.seconds,
        "beware": beware,
    }


def fit_each(
    model: Model | str | Sequence[Model | str],
    data: TrialData | DataFrame,
    vary: str | Iterable[str],
    *,
    regimens: Any = None,
    progress: bool | None = None,
    **how: Any,
) -> EachResult:
    """Fit every subject separately.

    Parameters
    ----------
    model, data, vary, regimens, how
        As for `immunoode.fit`. progress : bool, optional Whether to show a progress bar over the subjects; by default after
        two seconds.

    Returns
    -------
    EachResult
        A mapping from subject to FitResult; `.failed` names the subjects that could not be fitted, with the reasons. After
        Ctrl-C, the result has the subjects that are finished.

    Raises
    ------
    FitError
        If no subject can be fitted.

    Examples
    --------
    >>> import immunoode as imo
    >>> patients = imo.load_example().select(arm="pembrolizumab")
    >>> each = imo.fitting.fit_each("ribba2022", patients, vary=["growth_rate", "shrinkage_rate"], progress=False)
    >>> len(each), each.failed
    (8, {})
    """
    from tqdm.auto import tqdm

    table = as_trial(data)
    chosen = chosen_regimens(table.arm_of(), regimens)
    results: dict[str, FitResult] = {}
    failed: dict[str, str] = {}
    bar = tqdm(table.subjects, desc="subjects", disable=progress is False, delay=0 if progress else 2, leave=False)
    with interruptible() as asked:
        for subject in bar:
            try:
                one = table.select(subject=subject)
                found = fit(model, one, vary, regimens=chosen[subject], progress=False, **how)
                results |= {} if found.stopped else {subject: found}
            except (FitError, SolveError) as error:
                failed[subject] = str(error)
            except KeyboardInterrupt:
                asked.set()
            if asked.is_set():
                break
    failed |= dict.fromkeys((s for s in table.subjects if s not in results and s not in failed), STOPPED)
    if not results:
        raise FitError(next(iter(_problems(failed))))
    return EachResult(results, failed)


def _problems(failed: Mapping[str, str]) -> list[Any]:
    from immunoode.errors import Problem

    return [Problem(f"subject {s!r}", why, "no other subject could be fitted either") for s, why in failed.items()]
