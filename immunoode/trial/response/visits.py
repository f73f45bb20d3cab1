"""Visits: what each assessment after baseline showed, of all subjects, as arrays that the rules read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.response.codes import NONE
from immunoode.trial.table import LEFT_OUT, empty

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
        Sum of the target lesions at baseline in mm; NaN where there is no target lesion.
    baseline_time : array of float
        Day of baseline, the last where it took several; NaN where there is none.
    unknown : array of bool
        Whether there should be a sum at baseline and there is none: targets cannot be evaluated.
    """

    name: Array
    arm: Array
    baseline: Array
    baseline_time: Array
    unknown: Array

    @property
    def has_target(self) -> Array:
        """Whether there are target lesions."""
        return self.baseline > 0

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True)
class Visits:
    """One entry per visit after baseline, sorted by subject and time.

    Attributes
    ----------
    subject : array of int
        Place in `Subjects`.
    time : array of float
        Days.
    total : array of float
        Sum of the target lesions in mm, NaN unless all were evaluated.
    least : array of float
        Sum of those that were: the whole sum cannot be less.
    gone : array of bool
        All target lesions are gone, nodes among them not pathological.
    non_target : array of int
        Code of the non-target lesions' response; `NONE` where there are none.
    grown : array of bool
        A non-target lesion has increased since the last assessment.
    markers : array of bool
        Tumour markers are normal, or were not given.
    seen : array of bool
        Disease known from baseline is there; nodes that are not targets do not count.
    new_left : array of int
        New lesions seen up to here and not known to have gone.
    new_count : array of int
        New lesions seen up to here.
    new_total, new_least : array of float
        Sum of the new target lesions in mm, as `total` and `least`; 0 where there are none.
    new_grown, new_progressed : array of bool
        A new non-target lesion has increased since the last assessment; has unequivocally progressed.
    given, given_target : array of int
        Code of the response over all, and of the targets', that a reader stated; `NONE` where none was stated.
    """

    subject: Array
    time: Array
    total: Array
    least: Array
    gone: Array
    non_target: Array
    grown: Array
    markers: Array
    seen: Array
    new_left: Array
    new_count: Array
    new_total: Array
    new_least: Array
    new_grown: Array
    new_progressed: Array
    given: Array
    given_target: Array

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True)
class Assessed:
    """Everything that was read: subjects, their visits after baseline, what could not be used, and what was assumed."""

    subjects: Subjects
    visits: Visits
    left_out: pd.DataFrame = field(default_factory=lambda: empty(LEFT_OUT))
    notes: tuple[str, ...] = ()


def blank_visits(subject: Array, time: Array) -> Visits:
    """Return visits at which nothing was seen, to be filled in."""
    n = len(time)
    no, unknown, zero, count = np.zeros(n, bool), np.full(n, np.nan), np.zeros(n), np.zeros(n, np.int64)
    none = np.full(n, NONE)
    return Visits(subject, time, unknown, zero, no, none, no, ~no, no, count, count, zero, zero, no, no, none, none)


def picked(visits: Visits, which: Array) -> Visits:
    """Return some of the visits, by place or by whether they are wanted."""
    return replace(visits, **{name: getattr(visits, name)[which] for name in Visits.__dataclass_fields__})
