"""From a slider's move to the redrawn panels of imo.explore, in Chromium: in a plain page, in JupyterLab and in marimo.

Two regimens, 200 virtual patients, seven panels. A slider is moved by the keyboard, 100 times, each time after the panels of
the move before were painted. Also a burst of moves without waiting, as of a dragged slider: how many of them were drawn. The
kernel alone is measured without a browser, its processor time too.

    python benchmarks/explorer.py [kernel] [page] [jupyterlab] [marimo] [--moves 100] [--screenshots FOLDER] [--beside FOLDER]

`--beside` takes another checkout of this repository: its explorer is moved in turns with the present one, so that both meet the
same load of the machine. Playwright with Chromium (CHROMIUM=/usr/bin/chromium) is needed, and jupyterlab or marimo for these.
In the line of the kernel, the second pair of columns is processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
MODEL = """import immunoode as imo
model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
"""
WIDGET = 'imo.explore(model, ["pembrolizumab_3_weekly", None])'
SLIDER = '[data-parameter="growth_rate"] input[type=range]'
MARIMO = f"""import marimo
app = marimo.App(width="full")

@app.cell
def _():
    import immunoode as imo
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    {WIDGET}
    return

if __name__ == "__main__":
    app.run()
"""
PAGE = f"""{MODEL}
from http.server import ThreadingHTTPServer
from explorer_page import handler_of
explorer = imo.explorer.ModelExplorer(model, ["pembrolizumab_3_weekly", None])
ThreadingHTTPServer(("127.0.0.1", PORT), handler_of(explorer, "white")).serve_forever()
"""
KERNEL = f"""{MODEL}
import json, sys, time
from immunoode.explorer.exchange import answer
explorer = imo.explorer.ModelExplorer(model, ["pembrolizumab_3_weekly", None])
for line in sys.stdin:
    state = explorer.state.with_value("growth_rate", float(line)).to_json()
    begin, processor = time.perf_counter(), time.process_time()
    json.dumps(answer(explorer, {{"kind": "panels", "id": 1, "state": state}}))
    print(1e3 * (time.perf_counter() - begin), 1e3 * (time.process_time() - processor), flush=True)
"""
LISTEN = "window.redrawn = []; addEventListener('immunoode-redrawn', (event) => window.redrawn.push(event.detail));"
NEXT = """() => { window.next = new Promise((resolve, reject) => {
  addEventListener("immunoode-redrawn", (event) => resolve(event.detail), { once: true });
  setTimeout(() => reject(new Error("the panels were not redrawn")), 120000);
}); }"""
"""Waits without looking again and again: that would make the browser draw frames."""


class Times(NamedTuple):
    """Milliseconds of each move: as a whole, and in the kernel; the redraws of a burst of 60 moves."""

    whole: list[float]
    kernel: list[float]
    burst: int


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def share() -> Path:
    """Return where the widgets of JupyterLab are installed, which need not be beside this interpreter."""
    import anywidget

    return Path(anywidget.__file__).parents[4] / "share" / "jupyter"


def environment(root: Path, folder: Path) -> dict[str, str]:
    """Return the environment of a server that has the package of a checkout, and settings of its own."""
    own = {name: str(folder) for name in ("JUPYTERLAB_WORKSPACES_DIR", "JUPYTERLAB_SETTINGS_DIR")}
    return {**os.environ, **own, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}", "JUPYTER_PATH": str(share())}


@contextmanager
def process(command: list[str], root: Path, folder: Path, url: str) -> Iterator[None]:
    """Run a server until the block ends; begin when it answers."""
    log = (folder / "server.log").open("w")
    started = subprocess.Popen(command, cwd=folder, env=environment(root, folder), stdout=log, stderr=log)
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(url, timeout=2)
                break
            except OSError:
                time.sleep(0.5)
        yield
    finally:
        started.terminate()
        started.wait(20)


@contextmanager
def in_page(browser: Any, root: Path, folder: Path) -> Iterator[Any]:
    """Yield the widget in a page whose kernel is a small server."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with process([sys.executable, "-c", PAGE.replace("PORT", str(port))], root, folder, url):
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(url)
        yield page


@contextmanager
def in_jupyterlab(browser: Any, root: Path, folder: Path) -> Iterator[Any]:
    """Yield the widget in a notebook of JupyterLab."""
    cell = {"cell_type": "code", "source": MODEL + WIDGET, "metadata": {}, "outputs": [], "execution_count": None, "id": "a"}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    port = free_port()
    (folder / "explorer.ipynb").write_text(json.dumps(notebook))
    options = ["--no-browser", f"--port={port}", "--IdentityProvider.token=", "--allow-root"]
    with process([sys.executable, "-m", "jupyterlab", *options], root, folder, f"http://127.0.0.1:{port}/api"):
        page = browser.new_page(viewport={"width": 1700, "height": 1200})
        page.goto(f"http://127.0.0.1:{port}/lab/tree/explorer.ipynb")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=180_000)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=180_000)
        page.keyboard.press("Escape")
        page.click(".jp-Notebook .jp-InputArea-editor")
        page.keyboard.press("Shift+Enter")
        yield page


