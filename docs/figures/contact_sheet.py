"""Draw every example of docs/figures/examples, and a contact sheet of all.

Run: python docs/figures/contact_sheet.py [--style paper|notebook|slide] [--grey] [--only NAME ...] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import ast
import runpy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

HERE = Path(__file__).parent
EXAMPLES = HERE / "examples"
COLUMNS, WIDTH, DPI = 7, 2.6, 90


@dataclass(frozen=True)
class Example:
    """One example: where it is, the heading it belongs to, its title, its description, and the code that is shown."""

    path: Path
    group: str
    title: str
    description: str
    code: str

    @property
    def name(self) -> str:
        """The group and the name of the file."""
        return f"{self.group}/{self.path.stem}"


@dataclass(frozen=True)
class Drawn:
    """What an example made: figures of matplotlib, or text (SVG or HTML)."""

    figures: tuple[Any, ...]
    text: str = ""


def examples() -> list[Example]:
    """Return all examples, in the order of their paths."""
    return [_read(path) for path in sorted(EXAMPLES.glob("*/*.py"))]


def _read(path: Path) -> Example:
    text = path.read_text(encoding="utf-8")
    head, *rest = ast.parse(text).body
    title, _, description = ast.literal_eval(head.value).partition("\n")  # type: ignore[attr-defined]
    code = "".join(text.splitlines(keepends=True)[rest[0].lineno - 1 :])
    return Example(path, path.parent.name, title.rstrip("."), description.strip(), code)


def draw(example: Example) -> Drawn:
    """Run an example and return what it drew; the figures stay open."""
    before = set(plt.get_fignums())
    made = runpy.run_path(str(example.path))
    figures = tuple(plt.figure(k) for k in plt.get_fignums() if k not in before)
    return Drawn(figures, made.get("svg") or made.get("html") or "")


def main() -> None:
    """Draw the examples that are asked for, and the sheet."""
    asked = _arguments()
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.style:
        import immunoode as imo

        imo.style(asked.style)
    for example in examples():
        if not asked.only or any(word in example.name for word in asked.only):
            _save(example, asked.out)
    pictures = sorted(asked.out.glob("*__*.png"))
    if asked.grey:
        for picture in pictures:
            _in_grey(picture)
    sheet(pictures, asked.out / "contact_sheet.png")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Draw every example of docs/figures/examples, and a contact sheet of all.")
    parser.add_argument("--style", choices=("paper", "notebook", "slide"))
    parser.add_argument("--grey", action="store_true", help="as printed without colour")
    parser.add_argument("--only", nargs="*", default=(), help="parts of names")
    parser.add_argument("--out", type=Path, default=Path("figures"))
    return parser.parse_args()


def _save(example: Example, folder: Path) -> None:
    begun = time.perf_counter()
    drawn = draw(example)
    for k, figure in enumerate(drawn.figures):
        end = f"_{k + 1}" if k else ""
        figure.savefig(folder / f"{example.name.replace('/', '__')}{end}.png", dpi=90)
    if drawn.text:
        kind = "svg" if drawn.text.startswith("<svg") else "html"
        (folder / f"{example.name.replace('/', '__')}.{kind}").write_text(drawn.text, encoding="utf-8")
    plt.close("all")
    print(f"{example.name}: {time.perf_counter() - begun:.1f} s", flush=True)


def _in_grey(path: Path) -> None:
    from PIL import Image

    with Image.open(path) as picture:
        grey = picture.convert("L")
    grey.save(path)


def sheet(pictures: Sequence[Path], path: Path) -> None:
    """Put pictures on one sheet."""
    rows = -(-len(pictures) // COLUMNS)
    size = (COLUMNS * WIDTH, rows * 0.85 * WIDTH)
    figure, boxes = plt.subplots(rows, COLUMNS, figsize=size, squeeze=False, layout="none")
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.985, 0.03, 0.1)
    for box in boxes.flat:
        box.set_axis_off()
    for box, picture in zip(boxes.flat, pictures, strict=False):
        box.imshow(plt.imread(picture), cmap="gray", interpolation="antialiased")
        box.set_title(picture.stem.replace("__", ": ").replace("_", " "), fontsize=6)
    figure.savefig(path, dpi=DPI)
    plt.close(figure)


if __name__ == "__main__":
    main()
