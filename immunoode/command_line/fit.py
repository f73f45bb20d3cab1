"""`immunoode fit`: a model to a table of data; the report, the estimates, the saved fit, figures."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from immunoode.command_line.command import Command
from immunoode.command_line.dose_arguments import add_doses_of_arms, doses_of_arms
from immunoode.command_line.exit_status import FINE, NO
from immunoode.command_line.figure_output import add_figure, check_figure, drawing, write_figure
from immunoode.command_line.html_report import add_report, joined_names, write_report
from immunoode.command_line.listed import names_in, numbers, pairs, ranges
from immunoode.command_line.messages import in_options
from immunoode.command_line.model_arguments import add_models, model_of
from immunoode.command_line.parser import OutputFile, Parser
from immunoode.command_line.table_output import format_of, write_frame
from immunoode.command_line.trial_arguments import add_trial, trial_of

_DESCRIPTION = """Fit a model to a table of data by maximum likelihood. The report goes to standard output; estimates,
values of subjects, predictions and the fit itself go to files. The exit status is 1 if the fit did not converge."""
_EXAMPLES = (
    "fit claret2009 --data trial.csv --vary growth_rate --per-subject initial_size \\\n"
    "      --save trial.fit --figure trial.png --out estimates.csv",
    "fit tumour_immune pd1_inhibitor:pembrolizumab --data trial.csv --vary growth_rate \\\n"
    "      --arm 'A=untreated' --arm 'B=pembrolizumab 200 mg every 3 weeks x 17'",
)
_INDEX = {"out": "parameter", "individual": "subject"}
"""Names of the index, if a table of results has one."""
ERRORS = ("proportional", "additive", "combined", "lognormal")
TABLES = {
    "out": "the estimates, one row per parameter",
    "individual": "the fitted values of each subject",
    "predictions": "observed and predicted values",
}


def add_fit_options(parser: Parser) -> None:
    """Add what both kinds of fit have in common to the options of a command."""
    add_models(parser)
    add_trial(parser, option=True)
    add_doses_of_arms(parser)
    parser.add_argument(
        "--vary", metavar="NAMES", action="append", default=[], help="parameters with one value for all subjects: a, b"
    )
    parser.add_argument(
        "--observe",
        metavar="QUANTITY=OUTPUT",
        action="append",
        default=[],
        help="which output of the model a quantity is, if their names differ",
    )
    parser.add_argument("--error", choices=ERRORS, default="proportional", help="how data scatter (default: %(default)s)")
    parser.add_argument("--initial", metavar="NAME=NUMBER", action="append", default=[], help="where a parameter starts")
    parser.add_argument("--starts", type=int, default=1, metavar="N", help="fit from N places, and keep the best (default: 1)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    for name, what in TABLES.items():
        parser.add_argument(f"--{name}", metavar="FILE", type=OutputFile, help=f"{what}: a table by the ending of its name")
    parser.add_argument(
        "--save", metavar="FILE", type=OutputFile, help="the fit itself, for `immunoode report` and imo.load_fit"
    )
    add_figure(parser, "--figure", "fitted curves over the data")
    add_figure(parser, "--residuals", "residuals")
    add_report(parser)


def _add_options(parser: Parser) -> None:
    add_fit_options(parser)
    parser.add_argument("--per-arm", metavar="NAMES", action="append", default=[], help="parameters with a value for each arm")
    parser.add_argument(
        "--per-subject", metavar="NAMES", action="append", default=[], help="parameters with a value for each subject"
    )
    parser.add_argument("--bounds", metavar="NAME=LOWER:UPPER", action="append", default=[], help="bounds of a parameter")


def _run(given: Namespace) -> int:
    from immunoode.fitting.fit import fit

    check_fit_outputs(given)
    data = trial_of(given)
    result = fit(
        model_of(given),
        data,
        names_in(given.vary),
        per_arm=names_in(given.per_arm),
        per_subject=names_in(given.per_subject),
        regimens=doses_of_arms(given, data.arms),
        bounds=ranges("--bounds", given.bounds, "growth_rate=0.001:0.1") or None,
        starts=given.starts,
        progress=False if given.quiet else None,
        **common(given),
    )
    return finished(given, result)


def common(given: Namespace) -> dict[str, Any]:
    """Return the arguments that both kinds of fit have."""
    return {
        "observe": pairs("--observe", given.observe, "TV=tumour_volume") or None,
        "error": given.error,
        "initial": numbers("--initial", given.initial, "growth_rate=0.01") or None,
    }


def check_fit_outputs(given: Namespace) -> None:
    """Refuse outputs whose names do not say a format, before anything is computed.

    Raises
    ------
    CommandError
    """
    for path in (given.figure, given.residuals):
        check_figure(path)
    for name in TABLES:
        if getattr(given, name):
            format_of(getattr(given, name))


def finished(given: Namespace, result: Any) -> int:
    """Write the results of a fit, and return the exit status."""
    drawing()
    tables = {"out": result.parameters, "individual": result.individual, "predictions": result.predict}
    for name, make in tables.items():
        path = getattr(given, name)
        if path:
            write_frame(_with_names(make(), _INDEX.get(name, "")), path, format_of(path))
    if given.save:
        result.save(given.save)
    write_figure(given.figure, result.plot)
    write_figure(given.residuals, result.plot_residuals)
    if given.report:
        fit_report(given.report, result, given.models, given)
    print(in_options(result.report(), given.parser.option_names()))
    return FINE if result.success else NO


def _with_names(table: Any, index: str) -> Any:
    """Return a table whose index, if it has names, is a column."""
    return table.rename_axis(index) if index and not table.index.name else table


def fit_report(path: str, result: Any, names: Sequence[str], given: Namespace | None = None) -> None:
    """Write the HTML report of a fit of either kind."""
    figures = {"Fitted curves over the data": result.plot, "Residuals": result.plot_residuals}
    texts = {"Data": str(result.data), "Report of the fit": result.report()}
    write_report(path, f"Fit of {joined_names(names)}", texts, figures, given)


COMMAND = Command("fit", "fit a model to a table of data", _DESCRIPTION, _EXAMPLES, _add_options, _run)
