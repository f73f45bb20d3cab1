"""From lesions to visits: a row a lesion and visit, with a diameter or with what was found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.response.baseline import is_baseline, last_known
from immunoode.trial.response.grid import Grid, grid_of
from immunoode.trial.response.new_lesions import new_targets
from immunoode.trial.response.rules import TOLERANCE, IrecistRules, RecistRules
from immunoode.trial.response.tables import Rows, collected, flags, labels, numbers, reasons
from immunoode.trial.response.visits import Array, Assessed, Subjects, Visits, blank_visits
from immunoode.trial.response.words import (
    ABSENT, BLANK, CR, FINDINGS, INCREASED, KINDS, NE, NEW, NON, NON_TARGET, NONE, PD, PROGRESSION, SMALL, TARGET, UNKNOWN,
    coded, finding_code, kind_code,
)  # fmt: skip

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
        return np.bincount(visit[which], weights=value[which], minlength=len(self))

    def known(self, visit: Array) -> Array:
        """Return how many of the things that began at these visits are known at each visit of their subject."""
        began = self.grid.spread(np.bincount(visit, minlength=len(self)), 0)
        return self.grid.gather(np.cumsum(began, axis=1))


def from_lesions(rows: Rows, rules: IrecistRules) -> Assessed:
    """Return the visits of a table of lesions."""
    lesions, timeline, left_out = _sorted(rows, rules.recist)
    base = timeline.base[lesions.visit]
    sums, when, targets, notes = _baseline(lesions, timeline, base, rows)
    visits = replace(
        blank_visits(timeline.subject, timeline.time),
        markers=timeline.count(lesions.visit, ~lesions.markers) == 0,
        **_targets(lesions, timeline, targets, sums, rules.recist),
        **_non_targets(lesions, timeline, rules.recist),
    )
    target_seen = visits.seen | _target_seen(lesions, timeline, targets, rules.recist)
    visits = replace(visits, seen=target_seen, **_new(lesions, timeline, rules))
    named = np.zeros(len(rows.names), bool)
    named[lesions.subject[lesions.group == TARGET]] = True
    unknown = np.isnan(when) | (named & np.isnan(sums))
    subjects = Subjects(rows.names, rows.arms, np.where(sums > 0, sums, np.nan), when, unknown)
    after = {name: getattr(visits, name)[~timeline.base] for name in Visits.__dataclass_fields__}
    return Assessed(subjects, Visits(**after), collected([*rows.left_out, *left_out, *notes]))


def _sorted(rows: Rows, rules: RecistRules) -> tuple[Lesions, Timeline, list[pd.DataFrame]]:
    """Return the rows in order, each lesion once a visit, the visits, and what was left out."""
    import pandas as pd

    frame = rows.frame
    kind = coded(frame["kind"], kind_code, KINDS)
    words = frame["finding"] if "finding" in frame.columns else pd.Series(BLANK, index=frame.index, name="finding")
    finding = coded(words, finding_code, [f for f in FINDINGS if f]) if "finding" in frame.columns else words.to_numpy()
    raw = pd.to_numeric(frame["diameter"], errors="coerce").to_numpy(float)
    value = _value(numbers(frame, "diameter", np.nan), finding, rules)
    names, _ = pd.factorize(labels(frame["lesion"]), sort=True)
    group = np.minimum(kind // 2, NEW)
    key = (rows.subject * 3 + group) * (names.max(initial=0) + 1) + names
    order = np.lexsort((np.nan_to_num(value, nan=-1.0), rows.time, key))
    last = np.append((np.diff(key[order]) != 0) | (np.diff(rows.time[order]) != 0), True) if len(order) else np.zeros(0, bool)
    who = rows.names[rows.subject]
    left_out = [
        reasons(frame.index, who, raw < 0, "a negative diameter: not evaluable"),
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
        rows.subject[order], rows.time[order], value[order], finding[order], np.asarray(frame.index)[order], dense, start,
        own // 2, own % 2 == 1, organ, flags(frame, "markers_normal", True)[order], visit,
    )  # fmt: skip
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


def _baseline(
    lesions: Lesions, timeline: Timeline, base: Array, rows: Rows
) -> tuple[Array, Array, Array, list[pd.DataFrame]]:
    """Return each subject's sum and day of baseline, which rows are of targets in that sum, and what is to be noted."""
    values, _ = last_known(lesions.key, lesions.time, lesions.value, base, len(lesions.start))
    who, group = lesions.subject[lesions.start], lesions.group[lesions.start]
    followed = (group == TARGET) & np.isfinite(values)
    size = len(rows.names)
    sums = np.bincount(who[followed], weights=values[followed], minlength=size)
    sums[np.bincount(who[followed], minlength=size) == 0] = np.nan
    _, when = last_known(timeline.subject, timeline.time, timeline.time, timeline.base, size)
    index, names = lesions.index[lesions.start], rows.names[who]
    late = ~base[lesions.start] if len(who) else np.zeros(0, bool)
    many = np.bincount(who[followed], minlength=size) > 5
    every = np.full(size, "")
    notes = [
        reasons(index, names, (group == TARGET) & ~followed, "a target lesion without a measurement at baseline"),
        reasons(index, names, (group == NON_TARGET) & late, "a non-target lesion first recorded after baseline; counts from then"),
        reasons(index, names, (group >= NEW) & ~late, "a new lesion at baseline; counts from the first visit after"),
        reasons(every, rows.names, np.isnan(when), "no assessment at baseline: not evaluable"),
        reasons(every, rows.names, many, "more than 5 target lesions (RECIST 1.1, 3.2.2); all count"),
    ]
    return sums, when, followed[lesions.key], notes


