"""Files of a release agree with setup.cfg, and nothing in the package keeps it from running on Windows and macOS."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
CONDA = {"symengine": "python-symengine", "matplotlib": "matplotlib-base"}
"""Names on conda-forge that differ from those on PyPI."""
FILES = sorted((ROOT / "immunoode").rglob("*.py"))
UNIX_ONLY = {"fcntl", "resource", "pwd", "grp", "termios"}
RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def _yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def _lines(section: str, key: str) -> list[str]:
    return [line for line in SETUP[section][key].split("\n") if line.strip()]


def test_the_workflow_tries_every_version_and_system() -> None:
    matrix = _yaml(".github/workflows/tests.yml")["jobs"]["test"]["strategy"]["matrix"]
    stated = re.findall(r"Python :: (3\.\d+)", SETUP["metadata"]["classifiers"])
    assert matrix["python"] == stated and stated[0] == "3.11" and stated[-1] == "3.14"
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]


def test_what_the_workflow_runs_is_there() -> None:
    jobs = _yaml(".github/workflows/tests.yml")["jobs"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    targets = {word for run in runs if run.startswith("make ") for word in run.split()[1:]}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets == {"lint", "types", "slow", "docs", "wheel"}
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.M)] == []


def test_the_recipe_is_that_of_the_project() -> None:
    recipe = _yaml("conda/recipe.yaml")
    pairs = (re.fullmatch(r"([\w-]+)(>=.*)", line.strip()) for line in _lines("options", "install_requires"))
    needed = {f"{CONDA.get(found[1], found[1])} {found[2]}" for found in pairs if found}
    assert {*recipe["requirements"]["run"]} == needed | {"python >=${{ python_min }}"}
    assert f">={recipe['context']['python_min']}" == SETUP["options"]["python_requires"]
    assert recipe["build"]["python"]["entry_points"] == _lines("options.entry_points", "console_scripts")
    assert recipe["about"]["license"] == SETUP["metadata"]["license_expression"]
    assert recipe["about"]["summary"] == SETUP["metadata"]["description"]
    assert recipe["context"]["version"] == _yaml("CITATION.cff")["version"]


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml")), ids=lambda path: path.stem)
def test_forms_of_issues(path: Path) -> None:
    form = _yaml(str(path.relative_to(ROOT)))
    assert form["name"] and form["description"] and form["body"]
    names = [field["id"] for field in form["body"]]
    assert len({*names}) == len(names)
    assert all(field["type"] in ("input", "textarea") and field["attributes"]["label"] for field in form["body"])


OPEN = ("open", "read_text", "write_text")


def _nodes(path: Path, words: Iterable[str]) -> Iterator[ast.AST]:
    """Yield the parts of a file, if it has one of some words at all: to parse every file takes seconds."""
    text = path.read_text(encoding="utf-8")
    if any(word in text for word in words):
        yield from ast.walk(ast.parse(text))


def _without_encoding(call: ast.Call) -> bool:
    """Whether a call opens a text in the system's own encoding."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    owner = getattr(getattr(call.func, "value", None), "id", "")
    given = {word.arg for word in call.keywords}
    if name not in OPEN or "encoding" in given or owner == "os":
        return False
    modes = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return name != "open" or not (any("b" in mode for mode in modes) or owner in ("gzip", "archive"))


def test_texts_are_read_and_written_as_utf8() -> None:
    calls = [(path, node) for path in FILES for node in _nodes(path, OPEN) if isinstance(node, ast.Call)]
    assert len(calls) > 1000
    assert [f"{path.relative_to(ROOT)}:{call.lineno}" for path, call in calls if _without_encoding(call)] == []


def test_what_only_unix_has_is_imported_where_it_may_be_missing() -> None:
    found = 0
    for path in FILES:
        for node in _nodes(path, UNIX_ONLY):
            if isinstance(node, ast.Import) and {alias.name for alias in node.names} & UNIX_ONLY:
                before = path.read_text(encoding="utf-8").split("\n")[node.lineno - 2]
                assert "try:" in before or "suppress(ImportError" in before, f"{path}:{node.lineno}"
                found += 1
    assert found


def test_names_of_files_are_allowed_on_every_system() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split("\n")[:-1]
    if not listed:
        pytest.skip("this is no checkout")
    assert [name for name in listed if re.search(r'[<>:"|?*\\]', name) or name.endswith((" ", "."))] == []
    assert [name for name in listed if any(RESERVED.fullmatch(part) for part in name.split("/"))] == []
    assert len({name.lower() for name in listed}) == len(listed)
    assert max(map(len, listed)) < 160
