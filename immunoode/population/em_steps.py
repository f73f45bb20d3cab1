"""Steps of expectation and maximisation with each subject's posterior taken as normal: where the methods start from."""

from __future__ import annotations

import numpy as np

from immunoode.fitting.observations import FloatArray, IntArray
from immunoode.population.conditional_modes import Modes, begin, modes
from immunoode.population.covariance import log_determinants
from immunoode.population.population_model import Point, Problem

COMPARED = 10
"""Rounds after which starts are compared."""
_LARGEST = 1.0
"""Longest change of a coefficient without random effect, or of an error's logarithm, in one step."""


def coefficients_of(problem: Problem, omega: FloatArray, latent: FloatArray, beta: FloatArray) -> FloatArray:
    """Return coefficients of parameters with random effects by generalised least squares on latent values (S, r)."""
    effects = problem.effects
    columns = effects.columns[:, effects.random]
    mine = np.flatnonzero(np.abs(columns).sum(axis=(0, 1)) > 0)
    x, precision = columns[..., mine], np.linalg.inv(omega)
    rest = latent - np.delete(columns, mine, axis=2) @ np.delete(beta, mine)
    left = np.einsum("srp,rt,stq->pq", x, precision, x)
    right = np.einsum("srp,rt,st->p", x, precision, rest)
    out = beta.copy()
    out[mine] = np.linalg.solve(left + 1e-12 * np.trace(left) * np.eye(len(mine)), right)
    return out


def fixed_step(problem: Problem, slope: FloatArray, w: FloatArray, by: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return gradient (F,) and information (F, F) of the coefficients without random effects, from (..., N) terms."""
    fixed = problem.effects.fixed
    columns = problem.effects.columns[problem.subject][:, fixed]
    mine = fixed_coefficients(problem)
    moved = np.einsum("...nk,nkp->...np", by[..., fixed], columns[..., mine])
    flat, size = moved.reshape(-1, len(mine)), np.broadcast_to(w, moved.shape[:-1]).reshape(-1)
    gradient = 0.5 * np.einsum("np,n->p", flat, np.broadcast_to(slope, moved.shape[:-1]).reshape(-1))
    return gradient, np.einsum("np,n,nq->pq", flat, size, flat)


def fixed_coefficients(problem: Problem) -> IntArray:
    """Return which coefficients belong to parameters without random effects."""
    columns = problem.effects.columns[:, problem.effects.fixed]
    return np.flatnonzero(np.abs(columns).sum(axis=(0, 1)) > 0)


def moved(start: FloatArray, gradient: FloatArray, information: FloatArray, share: float = 1.0) -> FloatArray:
    """Return numbers after a step of Newton's, shortened where it is long."""
    if not len(start):
        return start
    size = np.maximum(np.diag(information), 1e-12)
    step = -np.linalg.solve(information + 1e-6 * np.diag(size), gradient)
    return start + share * step * min(1.0, _LARGEST / max(float(np.abs(step).max()), 1e-12))


def error_step(problem: Problem, g: FloatArray, errors: FloatArray, spread: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return gradient (q,) and information (q, q) of the logarithms of error sizes, the mean over sets of predictions (C, N).

    `spread` (N,) is the variance of predictions about these, which adds to squared residuals.
    """
    by, shares = problem.likelihood.scores(g, errors)
    v = problem.likelihood.variance(g, errors)
    gradient = 0.5 * np.sum(by - shares * spread / v, axis=-1).mean(axis=-1)
    return gradient, 0.5 * np.einsum("icn,jcn->ij", shares, shares) / len(g)


def warm(problem: Problem, rounds: int) -> tuple[Point, Modes]:
    """Return the best point after some rounds from each start, and the most likely effects there."""
    if not problem.others:
        return _warm(problem, problem.start(), rounds)
    ends = [_warm(problem, problem.start(beta), max(rounds, COMPARED)) for beta in (problem.effects.start, *problem.others)]
    found = [float((m.penalised + log_determinants(m.hessian)).sum()) for _, m in ends]
    return ends[int(np.argmin(np.where(np.isfinite(found), found, np.inf)))]


def _warm(problem: Problem, point: Point, rounds: int) -> tuple[Point, Modes]:
    effects = problem.effects
    found = modes(problem, point, begin(problem, point), 20)
    for _ in range(rounds):
        inverse = np.linalg.inv(found.hessian)
        latent = effects.means(point.beta)[:, effects.random] + found.eta
        beta = coefficients_of(problem, point.omega, latent, point.beta)
        rest = latent - effects.means(beta)[:, effects.random]
        omega = effects.pattern.kept((rest.T @ rest + inverse.sum(axis=0)) / len(rest))
        solved = np.isfinite(found.g)
        g = np.where(solved, found.g, problem.likelihood.value)
        if len(effects.fixed):
            _, slope, w = problem.likelihood.first(g, point.errors)
            mine = fixed_coefficients(problem)
            beta[mine] = moved(beta[mine], *fixed_step(problem, slope, w, found.by))
        own = found.by[:, effects.random]
        spread = np.einsum("ni,nij,nj->n", own, inverse[problem.subject], own)
        errors = point.errors
        for _ in range(3):
            errors = moved(errors, *error_step(problem, g[None], errors, spread))
        point = Point(beta, omega, errors)
        found = modes(problem, point, rest, 6)
    return point, found
