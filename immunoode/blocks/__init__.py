"""Computations for patients in blocks: in this process, in local processes or on a Dask cluster; results in memory or in a
file."""
