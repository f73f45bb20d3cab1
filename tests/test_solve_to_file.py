"""Virtual trials in files: whole under their name or not there, gone on with after an interruption, to the same bytes."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import FileError, SolveError
from tests.test_solve_population import decay

pytest.importorskip("pyarrow")
pytest.importorskip("zarr")
one_block = importlib.import_module("immunoode.solve.simulated_block")

PATIENTS = pd.DataFrame({"rate": np.linspace(0.1, 0.5, 11)}, index=[f"p{k}" for k in range(11)])
HOW: dict[str, Any] = {"until": 5, "outputs": "amount", "block": 3}


def content(path: Path) -> dict[str, bytes]:
    """Return the bytes of a file, or of every file of a folder."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return {str(p.relative_to(path)): p.read_bytes() for p in files}


def interrupted(monkeypatch: pytest.MonkeyPatch, after: int, error: BaseException) -> None:
    """End the simulation of a block."""
    original, calls = one_block.simulate, []

    def wrapped(*args: Any, **how: Any) -> Any:
        calls.append(1)
        if len(calls) == after:
            raise error
        return original(*args, **how)

    monkeypatch.setattr(one_block, "simulate", wrapped)


@pytest.mark.parametrize("suffix", [".parquet", ".zarr"])
def test_an_interrupted_trial_is_gone_on_with_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    whole, part = tmp_path / f"whole{suffix}", tmp_path / f"part{suffix}"
    known = imo.simulate_to(whole, decay(), parameters=PATIENTS, **HOW)
    with monkeypatch.context() as patched:
        interrupted(patched, 3, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt) as told:
            imo.simulate_to(part, decay(), parameters=PATIENTS, **HOW)
    assert "6 of 11 patients of an unfinished run" in told.value.__notes__[0] and "resume=True" in told.value.__notes__[0]
    assert sorted(os.listdir(tmp_path)) == [f"part{suffix}.part", f"whole{suffix}"]
    with pytest.raises(SolveError, match="6 of 11 patients of an unfinished run .* resume=True continues"):
        imo.simulate_to(part, decay(), parameters=PATIENTS, **HOW)
    with monkeypatch.context() as patched:
        interrupted(patched, 3, AssertionError("simulated again"))
        status = imo.simulate_to(part, decay(), parameters=PATIENTS, resume=True, **HOW)
    assert status.equals(known) and status.index.tolist() == PATIENTS.index.tolist()
    assert sorted(os.listdir(tmp_path)) == [f"part{suffix}", f"whole{suffix}"]
    assert content(part) == content(whole)


def test_what_is_begun_is_gone_on_with_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "trial.parquet"
    with monkeypatch.context() as patched:
        interrupted(patched, 2, SolveError(imo.errors.Problem("x", "y")))
        with pytest.raises(SolveError) as told:
            imo.simulate_to(path, decay(), parameters=PATIENTS, **HOW)
    assert "3 of 11 patients" in told.value.__notes__[0]
    others: dict[str, dict[str, Any]] = {
        "parameters": {"parameters": PATIENTS * 1.1},
        "regimen": {"regimen": imo.Regimen()},
        "until": {"until": 6},
        "options": {"rtol": 1e-5},
    }
    for name, other in others.items():
        with pytest.raises(SolveError, match=f"has other {name};"):
            imo.simulate_to(path, decay(), **{"parameters": PATIENTS, "resume": True, **HOW, **other})
    assert len(imo.simulate_to(path, decay(), parameters=PATIENTS.copy(), resume=True, threads=1, **{**HOW, "block": 2})) == 11


def test_nothing_done_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        interrupted(patched, 1, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            imo.simulate_to(tmp_path / "trial.zarr", decay(), parameters=PATIENTS, **HOW)
    assert os.listdir(tmp_path) == []
    (tmp_path / "trial.zarr.part").mkdir()  # killed before it had a plan
    imo.simulate_to(tmp_path / "trial.zarr", decay(), parameters=PATIENTS, resume=True, **HOW)
    (tmp_path / "b.zarr.part").mkdir()
    (tmp_path / "b.zarr.part" / "mine.txt").touch()
    with pytest.raises(SolveError, match="is not an unfinished run"):
        imo.simulate_to(tmp_path / "b.zarr", decay(), parameters=PATIENTS, resume=True, **HOW)
    with pytest.raises(FileError, match="folder that does not exist"):
        imo.simulate_to(tmp_path / "absent" / "b.zarr", decay(), parameters=PATIENTS, **HOW)


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, original = tmp_path / "trial.parquet", one_block.simulate

    def wrapped(*args: Any, **how: Any) -> Any:
        path.write_text("of somebody else")
        return original(*args, **how)

    monkeypatch.setattr(one_block, "simulate", wrapped)
    with pytest.raises(FileError, match="already exists"):
        imo.simulate_to(path, decay(), parameters=PATIENTS, **HOW)
    assert path.read_text() == "of somebody else"
    path.unlink()
    assert len(imo.simulate_to(path, decay(), parameters=PATIENTS, resume=True, **HOW)) == 11


@pytest.mark.skipif(os.name != "posix", reason="locks of files are those of POSIX")
def test_two_runs_do_not_write_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, original, said = tmp_path / "trial.parquet", one_block.simulate, list[str]()

    def wrapped(*args: Any, **how: Any) -> Any:
        if not said:
            said.append("")
            with pytest.raises(SolveError, match="another run is writing"):
                imo.simulate_to(path, decay(), parameters=PATIENTS, resume=True, **HOW)
        return original(*args, **how)

    monkeypatch.setattr(one_block, "simulate", wrapped)
    assert len(imo.simulate_to(path, decay(), parameters=PATIENTS, **HOW)) == 11 and said


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_whole_table_is_looked_at_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    table = pd.DataFrame({"rate": np.full(4000, 0.1)}, index=[f"s{k}" for k in range(4000)])
    table.iloc[[2500, 2600], 0] = value
    monkeypatch.setattr(one_block, "simulate", lambda *args, **how: pytest.fail("a block was simulated"))
    said = r"parameters\.rate: is not finite in row 's2500', and 1 more"
    with pytest.raises(SolveError, match=said):
        imo.simulate_to(tmp_path / "trial.parquet", decay(), until=1, parameters=table, outputs="amount", block=100)
    with pytest.raises(SolveError, match=said):
        imo.simulate_many(decay(), until=1, parameters=table, outputs="amount", block=100)
    assert os.listdir(tmp_path) == []
