"""`optimise`: the best schedule of a model, under limits, for one patient or a cohort."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from immunoode.model.model import Model
from immunoode.optimisation.arguments import check_search, limits_of
from immunoode.optimisation.problem import ScheduleProblem, schedule_problem
from immunoode.optimisation.result import OptimalSchedule
from immunoode.optimisation.solution import solve
from immunoode.solve.options import SolverOptions

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.virtual_population.cohort import Cohort
    from immunoode.virtual_population.patients import VirtualPatients


def optimise(
    model: Model | str,
    regimen: Any,
    until: str | float,
    *,
    choose: Mapping[str, Any],
    minimise: Any = None,
    maximise: Any = None,
    subject_to: Sequence[Any] | str = (),
    parameters: Mapping[str, float] | None = None,
    patients: pd.DataFrame | VirtualPatients | Cohort | None = None,
    over: Any = "mean",
    times: Any = None,
    starts: int = 4,
    method: str = "slsqp",
    tolerance: float = 1e-10,
    generations: int = 40,
    flatness: bool | None = None,
    seed: int = 0,
    solver: SolverOptions | None = None,
) -> OptimalSchedule:
    """Find the schedule that minimises or maximises an endpoint under limits.

    Parameters
    ----------
    model : Model or str
    regimen : Regimen, Schedule or callable
        A regimen whose doses are chosen, or a function that takes the choices as keyword arguments and returns a Regimen.
    until : str or float
        End of the simulation.
    choose : mapping
        The decision variables by name: bounds `(low, high)`, a `Choice` (with a start, a step, or a size), or a list of
        options. With a regimen, names are those of `prepare(vary=)`: "amount(docetaxel)" (all doses together),
        "amount(docetaxel, 0)", "time(docetaxel, 1)"; with a function, they are its arguments. Amounts per kilogram or per m2
        need a function; doses must stay within the simulation.
    minimise, maximise : str or Endpoint or Dosage
        One of the two: "sum_of_diameters: final", "log(tumour): at(90)", "tumour: area" or any other `Endpoint`.
    subject_to : sequence of str or Limit
        "neutrophils: minimum >= 1", "cumulative(docetaxel) <= 450", "interval(docetaxel) >= 7",
        "effective_dose(radiotherapy, alpha_beta=3, sparing=0.5) <= 100"; over a cohort also "... for quantile(0.95)".
    parameters : mapping, optional
        Values that differ from the model's.
    patients : DataFrame, VirtualPatients or Cohort, optional
        Parameters of the patients of a cohort, with its weights. The same patients are simulated in each evaluation.
    over : str or Statistic
        The statistic over a cohort that is optimised: "mean", "quantile(0.9)" (90 % of patients do at least as well),
        "cvar(0.9)" (the mean of the worst tenth).
    times : sequence of float, optional
        Output times in days, which determine minima and areas. Default: every day, and at least 400 times.
    starts : int
        The number of starting points: the given one, then a Sobol sequence within the bounds.
    method : {"slsqp", "trust-constr"}
        The method of SciPy; not used if schedules have no derivative.
    tolerance : float
        Tolerance of the objective, as a fraction of its differences between starts.
    generations : int
        The number of generations in the search for schedules without derivatives: regimens with triggers, or with a number of
        doses that depends on the choices.
    flatness : bool, optional
        Whether to draw other schedules that meet the same active limits. Default: for one patient with up to 30 numbers.
    seed : int
        Seed of starts, random schedules and the search.
    solver : SolverOptions, optional
        Default: as in `simulate`, but without extinction if a logarithm is requested, so that less than one cell is a small
        expected number.

    Returns
    -------
    OptimalSchedule

    Raises
    ------
    SolveError, ModelError, RegimenError
        If an argument is wrong, or no schedule can be simulated.

    Notes
    -----
    Gradients are derivatives of the solution with respect to amounts and times of doses, multiplied by the derivatives of the
    schedule with respect to the choices.

    Examples
    --------
    >>> import immunoode as imo
    >>> model = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))
    >>> regimen = imo.Regimen().dose("docetaxel", 100, every="3 weeks", count=2)
    >>> best = imo.optimise(
    ...     model, regimen, "10 weeks", choose={"amount(docetaxel, 0)": (0, 200), "amount(docetaxel, 1)": (0, 200)},
    ...     minimise="sum_of_diameters: final", subject_to=["cumulative(docetaxel) <= 250"], starts=1, flatness=False,
    ... )
    >>> best.feasible, best.limits_table()["active"].tolist()
    (True, [True])
    """
    begun = time.perf_counter()
    how = {"starts": starts, "method": method, "tolerance": tolerance, "generations": generations, "seed": seed}
    check_search(minimise, maximise, how, solver)
    problem = schedule_problem(
        model,
        regimen,
        until,
        choose,
        aim=minimise if maximise is None else maximise,
        maximise=maximise is not None,
        over=over,
        subject_to=limits_of(subject_to),
        parameters=parameters,
        patients=patients,
        times=times,
        solver=solver,
    )
    found = solve(problem, flat=flatness, **how)
    if problem.is_cohort:
        found = _beside_typical(problem, found, how)
    return replace(found, seconds=time.perf_counter() - begun)


def _beside_typical(problem: ScheduleProblem, found: OptimalSchedule, how: Mapping[str, Any]) -> OptimalSchedule:
    """Return the result with the optimum of the typical patient and its value for the cohort."""
    typical = solve(problem.of_typical_patient(), flat=False, **how)
    x = problem.numbers_of(typical.choices)
    evaluator = problem.evaluator(problem.options_of(typical.choices))
    return replace(
        found,
        typical=typical,
        typical_in_cohort=evaluator(x).objective,
        evaluations=found.evaluations + typical.evaluations + evaluator.count,
    )
