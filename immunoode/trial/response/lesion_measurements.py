"""The rows of a table of lesions in order, and the timeline of visits from which sums and responses are computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.response.assessment_rows import (
    AssessmentRows,
    boolean_column,
    identifier_column,
    invalid_numbers,
    left_out_rows,
    number_column,
)
from immunoode.trial.response.baseline import is_baseline
from immunoode.trial.response.codes import (
    ABSENT,
    BLANK,
    FINDINGS,
    INCREASED,
    KINDS,
    NEW,
    PROGRESSION,
    SMALL,
    TARGET,
    UNKNOWN,
    encode,
    finding_code,
    kind_code,
)
from immunoode.trial.response.rules import TOLERANCE, RecistRules
from immunoode.trial.response.visit_grid import Array, VisitGrid, is_first, visit_grid

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LesionMeasurements:
    """The rows of a table of lesions, sorted by subject, lesion and time, with one row per lesion and time.

    Attributes
    ----------
    subject, time, value, finding, index : array
        One entry per row; `value` in mm, NaN if nothing was measured, and 0 if the lesion has disappeared.
    key : array of int
        The lesion, numbered over all subjects.
    start : array of int
        The first row of each lesion.
    group, node : array
        Of the row's lesion: target, non-target or a kind of new lesion; whether it is a lymph node.
    organ : array of int
        Of the row's lesion; -1 if not stated.
    markers_normal : array of bool
        Tumour markers at the row's visit are normal, or were not reported.
    visit : array of int
        The visit, numbered over all subjects in order of subject and time, baseline included.
    """

    subject: Array
    time: Array
    value: Array
    finding: Array
    index: Array
    key: Array
    start: Array
    group: Array
    node: Array
    organ: Array
    markers_normal: Array
    visit: Array


@dataclass(frozen=True)
class Timeline:
    """All visits, baseline included: subject, time, whether it is baseline, and the grid of visits."""

    subject: Array
    time: Array
    is_baseline: Array
    grid: VisitGrid

    def __len__(self) -> int:
        return len(self.time)

    def count(self, visit: Array, which: Array) -> Array:
        """Return for each visit the number of rows that a mask selects."""
        return np.bincount(visit[which], minlength=len(self))

    def total(self, visit: Array, which: Array, value: Array) -> Array:
        """Return for each visit the sum of the values that a mask selects."""
        return np.bincount(visit[which], weights=value[which], minlength=len(self)).astype(float)

    def cumulative_count(self, visit: Array) -> Array:
        """Return for each visit how many of the lesions first seen at `visit` its subject has by then."""
        began = self.grid.to_matrix(np.bincount(visit, minlength=len(self)), 0)
        return self.grid.from_matrix(np.cumsum(began, axis=1))


def sort_lesions(rows: AssessmentRows, rules: RecistRules) -> tuple[LesionMeasurements, Timeline, list[pd.DataFrame]]:
    """Return the rows in order, with each lesion once per visit; the visits; and what was left out."""
    import pandas as pd

    frame = rows.frame
    kinds = frame["kind"] if "kind" in frame.columns else pd.Series("target", index=frame.index, name="kind")
    kind = encode(kinds, kind_code, KINDS)
    has_findings = "finding" in frame.columns
    finding = encode(frame["finding"], finding_code, [f for f in FINDINGS if f]) if has_findings else np.full(len(frame), BLANK)
    measured = number_column(frame, "diameter", np.nan)
    value = _millimetres(measured, finding, rules)
    names, _ = pd.factorize(identifier_column(frame["lesion"]), sort=True)
    group = np.minimum(kind // 2, NEW)
    key = (rows.subject * 3 + group) * (names.max(initial=0) + 1) + names
    order = np.lexsort((kind, finding, np.nan_to_num(value, nan=-1.0), rows.time, key))
    last = np.roll(is_first(key[order], rows.time[order]), -1)
    who = rows.names[rows.subject]
    left_out = [
        left_out_rows(
            frame.index, who, invalid_numbers(frame, "diameter"), "a diameter that is negative or not a number: not evaluable"
        ),
        left_out_rows(
            frame.index, who, (kind // 2 == TARGET) & (finding == PROGRESSION), "progression of a target: its sum decides"
        ),
        left_out_rows(frame.index, who, (finding == ABSENT) & (measured > 0), "absent, and a diameter: the diameter counts"),
        left_out_rows(frame.index[order], who[order], ~last, "the same lesion twice at that visit; the largest counts"),
    ]
    order = order[last]
    _, lesion = np.unique(key[order], return_inverse=True)
    start = np.flatnonzero(is_first(lesion))
    timeline, visit = _timeline(rows.subject[order], rows.time[order], len(rows.names), rules)
    own_kind = kind[order][start][lesion]
    organ = pd.factorize(frame["organ"])[0][order] if "organ" in frame.columns else np.full(len(order), -1)
    lesions = LesionMeasurements(
        subject=rows.subject[order],
        time=rows.time[order],
        value=value[order],
        finding=finding[order],
        index=np.asarray(frame.index)[order],
        key=lesion,
        start=start,
        group=own_kind // 2,
        node=own_kind % 2 == 1,
        organ=organ,
        markers_normal=boolean_column(frame, "markers_normal", True)[order],
        visit=visit,
    )
    return lesions, timeline, left_out


def _millimetres(diameter: Array, finding: Array, rules: RecistRules) -> Array:
    """Return the value of each row in mm: the actual measurement if there is one, however small (4.3.2)."""
    substitute = np.select([finding == ABSENT, finding == SMALL], [0.0, rules.too_small_mm], np.nan)
    value = np.where(np.isfinite(diameter), diameter, substitute)
    return np.where(finding == UNKNOWN, np.nan, value)


def _timeline(subject: Array, time: Array, subjects: int, rules: RecistRules) -> tuple[Timeline, Array]:
    """Return all visits, and the visit of each row."""
    order = np.lexsort((time, subject))
    first = is_first(subject[order], time[order])
    visit = np.empty(len(order), dtype=np.int64)
    visit[order] = np.cumsum(first) - 1
    who, when = subject[order][first], time[order][first]
    return Timeline(who, when, is_baseline(who, when, rules), visit_grid(who, subjects)), visit


def is_absent(lesions: LesionMeasurements, rules: RecistRules) -> Array:
    """Return which rows show that a lesion has disappeared, or that a node is not pathological."""
    return np.where(lesions.node, lesions.value < rules.node_mm, lesions.value == 0)


def is_present(lesions: LesionMeasurements) -> Array:
    """Return which rows show a lesion, by a measurement or by a finding."""
    by_finding = (lesions.finding > ABSENT) & np.isnan(lesions.value)
    return (lesions.value > 0) | by_finding


def has_increased(lesions: LesionMeasurements) -> Array:
    """Return which rows show an increase since the lesion was last evaluated, by a finding or by a measurement."""
    earlier = np.full(len(lesions.value), np.nan)
    known = np.flatnonzero(np.isfinite(lesions.value))
    same = np.diff(lesions.key[known]) == 0
    earlier[known[1:][same]] = lesions.value[known[:-1][same]]
    larger = lesions.value > earlier * (1 + TOLERANCE)
    worse = lesions.finding == PROGRESSION
    before = np.append(False, (np.diff(lesions.key) == 0) & ~worse[:-1])[: len(worse)]
    return larger | (lesions.finding == INCREASED) | (worse & before)
