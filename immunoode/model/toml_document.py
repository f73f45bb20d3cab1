"""Reading of TOML files, which are no larger or deeper than files that people write."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from immunoode.errors import ModelError, Problem

_MAX_BYTES = 2_000_000
"""Bytes; the largest shipped model has a hundredth of it."""
_MAX_ENTRIES, _MAX_DEPTH, _MAX_KEY = 30_000, 12, 200
"""The largest number of keys and entries, depth of tables, and length of a key; several times those of any model."""
_MAX_INTEGER = 2**63
"""The limit of TOML itself."""


def toml_document(path: Path, format_page: str = "docs/model_files.md") -> dict[str, Any]:
    """Return the tables of a TOML file, which is no larger or deeper than files that people write.

    Raises
    ------
    ModelError
        If it cannot be read; the message names the page that describes the format.
    """
    try:
        if path.exists() and not path.is_file():
            raise ModelError(Problem(str(path), "is not a regular file", "the path of a .toml file"))
        if path.stat().st_size > _MAX_BYTES:
            raise ModelError(Problem(path.name, f"is larger than {_MAX_BYTES:,} bytes", "a model file is a page of text"))
        text = path.read_text(encoding="utf-8-sig")
        _check_dots(text, path.name)
        document = tomllib.loads(text)
        _check_document(document, path.name)
        return document
    except ModelError:
        raise
    except (ValueError, RecursionError) as error:
        raise ModelError(Problem(path.name, f"is not TOML ({error})", f"see {format_page} for the format")) from None
    except OSError as error:
        raise ModelError(Problem(str(path), f"cannot be read ({error.strerror})", "the path of a .toml file")) from None


_STRINGS = re.compile(r'''"""(?:[^\\]|\\.)*?"""|\'{3}.*?\'{3}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\n]*''', re.DOTALL)


_DOTTED = re.compile(rf"(?<![\w-])[\w-]+(?:[ \t]*\.[ \t]*[\w-]+){{{_MAX_DEPTH},}}")


def _check_dots(text: str, where: str) -> None:
    """Refuse keys with many dots before parsing, which takes quadratic time in their number."""
    if _DOTTED.search(_STRINGS.sub("s", text)):
        raise ModelError(Problem(where, f"has a key with more than {_MAX_DEPTH} dots", "keys such as [parameters.rate]"))


def _check_document(document: dict[str, Any], where: str) -> None:
    """Refuse documents that cannot be model files: deeply nested tables, very long keys, integers beyond 64 bits."""
    parts = 0
    waiting: list[tuple[Any, int, str]] = [(document, 1, "")]
    while waiting:
        node, depth, place = waiting.pop()
        parts += len(node)
        if parts > _MAX_ENTRIES or depth > _MAX_DEPTH:
            bound = f"{_MAX_ENTRIES:,} keys and entries" if parts > _MAX_ENTRIES else f"{_MAX_DEPTH} tables within each other"
            raise ModelError(Problem(where, f"has more than {bound}", "a model file is a page of text"))
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            at = f"{place}.{key}" if place else f"{key}"
            if len(str(key)) > _MAX_KEY:
                raise ModelError(
                    Problem(f"{where}: {str(key)[:20]}...", f"has {len(str(key)):,} letters", f"at most {_MAX_KEY}")
                )
            if isinstance(value, int) and abs(value) >= _MAX_INTEGER:
                raise ModelError(Problem(f"{where}: {at}", "is an integer beyond 64 bits", "a number such as 1e30"))
            if isinstance(value, (dict, list)):
                waiting.append((value, depth + 1, at))
