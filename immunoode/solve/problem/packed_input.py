"""The packed input of native functions: its layout of time, states and other values, and the width of vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
VECTOR = 4
"""Vectors of states have a length that is a multiple of this (see `immunoode.solve.integrator.simd4`)."""
LANES = 8
"""The number of subjects that are integrated together (see `immunoode.solve.integrator.lanes`).

The number of values in the widest present registers.
"""
TIME_AT, DOSE_AT, STATES_AT = 0, 1, VECTOR
"""Positions in the packed input of every function."""
FLAG, SIZE, ITERATE_AT = range(3)
"""First rows of the prepared numbers for an implicit step of eight subjects (`immunoode.solve.problem.codegen_implicit`).

Zero, or infinite if the matrix is not factorised; the size of the leading eigenvalue; then the iterate of its eigenvector.
"""
NEVER = 1e300
"""Day of a first dose that has not been given yet."""
