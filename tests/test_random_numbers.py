"""Random numbers of patients: the same in any block, order and number of draws; independent between purposes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from immunoode.errors import DataError
from immunoode.virtual_population.random_numbers import exponentials, normals, stream_key, uniforms

N = 5000


def test_blocks_orders_and_draws_make_no_difference() -> None:
    whole = uniforms(7, "accrual", range(N), 3)
    for size in (1, 3, 7, 1000):
        blocks = [uniforms(7, "accrual", range(k, min(k + size, N)), 3) for k in range(0, 50 * size, size) if k < N]
        assert np.array_equal(np.concatenate(blocks), whole[: 50 * size])
    order = np.random.default_rng(0).permutation(N)
    assert np.array_equal(uniforms(7, "accrual", order, 3), whole[order])
    assert np.array_equal(uniforms(7, "accrual", [4, 4, 2], 2), whole[[4, 4, 2], :2])
    assert np.array_equal(uniforms(7, "accrual", range(N), first_draw=2), whole[:, 2:])


def test_scattered_patients_are_those_of_a_block() -> None:
    far = [0, 10**12 + 1, 5, 10**15, 10**12 + 2, 2**63 - 1]
    alone = np.concatenate([uniforms(7, "accrual", range(k, k + 1), 2) for k in far])
    assert np.array_equal(uniforms(7, "accrual", far, 2), alone)


def test_the_numbers_are_these_on_every_machine() -> None:
    """They are Philox's, from the key and the counter that the module states; stored results depend on them."""
    step = np.random.Philox(key=stream_key(7, "accrual"), counter=np.array([1, 2, 3, 0], np.uint64)).random_raw(4)
    found = uniforms(7, "accrual", range(4, 8), first_draw=2, replicate=3)[:, 0]
    assert np.array_equal(found, ((step >> np.uint64(12)) + 0.5) / 2**52)
    assert uniforms(1, "accrual", range(3)).ravel().tolist() == [0.04807260397231661, 0.19500406878566168, 0.6605170683199303]


def test_purposes_seeds_replicates_and_draws_are_independent() -> None:
    streams = [
        uniforms(7, "accrual", range(N), 2),
        uniforms(8, "accrual", range(N)),
        uniforms(7, "dropout", range(N)),
        uniforms(7, "accrual", range(N), replicate=1),
    ]
    table = np.hstack(streams)
    between = np.corrcoef(table.T)[np.triu_indices(5, 1)]
    assert np.abs(between).max() < 4 / np.sqrt(N)
    assert np.abs(stats.spearmanr(table[:-1, 0], table[1:, 0])[0]) < 4 / np.sqrt(N)
    assert len(np.unique(table)) == table.size


def test_distributions() -> None:
    patients = range(20_000)
    assert stats.kstest(uniforms(1, "a", patients)[:, 0], "uniform").pvalue > 1e-3
    assert stats.kstest(normals(1, "a", patients)[:, 0], "norm").pvalue > 1e-3
    assert stats.kstest(exponentials(1, "a", patients)[:, 0], "expon").pvalue > 1e-3


def test_ends_are_excluded() -> None:
    from immunoode.virtual_population import random_numbers

    ends = np.array([0, 2**64 - 1], np.uint64)
    found = random_numbers._between_0_and_1(ends)
    assert 0 < found[0] < 1e-15 and 1 - 1e-15 < found[1] < 1


def test_no_patients_and_no_draws() -> None:
    assert uniforms(1, "a", range(0), 3).shape == uniforms(1, "a", [], 3).shape == (0, 3)
    assert normals(1, "a", range(4), 0).shape == (4, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.5, "a", range(3)), "seed: is 1.5; a whole number"),
        ((1, "", range(3)), "purpose: is ''"),
        ((1, "a", [0.5]), "patients: are .*whole numbers of zero or more"),
        ((1, "a", range(-1, 2)), "patients: are range"),
        ((1, "a", [[1]]), "patients: are"),
        ((1, "a", range(3), -1), "draws: is -1"),
    ],
)
def test_wrong_arguments(arguments: tuple, message: str) -> None:
    with pytest.raises(DataError, match=message):
        uniforms(*arguments)
