"""The parser of arguments, whose messages read as those of the package, and the types of files among the arguments."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from immunoode.errors import ImmunoodeError, Problem, nearest

_CHOICE = re.compile(r"argument (?P<where>.+?): invalid choice: '?(?P<given>.*?)'? \(choose from (?P<known>.*)\)", re.DOTALL)
_UNKNOWN = re.compile(r"unrecognized arguments: (?P<given>.*)", re.DOTALL)
_MISSING = re.compile(r"the following arguments are required: (?P<names>.*)", re.DOTALL)


class CommandError(ImmunoodeError, ValueError):
    """Arguments, or a configuration, that a command cannot use."""


class InputFile(str):
    """The path of a file that a command reads, or "-" for standard input."""


class OutputFile(str):
    """The path of a file that a command writes, or "-" for standard output."""

    endings: tuple[str, ...] = ()
    """The endings that its name may have; any, if there are none here."""


class PageFile(OutputFile):
    """The path of a page that a command writes."""

    endings = (".html", ".htm")


class ConfigurationFile(OutputFile):
    """The path of a configuration that a command writes."""

    endings = (".toml",)


class Parser(argparse.ArgumentParser):
    """A parser that raises `CommandError` for unknown arguments, with the most similar known word."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raise a parsing error as an error of the package."""
        raise CommandError(self._problem(message))

    def _problem(self, message: str) -> Problem:
        choice, missing, unknown = _CHOICE.match(message), _MISSING.match(message), _UNKNOWN.match(message)
        own = self.prog.partition(" ")[2]
        place = f"{own}: " if own else ""
        if choice:
            known = re.findall(r"[^,\s']+", choice["known"])
            what = f"{choice['given']!r} is not known"
            return Problem(f"{place}{choice['where']}", what, nearest(choice["given"], known))
        if unknown:
            return Problem(f"{place}{unknown['given']}", "is not understood", self._advice(unknown["given"]))
        if missing:
            return Problem(own or self.prog, f"{missing['names']} must be given", f"see {self.prog} --help")
        where, _, what = message.removeprefix("argument ").partition(": ")
        return Problem(f"{place}{where}", what or "cannot be used", f"see {self.prog} --help")

    def _advice(self, given: str) -> str:
        if not given.startswith("-"):
            return f"see {self.prog} --help"
        return nearest(re.split(r"[\s=]", given)[0], self.option_names())

    def option_names(self) -> list[str]:
        """Return the long options."""
        return [name for action in self._actions for name in action.option_strings if name.startswith("--")]

    def named_actions(self) -> dict[str, argparse.Action]:
        """Return the arguments by the names that a configuration gives them."""
        return {action.dest: action for action in self._actions if action.dest not in ("help", argparse.SUPPRESS)}

    def parse_all(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return the parsed arguments; remaining arguments are reported by the parser of the command."""
        given, left = self.parse_known_args(list(arguments))
        if left:
            getattr(given, "parser", self).error(f"unrecognized arguments: {' '.join(left)}")
        _refuse_empty(given)
        return given


def _refuse_empty(given: argparse.Namespace) -> None:
    """Refuse arguments without text: that of a variable of the shell that is not set would otherwise be dropped.

    Raises
    ------
    CommandError
    """
    actions = getattr(given, "parser", Parser()).named_actions()
    problems = []
    for dest, action in actions.items():
        value = getattr(given, dest, None)
        if any(isinstance(one, str) and not one.strip() for one in (value if isinstance(value, list) else [value])):
            where = action.option_strings[-1] if action.option_strings else str(action.metavar or dest)
            problems.append(Problem(where, "is empty", "a value, or leave it out"))
    CommandError.raise_if(problems)
