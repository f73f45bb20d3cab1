"""The posterior of a fit, sampled by emcee: all walkers of a step are simulated at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import FitError, Problem
from immunoode.fitting.least_squares import LeastSquares, error_ratio
from immunoode.fitting.likelihood import Scale
from immunoode.fitting.observations import FloatArray
from immunoode.fitting.uncertainty.draws import Draws
from immunoode.fitting.uncertainty.progress import bar_over
from immunoode.optional import require

if TYPE_CHECKING:
    from lmfit import Parameters

    from immunoode.fitting.finished import FinishedFit

LONG = 50.0
"""The number of autocorrelation times that a chain should last for reliable quantiles."""


def posterior(
    result: FinishedFit, steps: int, walkers: int | None, burn: int | None, seed: int, progress: bool | None = None
) -> Draws:
    """Return draws from the posterior.

    Priors are those of the fit. Other parameters have flat priors between their bounds on the fitted scale (for logarithms,
    flat in the logarithm). The error scales are sampled too, with priors that are flat in their logarithms.

    Parameters
    ----------
    steps : number of steps per walker, including those of `burn`
    walkers : at least twice the number of parameters; by default this number or 32, whichever is larger
    burn : steps left out at the start; by default twice the autocorrelation time, at least a fifth

    Raises
    ------
    FitError
        If the numbers are too small.
    MissingPackageError
        If emcee is not installed.
    """
    emcee = require("emcee", "the posterior")
    target = _Target(result)
    p = len(target.start)
    count = max(2 * p + 2, 32) if walkers is None else walkers
    if count < 2 * p or steps < 20 or (burn is not None and not 0 <= burn < steps):
        what = f"{count} walkers, {steps} steps, burn {burn}, of {p} parameters and error scales"
        raise FitError(Problem("posterior", what, "at least twice as many walkers as parameters, 20 steps, burn below steps"))
    random = np.random.default_rng(seed)
    first = np.clip(target.start + 0.5 * target.widths * random.standard_normal((count, p)), target.low, target.high)
    sampler = emcee.EnsembleSampler(count, p, target, vectorize=True)
    sampler.random_state = np.random.RandomState(int(random.integers(2**31))).get_state()
    done = 0
    with bar_over(steps, "posterior", progress) as bar:
        try:
            for _ in sampler.sample(first, iterations=steps, skip_initial_state_check=True):
                done += 1
                bar.update()
        except KeyboardInterrupt:
            if done < 20:
                raise
    tau = float(np.max(sampler.get_autocorr_time(tol=0)))
    left_out = burn if burn is not None else min(max(int(2 * tau) if np.isfinite(tau) else 0, done // 5), done // 2)
    chain = np.asarray(sampler.get_chain())[left_out:done]
    flat = chain.reshape(-1, p)
    facts = {
        "acceptance": float(np.mean(sampler.acceptance_fraction)),
        "autocorrelation time": tau,
        "effective draws": len(flat) / tau if tau > 0 else np.nan,
    }
    why = () if done - left_out > LONG * tau else (f"{done} steps are too few for an autocorrelation time of {tau:.0f}",)
    names = tuple(result.lmfit.var_names)
    return Draws(result, "posterior", names, flat[:, : len(names)], np.exp(flat[:, len(names) :]), why, facts, chain)


class _Target:
    """Log-posterior of rows (B, p): fitted parameters, then the logarithms of the scales of errors."""

    def __init__(self, result: FinishedFit) -> None:
        self.least_squares: LeastSquares = result.least_squares
        self.parameters: Parameters = result.lmfit.params.copy()
        self.names = list(result.lmfit.var_names)
        params = [result.lmfit.params[n] for n in self.names]
        count = 1 if self.least_squares.pool else len(self.least_squares.errors)
        own = np.log([m.scale.s for m in self.least_squares.errors[:count]])
        self.start = np.concatenate([[p.value for p in params], own])
        self.low = np.concatenate([[p.min for p in params], own - 5.0])
        self.high = np.concatenate([[p.max for p in params], own + 5.0])
        errors = [p.stderr if p.stderr is not None and np.isfinite(p.stderr) and p.stderr < 5 else 0.1 for p in params]
        self.widths = np.concatenate([errors, np.full(count, 1 / np.sqrt(2 * len(self.least_squares.observations)))])

    def __call__(self, rows: FloatArray) -> FloatArray:
        inside = np.all((rows >= self.low) & (rows <= self.high), axis=1)
        out = np.full(len(rows), -np.inf)
        if not inside.any():
            return out
        chosen = rows[inside]
        k, parameterisation = len(self.names), self.least_squares.parameterisation
        values, ratios, extra = [], [], []
        for row in chosen:
            params = parameterisation.set_varied(self.parameters, self.names, row[:k])
            values.append(parameterisation.values(params))
            ratios.append([error_ratio(m, params) for m in self.least_squares.errors])
            extra.append(float(np.sum(self.least_squares.priors.residuals(params) ** 2)))
        f = self.least_squares.predict(np.stack(values))
        cost = [self._deviance(f[b], ratios[b], np.exp(chosen[b, k:])) + extra[b] for b in range(len(chosen))]
        out[inside] = np.where(np.isfinite(cost), -0.5 * np.array(cost), -np.inf)
        return out

    def _deviance(self, f: FloatArray, ratios: list[float], scales: FloatArray) -> float:
        if not np.isfinite(f).all():
            return np.inf
        total = 0.0
        for q, (model, at) in enumerate(zip(self.least_squares.errors, ratios, strict=True)):
            s = float(scales[0 if self.least_squares.pool else q])
            total += replace(model, scale=Scale(s)).deviance(f[model.rows], at)
        return total
