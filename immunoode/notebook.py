"""What is shown in notebooks as it is: MathJax reads dollar signs in HTML as mathematics, wherever they come from."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

Shown = TypeVar("Shown")


def plain(html: str) -> str:
    """Return HTML in which notebooks look for no mathematics."""
    return f'<div class="tex2jax_ignore mathjax_ignore">{html}</div>'


def without_mathematics(show: Callable[[Shown], str]) -> Callable[[Shown], str]:
    """Let a `_repr_html_` show names of arms, subjects and models as they are."""

    @wraps(show)
    def shown(self: Shown) -> str:
        return plain(show(self))

    return shown
