"""A target for a subgroup of the subjects, defined by limits on parameters or outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem
from immunoode.number_checks import is_number
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.record import FloatArray, Target, TargetRecord

MEDIAN = "median"


@dataclass(frozen=True)
class SubgroupTarget:
    """A statistic of the subjects of an arm who are within given limits.

    Attributes
    ----------
    target : target
        The statistic.
    among : mapping of str to pair or tuple of str
        For each parameter, or column of the outcomes of the target's arm, the lowest and the highest value, both inclusive
        ("median" for that of all patients); or, for a column of words, those that count: {"best_response": ("CR", "PR")}.

    Raises
    ------
    DataError

    Notes
    -----
    The error of the statistic is that among the subjects of the subgroup. The proportion of subjects in the subgroup is not a
    target.

    Examples
    --------
    >>> from immunoode.virtual_population import ResponseRateTarget, SubgroupTarget
    >>> high = SubgroupTarget(ResponseRateTarget.objective("drug", 0.45, n=73), {"pdl1_score": (0.5, 1.0)})
    >>> high.label
    'best response of drug among pdl1 score 0.5 to 1'
    """

    target: Target
    among: Mapping[str, tuple[Any, ...]]

    def __post_init__(self) -> None:
        if not isinstance(self.among, Mapping) or not self.among:
            raise DataError(Problem("among", f"is {self.among!r}", "a mapping of column to limits: {'pdl1_score': (0.5, 1.0)}"))
        DataError.raise_if([p for name, limits in self.among.items() for p in _limit_problems(name, limits)])

    @property
    def arm(self) -> str:
        """The arm of the statistic."""
        return self.target.arm

    @property
    def trial(self) -> str:
        """The trial of the statistic."""
        return self.target.trial

    @property
    def label(self) -> str:
        """The target in words."""
        return f"{self.target.label} among {', '.join(_words(*item) for item in self.among.items())}"

    def members(self, patients: VirtualPatients, weights: FloatArray) -> NDArray[np.bool_]:
        """Return whether each patient is in the subgroup, shape (patients,).

        Parameters
        ----------
        patients : VirtualPatients
        weights : ndarray
            Weights for the median of a column.

        Raises
        ------
        DataError
            If no patient with weight is in the subgroup.
        """
        return members(patients, self.among, self.arm, weights, self.label)

    def record(self, patients: VirtualPatients, weights: FloatArray) -> TargetRecord:
        """Return the rows of the statistic, in which only the subgroup counts.

        Parameters
        ----------
        patients : VirtualPatients
        weights : ndarray
            Weights with which the proportion in the subgroup is computed.
        """
        inside = self.members(patients, weights)
        own = weights[inside]
        return within(self.target.record(patients.take(inside), own / own.sum()), inside, weights, self.label)


def members(
    patients: VirtualPatients, among: Mapping[str, tuple[Any, ...]], arm: str, weights: FloatArray, label: str
) -> NDArray[np.bool_]:
    """Return whether each patient is within all limits, shape (patients,)."""
    inside = np.ones(len(patients), bool)
    for name, limits in among.items():
        column = patients.column(name, "" if name in patients.parameters.columns else arm)
        inside &= _inside(column.to_numpy(), limits, weights)
    if not weights[inside].sum() > 0:
        raise DataError(Problem(label, "no virtual patient is in the subgroup", "wider limits, or more patients"))
    return inside


def within(record: TargetRecord, inside: NDArray[np.bool_], weights: FloatArray, label: str) -> TargetRecord:
    """Return the record of a subgroup as a record of all patients, in which the others do not count."""
    count = len(record.rows)
    moments, counted = np.zeros((len(inside), count)), np.zeros((len(inside), count))
    moments[inside] = record.moments - record.observed
    counted[inside] = 1.0 if record.shares is None else record.shares
    own = weights[inside] / weights[inside].sum()
    before = np.ones(count) if record.shares is None else own @ record.shares
    scale = (weights @ counted) / before
    covariance = record.covariance * np.outer(scale, scale)
    return TargetRecord(label, record.rows, moments, np.zeros(count), covariance, counted, record.stated, True)


def _inside(values: np.ndarray, limits: tuple[Any, ...], weights: FloatArray) -> NDArray[np.bool_]:
    if values.dtype == object:
        return np.isin(values.astype(str), [str(v) for v in limits])
    low, high = (_weighted_median(values, weights) if v == MEDIAN else float(v) for v in limits)
    return np.asarray((values >= low) & (values <= high))


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    known = np.isfinite(values)
    order = np.argsort(values[known], kind="stable")
    mass = np.cumsum(weights[known][order])
    return float(values[known][order][np.searchsorted(mass, mass[-1] / 2)])


def _limit_problems(name: Any, limits: Any) -> list[Problem]:
    where, right = f"among {name!r}", 'the lowest and the highest value: [0.5, 1.0], or [-inf, "median"]; or words'
    if not isinstance(limits, (tuple, list)) or not limits:
        return [Problem(where, f"is {limits!r}", right)]
    if all(isinstance(v, str) and v != MEDIAN for v in limits):
        return []
    good = len(limits) == 2 and all(v == MEDIAN or is_number(v) for v in limits)
    if not good or (all(map(is_number, limits)) and limits[0] > limits[1]):
        return [Problem(where, f"is {limits!r}", right)]
    return []


def _words(name: str, limits: tuple[Any, ...]) -> str:
    shown = name.replace("_", " ")
    if all(isinstance(v, str) and v != MEDIAN for v in limits):
        return f"{shown} {' or '.join(limits)}"
    low, high = (v if isinstance(v, str) else f"{v:g}" for v in limits)
    if low == "-inf" or high == "inf":
        return f"{shown} up to {high}" if low == "-inf" else f"{shown} from {low}"
    return f"{shown} {low} to {high}"
