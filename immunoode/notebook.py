"""HTML for notebooks without mathematics, because MathJax treats dollar signs in any HTML as mathematics."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from html import escape
from typing import Any, TypeVar

Shown = TypeVar("Shown")


def plain(html: str) -> str:
    """Return HTML that MathJax ignores."""
    return f'<div class="tex2jax_ignore mathjax_ignore">{html}</div>'


def without_mathematics(show: Callable[[Shown], str]) -> Callable[[Shown], str]:
    """Decorate a `_repr_html_` so that MathJax ignores it."""

    @wraps(show)
    def shown(self: Shown) -> str:
        return plain(show(self))

    return shown


_LONGEST = 160
"""Letters of a short repr."""
Result = TypeVar("Result", bound=type)


def shown(result: Result) -> Result:
    """Decorate the class of a result: a repr of one line, and its report as HTML for notebooks unless it has its own."""

    def short(self: Any) -> str:
        line = next((line for line in str(self).splitlines() if line.strip()), "")
        named = line if line.startswith(type(self).__name__) else f"{type(self).__name__}: {line}"
        return f"<{named if len(named) <= _LONGEST else named[: _LONGEST - 3] + '...'}>"

    def page(self: Any) -> str:
        text = self.report() if hasattr(self, "report") else str(self)
        return plain(f"<pre>{escape(text)}</pre>")

    made: Any = result
    made.__repr__ = short
    if not hasattr(result, "_repr_html_"):
        made._repr_html_ = page
    return result
