"""How wrong a solution is, against one at tolerances of 1e-11 by another tool."""

from __future__ import annotations

import numpy as np
from peers.scipy import solver

from tools.problem import Problem


def reference(problem: Problem) -> np.ndarray:
    """Return values by SciPy's Radau, relative tolerance 1e-11, absolute tolerance 1e-5 of the problem's."""
    return solver(problem.at(1e-11, 1e-5 * problem.atol), "Radau")()


def error(values: np.ndarray, exact: np.ndarray) -> float:
    """Return the largest error of any state at any time, relative to that state's largest value."""
    return float((np.abs(values - exact).max(axis=0) / np.abs(exact).max(axis=0)).max())
