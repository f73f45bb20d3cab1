"""The verification figure of a model: our curves on those of the papers' equations, integrated by SciPy."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import io
import re
from pathlib import Path
from textwrap import fill

import numpy as np
from papers import PAPERS, Paper, case_of

import immunoode as imo
from immunoode.model.paths import models_folder
from immunoode.plot.quantity_labels import words

HERE = Path(__file__).parent
FIGURES = HERE / "figures"
MOST = 6
STAMP = "Source"
OURS, THEIRS = "#0072B2", "#E69F00"


def of(name: str) -> list[Paper]:
    """Return the cases that a model is held against."""
    return [paper for paper in PAPERS if paper.model == name]


def stamp(name: str) -> str:
    """Return a digest of all that a figure is drawn from: the model's file, its equations' file in papers, how it is drawn.

    What changes no curve is left out: a model's description and the list of its checks, comments, layout and imports of code.
    """
    model = (models_folder() / f"{name}.toml").read_text(encoding="utf-8")
    model = re.sub(r'^description = """.*?"""$', "", model, flags=re.DOTALL | re.MULTILINE).partition("[[checks]]")[0]
    sources = [Path(__file__), HERE / "papers" / "solve.py", *equations_of(name)]
    return hashlib.sha256("".join([model, *map(_statements, sources)]).encode()).hexdigest()


def equations_of(name: str) -> list[Path]:
    """Return the files of papers in which a model's equations are written out."""
    files = [path for path in sorted((HERE / "papers").glob("*.py")) if path.stem not in ("__init__", "solve")]
    modules = {path: importlib.import_module(f"papers.{path.stem}") for path in files}
    return [path for path, module in modules.items() if any(paper.model == name for paper in module.PAPERS)]


@functools.cache
def _statements(path: Path) -> str:
    """Return the statements of a source file, without imports and texts that stand alone (docstrings)."""
    whole = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(whole):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [s for s in body if not isinstance(s, ast.Import | ast.ImportFrom) and not _is_text(s)]
    return ast.unparse(whole)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def stamp_in(path: Path) -> str:
    """Return the digest in a figure, or "" where there is none."""
    from PIL import Image

    with Image.open(path) as image:
        return str(image.info.get(STAMP, ""))


def curves(paper: Paper) -> tuple[imo.Simulation, dict[str, np.ndarray]]:
    """Return our run of a case and the paper's values, at the same times."""
    model, regimen = case_of(paper)
    how = {"rtol": 1e-11 if paper.stiff else 1e-12, "atol": 1e-24, "extinction": False}
    run = imo.simulate(model, regimen, times=paper.times(), **how)
    return run, paper.curves()


def panels(papers: list[Paper]) -> list[tuple[Paper, str]]:
    """Return which curves to show: those of the first case, then the first of each other."""
    first, *others = papers
    room = MOST - min(len(others), MOST // 2)
    states = [state for state in first.shown or first.states if np.any(first.curves()[state])]
    chosen = [(first, state) for state in states[:room]]
    return chosen + [(p, telling(p)) for p in others[: MOST - len(chosen)]]


def telling(paper: Paper) -> str:
    """Return the state that tells most of a case: the tumour where there is one."""
    states = paper.shown or paper.states
    return next((state for state in states if state in ("tumour", "size")), states[0])


def draw(name: str) -> bytes:
    """Return the figure of a model as PNG of few colours, with the digest of its sources."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from PIL import Image, PngImagePlugin

    chosen = panels(of(name))
    columns = min(len(chosen), 3)
    rows = -(-len(chosen) // columns)
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        size = (2.7 * columns, 2.0 * rows + 0.3)
        figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
        found = {}
        for ax, (paper, state) in zip(axes.flat, chosen, strict=False):
            if paper.name not in found:
                found[paper.name] = curves(paper)
            _panel(ax, paper, state, *found[paper.name], several=len(of(name)) > 1)
        for ax in list(axes.flat)[len(chosen) :]:
            ax.set_visible(False)
        for ax in axes[-1]:
            ax.set_xlabel("time (days)")
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=min(columns, 2), frameon=False)
        raw = io.BytesIO()
        figure.savefig(raw, format="png", dpi=90)
        plt.close(figure)
    out, text = io.BytesIO(), PngImagePlugin.PngInfo()
    text.add_text(STAMP, stamp(name))
    Image.open(raw).convert("RGB").quantize(48).save(out, format="png", optimize=True, pnginfo=text)
    return out.getvalue()


def _panel(ax, paper, state, run, theirs, *, several):
    times, wanted, ours = paper.times(), theirs[state], run[state]
    every = slice(3, None, 7)
    ax.plot(times, ours, color=OURS, lw=1.5, label="immunoode")
    ax.plot(times[every], wanted[every], "o", ms=4, mfc="none", color=THEIRS, mew=1.2, label="the same equations, by SciPy")
    positive = wanted[wanted > 0]
    if positive.size and positive.size > 0.5 * wanted.size and positive.max() > 1e3 * positive.min():
        ax.set_yscale("log")
        ax.set_ylim(max(positive.min(), 1e-9 * positive.max()) / 3, 3 * positive.max())
    unit = run.units[state]
    ax.set_ylabel(words(state) + (f"\n({unit})" if unit not in ("", "1") else ""))
    which = ", ".join(filter(None, (words(paper.variant or ""), paper.label)))
    if several and which:
        ax.set_title(fill(which, 30), fontsize=8)


def write(name: str) -> None:
    """Draw the figure of a model anew if what it is drawn from has changed."""
    path = FIGURES / f"{name}.png"
    if not of(name) or (path.is_file() and stamp_in(path) == stamp(name)):
        return
    FIGURES.mkdir(exist_ok=True)
    path.write_bytes(draw(name))
