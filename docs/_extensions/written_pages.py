"""Pages that are made before the build: each is written only if it changed, so that Sphinx reads no page in vain."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_changed(folder: Path, texts: Mapping[str, str], kind: str = "*") -> None:
    """Write the texts of pages, by file name, into a folder, and remove its other files of this kind."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(kind):
        if path.is_file() and path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        page = folder / name
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
