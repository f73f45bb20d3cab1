"""`immunoode report`: an HTML page of a saved fit, or of the run of a configuration."""

from __future__ import annotations

from argparse import Namespace

from immunoode.command_line.command import Command
from immunoode.command_line.exit_status import FINE, NO
from immunoode.command_line.fit import fit_report
from immunoode.command_line.model_arguments import ENDING
from immunoode.command_line.parser import InputFile, PageFile, Parser

_DESCRIPTION = """Write a self-contained HTML page of a fit that was saved (--save of `immunoode fit` or `population
fit`), or run a configuration (FILE.toml) and write the page of its results. The page has texts, figures and, of a
configuration, what was run."""
_EXAMPLES = ("report trial.fit --out trial.html", "report pembrolizumab.toml --out pembrolizumab.html")


def _add_options(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE", type=InputFile, help="a saved fit, or a configuration (.toml)")
    parser.add_argument("--out", metavar="FILE.html", type=PageFile, required=True, help="the page")


def _run(given: Namespace) -> int:
    from immunoode.fitting.saving import load_fit

    if given.file.endswith(ENDING):
        return int(given.run_arguments(["run", given.file, f"--report={given.out}"]))
    result = load_fit(given.file)
    fit_report(given.out, result, [result.model.name])
    return FINE if result.success else NO


COMMAND = Command("report", "an HTML page of a saved fit or of a configuration", _DESCRIPTION, _EXAMPLES, _add_options, _run)
