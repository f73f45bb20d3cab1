"""What holds for every test: no figure is left open, and examples of Hypothesis are the same each time and have no deadline."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("same examples on any machine", deadline=None, derandomize=True)
settings.load_profile("same examples on any machine")


@pytest.fixture(autouse=True)
def _no_figures_left() -> Iterator[None]:
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--processor-times", metavar="FILE", help="write a csv of processor seconds per test, the dearest first")


_seconds: dict[str, float] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    begin = time.process_time()
    result = yield
    _seconds[item.nodeid] = time.process_time() - begin
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the tests cost, in processor time of all threads, and how much of it the dearest tenth of them."""
    if not _seconds:
        return
    dear = sorted(_seconds.items(), key=lambda pair: -pair[1])
    tenth = sum(seconds for _, seconds in dear[: max(1, len(dear) // 10)])
    terminalreporter.line(
        f"processor time {sum(_seconds.values()):.0f} s, of which {tenth:.0f} s in the dearest tenth of the tests"
    )
    path = config.getoption("--processor-times")
    if path:
        rows = "".join(f'{seconds:.3f},"{name}"\n' for name, seconds in dear)
        Path(path).write_text("processor seconds,test\n" + rows, encoding="utf-8")
