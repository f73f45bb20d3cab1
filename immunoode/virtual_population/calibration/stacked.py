"""All targets as one matrix, one vector and one covariance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from immunoode.errors import DataError, ImmunoodeError, Problem
from immunoode.virtual_population.calibration.divergence import FloatArray
from immunoode.virtual_population.calibration.patterns import find_patterns
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.record import Target, TargetRecord

NEGLIGIBLE = 1e-10
INDEPENDENT = 0.05
"""The fraction by which covariances between targets are smaller than among the patients."""


@dataclass(frozen=True)
class StackedTargets:
    """The rows of all targets.

    Attributes
    ----------
    targets : tuple of Target
    records : tuple of TargetRecord
    moments : ndarray, shape (patients, rows)
    observed : ndarray, shape (rows,)
    covariance : ndarray, shape (rows, rows)
    """

    targets: tuple[Target, ...]
    records: tuple[TargetRecord, ...]
    moments: FloatArray
    observed: FloatArray
    covariance: FloatArray

    @property
    def depends_on_weights(self) -> bool:
        """Whether rows, or covariances between targets, depend on the weights."""
        groups = [(t.trial, t.arm) for t in self.targets]
        return len(set(groups)) < len(groups) or any(r.depends_on_weights for r in self.records)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The rows of each target."""
        ends = np.cumsum([len(r.rows) for r in self.records])
        return tuple(slice(int(end) - len(r.rows), int(end)) for end, r in zip(ends, self.records, strict=True))


def stack_targets(patients: VirtualPatients, targets: Sequence[Target], weights: FloatArray) -> StackedTargets:
    """Return the rows of targets for patients; all problems of all targets are raised at once.

    Targets of one arm of one trial are statistics of the same subjects, so their errors are correlated, although publications
    do not report how. Their correlation is taken from the weighted patients: with the covariance C of the moments, and the
    covariance V of a target's own errors, the covariance of targets a and b is (1 - s) V_a^(1/2) C_aa^(-1/2) C_ab C_bb^(-1/2)
    V_b^(1/2), with s = 0.05, because a certainty among virtual patients (a response excludes early progression) need not be
    one among subjects.

    Parameters
    ----------
    patients : VirtualPatients
    targets : sequence of Target
    weights : ndarray, shape (patients,)

    Raises
    ------
    DataError
    """
    records, problems = list[TargetRecord](), list_problems(targets)
    for target in () if problems else targets:
        try:
            records.append(target.record(patients, weights))
        except ImmunoodeError as error:
            problems.extend(error.problems)
    if problems or not records:
        raise DataError(problems or [Problem("targets", "are empty", "at least one target")])
    return _stack(targets, records, weights)


def list_problems(targets: Any) -> list[Problem]:
    """Return what is wrong if this is not a list of targets."""
    if isinstance(targets, Sequence) and not isinstance(targets, str) and all(hasattr(t, "record") for t in targets):
        return []
    return [Problem("targets", f"are {targets!r}", "a list of targets, such as ResponseRateTarget")]


def restack(
    stacked: StackedTargets, patients: VirtualPatients, weights: FloatArray, prior: FloatArray, *, covariance: bool
) -> StackedTargets:
    """Return the rows for other weights, and their covariance if requested; records that do not depend on weights are reused.

    Covariances between targets are computed with the average of prior and present weights: if few patients have most of the
    weight, the present weights alone would overstate the correlation between the errors of targets.
    """
    pairs = zip(stacked.targets, stacked.records, strict=True)
    records = [t.record(patients, weights) if r.depends_on_weights else r for t, r in pairs]
    if covariance:
        return _stack(stacked.targets, records, (weights + prior) / 2)
    moments = np.concatenate([r.moments for r in records], axis=1)
    return replace(stacked, records=tuple(records), moments=moments)


def _stack(targets: Sequence[Target], records: Sequence[TargetRecord], weights: FloatArray) -> StackedTargets:
    moments = np.concatenate([r.moments for r in records], axis=1)
    observed = np.concatenate([r.observed for r in records])
    return StackedTargets(tuple(targets), tuple(records), moments, observed, _covariance(targets, records, weights))


