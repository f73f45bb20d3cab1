"""Which names are offered for which argument of which function."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from immunoode.completion.cursor import Cursor, cursor_of
from immunoode.completion.model_names import argument, output_names, parameter_names, simulated_names
from immunoode.completion.shipped import all_names, cohorts, datasets, distributions, models, regimens, therapies, variants

_PACKAGE = "immunoode"
Namespace = Mapping[str, Any]
Source = Callable[[Cursor, Namespace], Iterable[str]]
"""The names for an argument, from the call and from what the shell has under its names."""


@dataclass(frozen=True)
class Offer:
    """The names that are offered in the strings of one function's arguments.

    Attributes
    ----------
    positional : tuple of str
        The first parameters, as far as they may be given by position; one that begins with an asterisk takes all further ones.
    names : mapping of str to Source
        The names for a string that is an argument, or an item of a list.
    keys : mapping of str to Source
        The names for a key of a dictionary.
    """

    positional: tuple[str, ...]
    names: Mapping[str, Source]
    keys: Mapping[str, Source] = field(default_factory=dict)

    def source(self, cursor: Cursor) -> Source | None:
        """Return where the names for an argument come from, if any are offered."""
        name = cursor.argument
        if isinstance(name, int):
            last = len(self.positional) - 1
            name = self.positional[min(name, last)] if name <= last or self.positional[last].startswith("*") else ""
        return (self.keys if cursor.key else self.names).get(name)


def _shipped(names: Callable[[], list[str]]) -> Source:
    return lambda cursor, namespace: names()


def _named(names: Callable[[], list[str]]) -> Offer:
    return Offer(("name",), {"name": _shipped(names)})


def _variants(cursor: Cursor, namespace: Namespace) -> list[str]:
    name = argument(cursor.call, 0, "name")
    return variants(str(getattr(name, "value", "")))


_MODELS, _THERAPIES = _shipped(models), _shipped(therapies)
_VARIED = ("vary", "per_arm", "per_subject", "random")
_VALUES = ("parameters", "bounds", "priors", "initial")


def _about_model(*arguments: str, positional: tuple[str, ...] = ("model",)) -> Offer:
    """Return the offer of a function of a model."""
    outputs = {name: output_names for name in arguments if name not in (*_VARIED, *_VALUES)}
    varied = {name: parameter_names for name in arguments if name in _VARIED}
    values = {name: parameter_names for name in arguments if name in _VALUES}
    return Offer(positional, {"model": _MODELS, **outputs, **varied}, values)


_FIT = ("vary", "per_arm", "per_subject", "initial", "parameters", "bounds", "priors")
_DATA = ("model", "data", "vary")
OFFERS = {
    "load_model": Offer(("name", "variant"), {"name": _MODELS, "variant": _variants}),
    "load_regimen": _named(regimens),
    "load_population": _named(cohorts),
    "load_dataset": _named(datasets),
    "virtual_population.load_distribution": _named(distributions),
    "describe": _named(all_names),
    "combine": Offer(("*models",), {"*models": _MODELS}),
    "cite": _about_model(),
    "simulate": _about_model("outputs", "parameters"),
    "simulate_many": _about_model("outputs", "parameters"),
    "simulate_to": _about_model("outputs", "parameters", positional=("path", "model")),
    "prepare": _about_model("outputs", "vary", "parameters"),
    "compare": _about_model("measure", "parameters"),
    "explore": _about_model("measure", "outputs", "parameters"),
    "optimise": _about_model("parameters"),
    "sample_patients": _about_model(),
    "global_sensitivity": _about_model("measure"),
    "fit": _about_model(*_FIT, positional=_DATA),
    "fit_population": _about_model("vary", "random", "initial", "parameters", positional=_DATA),
    "identifiability": _about_model("vary", "per_arm", "per_subject", "parameters", "bounds", positional=("model", "vary")),
    "Regimen.dose": Offer(("therapy",), {"therapy": _THERAPIES}),
    "Simulation.plot": Offer(("*names",), {"*names": simulated_names}),
}
"""By public name; a method is under the name of its class."""
_RETURNED = {"simulate": "Simulation"} | dict.fromkeys(("Regimen", "load_regimen", "Regimen.dose"), "Regimen")
"""The class of what some functions return, for chains of calls: `imo.Regimen().dose(...).dose("`."""


def completions(before: str, namespace: Namespace) -> tuple[str, list[str]]:
    """Return what was typed of a name before the cursor, and the names that it may become.

    Parameters
    ----------
    before : str
        The text before the cursor.
    namespace : mapping
        What the shell has under its names.

    Returns
    -------
    str, list of str
        Names that begin with what was typed, in either case of letters; otherwise names that contain it.

    Examples
    --------
    >>> import immunoode as imo
    >>> completions('imo.load_model("pd1', {"imo": imo})
    ('pd1', ['pd1_inhibitor'])
    """
    cursor = cursor_of(before)
    offer = OFFERS.get(public_name(cursor.call.func, namespace)) if cursor else None
    source = offer.source(cursor) if cursor and offer else None
    if cursor is None or source is None:
        return "", []
    return cursor.fragment, _matching(cursor.fragment.lower(), list(source(cursor, namespace)))


def _matching(typed: str, names: list[str]) -> list[str]:
    begin = [name for name in names if name.lower().startswith(typed)]
    return begin or [name for name in names if typed in name.lower()]


def public_name(called: ast.expr, namespace: Namespace) -> str:
    """Return the public name of what is called, as it stands in `OFFERS`; "" if it is not of this package.

    Nothing is called, and no attribute of an object is read.
    """
    if isinstance(called, ast.Name):
        return _name_of(namespace.get(called.id))
    if isinstance(called, ast.Attribute):
        of = called.value
        owner = _RETURNED.get(public_name(of.func, namespace), "?") if isinstance(of, ast.Call) else public_name(of, namespace)
        return f"{owner}.{called.attr}".removeprefix(f"{_PACKAGE}.")
    return ""


def _name_of(value: Any) -> str:
    if isinstance(value, ModuleType):
        return value.__name__ if value.__name__.partition(".")[0] == _PACKAGE else ""
    of = value if callable(value) and hasattr(value, "__name__") else type(value)
    return str(of.__name__) if str(getattr(of, "__module__", "")).startswith(f"{_PACKAGE}.") else ""
