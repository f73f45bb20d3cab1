"""Targets that no patients can meet, because they contradict each other about the same outcome."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from immunoode.errors import Problem
from immunoode.virtual_population.calibration.certificate import certificate
from immunoode.virtual_population.calibration.stacked import stack_targets
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.partition import Partition, values_between
from immunoode.virtual_population.targets.record import Target

STANDARD_ERRORS = 4.0
"""Targets that can be met within this many standard errors do not contradict each other."""


def contradictions(targets: Sequence[Target]) -> list[Problem]:
    """Return the targets that contradict each other: those for one outcome of one arm that no distribution of the outcome
    meets.

    Parameters
    ----------
    targets : sequence of Target
    """
    groups = dict[tuple[str, str, bool], list[Target]]()
    for target in targets:
        partition = getattr(target, "partition", None)
        if isinstance(partition, Partition):
            groups.setdefault(partition.key, []).append(target)
    return [p for group in groups.values() if len(group) > 1 for p in _among(group)]


def _among(targets: Sequence[Target]) -> list[Problem]:
    import pandas as pd

    partitions: list[Partition] = [t.partition for t in targets]  # type: ignore[attr-defined]
    values = values_between([v for p in partitions for v in p.limits])
    table = pd.DataFrame(partitions[0].columns(values), index=range(len(values)))
    possible = VirtualPatients(pd.DataFrame(index=table.index), {partitions[0].arm: table} if partitions[0].arm else {})
    stacked = stack_targets(possible, targets, possible.prior)
    exact = bool((np.diag(stacked.covariance) == 0).any())
    found = certificate(stacked, possible.prior, within=0.0 if exact else STANDARD_ERRORS)
    if not found.targets:
        return []
    what = f"contradict each other: {' and '.join(found.targets)} are {found.distance:.2g} {found.unit} from any population"
    return [Problem("targets", what, "targets from one population; check arms, units and numbers of subjects")]