def _targets(lesions: Lesions, timeline: Timeline, targets: Array, sums: Array, rules: RecistRules) -> dict[str, Array]:
    """Return sums of targets and whether all are gone; a node is where its short axis is not pathological (4.3.1)."""
    per_subject = np.bincount(lesions.subject[lesions.start][targets[lesions.start]], minlength=len(sums))
    wanted = per_subject[timeline.subject]
    measured = targets & np.isfinite(lesions.value)
    least = timeline.total(lesions.visit, measured, np.nan_to_num(lesions.value))
    complete = (timeline.count(lesions.visit, measured) == wanted) & (wanted > 0)
    gone = timeline.count(lesions.visit, measured & _is_gone(lesions, rules)) == wanted
    return {"total": np.where(complete, least, np.nan), "least": least, "gone": gone & complete}


def _is_gone(lesions: Lesions, rules: RecistRules) -> Array:
    """Return which rows show a lesion that is gone; nothing known is not gone."""
    return np.where(lesions.node, lesions.value < rules.node_mm, lesions.value == 0)


def _target_seen(lesions: Lesions, timeline: Timeline, targets: Array, rules: RecistRules) -> Array:
    there = targets & np.isfinite(lesions.value) & ~_is_gone(lesions, rules)
    return timeline.count(lesions.visit, there) > 0


def _non_targets(lesions: Lesions, timeline: Timeline, rules: RecistRules) -> dict[str, Array]:
    """Return the non-target lesions' response (4.3.3): all are to be evaluated, or it is not."""
    own = lesions.group == NON_TARGET
    known = timeline.known(lesions.visit[lesions.start][own[lesions.start]])
    progressed = own & (lesions.finding == PROGRESSION)
    gone = own & _is_gone(lesions, rules) & ~progressed
    there = own & ~gone & _is_there(lesions)
    evaluated = timeline.count(lesions.visit, gone | there)
    choices = [
        timeline.count(lesions.visit, progressed) > 0,
        known == 0,
        evaluated < known,
        timeline.count(lesions.visit, gone) == known,
    ]
    return {
        "non_target": np.select(choices, [PD, NONE, NE, CR], NON),
        "grown": timeline.count(lesions.visit, own & _grown(lesions)) > 0,
        "seen": (timeline.count(lesions.visit, there & ~lesions.node) > 0) | (timeline.count(lesions.visit, progressed) > 0),
    }


def _is_there(lesions: Lesions) -> Array:
    """Return which rows show a lesion, measured or in words."""
    worded = (lesions.finding > ABSENT) & np.isnan(lesions.value)
    return (lesions.value > 0) | worded


def _grown(lesions: Lesions) -> Array:
    """Return which rows show an increase since the lesion was last evaluated: in words, or by what was measured."""
    earlier = np.full(len(lesions.value), np.nan)
    known = np.flatnonzero(np.isfinite(lesions.value))
    same = np.diff(lesions.key[known]) == 0
    earlier[known[1:][same]] = lesions.value[known[:-1][same]]
    larger = lesions.value > earlier * (1 + TOLERANCE)
    worse = lesions.finding == PROGRESSION
    before = np.append(False, (np.diff(lesions.key) == 0) & ~worse[:-1])[: len(worse)]
    return larger | (lesions.finding == INCREASED) | (worse & before)


def _new(lesions: Lesions, timeline: Timeline, rules: IrecistRules) -> dict[str, Array]:
    """Return what is known of new lesions at each visit; a node that is not pathological is none (4.3.5)."""
    own = lesions.group >= NEW
    gone = own & _is_gone(lesions, rules.recist)
    there = own & ~gone & ((lesions.finding != UNKNOWN) & (_is_there(lesions) | (lesions.finding == BLANK)))
    there &= ~timeline.base[lesions.visit]
    first = np.flatnonzero(there)
    first = first[np.append(True, np.diff(lesions.key[first]) != 0)[: len(first)]]
    began = np.full(len(lesions.start), len(timeline) + 1)
    began[lesions.key[first]] = lesions.visit[first]
    since = own & (lesions.visit >= began[lesions.key])
    count = timeline.known(lesions.visit[first])
    measured_key = new_targets(lesions, first, rules)
    is_target = since & measured_key[lesions.key]
    measured = is_target & np.isfinite(lesions.value)
    least = timeline.total(lesions.visit, measured, np.nan_to_num(lesions.value))
    complete = timeline.count(lesions.visit, measured) == timeline.known(lesions.visit[first[measured_key[lesions.key[first]]]])
    other = since & ~is_target
    fresh = np.zeros(len(own), bool)
    fresh[first] = True
    return {
        "new_count": count,
        "new_left": count - timeline.count(lesions.visit, since & gone),
        "new_least": least,
        "new_total": np.where(complete, least, np.nan),
        "new_grown": timeline.count(lesions.visit, other & ~fresh & _grown(lesions)) > 0,
        "new_progressed": timeline.count(lesions.visit, other & ~fresh & (lesions.finding == PROGRESSION)) > 0,
    }
