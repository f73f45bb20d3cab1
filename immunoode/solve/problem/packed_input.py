"""The packed input of native functions: where time, states and the rest stand in it, and how wide vectors are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
VECTOR = 4
"""Vectors of states have a length that is a multiple of this (see `immunoode.solve.integrator.simd4`)."""
LANES = 8
"""Subjects that step together (see `immunoode.solve.integrator.lanes`): the numbers in the widest registers of today."""
TIME_AT, DOSE_AT, STATES_AT = 0, 1, VECTOR
"""Places in the packed input of every function."""
FLAG, SIZE, ITERATE_AT = range(3)
"""First rows of what is prepared for an implicit step of eight subjects (`immunoode.solve.problem.codegen_implicit`): zero, or
infinite where the matrix is not factorised; the size of the leading eigenvalue; from there on, its eigenvector's iterate."""
NEVER = 1e300
"""Day of a first dose that was not given yet."""
