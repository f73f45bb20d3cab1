"""Observations as arrays, with each subject's start of simulation and baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from immunoode import units as unit_texts
from immunoode.errors import FitError, Problem, UnitError, nearest
from immunoode.model.model import Model
from immunoode.suggestions import as_known
from immunoode.trial.sample_order import sample_orders
from immunoode.trial.trial_data import INTERVAL as IN_WORDS
from immunoode.trial.trial_data import TrialData

if TYPE_CHECKING:
    from pandas import DataFrame

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Observe = str | Mapping[str, str] | None
LEFT, MEASURED, RIGHT, INTERVAL = -1, 0, 1, 2
_CENSORING = {"left": LEFT, "": MEASURED, "right": RIGHT, IN_WORDS: INTERVAL}


@dataclass(frozen=True)
class Observations:
    """N observations of Q quantities in S subjects, in the units of the model's outputs.

    Attributes
    ----------
    start : (S,) days at which each subject's simulation starts
    baselines : name of a parameter -> (S,) its value in each subject, taken from the data
    subject, quantity, censoring : (N,) index into `subjects`, index into `quantities`, LEFT, MEASURED, RIGHT or INTERVAL
    lower : (N,) the lower end of an INTERVAL, whose upper end is `value`
    unused : observations that are not fitted (row, subject, time, quantity, value, reason)
    order : (N,) position of each among the doses at the same time (see `make_simulator` of the solver): infinite after all
        of them, minus infinity before them; empty if all come after
    """

    subjects: tuple[str, ...]
    arms: tuple[str, ...]
    quantities: tuple[str, ...]
    outputs: tuple[str, ...]
    units: tuple[str, ...]
    start: FloatArray
    baselines: Mapping[str, FloatArray]
    subject: IntArray
    quantity: IntArray
    time: FloatArray
    value: FloatArray
    censoring: IntArray
    lower: FloatArray
    rows: tuple[object, ...]
    unused: DataFrame
    order: FloatArray = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        return len(self.value)

    def take(self, subjects: IntArray) -> Observations:
        """Return the observations of some subjects, each any number of times; repeated names are numbered."""
        rows = [np.flatnonzero(self.subject == s) for s in subjects]
        every = np.concatenate(rows)
        times = np.array([int(np.sum(subjects[:i] == s)) for i, s in enumerate(subjects)])
        names = tuple(self.subjects[s] + (f" #{k + 1}" if k else "") for s, k in zip(subjects, times, strict=True))
        return replace(
            self,
            subjects=names,
            arms=tuple(self.arms[s] for s in subjects),
            start=self.start[subjects],
            baselines={n: v[subjects] for n, v in self.baselines.items()},
            subject=np.repeat(np.arange(len(subjects)), [len(r) for r in rows]),
            quantity=self.quantity[every],
            time=self.time[every],
            value=self.value[every],
            censoring=self.censoring[every],
            lower=self.lower[every],
            rows=tuple(self.rows[i] for i in every),
            order=self.orders[every],
        )

    @property
    def orders(self) -> FloatArray:
        """(N,) position of each observation among the doses at its time; infinite if after all of them."""
        return self.order if len(self.order) == len(self) else np.full(len(self), np.inf)

    def moments(self) -> tuple[list[FloatArray], list[FloatArray], IntArray]:
        """Return the unique times of each subject, their orders, and the index (N,) of each observation's time among them."""
        times, orders, place = list[FloatArray](), list[FloatArray](), np.zeros(len(self), np.int64)
        for s in range(len(self.subjects)):
            rows = np.flatnonzero(self.subject == s)
            pairs, place[rows] = np.unique(np.stack([self.time[rows], self.orders[rows]], axis=1), axis=0, return_inverse=True)
            times.append(np.ascontiguousarray(pairs[:, 0]))
            orders.append(np.ascontiguousarray(pairs[:, 1]))
        return times, orders, place

    @property
    def last(self) -> FloatArray:
        """(S,) day of each subject's last observation (the start if there is none)."""
        days = self.start.copy()
        np.maximum.at(days, self.subject, self.time)
        return days


def output_units(model: Model) -> dict[str, str]:
    """Return all quantities of a model that can be observed, with their units."""
    tables = (model.compartments, model.derived, model.modifiables)
    return {name: part.unit for table in tables for name, part in table.items()}


