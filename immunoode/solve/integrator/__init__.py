"""How a problem is solved: kernels compiled by Numba, which know no model and no table."""
