"""Likelihoods of PEtab are densities, their slopes are slopes."""

from __future__ import annotations

import numpy as np
import pytest

from immunoode.petab.noise import likelihood


@pytest.mark.parametrize("transformation", ["lin", "log", "log10"])
@pytest.mark.parametrize("distribution", ["normal", "laplace"])
def test_likelihoods_are_densities(distribution: str, transformation: str) -> None:
    grid = np.linspace(1e-3, 60, 400_001)
    found = likelihood(grid, np.full_like(grid, 3.0), np.full_like(grid, 0.2), distribution, transformation)
    assert np.trapezoid(np.exp(found.each), grid) == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("transformation", ["lin", "log", "log10"])
@pytest.mark.parametrize("distribution", ["normal", "laplace"])
def test_slopes_of_likelihoods(distribution: str, transformation: str) -> None:
    measured, predicted, noise = np.array([2.0, 5.0]), np.array([3.0, 4.0]), np.array([0.2, 0.7])
    found = likelihood(measured, predicted, noise, distribution, transformation)
    for moved, slope in (((1e-6, 0.0), found.by_prediction), ((0.0, 1e-6), found.by_noise)):
        ends = [
            likelihood(measured, predicted + s * moved[0], noise + s * moved[1], distribution, transformation).each
            for s in (1, -1)
        ]
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)
