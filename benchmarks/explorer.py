"""From a slider's move to the redrawn panels of imo.explore, in Chromium: in a plain page, in JupyterLab and in marimo.

Two regimens, 200 virtual patients, seven panels. A slider is moved by the keyboard, 100 times, each time after the panels of
the move before were painted. Also a burst of moves without waiting, as of a dragged slider: how many of them were drawn.

    python benchmarks/explorer.py [page] [jupyterlab] [marimo] [--moves 100] [--screenshots FOLDER]

It needs playwright with Chromium (CHROMIUM=/usr/bin/chromium), and jupyterlab or marimo for these two.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
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
COUNT = "window.redrawn = []; addEventListener('immunoode-redrawn', (event) => window.redrawn.push(event.detail));"


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def share() -> Path:
    """Return where the widgets of JupyterLab are installed, which need not be beside this interpreter."""
    import anywidget

    return Path(anywidget.__file__).parents[4] / "share" / "jupyter"


@contextmanager
def process(command: list[str], folder: Path, url: str) -> Iterator[None]:
    """Run a server until the block ends; begin when it answers."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JUPYTER_PATH": str(share())}
    log = (folder / "server.log").open("w")
    started = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
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
def in_page(browser: Any) -> Iterator[Any]:
    """Yield the widget in a page whose kernel is a small server in this process."""
    from explorer_page import served

    import immunoode as imo

    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    with served(imo.explorer.ModelExplorer(model, ["pembrolizumab_3_weekly", None])) as url:
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(url)
        yield page
        page.close()


@contextmanager
def in_jupyterlab(browser: Any) -> Iterator[Any]:
    """Yield the widget in a notebook of JupyterLab."""
    cell = {"cell_type": "code", "source": MODEL + WIDGET, "metadata": {}, "outputs": [], "execution_count": None, "id": "a"}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        (folder / "explorer.ipynb").write_text(json.dumps(notebook))
        command = [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            f"--port={port}",
            "--IdentityProvider.token=",
            "--allow-root",
        ]
        with process(command, folder, f"http://127.0.0.1:{port}/api"):
            page = browser.new_page(viewport={"width": 1700, "height": 1200})
            page.goto(f"http://127.0.0.1:{port}/lab/tree/explorer.ipynb")
            page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=180_000)
            page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=180_000)
            page.keyboard.press("Escape")
            page.click(".jp-Notebook .jp-InputArea-editor")
            page.keyboard.press("Shift+Enter")
            yield page
            page.close()


@contextmanager
def in_marimo(browser: Any) -> Iterator[Any]:
    """Yield the widget in an application of marimo."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        (folder / "explorer.py").write_text(MARIMO)
        command = [sys.executable, "-m", "marimo", "run", "explorer.py", "--headless", f"--port={port}", "--no-token"]
        with process(command, folder, f"http://127.0.0.1:{port}/health"):
            page = browser.new_page(viewport={"width": 1500, "height": 1100})
            page.goto(f"http://127.0.0.1:{port}/")
            yield page
            page.close()


def times_of(page: Any, moves: int) -> tuple[list[float], list[float], int]:
    """Return milliseconds from a move to the panels, those of them in the kernel, and the redraws of a burst of 60 moves."""
    page.evaluate(COUNT)
    slider = page.locator(SLIDER)
    slider.focus()
    for k in range(moves + 10):  # the first ones compile and cache
        before = page.evaluate("window.redrawn.length")
        page.keyboard.press("ArrowRight" if k % 40 < 20 else "ArrowLeft")
        page.wait_for_function(f"window.redrawn.length > {before}", timeout=120_000)
    found = page.evaluate("window.redrawn")[10:]
    page.evaluate("window.redrawn = []")
    for _ in range(60):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1500)
    burst = int(page.evaluate("window.redrawn.length"))
    return [one["milliseconds"] for one in found], [one["computed"] for one in found], burst


def main() -> None:
    """Measure, and print a table."""
    from playwright.sync_api import sync_playwright

    hosts = {"page": in_page, "jupyterlab": in_jupyterlab, "marimo": in_marimo}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("hosts", nargs="*", choices=list(hosts), metavar="HOST", help=", ".join(hosts))
    parser.add_argument("--moves", type=int, default=100)
    parser.add_argument("--screenshots", type=Path)
    asked = parser.parse_args()
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print("host        median  95th percentile  in the kernel: median  95th  redraws of 60 moves in a burst")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for host in asked.hosts or list(hosts):
            with hosts[host](browser) as page:
                page.wait_for_selector(".imo-panel svg", timeout=240_000)
                whole, kernel, burst = times_of(page, asked.moves)
                (a, b), (c, d) = np.percentile(whole, [50, 95]), np.percentile(kernel, [50, 95])
                print(f"{host:<11} {a:5.0f} ms {b:12.0f} ms {c:20.0f} ms {d:4.0f} ms {burst:10d}", flush=True)
                if asked.screenshots:
                    page.mouse.move(5, 5)
                    asked.screenshots.mkdir(parents=True, exist_ok=True)
                    page.screenshot(path=asked.screenshots / f"{host}.png", full_page=host == "page")
        browser.close()
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
