"""The same method in C, written by hand for the reference problem, compiled for this machine."""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from tools.problem import Problem

from peers import Entry

SOURCE = Path(__file__).parent / "reference_problem.c"
FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")


def entries(problem: Problem) -> list[Entry]:
    """Compile, and return the one entry; OSError where there is no compiler or the problem is another."""
    if problem.model.name != SOURCE.stem:
        raise OSError(f"written for {SOURCE.stem} alone")
    solve = _compiled().solve
    double, integer = ctypes.POINTER(ctypes.c_double), ctypes.POINTER(ctypes.c_int)
    solve.argtypes = [
        double,
        double,
        double,
        ctypes.c_int,
        double,
        integer,
        double,
        double,
        ctypes.c_int,
        ctypes.c_double,
        ctypes.c_double,
        double,
    ]
    out = np.empty((problem.times.size, len(problem.states)))
    inputs = (problem.initial, problem.values, problem.times, problem.dose_times, problem.amounts, problem.factors)
    initial, values, times, dose_times, amounts, factors = (_pointer(a) for a in inputs)
    states = problem.dose_states.ctypes.data_as(integer)
    arguments = (
        initial,
        values,
        times,
        problem.times.size,
        dose_times,
        states,
        amounts,
        factors,
        problem.dose_times.size,
        problem.rtol,
        problem.atol,
        _pointer(out),
    )

    def run() -> np.ndarray:
        solve(*arguments)
        return out

    return [Entry("the same method in C", run, note=f"{_compiler()} {FLAGS[0]} {FLAGS[1]}, for this model alone")]


def _compiler() -> str:
    return os.environ.get("CC", "cc")


def _compiled() -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "reference_problem.so"
        subprocess.run([_compiler(), *FLAGS, "-o", str(library), str(SOURCE), "-lm"], check=True)
        return ctypes.CDLL(str(library))


def _pointer(array: np.ndarray) -> ctypes._Pointer:  # type: ignore[type-arg]
    return np.ascontiguousarray(array, dtype=float).ctypes.data_as(ctypes.POINTER(ctypes.c_double))
