"""What must hold of RECIST 1.1 and iRECIST for any course of any patient."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import immunoode as imo

SETTINGS = settings(max_examples=settings().max_examples // 4)
BOTH = pytest.mark.parametrize("criteria", [imo.recist, imo.irecist], ids=["recist", "irecist"])
Criteria = Callable[..., imo.Responses]

SIZES = st.one_of(st.none(), st.integers(0, 400).map(lambda tenths: tenths / 4), st.just(0.0))
STATUS = st.sampled_from(["", "CR", "non-CR/non-PD", "PD", "NE"])
VISIT = st.tuples(st.integers(1, 60), SIZES, STATUS, st.booleans())
COURSES = st.lists(st.tuples(st.integers(10, 400).map(lambda q: q / 4), st.lists(VISIT, max_size=8)), min_size=1, max_size=6)

FOUND = st.sampled_from(
    ["", "not evaluable", "too small to measure", "absent", "present", "unequivocal progression", "increased"]
)
LESION = st.tuples(
    st.sampled_from(["target", "target node", "non-target", "non-target node", "new", "new node", "new non-target"]),
    st.lists(st.one_of(st.none(), FOUND, st.integers(0, 120).map(lambda q: q / 4)), min_size=6, max_size=6),
)
PATIENTS = st.lists(st.lists(LESION, min_size=1, max_size=5), min_size=1, max_size=4)


def sums(courses: list[Any]) -> pd.DataFrame:
    """Return a table of sums; visits follow each other after the days they say."""
    rows = []
    for number, (baseline, visits) in enumerate(courses):
        rows.append((f"s{number}", 0.0, baseline, "", False))
        day = 0.0
        for gap, size, status, new in visits:
            day += gap
            rows.append((f"s{number}", day, size, status, new))
    return pd.DataFrame(rows, columns=["subject", "time", "sum_of_diameters", "non_target", "new_lesion"])


def lesions(patients: list[Any]) -> pd.DataFrame:
    """Return a table of lesions; None is a row that is not there, the first entry is baseline."""
    rows = []
    for number, patient in enumerate(patients):
        rows.append((f"s{number}", 0.0, "t0", "target", 40.0, ""))
        for name, (kind, entries) in enumerate(patient):
            for visit, entry in enumerate(entries):
                if entry is not None:
                    word = isinstance(entry, str)
                    row = (f"l{name}", kind, np.nan if word else entry, entry if word else "")
                    rows.append((f"s{number}", visit * 35.0, *row))
    return pd.DataFrame(rows, columns=["subject", "time", "lesion", "kind", "diameter", "finding"])


def same(first: imo.Responses, second: imo.Responses) -> None:
    pd.testing.assert_frame_equal(first.visits, second.visits)
    pd.testing.assert_frame_equal(first.subjects, second.subjects)


@BOTH
@SETTINGS
@given(courses=COURSES, seed=st.integers(0, 2**31))
def test_the_order_of_rows_of_sums_does_not_matter(criteria: Criteria, courses: list[Any], seed: int) -> None:
    table = sums(courses)
    same(criteria(table), criteria(table.sample(frac=1, random_state=seed)))


@BOTH
@SETTINGS
@given(patients=PATIENTS, seed=st.integers(0, 2**31))
def test_the_order_of_rows_of_lesions_does_not_matter(criteria: Criteria, patients: list[Any], seed: int) -> None:
    table = lesions(patients)
    first, second = criteria(table), criteria(table.sample(frac=1, random_state=seed))
    same(first, second)
    pd.testing.assert_frame_equal(first.left_out, second.left_out)


@BOTH
@SETTINGS
@given(courses=COURSES, until=st.integers(0, 300))
def test_a_later_visit_never_changes_an_earlier_response(criteria: Criteria, courses: list[Any], until: int) -> None:
    table = sums(courses)
    whole, part = criteria(table).visits, criteria(table[table["time"] <= until]).visits
    pd.testing.assert_frame_equal(whole[whole["time"] <= until].reset_index(drop=True), part)


@BOTH
@SETTINGS
@given(patients=PATIENTS, visits=st.integers(0, 5))
def test_a_later_visit_of_lesions_never_changes_an_earlier_response(
    criteria: Criteria, patients: list[Any], visits: int
) -> None:
    table = lesions(patients)
    whole, part = criteria(table).visits, criteria(table[table["time"] <= visits * 35.0]).visits
    pd.testing.assert_frame_equal(whole[whole["time"] <= visits * 35.0].reset_index(drop=True), part)


@BOTH
@SETTINGS
@given(courses=COURSES)
def test_each_subject_is_evaluated_alone(criteria: Criteria, courses: list[Any]) -> None:
    together = criteria(sums(courses)).visits
    for number, course in enumerate(courses):
        alone = criteria(sums([course])).visits
        mine = together[together["subject"] == f"s{number}"]
        assert list(mine["response"]) == list(alone["response"])


@SETTINGS
@given(courses=COURSES, factor=st.sampled_from([0.1, 0.25, 1 / 3, 2.0, 3.0, 7.0, 100.0]))
def test_all_lengths_scaled_with_the_rules_change_nothing(courses: list[Any], factor: float) -> None:
    table = sums(courses)
    scaled = table.assign(sum_of_diameters=table["sum_of_diameters"].astype(float) * factor)
    rules = imo.trial.RecistRules(progression_mm=5 * factor, node_mm=10 * factor, too_small_mm=5 * factor)
    first, second = imo.recist(table), imo.recist(scaled, rules)
    assert list(first.visits["response"]) == list(second.visits["response"])
    immune = imo.trial.IrecistRules(recist=rules, further_mm=5 * factor)
    assert list(imo.irecist(table).visits["response"]) == list(imo.irecist(scaled, immune).visits["response"])


@SETTINGS
@given(courses=COURSES, factor=st.sampled_from([2.0, 3.0, 10.0]))
def test_sizes_scaled_up_change_only_what_the_5_mm_rule_touches(courses: list[Any], factor: float) -> None:
    table = sums(courses)
    first = imo.recist(table).visits
    second = imo.recist(table.assign(sum_of_diameters=table["sum_of_diameters"].astype(float) * factor)).visits
    changed = first["response"] != second["response"]
    touched = (first["change_from_nadir"] > 0.2 - 1e-6) & (first["sum_of_diameters"] - first["nadir"] < 5 + 1e-6)
    assert not (changed & ~touched).any()
    assert (second["response"][changed] == "PD").all()


@SETTINGS
@given(courses=COURSES, shift=st.integers(0, 50))
def test_pd_is_never_lost_by_a_smaller_threshold(courses: list[Any], shift: int) -> None:
    table = sums(courses)
    strict = imo.recist(table).visits["target"] == "PD"
    loose = (
        imo.recist(table, imo.trial.RecistRules(progression=0.2 - shift / 1000, progression_mm=4.0)).visits["target"] == "PD"
    )
    assert (loose | ~strict).all()


@SETTINGS
@given(courses=COURSES)
def test_the_subjects_agree_with_their_visits(courses: list[Any]) -> None:
    responses = imo.recist(sums(courses))
    ranks = {name: rank for rank, name in enumerate(["CR", "PR", "SD", "non-CR/non-PD", "PD", "NE"])}
    for subject in responses.subjects.itertuples():
        mine = responses.visits[(responses.visits["subject"] == subject.subject) & responses.visits["counted"]]
        progressed = mine.loc[mine["response"] == "PD", "time"]
        assert (progressed.min() == subject.progression_time) or (progressed.empty and np.isnan(subject.progression_time))
        assert (mine["time"] <= (progressed.min() if len(progressed) else np.inf)).all()
        assert ranks[subject.best_response] <= ranks[subject.confirmed_response]
        assert np.isnan(subject.response_time) == (subject.best_response not in ("CR", "PR"))
        assert np.isnan(subject.confirmed_response_time) == (subject.confirmed_response not in ("CR", "PR"))
        assert not subject.response_ongoing or (np.isnan(subject.progression_time) and subject.duration_of_response >= 0)


@SETTINGS
@given(courses=COURSES)
def test_irecist_begins_as_recist_and_confirms_only_what_was_unconfirmed(courses: list[Any]) -> None:
    table = sums(courses)
    plain, immune = imo.recist(table).visits, imo.irecist(table).visits
    names = {"CR": "iCR", "PR": "iPR", "SD": "iSD", "PD": "iUPD", "non-CR/non-PD": "non-iCR/non-iUPD", "NE": "NE"}
    mine = plain["counted"]
    assert list(immune.loc[mine, "response"]) == [names[r] for r in plain.loc[mine, "response"]]
    for _, visits in immune.groupby("subject"):
        said = list(visits.loc[visits["counted"], "response"])
        if "iCPD" in said:
            before = [r for r in said[: said.index("iCPD")] if r != "NE"]
            assert before[-1] == "iUPD"


def _oracle(visits: list[tuple[float | None, str, bool]], baseline: float) -> list[str]:
    """Return RECIST 1.1 for one patient, written as the paper says it."""
    said, nadir, complete = [], baseline, False
    for size, status, new in visits:
        if size is None:
            target = "NE"
        elif size == 0:
            target = "CR"
        elif size - nadir >= 5 - 1e-9 and size >= 1.2 * nadir - 1e-9:
            target = "PD"
        elif size <= 0.7 * baseline + 1e-9:
            target = "PR"
        else:
            target = "SD"
        nadir = nadir if size is None else min(nadir, size)
        if target == "PD" or status == "PD" or new:
            response = "PD"
        elif target == "CR" and status in ("", "CR"):
            response = "CR"
        else:
            response = {"CR": "PR"}.get(target, target)
        disease = (size is not None and size > 0) or status == "non-CR/non-PD"
        if complete and disease and response in ("PR", "SD"):
            response = "PD"
        complete = complete or (target == "CR" and status in ("", "CR") and status != "PD")
        said.append(response)
    return said


@SETTINGS
@given(courses=COURSES)
def test_the_arrays_say_what_a_loop_over_patients_says(courses: list[Any]) -> None:
    visits = imo.recist(sums(courses)).visits
    for number, (baseline, course) in enumerate(courses):
        mine = list(visits.loc[visits["subject"] == f"s{number}", "response"])
        assert mine == _oracle([visit[1:] for visit in course], baseline)


def _sequences(length: int, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every course of responses of a length: PD ends it, and after CR there is no PR or SD."""
    if len(before) == length or "PD" in before:
        yield before
        return
    for response in ("CR", "PR", "SD", "PD", "NE"):
        if not ("CR" in before and response in ("PR", "SD")):
            yield from _sequences(length, (*before, response))


