"""Meanings of a name among the shipped regimens, cohorts, distributions and data sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from immunoode.cohorts.library import cohort_description, list_populations
from immunoode.descriptions.description import Meaning
from immunoode.regimen.library import list_regimens, load_regimen
from immunoode.trial.shipped_datasets import list_datasets
from immunoode.virtual_population.library import distribution_names, list_distributions, load_distribution


def of_library(name: str) -> Iterator[Meaning]:
    """Yield the meanings of a name among shipped objects other than models."""
    if name in (regimens := list_regimens()).index:
        text = f"{_facts(regimens.loc[name])}\nload it: immunoode.load_regimen({name!r})\n\n{load_regimen(name)}"
        yield Meaning(f"regimen {name}: {regimens.loc[name, 'title']}", text)
    if name in (cohorts := list_populations()).index:
        about = cohort_description(name)
        text = f"{about}\n\n{_facts(cohorts.loc[name])}\nload it: immunoode.load_population({name!r})"
        yield Meaning(f"calibrated cohort {name}: {cohorts.loc[name, 'title']}", text)
    if name in distribution_names():
        made = load_distribution(name)
        text = f"load it: immunoode.virtual_population.load_distribution({name!r})\n"
        yield Meaning(f"distribution of patients {name}: {made.title}", text, made.to_frame().reset_index())
    if name in (data := list_datasets()).index:
        text = f"{_facts(data.loc[name])}\nload it: immunoode.load_dataset({name!r})"
        yield Meaning(f"data set {name}: {data.loc[name, 'title']}", text)


def names_in_library() -> set[str]:
    """Return the names of all shipped objects other than models."""
    return {*list_regimens().index, *list_populations().index, *list_distributions().index, *list_datasets().index}


def _facts(row: Any) -> str:
    return "\n".join(f"{str(key).replace('_', ' ')}: {value}" for key, value in row.items() if key != "title" and str(value))
