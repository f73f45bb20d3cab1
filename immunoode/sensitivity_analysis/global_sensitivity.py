"""`global_sensitivity`: the influence of parameters on an endpoint over the whole distribution of patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import Problem, SolveError, nearest, renamed_arguments
from immunoode.model.closed_model import resolve
from immunoode.model.model import Model
from immunoode.optimisation.endpoints import Endpoint
from immunoode.optimisation.limits import Limit, limit
from immunoode.sensitivity_analysis.arguments import SIZES, check_arguments
from immunoode.sensitivity_analysis.inputs import FloatArray, Inputs, scores_of
from immunoode.sensitivity_analysis.outputs import Outputs, outputs
from immunoode.sensitivity_analysis.result import GlobalSensitivity, tables_of, without_constant
from immunoode.sensitivity_analysis.screening import morris, one_at_a_time, pawn, regional
from immunoode.sensitivity_analysis.shapley import shapley
from immunoode.sensitivity_analysis.sobol import Estimates, sobol
from immunoode.solve.options import SolverOptions
from immunoode.solve.simulate import as_model
from immunoode.virtual_population.model_bounds import unit_factors
from immunoode.virtual_population.sampling import Distributions, as_distribution

if TYPE_CHECKING:
    import pandas as pd


@renamed_arguments(of="measure")
def global_sensitivity(
    model: Model | str | None,
    distributions: Distributions,
    measure: Any,
    *,
    method: str = "sobol",
    regimen: Any = None,
    until: str | float | None = None,
    times: Any = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    n: int | None = None,
    most: int = 65_536,
    tolerance: float | None = None,
    confidence: float = 0.95,
    quantiles: tuple[float, float] = (0.05, 0.95),
    seed: int = 0,
    solver: SolverOptions | None = None,
) -> GlobalSensitivity:
    """Return the influence of each parameter, or group of parameters, on endpoints.

    Parameters
    ----------
    model : Model or str or None
        None if `measure` is a function.
    distributions : PopulationDistribution, str, or mapping of str to Marginal
        Distributions of the parameters that vary, as for `sample_patients`.
    measure : str, Endpoint, sequence of them, Limit or callable
        "sum_of_diameters: best_change" or any other `imo.optimisation.Endpoint`; with the method "regional", an event,
        "sum_of_diameters: best_change <= -0.3"; or a function that takes a table of parameters, one row per patient, and
        returns one number per row (for example, the result of a trial).
    method : {"sobol", "morris", "pawn", "regional", "shapley", "tornado"}
        - "sobol": first-order and total indices (shares of the variance without and with interactions), for independent
          parameters or groups.
        - "morris": mean absolute elementary effects, for screening many parameters.
        - "pawn": distance by which the distribution of the output shifts, for any shape.
        - "regional": which parameters differ between patients with and without an event.
        - "shapley": shares of the variance that add up to 1, also for correlated parameters.
        - "tornado": one parameter at a time from a low to a high quantile, the others at their medians.
    regimen, until, times, solver
        As for `immunoode.simulate`; by default at least 400 times for endpoints of whole time courses.
    groups : mapping of str to sequence of str, optional
        For "sobol": groups of parameters; a parameter without a group forms its own. Correlated parameters must be in one
        group.
    n : int, optional
        Size of the design: points of "sobol" and "shapley" (a power of two), trajectories of "morris", patients of "pawn" and
        "regional".
    most : int
        For "sobol" with a tolerance, the largest design.
    tolerance : float, optional
        For "sobol", the design is doubled until no interval is wider than twice this.
    confidence : float
        Level of bootstrap intervals.
    quantiles : (float, float)
        For "tornado".
    seed : int

    Returns
    -------
    GlobalSensitivity

    Raises
    ------
    SolveError, PopulationError
        If an argument is wrong, or an output is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import immunoode as imo
    >>> uniform = imo.virtual_population.Uniform(-np.pi, np.pi)
    >>> def ishigami(x):
    ...     return np.sin(x["a"]) + 7 * np.sin(x["b"]) ** 2 + 0.1 * x["c"] ** 4 * np.sin(x["a"])
    >>> found = imo.global_sensitivity(None, {"a": uniform, "b": uniform, "c": uniform}, ishigami, n=4096)
    >>> found.output_table()["total"].round(1).to_dict()
    {'a': 0.6, 'b': 0.4, 'c': 0.2}
    """
    size = {"n": n, "most": most, "tolerance": tolerance, "confidence": confidence, "quantiles": quantiles, "seed": seed}
    simulation = {"regimen": regimen, "until": until, "times": times, "solver": solver}
    check_arguments(method, **size, others={"measure": measure, "model": model, **simulation})
    population = as_distribution(distributions)
    factors = {} if model is None else unit_factors(population.units, resolve(as_model(model)))
    inputs = Inputs(population, factors)
    event = _event(measure) if method == "regional" else None
    analysed = outputs(model, regimen, until, event.quantity if event else measure, times, solver)
    how = _Settings(method, n or SIZES[method], most, tolerance, confidence, quantiles, seed)
    named = _groups(groups, inputs, method)
    found = _estimates(analysed, inputs, list(named.values()), event, how)
    labels = (str(event),) if event else analysed.labels
    rows = tuple(named) if method == "sobol" else inputs.names
    constant = analysed.constant
    values = found.values if method == "tornado" else without_constant(found.values, constant)
    tables = tables_of(values, rows, labels, method)
    sample = _sample(inputs, found, analysed.labels)
    notes = (*found.notes, *_on_constant(sample, analysed.labels, constant))
    return GlobalSensitivity(
        method,
        labels,
        tables,
        sample,
        inputs.names,
        found.n,
        analysed.count,
        found.converged,
        confidence,
        notes,
        _units(model, inputs, analysed),
    )


def _units(model: Model | str | None, inputs: Inputs, analysed: Outputs) -> dict[str, str]:
    """Return the units of parameters and outputs, as far as they are known."""
    if model is None:
        stated = inputs.population.units
    else:
        constants = resolve(as_model(model)).constants
        stated = {name: constants[name].unit for name in inputs.names}
    return {**{name: unit for name, unit in stated.items() if unit}, **analysed.units}


def _on_constant(sample: pd.DataFrame, labels: tuple[str, ...], constant: Sequence[bool]) -> list[str]:
    values = [(label, sample[label].iloc[0]) for label, same in zip(labels, constant, strict=True) if same]
    return [f"{label} is constant ({value:.6g}): no parameter changes it, and all measures are 0" for label, value in values]


@dataclass(frozen=True)
class _Settings:
    """Settings of the analysis, with the fields of `global_sensitivity`."""

    method: str
    n: int
    most: int
    tolerance: float | None
    confidence: float
    quantiles: tuple[float, float]
    seed: int


def _estimates(analysed: Outputs, inputs: Inputs, groups: list[list[int]], event: Limit | None, how: _Settings) -> Estimates:
    def evaluate(points: FloatArray) -> FloatArray:
        return analysed(inputs.at(points))

    d, shared = len(inputs.names), {"confidence": how.confidence, "seed": how.seed}
    if how.method == "sobol":
        return sobol(evaluate, groups, d, n=how.n, most=how.most, tolerance=how.tolerance, **shared)  # type: ignore[arg-type]
    if how.method == "morris":
        return morris(evaluate, d, n=how.n, **shared)  # type: ignore[arg-type]
    if how.method == "tornado":
        return one_at_a_time(evaluate, d, low=how.quantiles[0], high=how.quantiles[1])
    if how.method == "shapley":
        return shapley(lambda scores: analysed(inputs.at_scores(scores)), inputs.factor, n=how.n, **shared)  # type: ignore[arg-type]
    points = _marginal_points(inputs, how)
    found = analysed(inputs.at(points))
    own = _probabilities(inputs, points)
    if how.method == "pawn":
        return replace(pawn(own, found, **shared), points=points)  # type: ignore[arg-type]
    assert event is not None
    happens = event.sign * (found[:, 0] - event.limit) >= 0
    if happens.all() or not happens.any():
        share = "all" if happens.all() else "no"
        raise SolveError(Problem(f"{event}", f"is true for {share} patients", "a limit that some but not all patients reach"))
    return replace(regional(own, found, happens), points=points)


def _marginal_points(inputs: Inputs, how: _Settings) -> FloatArray:
    from scipy.stats import qmc

    return np.asarray(qmc.LatinHypercube(len(inputs.names), seed=how.seed).random(how.n))


def _probabilities(inputs: Inputs, points: FloatArray) -> FloatArray:
    """Return the probability of each parameter value, with the correlation of the parameters."""
    from scipy.special import ndtr

    return np.asarray(ndtr(scores_of(points) @ inputs.factor.T))


def _event(of: Any) -> Limit:
    found = of if isinstance(of, Limit) else limit(of) if isinstance(of, str) else None
    if found is None or not isinstance(found.quantity, Endpoint):
        right = "an event of a patient, such as 'sum_of_diameters: best_change <= -0.3'"
        raise SolveError(Problem("measure", f"is {of!r:.60}", right))
    return found


def _groups(given: Mapping[str, Sequence[str]] | None, inputs: Inputs, method: str) -> dict[str, list[int]]:
    """Return the columns of each group; a parameter without a group forms its own.

    Raises
    ------
    SolveError
        If groups overlap, contain unknown parameters, or separate correlated ones.
    """
    _check_groups(given, inputs)
    groups, problems = dict(given or {}), list[Problem]()
    if groups and method != "sobol":
        problems.append(Problem("groups", f"do not apply to the method {method!r}", "method='sobol'"))
    members = [name for group in groups.values() for name in group]
    problems += [Problem(f"groups: {n!r}", "does not vary", nearest(n, inputs.names)) for n in members if n not in inputs.names]
    problems += [
        Problem(f"groups: {n!r}", "is in two groups", "only one of them")
        for n in dict.fromkeys(members)
        if members.count(n) > 1
    ]
    whole = {**groups, **{name: [name] for name in inputs.names if name not in members}}
    if method == "sobol":
        for block in inputs.population.correlations:
            if not any(set(block.names) <= set(group) for group in whole.values()):
                what, right = f"{', '.join(block.names)} are correlated", "put them in one group, or method='shapley'"
                problems.append(Problem("distributions", what, right))
    SolveError.raise_if(problems)
    return {name: [inputs.names.index(one) for one in group] for name, group in whole.items()}


def _check_groups(given: Any, inputs: Inputs) -> None:
    """Refuse anything but a mapping of new names to parameters."""
    right = "a mapping of a group's name to the names of its parameters: {'killing': ['kill', 'affinity']}"
    if given is not None and not isinstance(given, Mapping):
        raise SolveError(Problem("groups", f"is {given!r:.60}", right))
    problems = [
        Problem(f"groups: {name!r}", f"is {group!r:.60}", right)
        for name, group in (given or {}).items()
        if not isinstance(group, (list, tuple)) or not group or not all(isinstance(one, str) for one in group)
    ]
    problems += [
        Problem(f"groups: {name!r}", "is also the name of a parameter outside the group", "another name")
        for name, group in (given or {}).items()
        if name in inputs.names and name not in group
    ]
    SolveError.raise_if(problems)


def _sample(inputs: Inputs, found: Estimates, labels: tuple[str, ...]) -> pd.DataFrame:
    """Return parameters and outputs of the sample."""
    own = {label: found.outputs[:, k] for k, label in enumerate(labels)}
    return inputs.at(found.points)[list(inputs.names)].assign(**own)
