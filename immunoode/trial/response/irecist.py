"""iRECIST: progression that has to be confirmed, and that a later response takes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.trial.response.assessments import visits_of
from immunoode.trial.response.recist import VISITS, left_out_of, subject_table, without_baseline
from immunoode.trial.response.responses import Responses
from immunoode.trial.response.rules import (
    CR,
    ICPD,
    ICR,
    INON,
    IPR,
    IRESPONSES,
    ISD,
    IUPD,
    NE,
    NON,
    PD,
    PR,
    SD,
    TOLERANCE,
    IrecistRules,
)
from immunoode.trial.response.timepoint import overall, with_targets

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.trial.table import TrialData

_IMMUNE = {CR: ICR, PR: IPR, SD: ISD, NON: INON, NE: NE, PD: IUPD, "": ""}
TARGETS, OTHERS, NEW = "targets", "others", "new"
"""The three parts in which progression can be."""


class Visit(NamedTuple):
    """What one visit shows: its day, sums, and in which parts there is progression."""

    time: float
    total: float
    target: str
    non_target: str
    further: bool
    new_lesion: bool
    new_count: float
    new_sum: float
    response: str

    @property
    def parts(self) -> frozenset[str]:
        """The parts in which there is progression by RECIST."""
        marks = ((TARGETS, self.target == PD), (OTHERS, self.non_target == PD), (NEW, self.new_lesion))
        return frozenset(part for part, there in marks if there)


@dataclass(frozen=True)
class Pending:
    """An unconfirmed progression: in which parts, the visit that first showed it, the day of the last that still did."""

    parts: frozenset[str]
    first: Visit
    last_time: float


def irecist(
    assessments: TrialData | pd.DataFrame,
    rules: IrecistRules | None = None,
    *,
    new_therapy: Mapping[str, float] | None = None,
) -> Responses:
    """Evaluate responses by iRECIST.

    Parameters
    ----------
    assessments : TrialData or DataFrame
        As of `recist`. New lesions (kind "new") have a diameter where they are measured, and a row at each visit at which they
        are seen; the finding "further progression" says of a non-target or new lesion that it grew since the progression.
    rules : IrecistRules, optional
    new_therapy : mapping, optional
        As of `recist`.

    Returns
    -------
    Responses
        With the responses iCR, iPR, iSD, non-iCR/non-iUPD, iUPD, iCPD and NE. `subjects` has besides: unconfirmed_progression,
        confirmed_progression, pseudoprogression (an iUPD after which came an iSD, iPR or iCR). The day of progression is that
        of the first iUPD of a sequence that was confirmed, or that no later visit took back.

    Raises
    ------
    DataError

    Notes
    -----
    Seymour et al. 2017, Lancet Oncol 18:e143-e152, doi 10.1016/S1470-2045(17)30074-8. Progression by RECIST 1.1 is first
    unconfirmed (iUPD). The next assessment, 4 to 8 weeks later, confirms it (iCPD) if the sum of targets, where they were the
    reason, is at least 5 mm above that at the first iUPD; if new lesions, where they were, are more, or their sum at least 5 mm
    more, or one that is not measured grew; if non-target lesions, where they were, grew further; or if another part progresses
    now. If nothing changed it stays unconfirmed, and the assessment after that may confirm it. If iSD, iPR or iCR comes instead
    (new lesions gone), it is taken back, and the next progression (from the smallest sum) is unconfirmed again.

    Examples
    --------
    >>> import pandas as pd
    >>> sums = pd.DataFrame({"subject": "a", "time": [0, 42, 84, 126, 168], "sum_of_diameters": [50, 65, 40, 55, 62]})
    >>> irecist(sums).visits["response"].tolist()
    ['', 'iUPD', 'iSD', 'iUPD', 'iCPD']
    """
    rules = rules or IrecistRules()
    if not isinstance(rules, IrecistRules):
        raise DataError(Problem("rules", f"are {type(rules).__name__}", "IrecistRules"))
    seen = visits_of(assessments, rules)
    visits = with_targets(seen.table, rules)
    by_recist = overall(visits["target"], visits["non_target"], visits["new_lesion"]).where(~visits["is_baseline"], "")
    said = [r for rows in _subjects(visits, by_recist) for r in immune_responses(rows, rules)]
    visits = without_baseline(visits.assign(response=said))
    subjects = _subject_table(visits, rules, new_therapy or {})
    kept = visits[list(VISITS)].reset_index(drop=True)
    return Responses("iRECIST", kept, subjects, rules, left_out_of(seen, visits), IRESPONSES)


def _subjects(visits: pd.DataFrame, response: pd.Series) -> Iterator[list[Visit]]:
    """Yield the visits of each subject in turn."""
    names = ["time", "measured_sum", "target", "non_target", "further", "new_lesion", "new_count", "new_sum"]
    rows = [Visit(*row) for row in zip(*(visits[n].tolist() for n in names), response.tolist(), strict=True)]
    codes = visits["subject"].to_numpy()
    bounds = [0, *(np.flatnonzero(codes[1:] != codes[:-1]) + 1).tolist(), len(rows)]
    for a, b in zip(bounds[:-1], bounds[1:], strict=True):
        yield rows[a:b]


def immune_responses(visits: list[Visit], rules: IrecistRules) -> list[str]:
    """Return the response of iRECIST at each visit of one subject."""
    said: list[str] = []
    pending: Pending | None = None
    confirmed = False
    for visit in visits:
        if confirmed:
            said.append(ICPD if visit.response != "" else "")
            continue
        if pending is not None and visit.response != "" and _confirms(visit, pending, rules):
            confirmed = True
            said.append(ICPD)
            continue
        response = _IMMUNE[visit.response]
        if response == IUPD:
            pending = _still(visit, pending)
        elif response not in (NE, ""):
            pending = None
        said.append(response)
    return said


def _still(visit: Visit, pending: Pending | None) -> Pending:
    if pending is None:
        return Pending(visit.parts, visit, visit.time)
    return replace(pending, parts=pending.parts | visit.parts, last_time=visit.time)


def _confirms(visit: Visit, pending: Pending, rules: IrecistRules) -> bool:
    """Return whether a visit confirms the progression that is pending."""
    if not rules.confirm_from <= visit.time - pending.last_time <= rules.confirm_until:
        return False
    if visit.parts - pending.parts:
        return True
    first, slack = pending.first, TOLERANCE * (1 + visit.total if np.isfinite(visit.total) else 1)
    larger = TARGETS in pending.parts and visit.total - first.total >= rules.further_mm - slack
    more = NEW in pending.parts and (
        visit.new_count > first.new_count or visit.new_sum - first.new_sum >= rules.further_mm - slack
    )
    further = visit.further and bool(pending.parts & {OTHERS, NEW})
    return bool(larger or more or further)


def standing_progression(times: list[float], said: list[str]) -> float:
    """Return the day of the first iUPD that was confirmed, or that nothing took back; NaN where there is none."""
    start = float("nan")
    for time, response in zip(times, said, strict=True):
        if response in (IUPD, ICPD):
            start = time if start != start else start
            if response == ICPD:
                return start
        elif response not in (NE, ""):
            start = float("nan")
    return start


def taken_back(said: list[str]) -> bool:
    """Return whether an iUPD was followed by an iSD, iPR or iCR before any iCPD."""
    before = said[: said.index(ICPD)] if ICPD in said else said
    return IUPD in before and any(r in (ICR, IPR, ISD, INON) for r in before[before.index(IUPD) :])


def _subject_table(visits: pd.DataFrame, rules: IrecistRules, new_therapy: Mapping[str, float]) -> pd.DataFrame:
    """Return a row a subject; an unconfirmed progression that was taken back does not end the best response."""
    times, said = visits["time"].tolist(), visits["response"].tolist()
    spans = visits.groupby("subject", sort=False).indices
    stands = {s: standing_progression([times[k] for k in rows], [said[k] for k in rows]) for s, rows in spans.items()}
    passed = visits["response"].eq(IUPD) & ~(visits["time"] >= visits["subject"].map(stands))
    table = subject_table(visits.assign(response=visits["response"].mask(passed, NE)), rules, new_therapy)
    responses = {s: [said[k] for k in rows] for s, rows in spans.items()}
    unconfirmed, confirmed, back = (
        table["subject"].map({s: test(r) for s, r in responses.items()})
        for test in (lambda r: IUPD in r, lambda r: ICPD in r, taken_back)
    )
    ended = confirmed.map({True: ICPD, False: IUPD})
    named = {c: table[c].where(table[c] != PD, ended).replace(_IMMUNE) for c in ("best_response", "confirmed_response")}
    flags = {"unconfirmed_progression": unconfirmed, "confirmed_progression": confirmed, "pseudoprogression": back}
    return table.assign(**named, **flags)
