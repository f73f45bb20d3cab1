"""A command: its name, arguments, options, and action."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass

from immunoode.command_line.parser import Parser


def no_options(parser: Parser) -> None:
    """Add nothing."""


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes
    ----------
    name : str
    summary : str
        One line in the list of commands.
    description : str
        What `--help` says first.
    examples : tuple of str
        Command lines that work, without the leading "immunoode".
    add_options : callable
        Adds its arguments to a parser.
    run : callable
        Takes the parsed arguments, returns the exit status.
    commands : tuple of Command
        Subcommands; a command that has some does nothing itself.
    """

    name: str
    summary: str
    description: str
    examples: tuple[str, ...] = ()
    add_options: Callable[[Parser], None] = no_options
    run: Callable[[Namespace], int] | None = None
    commands: tuple[Command, ...] = ()
