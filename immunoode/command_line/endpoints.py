"""`immunoode endpoints`: responses by RECIST or iRECIST, and survival, of a table."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from immunoode.command_line.command import Command
from immunoode.command_line.exit_status import FINE
from immunoode.command_line.figure_output import add_figure, check_figure, drawing, write_figure
from immunoode.command_line.html_report import add_report, write_report
from immunoode.command_line.listed import pairs
from immunoode.command_line.parser import CommandError, InputFile, OutputFile, Parser
from immunoode.command_line.standard_input import table_of
from immunoode.command_line.table_output import format_of, write_frame
from immunoode.command_line.trial_arguments import adam_files, add_trial, trial_of
from immunoode.errors import Problem

_RESPONSE = """Evaluate responses by RECIST 1.1 or iRECIST from a table of lesions, of sums of diameters or of reported
responses (or a folder of ADaM data sets). The rates of response go to standard output; the table of subjects, that of
visits, and figures go to files."""
_RESPONSE_EXAMPLES = ("endpoints response lesions.csv --out subjects.csv --waterfall waterfall.png --kaplan-meier pfs.png",)
_SURVIVAL = """Estimate survival by the method of Kaplan and Meier from a table with one row per subject, or a folder of
ADaM data sets with ADTTE. Medians, the log-rank test and hazard ratios go to standard output; the curves and the figure
go to files."""
_SURVIVAL_EXAMPLES = (
    "endpoints survival patients.csv --time OS=os_months --event OS=dead --time-unit month \\\n"
    "      --figure survival.png --out curves.csv",
)
_FIGURES = {
    "waterfall": "best change of each subject",
    "spider": "change of each subject over time",
    "swimmer": "time on study and responses of each subject",
    "kaplan_meier": "progression-free survival by these responses",
}


def _add_response(parser: Parser) -> None:
    add_trial(parser, option=False)
    parser.add_argument("--criteria", choices=("recist", "irecist"), default="recist", help="default: %(default)s")
    parser.add_argument(
        "--baseline",
        choices=("last", "first"),
        default="last",
        help="the last assessment up to day 0, or the first on any day (default: %(default)s)",
    )
    parser.add_argument(
        "--baseline-until",
        metavar="DAY",
        type=float,
        default=0.0,
        help="last day of a baseline assessment (default: %(default)g)",
    )
    parser.add_argument("--out", metavar="FILE", type=OutputFile, help="responses, one row per subject")
    parser.add_argument("--visits", metavar="FILE", type=OutputFile, help="responses, one row per visit")
    for name, what in _FIGURES.items():
        add_figure(parser, f"--{name.replace('_', '-')}", what)
    add_report(parser)


def _response(given: Namespace) -> int:
    for name in _FIGURES:
        check_figure(getattr(given, name))
    for path in filter(None, (given.out, given.visits)):
        format_of(path)
    drawing()
    responses = _responses(given)
    draw = _drawings(responses)
    for name, function in draw.items():
        write_figure(getattr(given, name), function)
    for path, table in ((given.out, responses.subjects), (given.visits, responses.visits)):
        if path:
            write_frame(table, path, format_of(path))
    if given.report:
        shown = {_FIGURES[name].capitalize(): draw[name] for name in ("waterfall", "spider", "kaplan_meier")}
        write_report(given.report, f"Responses by {responses.criteria}", {"Responses": responses.report()}, shown, given)
    print(responses.report())
    return FINE


def _responses(given: Namespace) -> Any:
    from immunoode.trial.response.criteria import irecist, recist
    from immunoode.trial.response.rules import IrecistRules, RecistRules

    data, rules = trial_of(given), RecistRules(baseline=given.baseline, baseline_until=given.baseline_until)
    return recist(data, rules) if given.criteria == "recist" else irecist(data, IrecistRules(recist=rules))


def _drawings(responses: Any) -> dict[str, Any]:
    from immunoode.plot.spider_plot import spider
    from immunoode.plot.swimmer_plot import swimmer
    from immunoode.plot.waterfall_plot import waterfall
    from immunoode.trial.survival.kaplan_meier import kaplan_meier
    from immunoode.trial.survival.progression_free_survival import progression_free_survival

    return {
        "waterfall": lambda: waterfall(responses),
        "spider": lambda: spider(responses),
        "swimmer": lambda: swimmer(responses),
        "kaplan_meier": lambda: kaplan_meier(progression_free_survival(responses)).plot(),
    }


def _add_survival(parser: Parser) -> None:
    parser.add_argument(
        "data", metavar="TABLE", type=InputFile, help="a table with one row per subject, a folder of ADaM, or -"
    )
    parser.add_argument(
        "--time",
        metavar="ENDPOINT=HEADING",
        action="append",
        default=[],
        help="the column of times of an endpoint: OS=os_months",
    )
    parser.add_argument(
        "--event", metavar="ENDPOINT=HEADING", action="append", default=[], help="the column that is 1 where the event occurred"
    )
    parser.add_argument(
        "--censored", metavar="ENDPOINT=HEADING", action="append", default=[], help="or the column that is 1 where it did not"
    )
    parser.add_argument("--time-unit", metavar="UNIT", help="unit of the times, if no heading states it: day, month, year")
    parser.add_argument(
        "--column", metavar="ROLE=HEADING", action="append", default=[], help="which column is the subject or the arm"
    )
    parser.add_argument("--endpoint", metavar="NAME", help="the endpoint, if there are several")
    parser.add_argument("--reference", metavar="ARM", help="the arm that hazard ratios compare with (default: the first)")
    parser.add_argument("--out", metavar="FILE", type=OutputFile, help="the curves, one row per arm and time")
    add_figure(parser, "--figure", "the curves, with numbers at risk")
    add_report(parser)


def _survival(given: Namespace) -> int:
    from immunoode.trial.survival.kaplan_meier import kaplan_meier

    check_figure(given.figure)
    if given.out:
        format_of(given.out)
    drawing()
    curves = kaplan_meier(_endpoints(given), given.endpoint)
    ratios = curves.hazard_ratio(reference=given.reference).report() if len(curves.arms) > 1 else ""
    two = len(curves.arms) == 2 and given.reference in (None, curves.arms[0])

    def draw() -> Any:
        return curves.plot(hazard_ratio=two)

    write_figure(given.figure, draw)
    if given.out:
        write_frame(curves.curve, given.out, format_of(given.out))
    text = "\n\n".join(filter(None, [curves.report(), ratios]))
    if given.report:
        write_report(given.report, f"Survival: {curves.endpoint}", {"Survival": text}, {"Kaplan-Meier": draw}, given)
    print(text)
    return FINE


def _endpoints(given: Namespace) -> Any:
    from pathlib import Path

    from immunoode.trial.adam import read_adam
    from immunoode.trial.endpoints import read_endpoints

    if Path(given.data).is_dir():
        return read_adam(adam_files(given.data), time_unit=given.time_unit)
    times = pairs("--time", given.time, "OS=os_months")
    if not times:
        right = "for example --time OS=os_months --event OS=dead --time-unit month"
        raise CommandError(Problem("endpoints survival", "was not told which column has the times", right))
    return read_endpoints(
        table_of(given.data) if given.data == "-" else Path(given.data),
        times,
        events=pairs("--event", given.event, "OS=dead") or None,
        censored=pairs("--censored", given.censored, "OS=CNSR") or None,
        unit=given.time_unit,
        columns=pairs("--column", given.column, "arm=TRT01P") or None,
    )


COMMAND = Command(
    "endpoints",
    "RECIST and survival of a table",
    "Responses by RECIST 1.1 or iRECIST, and survival, of a table.",
    commands=(
        Command("response", "responses by RECIST 1.1 or iRECIST", _RESPONSE, _RESPONSE_EXAMPLES, _add_response, _response),
        Command("survival", "Kaplan-Meier curves and hazard ratios", _SURVIVAL, _SURVIVAL_EXAMPLES, _add_survival, _survival),
    ),
)
