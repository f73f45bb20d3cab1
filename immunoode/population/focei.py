"""First-order conditional estimation with interaction: the marginal likelihood by Laplace's method, minimised."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from immunoode.fitting.observations import FloatArray
from immunoode.population.conditional_modes import conditional_modes, initial_effects, search_other_modes
from immunoode.population.em_steps import em_warm_start
from immunoode.population.laplace import MarginalLikelihood, marginal_likelihood
from immunoode.population.population_model import PopulationModel, PopulationParameters

WARM_ROUNDS = 8
FLAT = 0.02
"""Gradient per standard error of a parameter below which the fit has converged."""
SEARCHES, WORTH = 4, 0.01
"""Largest number of searches, each after a check for better conditional modes, and the gain that justifies another one."""
INTERRUPTED = "interrupted"
_FAR = 1e10


@dataclass
class Trace:
    """Parameter vector and objective (NaN if not computed) at each iteration."""

    vectors: list[FloatArray] = field(default_factory=list)
    objectives: list[float] = field(default_factory=list)

    def add(self, vector: FloatArray, objective: float = float("nan")) -> None:
        """Append one iteration."""
        self.vectors.append(np.array(vector))
        self.objectives.append(objective)


@dataclass(frozen=True)
class MethodResult:
    """Result of an estimation method: estimates, each subject's effects and their covariance, and why it stopped.

    `drift` (V,) is the distance by which estimates moved during the averaging iterations; `searched` is the number of
    iterations before these.
    """

    estimates: PopulationParameters
    eta: FloatArray
    spread: FloatArray
    success: bool
    message: str
    trace: Trace
    drift: FloatArray | None = None
    searched: int = 0

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped it."""
        return self.message.startswith(INTERRUPTED)


def focei(model: PopulationModel, start: PopulationParameters | None, iterations: int, bar: Any) -> MethodResult:
    """Minimise -2 log of the marginal likelihood; a given start is used unchanged.

    Second modes of subjects' effects are searched for before and after each minimisation, which continues if one of them is
    better.
    """
    trace = Trace()
    try:
        parameters, found = (
            em_warm_start(model, WARM_ROUNDS)
            if start is None
            else (start, conditional_modes(model, start, initial_effects(model, start)))
        )
        first = marginal_likelihood(model, model.vector(parameters), search_other_modes(model, parameters, found)[0].eta)
    except (KeyboardInterrupt, np.linalg.LinAlgError) as error:
        return failed_before_start(model, start, error)
    trace.add(model.vector(parameters), first.objective)
    end = _Descent(model.vector(parameters), first, False, "")
    for _ in range(SEARCHES):
        began = end.found.objective
        end = _descend(model, end, iterations, bar, trace)
        if end.stopped:
            break
        try:
            kept, gain = search_other_modes(model, model.parameters_of(end.vector), end.found.modes)
            if gain.sum() > WORTH:
                end = replace(end, found=marginal_likelihood(model, end.vector, kept.eta))
            elif end.success or began - end.found.objective < WORTH:
                break
        except (KeyboardInterrupt, np.linalg.LinAlgError) as error:
            end = replace(end, success=False, message=f"{stop_reason(error)}; these are the best values so far")
            break
    found = end.found.modes
    spread = np.asarray(np.linalg.inv(found.hessian), dtype=np.float64)
    return MethodResult(model.parameters_of(end.vector), found.eta, spread, end.success, end.message, trace)


@dataclass(frozen=True)
class _Descent:
    """End of a search: vector, marginal likelihood, convergence, message, and whether the user stopped it."""

    vector: FloatArray
    found: MarginalLikelihood
    success: bool
    message: str
    stopped: bool = False


def _descend(model: PopulationModel, start: _Descent, iterations: int, bar: Any, trace: Trace) -> _Descent:
    """Minimise -2 log of the marginal likelihood by BFGS."""
    from scipy.optimize import minimize

    origin, first, stopped = start.vector, start.found, False
    best: list[Any] = [first.objective, origin, first]
    scale = _scale(first)
    seen = {origin.tobytes(): first}

    def function(z: FloatArray) -> tuple[float, FloatArray]:
        vector = origin + scale @ z
        found = seen.get(vector.tobytes())
        if found is None:
            with np.errstate(all="ignore"):
                found = _tried(model, vector, best[2].modes.eta)
        bar.update()
        if found is None or not np.isfinite(found.objective):
            return _FAR + float(z @ z), 2.0 * z
        if found.objective <= best[0]:
            best[:] = [found.objective, vector, found]
            bar.set_postfix_str(f"objective {found.objective:.3f}", refresh=False)
        return found.objective, found.gradients.sum(axis=0) @ scale

    def step(z: FloatArray) -> None:
        trace.add(best[1], best[0])

    try:
        result = minimize(
            function,
            np.zeros(len(origin)),
            jac=True,
            method="BFGS",
            callback=step,
            options={"gtol": FLAT, "maxiter": iterations, "xrtol": 1e-7},
        )
        steep = float(np.max(np.abs(best[2].gradients.sum(axis=0) @ scale)))
        success = bool(result.success or steep < 10 * FLAT)
        message = "the gradient is zero" if success else f"{result.message} (gradient {steep:.2g} standard errors)"
    except (KeyboardInterrupt, np.linalg.LinAlgError) as error:
        success, message, stopped = (
            False,
            f"{stop_reason(error)}; these are the best values so far",
            isinstance(error, KeyboardInterrupt),
        )
    return _Descent(best[1], best[2], success, message, stopped)


def stop_reason(error: BaseException) -> str:
    """Return the reason in words why a fit ended early."""
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else f"numerical failure ({error})"


def failed_before_start(model: PopulationModel, start: PopulationParameters | None, error: BaseException) -> MethodResult:
    """Return the result of a fit that failed before its first iteration."""
    parameters = model.start() if start is None else start
    trace = Trace()
    trace.add(model.vector(parameters))
    eta = np.zeros((model.subjects, len(parameters.omega)))
    spread = np.repeat(parameters.omega[None], model.subjects, axis=0)
    return MethodResult(
        parameters, eta, spread, False, f"{stop_reason(error)} before the first iteration; these are the starting values", trace
    )


def _tried(model: PopulationModel, vector: FloatArray, eta: FloatArray) -> MarginalLikelihood | None:
    try:
        return marginal_likelihood(model, vector, eta)
    except np.linalg.LinAlgError:  # a step to a covariance that cannot be inverted
        return None


def _scale(first: MarginalLikelihood) -> FloatArray:
    """Return the matrix (V, V) that scales steps of one standard error to parameters, from the subjects' scores."""
    scores = 0.5 * first.gradients
    scores = scores - scores.mean(axis=0) * (len(scores) > scores.shape[1])
    information = scores.T @ scores
    size = np.maximum(np.diag(information), 1.0)
    shrunk = 0.8 * information + 0.2 * np.diag(size)
    return np.asarray(np.linalg.cholesky(np.linalg.inv(shrunk)))
