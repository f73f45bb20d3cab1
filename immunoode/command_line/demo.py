"""`immunoode demo`: fit a model to trial data, and draw what combinations would do."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable

from immunoode.command_line.command import Command
from immunoode.command_line.exit_status import FINE
from immunoode.command_line.parser import CommandError, InputFile, Parser
from immunoode.errors import Problem

_DESCRIPTION = """Fit a model to trial data and draw combination scenarios; figures and a report are left in a folder.
Names of arms such as "anti-PD-1", "RT" or "Pembro 200 mg q3w" are understood; where one does not say its treatment, the
command stops and asks for it."""
_EXAMPLES = ("demo", "demo --data trial.csv --arm 'B=docetaxel + pembrolizumab' --arm 'C=untreated' --out results")


def _add_options(parser: Parser) -> None:
    parser.add_argument(
        "--data",
        metavar="FILE",
        type=InputFile,
        help="table of subject, arm, day, sum_of_diameters (mm); default: a simulated trial",
    )
    parser.add_argument(
        "--out", metavar="FOLDER", default="build/demo", help="where figures and report go (default: %(default)s)"
    )
    parser.add_argument(
        "--arm",
        metavar="ARM=DRUGS",
        action="append",
        default=[],
        help="treatment of an arm whose name does not say it: 'B=docetaxel + RT', 'C=untreated'",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _run(given: Namespace) -> int:
    import matplotlib

    matplotlib.use("Agg")
    from immunoode.demo import run

    result = run(given.data, given.out, dict(_arms(given.arm)), progress=not given.quiet)
    print(f"Arms: {result.arms}\n")
    for what in result.uncertain:
        print(f"NOT DETERMINED by the data: {what}")
    if result.uncertain:
        print("The scenarios below rest on these values: take them as examples, not as predictions. See the report.\n")
    print(result.comparison)
    print("\n".join(["", "Look at", *(f"  {path}" for path in result.files)]))
    return FINE


def _arms(texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in texts:
        arm, sign, drugs = text.partition("=")
        if not sign or not arm:
            right = "an arm and its drugs, for example 'B=docetaxel + pembrolizumab'"
            raise CommandError(Problem(f"--arm {text!r}", "is not ARM=DRUGS", right))
        yield arm, drugs


COMMAND = Command(
    "demo", "fit a model to trial data and draw combination scenarios", _DESCRIPTION, _EXAMPLES, _add_options, _run
)
