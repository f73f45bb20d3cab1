"""Packages that only some parts need: each is asked for by name when it is missing, and nothing else needs it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.blocks.executor import executor_of
from immunoode.blocks.storage import storage_of
from immunoode.errors import MissingPackageError
from immunoode.fitting.uncertainty.draws import Draws
from immunoode.fitting.uncertainty.posterior import posterior
from immunoode.optional import EXTRAS, require

ROOT = Path(__file__).resolve().parents[1]
SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
DISTRIBUTION = {"libsbml": "python-libsbml", "yaml": "pyyaml"}
"""Names on PyPI that differ from the names of imports."""
TABLE = pd.DataFrame({"subject": list("abcd"), "arm": list("xxyy"), "time": [1, 2, 3, 4], "event": 1})
SBML = '<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model/></sbml>'


def _file(folder: Path, name: str) -> Path:
    (folder / name).write_bytes(b"\x00")
    return folder / name


def _draws() -> Any:
    return Draws(cast(Any, None), "posterior", ("rate",), np.zeros((1, 1)), np.ones((1, 1)), chain=np.zeros((1, 1, 1)))


NEEDS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "Cox regression": ("lifelines", lambda folder: imo.trial.cox(TABLE)),
    "hazard ratio": ("lifelines", lambda folder: imo.kaplan_meier(TABLE).hazard_ratio()),
    "parametric survival": ("lifelines", lambda folder: imo.trial.parametric_survival(TABLE)),
    "read_sbml": ("libsbml", lambda folder: imo.io.read_sbml(SBML)),
    "write_sbml": ("libsbml", lambda folder: imo.io.write_sbml(imo.load_model("tumour_immune"))),
    "read_petab": ("yaml", lambda folder: imo.io.read_petab(_file(folder, "problem.yaml"))),
    "xlsx": ("openpyxl", lambda folder: imo.read_trial(_file(folder, "table.xlsx"))),
    "xpt": ("pyreadstat", lambda folder: imo.read_trial(_file(folder, "table.xpt"))),
    "sas7bdat": ("pyreadstat", lambda folder: imo.read_trial(_file(folder, "table.sas7bdat"))),
    "download": ("pooch", lambda folder: imo.trial.fetch()),
    "parquet": ("pyarrow", lambda folder: storage_of(folder / "patients.parquet")),
    "zarr": ("zarr", lambda folder: storage_of(folder / "patients.zarr")),
    "client": ("distributed", lambda folder: executor_of(None, object())),
    "posterior": ("emcee", lambda folder: posterior(cast(Any, None), 20, None, None, 1)),
    "explore": ("anywidget", lambda folder: imo.explore("tumour_immune")),
    "to_arviz": ("arviz", lambda folder: _draws().to_arviz()),
}


@pytest.mark.parametrize("name", NEEDS)
def test_the_message_says_what_to_install(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, call = NEEDS[name]
    monkeypatch.delenv("IMMUNOODE_DATA", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    said = rf"needs the package {package}, which is not installed; pip install 'immunoode\[{EXTRAS[package]}\]'"
    with pytest.raises(MissingPackageError, match=said):
        call(tmp_path)


def test_every_package_is_tried() -> None:
    assert {package for package, _ in NEEDS.values()} == set(EXTRAS)


def test_errors_within_a_package_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zarr.py").write_text("import something_that_is_missing", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "zarr", raising=False)
    with pytest.raises(ModuleNotFoundError, match="something_that_is_missing") as caught:
        require("zarr", "a Zarr store")
    assert not isinstance(caught.value, MissingPackageError)


def _required(names: str) -> set[str]:
    """Return the names of the packages of a list of requirements."""
    return {re.split(r"[\[<>=;\s]", line)[0].lower() for line in names.split("\n") if line.strip()}


def test_extras_are_those_of_the_project() -> None:
    always = _required(SETUP["options"]["install_requires"])
    for package, extra in EXTRAS.items():
        distribution = DISTRIBUTION.get(package, package)
        assert distribution in _required(SETUP["options.extras_require"][extra]), f"{extra} does not install {distribution}"
        assert distribution not in always, f"{distribution} is always installed"


def _imported(tree: ast.AST) -> Iterator[str]:
    """Yield the packages that a file imports when it is imported; not those for types alone, nor within functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        ):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]
        if not isinstance(node, ast.expr):
            yield from _imported(node)


def test_no_file_imports_them_at_its_head() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "immunoode").rglob("*.py"))}
    mention = {path: text for path, text in texts.items() if any(package in text for package in EXTRAS)}
    found = {path.relative_to(ROOT).as_posix(): set(_imported(ast.parse(text))) for path, text in mention.items()}
    assert len(found) > 20
    of_the_widget = {"immunoode/explorer/widget.py": {"anywidget"}}  # its base class; `explore` imports it after `require`
    assert {name: used & set(EXTRAS) for name, used in found.items() if used & set(EXTRAS)} == of_the_widget


WITHOUT = """
import sys
sys.modules.update(dict.fromkeys({names}))
import immunoode as imo
import pkgutil, importlib
for found in pkgutil.walk_packages(imo.__path__, "immunoode."):
    if not found.name.endswith("__main__") and found.name != "immunoode.explorer.widget":
        importlib.import_module(found.name)
model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=4)
print(len(imo.simulate(model, regimen, until="10 weeks").to_frame()) > 10)
table = imo.load_example().frame
print(len(imo.read_trial(table).frame) == len(table))
"""


@pytest.mark.slow
def test_all_else_runs_without_them() -> None:
    program = WITHOUT.format(names=[*EXTRAS, "dask"])  # dask, which pint and xarray look for, itself imports yaml
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["True", "True"]
