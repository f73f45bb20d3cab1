"""diffrax (JAX): many patients in one `vmap` on the processor; one solve for each span between doses, inside one `scan`."""

from __future__ import annotations

from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from tools.problem import Problem
from tools.text import assignments

from peers import Entry

PATIENTS = 1000


def entries(problem: Problem, method: str = "Tsit5", patients: int = PATIENTS) -> list[Entry]:
    """Return one method; patients are equal, each solved with steps of its own, as `vmap` does."""
    jax.config.update("jax_enable_x64", True)
    solve = jax.jit(jax.vmap(_one(problem, method)))
    parameters = jnp.tile(jnp.asarray(problem.values), (patients, 1))
    rows = _places(problem)

    def run() -> np.ndarray:
        found = np.asarray(solve(parameters).block_until_ready()[-1])
        return np.concatenate([found[:-1].reshape(-1, found.shape[-1])[rows], found[-1:, -1]])

    return [Entry(f"diffrax {method}, {patients} patients in one vmap", run, patients=patients)]


def _spans(problem: Problem) -> tuple[np.ndarray, ...]:
    """Start and end of each span, times of output in it (filled up with its end), and what doses at its start do to states."""
    inside = [problem.times[(problem.times >= a) & (problem.times < b)] for a, b, _ in problem.intervals]
    width, n = max(map(len, inside)) + 1, len(problem.states)
    saved = np.array([np.r_[t, [b] * (width - len(t))] for t, (_, b, _) in zip(inside, problem.intervals, strict=True)])
    factors, amounts = np.ones((len(inside), n)), np.zeros((len(inside), n))
    for k, (_, _, doses) in enumerate(problem.intervals):
        for d in doses:
            factors[k, problem.dose_states[d]] = problem.factors[d]
            amounts[k, problem.dose_states[d]] = problem.amounts[d]
    starts, ends = (np.array([interval[i] for interval in problem.intervals]) for i in (0, 1))
    return starts, ends, saved, factors, amounts


def _places(problem: Problem) -> np.ndarray:
    starts, ends, saved, *_ = _spans(problem)
    return np.flatnonzero((saved < ends[:, None]).ravel())


def _one(problem: Problem, method: str) -> Any:
    term, spans = diffrax.ODETerm(_rates(problem)), tuple(map(jnp.asarray, _spans(problem)))
    control = diffrax.PIDController(rtol=problem.rtol, atol=problem.atol)
    solver = getattr(diffrax, method)()

    def solve(parameters: Any) -> Any:
        def span(y: Any, what: Any) -> Any:
            start, end, saved, factor, amount = what
            y = y * factor + amount
            save = diffrax.SaveAt(ts=saved)
            found = diffrax.diffeqsolve(
                term, solver, start, end, None, y, parameters, saveat=save, stepsize_controller=control, max_steps=100_000
            )
            return found.ys[-1], found.ys

        first = jnp.asarray(problem.initial)
        last, found = jax.lax.scan(span, first, spans)
        return jnp.concatenate([found, jnp.broadcast_to(last, (1, *found.shape[1:]))])

    return solve


def _rates(problem: Problem) -> Any:
    steps, rates = assignments(problem, "y[{}]", "p[{}]", "x{}", power="(({}) ** ({}))")
    lines = ["def rates(t, y, p):", *(f"    {name} = {text}" for name, text in steps), "    return jnp.stack(["]
    scope: dict[str, Any] = {"jnp": jnp, "exp": jnp.exp, "log": jnp.log}
    exec("\n".join([*lines, *(f"        {text}," for text in rates), "    ])"]), scope)
    return scope["rates"]
