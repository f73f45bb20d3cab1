"""Words of the field, searched for in all that ships: models, regimens, cohorts, data sets, and public functions."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from immunoode.catalogue.entries import wanted
from immunoode.cohorts.library import list_populations
from immunoode.descriptions.description import Meaning
from immunoode.descriptions.public_names import summaries
from immunoode.model.library import list_models
from immunoode.regimen.library import list_regimens
from immunoode.trial.shipped_datasets import list_datasets

if TYPE_CHECKING:
    import pandas as pd

_LISTS: dict[str, Callable[[str], pd.DataFrame]] = {
    "models": list_models,
    "regimens": list_regimens,
    "calibrated cohorts": list_populations,
    "data sets": list_datasets,
}


def found_everywhere(words: str) -> Iterator[Meaning]:
    """Yield the lists of what matches all of some words, without those in which nothing does."""
    if not wanted(words):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that nothing matches
        lists = {what: listed(words) for what, listed in _LISTS.items()}
    for what, table in lists.items():
        if len(table):
            yield Meaning(f"{what} that match {words!r}", "", table[["title"]].reset_index())
    functions = _functions(words)
    if functions is not None:
        yield Meaning(f"functions and classes that match {words!r}", "", functions)


def _functions(words: str) -> pd.DataFrame | None:
    """Return the public names whose name or first paragraph has all of some words, None if there are none."""
    import pandas as pd

    asked = wanted(words)
    rows = [(f"immunoode.{n}", line) for n, line in summaries().items() if all(w.is_in(f"{n} ; {line}") for w in asked)]
    return pd.DataFrame(rows, columns=["name", "does"]) if rows else None
