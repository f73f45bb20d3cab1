"""Searching of lists: the matches, or an error that states which words could be left out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from immunoode.command_line.parser import CommandError
from immunoode.errors import Problem


def found_or_refused(search: Callable[..., Any], words: Sequence[str], **filters: str) -> Any:
    """Return the table of what matches words and filters.

    Raises
    ------
    CommandError
        If nothing does.
    """
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = search(" ".join(words), **{name: value for name, value in filters.items() if value})
    if found.empty:
        what = str(told[0].message) if told else "nothing matches"
        stated = [*words, *(f"--{name} {value!r}" for name, value in filters.items() if value)]
        raise CommandError(Problem(f"search for {' '.join(stated)}", what, "fewer or other words; without any, all are listed"))
    return found
