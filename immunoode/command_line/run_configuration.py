"""`immunoode run`: a command again, from a configuration that --save-config wrote or that was written by hand."""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace

from immunoode.command_line.command import Command
from immunoode.command_line.configuration import arguments_of, differences, read_configuration
from immunoode.command_line.parser import CommandError, InputFile, Parser
from immunoode.errors import Problem, nearest

_DESCRIPTION = """Run the command of a configuration file. --save-config of any command writes such a file: the command,
its options with their defaults, the versions, and a digest of each file that was read. The same file gives the same
numbers. Options after the file replace those of the file (and add to those that may be stated several times). Paths are
relative to the folder in which the command is run."""


def _add_options(parser: Parser) -> None:
    parser.add_argument("configuration", metavar="FILE.toml", type=InputFile, help="the configuration")
    parser.add_argument("options", metavar="OPTION", nargs=argparse.REMAINDER, help="options of the command, which go before")


def _run(given: Namespace) -> int:
    document = read_configuration(given.configuration)
    for difference in differences(document):
        print(f"immunoode: warning: {given.configuration}: {difference}", file=sys.stderr)
    words = document["command"].split()
    arguments = arguments_of(document, _parser_of(words, given), given.configuration)
    dashes = arguments.index("--") if "--" in arguments else len(arguments)
    return int(given.run_arguments([*words, *arguments[:dashes], *given.options, *arguments[dashes:]]))


def _parser_of(words: list[str], given: Namespace) -> Parser:
    """Return the parser of the command of a configuration."""
    parsers = given.command_parsers
    name = " ".join(words)
    if name not in parsers or name == "run":
        known = [other for other in parsers if other != "run"]
        raise CommandError(Problem(f"{given.configuration}: command", f"{name!r} is not known", nearest(name, known)))
    found: Parser = parsers[name]
    return found


COMMAND = Command(
    "run",
    "run a saved configuration again",
    _DESCRIPTION,
    ("run melanoma.toml", "run melanoma.toml --out again.csv"),
    _add_options,
    _run,
)
