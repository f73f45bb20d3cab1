"""A new environment with the package alone: how many packages it has, that the demo runs in it, and what is asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
MOST = 33
"""Packages, with the package itself, pip and setuptools."""
VERBS = """
import immunoode as imo
import pandas as pd
model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=4)
print(imo.simulate(model, regimen, until="10 weeks").ok)
patients = imo.sample_patients(model, {"growth_rate": imo.virtual_population.LogNormal(0.01, sd=0.3)}, 20, seed=1)
print(len(patients))
table = pd.DataFrame({"subject": list("abcd"), "arm": list("xxyy"), "time": [1, 3, 2, 4], "event": 1})
print(imo.kaplan_meier(table, "OS").log_rank().degrees_of_freedom)
try:
    imo.trial.cox(table)
except imo.errors.MissingPackageError as error:
    print(error)
"""


def _run(*command: object, folder: Path) -> subprocess.CompletedProcess[str]:
    surroundings = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")} | {"MPLBACKEND": "Agg"}
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of an environment with the package and what it requires."""
    folder = tmp_path_factory.mktemp("light")
    copied = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, folder / "project", ignore=copied)
    made = _run(sys.executable, "-m", "venv", folder / "env", folder=folder)
    if made.returncode:
        pytest.skip("this Python makes no environment")
    interpreter = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    done = _run(interpreter, "-m", "pip", "install", "--quiet", folder / "project", folder=folder)
    if "No matching distribution" in done.stderr:
        pytest.skip("no index of packages can be reached")
    assert done.returncode == 0, done.stderr
    return interpreter


def test_it_has_few_packages(python: Path, tmp_path: Path) -> None:
    listed = _run(python, "-m", "pip", "list", "--format", "freeze", folder=tmp_path).stdout.split()
    assert len(listed) <= MOST, listed


def test_the_demo_runs(python: Path, tmp_path: Path) -> None:
    done = _run(python, "-m", "immunoode", "demo", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {"report.html", "scenarios.png"} <= {path.name for path in (tmp_path / "build" / "demo").iterdir()}


def test_the_verbs_of_every_day_run(python: Path, tmp_path: Path) -> None:
    done = _run(python, "-c", VERBS, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    *found, asked = done.stdout.strip().split("\n")
    assert found == ["True", "20", "1"]
    assert asked.endswith("pip install 'immunoode[survival]'")
