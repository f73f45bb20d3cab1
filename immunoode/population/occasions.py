"""Occasions: parameters that differ between the occasions of a subject, as a model that can be fitted.

A parameter becomes a sum over occasions: a parameter per occasion times an indicator, which the subject's schedule sets to
one when the occasion begins and to zero when it ends. The fitted parameters themselves do not vary with time, so the engine
computes their derivatives as for any other parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import FitError, Problem, nearest
from immunoode.fitting.observations import FloatArray, Observations
from immunoode.model.closed_model import resolve
from immunoode.model.components import Derived, Parameter
from immunoode.model.expressions import names_in
from immunoode.model.model import Model
from immunoode.regimen.schedule import SET, Schedule
from immunoode.tables.cells import as_text
from immunoode.tables.table_files import open_table
from immunoode.trial.long_table import read_trial

if TYPE_CHECKING:
    from pandas import DataFrame

Given = str | Iterable[float] | Mapping[str, Iterable[float]] | None
_OURS = "estimate: indicator of the occasion"


@dataclass(frozen=True)
class Occasions:
    """S subjects with at most M occasions: `names` of the parameters that differ, and days (S, M) at which occasions begin.

    The first occasion of a subject begins with its simulation (minus infinity); occasions that it does not have begin at
    infinity.
    """

    names: tuple[str, ...]
    days: FloatArray

    @property
    def count(self) -> int:
        """M."""
        return self.days.shape[1]

    @property
    def there(self) -> NDArray[np.bool_]:
        """(S, M) whether a subject has an occasion."""
        return np.asarray(self.days < np.inf)


def own_name(parameter: str, occasion: int) -> str:
    """Return the name of a parameter on one occasion, counted from 0."""
    return f"{parameter}__occasion_{occasion + 1}"


def _indicator(occasion: int) -> str:
    return f"occasion_{occasion + 1}"


def occasions_of(
    names: Sequence[str], given: Given, data: Any, seen: Observations, schedules: Mapping[str, Schedule | None]
) -> Occasions:
    """Return the occasions of every subject.

    Parameters
    ----------
    names : parameters that differ between occasions
    given : days at which occasions begin (the first begins with a subject's start), for all or by subject or arm; or the name
        of a column of `data` that identifies occasions, or of a covariate that changes in the data's schedules
    data : the data given by the user
    schedules : by subject, from the data or from regimens

    Raises
    ------
    FitError
        If occasions cannot be identified, or no subject has two.
    """
    import pandas as pd

    if given is None:
        right = "occasions=[0, 21, 42], the days on which they begin, or the column that numbers them"
        raise FitError(Problem("occasions", "are not stated, but between_occasions needs them", right))
    if isinstance(given, str):
        if isinstance(data, pd.DataFrame) and given in data.columns:
            days = _from_column(data, given, schedules)
        else:
            days = _from_schedules(given, data)
    elif isinstance(given, Mapping):
        days = _by_key(given, seen)
    else:
        days = dict.fromkeys(seen.subjects, _numbers("occasions", given))
    rows = [_later(days.get(s, np.zeros(0)), *span) for s, *span in zip(seen.subjects, seen.start, seen.last, strict=True)]
    most = max(len(r) for r in rows)
    if most == 1:
        right = "state the days on which they begin, within the time of the observations"
        raise FitError(Problem("occasions", "no subject has more than one", right))
    return Occasions(tuple(names), np.array([np.pad(r, (0, most - len(r)), constant_values=np.inf) for r in rows]))


def _later(days: FloatArray, start: float, last: float) -> FloatArray:
    """Return when occasions begin: the first one with the subject (including one stated to begin by day 0), and none after
    the subject's last observation.
    """
    days = np.unique(days)
    days = days[1:] if len(days) and days[0] <= 0 else days
    return np.concatenate([[-np.inf], days[(days > start) & (days <= last)]])


def _numbers(where: str, given: Any) -> FloatArray:
    try:
        days = np.asarray(list(given), dtype=np.float64)
    except (TypeError, ValueError):
        days = np.array([np.nan])
    if days.ndim != 1 or not np.isfinite(days).all():
        raise FitError(Problem(where, f"are {given!r}", "days at which occasions begin, for example [0, 21, 42]"))
    return days


def _by_key(given: Mapping[str, Iterable[float]], seen: Observations) -> dict[str, FloatArray]:
    known = {*seen.subjects, *seen.arms}
    table = {str(k): _numbers(f"occasions[{k!r}]", v) for k, v in given.items()}
    unknown = [
        Problem(f"occasions[{k!r}]", "is not an arm or subject of the data", nearest(k, known)) for k in table if k not in known
    ]
    FitError.raise_if(unknown)
    return {s: table.get(s, table.get(a, np.zeros(0))) for s, a in zip(seen.subjects, seen.arms, strict=True)}


def _from_schedules(name: str, data: Any) -> dict[str, FloatArray]:
    """Return the days at which a covariate changes in the data's own schedules."""
    schedules = getattr(data, "schedules", {})
    changing = {n for s in schedules.values() for n, a in zip(s.inputs, s.actions, strict=True) if a == SET}
    if name not in changing:
        columns = [str(c) for c in getattr(data, "columns", ())]
        right = (
            "a table as data with such a column, imo.io.read_nonmem(..., varying={...}, rule='locf'), or the days themselves"
        )
        raise FitError(Problem("occasions", f"{name!r} is not in the data", f"{nearest(name, [*changing, *columns])}; {right}"))
    found = {}
    for subject, schedule in schedules.items():
        mine = [
            (t, v)
            for t, n, v, a in zip(
                schedule.times.tolist(), schedule.inputs, schedule.amounts.tolist(), schedule.actions, strict=True
            )
            if a == SET and n == name
        ]
        changes = [t for k, (t, v) in enumerate(mine) if k and v != mine[k - 1][1]]
        found[subject] = np.array([-np.inf, *changes])
    return found


def _from_column(table: DataFrame, name: str, schedules: Mapping[str, Schedule | None]) -> dict[str, FloatArray]:
    """Return the days from a column of the observations: an occasion begins at the first dose after the last observation of
    the previous one, if there is such a dose, otherwise at its own first observation.
    """
    labels = table[name]
    if labels.isna().any():
        lost = labels.index[labels.isna()][:3].tolist()
        raise FitError(Problem(f"occasions: column {name!r}", f"is empty in rows {lost}", "state the occasion of every row"))
    frame = read_trial(table).frame
    labels = open_table(table)[0][name]
    frame = frame.assign(occasion=as_text(labels.reindex(frame["row"])).to_numpy())
    found = {}
    for subject, rows in frame.sort_values("time", kind="stable").groupby("subject", sort=False):
        spans = rows.groupby("occasion", sort=False)["time"].agg(["min", "max"]).sort_values("min").to_numpy()
        if (spans[1:, 0] < spans[:-1, 1]).any():
            what = f"the occasions of subject {subject} overlap in time"
            raise FitError(Problem(f"occasions: column {name!r}", what, "occasions that do not overlap"))
        schedule = schedules.get(str(subject))
        doses = np.zeros(0) if schedule is None else schedule.times[[a != SET for a in schedule.actions]]
        days = [-np.inf]
        for before, first in zip(spans[:-1, 1], spans[1:, 0], strict=True):
            between = doses[(doses >= before) & (doses <= first)]
            days.append(float(between.min()) if len(between) else first)
        found[str(subject)] = np.array(days)
    return found


def without(name: str, schedule: Schedule | None) -> Schedule | None:
    """Return a schedule without the changes of a covariate that only numbers the occasions."""
    if schedule is None or name not in schedule.inputs:
        return schedule
    keep = [not (a == SET and n == name) for a, n in zip(schedule.actions, schedule.inputs, strict=True)]
    return schedule.rows(np.array(keep, dtype=bool))


def with_occasions(schedule: Schedule | None, days: FloatArray) -> Schedule:
    """Return a schedule that also sets the occasion's indicators at `days` (M,), before all other events of the time."""
    times, names, values = [], [], []
    for m in range(1, len(days)):
        if np.isfinite(days[m]):
            times += [days[m], days[m]]
            names += [_indicator(m - 1), _indicator(m)]
            values += [0.0, 1.0]
    none = np.zeros(len(times))
    own = Schedule(np.array(times), tuple(names), np.array(values), none, (SET,) * len(times), orders=none - np.inf)
    return own if schedule is None else own.followed_by(schedule)


def by_occasion(model: Model, names: Sequence[str], count: int) -> Model:
    """Return the model with one parameter per occasion instead of each of `names`.

    Raises
    ------
    FitError
        If a name is an initial value, or a lag depends on it, because these do not occur again on later occasions.
    """
    whole = resolve(model).model
    _check(whole, names)
    covariates, parameters, derived = dict(whole.covariates), dict(whole.parameters), {}
    for name in names:
        table = covariates if name in covariates else parameters
        old = table.pop(name)
        table |= {own_name(name, m): old for m in range(count)}
        terms = " + ".join(f"{own_name(name, m)} * {_indicator(m)}" for m in range(count))
        derived[name] = Derived(terms, old.unit, title=old.title, symbol=old.symbol)
    parameters |= {_indicator(m): Parameter(float(m == 0), "1", (0.0, 1.0), _OURS) for m in range(count)}
    return replace(whole, covariates=covariates, parameters=parameters, derived={**derived, **whole.derived})


def _check(whole: Model, names: Sequence[str]) -> None:
    baselines = {d.baseline for d in whole.derived.values()}
    starts = {n for c in whole.compartments.values() if isinstance(c.initial, str) for n in names_in(c.initial)}
    lags = {n for i in whole.inputs.values() if i.lag for n in names_in(i.lag)}
    problems = [
        Problem("between_occasions", f"{n!r} is an initial value, which occurs once per subject", "leave it out")
        for n in names
        if n in baselines | starts
    ]
    problems += [
        Problem("between_occasions", f"{n!r} is the lag of an input, which is constant within a subject", "leave it out")
        for n in names
        if n in lags
    ]
    FitError.raise_if(problems)
