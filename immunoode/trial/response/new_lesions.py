"""Which new lesions are measured as new targets under iRECIST, and which are only watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.response.codes import NEW, NEW_TARGET
from immunoode.trial.response.rules import IrecistRules

if TYPE_CHECKING:
    from immunoode.trial.response.lesion_rows import Lesions

Array = np.ndarray


def new_targets(lesions: Lesions, first: Array, rules: IrecistRules) -> Array:
    """Return which lesions, by key, are new targets: named so, or measurable when first seen, in order of time and size.

    Parameters
    ----------
    first : array of int
        The row at which each new lesion is first seen.
    """
    size = np.where(lesions.node[first], rules.recist.measurable_node_mm, rules.recist.measurable_mm)
    large = np.nan_to_num(lesions.value[first]) >= size
    named = lesions.group[first] == NEW_TARGET
    wanted = first[named | ((lesions.group[first] == NEW) & large)]
    order = np.lexsort(
        (lesions.key[wanted], -np.nan_to_num(lesions.value[wanted]), lesions.time[wanted], lesions.subject[wanted])
    )
    wanted = wanted[order]
    place = lesions.subject[wanted] * (lesions.organ.max(initial=0) + 2) + lesions.organ[wanted] + 1
    wanted = wanted[(_rank(place) < rules.new_targets_organ) | (lesions.organ[wanted] < 0)]
    wanted = wanted[_rank(lesions.subject[wanted]) < rules.new_targets]
    chosen = np.zeros(len(lesions.start), bool)
    chosen[lesions.key[wanted]] = True
    return chosen


def _rank(groups: Array) -> Array:
    """Return how many of the same group come before each."""
    order = np.argsort(groups, kind="stable")
    sorted_ = groups[order]
    start = np.append(True, np.diff(sorted_) != 0)[: len(order)]
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - np.maximum.accumulate(np.where(start, np.arange(len(order)), 0))
    return rank
