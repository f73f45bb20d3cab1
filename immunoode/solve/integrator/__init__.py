"""The integration of a problem: kernels compiled by Numba, which are independent of models and tables."""
