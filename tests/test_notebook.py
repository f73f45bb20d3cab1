"""Results show themselves: one line as repr, HTML in notebooks without mathematics."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import pytest

from immunoode.notebook import shown
from tests.test_public_names import PUBLIC

RESULTS = {name: value for name, value in PUBLIC.items() if inspect.isclass(value) and {"report", "plot"} & set(dir(value))}


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_has_a_page_and_a_short_repr(name: str) -> None:
    assert "_repr_html_" in dir(RESULTS[name])
    assert RESULTS[name].__repr__.__qualname__.startswith("shown.")


@shown
@dataclass(frozen=True)
class Told:
    """A result for the tests below."""

    text: str

    def report(self) -> str:
        """Return the text."""
        return self.text

    def __str__(self) -> str:
        return self.text


def test_a_repr_is_one_line() -> None:
    assert repr(Told("\na < b\nc")) == "<Told: a < b>"
    assert len(repr(Told("x" * 500))) == 162
    assert repr(Told("Told in short")) == "<Told in short>"


def test_a_page_is_the_report_escaped() -> None:
    assert "<pre>a &lt; $b$</pre>" in Told("a < $b$")._repr_html_()  # type: ignore[attr-defined]
    assert "mathjax_ignore" in Told("a")._repr_html_()  # type: ignore[attr-defined]
