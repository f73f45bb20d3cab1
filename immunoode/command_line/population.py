"""`immunoode population`: calibrated cohorts (list, show, simulate, compare), and population fits."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from immunoode.command_line.command import Command
from immunoode.command_line.dose_arguments import doses_of_arms
from immunoode.command_line.exit_status import FINE
from immunoode.command_line.figure_output import add_figure, check_figure, drawing, write_figure
from immunoode.command_line.fit import add_fit_options, check_fit_outputs, common, finished
from immunoode.command_line.list_output import columns
from immunoode.command_line.listed import names_in
from immunoode.command_line.model_arguments import model_of
from immunoode.command_line.parser import OutputFile, Parser
from immunoode.command_line.regimen_text import regimen_of_text
from immunoode.command_line.searched import found_or_refused
from immunoode.command_line.table_output import add_table_options, format_of, write_frame, write_table
from immunoode.command_line.trial_arguments import trial_of

_NAME = "a shipped cohort (see `immunoode population list`), or the path of a cohort file"


def _add_list(parser: Parser) -> None:
    parser.add_argument("words", metavar="WORD", nargs="*", help="words to search for")
    add_table_options(parser, "the list", "table")


def _list(given: Namespace) -> int:
    from immunoode.cohorts.library import list_populations

    found = found_or_refused(list_populations, given.words)
    if given.out == "-" and given.format in (None, "table"):
        print(columns([(str(name), str(row["patients"]), row["title"]) for name, row in found.iterrows()], _HEADS))
    else:
        write_table(given, found, "table")
    return FINE


_HEADS = ("name", "patients", "title")


def _add_show(parser: Parser) -> None:
    parser.add_argument("cohort", metavar="COHORT", help=_NAME)
    parser.add_argument(
        "--out", metavar="FILE", type=OutputFile, help="the patients with their parameters and weights, as a table"
    )


def _show(given: Namespace) -> int:
    if given.out:
        format_of(given.out)
    cohort = _cohort(given)
    if given.out:
        write_frame(cohort.to_frame().rename_axis("patient"), given.out, format_of(given.out))
    print(cohort.report())
    return FINE


def _cohort(given: Namespace) -> Any:
    from immunoode.cohorts.library import load_population

    return load_population(given.cohort)


def _add_simulate(parser: Parser) -> None:
    parser.add_argument("cohort", metavar="COHORT", help=_NAME)
    parser.add_argument(
        "--arm",
        metavar="ARM",
        action="append",
        default=[],
        help="an arm of the cohort's file (default: all), or a new one: 'NAME=pembrolizumab 200 mg every 3 weeks x 17', "
        "'NAME=untreated', or NAME=REGIMEN of the library",
    )
    parser.add_argument("--model", metavar="MODEL", action="append", default=[], help="a further model of new arms")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--out", metavar="FILE", type=OutputFile, help="outcomes, parameters and weights, one row per patient")


def _simulate(given: Namespace) -> int:
    if given.out:
        format_of(given.out)
    known = [text for text in given.arm if "=" not in text]
    new = {name.strip(): regimen_of_text(text) for name, _, text in (t.partition("=") for t in given.arm if "=" in t)}
    cohort = _cohort(given)
    parts: list[Any] = [new] if new else []
    parts += [known or None] if known or not new else []
    progress = False if given.quiet else None
    results = [cohort.simulate(part, models=given.model if part is new else (), progress=progress) for part in parts]
    if given.out:
        write_frame(_together(results), given.out, format_of(given.out))
    for one in results:
        print(outcome_table(one).to_string(index=False, float_format="{:.3g}".format))
    return FINE


def _together(results: list[Any]) -> Any:
    """Return the patients of simulations of the same cohort in one table."""
    first = results[0].to_frame()
    for other in results[1:]:
        table = other.to_frame()
        first = first.join(table[[c for c in table.columns if c not in first.columns]], how="inner")
    return first.rename_axis("patient") if first.index.name is None else first


def outcome_table(cohort: Any) -> Any:
    """Return one row per arm: the response rate, and the median progression-free survival in months."""
    import pandas as pd

    rows = []
    for arm in cohort.patients.arms:
        rates = cohort.rates(arm)
        response = float(sum(rates.get(name, 0.0) for name in ("CR", "PR")))
        rows.append({"arm": arm, "response_rate": response, "median_pfs_months": cohort.median(arm) / 30.4375})
    return pd.DataFrame(rows)


def _add_compare(parser: Parser) -> None:
    parser.add_argument("cohort", metavar="COHORT", help=_NAME)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--out", metavar="FILE", type=OutputFile, help="the comparison, one row per published value")
    add_figure(parser, "--figure", "published and predicted values")


def _compare(given: Namespace) -> int:
    check_figure(given.figure)
    if given.out:
        format_of(given.out)
    drawing()
    result = _cohort(given).compare_with_trials(progress=False if given.quiet else None)
    if given.out:
        write_frame(result.to_frame(), given.out, format_of(given.out))
    write_figure(given.figure, result.plot)
    print(result.report())
    return FINE


def _add_fit(parser: Parser) -> None:
    add_fit_options(parser)
    parser.add_argument(
        "--random", metavar="NAMES", action="append", default=[], required=True, help="parameters that differ between subjects"
    )
    parser.add_argument("--estimation", choices=("saem", "focei"), default="saem", help="the method (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=20240501, help="of the random numbers (default: %(default)s)")


def _fit(given: Namespace) -> int:
    from immunoode.population.fit_population import fit_population

    check_fit_outputs(given)
    data = trial_of(given)
    result = fit_population(
        model_of(given),
        data,
        names_in(given.vary),
        random=names_in(given.random),
        regimens=doses_of_arms(given, data.arms),
        method=given.estimation,
        starts=given.starts,
        seed=given.seed,
        progress=False if given.quiet else None,
        **common(given),
    )
    return finished(given, result)


_FIT = """Fit a model with parameters that differ between subjects (nonlinear mixed effects), by SAEM or FOCEI. The
report goes to standard output, all else to files. The exit status is 1 if the fit did not converge."""
COMMAND = Command(
    "population",
    "calibrated cohorts, and population fits",
    "Calibrated cohorts of virtual patients, and population fits.",
    commands=(
        Command(
            "list",
            "list and search the shipped cohorts",
            "List the shipped cohorts; with words, those that match.",
            ("population list", "population list lung"),
            _add_list,
            _list,
        ),
        Command(
            "show",
            "what a cohort is made of",
            "Tell what a cohort is made of, its targets, and what was held out.",
            ("population show melanoma_first_line", "population show melanoma_first_line --out patients.parquet"),
            _add_show,
            _show,
        ),
        Command(
            "simulate",
            "simulate a trial with a cohort",
            "Simulate arms with the patients of a cohort; the response rate and the median progression-free survival of each "
            "arm go to standard output, the outcome of each patient to a file.",
            ("population simulate melanoma_first_line --arm 'low dose=nivolumab 1 mg/kg every 2 weeks x 26' --out low.csv",),
            _add_simulate,
            _simulate,
        ),
        Command(
            "compare",
            "a cohort beside published trials",
            "Compare a cohort with the trials that it was calibrated to, and with those that were held out.",
            ("population compare melanoma_first_line --figure melanoma.png",),
            _add_compare,
            _compare,
        ),
        Command(
            "fit",
            "fit a model with random effects",
            _FIT,
            ("population fit claret2009 --data trial.csv --random growth_rate --estimation focei --save trial.fit",),
            _add_fit,
            _fit,
        ),
    ),
)
