"""The cache of compiled kernels: stored ones are used, damaged ones compiled anew; the first run equals the second."""

import json
import os
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import NamedTuple

import numpy as np
import pytest
from numba.core import event

from immunoode.__main__ import main
from immunoode.solve import warm as warming
from immunoode.solve.integrator import compile_message, kernel_cache
from immunoode.solve.integrator.jit import Kernel, entry, inner

COMPILATIONS, BYTES, ALL_BYTES = 98, 115_000, 385_000
"""What the first simulation on a machine may cost, whatever the machine: functions compiled, and machine code kept; and the
machine code of all kernels."""


def twice(x):
    return 2.0 * x


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return tmp_path


def files(folder):
    return sorted(folder.rglob("*.kernel"))


def compilations(work):
    """Return how many functions are compiled by some work."""
    listener = event.RecordingListener()
    with event.install_listener("numba:compile", listener):
        work()
    return sum(e.is_start for _, e in listener.buffer)


def called():
    """Call a kernel of two functions as a new process would; return what it gives."""
    once = inner(twice)

    def kernel(x):
        return once(x) + 1.0

    return entry(kernel)(3.0)


def test_a_stored_kernel_is_not_compiled_again(folder):
    assert compilations(called) == 3 and len(files(folder)) == 1
    assert compilations(called) == 0
    assert called() == 7.0


