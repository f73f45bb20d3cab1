"""What a PEtab problem is made of, in one form for both versions: periods, experiments, observables, measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from immunoode.petab.dual_numbers import Formula

STEADY = float("-inf")
"""The time of a period that lasts until nothing changes any more."""


@dataclass(frozen=True)
class Period:
    """What is set at a time.

    Attributes
    ----------
    time : float
        In the file's unit; -inf for a period that lasts until a steady state.
    changes : mapping
        Formulas of what is set, by names of the model: constants, states, and concentrations that are kept as amounts.
    label : str
        The conditions, for messages.
    """

    time: float
    changes: Mapping[str, Formula]
    label: str


@dataclass(frozen=True)
class Experiment:
    """A sequence of periods.

    `fresh` says that each period begins with the model's own constants (version 1: each condition says all that differs),
    else constants stay as they were set.
    """

    name: str
    periods: tuple[Period, ...]
    fresh: bool


@dataclass(frozen=True)
class Observable:
    """What is measured: value and noise as formulas, which may use placeholders that each measurement fills."""

    name: str
    value: Formula
    noise: Formula
    distribution: str
    transformation: str
    placeholders: tuple[str, ...]
    noise_placeholders: tuple[str, ...]
