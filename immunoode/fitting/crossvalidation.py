"""Cross-validation by subject: each is predicted by a fit to the other subjects."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import FitError, Problem
from immunoode.fitting.least_squares import error_ratio
from immunoode.fitting.minimise import refit
from immunoode.fitting.observations import FloatArray, IntArray
from immunoode.fitting.parameterisation import PER_SUBJECT
from immunoode.fitting.threads import one_thread
from immunoode.fitting.uncertainty.bootstrap import for_subjects
from immunoode.fitting.uncertainty.progress import bar_over, processors
from immunoode.notebook import shown

if TYPE_CHECKING:
    from pandas import DataFrame

    from immunoode.fitting.finished import FinishedFit


@dataclass(frozen=True, eq=False)
@shown
class CrossValidation:
    """-2 log-likelihood of each subject (S,), under a fit to the subjects of the other `folds` (S,)."""

    subjects: tuple[str, ...]
    folds: IntArray
    deviances: FloatArray

    @property
    def deviance(self) -> float:
        """-2 log-likelihood of all subjects, for the comparison of models."""
        return float(self.deviances.sum())

    @property
    def standard_error(self) -> float:
        """Standard error of the sum over subjects."""
        return float(self.deviances.std(ddof=1) * np.sqrt(len(self.deviances)))

    def to_frame(self) -> DataFrame:
        """Return one row per subject: subject, fold, and -2 log-likelihood under the fit to the other folds."""
        import pandas as pd

        return pd.DataFrame({"subject": list(self.subjects), "fold": self.folds, "deviance": self.deviances})

    def report(self) -> str:
        """Return the sum over subjects, and that of each fold, as text."""
        folds = self.to_frame().groupby("fold").agg(subjects=("subject", "size"), deviance=("deviance", "sum"))
        return f"{self}\n\n{folds.to_string(float_format='{:.4g}'.format)}"

    def __str__(self) -> str:
        return f"-2 log L of subjects not fitted: {self.deviance:.3f} (standard error {self.standard_error:.3g})"


def cross_validate(result: FinishedFit, folds: int, seed: int, progress: bool | None = None) -> CrossValidation:
    """For each fold, fit to the subjects of all other folds. The folds are balanced by arm.

    Raises
    ------
    FitError
        If the fit has subject-specific parameters, about which nothing is known for new subjects, or there are too few
        subjects.
    """
    seen, fit = result.observations, result.least_squares
    own = [s.name for s in fit.parameterisation.fitted_parameters if s.sharing == PER_SUBJECT]
    if own:
        raise FitError(
            Problem(
                "cross_validate",
                f"{own[0]!r} differs between subjects, so left-out subjects cannot be predicted",
                "share it, or use fit_population",
            )
        )
    if not 2 <= folds <= len(seen.subjects):
        raise FitError(Problem("folds", f"is {folds!r} for {len(seen.subjects)} subjects", "from 2 to the number of subjects"))
    fold = _folds(seen.arms, folds, np.random.default_rng(seed))

    def one(k: int) -> tuple[IntArray, FloatArray]:
        mine = np.flatnonzero(fold == k)
        return mine, _left_out(result, np.flatnonzero(fold != k), mine)

    deviances = np.zeros(len(fold))
    with one_thread(), ThreadPoolExecutor(processors()) as pool, bar_over(folds, "folds", progress) as bar:
        for mine, values in pool.map(one, range(folds)):
            deviances[mine] = values
            bar.update()
    return CrossValidation(seen.subjects, fold, deviances)


def _folds(arms: tuple[str, ...], folds: int, random: np.random.Generator) -> IntArray:
    """Return the fold of each subject."""
    out, begin = np.zeros(len(arms), np.int64), 0
    for arm in dict.fromkeys(arms):
        mine = random.permutation([i for i, a in enumerate(arms) if a == arm])
        out[mine] = (begin + np.arange(len(mine))) % folds
        begin += len(mine)
    return out


def _left_out(result: FinishedFit, others: IntArray, mine: IntArray) -> FloatArray:
    """Return -2 log L of some subjects under a fit to the others."""
    training, parameters = for_subjects(result.least_squares, others), result.lmfit.params.copy()
    refit(training, parameters)
    testing = for_subjects(result.least_squares, mine, every=False)
    f = testing.predictions(parameters)
    if not np.isfinite(f).all():
        raise FitError(
            Problem(
                "cross_validate", "a left-out subject cannot be simulated with the others' estimates", "use narrower bounds"
            )
        )
    out = np.zeros(len(mine))
    for model, trained in zip(testing.errors, training.errors, strict=True):
        for s in range(len(mine)):
            own = model.rows[testing.observations.subject[model.rows] == s]
            if len(own):
                seen = testing.observations
                part = replace(
                    model,
                    rows=own,
                    value=seen.value[own],
                    censoring=seen.censoring[own],
                    lower=seen.lower[own],
                    scale=trained.scale,
                )
                out[s] += part.deviance(f[own], error_ratio(trained, parameters))
    return out
