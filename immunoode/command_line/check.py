"""`immunoode check`: all problems of model files, or a summary of their contents."""

from __future__ import annotations

import json
import warnings
from argparse import Namespace
from typing import Any

from immunoode.command_line.command import Command
from immunoode.command_line.exit_status import FINE, NO
from immunoode.command_line.list_output import facts
from immunoode.command_line.parser import InputFile, Parser
from immunoode.errors import ImmunoodeError, ModelError, Problem

_DESCRIPTION = """Check model files: form, names, expressions, units and sources; a model that needs no other is also
simulated for 30 days. All problems are told at once, each with its place, what is wrong, and what would be right. The
exit status is 1 if a file has problems, and 2 if a file does not exist."""
_EXAMPLES = ("check my_model.toml", "check models/*.toml --format json")
_DAYS = 30.0


def _add_options(parser: Parser) -> None:
    parser.add_argument("files", metavar="FILE.toml", nargs="+", type=InputFile, help="model files")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")


def _run(given: Namespace) -> int:
    found = {str(path): _checked(path) for path in given.files}
    if given.format == "json":
        print(json.dumps([_record(path, *one) for path, one in found.items()], indent=1, ensure_ascii=False))
    else:
        print("\n\n".join(_page(path, *one) for path, one in found.items()))
    return NO if any(problems for _, problems in found.values()) else FINE


def _checked(path: str) -> tuple[Any, tuple[Problem, ...]]:
    """Return the model of a file, and its problems."""
    from immunoode.model.read import read_model

    try:
        model = read_model(path)
    except ModelError as error:
        return None, error.problems
    return model, _solved(model)


def _solved(model: Any) -> tuple[Problem, ...]:
    """Return what keeps a model that needs no other from being simulated."""
    from immunoode.model.components import BARE_KINDS
    from immunoode.solve.simulate import simulate

    needs = any(need.value is None for need in model.needs.values())
    if needs or not model.compartments or model.kind not in BARE_KINDS:
        return ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            run = simulate(model, until=_DAYS)
        except ImmunoodeError as error:
            return error.problems
    return () if run.ok else (Problem(model.name, run.failures(), "other values, or an equation that can be solved"),)


def _page(path: str, model: Any, problems: tuple[Problem, ...]) -> str:
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        return "\n".join([f"{path}: {count}", *(f"  - {one}" for one in problems)])
    rows = {name: ", ".join(parts) for name, parts in _parts(model).items()}
    return f"{path}: no problems\n" + facts({"kind": model.kind, "title": model.title, **rows})


def _parts(model: Any) -> dict[str, list[str]]:
    names = {"states": model.compartments, "parameters": model.constants, "inputs": model.inputs, "variants": model.variants}
    needs = [name for name, need in model.needs.items() if need.value is None]
    return {**{name: list(table) for name, table in names.items()}, "needs": needs}


def _record(path: str, model: Any, problems: tuple[Problem, ...]) -> dict[str, Any]:
    told = [{"where": p.where, "what": p.what, "right": p.right} for p in problems]
    parts = {} if problems else {"kind": model.kind, "title": model.title, **_parts(model)}
    return {"file": path, "problems": told, **parts}


COMMAND = Command("check", "find the problems of model files", _DESCRIPTION, _EXAMPLES, _add_options, _run)
