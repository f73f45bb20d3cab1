"""The notebooks of the repository as pages: copied into docs/notebooks before the build, with links that hold there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from written_pages import write_changed


def copy_notebooks(app: Sphinx, config: Config) -> None:
    """Copy the notebooks."""
    sources = (Path(app.srcdir).parent / "notebooks").glob("*.ipynb")
    texts = {path.name: path.read_text(encoding="utf-8").replace("](../docs/", "](../") for path in sources}
    write_changed(Path(app.srcdir) / "notebooks", texts)


def setup(app: Sphinx) -> dict[str, Any]:
    """Copy before Sphinx looks which pages there are."""
    app.connect("config-inited", copy_notebooks)
    return {"parallel_read_safe": True}
