"""Outcomes of many subjects from arrays: responses, progression-free survival and survival, by the rules of `recist`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from immunoode.errors import DataError, Problem
from immunoode.trial.response import best_response
from immunoode.trial.response.codes import NE, PD
from immunoode.trial.response.from_arrays import from_arrays
from immunoode.trial.response.irecist_response import irecist_response
from immunoode.trial.response.rules import IrecistRules, RecistRules, Rules, recist_rules, response_names
from immunoode.trial.response.subject_responses import SubjectResponses, subject_responses
from immunoode.trial.response.time_point_response import TimePointResponse, evaluate_time_points, recist_response
from immunoode.trial.response.visit_grid import Array, first_time, last_time
from immunoode.trial.response.visits import AssessmentData
from immunoode.trial.survival.first_event import REASONS, EventFreeTimes, FirstEvent, event_free_times
from immunoode.trial.survival.progression_free_survival import PfsRules

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
BLOCK = 8192
"""The number of subjects evaluated at a time, such that their arrays fit into the cache of the processor."""
OS_REASONS = ("death", "alive at last contact")


@dataclass(frozen=True)
class _Assessments:
    """Checked arrays of P subjects: days and new lesions (P, V), diameters (P, V, L), days of death and last contact (P,)."""

    days: FloatArray
    diameters: FloatArray
    new_lesions: FloatArray
    death: FloatArray
    last_contact: FloatArray

    def block(self, start: int) -> _Assessments:
        """Return the subjects of a block, without the visits after death or last contact."""
        rows = slice(start, start + BLOCK)
        off = np.minimum(self.death[rows], self.last_contact[rows])
        days = np.where(self.days[rows] <= off[:, None], self.days[rows], np.nan)
        own = self.new_lesions[rows]
        new = own if own.ndim == 2 else (days >= own[:, None]).astype(float)
        return _Assessments(days, self.diameters[rows], new, self.death[rows], self.last_contact[rows])


def evaluate_outcomes(
    days: ArrayLike,
    sizes: ArrayLike,
    *,
    new_lesions: ArrayLike | None = None,
    death: ArrayLike | None = None,
    last_contact: ArrayLike | None = None,
    rules: RecistRules | IrecistRules | None = None,
    pfs_rules: PfsRules | None = None,
    confirmed: bool = False,
    index: Sequence[Any] | pd.Index | None = None,
) -> pd.DataFrame:
    """Return the outcomes of P subjects, assessed at V visits, by RECIST 1.1 or iRECIST.

    The rules are those of `imo.recist` (`imo.irecist`), `imo.trial.progression_free_survival` and
    `imo.trial.duration_of_response`, applied to arrays instead of tables. Each visit is one assessment.

    Parameters
    ----------
    days : array_like, shape (V,) or (P, V)
        Days of the assessments from the start of treatment, increasing; NaN for a missed visit. Visits up to
        `RecistRules.baseline_until` (day 0) are baseline.
    sizes : array_like, shape (P, V) or (P, V, L)
        Sums of diameters, or diameters of target lesions, in mm: 0 if absent; NaN if not measured, or for a lesion that the
        subject does not have.
    new_lesions : array_like, shape (P,) or (P, V), optional
        Day from which a new lesion is seen (infinite for none), or the number of new lesions present at each visit.
    death : array_like, shape (P,), optional
        Day of death, infinite for none.
    last_contact : array_like, shape (P,), optional
        Last day of follow-up: dropout, data cut or end of the trial. By default the day of the last visit of the trial.
        Visits after it, or after death, are ignored, and a later death is not known.
    rules : RecistRules or IrecistRules, optional
        By default those of RECIST 1.1. With IrecistRules, responses are evaluated by iRECIST and have its names.
    pfs_rules : PfsRules, optional
        When progression-free survival is censored.
    confirmed : bool
        Whether CR and PR count only if confirmed.
    index : sequence, optional
        Index of the table; 0 to P - 1 by default.

    Returns
    -------
    DataFrame
        One row per subject; times in days from day 0.

        - baseline (mm), best_change (lowest change of the sum from baseline as a fraction: -0.3 is 30 % less)
        - best_response ("CR", "PR", "SD", "PD", "NE"), time_to_response (NaN without response)
        - pfs_time, pfs_event, pfs_reason (why it ended, as in `progression_free_survival`)
        - duration_of_response (from the response to progression or death, or censored; NaN without response) and
          duration_event (False without response)
        - with `death`: os_time, os_event, os_reason

    Raises
    ------
    DataError
        If shapes differ, days do not increase, sizes or days of death are negative, or rules are something else.

    Examples
    --------
    >>> sizes = [[100, 70, 50, 65], [80, 90, 100, 110], [60, 55, 50, 50]]
    >>> table = evaluate_outcomes([0, 42, 84, 126], sizes, death=[400, 100, float("inf")])
    >>> table[["best_response", "pfs_time", "pfs_event", "os_time", "os_event"]].values.tolist()
    [['PR', 126.0, True, 126.0, False], ['SD', 84.0, True, 100.0, True], ['SD', 126.0, False, 126.0, False]]
    """
    import pandas as pd

    data = _checked(days, sizes, new_lesions, death, last_contact)
    _check_options(rules, pfs_rules, index, len(data.days))
    applied, gap = rules or RecistRules(), (pfs_rules or PfsRules()).longest_gap_days
    blocks = [_evaluate(data.block(start), applied, gap, confirmed) for start in range(0, max(len(data.days), 1), BLOCK)]
    columns = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    texts = {"best_response": response_names(applied), "pfs_reason": REASONS, "os_reason": OS_REASONS}
    known = {k: np.asarray(texts[k], dtype=object)[v] if k in texts else v for k, v in columns.items()}
    if death is None:
        known = {name: column for name, column in known.items() if not name.startswith("os_")}
    return pd.DataFrame(known, index=index)


@dataclass(frozen=True)
class _Evaluated:
    """The responses of one block at its visits, and which of them count."""

    assessed: AssessmentData
    evaluated: TimePointResponse
    response: Array
    counts: Array


def _responses(data: _Assessments, rules: Rules) -> _Evaluated:
    """Return the responses of a block by RECIST 1.1 or iRECIST."""
    thresholds = recist_rules(rules)
    assessed = from_arrays(data.days, data.diameters, data.new_lesions, thresholds)
    evaluated, visits = evaluate_time_points(assessed, thresholds), assessed.visits
    if isinstance(rules, IrecistRules):
        response, _ = irecist_response(evaluated, visits, rules)
    else:
        response = recist_response(evaluated, visits)
    counts = best_response.counted(response, visits.time, visits.subject, np.full(len(data.days), np.inf))
    return _Evaluated(assessed, evaluated, response, counts)


def progression_known(
    days: ArrayLike,
    sizes: ArrayLike,
    *,
    new_lesions: ArrayLike | None = None,
    death: ArrayLike | None = None,
    last_contact: ArrayLike | None = None,
    rules: RecistRules | IrecistRules | None = None,
) -> FloatArray:
    """Return the day of the visit at which progression is known, NaN if it never is; shape (P,).

    By RECIST 1.1 that is the day of progression; by iRECIST that of its confirmation (iCPD). The arguments are those of
    `evaluate_outcomes`.
    """
    data = _checked(days, sizes, new_lesions, death, last_contact)
    found = []
    for start in range(0, max(len(data.days), 1), BLOCK):
        block = data.block(start)
        at = _responses(block, rules or RecistRules())
        visits = at.assessed.visits
        found.append(first_time(at.counts & (at.response == PD), visits.time, visits.subject, len(block.days)))
    return np.concatenate(found)


def _evaluate(data: _Assessments, rules: Rules, longest_gap: float, confirmed: bool) -> dict[str, FloatArray]:
    """Return the columns of the table for one block, with codes instead of words."""
    size, at = len(data.days), _responses(data, rules)
    visits = at.assessed.visits
    found = subject_responses(at.assessed, at.evaluated, at.response, at.counts, rules)
    died = data.death <= data.last_contact
    first = FirstEvent(found.progression_time, np.where(died, data.death, np.nan), np.full(size, np.nan))
    before = (at.response != NE) & (visits.time < first.until[visits.subject])
    free = event_free_times(first, last_time(before, visits.time, visits.subject, size), longest_gap)
    return {
        "baseline": at.assessed.subjects.baseline,
        "best_change": found.best_change,
        "best_response": found.confirmed_response if confirmed else found.best_response,
        "pfs_time": free.time,
        "pfs_event": free.event,
        "pfs_reason": free.reason,
        "os_time": np.minimum(data.death, data.last_contact),
        "os_event": died,
        "os_reason": np.where(died, 0, 1),
        **_durations(found, free, confirmed),
    }


def _durations(found: SubjectResponses, free: EventFreeTimes, confirmed: bool) -> dict[str, FloatArray]:
    """Return the time to the first response and how long it lasted; responses after the end of PFS do not count."""
    response = found.confirmed_response_time if confirmed else found.response_time
    responded = response <= free.time
    return {
        "time_to_response": response,
        "duration_of_response": np.where(responded, free.time - response, np.nan),
        "duration_event": free.event & responded,
    }


def _check_options(rules: Any, pfs_rules: Any, index: Any, subjects: int) -> None:
    """Raise an error if rules or index are wrong."""
    problems = []
    if rules is not None and not isinstance(rules, (RecistRules, IrecistRules)):
        problems.append(Problem("rules", f"are {type(rules).__name__}", "RecistRules or IrecistRules"))
    if pfs_rules is not None and not isinstance(pfs_rules, PfsRules):
        problems.append(Problem("pfs_rules", f"are {type(pfs_rules).__name__}", "PfsRules"))
    if index is not None and len(index) != subjects:
        problems.append(Problem("index", f"has {len(index)} entries", f"one per subject: {subjects}"))
    DataError.raise_if(problems)


def _checked(days: Any, sizes: Any, new_lesions: Any, death: Any, last_contact: Any) -> _Assessments:
    """Return the arrays in full shape.

    Raises
    ------
    DataError
        With everything that is wrong.
    """
    diameters = _numbers("sizes", sizes)
    if diameters.ndim not in (2, 3):
        raise DataError(Problem("sizes", f"have {diameters.ndim} dimensions", "subjects x visits, or x target lesions"))
    diameters = diameters if diameters.ndim == 3 else diameters[:, :, None]
    shape = diameters.shape[:2]
    when = _numbers("days", days)
    problems = []
    if when.shape not in (shape, shape[1:]):
        problems.append(Problem("days", f"have the shape {when.shape}", f"{shape[1:]} or {shape}, as sizes"))
    else:
        when = np.broadcast_to(when, shape)
        problems += _wrong_values(when, diameters)
    new = np.full(shape[0], np.inf) if new_lesions is None else _numbers("new_lesions", new_lesions)
    if new.shape not in (shape, shape[:1]):
        problems.append(Problem("new_lesions", f"have the shape {new.shape}", f"{shape[:1]} or {shape}, as sizes"))
    last = np.nanmax(when, initial=0.0) if when.size else 0.0
    ends = {
        "death": np.full(shape[0], np.inf) if death is None else _numbers("death", death),
        "last_contact": np.full(shape[0], last) if last_contact is None else _numbers("last_contact", last_contact),
    }
    for name, end in ends.items():
        if end.shape != shape[:1]:
            problems.append(Problem(name, f"has the shape {end.shape}", f"{shape[:1]}: one day per subject"))
        elif np.isnan(end).any():
            problems.append(Problem(name, f"is NaN for {int(np.isnan(end).sum())} subjects", "infinite if there is none"))
        elif name == "death" and (end < 0).any():
            first = int(np.flatnonzero(end < 0)[0])
            problems.append(
                Problem(name, f"is before day 0 for {int((end < 0).sum())} subjects, first {first}", "day 0 or later")
            )
    DataError.raise_if(problems)
    return _Assessments(when, diameters, new, **ends)


def _numbers(name: str, values: Any) -> FloatArray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(Problem(name, f"are {type(values).__name__}", "an array of numbers")) from None


def _wrong_values(days: FloatArray, diameters: FloatArray) -> list[Problem]:
    """Return what is wrong with days and diameters."""
    problems = []
    so_far = np.fmax.accumulate(days, axis=1)
    back = (days[:, 1:] <= so_far[:, :-1]).any(axis=1)
    if back.any():
        problems.append(
            Problem("days", f"do not increase for subject {int(back.argmax())}", "each visit later than the previous one")
        )
    negative = ((diameters < 0) | np.isinf(diameters)).any(axis=(1, 2))
    if negative.any():
        what = f"are negative or infinite for {int(negative.sum())} subjects, first {int(negative.argmax())}"
        problems.append(Problem("sizes", what, "numbers of zero or more, NaN if not measured"))
    return problems
