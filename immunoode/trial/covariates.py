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
    """Return the value of each column for each subject, and problems with values that change within a subject.

    Empty cells are ignored; a subject with only empty cells has no value.
    """
    rows = table.assign(**{subject: identifiers(table[subject])})
    groups = rows.groupby(subject, sort=False)
    problems = []
    for column in columns:
        counts = groups[column].nunique()
        for name in counts.index[counts > 1][:5]:
            right = "name covariates that change with time in `varying`, with a rule"
            problems.append(Problem(f"{where}: {column}", f"changes within subject {name}", right))
    return groups[list(columns)].first().infer_objects(), problems
