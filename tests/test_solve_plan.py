"""The plan of the solver: its page names every file and nothing else, and its functions are short and take few parameters."""

import ast
import re
from pathlib import Path

import pytest

import immunoode.solve

FOLDER = Path(immunoode.solve.__file__).parent
FILES = sorted(path for path in FOLDER.rglob("*.py") if path.name != "__init__.py")
LINES, PARAMETERS = 80, 8
NOT_COUNTED = {"self", "cls", "typingctx"}
"""Parameters that a call does not state."""


def planned():
    """Return the files that the page names, each with its folder."""
    folder, found = "", []
    for line in immunoode.solve.__doc__.splitlines():
        begins = re.match(r"(\w+/) ", line)
        folder = begins.group(1) if begins else ("" if line and not line.startswith("  ") else folder)
        found += [folder + name for name in re.findall(r"\b\w+\.py\b", line)]
    return found


def functions(path):
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def lines_of(function):
    """Return the lines of a function without its docstring."""
    first = function.body[0]
    described = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return function.end_lineno - function.lineno + 1 - (first.end_lineno - first.lineno + 1 if described else 0)


def parameters_of(function):
    """Return the parameters that may be given by position: those by keyword alone are named where they are given."""
    return [a.arg for a in (*function.args.posonlyargs, *function.args.args) if a.arg not in NOT_COUNTED]


def test_the_plan_names_every_file_once():
    assert sorted(planned()) == sorted(path.relative_to(FOLDER).as_posix() for path in FILES)


def test_the_plan_is_one_page():
    assert len(immunoode.solve.__doc__.splitlines()) <= 66


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_functions_are_short_and_take_few_parameters(path):
    long = [f"{f.name}: {lines_of(f)} lines" for f in functions(path) if lines_of(f) > LINES]
    many = [f"{f.name}: {len(parameters_of(f))} parameters" for f in functions(path) if len(parameters_of(f)) > PARAMETERS]
    assert long + many == []


@pytest.mark.parametrize("path", sorted((FOLDER / "integrator").glob("*.py")), ids=lambda path: path.name)
def test_no_lane_is_a_single_letter(path):
    assert "E741" not in path.read_text(encoding="utf-8")
