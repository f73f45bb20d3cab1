"""Virtual trials: simulated subjects are observed at visits, measured, and followed until death or dropout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem, nearest
from immunoode.number_checks import is_whole
from immunoode.solve.simulation import Simulation
from immunoode.trial.response.criteria import recist
from immunoode.trial.trial_data import SUM_OF_DIAMETERS, TrialData
from immunoode.virtual_trial.hazard import Hazards
from immunoode.virtual_trial.measurement import Measurement
from immunoode.virtual_trial.observation import Observation
from immunoode.virtual_trial.random_draws import RandomDraws
from immunoode.virtual_trial.tables import concatenate, trial_tables
from immunoode.virtual_trial.visits import VisitSchedule

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class _Arm:
    """The subjects of one arm: names, numbers, days of the simulation (T,), and outputs (P, T)."""

    name: str
    subjects: tuple[str, ...]
    numbers: range | tuple[int, ...]
    times: FloatArray
    values: dict[str, FloatArray]


def observe(
    runs: Simulation | Mapping[str, Simulation],
    visits: VisitSchedule | None = None,
    *,
    measurement: Measurement | None = None,
    new_lesions: Hazards = None,
    death: Hazards = None,
    dropout: Hazards = None,
    after_progression: int | None = 1,
    output: str = SUM_OF_DIAMETERS,
    seed: int | np.random.Generator = 0,
    title: str = "Simulated trial",
) -> TrialData:
    """Return the trial data of simulated subjects, with visits, measurement error, new lesions, deaths and dropout.

    Parameters
    ----------
    runs : Simulation, or mapping of arm to Simulation
        Simulations with the sum of diameters of each subject.
    visits : VisitSchedule, optional
        By default, every six weeks to week 48.
    measurement : Measurement, optional
        Number of lesions, and measurement error.
    new_lesions, death, dropout : Hazard or sequence of Hazard, optional
        New lesions are seen at the next visit. There are no visits after death or dropout. By default, no such events happen.
        Several hazards add.
    after_progression : int, optional
        Number of visits after progression by RECIST 1.1; None for all.
    output : str
        The model's output that is the sum of diameters.
    seed : int or numpy Generator
        The seed of random numbers, see `immunoode.virtual_population.random_numbers`: those of a subject depend only on the
        seed and the number of the subject. Subjects of one arm are numbered by their names if these are numbers, otherwise
        (and with several arms, which have different subjects) in order. If it is a Generator, a seed is drawn from it.
    title : str

    Returns
    -------
    TrialData
        Diameters of target lesions (with the flags "too small to measure" and "absent"), new lesions as findings, and, with a
        hazard of death, OS in `endpoints`, censored at dropout or at the end of the visits.

    Raises
    ------
    DataError
        If a simulation has no such output, failed for a subject, or ends before the last visit, or if names occur twice.

    Examples
    --------
    >>> import immunoode as imo, pandas as pd
    >>> patients = pd.DataFrame({"growth_rate": [0.004, 0.006, 0.008]})
    >>> run = imo.simulate("tumour_immune", until="1 year", parameters=patients, outputs="sum_of_diameters")
    >>> visits = imo.virtual_trial.VisitSchedule(every="6 weeks", until="24 weeks")
    >>> data = imo.virtual_trial.observe({"untreated": run}, visits, seed=1)
    >>> data.arms, data.quantities
    (('untreated',), ('diameter',))
    """
    how = Observation(visits or VisitSchedule(), measurement or Measurement(), new_lesions, death, dropout, output)
    number = int(seed.integers(2**63)) if isinstance(seed, np.random.Generator) else seed
    parts = [_observe_arm(arm, how, number) for arm in _arms(runs, how)]
    data = concatenate(parts, title)
    return data if after_progression is None else _without_visits_after_progression(data, after_progression)


def _arms(runs: Any, how: Observation) -> list[_Arm]:
    named = runs if isinstance(runs, Mapping) else {"all": runs}
    problems = list[Problem]()
    found, taken = list[_Arm](), dict[str, str]()
    for name, run in named.items():
        if not isinstance(run, Simulation):
            raise DataError(Problem(f"arm {name!r}", f"is {type(run).__name__}", "a Simulation as returned by imo.simulate"))
        wrong = _run_problems(str(name), run, how)
        if wrong:
            problems += wrong
            continue
        subjects = _names(str(name), run, len(named))
        again = [s for s in subjects if s in taken]
        if again:
            problems.append(
                Problem(f"arm {name!r}", f"has the subject {again[0]!r} of arm {taken[again[0]]!r}", "different names")
            )
        values = {output: run.values[:, :, run.names.index(output)] for output in how.outputs}
        found.append(_Arm(str(name), subjects, _numbers(run, len(named), len(taken)), run.times, values))
        taken |= dict.fromkeys(subjects, str(name))
    if problems or not found:
        raise DataError(problems or [Problem("runs", "are empty", "at least one Simulation")])
    return found


def _run_problems(name: str, run: Simulation, how: Observation) -> list[Problem]:
    """Return what is wrong with the simulation of an arm."""
    where = f"arm {name!r}"
    problems = [Problem(where, f"has no output {o!r}", nearest(o, run.names)) for o in how.outputs if o not in run.names]
    if problems:
        return problems
    lost = ~np.isfinite(run.values[:, :, [run.names.index(o) for o in how.outputs]]).all(axis=(1, 2))
    if lost.any():
        who = ", ".join(str(run.subjects[k]) for k in np.flatnonzero(lost)[:5])
        problems.append(Problem(where, f"{int(lost.sum())} simulations failed ({who})", "see run.status"))
    last = float(how.visits.days()[-1])
    if run.times[-1] < last:
        right = f"simulate at least until day {last:g}, or end the visits earlier"
        problems.append(Problem(where, f"ends at day {run.times[-1]:g}, but the visits end at day {last:g}", right))
    return problems


def _numbers(run: Simulation, arms: int, before: int) -> range | tuple[int, ...]:
    """Return the numbers of the subjects: for one arm, their names if these are numbers; otherwise in order."""
    named = arms == 1 and all(is_whole(s, 0) for s in run.subjects)
    return tuple(int(s) for s in run.subjects) if named else range(before, before + len(run.subjects))


def _names(arm: str, run: Simulation, arms: int) -> tuple[str, ...]:
    """Return the names of subjects, with the name of the arm if the subjects of several arms are only numbered."""
    numbered = arms > 1 and all(is_whole(s) for s in run.subjects)
    return tuple(f"{arm} {s}" if numbered else str(s) for s in run.subjects)


def _observe_arm(arm: _Arm, how: Observation, seed: int) -> TrialData:
    """Return the trial data of one arm."""
    courses = how.observe(RandomDraws(seed, arm.numbers), arm.times, arm.values)
    return trial_tables(courses, arm.subjects, arm.name, how.measurement.limit_mm)


def _without_visits_after_progression(data: TrialData, visits: int) -> TrialData:
    """Return the data without visits after progression, except for the first few."""
    found = recist(data)
    end = found.subjects.set_index("subject")["progression_time"]
    seen = found.visits[found.visits["time"] > found.visits["subject"].map(end)]
    kept = seen[seen.groupby("subject").cumcount() < visits].groupby("subject")["time"].max()
    last = end.combine(kept, np.fmax).fillna(np.inf)

    def until(table: pd.DataFrame) -> pd.DataFrame:
        return table[table["time"] <= table["subject"].map(last)].reset_index(drop=True)

    return replace(data, frame=until(data.frame), findings=until(data.findings))
