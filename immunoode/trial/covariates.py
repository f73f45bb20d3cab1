"""Covariates of subjects from columns of a long table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from immunoode.errors import Problem
from immunoode.tables.identifiers import identifiers

if TYPE_CHECKING:
    import pandas as pd


def constant_covariates(
    table: pd.DataFrame, subject: str, columns: Sequence[str], where: str
) -> tuple[pd.DataFrame, list[Problem]]:
    """Return the value of each column for each subject, and which are not the same in all of a subject's rows.

    A row without a value says nothing; a subject without any has none.
    """
    rows = table.assign(**{subject: identifiers(table[subject])})
    groups = rows.groupby(subject, sort=False)
    problems = []
    for column in columns:
        counts = groups[column].nunique()
        for name in counts.index[counts > 1][:5]:
            right = "a covariate that changes is to be named in `varying`, with a rule"
            problems.append(Problem(f"{where}: {column}", f"changes within subject {name}", right))
    return groups[list(columns)].first().infer_objects(), problems
