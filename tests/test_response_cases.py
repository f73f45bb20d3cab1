"""RECIST 1.1 and iRECIST against tables of cases that were worked out from the published rules, each with its clause."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from tests.response_cases import cases, table

pytestmark = pytest.mark.filterwarnings("ignore:no subject was assessed up to day 0:UserWarning")

RECIST, IRECIST = cases("recist"), cases("irecist")
Cases = list[tuple[str, dict[str, Any]]]
NON = {"recist": "non-CR/non-PD", "irecist": "non-iCR/non-iUPD"}
COLUMNS = {
    "best": "best_response",
    "confirmed": "confirmed_response",
    "response_time": "response_time",
    "confirmed_response_time": "confirmed_response_time",
    "progression_time": "progression_time",
    "last_time": "last_time",
    "duration": "duration_of_response",
    "ongoing": "response_ongoing",
    "best_change": "best_change",
    "progression_confirmed": "progression_confirmed",
    "pseudo": "pseudoprogression",
}
KEYS = {"clause", "sums", "lesions", "responses", "rules", "irules", "expect", "sum", "new_therapy", *COLUMNS} | {
    "non_target",
    "new",
    "gone",
    "markers",
    "new_count",
    "new_sum",
    "increased",
}


def _responses(criteria: str, case: dict[str, Any]) -> imo.Responses:
    therapy = {"1": case["new_therapy"]} if "new_therapy" in case else None
    if criteria == "recist":
        return imo.recist(table(case), imo.trial.RecistRules(**case.get("rules", {})), new_therapy=therapy)
    given = {**case.get("rules", {}), **case.get("irules", {})}
    assert set(given) <= {f.name for f in fields(imo.trial.IrecistRules)}
    return imo.irecist(table(case), imo.trial.IrecistRules(**given), new_therapy=therapy)


def _check(criteria: str, case: dict[str, Any], visits: pd.DataFrame, subject: pd.Series) -> None:
    assert set(case) <= KEYS, f"unknown keys: {set(case) - KEYS}"
    clause = case["clause"]
    if "expect" in case:
        wanted = [NON[criteria] if word == "NON" else word for word in case["expect"].split()]
        assert list(visits["response"]) == wanted, clause
    if "sum" in case:
        assert visits["sum_of_diameters"].to_numpy() == pytest.approx([float(s) for s in case["sum"].split()]), clause
    for key in COLUMNS.keys() & case.keys():
        value, wanted = subject[COLUMNS[key]], case[key]
        if wanted == "none":
            assert np.isnan(value), f"{clause}: {key}"
        elif isinstance(wanted, str):
            assert value == (NON[criteria] if wanted == "NON" else wanted), f"{clause}: {key}"
        else:
            assert value == pytest.approx(wanted), f"{clause}: {key}"


def _alone(criteria: str, case: dict[str, Any]) -> None:
    responses = _responses(criteria, case)
    _check(criteria, case, responses.visits, responses.subjects.iloc[0])


@pytest.mark.slow
@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in RECIST])
def test_recist(case: dict[str, Any]) -> None:
    _alone("recist", case)


@pytest.mark.slow
@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in IRECIST])
def test_irecist(case: dict[str, Any]) -> None:
    _alone("irecist", case)


def _together(criteria: str, some: Cases) -> list[str]:
    """Evaluate cases that have the same rules as the subjects of one table; return what is not as the case says."""
    rules = some[0][1].get("rules", {}), some[0][1].get("irules", {})
    rows = [row for name, case in some for row in table(case).assign(subject=name).to_dict("records")]
    therapy = {name: case["new_therapy"] for name, case in some if "new_therapy" in case} or None
    if criteria == "recist":
        responses = imo.recist(pd.DataFrame(rows), imo.trial.RecistRules(**rules[0]), new_therapy=therapy)
    else:
        responses = imo.irecist(pd.DataFrame(rows), imo.trial.IrecistRules(**rules[0], **rules[1]), new_therapy=therapy)
    visits, none = dict(iter(responses.visits.groupby("subject"))), responses.visits.iloc[:0]
    subjects = responses.subjects.set_index("subject")
    assert set(subjects.index) == {name for name, _ in some}
    wrong = []
    for name, case in some:
        try:
            _check(criteria, case, visits.get(name, none), subjects.loc[name])
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
    return wrong


@pytest.mark.parametrize(("criteria", "some"), [("recist", RECIST), ("irecist", IRECIST)], ids=["recist", "irecist"])
def test_cases_as_subjects_of_one_trial(criteria: str, some: Cases) -> None:
    alike: dict[str, Cases] = defaultdict(list)
    for name, case in some:
        form = next(form for form in ("lesions", "sums", "responses") if form in case)
        alike[repr((form, _columns(case), case.get("rules"), case.get("irules")))].append((name, case))
    assert len(alike) < len(some) / 3
    assert [line for group in alike.values() for line in _together(criteria, group)] == []


def _columns(case: dict[str, Any]) -> list[str]:
    """Return the columns of the table of a case: a column that is there says more than one that is not."""
    return sorted(table(case).columns)


def test_there_are_enough_cases_and_each_says_its_clause() -> None:
    both = [case for _, case in [*RECIST, *IRECIST]]
    assert len(both) >= 300
    clauses = [case["clause"] for case in both]
    assert all(clauses) and len(set(clauses)) == len(clauses)
    assert all(set(case) - {"clause", "sums", "lesions", "responses", "rules", "irules"} for case in both), (
        "a case checks nothing"
    )


@pytest.mark.slow
def test_all_subjects_at_once_are_the_same_as_each_alone() -> None:
    for criteria, some in (("recist", RECIST), ("irecist", IRECIST)):
        for form in ("lesions", "sums", "responses"):
            plain = [(n, c) for n, c in some if form in c and not {"rules", "irules", "new_therapy"} & set(c)]
            rows = [row for n, c in plain for row in table(c).assign(subject=n).to_dict("records")]
            together = getattr(imo, criteria)(pd.DataFrame(rows))
            alone = {n: _responses(criteria, c) for n, c in plain}
            for name, part in together.visits.groupby("subject"):
                assert list(part["response"]) == list(alone[name].visits["response"]), name
            best = dict(zip(together.subjects["subject"], together.subjects["confirmed_response"], strict=True))
            assert best == {n: r.subjects["confirmed_response"].iloc[0] for n, r in alone.items()}
