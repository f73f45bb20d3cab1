"""Assessment data: the subjects of a trial and the findings at each visit after baseline, as arrays that the rules read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.response.codes import NONE
from immunoode.trial.trial_data import LEFT_OUT, empty

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray


@dataclass(frozen=True)
class Subjects:
    """One entry per subject, sorted by name.

    Attributes
    ----------
    name, arm : array of str
    baseline : array of float
        Sum of the target lesions at baseline in mm; NaN without target lesions.
    baseline_time : array of float
        Day of the baseline assessment, the last one if there were several; NaN without one.
    targets_not_evaluable : array of bool
        Whether the sum at baseline is missing although there should be one.
    """

    name: Array
    arm: Array
    baseline: Array
    baseline_time: Array
    targets_not_evaluable: Array

    @property
    def has_target(self) -> Array:
        """Whether the subject has target lesions."""
        return self.baseline > 0

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True)
class Visits:
    """One entry per visit after baseline, sorted by subject and time.

    Attributes
    ----------
    subject : array of int
        Index of the subject in `Subjects`.
    time : array of float
        Days.
    target_sum : array of float
        Sum of the target lesions in mm, NaN unless all of them were evaluated.
    partial_target_sum : array of float
        Sum of the target lesions that were evaluated in mm: a lower bound of the whole sum.
    targets_absent : array of bool
        All target lesions have disappeared, and no target node is pathological.
    non_target : array of int
        Response of the non-target lesions; `NONE` without non-target lesions.
    non_target_increased : array of bool
        A non-target lesion has increased since the last assessment.
    markers_normal : array of bool
        Tumour markers are normal, or were not reported.
    disease_present : array of bool
        Disease that was known at baseline is present; non-target nodes do not count.
    new_lesions_present : array of int
        Number of new lesions seen so far that are not known to have disappeared.
    new_lesion_count : array of int
        Number of new lesions seen so far.
    new_target_sum, new_partial_target_sum : array of float
        Sums of the new target lesions in mm, as `target_sum` and `partial_target_sum`; 0 without new target lesions.
    new_non_target_increased, new_non_target_progressed : array of bool
        A new non-target lesion has increased since the last assessment; has unequivocally progressed.
    reported, reported_target : array of int
        Overall response and response of the target lesions as a reader reported them; `NONE` if not reported.
    """

    subject: Array
    time: Array
    target_sum: Array
    partial_target_sum: Array
    targets_absent: Array
    non_target: Array
    non_target_increased: Array
    markers_normal: Array
    disease_present: Array
    new_lesions_present: Array
    new_lesion_count: Array
    new_target_sum: Array
    new_partial_target_sum: Array
    new_non_target_increased: Array
    new_non_target_progressed: Array
    reported: Array
    reported_target: Array

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True)
class AssessmentData:
    """Everything that was read: subjects, their visits after baseline, the rows that could not be used, and the assumptions."""

    subjects: Subjects
    visits: Visits
    left_out: pd.DataFrame = field(default_factory=lambda: empty(LEFT_OUT))
    notes: tuple[str, ...] = ()


def empty_visits(subject: Array, time: Array) -> Visits:
    """Return visits without findings, to be filled in."""
    n = len(time)
    no, unknown, zero, count = np.zeros(n, bool), np.full(n, np.nan), np.zeros(n), np.zeros(n, np.int64)
    none = np.full(n, NONE)
    return Visits(subject, time, unknown, zero, no, none, no, ~no, no, count, count, zero, zero, no, no, none, none)


def select_visits(visits: Visits, which: Array) -> Visits:
    """Return the visits that an index or mask selects."""
    return replace(visits, **{name: getattr(visits, name)[which] for name in Visits.__dataclass_fields__})
