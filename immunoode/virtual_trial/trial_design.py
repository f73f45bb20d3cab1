"""The design of a simulated trial, and the subjects of its replicates with their entry, arm and observations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode import units
from immunoode.errors import DataError, Problem
from immunoode.trial.response.rules import IrecistRules, RecistRules
from immunoode.trial.survival.progression_free_survival import PfsRules
from immunoode.virtual_trial.accrual import Accrual, allocate
from immunoode.virtual_trial.arms import TrialArm
from immunoode.virtual_trial.observation import Observation, ObservedCourses
from immunoode.virtual_trial.outcomes import progression_known
from immunoode.virtual_trial.patient_pool import PatientPool
from immunoode.virtual_trial.random_draws import RandomDraws
from immunoode.virtual_trial.trial_analysis import TrialAnalysis
from immunoode.virtual_trial.true_courses import TreatmentChange, TrueCourses

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class TrialSubjects:
    """The subjects of R replicates of a trial, R x size rows, replicate after replicate.

    Attributes
    ----------
    replicates : tuple of int
    patient : ndarray of int
        Row of the pool.
    arm : ndarray of int
        Index of the arm.
    entry : ndarray
        Calendar day, counted from the first day of accrual.
    courses : ObservedCourses
    treatment_change : ndarray
        Day from day 0 on which treatment ended or changed at progression, NaN if it did not.
    crossed_over : ndarray of bool
    """

    replicates: tuple[int, ...]
    patient: IntArray
    arm: IntArray
    entry: FloatArray
    courses: ObservedCourses
    treatment_change: FloatArray
    crossed_over: NDArray[np.bool_]

    @property
    def replicate(self) -> IntArray:
        """Index of the replicate of each row."""
        return np.repeat(np.arange(len(self.replicates)), len(self.patient) // len(self.replicates))


@dataclass(frozen=True)
class TrialDesign:
    """Everything that determines a simulated trial; see `simulate_trial`.

    Attributes
    ----------
    pool : PatientPool
    arms : dict of str to TrialArm
    size : int
    observation : Observation
    accrual : Accrual
    analysis : TrialAnalysis
    control : str
    rules, pfs_rules, confirmed
        As for `evaluate_outcomes`.
    seed : int
    null : bool
        Whether all arms are treated as the control arm.
    courses : TrueCourses
    """

    pool: PatientPool
    arms: dict[str, TrialArm]
    size: int
    observation: Observation
    accrual: Accrual
    analysis: TrialAnalysis
    control: str
    rules: RecistRules | IrecistRules | None
    pfs_rules: PfsRules | None
    confirmed: bool
    seed: int
    null: bool
    courses: TrueCourses

    @property
    def compared(self) -> tuple[str, ...]:
        """The arms that are compared with the control arm."""
        return tuple(name for name in self.arms if name != self.control)

    def enrol(self, replicates: tuple[int, ...]) -> TrialSubjects:
        """Return the subjects of replicates, with their observations if the trial runs to its end."""
        draws = RandomDraws(self.seed, range(self.size), replicates, keep=any(one.changes for one in self.arms.values()))
        patient = self.pool.draw(draws)
        arm = allocate([one.ratio for one in self.arms.values()], draws)
        treated = np.full_like(arm, list(self.arms).index(self.control)) if self.null else arm
        values = self.courses.of(treated, patient)
        observed = self.observation.observe(draws, self.courses.times, values)
        changes = self._changes(draws, treated, patient, observed)
        day, crossed = np.full(len(arm), np.nan), np.zeros(len(arm), bool)
        if changes:
            rows = np.asarray(list(changes))
            day[rows] = self.courses.times[[one.time for one in changes.values()]]
            crossed[rows] = [one.crosses_over for one in changes.values()]
            for name, changed in self.courses.after_changes(list(changes.values())).items():
                values[name][rows] = changed
            observed = self.observation.observe(draws, self.courses.times, values)
        return TrialSubjects(replicates, patient, arm, self.accrual.days(draws), observed, day, crossed)

    def _changes(
        self, draws: RandomDraws, arm: IntArray, patient: IntArray, observed: ObservedCourses
    ) -> dict[int, TreatmentChange]:
        """Return the changes of treatment at progression, by row.

        Treatment changes at the first time of the grid on or after the assessment at which progression is known.
        """
        arms = list(self.arms.values())
        rows = np.flatnonzero(np.asarray([one.changes for one in arms])[arm])
        if not len(rows):
            return {}
        own = observed.rows(rows)
        days = progression_known(
            own.days,
            own.diameters,
            new_lesions=own.new_lesions,
            death=own.death,
            last_contact=own.last_contact,
            rules=self.rules,
        )
        share = np.asarray([one.crossover_share if one.crossover is not None else 0.0 for one in arms])[arm]
        crosses = draws.uniforms("crossover")[:, 0] < share
        ends = np.asarray([one.until_progression for one in arms])[arm]
        times = np.searchsorted(self.courses.times, np.nan_to_num(days, nan=np.inf))
        concerned = (times < len(self.courses.times)) & (crosses | ends)[rows]
        return {
            int(row): TreatmentChange(int(arm[row]), int(patient[row]), int(time), bool(crosses[row]))
            for row, time in zip(rows[concerned], times[concerned], strict=True)
        }


def time_grid(observation: Observation, step: str | float) -> FloatArray:
    """Return the days at which time courses are simulated: every `step` and on the dates of visits, to the end of follow-up."""
    last = observation.last_day
    every = units.days(step)
    if not every > 0:
        raise DataError(Problem("step", f"is {step!r}", "a time above zero: '1 week'"))
    visits = observation.visits.days()
    margin = np.diff(visits)[-1] / 2 if units.days(observation.visits.jitter) else 0.0
    end = max(last, visits[-1] + margin)
    return np.unique(np.concatenate([np.arange(0.0, end, every), visits, [end]]))
