"""A process that is killed while it writes leaves the old file or the new one, whole; what it simulated is gone on with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="processes are forked and killed")]
KILLS = 50
"""Moments per kind of result: fewer may all fall into the longer of two writes."""

PREPARED = """
import json, os, random, shutil, signal, sys, time, warnings
from pathlib import Path
import pandas as pd
import numpy as np
import immunoode as imo
from tests.population_models import decay_model, decays
from tests.test_solve_population import decay

warnings.simplefilter("ignore")
kind, folder, kills = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
luck = random.Random(kind)

def content(path):
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file() and not p.name.endswith(".part"))
    return {str(p.relative_to(path)): p.read_bytes() for p in files}

def killed_after(seconds, work):
    "Whether a child that does the work was killed at it."
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            print(json.dumps({"error": repr(error)[:500]}), flush=True)
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
"""

FILES = (
    PREPARED
    + """
def fits():
    data = decays(5, sd=(0.0, 0.3))
    return [imo.fit(decay_model(), data, ["rate"], start=start, progress=False) for start in (0.0, 0.5)]

def regimens(count):
    made = {k: imo.Regimen().dose("drug", f"{k + 1} mg", every="1 day", count=50) for k in range(count)}
    return {k: regimen.schedule({"drug": "mg"}, {}) for k, regimen in made.items()}

small, large = imo.load_model("claret2009"), imo.combine("tumour_immune", "pd1_inhibitor")
def petab(result):
    return lambda path: imo.io.write_petab(result, path, overwrite=True)

kinds = {
    "save_fit": lambda: ("a.fit", [lambda p, r=r: r.save(p) for r in fits()], imo.load_fit),
    "write_sbml": lambda: (
        "a.xml", [lambda p, m=m: imo.io.write_sbml(m, p, overwrite=True) for m in (small, large)], imo.io.read_sbml
    ),
    "write_petab": lambda: ("a", [petab(r) for r in fits()], lambda p: imo.io.read_petab(p / "problem.yaml")),
    "save_model": lambda: ("a.toml", [lambda p, m=m: imo.save_model(m, p) for m in (small, large)], imo.read_model),
    "write_records": lambda: (
        "a.csv", [lambda p, n=n: imo.io.write_records(regimens(n), time_unit="day", path=p, overwrite=True) for n in (1, 3)],
        lambda p: imo.io.read_records(p, {1: "drug"}, time_unit="day"),
    ),
}
name, writers, read = kinds[kind]()
path, known, took = folder / name, [], 0.0
for write in writers:
    begun = time.monotonic()
    write(path)
    took = max(took, time.monotonic() - begun)
    known.append(content(path))
assert known[0] != known[1]

def work():
    while True:
        for write in writers:
            write(path)

seen = {"old": 0, "new": 0, "unfinished": 0}
for rounds, longer in enumerate((1, 4, 16), start=1):  # on a busy machine a write takes longer than it took before
    for _ in range(kills):
        assert killed_after(luck.uniform(0.0, 4 * longer * took), work)
        if kind == "write_petab" and not (path / "problem.yaml").exists():
            seen["unfinished"] += 1  # said by who reads it: there is no problem file
            continue
        seen["old" if content(path) == known[0] else "new"] += content(path) in known
        read(path)
    if seen["old"] and seen["new"]:
        break
print(json.dumps(seen | {"kills": kills * rounds}))
"""
)

TRIAL = (
    PREPARED
    + """
patients = pd.DataFrame({"rate": np.linspace(0.1, 0.5, 4000)}, index=[f"p{k}" for k in range(4000)])
how = {"until": 200, "outputs": "amount", "block": 200, "parameters": patients, "threads": 1, "progress": False}
whole, path, part = (folder / f"{name}.{kind}" for name in ("whole", "trial", "trial"))

def simulated(path):
    return lambda: imo.simulate_to(path, decay(), resume=True, **how)

begun = time.monotonic()
pid = os.fork()
if pid == 0:
    simulated(whole)()
    os._exit(0)
os.waitpid(pid, 0)
took, known = time.monotonic() - begun, content(whole)
seen = {"unfinished": 0, "whole": 0}
for _ in range(kills):
    killed_after(luck.uniform(0.0, took), simulated(path))
    if path.exists():
        assert content(path) == known
        seen["whole"] += 1
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(path.with_name(path.name + ".part"), ignore_errors=True)
    else:
        seen["unfinished"] += 1
simulated(path)()
assert content(path) == known
print(json.dumps(seen))
"""
)


def outcome(script: str, kind: str, folder: Path) -> dict[str, int]:
    command = [sys.executable, "-c", script, kind, str(folder), str(KILLS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1_800, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert not [line for line in lines if "error" in line], lines
    return lines[-1]  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", ["save_fit", "write_sbml", "write_petab", "save_model", "write_records"])
def test_a_file_that_is_written_when_the_process_is_killed_is_the_old_one_or_the_new(kind: str, tmp_path: Path) -> None:
    seen = outcome(FILES, kind, tmp_path)
    assert seen["old"] + seen["new"] + seen["unfinished"] == seen["kills"]
    assert seen["old"] > 0 and seen["new"] > 0
    assert kind == "write_petab" or not seen["unfinished"]


@pytest.mark.parametrize("kind", ["parquet", "zarr"])
def test_a_trial_that_is_killed_is_gone_on_with_to_the_same_bytes(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow" if kind == "parquet" else "zarr")
    seen = outcome(TRIAL, kind, tmp_path)
    assert seen["unfinished"] > 0 and seen["unfinished"] + seen["whole"] == KILLS