def baseline_parameter(model: Model, output: str) -> str:
    """Return the parameter that is the initial value of an output ("" if there is none)."""
    if output in model.derived:
        return model.derived[output].baseline
    if output in model.compartments:
        initial = model.compartments[output].initial
        if isinstance(initial, str) and initial in model.constants:
            return initial
    return ""


def observed(model: Model, data: TrialData, observe: Observe) -> dict[str, str]:
    """Return the model output of each fitted quantity.

    Raises
    ------
    FitError
        If a name is not known, or nothing is observed.
    """
    known = output_units(model)
    if observe is None:
        pairs = {q: named for q in data.quantities if (named := as_known(q, known, "quantity of the data")) in known}
        if not pairs:
            one = data.quantities[0]
            raise FitError(
                Problem(
                    "observe",
                    f"no quantity of the data ({', '.join(data.quantities)}) is an output of model {model.name!r}",
                    f"state which it is, observe={{{one!r}: 'output'}}; {nearest(one, known)}",
                )
            )
        return pairs
    given = _single(data, observe) if isinstance(observe, str) else dict(observe)
    pairs = {q: as_known(o, known, "output") for q, o in given.items()}
    problems = [
        Problem("observe", f"{q!r} is not a quantity of the data", nearest(q, data.quantities))
        for q in pairs
        if q not in data.quantities
    ]
    problems += [
        Problem(f"observe[{q!r}]", f"{o!r} is not an output of model {model.name!r}", nearest(o, known))
        for q, o in pairs.items()
        if o not in known
    ]
    FitError.raise_if(problems)
    return pairs


def _single(data: TrialData, output: str) -> dict[str, str]:
    if len(data.quantities) > 1:
        right = f"state observe={{quantity: {output!r}}}"
        raise FitError(Problem("observe", f"the data have several quantities ({', '.join(data.quantities)})", right))
    return {data.quantities[0]: output}


def observations(
    model: Model,
    data: TrialData,
    observe: Observe,
    baseline: bool,
    free: frozenset[str],
    first_dose: Callable[[str], float] = lambda subject: np.inf,
    begin: float | None = None,
    own_doses: bool = False,
) -> Observations:
    """Return the observations as arrays.

    Parameters
    ----------
    baseline : bool
        Take the initial value from the data if the model names its parameter. The simulation of a subject then starts at its
        last observation at or before day 0, or at its first observation if all come later (at the first dose of the arm, if
        that is even earlier), and is conditioned on that observation, which is not fitted. Without such a parameter it starts
        at day 0, or at the first observation or dose if that is earlier.
    free : set of str
        Parameters that vary. A baseline that varies is fitted like any other parameter, from the same day on.
    first_dose : callable
        Day of the first dose of a subject.
    begin : float, optional
        Day at which every simulation starts instead.
    own_doses : bool
        Whether the doses come from the same table as the observations, so that the order of its rows counts.
    """
    pairs = observed(model, data, observe)
    known = output_units(model)
    frame = data.frame[data.frame["quantity"].isin(pairs)].reset_index(drop=True)
    skipped = data.frame[~data.frame["quantity"].isin(pairs)].assign(reason="quantity is not an output of the model")
    factors = _factors(frame, pairs, known)
    frame = frame.assign(value=frame["value"] * factors, limit=frame["limit"].astype(float) * factors)
    named = {q: baseline_parameter(model, o) for q, o in pairs.items()}
    named = {q: p for q, p in named.items() if p and (baseline or p in free)}
    frame, baselines, start = _starts(frame, named, free, first_dose, begin)
    frame = frame.assign(order=sample_orders(frame, data, own_doses), time=unit_texts.on_seconds(frame["time"]))
    kept = frame[frame["reason"] == ""]
    if kept.empty:
        raise FitError(Problem("data", "no observation is left to fit", "at least one after each subject's baseline is needed"))
    return _arrays(kept, frame[frame["reason"] != ""], skipped, pairs, known, baselines, start)


