"""The rows of a table of lesions in order, and all visits: what the sums and statuses of lesions are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

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
    coded,
    finding_code,
    kind_code,
)
from immunoode.trial.response.rules import TOLERANCE, RecistRules
from immunoode.trial.response.tables import Rows, flags, labels, numbers, reasons, unusable
from immunoode.trial.response.visit_grid import Grid, grid_of
from immunoode.trial.response.visits import Array

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Lesions:
    """The rows of a table of lesions, sorted by subject, lesion and time, one a lesion and time.

    Attributes
    ----------
    subject, time, value, finding, index : array
        Of the row; `value` in mm, NaN where nothing was measured, and 0 where the lesion is gone.
    key : array of int
        The lesion, numbered over all subjects; `start` is each lesion's first row.
    group, node : array
        Of the row's lesion: target, non-target or one of the new; whether it is a node.
    visit : array of int
        The row's visit, numbered over all subjects in order of subject and time, baseline included.
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
    markers: Array
    visit: Array


@dataclass(frozen=True)
class Timeline:
    """All visits, baseline included: subject, time, whether baseline, and the grid along which to count."""

    subject: Array
    time: Array
    base: Array
    grid: Grid

    def __len__(self) -> int:
        return len(self.time)

    def count(self, visit: Array, which: Array) -> Array:
        """Return the number of rows of each visit for which something holds."""
        return np.bincount(visit[which], minlength=len(self))

    def total(self, visit: Array, which: Array, value: Array) -> Array:
        """Return the sum of values of each visit."""
        return np.bincount(visit[which], weights=value[which], minlength=len(self)).astype(float)

    def known(self, visit: Array) -> Array:
        """Return how many of the things that began at these visits are known at each visit of their subject."""
        began = self.grid.spread(np.bincount(visit, minlength=len(self)), 0)
        return self.grid.gather(np.cumsum(began, axis=1))


def sorted_lesions(rows: Rows, rules: RecistRules) -> tuple[Lesions, Timeline, list[pd.DataFrame]]:
    """Return the rows in order, each lesion once a visit, the visits, and what was left out."""
    import pandas as pd

    frame = rows.frame
    kinds = frame["kind"] if "kind" in frame.columns else pd.Series("target", index=frame.index, name="kind")
    kind = coded(kinds, kind_code, KINDS)
    words = frame["finding"] if "finding" in frame.columns else pd.Series(BLANK, index=frame.index, name="finding")
    finding = coded(words, finding_code, [f for f in FINDINGS if f]) if "finding" in frame.columns else words.to_numpy()
    raw = numbers(frame, "diameter", np.nan)
    value = _value(raw, finding, rules)
    names, _ = pd.factorize(labels(frame["lesion"]), sort=True)
    group = np.minimum(kind // 2, NEW)
    key = (rows.subject * 3 + group) * (names.max(initial=0) + 1) + names
    order = np.lexsort((kind, finding, np.nan_to_num(value, nan=-1.0), rows.time, key))
    last = np.append((np.diff(key[order]) != 0) | (np.diff(rows.time[order]) != 0), True) if len(order) else np.zeros(0, bool)
    who = rows.names[rows.subject]
    left_out = [
        reasons(frame.index, who, unusable(frame, "diameter"), "a diameter that is negative or no number: not evaluable"),
        reasons(frame.index, who, (kind // 2 == TARGET) & (finding == PROGRESSION), "progression of a target: its sum decides"),
        reasons(frame.index, who, (finding == ABSENT) & (raw > 0), "absent, and a diameter: the diameter counts"),
        reasons(frame.index[order], who[order], ~last, "the lesion again at that visit; the largest counts"),
    ]
    order = order[last]
    _, dense = np.unique(key[order], return_inverse=True)
    start = np.flatnonzero(np.append(True, np.diff(dense) != 0)) if len(dense) else np.zeros(0, np.int64)
    timeline, visit = _timeline(rows.subject[order], rows.time[order], len(rows.names), rules)
    own = kind[order][start][dense] if len(dense) else kind[order]
    organ = pd.factorize(frame["organ"])[0][order] if "organ" in frame.columns else np.full(len(order), -1)
    lesions = Lesions(
        rows.subject[order],
        rows.time[order],
        value[order],
        finding[order],
        np.asarray(frame.index)[order],
        dense,
        start,
        own // 2,
        own % 2 == 1,
        organ,
        flags(frame, "markers_normal", True)[order],
        visit,
    )
    return lesions, timeline, left_out


def _value(diameter: Array, finding: Array, rules: RecistRules) -> Array:
    """Return what each row counts in mm: the actual measurement where there is one, however small (4.3.2)."""
    stands = np.select([finding == ABSENT, finding == SMALL], [0.0, rules.too_small_mm], np.nan)
    value = np.where(np.isfinite(diameter), diameter, stands)
    return np.where(finding == UNKNOWN, np.nan, value)


def _timeline(subject: Array, time: Array, subjects: int, rules: RecistRules) -> tuple[Timeline, Array]:
    """Return all visits and the visit of each row."""
    order = np.lexsort((time, subject))
    first = (np.append(True, (np.diff(subject[order]) != 0) | (np.diff(time[order]) != 0)))[: len(order)]
    visit = np.empty(len(order), dtype=np.int64)
    visit[order] = np.cumsum(first) - 1
    who, when = subject[order][first], time[order][first]
    return Timeline(who, when, is_baseline(who, when, rules), grid_of(who, subjects)), visit


def is_gone(lesions: Lesions, rules: RecistRules) -> Array:
    """Return which rows show a lesion that is gone; nothing known is not gone."""
    return np.where(lesions.node, lesions.value < rules.node_mm, lesions.value == 0)


def is_there(lesions: Lesions) -> Array:
    """Return which rows show a lesion, measured or in words."""
    worded = (lesions.finding > ABSENT) & np.isnan(lesions.value)
    return (lesions.value > 0) | worded


def grown(lesions: Lesions) -> Array:
    """Return which rows show an increase since the lesion was last evaluated: in words, or by what was measured."""
    earlier = np.full(len(lesions.value), np.nan)
    known = np.flatnonzero(np.isfinite(lesions.value))
    same = np.diff(lesions.key[known]) == 0
    earlier[known[1:][same]] = lesions.value[known[:-1][same]]
    larger = lesions.value > earlier * (1 + TOLERANCE)
    worse = lesions.finding == PROGRESSION
    before = np.append(False, (np.diff(lesions.key) == 0) & ~worse[:-1])[: len(worse)]
    return larger | (lesions.finding == INCREASED) | (worse & before)
