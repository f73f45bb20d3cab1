"""The second set of held-out numbers: none is a target or in the first set, and pages have what the files state; and trials
compared with other trials."""

from __future__ import annotations

import runpy
from pathlib import Path

import pandas as pd
import pytest

import immunoode as imo
from immunoode.cohorts import read_cohort
from immunoode.cohorts.library import cohort_path
from immunoode.cohorts.published import PublishedStatistic

DOCS = Path(__file__).parents[1] / "docs"
NAMES = imo.list_populations().index


def identity(one: PublishedStatistic) -> tuple[object, ...]:
    return (one.target.trial, one.arms, one.kind, one.target.label, one.title, *(value.row for value in one.values))


@pytest.mark.parametrize("name", NAMES)
def test_numbers_of_the_second_set_are_neither_targets_nor_in_the_first_set(name: str) -> None:
    made = read_cohort(cohort_path(name)).definition
    second = {identity(one) for one in made.held_out if one.set == "second"}
    assert len(second) == sum(one.set == "second" for one in made.held_out) > 0
    assert not second & {identity(one) for one in (*made.targets, *made.held_out) if one.set != "second"}


@pytest.mark.parametrize("name", NAMES)
def test_arms_of_the_second_set_alone_do_not_need_a_new_calibration(name: str) -> None:
    made = read_cohort(cohort_path(name)).definition
    first = made.arms_of((*made.targets, *(one for one in made.held_out if not one.set)))
    later = set(made.arms_of(made.held_out)) - set(first)
    assert not later & set(made.calibration_arms)


@pytest.mark.parametrize("name", NAMES)
def test_tables_have_the_numbers_of_the_files_now_and_before_the_revision(name: str) -> None:
    made = read_cohort(cohort_path(name)).definition
    published = [value for one in made.held_out if one.set == "second" for value in one.values]
    folders = ["cohorts", "cohorts/before", "cohorts/blind"]
    for folder in folders if (DOCS / "cohorts/blind" / f"{name}.csv").exists() else folders[:2]:
        table = pd.read_csv(DOCS / folder / f"{name}.csv")
        rows = table[table["set"] == "second"]
        months = rows["unit"] == "month"
        expected = [value.value / (365.25 / 12 if month else 1) for value, month in zip(published, months, strict=True)]
        assert rows["published"].tolist() == pytest.approx(expected, rel=1e-4)


def test_the_page_of_all_cohorts_is_that_of_the_tables() -> None:
    script = runpy.run_path(str(DOCS / "virtual_populations" / "make_cohorts.py"))
    assert (DOCS / "cohorts" / "README.md").read_text(encoding="utf-8") == script["index"]()


def test_the_page_of_all_cohorts_keeps_the_count_of_the_blind_predictions() -> None:
    lines = (DOCS / "cohorts" / "README.md").read_text(encoding="utf-8").splitlines()
    assert [path.stem for path in (DOCS / "cohorts" / "blind").glob("*.csv")] == ["lung_cancer_first_line"]
    assert [line for line in lines if line.startswith("| all |")][1].endswith("| 55 of 90 | 48 of 90 |")


def test_the_page_of_trials_compared_with_trials_is_that_of_the_tables() -> None:
    script = runpy.run_path(str(DOCS / "virtual_populations" / "between_trials.py"))
    assert (DOCS / "cohorts" / "between_trials.md").read_text(encoding="utf-8") == script["page"]()


def test_the_same_statistic_of_two_trials_is_compared_and_one_trial_is_not_its_own_rival() -> None:
    script = runpy.run_path(str(DOCS / "virtual_populations" / "between_trials.py"))
    rows = [
        ("A", "held out", 0.3, True),
        ("A", "held out", 0.3, True),
        ("B", "held out", 0.5, False),
        ("C", "target", 0.31, True),
    ]
    table = pd.DataFrame(rows, columns=["trial", "use", "published", "within_published"])
    table = table.assign(published_lower=table["published"] - 0.1, published_upper=table["published"] + 0.1)
    table = table.assign(group="x response", what="response", set="")
    found = script["compared"](table)
    assert found["others"].tolist() == [False, False, False]
    assert found["cohort"].tolist() == [True, True, False]
    assert script["compared"](table[table["trial"] == "A"]).empty
    alone = script["compared"](table[table["trial"] != "B"])
    assert alone["others"].tolist() == [True, True]
