"""Check the links within the built site, anchors too: python docs/_extensions/check_links.py build/docs/html."""

from __future__ import annotations

import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit


class Page(HTMLParser):
    """Collects the anchors of a page, and the addresses that it links to or loads."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors = {"", "top"}
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.append(value)


@cache
def read(path: Path) -> Page:
    """Return what a page has."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def broken(path: Path) -> list[str]:
    """Return the links of a page that lead to no file, or to no anchor of a page."""
    found = []
    for link in read(path).links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        file, anchor = urldefrag(link)
        target = (path.parent / unquote(urlsplit(file).path)).resolve() if file else path
        target = target / "index.html" if target.is_dir() else target
        if not target.exists() or (target.suffix == ".html" and unquote(anchor) not in read(target).anchors):
            found.append(link)
    return found


def loads_from_elsewhere(path: Path) -> list[str]:
    """Return scripts, styles and pictures that a page would load from the network."""
    text = path.read_text(encoding="utf-8")
    return [link for link in read(path).links if link.startswith("http") and f'src="{link}"' in text]


def main() -> int:
    """Print what is broken; the exit status says whether anything is."""
    folder = Path(sys.argv[1]).resolve()
    pages = [page for page in sorted(folder.rglob("*.html")) if "_static" not in page.parts]
    problems = [f"{p.relative_to(folder)}: {link}" for p in pages for link in [*broken(p), *loads_from_elsewhere(p)]]
    print("\n".join([*problems, f"{len(pages)} pages, {len(problems)} broken links"]))
    return 1 if problems or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
