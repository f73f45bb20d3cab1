"""The page of the command line is true: its commands run, and give what the page says."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from immunoode.command_line.main import main

PAGE = Path(__file__).resolve().parents[1] / "docs" / "command_line.md"
BLOCK = re.compile(r"^```(text|toml|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def commands(block):
    """Yield each command of a block with what it should write."""
    for text in block.replace("\\\n", " ").split("$ ")[1:]:
        command, _, output = text.partition("\n")
        yield shlex.split(command), output


def written(words):
    """Return what a command writes; if it fails, its message and its status."""
    if words[0] == "cmp":
        same = Path(words[1]).read_bytes() == Path(words[2]).read_bytes()
        return "" if same else "differ\n"
    assert words[0] == "immunoode"
    with contextlib.redirect_stdout(io.StringIO()) as result, contextlib.redirect_stderr(io.StringIO()) as told:
        status = main(words[1:])
    return f"{told.getvalue()}[exit status {status}]\n" if status else result.getvalue()


def pattern(output):
    """Return a pattern of an output in which "..." stands for anything."""
    return ".*".join(map(re.escape, output.strip().split("...")))


@pytest.mark.slow
def test_the_commands_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    count = 0
    for kind, block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "text":
            Path(block.partition("\n")[0].removeprefix("# ")).write_text(block)
        if kind == "toml":
            Path("by_hand.toml").write_text(block)
        for words, output in commands(block) if kind == "console" else ():
            text = written(words)
            assert re.fullmatch(pattern(output), text.strip(), re.DOTALL), (words, text)
            count += 1
    assert count >= 12
    assert written(["immunoode", "run", "by_hand.toml"]) == ""
    assert Path("nivolumab.csv").stat().st_size > 1000
    assert "What was run" in Path("both.html").read_text() and "<img" in Path("trial.html").read_text()


def test_the_page_lists_every_command_and_status():
    from immunoode.command_line import exit_status
    from immunoode.command_line.main import command_line

    text, parsers = PAGE.read_text(encoding="utf-8"), {}
    command_line(parsers)
    table = text.partition("## Find")[0]
    assert [name for name in parsers if not all(f"`{w}`" in table or w in table for w in name.split())] == []
    statuses = [value for name, value in vars(exit_status).items() if name.isupper()]
    assert all(f"| {status} |" in text for status in statuses)
