"""Counter-based random numbers of patients: each number depends only on seed, purpose, replicate, patient and draw.

The generator is Philox-4x64-10 [1]_, as NumPy has it. Its key is a hash (BLAKE2b, 128 bits) of the seed and the purpose. Its
counter of four 64-bit words contains, from the lowest: the patient number divided by 4 (each step gives four numbers), the
draw, the replicate, and 0. Patient i therefore has the same numbers in any block, any order and any process, and for any
number of draws; a block of consecutive patients needs one pass per draw.

For each seed, purpose and replicate, a patient owns 2**64 draws. Purposes never share numbers. Two arms with the same purpose
and patient have the same numbers (common random numbers).

.. [1] Salmon JK, Moraes MA, Dror RO, Shaw DE. Parallel random numbers: as easy as 1, 2, 3. SC '11 (2011).
   doi:10.1145/2063384.2063405
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem
from immunoode.number_checks import is_whole

FloatArray: TypeAlias = NDArray[np.float64]
Patients: TypeAlias = range | Sequence[int] | NDArray[np.integer]
"""Patient numbers, as a range (a block of consecutive patients), or in any order, with repetitions or without."""
WORDS = 4
"""64-bit numbers per step of the counter."""
GAP = 4096
"""Steps of the counter that are computed but not used, because a restart would take about as long."""
MOST = 2**63 - 1


def uniforms(
    seed: int, purpose: str, patients: Patients, draws: int = 1, *, first_draw: int = 0, replicate: int = 0
) -> FloatArray:
    """Return uniform random numbers between 0 and 1, both excluded.

    Parameters
    ----------
    seed : int
        The seed of the whole study.
    purpose : str
        The purpose of the numbers ("accrual", "measurement"); different purposes have independent numbers.
    patients : range or array of int, shape (n,)
        Patient numbers, zero or more: ``range(first, first + n)`` for a block.
    draws : int
        Numbers per patient.
    first_draw : int
        The number of the first draw, so that ``draws=2, first_draw=3`` are the fourth and the fifth.
    replicate : int
        The repetition of the study (of a simulated trial); each has independent numbers.

    Returns
    -------
    ndarray, shape (n, draws)
        Multiples of 2**-53 with 52 random bits. The columns are contiguous in memory.

    Raises
    ------
    DataError

    Examples
    --------
    >>> uniforms(1, "accrual", range(3), 2).round(4).tolist()
    [[0.0481, 0.8193], [0.195, 0.5064], [0.6605, 0.2179]]
    >>> bool((uniforms(1, "accrual", [2]) == uniforms(1, "accrual", range(1000))[2]).all())
    True
    """
    _check(purpose, {"draws": draws, "first_draw": first_draw, "replicate": replicate})
    numbers = _numbers(patients)
    out = np.empty((draws, len(numbers)))
    key = stream_key(seed, purpose)
    for run in _runs(numbers):
        for k in range(draws):
            out[k, run.rows] = _between_0_and_1(_words(key, run.first, run.count, first_draw + k, replicate)[run.places])
    return out.T


def normals(
    seed: int, purpose: str, patients: Patients, draws: int = 1, *, first_draw: int = 0, replicate: int = 0
) -> FloatArray:
    """Return standard normal random numbers: the quantiles at the numbers of `uniforms`, which has the same arguments.

    Parameters
    ----------
    seed, purpose, patients, draws, first_draw, replicate
        As for `uniforms`.

    Returns
    -------
    ndarray, shape (n, draws)
        Between -8.3 and 8.3.

    Raises
    ------
    DataError

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.virtual_population.normals(1, "measurement", range(3)).round(4).ravel().tolist()
    [1.0816, -0.1372, 0.5123]
    """
    from scipy.special import ndtri

    found = uniforms(seed, purpose, patients, draws, first_draw=first_draw, replicate=replicate)
    return np.asarray(ndtri(found, out=found))


def exponentials(
    seed: int, purpose: str, patients: Patients, draws: int = 1, *, first_draw: int = 0, replicate: int = 0
) -> FloatArray:
    """Return exponential random numbers with mean 1: the cumulative hazards at which events occur.

    They are the quantiles at the numbers of `uniforms`, which has the same arguments.

    Parameters
    ----------
    seed, purpose, patients, draws, first_draw, replicate
        As for `uniforms`.

    Returns
    -------
    ndarray, shape (n, draws)

    Raises
    ------
    DataError

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.virtual_population.exponentials(1, "death", range(3)).round(4).ravel().tolist()
    [0.3562, 0.5042, 0.1251]
    """
    return -np.log1p(-uniforms(seed, purpose, patients, draws, first_draw=first_draw, replicate=replicate))


def stream_key(seed: int, purpose: str) -> NDArray[np.uint64]:
    """Return the key of Philox for a seed and a purpose, shape (2,)."""
    try:
        number = operator.index(seed)
    except TypeError:
        raise DataError(Problem("seed", f"is {seed!r}", "a whole number")) from None
    digest = blake2b(f"{number} {purpose}".encode(), digest_size=16).digest()
    return np.frombuffer(digest, dtype="<u8").astype(np.uint64)


def _check(purpose: str, counts: dict[str, int]) -> None:
    problems = [
        Problem(name, f"is {value!r}", "a whole number, zero or more")
        for name, value in counts.items()
        if not (is_whole(value, 0) and value <= MOST)
    ]
    if not isinstance(purpose, str) or not purpose:
        problems.append(Problem("purpose", f"is {purpose!r}", "a word for the purpose of the numbers, such as 'accrual'"))
    DataError.raise_if(problems)


def _numbers(patients: Patients) -> range | NDArray[np.int64]:
    """Return patient numbers, checked."""
    if isinstance(patients, range) and (not patients or (patients.step == 1 and 0 <= patients[0] and patients[-1] <= MOST)):
        return patients
    given = np.asarray(patients)
    if given.ndim != 1 or (given.size and (given.dtype.kind not in "iu" or given.min() < 0 or given.max() > MOST)):
        raise DataError(Problem("patients", f"are {patients!r}", "whole numbers of zero or more, one per patient"))
    return given.astype(np.int64)


@dataclass(frozen=True)
class _Run:
    """Rows with nearby patient numbers: the smallest number, the length of the range, and which numbers of the range occur."""

    rows: NDArray[np.intp] | slice
    first: int
    count: int
    places: NDArray[np.int64] | slice


def _runs(numbers: range | NDArray[np.int64]) -> Iterator[_Run]:
    """Yield the runs of all rows."""
    if isinstance(numbers, range):
        yield _Run(slice(None), numbers.start, len(numbers), slice(None))
        return
    order = np.argsort(numbers, kind="stable")
    cuts = np.flatnonzero(np.diff(numbers[order]) > WORDS * GAP) + 1
    for rows in np.split(order, cuts) if len(order) else ():
        places = numbers[rows] - numbers[rows[0]]
        yield _Run(rows, int(numbers[rows[0]]), int(places[-1]) + 1, places)


def _words(key: NDArray[np.uint64], first: int, count: int, draw: int, replicate: int) -> NDArray[np.uint64]:
    """Return the 64 random bits of consecutive patients, shape (count,)."""
    step, skip = divmod(first, WORDS)
    counter = np.array([step, draw, replicate, 0], np.uint64)
    return np.random.Philox(key=key, counter=counter).random_raw(skip + count)[skip:]


def _between_0_and_1(words: NDArray[np.uint64]) -> FloatArray:
    """Return the midpoints of 2**52 equal parts of the interval; 53 bits would round to 1 at the upper end."""
    return np.add(words >> np.uint64(12), 0.5, dtype=np.float64) * 2.0**-52
