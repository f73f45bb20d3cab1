"""Problems of a file of tables, collected with their places: of model files, population files and cohort files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from immunoode import units
from immunoode.errors import ImmunoodeError, Problem, UnitError, nearest
from immunoode.model.check import source_problems
from immunoode.number_checks import is_whole

WRONG_KIND = 'numbers as numbers, times as days or texts: 42, "6 weeks"'


@dataclass
class FileProblems:
    """The problems of a file found so far, and the values that have none.

    Attributes
    ----------
    where : str
        The name of the file.
    bib : frozenset of str
        Keys that sources may cite.
    """

    where: str
    bib: frozenset[str] = frozenset()
    found: list[Problem] = field(default_factory=list)

    def add(self, place: str, what: str, right: str = "") -> None:
        """Add a problem; without a place it is one of the whole file."""
        self.found.append(Problem(f"{self.where}: {place}" if place else self.where, what, right))

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Collect the errors of a block of code under a place, and continue after it."""
        try:
            yield
        except ImmunoodeError as error:
            self.found += [Problem(f"{self.where}: {place}: {p.where}", p.what, p.right) for p in error.problems]
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            self.add(place, f"has a value of the wrong kind ({error})", WRONG_KIND)

    def keys(self, given: Iterable[str], known: Iterable[str], place: str = "", what: str = "is not a valid key") -> None:
        """Add a problem for each key that is not known."""
        names = tuple(known)
        for key in given:
            if key not in names:
                self.add(f"{place}.{key}" if place else key, what, nearest(key, names))

    def table(self, given: Any, place: str, known: Iterable[str]) -> dict[str, Any] | None:
        """Return a table without unknown keys, which are reported as problems; None if it is not a table."""
        names = tuple(known)
        if not isinstance(given, Mapping):
            self.add(place, f"is {given!r:.60}", "a table")
            return None
        self.keys(given, names, place)
        return {k: v for k, v in given.items() if k in names}

    def lines(self, document: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Return a table with one line per name."""
        value = document.get(key, {})
        if isinstance(value, dict):
            return value
        self.add(key, f"is {type(value).__name__}", f"a table: [{key}] with one line per name")
        return {}

    def rows(self, given: Any, place: str) -> list[Mapping[str, Any]]:
        """Return a list of tables; one table is a list of one."""
        rows = [given] if isinstance(given, Mapping) else given
        if isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows):
            return rows
        self.add(place, f"is {given!r:.60}", "a table, or a list of tables")
        return []

    def list_of_texts(self, given: Any, place: str, right: str = "a list of texts") -> tuple[str, ...]:
        """Return a list of texts."""
        if isinstance(given, list) and all(isinstance(v, str) for v in given):
            return tuple(given)
        self.add(place, f"is {given!r:.60}", right)
        return ()

    def texts(self, given: Any, place: str) -> tuple[str, ...]:
        """Return a list of texts; one text is a list of one."""
        return (given,) if isinstance(given, str) else self.list_of_texts(given, place, "a text in quotes, or a list of them")

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

    def unit(self, text: str, place: str) -> None:
        """Add a problem unless this is a unit."""
        try:
            units.dimension(text or "1")
        except UnitError as error:
            self.found += [Problem(f"{self.where}: {place}", p.what, p.right) for p in error.problems]

    def source(self, table: Mapping[str, Any], place: str) -> str:
        """Return the source of a table, which must be stated and known."""
        source = self.text(table, "source", place)
        if not source:
            self.add(place, "has no source", "source = 'key2017, table 2' of references.bib, a DOI, or 'estimate: reason'")
        self.found += source_problems(f"{self.where}: {place}.source", source, self.bib)
        return source
