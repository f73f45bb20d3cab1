"""Virtual trials: simulated subjects are observed at visits, measured, and followed until death or dropout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem, nearest
from immunoode.solve.simulation import Simulation
from immunoode.trial.response.criteria import recist
from immunoode.trial.trial_data import COLUMNS, DIAMETER, ENDPOINTS, FINDINGS, SUM_OF_DIAMETERS, TrialData, empty
from immunoode.virtual_trial.hazard import Hazard
from immunoode.virtual_trial.measurement import Measurement
from immunoode.virtual_trial.visits import VisitSchedule

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
TOO_SMALL_FLAG, ABSENT_FLAG = "too small to measure", "absent"


@dataclass(frozen=True)
class _Arm:
    """The subjects of one arm: names, days of the simulation (T,), and sums of diameters (P, T) in mm."""

    name: str
    subjects: tuple[str, ...]
    times: FloatArray
    sizes: FloatArray

    def at(self, days: FloatArray) -> FloatArray:
        """Return the sums at days (P, V), by linear interpolation; before the simulation, they are as at its start."""
        days = np.nan_to_num(days, nan=self.times[0]).clip(self.times[0], self.times[-1])
        after = np.searchsorted(self.times, days, side="right").clip(1, len(self.times) - 1)
        rows = np.arange(len(self.sizes))[:, None]
        part = (days - self.times[after - 1]) / (self.times[after] - self.times[after - 1])
        return (1 - part) * self.sizes[rows, after - 1] + part * self.sizes[rows, after]


def observe(
    runs: Simulation | Mapping[str, Simulation],
    visits: VisitSchedule | None = None,
    *,
    measurement: Measurement | None = None,
    new_lesions: Hazard | None = None,
    death: Hazard | None = None,
    dropout: Hazard | None = None,
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
    new_lesions, death, dropout : Hazard, optional
        New lesions are seen at the next visit. There are no visits after death or dropout. By default, no such events happen.
    after_progression : int, optional
        Number of visits after progression by RECIST 1.1; None for all.
    output : str
        The model's output that is the sum of diameters.
    seed : int or numpy Generator
        The seed of random numbers.
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
    calendar, how = visits or VisitSchedule(), measurement or Measurement()
    random = np.random.default_rng(seed)
    arms = _arms(runs, output, calendar)
    parts = [_observe_arm(arm, calendar, how, (new_lesions, death, dropout), random) for arm in arms]
    data = _concatenate(parts, title)
    return data if after_progression is None else _without_visits_after_progression(data, after_progression)


def _arms(runs: Any, output: str, calendar: VisitSchedule) -> list[_Arm]:
    named = runs if isinstance(runs, Mapping) else {"all": runs}
    problems = list[Problem]()
    found, taken = list[_Arm](), dict[str, str]()
    for name, run in named.items():
        if not isinstance(run, Simulation):
            raise DataError(Problem(f"arm {name!r}", f"is {type(run).__name__}", "a Simulation, as imo.simulate returns it"))
        if output not in run.names:
            problems.append(Problem(f"arm {name!r}", f"has no output {output!r}", nearest(output, run.names)))
            continue
        sizes = run.values[:, :, run.names.index(output)]
        lost = ~np.isfinite(sizes).all(axis=1)
        if lost.any():
            who = ", ".join(str(run.subjects[k]) for k in np.flatnonzero(lost)[:5])
            problems.append(Problem(f"arm {name!r}", f"{int(lost.sum())} simulations failed ({who})", "see run.status"))
        last = float(calendar.days()[-1])
        if run.times[-1] < last:
            right = f"simulate until day {last:g} at least, or end the visits earlier"
            problems.append(Problem(f"arm {name!r}", f"ends at day {run.times[-1]:g}, the visits at day {last:g}", right))
        subjects = _names(str(name), run, len(named))
        again = [s for s in subjects if s in taken]
        if again:
            problems.append(
                Problem(f"arm {name!r}", f"has the subject {again[0]!r} of arm {taken[again[0]]!r}", "different names")
            )
        taken |= dict.fromkeys(subjects, str(name))
        found.append(_Arm(str(name), subjects, run.times, sizes))
    if problems or not found:
        raise DataError(problems or [Problem("runs", "are empty", "at least one Simulation")])
    return found


def _names(arm: str, run: Simulation, arms: int) -> tuple[str, ...]:
    """Return the names of subjects, with the name of the arm if the subjects of several arms are only numbered."""
    numbered = arms > 1 and all(isinstance(s, (int, np.integer)) for s in run.subjects)
    return tuple(f"{arm} {s}" if numbered else str(s) for s in run.subjects)


def _observe_arm(
    arm: _Arm,
    calendar: VisitSchedule,
    how: Measurement,
    hazards: tuple[Hazard | None, Hazard | None, Hazard | None],
    random: np.random.Generator,
) -> TrialData:
    """Return the trial data of one arm."""
    patients = len(arm.subjects)
    days = calendar.sample(patients, random) + 0.0  # no -0.0 for a screening without days before
    shares = how.shares(patients, random)
    read = how.read(arm.at(days)[:, :, None] * shares[:, None, :], random)
    new, died, left = (
        np.full(patients, np.inf) if hazard is None else hazard.first(arm.times, arm.sizes, random) for hazard in hazards
    )
    off = np.minimum(died, left)
    here = np.isfinite(days) & (days <= off[:, None])
    frame = _diameters(arm, days, here, shares, read, how)
    findings = _new_lesions(arm, days, here, new)
    last = float(calendar.days()[-1])
    endpoints = empty(ENDPOINTS) if hazards[1] is None else _survival(arm, died, np.minimum(left, last))
    return TrialData(frame, findings=findings, endpoints=endpoints)


def _diameters(
    arm: _Arm, days: FloatArray, here: NDArray[np.bool_], shares: FloatArray, read: FloatArray, how: Measurement
) -> pd.DataFrame:
    """Return one row per lesion and visit."""
    import pandas as pd

    patient, visit, lesion = np.nonzero(here[:, :, None] & (shares > 0)[:, None, :])
    value = read[patient, visit, lesion]
    flag = np.select([value == 0, value <= how.limit_mm], [ABSENT_FLAG, TOO_SMALL_FLAG], "")
    names = np.array([f"target {k + 1}" for k in range(shares.shape[1])])
    table = pd.DataFrame(
        {
            "subject": np.asarray(arm.subjects)[patient],
            "arm": arm.name,
            "time": days[patient, visit],
            "quantity": DIAMETER,
            "value": value,
            "unit": "mm",
            "lesion": names[lesion],
            "kind": "target",
            "censoring": "",
            "limit": np.nan,
            "flag": flag,
            "visit": "",
        }
    )
    return table.assign(row=table.index)


def _new_lesions(arm: _Arm, days: FloatArray, here: NDArray[np.bool_], new: FloatArray) -> pd.DataFrame:
    """Return the visits at which a new lesion is seen."""
    import pandas as pd

    patient, visit = np.nonzero(here & (days >= new[:, None]) & (days > 0))
    words = {"lesion": "new 1", "kind": "new", "finding": "present", "visit": ""}
    table = pd.DataFrame({"subject": np.asarray(arm.subjects)[patient], "arm": arm.name, "time": days[patient, visit], **words})
    return table.assign(row=table.index)[list(FINDINGS)]


def _survival(arm: _Arm, died: FloatArray, until: FloatArray) -> pd.DataFrame:
    """Return overall survival, censored at dropout or at the end of the trial."""
    import pandas as pd

    event = died <= until
    reason = np.where(event, "death", "alive at last contact")
    columns = {"subject": arm.subjects, "arm": arm.name, "endpoint": "OS", "time": np.minimum(died, until), "event": event}
    return pd.DataFrame({**columns, "reason": reason})


def _concatenate(parts: list[TrialData], title: str) -> TrialData:
    import pandas as pd

    def joined(name: str, columns: tuple[str, ...]) -> pd.DataFrame:
        tables = [t for t in (getattr(p, name) for p in parts) if len(t)]
        return pd.concat(tables, ignore_index=True) if tables else empty(columns)

    frame = joined("frame", COLUMNS)
    findings = joined("findings", FINDINGS)
    return TrialData(frame, title, findings=findings, endpoints=joined("endpoints", ENDPOINTS))


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