DAMAGES = {
    "empty": lambda data: b"",
    "cut off": lambda data: data[: len(data) // 2],
    "zeros at its end": lambda data: data[:-100] + bytes(100),
    "something else": lambda data: b"x" * 99,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_kernel_is_compiled_anew(folder, damage):
    called()
    (stored,) = files(folder)
    stored.write_bytes(DAMAGES[damage](stored.read_bytes()))
    assert compilations(called) == 3 and files(folder) == [stored]
    assert compilations(called) == 0 and called() == 7.0


def test_a_whole_file_that_holds_no_kernel_is_replaced(folder):
    called()
    (stored,) = files(folder)
    kernel_cache._write(stored, b"not a kernel")
    assert called() == 7.0 and compilations(called) == 0


def test_a_complete_cache_that_cannot_be_written_is_used(folder, monkeypatch):
    called()

    def refused(path, data):
        raise PermissionError(13, "Read-only file system", str(path))

    monkeypatch.setattr(kernel_cache, "_write", refused)
    monkeypatch.setattr(kernel_cache, "_can_be_written", lambda folder: False)
    assert compilations(called) == 0


def test_without_a_folder_kernels_are_compiled_for_the_process(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    assert called() == 7.0


def test_kernels_of_other_source_files_are_replaced(folder, monkeypatch):
    called()
    (old,) = files(folder)
    monkeypatch.setattr(kernel_cache, "_sources", lambda file: "0" * 16)
    assert compilations(called) == 3
    (new,) = files(folder)
    assert new != old


class Inside(NamedTuple):
    count: int
    factor: float


class Given(NamedTuple):
    """All that a record may hold."""

    matrix: np.ndarray
    inside: Inside
    pair: tuple
    column: np.ndarray
    is_on: bool
    rows: np.ndarray


def sum_of(given, out):
    total = 0.0
    for i in range(given.matrix.shape[0]):
        for j in range(given.matrix.shape[1]):
            out[i, j] += given.matrix[i, j] * given.inside.factor
    rest = given.column[1:]
    for i in range(rest.size):
        total += rest[i]
    for row in range(given.rows.size):
        total += given.rows[row].amount
    a, b = given.pair
    return total + given.inside.count + a[1] + b if given.is_on else -1.0


def test_kernels_take_records_by_reference(folder):
    rows = np.array([(1, 0.5), (2, 0.25)], dtype=[("kind", np.int64), ("amount", np.float64)])
    given = Given(np.arange(6.0).reshape(2, 3), Inside(7, 3.0), (np.array([1.0, 2.0]), 5), np.arange(5.0), True, rows)
    out, kernel = np.ones((2, 3)), entry(sum_of)
    assert kernel(given, out) == pytest.approx(10.0 + 0.75 + 7 + 2 + 5)
    assert out.tolist() == [[1.0, 4.0, 7.0], [10.0, 13.0, 16.0]]
    assert kernel(given._replace(is_on=False), out) == -1.0


def as_it_is(x):
    return x


@pytest.mark.parametrize("value", [3, -1, 2.5, True, False])
def test_a_number_comes_back_as_what_it_is(folder, value):
    found = entry(as_it_is)(value)
    assert found == value and type(found) is type(value)


def test_what_a_kernel_cannot_take_is_refused(folder):
    with pytest.raises(TypeError, match="cannot take 'three'"):
        entry(twice)("three")
    with pytest.raises(TypeError, match="do not lie side by side"):
        entry(twice)(np.arange(10.0)[::2])


def test_without_a_home_the_folder_of_the_package_is_used(monkeypatch):
    for name in ("NUMBA_CACHE_DIR", "HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(kernel_cache.Path, "home", refuse_a_home)
    assert [folder.name for folder in kernel_cache.folders()] == ["__pycache__"]


def refuse_a_home():
    raise RuntimeError("Could not determine home directory.")


def test_processes_that_write_at_once_leave_whole_files(tmp_path):
    path, contents = tmp_path / "a.kernel", [bytes([i]) * 200_000 for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda data: [kernel_cache._write(path, data) for _ in range(5)], contents))
    assert kernel_cache._read(path) in contents and list(tmp_path.iterdir()) == [path]


def test_intermediate_code_that_came_with_the_package_is_used(folder, tmp_path_factory, monkeypatch):
    shipped = tmp_path_factory.mktemp("shipped")
    monkeypatch.setenv(kernel_cache.SHIP_TO, str(shipped))
    called()
    monkeypatch.delenv(kernel_cache.SHIP_TO)
    monkeypatch.setattr(kernel_cache, "SHIPPED", shipped)
    (stored,) = files(folder)
    made = stored.read_bytes()
    stored.unlink()
    assert compilations(called) == 0 and files(folder) == [stored] and stored.read_bytes() == made
    stored.unlink()
    (code,) = shipped.iterdir()
    kernel_cache._write(code, zlib.compress(b"not what this LLVM can read"))
    assert compilations(called) == 3 and called() == 7.0


@pytest.mark.parametrize(("kept", "phrase"), [(True, "once for this installation"), (False, "set NUMBA_CACHE_DIR")])
def test_what_takes_seconds_is_announced(capsys, kept, phrase):
    compile_message.announce(max(compile_message.WORK), kept, is_shipped=False)
    said = capsys.readouterr()
    assert said.out == "" and phrase in said.err
    assert " s of processor time (longer on a busy machine), " in said.err
    compile_message.announce("evaluate_rows", kept, is_shipped=False)
    assert capsys.readouterr().err == ""


def test_notebooks_show_it_as_text(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr(compile_message, "_notebook", lambda: lambda data, raw: shown.append(data))
    compile_message.announce(max(compile_message.WORK), True, True)
    assert shown and "compiling" in shown[0]["text/plain"] and capsys.readouterr().err == ""


def test_the_kernels_that_take_seconds_are_kernels():
    modules = map(import_module, (f"immunoode.solve.integrator.{name}" for name in ("lanes", "scalar", "sbml_integrator")))
    names = {value.py_func.__name__ for module in modules for value in vars(module).values() if isinstance(value, Kernel)}
    assert set(compile_message.WORK) <= names


def test_warm_without_a_folder_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(warming, "KINDS", {})
    monkeypatch.setattr(kernel_cache, "compiled", ["one"])
    monkeypatch.setattr(kernel_cache, "writable_folder", lambda: None)
    assert main(["warm"]) == 2
    assert "NUMBA_CACHE_DIR" in capsys.readouterr().err


def test_a_function_of_kernels_cannot_be_called():
    with pytest.raises(TypeError, match="twice is called by kernels only"):
        inner(twice)(1.0)


FIRST = """
import json, os, sys
from numba.core import event
listener = event.RecordingListener()
event.register("numba:compile", listener)
import immunoode as imo
model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=9, over="30 min")
runs = [imo.simulate(model, regimen, until="1 year")] + [imo.simulate(model, regimen, until=30, method=m) for m in sys.argv[1:]]
print(json.dumps([sum(e.is_start for _, e in listener.buffer), [run.values.tobytes().hex() for run in runs]]))
"""


def process(folder, *methods):
    """Return compilations, bits and what was said on the error stream by a new process."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    done = subprocess.run([sys.executable, "-c", FIRST, *methods], env=environment, capture_output=True, text=True, check=True)
    return *json.loads(done.stdout), done.stderr


@pytest.mark.slow
def test_the_first_run_on_a_machine(tmp_path):
    """It compiles no more than it must, says so, and gives the bits of the second, which compiles nothing and is silent."""
    compiled, first, said = process(tmp_path)
    assert compiled <= COMPILATIONS and sum(f.stat().st_size for f in files(tmp_path)) <= BYTES
    assert "once for this installation" in said
    none, second, silent = process(tmp_path)
    assert none == 0 and silent == "" and second == first


@pytest.mark.slow
def test_implicit_steps_of_the_first_run(tmp_path):
    _, first, _ = process(tmp_path, "rodas5p", "tsit5")
    assert process(tmp_path, "rodas5p", "tsit5")[:2] == (0, first)


def warmed(folder):
    """Run the command that compiles all kernels; return what it says."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    command = [sys.executable, "-m", "immunoode", "warm"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_all_kernels_are_compiled_by_warm_once_by_processes_at_once(tmp_path):
    """Of two processes that need the same kernel, one compiles it; a third compiles nothing and is silent."""
    said = [process.communicate() for process in [warmed(tmp_path), warmed(tmp_path)]]
    counts = [int(out.split()[0]) for out, _ in said]
    stored = files(tmp_path)
    assert sum(counts) == len(stored) and sum(f.stat().st_size for f in stored) <= ALL_BYTES
    out, err = warmed(tmp_path).communicate()
    assert out.startswith("0 kernels compiled") and str(tmp_path) in out and err == ""


@pytest.mark.slow
def test_a_machine_without_a_folder_for_the_cache(tmp_path):
    (tmp_path / "file").write_text("")
    _, _, said = process(tmp_path / "file")
    assert "no folder for the cache" in said
