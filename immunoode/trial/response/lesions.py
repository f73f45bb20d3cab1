"""From lesions to visits: one row per lesion and visit, with a diameter or with what was found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.response.baseline import last_known
from immunoode.trial.response.codes import BLANK, CR, NE, NEW, NON, NON_TARGET, NONE, PD, PROGRESSION, TARGET, UNKNOWN
from immunoode.trial.response.lesion_rows import Lesions, Timeline, grown, is_gone, is_there, sorted_lesions
from immunoode.trial.response.new_lesions import new_targets
from immunoode.trial.response.rules import IrecistRules, RecistRules
from immunoode.trial.response.tables import Rows, collected, reasons
from immunoode.trial.response.visits import Array, Assessed, Subjects, blank_visits, picked

if TYPE_CHECKING:
    import pandas as pd


def from_lesions(rows: Rows, rules: IrecistRules) -> Assessed:
    """Return the visits of a table of lesions."""
    lesions, timeline, left_out = sorted_lesions(rows, rules.recist)
    base = timeline.base[lesions.visit]
    sums, when, targets, notes = _baseline(lesions, timeline, base, rows, rules.recist)
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
    return Assessed(subjects, picked(visits, ~timeline.base), collected([*rows.left_out, *left_out, *notes]))


def _baseline(
    lesions: Lesions, timeline: Timeline, base: Array, rows: Rows, rules: RecistRules
) -> tuple[Array, Array, Array, list[pd.DataFrame]]:
    """Return each subject's sum and day of baseline, which rows are of targets in that sum, and what is to be noted."""
    values, _ = last_known(lesions.key, lesions.time, lesions.value, base, len(lesions.start))
    who, group = lesions.subject[lesions.start], lesions.group[lesions.start]
    followed = (group == TARGET) & np.isfinite(values)
    size = len(rows.names)
    sums = np.bincount(who[followed], weights=values[followed], minlength=size).astype(float)
    sums[np.bincount(who[followed], minlength=size) == 0] = np.nan
    _, when = last_known(timeline.subject, timeline.time, timeline.time, timeline.base, size)
    index, names = lesions.index[lesions.start], rows.names[who]
    late = ~base[lesions.start] if len(who) else np.zeros(0, bool)
    many = np.bincount(who[followed], minlength=size) > 5
    crowded = _crowded(who[followed], lesions.organ[lesions.start][followed], size)
    every = np.full(size, "")
    limit = np.where(lesions.node[lesions.start], rules.measurable_node_mm, rules.measurable_mm)
    small = followed & (values < limit)
    notes = [
        reasons(index, names, small, "a target lesion too small at baseline (RECIST 1.1, 3.1.1); it counts"),
        reasons(index, names, (group == TARGET) & ~followed, "a target lesion without a measurement at baseline"),
        reasons(
            index, names, (group == NON_TARGET) & late, "a non-target lesion first recorded after baseline; counts from then"
        ),
        reasons(index, names, (group >= NEW) & ~late, "a new lesion at baseline; counts from the first visit after"),
        reasons(every, rows.names, np.isnan(when), "no assessment at baseline: not evaluable"),
        reasons(every, rows.names, many, "more than 5 target lesions (RECIST 1.1, 3.2.2); all count"),
        reasons(every, rows.names, crowded, "more than 2 target lesions in an organ (RECIST 1.1, 3.2.2); all count"),
    ]
    return sums, when, followed[lesions.key], notes


def _crowded(subject: Array, organ: Array, size: int, most: int = 2) -> Array:
    """Return which subjects have more target lesions in one organ than the rules allow, where organs are named."""
    pairs, count = np.unique(np.stack([subject, organ])[:, organ >= 0], axis=1, return_counts=True)
    return np.bincount(pairs[0][count > most].astype(np.int64), minlength=size) > 0


def _targets(lesions: Lesions, timeline: Timeline, targets: Array, sums: Array, rules: RecistRules) -> dict[str, Array]:
    """Return sums of targets and whether all are gone; a node is where its short axis is not pathological (4.3.1)."""
    per_subject = np.bincount(lesions.subject[lesions.start][targets[lesions.start]], minlength=len(sums))
    wanted = per_subject[timeline.subject]
    measured = targets & np.isfinite(lesions.value)
    least = timeline.total(lesions.visit, measured, np.nan_to_num(lesions.value))
    complete = (timeline.count(lesions.visit, measured) == wanted) & (wanted > 0)
    gone = timeline.count(lesions.visit, measured & is_gone(lesions, rules)) == wanted
    return {"total": np.where(complete, least, np.nan), "least": least, "gone": gone}


def _target_seen(lesions: Lesions, timeline: Timeline, targets: Array, rules: RecistRules) -> Array:
    there = targets & np.isfinite(lesions.value) & ~is_gone(lesions, rules)
    return timeline.count(lesions.visit, there) > 0


def _non_targets(lesions: Lesions, timeline: Timeline, rules: RecistRules) -> dict[str, Array]:
    """Return the non-target lesions' response (4.3.3): all are to be evaluated, or it is not."""
    own = lesions.group == NON_TARGET
    known = timeline.known(lesions.visit[lesions.start][own[lesions.start]])
    progressed = own & (lesions.finding == PROGRESSION)
    gone = own & is_gone(lesions, rules) & ~progressed
    there = own & ~gone & is_there(lesions)
    evaluated = timeline.count(lesions.visit, gone | there)
    choices = [
        timeline.count(lesions.visit, progressed) > 0,
        known == 0,
        evaluated < known,
        timeline.count(lesions.visit, gone) == known,
    ]
    return {
        "non_target": np.select(choices, [PD, NONE, NE, CR], NON),
        "grown": timeline.count(lesions.visit, own & grown(lesions)) > 0,
        "seen": (timeline.count(lesions.visit, there & ~lesions.node) > 0) | (timeline.count(lesions.visit, progressed) > 0),
    }


def _new(lesions: Lesions, timeline: Timeline, rules: IrecistRules) -> dict[str, Array]:
    """Return what is known of new lesions at each visit; a node that is not pathological is none (4.3.5)."""
    own = lesions.group >= NEW
    gone = own & is_gone(lesions, rules.recist)
    there = own & ~gone & ((lesions.finding != UNKNOWN) & (is_there(lesions) | (lesions.finding == BLANK)))
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
    return {
        "new_count": count,
        "new_left": count - timeline.count(lesions.visit, since & gone),
        "new_least": least,
        "new_total": np.where(complete, least, np.nan),
        "new_grown": timeline.count(lesions.visit, other & grown(lesions)) > 0,
        "new_progressed": timeline.count(lesions.visit, other & (lesions.finding == PROGRESSION)) > 0,
    }
