"""Self-contained HTML pages with text, tables and embedded figures."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
img { max-width: 100%; } table { border-collapse: collapse; font-size: 0.9rem; }
td, th { border-bottom: 1px solid #ddd; padding: 0.2rem 0.6rem; text-align: right; }
td:first-child, th:first-child { text-align: left; }
pre { background: #f6f6f6; padding: 0.8rem; overflow-x: auto; font-size: 0.85rem; } .note { color: #8a4b00; }
"""


@dataclass(frozen=True)
class Section:
    """A section of a page: title and HTML."""

    title: str
    body: str


def paragraph(text: str, note: bool = False) -> str:
    """Return a paragraph; a note is highlighted."""
    kind = ' class="note"' if note else ""
    return f"<p{kind}>{escape(text)}</p>"


def preformatted(text: str) -> str:
    """Return preformatted text."""
    return f"<pre>{escape(text)}</pre>"


def png(figure: Any) -> bytes:
    """Return a figure as PNG and close it."""
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, bbox_inches="tight")
    plt.close(figure)
    return buffer.getvalue()


def image(data: bytes, alternative: str) -> str:
    """Return a PNG as an embedded image."""
    return f'<img alt="{escape(alternative)}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'


def page(title: str, sections: Sequence[Section]) -> str:
    """Return a whole HTML page."""
    body = "".join(f"<h2>{escape(s.title)}</h2>{s.body}" for s in sections)
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><h1>{escape(title)}</h1>{body}</body></html>'
