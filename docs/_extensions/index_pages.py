"""Index pages are plain Markdown that GitHub shows too; their links become the toctree of the site.

A page of `index_pages` lists pages by links. Its toctree has all of them, in the order of the page; that of the README of a
folder has those of the folder. Links to files at the top of the repository lead to the pages that include these files.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

from sphinx.application import Sphinx

LINK = re.compile(r"\]\(([\w./-]+)\.(?:md|ipynb)\)")
INCLUDE = re.compile(r"```\{include\} ((?:\.\./)+[\w./-]+\.md)\n")
TOCTREE = "\n\n```{{toctree}}\n:hidden:\n\n{}\n```\n"


def add_toctree(app: Sphinx, page: str, source: list[str]) -> None:
    """Append the toctree of an index page, and turn its links to included files into links to pages."""
    source[0] = _links_to_pages(page, source[0], included_files(Path(app.srcdir)))
    if page in app.config.index_pages:
        links = dict.fromkeys(LINK.findall(source[0]))
        own = [link for link in links if not (page.endswith("/README") and ("/" in link))]
        source[0] += TOCTREE.format("\n".join(own))


def included_files(folder: Path) -> dict[str, str]:
    """Return the pages that show a file from outside the documentation, by the path of that file."""
    pages = {path: INCLUDE.match(path.read_text(encoding="utf-8")) for path in folder.glob("*.md")}
    return {found[1]: path.name for path, found in pages.items() if found}


def _links_to_pages(page: str, text: str, included: dict[str, str]) -> str:
    up = "../" * (len(PurePosixPath(page).parts) - 1)
    text = text.replace(f"]({up}../notebooks/", f"]({up}notebooks/")  # see notebook_pages
    for file, name in included.items():
        text = text.replace(f"]({up}{file}", f"]({up}{name}")
    return text


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the setting `index_pages` and the handler."""
    app.add_config_value("index_pages", [], "env")
    app.connect("source-read", add_toctree)
    return {"parallel_read_safe": True}
