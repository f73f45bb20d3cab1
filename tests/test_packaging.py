"""The package as others get it: built, installed in a fresh environment, and finding its models there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
NOT_COPIED = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")
QUESTION = (
    "import immunoode, immunoode.model.library as library\n"
    "print(immunoode.__file__)\n"
    "print(library.models_folder())\n"
    "print(*immunoode.list_models().index)\n"
    "print(*immunoode.list_regimens().index)\n"
    "print(len(immunoode.load_example().frame))\n"
)


def _run(*command: object, folder: Path) -> str:
    surroundings = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project, so that building leaves nothing in the tree."""
    return Path(shutil.copytree(ROOT, tmp_path_factory.mktemp("checkout") / "project", ignore=NOT_COPIED))


@pytest.fixture(scope="module")
def wheel(checkout: Path) -> Path:
    """Return the wheel of the project."""
    pytest.importorskip("pip")
    folder = checkout.parent / "wheel"
    isolated = () if _must_fetch() else ("--no-build-isolation",)
    _run(sys.executable, "-m", "pip", "wheel", "--no-deps", *isolated, "-w", folder, checkout, folder=checkout.parent)
    return next(folder.glob("*.whl"))


def _must_fetch() -> bool:
    """Whether the build requirements must be fetched, because this environment's setuptools is too old or absent."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return int(version("setuptools").split(".")[0]) < 77
    except PackageNotFoundError:
        return True


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Return the interpreter of a fresh environment that sees the libraries of this one, but no immunoode."""
    _run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "env", folder=tmp_path)
    interpreter = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(_run(interpreter, "-c", ask, folder=tmp_path).strip())
    # a path file is not read for path files of its own, so an editable immunoode here stays unseen there
    (own / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n" + sysconfig.get_path("platlib") + "\n")
    return interpreter


def _install(python: Path, *what: object) -> None:
    offline = ("--no-deps", "--no-index", "--no-build-isolation", "--quiet")
    _run(sys.executable, "-m", "pip", "--python", python, "install", *offline, *what, folder=python.parent)


def _answers(python: Path, folder: Path) -> tuple[Path, Path]:
    """Ask the installed package for its parts; return where it is and where its models are."""
    file, models, names, regimens, rows = _run(python, "-c", QUESTION, folder=folder).splitlines()
    assert {"tumour_immune", "pd1_inhibitor", "radiotherapy"} <= set(names.split())
    assert set(names.split()) == {path.stem for path in (ROOT / "models").glob("*.toml")}
    assert len(regimens.split()) >= 15
    assert int(rows) > 0
    return Path(file), Path(models)


def test_wheel_outside_the_checkout(wheel: Path, python: Path, tmp_path: Path) -> None:
    _install(python, wheel)
    file, models = _answers(python, tmp_path)
    assert file.is_relative_to(tmp_path / "env")
    assert models == file.parent / "models"


def test_wheel_while_standing_in_the_checkout(wheel: Path, python: Path, checkout: Path) -> None:
    _install(python, wheel)
    file, models = _answers(python, checkout)
    assert file == checkout / "immunoode" / "__init__.py"
    assert models == checkout / "models"


def test_editable(checkout: Path, python: Path, tmp_path: Path) -> None:
    if _must_fetch():
        pytest.skip("this environment's setuptools cannot build; the test extra has one that can")
    _install(python, "--editable", checkout)
    file, models = _answers(python, tmp_path)
    assert file == checkout / "immunoode" / "__init__.py"
    assert models == checkout / "models"


def test_wheel_holds_what_is_needed_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(next(n for n in names if n.endswith("METADATA"))).decode()
    folders = [path for name in ("models", "populations") for path in (ROOT / name).iterdir()]
    shipped = {f"immunoode/{path.parent.name}/{path.name}" for path in folders if path.suffix in (".toml", ".bib")}
    cohorts = [path for path in (ROOT / "populations" / "cohorts").glob("*") if path.suffix in (".toml", ".npy")]
    shipped |= {f"immunoode/populations/cohorts/{path.name}" for path in cohorts}
    assert shipped | {"immunoode/py.typed"} <= names
    assert {name.split("/")[0] for name in names} == {"immunoode", f"immunoode-{_version()}.dist-info"}
    assert "License-Expression: BSD-3-Clause" in metadata
    assert "Requires-Python: >=3.11" in metadata


def _version() -> str:
    import immunoode

    return immunoode.__version__
