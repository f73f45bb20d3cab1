"""A forward model with a formula, for tests of fits without an engine: y = v0 exp(-rate (t - start))."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from immunoode.fitting.finite_differences import by_differences
from immunoode.fitting.least_squares import LeastSquares
from immunoode.fitting.likelihood import error_models
from immunoode.fitting.observations import FloatArray, Observations, observations
from immunoode.fitting.parameterisation import Parameterisation, parameterise
from immunoode.model.components import Compartment, Derived, Parameter
from immunoode.model.model import Model
from immunoode.trial.long_table import read_trial
from immunoode.trial.trial_data import TrialData

MODEL = Model(
    "toy",
    "base",
    parameters={
        "rate": Parameter(0.03, "1/day", (1e-4, 1.0)),
        "shift": Parameter(0.0, "mm", (-50.0, 50.0)),
        "v0": Parameter(50.0, "mm", (1.0, 500.0)),
    },
    compartments={"x": Compartment("mm", "v0")},
    derived={"y": Derived("x", "mm", baseline="v0"), "volume": Derived("x", "mL")},
)
TIMES = (0.0, 7.0, 14.0, 28.0, 42.0, 60.0)
RATES = (0.02, 0.05)


@dataclass
class Toy:
    """The predictor's contract by a formula; subjects in `broken` fail."""

    seen: Observations
    plan: Parameterisation
    broken: tuple[str, ...] = ()

    def column(self, values: FloatArray, name: str, default: float) -> FloatArray:
        """Return (B, S) one parameter."""
        if name in self.plan.names:
            return values[:, :, self.plan.names.index(name)]
        given = self.seen.baselines.get(name)
        return np.broadcast_to(default if given is None else given, values.shape[:2])

    def formula(self, values: FloatArray, subject: object, days: FloatArray) -> FloatArray:
        v0 = self.column(values, "v0", 50.0)[:, subject]
        y = v0 * np.exp(-self.column(values, "rate", 0.03)[:, subject] * days) + self.column(values, "shift", 0.0)[:, subject]
        lost = [self.seen.subjects.index(b) for b in self.broken]
        return np.where(np.isin(subject, lost), np.nan, y)

    def __call__(self, values: FloatArray) -> FloatArray:
        return self.formula(values, self.seen.subject, self.seen.time - self.seen.start[self.seen.subject])

    def derivatives(self, values: FloatArray) -> tuple[FloatArray, FloatArray, int]:
        return by_differences(self, self.plan, values, self.seen.subject)

    def single_threaded(self) -> Toy:
        return self

    def take(self, subjects: object, observations: Observations, parameterise: Parameterisation) -> Toy:
        return Toy(observations, parameterise, self.broken)

    def curves(self, values: FloatArray, times: FloatArray) -> FloatArray:
        every = np.arange(len(self.seen.subjects))
        curves = [self.formula(values, every, np.maximum(t - self.seen.start, 0.0)) for t in times]
        late = np.array([t >= self.seen.start for t in times]).T
        return np.where(late, np.stack(curves, axis=2), np.nan)[..., None]


def simulated(
    subjects: int = 20, proportional: float = 0.1, additive: float = 0.0, seed: int = 0, limit: float = 0.0
) -> TrialData:
    """Return simulated data: two arms with rates of their own; below `limit` only that is known."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(subjects):
        v0 = 50 * np.exp(0.2 * random.normal())
        for t in TIMES:
            f = v0 * np.exp(-RATES[i % 2] * t)
            y = f if t == 0 else f * (1 + proportional * random.normal()) + additive * random.normal()
            rows.append((f"s{i}", f"arm {i % 2}", t, "y", max(y, limit), "mm", "left" if y < limit else ""))
    columns = ["subject", "arm", "time", "quantity", "value", "unit", "censoring"]
    return read_trial(pd.DataFrame(rows, columns=columns), bad_rows="leave out")


def objective(data: TrialData, error: str = "proportional", *, broken: tuple[str, ...] = (), **how: object) -> LeastSquares:
    """Return an objective over the toy."""
    shared, arm, own = (how.pop(k, ()) for k in ("vary", "per_arm", "per_subject"))
    names = frozenset([*shared, *arm, *own])  # type: ignore[misc]
    student = how.pop("student", None)
    seen = observations(MODEL, data, None, True, names)
    plan = parameterise(MODEL, seen.subjects, seen.arms, shared, arm, own, **how)  # type: ignore[arg-type]
    return LeastSquares(Toy(seen, plan, broken), seen, plan, error_models(seen, error, student))  # type: ignore[arg-type]
