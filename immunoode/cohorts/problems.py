"""Problems of a cohort file, collected with their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from immunoode.errors import ImmunoodeError, Problem, nearest
from immunoode.model.check import source_problems
from immunoode.number_checks import is_whole

WRONG_KIND = 'numbers as numbers, times as days or texts: 42, "6 weeks"'


@dataclass
class Collector:
    """The problems of a file found so far.

    Attributes
    ----------
    where : str
        The name of the file.
    bib : frozenset of str
        Keys that sources may cite.
    """

    where: str
    bib: frozenset[str]
    found: list[Problem] = field(default_factory=list)

    def add(self, place: str, what: str, right: str = "") -> None:
        """Add a problem."""
        self.found.append(Problem(f"{self.where}: {place}", what, right))

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Collect the errors of a block of code under a place, and continue after it."""
        try:
            yield
        except ImmunoodeError as error:
            self.found += [Problem(f"{self.where}: {place}: {p.where}", p.what, p.right) for p in error.problems]
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            self.add(place, f"has a value of the wrong kind ({error})", WRONG_KIND)

    def table(self, given: Any, place: str, known: Iterable[str]) -> dict[str, Any] | None:
        """Return a table without unknown keys, which are reported as problems; None if it is not a table."""
        names = tuple(known)
        if not isinstance(given, Mapping):
            self.add(place, f"is {given!r:.60}", "a table")
            return None
        for key in given:
            if key not in names:
                self.add(f"{place}.{key}", "is not a valid key", nearest(key, names))
        return {k: v for k, v in given.items() if k in names}

    def rows(self, given: Any, place: str) -> list[Mapping[str, Any]]:
        """Return a list of tables; one table is a list of one."""
        rows = [given] if isinstance(given, Mapping) else given
        if isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows):
            return rows
        self.add(place, f"is {given!r:.60}", "a table, or a list of tables")
        return []

    def texts(self, given: Any, place: str) -> tuple[str, ...]:
        """Return a list of texts; one text is a list of one."""
        values = [given] if isinstance(given, str) else given
        if isinstance(values, list) and all(isinstance(v, str) for v in values):
            return tuple(values)
        self.add(place, f"is {given!r:.60}", "a text in quotes, or a list of them")
        return ()

    def text(self, table: Mapping[str, Any], key: str, place: str = "") -> str:
        """Return the text of a key, "" by default."""
        value = table.get(key, "")
        if isinstance(value, str):
            return value
        self.add(f"{place}.{key}".lstrip("."), f"is {value!r:.60}", "a text in quotes")
        return ""

    def count(self, table: Mapping[str, Any], key: str, lowest: int, highest: int) -> int:
        """Return the whole number of a key."""
        value = table.get(key)
        if is_whole(value, lowest) and value <= highest:
            return value
        self.add(key, "is missing" if value is None else f"is {value!r:.60}", f"a whole number from {lowest} to {highest:,}")
        return lowest

    def source(self, table: Mapping[str, Any], place: str) -> str:
        """Return the source of a table, which must be stated and known."""
        source = self.text(table, "source", place)
        if not source:
            self.add(place, "has no source", "source = 'key2017, table 2' of references.bib, a DOI, or 'estimate: reason'")
        self.found += source_problems(f"{self.where}: {place}.source", source, self.bib)
        return source
