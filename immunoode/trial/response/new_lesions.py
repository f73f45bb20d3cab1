"""Which new lesions are measured as new target lesions under iRECIST, and which are only assessed in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.response.codes import NEW, NEW_TARGET
from immunoode.trial.response.rules import IrecistRules
from immunoode.trial.response.visit_grid import Array, is_first

if TYPE_CHECKING:
    from immunoode.trial.response.lesion_measurements import LesionMeasurements


def choose_new_targets(lesions: LesionMeasurements, first: Array, rules: IrecistRules) -> Array:
    """Return which lesions, by key, are new targets: named as such or measurable when first seen, by time and then size.

    Parameters
    ----------
    first : array of int
        The row at which each new lesion is first seen.
    """
    limit = np.where(lesions.node[first], rules.recist.measurable_node_mm, rules.recist.measurable_mm)
    measurable = np.nan_to_num(lesions.value[first]) >= limit
    named = lesions.group[first] == NEW_TARGET
    candidates = first[named | ((lesions.group[first] == NEW) & measurable)]
    size = np.nan_to_num(lesions.value[candidates])
    candidates = candidates[np.lexsort((lesions.key[candidates], -size, lesions.time[candidates], lesions.subject[candidates]))]
    organ_of_subject = lesions.subject[candidates] * (lesions.organ.max(initial=0) + 2) + lesions.organ[candidates] + 1
    candidates = candidates[(_rank(organ_of_subject) < rules.new_targets_organ) | (lesions.organ[candidates] < 0)]
    candidates = candidates[_rank(lesions.subject[candidates]) < rules.new_targets]
    chosen = np.zeros(len(lesions.start), bool)
    chosen[lesions.key[candidates]] = True
    return chosen


def _rank(groups: Array) -> Array:
    """Return for each element how many elements of the same group come before it."""
    order = np.argsort(groups, kind="stable")
    position = np.arange(len(order))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = position - np.maximum.accumulate(np.where(is_first(groups[order]), position, 0))
    return rank