def _confirmed(course: str) -> str:
    """Return the confirmed best response of a course whose visits are far enough apart and late enough (table 3)."""
    if re.search("CR-(NE-)?CR", course):
        return "CR"
    if re.search("PR-(NE-)?(PR|CR)", course):
        return "PR"
    return next((best for best, any_of in (("SD", "CR|PR|SD"), ("PD", "PD")) if re.search(any_of, course)), "NE")


def test_every_course_of_five_visits_has_its_best_response() -> None:
    courses = ["-".join(course) for course in _sequences(5)]
    assert len(courses) == len(set(courses)) == 665
    rows = [(c, 45.0 * k, response) for c in courses for k, response in enumerate(c.split("-"), 1)]
    subjects = imo.recist(pd.DataFrame(rows, columns=["subject", "time", "response"])).subjects.set_index("subject")
    assert subjects["confirmed_response"].to_dict() == {c: _confirmed(c) for c in courses}
    ranks = ["CR", "PR", "SD", "PD", "NE"]
    assert subjects["best_response"].to_dict() == {c: min(c.split("-"), key=ranks.index) for c in courses}


def test_lesions_and_their_sums_give_the_same() -> None:
    rng = np.random.default_rng(4)
    rows = [
        (f"s{i}", visit * 42.0, f"t{lesion}", "target", round(float(rng.uniform(1, 60)), 1))
        for i in range(200)
        for visit in range(6)
        for lesion in range(3)
    ]
    table = pd.DataFrame(rows, columns=["subject", "time", "lesion", "kind", "diameter"])
    added = table.groupby(["subject", "time"], as_index=False)["diameter"].sum()
    whole = imo.recist(added.rename(columns={"diameter": "sum_of_diameters"}))
    same(imo.recist(table), replace(whole, left_out=whole.left_out))


@BOTH
@SETTINGS
@given(patients=PATIENTS)
def test_words_and_numbers_in_any_mixture_are_evaluated(criteria: Criteria, patients: list[Any]) -> None:
    responses = criteria(lesions(patients))
    assert set(responses.visits["response"]) <= {name for name in responses._names if name}
    assert len(responses.subjects) == len(patients)
    assert int(responses.rates(None)["n"].sum()) == len(patients)
