"""A shell that asks completes commands, options and names, where argcomplete is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from immunoode.command_line import shell_completion
from immunoode.command_line.main import main


def offered(line: str, folder: Path) -> list[str]:
    """Return what is offered at the end of a line, as argcomplete's function in the shell asks for it."""
    answer = folder / "answer"
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_SHELL": "bash",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }
    program = "import sys; sys.argv = ['immunoode']; from immunoode.command_line.main import main; main()"
    subprocess.run([sys.executable, "-c", program], env={**os.environ, **asked}, capture_output=True, check=False, cwd=folder)
    return [one.strip() for one in answer.read_text(encoding="utf-8").split("\n") if one.strip()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("immunoode simu", ["simulate"]),
        ("immunoode population com", ["compare"]),
        ("immunoode simulate kuznet", ["kuznetsov1994"]),
        ("immunoode simulate tumour_immune pd1_inhibitor:nivolumab_z", ["nivolumab_zhang"]),
        ("immunoode simulate tumour_immune --regimen nivolumab_ipilimumab_lung_by", ["nivolumab_ipilimumab_lung_by_weight"]),
        ("immunoode simulate tumour_immune --unti", ["--until"]),
        ("immunoode population show melanoma_f", ["melanoma_first_line"]),
    ],
)
def test_a_shell_is_answered(line: str, expected: list[str], tmp_path: Path) -> None:
    pytest.importorskip("argcomplete")
    assert [one.rpartition(":")[2] for one in offered(line, tmp_path)] == expected


def test_nothing_is_run_where_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_ARGCOMPLETE", "1")
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])
    assert ended.value.code == 1


def test_the_names_are_arguments_of_commands() -> None:
    from immunoode.command_line.main import command_line

    parsers: dict[str, shell_completion.Parser] = {}
    command_line(parsers)
    known = {name for parser in parsers.values() for name in parser.named_actions()}
    assert set(shell_completion._NAMES) <= known
