"""The notebooks of the repository as pages: copied into docs/notebooks before the build, with links that hold there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config


def copy_notebooks(app: Sphinx, config: Config) -> None:
    """Copy what changed, and remove what is no more."""
    folder = Path(app.srcdir) / "notebooks"
    folder.mkdir(exist_ok=True)
    sources = {path.name: path for path in (folder.parent.parent / "notebooks").glob("*.ipynb")}
    for path in folder.iterdir():
        if path.name not in sources and path.is_file():
            path.unlink()
    for name, source in sources.items():
        text = source.read_text(encoding="utf-8").replace("](../docs/", "](../")
        page = folder / name
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Copy before Sphinx looks which pages there are."""
    app.connect("config-inited", copy_notebooks)
    return {"parallel_read_safe": True}
