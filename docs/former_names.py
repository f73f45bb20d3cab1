"""Write former_names.md: the names that changed, from the tables that make the former ones work."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import immunoode as imo
from immunoode.fitting.uncertainty.draws import Draws
from immunoode.fitting.uncertainty.profile import Profiles
from immunoode.former_names import ARGUMENTS, FORMER, FORMS, IN_NAMESPACES, REMOVED_IN, SINCE

HEAD = f"""<!-- Written by docs/former_names.py; change the tables in immunoode/former_names.py, not the page. -->

# Former names

Names that changed in version {SINCE}. The former names work until version {REMOVED_IN}, with a `FutureWarning` that states the
new name. All other changes are in the [changelog](changes.md).

One rule for all results: `to_frame()` returns the table, `report()` the text, `plot()` the figure. A further table is named by
its content: `comparison.outcome_table()`. One name for each argument: `confidence=` is the level of an interval, `measure=` is
what is measured of a simulation, `output=` is one of several outputs, and `covariates=` of readers is a mapping of column to
name in the model.
"""


def attributes() -> Iterator[tuple[str, str]]:
    """Yield the former and the new name of attributes and methods of public classes."""
    for owner, value in public():
        for former, member in vars(value).items() if inspect.isclass(value) else ():
            if now := getattr(getattr(member, "fget", None), "now", ""):
                yield f"{owner}.{former}", f"{owner}.{now}"


def arguments() -> Iterator[tuple[str, str]]:
    """Yield the former and the new name of arguments of public functions, and of methods of public classes."""
    for name, value in public():
        for owner, member in ((name, value), *((f"{name}.{own}", found) for own, found in _methods(value))):
            for former, now in getattr(member, "former_arguments", {}).items():
                yield f"{owner}({former}=)", f"{owner}({now}=)"


def public() -> Iterator[tuple[str, Any]]:
    """Yield every public name with what it is, and the results of methods that are in no namespace."""
    for place, module in {"": imo, **{name: getattr(imo, name) for name in imo.NAMESPACES}}.items():
        yield from ((f"{place}.{name}".lstrip("."), getattr(module, name)) for name in module.__all__)
    yield from ((cls.__name__, cls) for cls in (Draws, Profiles))


def _methods(value: Any) -> list[tuple[str, Any]]:
    return inspect.getmembers(value, inspect.isfunction) if inspect.isclass(value) else []


def page() -> str:
    """Return the page."""
    moved = [(f"immunoode.{a}", f"immunoode.{b}") for a, b in (FORMER | IN_NAMESPACES).items()]
    forms = [(f"{f}({a}=)", f"{f}({b}=)") for f, names in ARGUMENTS.items() for a, b in names.items()]
    forms += [*FORMS.items(), *arguments()]
    parts = [HEAD]
    for title, rows in (("Functions and classes", moved), ("Methods and attributes", attributes()), ("Arguments", forms)):
        lines = [f"| `{former}` | `{now}` | {SINCE} |" for former, now in sorted(rows)]
        parts += ["\n".join([f"## {title}", "", "| former name | new name | since |", "|---|---|---|", *lines, ""])]
    return "\n".join(parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(page(), encoding="utf-8")
