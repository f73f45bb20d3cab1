"""HTML for notebooks without mathematics, because MathJax treats dollar signs in any HTML as mathematics."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

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
