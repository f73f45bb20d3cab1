"""What a script found: printed as a table, and with --write kept for docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "benchmarks"
PAGES = (
    "reference_problem",
    "work_precision",
    "stiff",
    "sensitivities",
    "many_patients",
    "call_overhead",
    "cold_start",
    "first_result",
    "trial_endpoints",
    "virtual_population",
    "population_fits",
    "recovery",
    "fit_coverage",
    "fit_warnings",
    "profile_speed",
)
_TOOLS = ("numpy", "scipy", "numba", "symengine", "pydiffsol", "diffrax", "jax", "libroadrunner", "casadi")
_HEAD = """# Benchmarks

Written by the scripts in `benchmarks/` (`python benchmarks/NAME.py --write`); [how to run them](../benchmarks/README.md).
Tools take turns in one process, and of each the best round counts. Read the ratios: times differ between machines, and between
hours on a shared one. Every tool gets the same equations (common subexpressions taken out), values, doses, output times and
tolerances; what it needs to compile is compiled before. Errors are the largest of any state at any time, relative to that
state's largest value, against a solution by SciPy's Radau at a relative tolerance of 1e-11.
"""


def show(
    name: str,
    title: str,
    text: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    closing: str = "",
    figures: Sequence[tuple[str, str]] = (),
) -> None:
    """Print a table, and with --write on the command line keep it and write the page anew.

    `figures` are pairs of a file in docs/benchmarks and what it shows.
    """
    table = _markdown(columns, rows)
    print(f"\n{title}\n\n{table}\n{closing}")
    if writing():
        FOLDER.mkdir(exist_ok=True)
        kept = {"title": title, "text": text, "table": table, "closing": closing, "figures": list(figures)}
        kept["machine"] = machine()
        (FOLDER / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        (DOCS / "benchmarks.md").write_text(page(), encoding="utf-8")


def writing() -> bool:
    """Whether the page is to be written."""
    return "--write" in sys.argv[1:]


def machine() -> str:
    """Return in words what this was measured on: processor, system, versions."""
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    )
    what = f"{names[0] if names else platform.machine()}, {os.cpu_count()} processors, {platform.system()}"
    return f"{what}, Python {platform.python_version()}; " + ", ".join(_versions())


def _versions() -> list[str]:
    found = []
    for tool in _TOOLS:
        try:
            found.append(f"{tool} {metadata.version(tool)}")
        except metadata.PackageNotFoundError:
            continue
    return found


def milliseconds(seconds: float) -> str:
    """Return a time as text, three digits."""
    return f"{1e3 * seconds:.3g}"


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def page() -> str:
    """Return the page from all results that were kept."""
    files = (FOLDER / f"{name}.json" for name in PAGES)
    sections = [_section(json.loads(path.read_text(encoding="utf-8"))) for path in files if path.exists()]
    return "\n".join([_HEAD, *sections])


def _section(kept: dict[str, Any]) -> str:
    figures = "".join(f"\n![{alt}](benchmarks/{file})\n" for file, alt in kept["figures"])
    closing = f"\n{kept['closing']}\n" if kept["closing"] else ""
    measured = f"\nMeasured on: {kept['machine']}.\n"
    return f"## {kept['title']}\n\n{kept['text']}\n\n{kept['table']}\n{closing}{figures}{measured}"