@dataclass(frozen=True)
class SharedErrors:
    """Sampling errors of other statistics: their variances (statistics,), and covariances with the rows (rows, statistics)."""

    own: FloatArray
    with_targets: FloatArray


def shared_errors(stacked: StackedTargets, record: TargetRecord, weights: FloatArray, trial: str, arm: str) -> SharedErrors:
    """Return the sampling errors that a record of a trial and arm shares with the targets of the same subjects."""
    crossed = np.zeros((len(stacked.observed), len(record.rows)))
    same = [k for k, target in enumerate(stacked.targets) if (target.trial, target.arm) == (trial, arm)]
    if same and record.covariance.any():
        rows = np.concatenate([np.r_[stacked.slices[k]] for k in same])
        joint = _of_same_subjects([*(stacked.records[k] for k in same), record], weights)
        crossed[rows] = joint[: len(rows), len(rows) :]
    return SharedErrors(np.diag(record.covariance).copy(), crossed)


def _covariance(targets: Sequence[Target], records: Sequence[TargetRecord], weights: FloatArray) -> FloatArray:
    """Return the covariance of all rows: within each target its own, and between targets of the same subjects as in
    `stack_targets`.
    """
    ends = np.cumsum([0, *(len(r.rows) for r in records)])
    whole = np.zeros((int(ends[-1]), int(ends[-1])))
    groups = dict[tuple[str, str], list[int]]()
    for k, target in enumerate(targets):
        groups.setdefault((target.trial, target.arm), []).append(k)
    for members in groups.values():
        rows = np.concatenate([np.arange(ends[k], ends[k + 1]) for k in members])
        whole[np.ix_(rows, rows)] = _of_same_subjects([records[k] for k in members], weights)
    return whole


def _of_same_subjects(records: Sequence[TargetRecord], weights: FloatArray) -> FloatArray:
    from scipy.linalg import block_diag

    if len(records) == 1:
        return records[0].covariance
    kinds = find_patterns(np.concatenate([r.moments for r in records], axis=1))
    mass = kinds.total(weights)
    centred = kinds.rows - mass @ kinds.rows
    among_patients = (centred * mass[:, None]).T @ centred
    turned = block_diag(*_congruences(records, among_patients))
    joint = (1 - INDEPENDENT) * turned.T @ among_patients @ turned
    start = 0
    for record in records:  # exact within a target, also in directions in which the patients do not vary
        end = start + len(record.rows)
        joint[start:end, start:end] = record.covariance
        start = end
    return _without_negative_eigenvalues(joint)


def _congruences(records: Sequence[TargetRecord], among_patients: FloatArray) -> Iterator[FloatArray]:
    """Yield C^(-1/2) V^(1/2) of each record, which turns moments of covariance C into ones of covariance V."""
    start = 0
    for record in records:
        own = slice(start, start + len(record.rows))
        yield _power(among_patients[own, own], -0.5) @ _power(record.covariance, 0.5)
        start = own.stop


def _power(matrix: FloatArray, exponent: float) -> FloatArray:
    values, vectors = np.linalg.eigh(matrix)
    kept = values > NEGLIGIBLE * max(float(values[-1]), 0.0)
    powers = np.zeros(len(values))
    powers[kept] = values[kept] ** exponent
    return np.asarray((vectors * powers) @ vectors.T)


def _without_negative_eigenvalues(matrix: FloatArray) -> FloatArray:
    """Return a covariance without the negative eigenvalues of rounding; rows without error stay exactly zero."""
    varied = np.flatnonzero(np.diag(matrix) > 0)
    values, vectors = np.linalg.eigh(matrix[np.ix_(varied, varied)])
    if not len(varied) or values[0] >= 0:
        return matrix
    whole = np.zeros_like(matrix)
    whole[np.ix_(varied, varied)] = (vectors * np.maximum(values, 0)) @ vectors.T
    return whole
