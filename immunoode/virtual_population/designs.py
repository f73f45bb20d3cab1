"""Designs of samples: independent patients, Latin hypercubes, and Sobol points, each as standard normal scores."""

from __future__ import annotations

import warnings
from typing import Literal, TypeAlias, get_args

import numpy as np

from immunoode.errors import PopulationError, Problem, nearest
from immunoode.number_checks import is_whole
from immunoode.virtual_population.marginals import FloatArray
from immunoode.virtual_population.random_numbers import normals, stream_key

Design: TypeAlias = Literal["random", "latin_hypercube", "sobol"]
DESIGNS = get_args(Design)
BITS = 32
"""Binary digits of Sobol points, which are shifted by half of the last digit, away from 0."""
LEAST = 2.0**-53


def independent_scores(
    design: str, dimensions: tuple[str, ...], first: int, count: int, *, seed: int, size: int | None = None, replicate: int = 0
) -> FloatArray:
    """Return independent standard normal scores of a block of patients.

    Parameters
    ----------
    design : {"random", "latin_hypercube", "sobol"}
    dimensions : tuple of str
        Names; with the design "random", each has its own random numbers, independent of which others there are.
    first, count : int
        The block.
    seed, replicate : int
    size : int, optional
        The number of patients in the whole design; by default, it ends with this block.

    Returns
    -------
    ndarray, shape (count, dimensions)

    Raises
    ------
    PopulationError
    """
    given = [("n", count, 1), ("first", first, 0), *([("size", size, 1)] if size is not None else [])]
    problems = [
        Problem(name, f"is {value!r}", f"a whole number of at least {least}")
        for name, value, least in given
        if not is_whole(value, least)
    ]
    if design not in DESIGNS:
        problems.append(Problem("design", f"{design!r} is not known", nearest(str(design), DESIGNS)))
    whole = 0 if problems else first + count if size is None else size
    if not problems and whole < first + count:
        problems.append(
            Problem("size", f"is {whole}, but the block ends at {first + count}", "the number of patients in the whole design")
        )
    PopulationError.raise_if(problems)
    if design == "random" or not dimensions:
        block = range(first, first + count)
        columns = np.empty((len(dimensions), count))
        for k, name in enumerate(dimensions):
            columns[k] = normals(seed, name, block, replicate=replicate)[:, 0]
        return columns.T
    return _scores(_points(design, len(dimensions), first, count, whole, seed, replicate))


def _points(design: str, dimensions: int, first: int, count: int, size: int, seed: int, replicate: int) -> FloatArray:
    """Return the points of a block of a design, shape (count, dimensions), between 0 and 1."""
    from scipy.stats import qmc

    entropy = np.random.SeedSequence(stream_key(seed, f"{design} {replicate}").tolist())
    random = np.random.Generator(np.random.Philox(entropy))
    if design == "latin_hypercube":
        return np.asarray(qmc.LatinHypercube(dimensions, seed=random).random(size)[first : first + count])
    points = qmc.Sobol(dimensions, bits=BITS, seed=random)
    if first:
        points.fast_forward(first)
    with warnings.catch_warnings():
        if size & (size - 1) == 0:  # the block need not be balanced
            warnings.simplefilter("ignore", UserWarning)
        return np.asarray(points.random(count) + 2.0 ** -(BITS + 1))


def _scores(points: FloatArray) -> FloatArray:
    from scipy.special import ndtri

    return np.asarray(ndtri(np.clip(points, LEAST, 1 - LEAST)))
