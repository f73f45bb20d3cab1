"""`simulate_trial`: a trial of virtual patients, once or many times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.blocks.block import Block, blocks
from immunoode.blocks.executor import executor_of
from immunoode.blocks.work import Task
from immunoode.errors import DataError, Problem
from immunoode.model.model import Model
from immunoode.number_checks import is_whole
from immunoode.regimen.regimen import Regimen
from immunoode.solve.options import SolverOptions
from immunoode.solve.simulate import as_model
from immunoode.trial.response.rules import IrecistRules, RecistRules
from immunoode.trial.survival.progression_free_survival import PfsRules
from immunoode.trial.trial_data import ENDPOINTS, TrialData
from immunoode.virtual_trial.accrual import Accrual
from immunoode.virtual_trial.arms import TrialArm, arm_named, as_arms
from immunoode.virtual_trial.observation import Observation, ObservedCourses
from immunoode.virtual_trial.patient_pool import POOL, patient_pool
from immunoode.virtual_trial.repeated_trials import RepeatedTrials
from immunoode.virtual_trial.simulated_trial import SimulatedTrial
from immunoode.virtual_trial.tables import trial_tables
from immunoode.virtual_trial.trial_analysis import TrialAnalysis
from immunoode.virtual_trial.trial_design import TrialDesign, TrialSubjects, time_grid
from immunoode.virtual_trial.trial_looks import looks, outcomes_at, stopped_at
from immunoode.virtual_trial.true_courses import TrueCourses

if TYPE_CHECKING:
    import pandas as pd

ROWS = 20_000
"""The number of subjects, over all replicates, that are evaluated at a time."""
Arms = Mapping[str, TrialArm | Regimen | str | None]


def simulate_trial(
    population: Any,
    arms: Arms,
    size: int,
    *,
    model: Model | str = "tumour_immune",
    observation: Observation | None = None,
    accrual: Accrual | None = None,
    analysis: TrialAnalysis | None = None,
    rules: RecistRules | IrecistRules | None = None,
    pfs_rules: PfsRules | None = None,
    confirmed: bool = False,
    replicates: int | None = None,
    first: int = 0,
    null: bool = False,
    seed: int = 0,
    pool: int = POOL,
    step: str | float = "1 week",
    solver: SolverOptions | None = None,
    workers: int | None = None,
    client: Any = None,
) -> SimulatedTrial | RepeatedTrials:
    """Simulate a randomised trial of virtual patients, once or many times.

    Subjects are drawn from the population with replacement, enter one after another, are allocated in permuted blocks,
    treated, assessed at visits, and followed until death, dropout, the end of follow-up or the data cut.

    Parameters
    ----------
    population : DataFrame, VirtualPatients, Cohort, distribution, or sequence of these
        A table of parameters with one row per patient; patients with weights; or a distribution, from which `sample_patients`
        draws `pool` patients. From a sequence, each replicate draws one population: if the populations express uncertainty
        about the true one, the proportion of successes is the probability of success.
    arms : mapping of str to TrialArm, Regimen, str or None
        The treatment of each arm; the first one is the control arm unless `analysis` states another. `TrialArm` also states
        allocation ratios, treatment until progression and crossover.
    size : int
        Number of subjects in the trial.
    model : Model or str
    observation : Observation, optional
        Visits, measurement, and hazards of death, dropout and new lesions.
    accrual : Accrual, optional
        By default, all subjects enter on day 0.
    analysis : TrialAnalysis, optional
        Endpoint, test, data cut, interim looks and stopping rules. By default, PFS by the log-rank test at the end.
    rules : RecistRules or IrecistRules, optional
        IrecistRules assess by iRECIST, with progression on the day of the first iUPD that is confirmed.
    pfs_rules : PfsRules, optional
    confirmed : bool
        Whether responses count only if confirmed.
    replicates : int, optional
        Number of trials. By default, one trial is returned in detail.
    first : int
        The number of the first replicate.
    null : bool
        Whether to treat all arms as the control arm, so that successes are type I errors.
    seed : int
        All random numbers are functions of seed, purpose, replicate and subject. A replicate is therefore the same whether it
        is simulated alone or with others, and a subject has the same patient, entry, visits, measurement errors and event
        thresholds in any arm and under any regimen (common random numbers).
    pool : int
        The number of patients that are drawn from a distribution.
    step : str or float
        Time courses are simulated at this interval and on the dates of visits, and interpolated linearly in between.
    solver : SolverOptions, optional
    workers, client
        Where replicates are computed: the number of local processes, or a dask.distributed.Client. Neither changes the
        result.

    Returns
    -------
    SimulatedTrial, or RepeatedTrials with `replicates`

    Raises
    ------
    DataError
        With all problems.
    SolveError
        If the simulation of a patient fails.

    Notes
    -----
    Treatment until progression, and crossover, follow progression as measured in the trial, with measurement error and new
    lesions (by iRECIST: confirmed progression), not the true size. Each subject is simulated under the arm's regimen;
    treatment changes at the first time of the grid (`step`) on or after the visit at which progression is known, and the
    subject is simulated again with the changed regimen. Nothing changes up to that time, so that progression is the same;
    sizes, new lesions and the hazard of death change afterwards. Doses before that time are given; a dose on that day is not.

    Each distinct patient is simulated once per arm and once per change of treatment, however many replicates draw it.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> import immunoode as imo
    >>> patients = pd.DataFrame({"growth_rate": np.linspace(0.002, 0.012, 40)})
    >>> visits = imo.virtual_trial.VisitSchedule("6 weeks", "36 weeks")
    >>> how = imo.virtual_trial.Observation(visits, death=imo.virtual_trial.Hazard(0.3, 1))
    >>> trial = imo.simulate_trial(patients, {"control": None, "also none": None}, 60, observation=how, seed=1)
    >>> len(trial.outcomes), trial.stopped, int(trial.accounting()["subjects"].sum())
    (60, 'final analysis', 60)
    """
    design = _design(
        population,
        as_arms(arms),
        size,
        as_model(model),
        observation or Observation(),
        accrual or Accrual(),
        analysis or TrialAnalysis(),
        rules,
        pfs_rules,
        confirmed,
        seed,
        null,
        pool,
        step,
        solver,
    )
    _check_counts(first=first, replicates=1 if replicates is None else replicates)
    if replicates is None:
        return one_trial(design, first)
    rows = _replicates(design, first, replicates, workers, client)
    return RepeatedTrials(
        rows, design.analysis, design.control, size, null, design.pool.populations, seed, again=partial(one_trial, design)
    )


def _design(
    population: Any,
    arms: dict[str, TrialArm],
    size: int,
    model: Model,
    observation: Observation,
    accrual: Accrual,
    analysis: TrialAnalysis,
    rules: RecistRules | IrecistRules | None,
    pfs_rules: PfsRules | None,
    confirmed: bool,
    seed: int,
    null: bool,
    pool: int,
    step: str | float,
    solver: SolverOptions | None,
) -> TrialDesign:
    """Return the design of a trial, checked."""
    kinds = {"observation": Observation, "accrual": Accrual, "analysis": TrialAnalysis}
    given = {"observation": observation, "accrual": accrual, "analysis": analysis}
    problems = [
        Problem(name, f"is {type(value).__name__}", f"a {kinds[name].__name__}")
        for name, value in given.items()
        if not isinstance(value, kinds[name])
    ]
    DataError.raise_if(problems)
    _check_counts(size=size, pool=pool)
    control = arm_named(analysis.control, arms, "analysis: control")
    _check_analysis(analysis, arms, size, observation)
    patients = patient_pool(population, model, pool, seed)
    courses = TrueCourses(model, patients, arms, time_grid(observation, step), observation.outputs, solver)
    return TrialDesign(
        patients, arms, size, observation, accrual, analysis, control, rules, pfs_rules, confirmed, seed, null, courses
    )


def _check_counts(**counts: Any) -> None:
    problems = [
        Problem(name, f"is {value!r}", "a whole number of zero or more" if name == "first" else "a whole number above zero")
        for name, value in counts.items()
        if not is_whole(value, name != "first")
    ]
    DataError.raise_if(problems)


def _check_analysis(analysis: TrialAnalysis, arms: dict[str, TrialArm], size: int, observation: Observation) -> None:
    problems = []
    if analysis.endpoint == "OS" and not observation.death:
        problems.append(
            Problem("analysis", "has the endpoint OS, but there is no hazard of death", "Observation(death=Hazard(...))")
        )
    if analysis.events is not None and analysis.events > size:
        problems.append(
            Problem(
                "analysis", f"needs {analysis.events} events, but there are {size} subjects", "fewer events, or more subjects"
            )
        )
    if analysis.looks and len(arms) != 2:
        problems.append(Problem("analysis", f"has interim looks at {len(arms)} arms", "two arms, or no looks"))
    DataError.raise_if(problems)


@dataclass(frozen=True)
class _Replicates:
    """The computation for a block of replicates."""

    design: TrialDesign
    first: int

    def __call__(self, block: Block, own: Any) -> list[dict[str, Any]]:
        """Return the last look of each replicate and comparison."""
        numbers = tuple(range(self.first + block.first, self.first + block.last))
        found = list[dict[str, Any]]()
        each = max(1, ROWS // self.design.size)
        for start in range(0, len(numbers), each):
            rows = looks(self.design, self.design.enrol(numbers[start : start + each]))
            grouped: dict[tuple[int, str], list[dict[str, Any]]] = {}
            for row in rows:
                grouped.setdefault((row["replicate"], row["arm"]), []).append(row)
            found += [stopped_at(own_rows, len(self.design.analysis.fractions)) for own_rows in grouped.values()]
        return found


def _replicates(design: TrialDesign, first: int, count: int, workers: int | None, client: Any) -> pd.DataFrame:
    """Return the last look of each replicate and comparison."""
    import pandas as pd

    executor = executor_of(workers, client)
    each = max(1, ROWS // design.size)
    tasks = (Task(block) for block in blocks(Block(0, count), each))
    done = sorted(executor.run(_Replicates(design, first), tasks), key=lambda pair: pair[0])
    return pd.DataFrame([row for _, rows in done for row in rows])


def one_trial(design: TrialDesign, replicate: int) -> SimulatedTrial:
    """Return one replicate in detail, at the look at which it ends."""
    import pandas as pd

    subjects = design.enrol((replicate,))
    rows = looks(design, subjects)
    by_arm = [[row for row in rows if row["arm"] == arm] for arm in dict.fromkeys(row["arm"] for row in rows)]
    ends = [stopped_at(own, len(design.analysis.fractions)) for own in by_arm]
    seen = pd.DataFrame([row for row in rows if row["look"] <= ends[0]["look"]]).drop(columns=["crossed", "futile"])
    table = _outcomes(design, subjects, ends[0]["day"])
    data = _data(design, subjects, table, ends[0]["day"])
    return SimulatedTrial(
        table, data, seen, design.analysis, design.control, ends[0]["stopped"], design.rules, design.seed, replicate
    )


def _outcomes(design: TrialDesign, subjects: TrialSubjects, day: float) -> pd.DataFrame:
    """Return the outcomes of the subjects who entered before a data cut."""
    table = outcomes_at(design, subjects, day)
    courses, until = subjects.courses, day - subjects.entry
    ends = {"death": courses.death, "dropout": courses.dropout, "end of follow-up": courses.end_of_follow_up, "data cut": until}
    last = np.stack(list(ends.values())).argmin(axis=0)
    changed = subjects.treatment_change <= np.stack(list(ends.values())).min(axis=0)
    front = {
        "arm": np.asarray(list(design.arms), dtype=object)[subjects.arm],
        "patient": design.pool.names[subjects.patient],
        "entry": subjects.entry,
    }
    back = {
        "follow_up_end": np.asarray(list(ends), dtype=object)[last],
        "treatment_change": np.where(changed, subjects.treatment_change, np.nan),
        "crossed_over": subjects.crossed_over & changed,
    }
    names = [f"{k + 1:0{len(str(design.size))}d}" for k in range(design.size)]
    found = table.assign(**front, **back, subject=names).set_index("subject")
    return found[[*front, *table.columns, *back]][subjects.entry <= day]


def _data(design: TrialDesign, subjects: TrialSubjects, table: pd.DataFrame, day: float) -> TrialData:
    """Return the data known at a data cut as trial data, with the control arm first."""
    import pandas as pd

    order = [design.control, *design.compared]
    table = table.sort_values("arm", key=lambda column: column.map(order.index), kind="stable")
    rows = table.index.astype(int).to_numpy() - 1
    courses: ObservedCourses = subjects.courses.cut(day - subjects.entry).rows(rows)
    names, arms = table.index.to_numpy(), table["arm"].to_numpy()
    title = f"Simulated trial (seed {design.seed}, replicate {subjects.replicates[0]})"
    data = trial_tables(courses, names, arms, design.observation.measurement.limit_mm)
    times = [
        pd.DataFrame(
            {
                "subject": names,
                "arm": arms,
                "endpoint": name,
                "time": table[f"{name.lower()}_time"].to_numpy(),
                "event": table[f"{name.lower()}_event"].to_numpy(),
                "reason": table[f"{name.lower()}_reason"].to_numpy(),
            }
        )
        for name in ("PFS", "OS")
        if f"{name.lower()}_time" in table
    ]
    endpoints = pd.concat(times, ignore_index=True)[list(ENDPOINTS)]
    enrolled = dict(zip(names, arms, strict=True))
    return TrialData(data.frame, title, findings=data.findings, endpoints=endpoints, enrolled=enrolled)
