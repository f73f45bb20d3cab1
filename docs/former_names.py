"""Write former_names.md: the names that changed, from the tables that make the former ones work."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import immunoode as imo
from immunoode.former_names import ARGUMENTS, FORMER, IN_NAMESPACES, REMOVED_IN, SINCE

HEAD = f"""<!-- Written by docs/former_names.py; change the tables in immunoode/former_names.py, not the page. -->

# Former names

Names that changed in version {SINCE}. The former names work until version {REMOVED_IN}, with a `FutureWarning` that states the
new name. All other changes are in the [changelog](changes.md).

One rule for all results: `to_frame()` returns the table, `report()` the text, `plot()` the figure. A further table is named by
its content: `comparison.outcome_table()`.
"""


def attributes() -> Iterator[tuple[str, str]]:
    """Yield the former and the new name of attributes and methods of public classes."""
    places = {"": imo, **{name: getattr(imo, name) for name in imo.NAMESPACES}}
    for place, module in places.items():
        for name in module.__all__:
            value = getattr(module, name)
            for former, member in vars(value).items() if inspect.isclass(value) else ():
                if now := getattr(getattr(member, "fget", None), "now", ""):
                    owner = f"{place}.{name}".lstrip(".")
                    yield f"{owner}.{former}", f"{owner}.{now}"


def page() -> str:
    """Return the page."""
    moved = [(f"immunoode.{a}", f"immunoode.{b}") for a, b in (FORMER | IN_NAMESPACES).items()]
    arguments = [(f"{f}({a}=)", f"{f}({b}=)") for f, names in ARGUMENTS.items() for a, b in names.items()]
    parts = [HEAD]
    for title, rows in (("Functions and classes", moved), ("Methods and attributes", attributes()), ("Arguments", arguments)):
        lines = [f"| `{former}` | `{now}` | {SINCE} |" for former, now in sorted(rows)]
        parts += ["\n".join([f"## {title}", "", "| former name | new name | since |", "|---|---|---|", *lines, ""])]
    return "\n".join(parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(page(), encoding="utf-8")
