"""`immunoode simulate`: models and doses into a table of outputs over time, and a figure."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from immunoode.command_line.command import Command
from immunoode.command_line.dose_arguments import add_doses, doses_of
from immunoode.command_line.exit_status import FINE, NO
from immunoode.command_line.figure_output import add_figure, check_figure, write_figure
from immunoode.command_line.html_report import add_report, joined_names, write_report
from immunoode.command_line.listed import names_in
from immunoode.command_line.model_arguments import add_models, model_of
from immunoode.command_line.parser import CommandError, InputFile, Parser
from immunoode.command_line.standard_input import table_of
from immunoode.command_line.table_output import add_table_options, format_of, write_table
from immunoode.errors import Problem

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.solve.simulation import Simulation

_DESCRIPTION = """Simulate models under a regimen, and write a table: subject, time (days), and a column for each output.
Several models are combined."""
_EXAMPLES = (
    "simulate tumour_immune pd1_inhibitor:pembrolizumab --until '1 year' \\\n"
    "      --dose 'pembrolizumab 200 mg every 3 weeks x 17 over 30 min' \\\n"
    "      --outputs sum_of_diameters --figure pembrolizumab.png --out pembrolizumab.csv",
    "simulate tumour_immune --set growth_rate=0.01 --until '6 months' --format table | head",
)

_MOST = 60


def _add_options(parser: Parser) -> None:
    add_models(parser)
    add_doses(parser)
    parser.add_argument(
        "--parameters",
        metavar="FILE",
        type=InputFile,
        help="a table with one row per subject: subject, and values of parameters",
    )
    parser.add_argument("--until", metavar="TIME", help="end of the simulation: '1 year', or days")
    parser.add_argument("--times", metavar="LIST", help="when to report, instead of daily: '0, 7, 14' or '0, 1 week, 2 weeks'")
    parser.add_argument("--start", metavar="TIME", default="0", help="when the simulation starts (default: day %(default)s)")
    parser.add_argument(
        "--outputs", metavar="NAME", action="append", default=[], help="an output to report; default: all states and outputs"
    )
    parser.add_argument("--engine", choices=("compiled", "scipy"), help="what integrates (default: compiled)")
    parser.add_argument("--method", metavar="NAME", help="tsit5 or rodas5p; default: the solver switches between them")
    parser.add_argument("--rtol", type=float, metavar="NUMBER", help="relative tolerance")
    add_table_options(parser, "the table", units=True)
    add_figure(parser, "--figure", "the outputs over time")
    add_report(parser)


def _run(given: Namespace) -> int:
    check_figure(given.figure)
    if given.format is None:
        format_of(given.out)
    run = simulated(given)
    write_table(given, run.to_frame())
    write_figure(given.figure, lambda: run.plot(*names_in(given.outputs)))
    if given.report:
        _write_report(given, run)
    return FINE if run.ok else NO


def _write_report(given: Namespace, run: Simulation) -> None:
    regimen = doses_of(given)
    doses = "\n\n".join(f"{name}:\n{one}" for name, one in regimen.items()) if isinstance(regimen, dict) else str(regimen or "")
    last = run.to_frame().groupby("subject", sort=False).last().T.head(_MOST).to_string(float_format="{:.6g}".format)
    texts = {"Models": str(run.model), "Doses": doses, "Result": str(run), "Values at the end": last}
    figures = {"Outputs over time": lambda: run.plot(*names_in(given.outputs))}
    write_report(given.report, f"Simulation of {joined_names(given.models)}", texts, figures, given)


def simulated(given: Namespace) -> Simulation:
    """Return the simulation that the arguments of the command describe.

    Raises
    ------
    ImmunoodeError
        With what cannot be used.
    """
    from immunoode.solve.simulate import simulate

    regimen, values = _subjects(doses_of(given), _values(given.parameters))
    return simulate(
        model_of(given),
        regimen,
        given.until,
        times=_times(given.times),
        start=given.start,
        parameters=values,
        outputs=names_in(given.outputs) or None,
        engine=given.engine,
        method=given.method,
        rtol=given.rtol,
    )


def _times(text: str | None) -> Any:
    return None if text is None else [_number(part.strip()) for part in text.split(",")]


def _number(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _values(path: str | None) -> pd.DataFrame | None:
    from immunoode.tables.identifiers import subject_column

    if path is None:
        return None
    table = table_of(path)
    if subject_column(table) is None:
        return table.reset_index(drop=True)
    return table


def _subjects(doses: Any, values: pd.DataFrame | None) -> tuple[Any, Any]:
    """Return regimens and values of the same subjects in the same order.

    Raises
    ------
    CommandError
        If doses and values are of other subjects.
    """
    import pandas as pd

    from immunoode.tables.identifiers import identifiers, subject_column

    if not isinstance(doses, dict):
        return doses, values
    if values is None:
        return list(doses.values()), pd.DataFrame(index=list(doses))
    column = subject_column(values)
    subjects = identifiers(values[column]) if column is not None else []
    if set(subjects) != set(doses):
        missing = sorted(set(subjects) ^ set(doses))
        what = f"have other subjects than the doses: {', '.join(missing[:5])}" if subjects else "have no column of subjects"
        raise CommandError(Problem("--parameters", what, "the same subjects in both tables"))
    return [doses[one] for one in subjects], values


COMMAND = Command("simulate", "simulate models under a regimen", _DESCRIPTION, _EXAMPLES, _add_options, _run)
