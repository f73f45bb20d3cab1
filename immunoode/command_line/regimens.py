"""`immunoode regimens`: the library of regimens, searched by words, and the doses of one of them."""

from __future__ import annotations

from argparse import Namespace

from immunoode.command_line.command import Command
from immunoode.command_line.exit_status import FINE
from immunoode.command_line.list_output import columns, facts
from immunoode.command_line.parser import CommandError, Parser
from immunoode.command_line.searched import found_or_refused
from immunoode.command_line.table_output import add_table_options, write_table
from immunoode.errors import Problem

_DESCRIPTION = """List the regimens of clinical practice that ship with the package. With words, list those in whose
name, title, indication or therapies all of the words occur. With --show, tell the doses of one, and its source; with
--out, write its doses as a table that `immunoode simulate --doses` reads."""
_EXAMPLES = ("regimens", "regimens melanoma nivolumab", "regimens --show nivolumab_ipilimumab_lung")


def _add_options(parser: Parser) -> None:
    parser.add_argument("words", metavar="WORD", nargs="*", help="words to search for")
    parser.add_argument("--show", metavar="NAME", help="the regimen to show")
    add_table_options(parser, "the list, or the table of doses", "table")


def _run(given: Namespace) -> int:
    if given.show and given.words:
        raise CommandError(Problem("--show", "is given together with words to search for", "one of the two"))
    return _show(given) if given.show else _list(given)


def _list(given: Namespace) -> int:
    from immunoode.regimen.library import list_regimens

    found = found_or_refused(list_regimens, given.words)
    if given.out == "-" and given.format in (None, "table"):
        print(columns([(str(name), row["title"]) for name, row in found.iterrows()], ("name", "title")))
    else:
        write_table(given, found, "table")
    return FINE


def _show(given: Namespace) -> int:
    from immunoode.regimen.library import list_regimens, load_regimen

    regimen = load_regimen(given.show)
    if given.out != "-" or given.format not in (None, "table"):
        write_table(given, regimen.to_frame()[["therapy", "time_day", "amount", "unit", "duration_day"]], "table")
        return FINE
    row = list_regimens().loc[given.show]
    print(facts({"name": given.show, **{str(name): str(row[name]) for name in ("title", "indication", "models", "source")}}))
    print(f"\n{regimen}")
    return FINE


COMMAND = Command("regimens", "list, search and show the regimens of the library", _DESCRIPTION, _EXAMPLES, _add_options, _run)
