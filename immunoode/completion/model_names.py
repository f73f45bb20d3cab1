"""Names in the model that a call is about: its outputs and parameters."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from typing import Any

from immunoode.completion.cursor import Cursor

Namespace = Mapping[str, Any]


def argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    """Return an argument of a call that was given by position or by name."""
    named = next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
    return call.args[position] if named is None and len(call.args) > position else named


def output_names(cursor: Cursor, namespace: Namespace) -> list[str]:
    """Return the outputs of the model that a call is about: derived quantities, then states."""
    whole = _model_of(cursor, namespace)
    return [*whole.derived, *whole.compartments] if whole else []


def parameter_names(cursor: Cursor, namespace: Namespace) -> list[str]:
    """Return the parameters and covariates of the model that a call is about."""
    whole = _model_of(cursor, namespace)
    return [*whole.parameters, *whole.covariates] if whole else []


def simulated_names(cursor: Cursor, namespace: Namespace) -> list[str]:
    """Return the outputs of the simulation whose method is called: those of `run` for `run.plot("`."""
    owner = cursor.call.func.value if isinstance(cursor.call.func, ast.Attribute) else None
    return list(getattr(namespace.get(owner.id), "names", ())) if isinstance(owner, ast.Name) else []


def _model_of(cursor: Cursor, namespace: Namespace) -> Any:
    """Return the model of a call with the names of a combination, or None."""
    from immunoode.model.instances import with_instance_names

    after_path = ast.unparse(cursor.call.func).endswith("simulate_to")  # the only one whose model is its second argument
    given = argument(cursor.call, int(after_path), "model")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the call itself issues them again
        made = None if given is None else _made(given, namespace)
        return made and with_instance_names(made)


def _made(given: ast.expr, namespace: Namespace) -> Any:
    """Return a model that is named in a call, or made in it by `load_model` or `combine` of such models."""
    from immunoode.model.library import load_model
    from immunoode.model.model import Model

    if isinstance(given, ast.Name):
        known = namespace.get(given.id)
        return known if isinstance(known, Model) else None
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        return load_model(given.value)
    if isinstance(given, ast.List | ast.Tuple):
        return _combined(given.elts, namespace)
    called = ast.unparse(given.func).rpartition(".")[2] if isinstance(given, ast.Call) else ""
    if isinstance(given, ast.Call) and called == "combine":
        return _combined(given.args, namespace)
    if isinstance(given, ast.Call) and called == "load_model":
        return load_model(*map(ast.literal_eval, given.args), **{str(k.arg): ast.literal_eval(k.value) for k in given.keywords})
    return None


def _combined(given: list[ast.expr], namespace: Namespace) -> Any:
    from immunoode.model.combine import combine

    members = [_made(one, namespace) for one in given]
    return combine(*members) if members and all(members) else None
