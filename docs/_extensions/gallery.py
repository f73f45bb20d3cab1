"""The gallery: a page for each folder of docs/figures/examples, with every figure and the code that draws it.

Figures are drawn by docs/figures/contact_sheet.py and kept in build/gallery, for each state of the package and of the examples.
Where notebooks are not run, figures are not drawn, and the pages show the code alone.
"""

from __future__ import annotations

import hashlib
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from notebook_cache import package_digest
from sphinx.application import Sphinx
from sphinx.config import Config
from written_pages import write_changed

ROOT = Path(__file__).resolve().parents[2]
SHEET = ROOT / "docs" / "figures" / "contact_sheet.py"
INDEX = """# Gallery

Every figure of the package, with the code that draws it. All figures are drawn by methods of results (`.plot()`) or by
functions of `imo.plot`, take `ax=` and return Axes; `imo.style("paper")`, `"notebook"` and `"slide"` set their size.

"""
HTML = """::::{{div}} math
```{{raw}} html
:file: figures/{}
```
::::"""


def figures(draw: bool) -> Path:
    """Return the folder of the figures, which are drawn unless they are there."""
    digest = hashlib.sha256(package_digest().encode())
    for path in sorted(SHEET.parent.glob("examples/*/*.py")):
        digest.update(path.read_bytes())
    folder = ROOT / "build" / "gallery" / digest.hexdigest()[:16]
    if draw and not (folder / "sheet_1.png").exists():
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        command = [sys.executable, str(SHEET), "--style", "notebook", "--out", str(folder)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.DEVNULL)
    return folder


def _outputs(example: Any, folder: Path) -> list[Path]:
    """Return the files that an example left, as contact_sheet.py names them: NAME.png, NAME_2.png, NAME.svg, NAME.html."""
    name = example.name.replace("/", "__")
    return sorted(path for path in folder.glob(f"{name}*") if re.fullmatch(r"(_\d+)?", path.stem.removeprefix(name)))


def _shown(example: Any, folder: Path) -> str:
    """Return what shows the outputs of an example."""
    paths = _outputs(example, folder)
    pictures = [f"![{example.title}](figures/{path.name})" for path in paths if path.suffix in (".png", ".svg")]
    texts = [HTML.format(path.name) for path in paths if path.suffix == ".html"]
    return "\n\n".join([*pictures, *texts])


def _section(example: Any, folder: Path) -> str:
    parts = [f"## {example.title}", example.description, _shown(example, folder), f"```python\n{example.code.strip()}\n```"]
    return "\n\n".join(part for part in parts if part)


def _card(example: Any, folder: Path) -> str:
    """Return a small picture that leads to the page of an example."""
    picture = [f":img-top: figures/{path.name}" for path in _outputs(example, folder)[:1] if path.suffix != ".html"]
    return "\n".join([f":::{{grid-item-card}} {example.title}", f":link: {example.group}", ":link-type: doc", *picture, ":::"])


def _index(groups: dict[str, list[Any]], folder: Path) -> str:
    parts = [INDEX]
    for group, own in groups.items():
        cards = "\n".join(_card(example, folder) for example in own)
        parts.append(f"## {_words(group)}\n\n::::{{grid}} 2 3 4 4\n:gutter: 2\n:class-container: gallery\n\n{cards}\n::::\n")
    return "\n".join([*parts, "```{toctree}", ":hidden:", "", *groups, "```", ""])


def _words(group: str) -> str:
    return group.replace("_", " ").capitalize()


def pages(folder: Path) -> dict[str, str]:
    """Return the text of each page, by its name."""
    groups: dict[str, list[Any]] = {}
    for example in runpy.run_path(str(SHEET), run_name="contact_sheet")["examples"]():
        groups.setdefault(example.group, []).append(example)
    texts = {}
    for group, own in groups.items():
        sections = [_section(example, folder) for example in own]
        texts[f"{group}.md"] = "\n\n".join([f"# {_words(group)}", *sections]) + "\n"
    return texts | {"index.md": _index(groups, folder)}


def write_pages(app: Sphinx, config: Config) -> None:
    """Write docs/gallery, and copy the figures there."""
    drawn = figures(draw=config.nb_execution_mode != "off")
    target = Path(app.srcdir) / "gallery"
    (target / "figures").mkdir(parents=True, exist_ok=True)
    for path in drawn.glob("*__*"):
        shutil.copy2(path, target / "figures" / path.name)
    write_changed(target, pages(drawn), "*.md")


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages before Sphinx looks which there are."""
    app.connect("config-inited", write_pages)
    return {"parallel_read_safe": True}
