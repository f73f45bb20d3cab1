"""`immunoode models`: the shipped models, searched by words, and what one of them has."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from immunoode.command_line.command import Command
from immunoode.command_line.exit_status import FINE
from immunoode.command_line.list_output import columns, facts
from immunoode.command_line.model_arguments import MODELS_HELP, model_text, one_model
from immunoode.command_line.parser import CommandError, Parser
from immunoode.command_line.searched import found_or_refused
from immunoode.command_line.table_output import add_table_options, write_table
from immunoode.errors import Problem

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.model.model import Model

_DESCRIPTION = """List the shipped models. With words, list those that match all of them, or their synonyms: "RT" is
radiotherapy. With --show, tell what one model has: states, inputs, variants, and parameters with units, bounds and
sources."""
_EXAMPLES = (
    "models",
    "models mouse RT --data 'tumour volume'",
    "models --show pd1_inhibitor:nivolumab",
    "models --format csv --out models.csv",
)

_FILTERS = {
    "kind": "base, published, therapy, term or interaction",
    "therapy": "what therapies it has: radiotherapy",
    "species": "human, mouse",
    "tumour": "the tumour: melanoma",
    "data": "what can be compared with it: 'tumour volume'",
}


def _add_options(parser: Parser) -> None:
    parser.add_argument("words", metavar="WORD", nargs="*", help="words to search for")
    for name, what in _FILTERS.items():
        parser.add_argument(f"--{name}", metavar="WORDS", help=what)
    parser.add_argument("--show", metavar="MODEL", type=model_text, help=MODELS_HELP.replace("\n", " "))
    add_table_options(parser, "the list, or the table of parameters", "table")


def _run(given: Namespace) -> int:
    if given.show and given.words:
        raise CommandError(Problem("--show", "is given together with words to search for", "one of the two"))
    return _show(given) if given.show else _list(given)


def _list(given: Namespace) -> int:
    from immunoode.model.library import list_models

    found = found_or_refused(list_models, given.words, **{name: getattr(given, name) for name in _FILTERS})
    if _is_page(given):
        print(columns([(str(name), row["kind"], row["title"]) for name, row in found.iterrows()], ("name", "kind", "title")))
    else:
        write_table(given, found, "table")
    return FINE


def _is_page(given: Namespace) -> bool:
    return given.out == "-" and given.format in (None, "table")


def _show(given: Namespace) -> int:
    model = one_model(given.show)
    table = parameter_table(model)
    if not _is_page(given):
        write_table(given, table, "table")
        return FINE
    print(facts(_facts(model)))
    print(f"\n{columns(_rows(table), ('parameter', 'value', 'unit', 'bounds', 'source'))}")
    return FINE


def _facts(model: Model) -> dict[str, str]:
    return {
        "name": f"{model.name} ({model.kind})",
        "title": model.title,
        "description": " ".join(model.description.split()),
        "states": ", ".join(f"{name} ({part.unit})" for name, part in model.compartments.items()),
        "outputs": ", ".join(f"{name} ({part.unit})" for name, part in model.derived.items()),
        "inputs": ", ".join(f"{name} ({part.unit})" for name, part in model.inputs.items()),
        "needs": ", ".join(name for name, need in model.needs.items() if need.value is None),
        "variants": ", ".join(model.variants),
        "references": ", ".join(model.references),
    }


def parameter_table(model: Model) -> pd.DataFrame:
    """Return the parameters of a model: name, value, unit, bounds, source."""
    import pandas as pd

    rows = [
        {"parameter": name, "value": p.value, "unit": p.unit, "bounds": _bounds(p.bounds), "source": p.source}
        for name, p in model.constants.items()
    ]
    return pd.DataFrame(rows, columns=["parameter", "value", "unit", "bounds", "source"])


def _bounds(bounds: tuple[float, float] | None) -> str:
    return f"{bounds[0]:g} to {bounds[1]:g}" if bounds else ""


def _rows(table: pd.DataFrame) -> list[tuple[str, ...]]:
    return [(str(name), f"{value:g}", *map(str, rest)) for name, value, *rest in table.itertuples(index=False)]


COMMAND = Command("models", "list, search and show the shipped models", _DESCRIPTION, _EXAMPLES, _add_options, _run)
