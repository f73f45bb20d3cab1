"""Models among the arguments of a command: by name, variant and instance, or as files; values of their parameters."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.command_line.parser import CommandError, InputFile, Parser
from immunoode.errors import ImmunoodeError, Problem, UnitError, nearest

if TYPE_CHECKING:
    from immunoode.model.model import Model

ENDING = ".toml"
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d")
MODELS_HELP = """models that are combined: the name of a shipped one (see `immunoode models`), with a variant after a colon
(pd1_inhibitor:pembrolizumab), or the path of a model file"""


def model_text(text: str) -> str:
    """Return the text of a model, marked as a file where it is the path of one."""
    return InputFile(text) if text.endswith(ENDING) else text


def add_models(parser: Parser) -> None:
    """Add the models and --set to the options of a command."""
    parser.add_argument("models", metavar="MODEL", nargs="+", type=model_text, help=MODELS_HELP)
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a parameter's value, with its unit if it differs from the model's: --set growth_rate=0.01 --set 'weight=160 lb'",
    )


def model_of(given: Namespace) -> Model:
    """Return the combination of the models of a command, with the values that --set states.

    Raises
    ------
    ImmunoodeError
        If a model is not known or its file has problems, or the models do not go together, or a value cannot be used.
    """
    from immunoode.model.combine import combine

    models, problems = list[Any](), list[Problem]()
    for text in given.models:
        try:
            models.append(one_model(text))
        except ImmunoodeError as error:
            problems += error.problems
    CommandError.raise_if(problems)
    whole = combine(*models) if len(models) > 1 else models[0]
    return whole.with_values(**values_of(given.set, whole))


def one_model(text: str) -> Model:
    """Return the model of a text: "name", "name:variant", "name:variant:instance", "file.toml" or "file.toml:variant".

    Raises
    ------
    ModelError
        If there is no such model, file or variant.

    Examples
    --------
    >>> one_model("pd1_inhibitor:nivolumab").name
    'nivolumab'
    """
    from immunoode.cohorts.model_names import model_of as shipped
    from immunoode.model.read import read_model

    path, dot, variant = text.rpartition(f"{ENDING}:")
    if text.endswith(ENDING):
        return read_model(Path(text))
    if dot:
        return read_model(Path(path + ENDING), variant=variant)
    return shipped(text)


def values_of(texts: Sequence[str], model: Model) -> dict[str, float]:
    """Return the values that --set states, in the units of the model.

    Raises
    ------
    CommandError
        With everything that is wrong.
    """
    from immunoode import units

    values, problems = dict[str, float](), list[Problem]()
    for text in texts:
        name, sign, value = (part.strip() for part in text.partition("="))
        if _DECIMAL_COMMA.match(value):
            problems.append(Problem(f"--set {text!r}", "has a comma in its number", f"a point: {text.replace(',', '.', 1)}"))
        elif not sign or not name or not value:
            problems.append(Problem(f"--set {text!r}", "is not NAME=VALUE", "for example --set growth_rate=0.01"))
        elif name not in model.constants:
            what = f"is not a parameter of {model.name}"
            problems.append(Problem(f"--set {name}", what, nearest(name, model.constants)))
        elif name in values:
            problems.append(Problem(f"--set {name}", "is stated twice", "one value for each parameter"))
        else:
            try:
                values[name] = units.convert(value, model.constants[name].unit)
            except UnitError as error:
                problems += [Problem(f"--set {name}: {p.where}", p.what, p.right) for p in error.problems]
    CommandError.raise_if(problems)
    return values
