"""What holds for every test: figures are closed, styles end, and examples of Hypothesis are the same each time.

These have no deadline.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import is_hypothesis_test, settings

settings.register_profile("few", deadline=None, derandomize=True, max_examples=16)
settings.register_profile("many", parent=settings.get_profile("few"), max_examples=100)
settings.load_profile("few")


_BEGIN = pytest.StashKey[float]()
_SECONDS = "processor seconds"


@pytest.fixture(autouse=True)
def _no_figures_left() -> Iterator[None]:
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
    style = sys.modules.get("immunoode.plot.style")
    if style and style._Current.name:  # an example of the documentation set it for all figures from there on
        sys.modules["matplotlib"].rcdefaults()
        style._Current.name = None


def pytest_configure(config: pytest.Config) -> None:
    if config.option.markexpr == "slow":
        settings.load_profile("many")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let tests of properties run again among the slow ones, with many more examples."""
    if config.option.markexpr == "slow":
        for item in items:
            if is_hypothesis_test(getattr(item, "obj", None)):
                item.add_marker("slow")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--processor-times", metavar="FILE", help="write a csv of processor seconds per test, the dearest first")


_seconds: dict[str, float] = {}


def _processor_seconds() -> float:
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    item.stash[_BEGIN] = _processor_seconds()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let the last report of a test take its seconds along: from a worker process too."""
    report = yield
    if report.when == "teardown":
        report.user_properties.append((_SECONDS, _processor_seconds() - item.stash[_BEGIN]))
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "teardown":
        _seconds[report.nodeid] = dict(report.user_properties)[_SECONDS]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the tests cost, in processor time of all threads and processes, and how much of it the dearest tenth costs."""
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
