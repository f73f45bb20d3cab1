"""`immunoode doctor`: versions, cache, speed and extras of an installation."""

from __future__ import annotations

import json
import platform
import re
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from immunoode.command_line.command import Command
from immunoode.command_line.exit_status import FINE, NO
from immunoode.command_line.list_output import facts
from immunoode.command_line.parser import Parser
from immunoode.errors import ImmunoodeError

_DESCRIPTION = """Tell the versions of what is installed, where the cache of compiled kernels is and what it has, how
long a small simulation takes, and which optional extras are missing, with what to install. The exit status is 1 if the
package cannot work as it is. The text may be added to a report of a fault; it names folders of this machine."""
_REPEATS = 20
_REQUIREMENT = re.compile(r"^([A-Za-z0-9_.-]+)")
_EXTRA = re.compile(r"extra\s*==\s*[\"']([\w-]+)[\"']")
_OF_DEVELOPERS = ("test", "docs", "peers")


def _add_options(parser: Parser) -> None:
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")


def _run(given: Namespace) -> int:
    found, problems = _examined()
    if given.format == "json":
        print(json.dumps({**found, "problems": problems}, indent=1))
    else:
        for title, rows in found.items():
            print(f"{title}\n{facts({name: str(value) for name, value in rows.items()})}\n")
        print("\n".join(["problems", *problems]) if problems else "no problems")
    return NO if problems else FINE


def _examined() -> tuple[dict[str, dict[str, Any]], list[str]]:
    speed, problems = _speed()
    cache, more = _cache()
    found = {"versions": _versions(), "solver": speed, "cache of kernels": cache, "extras": _extras()}
    return found, [*problems, *more]


def _versions() -> dict[str, str]:
    from immunoode.command_line.package_version import package_version

    own = {"immunoode": f"{package_version()}, in {Path(__file__).parents[1]}", "python": sys.version.split()[0]}
    own |= {"system": f"{platform.system()} {platform.release()} ({platform.machine()})"}
    return own | {name: _version(name) for name, extra in _requirements() if not extra}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _requirements() -> Iterator[tuple[str, str]]:
    """Yield the packages that the package requires, each with the extra that needs it ("" for all)."""
    try:
        stated = requires("immunoode") or []
    except PackageNotFoundError:
        stated = []
    for text in stated:
        name, extra = _REQUIREMENT.match(text), _EXTRA.search(text)
        if name:
            yield name[1], extra[1] if extra else ""


def _extras() -> dict[str, str]:
    """Return for each extra that users install whether it is there, or what to install."""
    parts: dict[str, list[str]] = {}
    for name, extra in _requirements():
        if extra and extra not in _OF_DEVELOPERS:
            parts.setdefault(extra, []).append(name)
    return {extra: _state(extra, names) for extra, names in parts.items()}


def _state(extra: str, names: list[str]) -> str:
    missing = [name for name in names if _version(name) == "not installed"]
    if not missing:
        return f"installed ({', '.join(names)})"
    return f"missing {', '.join(missing)}: pip install 'immunoode[{extra}]'"


def _speed() -> tuple[dict[str, str], list[str]]:
    """Return how long a small simulation takes, the first time and then, and what keeps it from working."""
    try:
        seconds = [_seconds() for _ in range(_REPEATS + 1)]
    except ImmunoodeError as error:
        return {"simulation": "failed"}, [f"a simulation failed: {error}"]
    again = sorted(seconds[1:])[_REPEATS // 2]
    return {"first simulation": f"{seconds[0]:.2f} s", "again": f"{again * 1000:.2f} ms (tumour_immune, one year, daily)"}, []


def _seconds() -> float:
    from immunoode.solve.simulate import simulate

    begin = time.perf_counter()
    simulate("tumour_immune", until=365.0).raise_for_status()
    return time.perf_counter() - begin


def _cache() -> tuple[dict[str, str], list[str]]:
    """Return where compiled kernels are kept, and what keeps them from being kept."""
    from immunoode.solve.integrator import kernel_cache

    folder = kernel_cache.writable_folder()
    files = [path for place in kernel_cache.folders() if place.is_dir() for path in place.glob("*.kernel")]
    size = sum(path.stat().st_size for path in files) / 1e6
    state = {
        "folder": str(folder or "none can be written"),
        "kernels": f"{len(files)} files, {size:.1f} MB",
        "in this run": f"{len(kernel_cache.loaded)} loaded, {len(kernel_cache.compiled)} compiled",
    }
    looked = ", ".join(map(str, kernel_cache.folders()))
    advice = "each process compiles anew: set NUMBA_CACHE_DIR to a folder that can be written"
    return state, [] if folder else [f"no folder of the cache can be written ({looked}); {advice}"]


COMMAND = Command(
    "doctor", "versions, cache, speed and extras of this installation", _DESCRIPTION, ("doctor",), _add_options, _run
)