@contextmanager
def in_marimo(browser: Any, root: Path, folder: Path) -> Iterator[Any]:
    """Yield the widget in an application of marimo."""
    port = free_port()
    (folder / "explorer.py").write_text(MARIMO)
    command = [sys.executable, "-m", "marimo", "run", "explorer.py", "--headless", f"--port={port}", "--no-token"]
    with process(command, root, folder, f"http://127.0.0.1:{port}/health"):
        page = browser.new_page(viewport={"width": 1500, "height": 1100})
        page.goto(f"http://127.0.0.1:{port}/")
        yield page


HOSTS: dict[str, Callable[..., Any]] = {"page": in_page, "jupyterlab": in_jupyterlab, "marimo": in_marimo}


def begin(page: Any) -> None:
    """Wait for the panels and focus the slider; the first moves compile and cache."""
    page.wait_for_selector(".imo-panel svg", timeout=240_000)
    page.evaluate(LISTEN)
    page.locator(SLIDER).focus()
    for _ in range(10):
        moved(page, "ArrowRight")


def moved(page: Any, key: str) -> dict[str, float]:
    """Move the slider; return what the widget says of the redrawn panels."""
    page.evaluate(NEXT)
    page.keyboard.press(key)
    found: dict[str, float] = page.evaluate("() => window.next")
    return found


def burst(page: Any) -> int:
    """Return how often the panels were redrawn for 60 moves without waiting."""
    page.evaluate("window.redrawn = []")
    for _ in range(60):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1500)
    return int(page.evaluate("window.redrawn.length"))


def times_of(pages: list[Any], moves: int) -> list[Times]:
    """Move the sliders of all pages in turns."""
    for page in pages:
        begin(page)
    found: list[list[dict[str, float]]] = [[] for _ in pages]
    for k in range(moves):
        for page, own in zip(pages, found, strict=True):
            own.append(moved(page, "ArrowRight" if k % 40 < 20 else "ArrowLeft"))
    return [
        Times([one["milliseconds"] for one in own], [one["computed"] for one in own], burst(page))
        for page, own in zip(pages, found, strict=True)
    ]


def measure_kernel(roots: list[Path], moves: int) -> None:
    """Print the time and the processor time of an answer, without a browser."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        running = []
        for root in roots:
            command = [sys.executable, "-c", KERNEL]
            running.append(subprocess.Popen(command, cwd=folder, env=environment(root, folder), **pipes))  # type: ignore[call-overload]
        times: list[list[list[float]]] = [[] for _ in roots]
        for k in range(moves + 10):
            for one, own in zip(running, times, strict=True):
                one.stdin.write(f"{0.006 + 0.0001 * (k % 20)}\n")
                own.append([float(text) for text in one.stdout.readline().split()])
        for root, one, own in zip(roots, running, times, strict=True):
            one.stdin.close()
            one.wait(20)
            wall, processor = np.array(own[10:]).T
            print(row("kernel", root, wall, processor), flush=True)


def row(host: str, root: Path, whole: Any, part: Any, more: str = "") -> str:
    """Return a line of the table."""
    (a, b), (c, d) = np.percentile(whole, [50, 95]), np.percentile(part, [50, 95])
    which = "" if root == ROOT else f" {root}"
    return f"{host:<11} {a:5.0f} ms {b:12.0f} ms {c:20.0f} ms {d:4.0f} ms {more:>10}{which}"


def measure(host: str, roots: list[Path], asked: argparse.Namespace, playwright: Any) -> None:
    """Measure in one host, and print a line for each checkout."""
    with ExitStack() as stack:
        pages = []
        for root in roots:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            stack.callback(browser.close)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            pages.append(stack.enter_context(HOSTS[host](browser, root, folder)))
        for root, times in zip(roots, times_of(pages, asked.moves), strict=True):
            print(row(host, root, times.whole, times.kernel, str(times.burst)), flush=True)
        if asked.screenshots:
            pages[0].mouse.move(5, 5)
            asked.screenshots.mkdir(parents=True, exist_ok=True)
            pages[0].screenshot(path=asked.screenshots / f"{host}.png", full_page=host == "page")


def main() -> None:
    """Measure, and print a table."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    known = ["kernel", *HOSTS]
    parser.add_argument("hosts", nargs="*", choices=known, metavar="HOST", help=", ".join(known))
    parser.add_argument("--moves", type=int, default=100)
    parser.add_argument("--screenshots", type=Path)
    parser.add_argument("--beside", type=Path, help="another checkout, which is moved in turns with this one")
    asked = parser.parse_args()
    roots = [ROOT, *([asked.beside.resolve()] if asked.beside else [])]
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print("host        median  95th percentile  in the kernel: median  95th  redraws of 60 moves in a burst")
    with sync_playwright() as playwright:
        for host in asked.hosts or known:
            if host == "kernel":
                measure_kernel(roots, asked.moves)
            else:
                measure(host, roots, asked, playwright)
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