def _factors(frame: DataFrame, pairs: Mapping[str, str], known: Mapping[str, str]) -> FloatArray:
    """Return the conversion factor of each value to its output's unit; no unit means the output's own."""
    factors, problems = {}, []
    for quantity, unit in set(zip(frame["quantity"], frame["unit"], strict=True)):
        to = known[pairs[quantity]]
        try:
            factors[quantity] = unit_texts.factor(unit, to) if unit else 1.0
        except UnitError:
            problems.append(
                Problem(
                    f"quantity {quantity!r}",
                    f"is in {unit!r}, but {pairs[quantity]!r} is in {to!r}",
                    f"convert the data, or observe an output in a unit like {unit!r}",
                )
            )
    FitError.raise_if(problems)
    return np.array([factors[q] for q in frame["quantity"]])


def _starts(
    frame: DataFrame, named: Mapping[str, str], free: frozenset[str], first_dose: Callable[[str], float], begin: float | None
) -> tuple[DataFrame, dict[str, dict[str, float]], dict[str, float]]:
    """Mark the observations that are not fitted, with the reason; return each subject's baselines and start too."""
    frame = frame.assign(reason="")
    start: dict[str, float] = {}
    baselines: dict[str, dict[str, float]] = {p: {} for p in named.values() if p not in free}
    for subject, rows in frame.groupby("subject", sort=False):
        own = {q: rows[rows["quantity"] == q] for q in named}
        days = {q: _baseline_day(r["time"].to_numpy()) for q, r in own.items() if len(r)}
        first = min(days.values()) if days else min(float(rows["time"].min()), 0.0)
        start[str(subject)] = min(first, first_dose(str(subject))) if begin is None else begin
        for quantity, day in days.items():
            if named[quantity] in free:
                continue
            value = _condition(frame, own[quantity], day)
            if value > 0:
                baselines[named[quantity]][str(subject)] = value
    early = (frame["time"] < frame["subject"].map(start)) & (frame["reason"] == "")
    frame.loc[early, "reason"] = "before the start of the simulation"
    lost = [s for s in start if any(s not in values for values in baselines.values())]
    frame.loc[frame["subject"].isin(lost), "reason"] = "the subject has no baseline above zero"
    return frame, baselines, start


def _baseline_day(days: FloatArray) -> float:
    """Return the last day at or before day 0, or the first day."""
    before = days[days <= 0]
    return float(before.max() if len(before) else days.min())


def _condition(frame: DataFrame, rows: DataFrame, day: float) -> float:
    """Mark the baseline and earlier observations as not fitted; return the baseline's value."""
    at = rows["time"] == day
    frame.loc[rows.index[at], "reason"] = "baseline: the simulation starts from it"
    frame.loc[rows.index[rows["time"] < day], "reason"] = "before the baseline"
    return float(rows.loc[at, "value"].mean())


def _arrays(
    kept: DataFrame,
    unfitted: DataFrame,
    skipped: DataFrame,
    pairs: Mapping[str, str],
    known: Mapping[str, str],
    baselines: Mapping[str, Mapping[str, float]],
    start: Mapping[str, float],
) -> Observations:
    import pandas as pd

    subjects = tuple(kept["subject"].unique())
    index = {s: i for i, s in enumerate(subjects)}
    quantities = tuple(q for q in pairs if (kept["quantity"] == q).any())
    arm = dict(kept.drop_duplicates("subject")[["subject", "arm"]].itertuples(index=False))
    columns = ["row", "subject", "time", "quantity", "value", "reason"]
    return Observations(
        subjects=subjects,
        arms=tuple(arm[s] for s in subjects),
        quantities=quantities,
        outputs=tuple(pairs[q] for q in quantities),
        units=tuple(known[pairs[q]] for q in quantities),
        start=np.array([start[s] for s in subjects]),
        baselines={p: np.array([v[s] for s in subjects]) for p, v in baselines.items()},
        subject=kept["subject"].map(index).to_numpy(np.int64),
        quantity=kept["quantity"].map({q: i for i, q in enumerate(quantities)}).to_numpy(np.int64),
        time=kept["time"].to_numpy(np.float64),
        value=kept["value"].to_numpy(np.float64),
        censoring=kept["censoring"].map(_CENSORING).to_numpy(np.int64),
        lower=kept["limit"].fillna(0.0).to_numpy(np.float64),
        rows=tuple(kept["row"]),
        order=kept["order"].to_numpy(np.float64),
        unused=pd.concat([unfitted[columns], skipped[columns]], ignore_index=True),
    )
