"""Periods, experiments and observables of a PEtab problem, in one form for both versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from immunoode.petab.dual_numbers import Formula

STEADY = float("-inf")
"""The time of a period that lasts until a steady state."""


@dataclass(frozen=True)
class Period:
    """A period of an experiment, with the values that are set at its start.

    Attributes
    ----------
    time : float
        In the file's unit; -inf for a period that lasts until a steady state.
    changes : mapping
        Formulas of the values that are set, by name in the model: constants, states, and concentrations of states that are
        amounts.
    label : str
        Names of the conditions, for messages.
    """

    time: float
    changes: Mapping[str, Formula]
    label: str


@dataclass(frozen=True)
class Experiment:
    """A sequence of periods.

    `resets_constants` says that each period begins with the constants of the model, as in version 1, in which a condition
    states everything that differs; otherwise constants keep the values that they were set to.
    """

    name: str
    periods: tuple[Period, ...]
    resets_constants: bool


@dataclass(frozen=True)
class Observable:
    """An observable: formulas of value and noise, with placeholders that each measurement fills."""

    name: str
    value: Formula
    noise: Formula
    distribution: str
    transformation: str
    placeholders: tuple[str, ...]
    noise_placeholders: tuple[str, ...]
