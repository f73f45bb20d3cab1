"""Dose finding: the probability of response minus a weight times that of toxicity, for doses and intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.model.model import Model
from immunoode.notebook import shown
from immunoode.optimisation.dosages import FloatArray
from immunoode.optimisation.endpoints import Endpoint
from immunoode.optimisation.limits import Limit, limit
from immunoode.optimisation.problem import ScheduleProblem, schedule_problem
from immunoode.optimisation.report import words
from immunoode.solve.options import SolverOptions

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
@shown
class DoseFinding:
    """The utility of each combination of doses and intervals.

    Attributes
    ----------
    axes : dict of str to tuple
        The decision variables with their values.
    response, toxicity : ndarray, shape (cells,)
        The proportions of patients, in the order of `cells`.
    draws : ndarray, shape (draws, cells)
        Utilities of resampled patients.
    weight : float
        The number of responses that balance one toxicity.
    events : tuple of Limit
        The definitions of response and toxicity.
    subjects : int
        The number of patients in each sample.
    units : mapping of str to str
        The units of the outputs of the events, and of decision variables that the regimen states as they are.
    """

    axes: dict[str, tuple[Any, ...]]
    response: FloatArray
    toxicity: FloatArray
    draws: FloatArray
    weight: float
    events: tuple[Limit, Limit]
    subjects: int
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def cells(self) -> list[dict[str, Any]]:
        """The choices in each cell."""
        return [dict(zip(self.axes, values, strict=True)) for values in product(*self.axes.values())]

    @property
    def utility(self) -> FloatArray:
        """Probability of response minus weight times probability of toxicity."""
        return self.response - self.weight * self.toxicity

    @property
    def best(self) -> dict[str, Any]:
        """The choices in the cell with the largest utility."""
        return self.cells[int(self.utility.argmax())]

    @property
    def probability_best(self) -> FloatArray:
        """The frequency with which each cell has the largest utility among samples of patients."""
        return np.bincount(self.draws.argmax(axis=1), minlength=self.draws.shape[1]) / len(self.draws)

    def to_frame(self, confidence: float = 0.95) -> pd.DataFrame:
        """Return one row per cell: choices, probabilities, utility with its interval, and how often the cell is the best."""
        import pandas as pd

        frame = pd.DataFrame(self.cells)
        low, high = np.quantile(self.draws, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
        frame = frame.assign(
            response=self.response,
            toxicity=self.toxicity,
            utility=self.utility,
            lower=low,
            upper=high,
            probability_best=self.probability_best,
        )
        frame.attrs["units"] = dict(self.units)
        return frame

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the utility over two axes with contours and the best cell; see `immunoode.plot.optimisation.plot_utility`."""
        from immunoode.plot.optimisation import plot_utility

        return plot_utility(self, ax=ax, **options)

    def plot_doses(self, ax: Any = None, **options: Any) -> Any:
        """Draw probabilities and utility against one dose; see `immunoode.plot.optimisation.plot_dose_response`."""
        from immunoode.plot.optimisation import plot_dose_response

        return plot_dose_response(self, ax=ax, **options)

    def report(self) -> str:
        """Return the best cell with its interval, and the cells that are almost as good."""
        frame = self.to_frame().sort_values("utility", ascending=False, kind="stable")
        names = list(self.axes)
        lines = [
            f"  {words({n: row[n] for n in names}, self.units)}: response {row['response']:.3f}, "
            f"toxicity {row['toxicity']:.3f}, utility {row['utility']:.3f} "
            f"({row['lower']:.3f} to {row['upper']:.3f}), best in {100 * row['probability_best']:.0f} %"
            for row in frame.head(5).to_dict("records")
        ]
        return "\n".join([str(self), *lines])

    def __str__(self) -> str:
        response, toxicity = self.events
        return (
            f"dose finding: P({response}) - {self.weight:g} P({toxicity}), samples of {self.subjects} patients; best "
            f"{words(self.best, self.units)}"
        )


def find_dose(
    model: Model | str,
    regimen: Any,
    until: str | float,
    *,
    doses: Mapping[str, Sequence[Any]],
    patients: Any,
    response: str | Limit,
    toxicity: str | Limit,
    weight: float = 1.0,
    subjects: int | None = None,
    draws: int = 1000,
    seed: int = 0,
    times: Any = None,
    solver: SolverOptions | None = None,
) -> DoseFinding:
    """Return the utility of doses and intervals over a cohort: probability of response minus weight times that of toxicity.

    Parameters
    ----------
    model : Model or str
    regimen : callable
        A function that takes the choices as keyword arguments and returns a Regimen.
    until : str or float
    doses : mapping of str to sequence
        The decision variables with their values; every combination is simulated for every patient.
    patients : DataFrame, VirtualPatients or Cohort
    response, toxicity : str or Limit
        Events of a patient: "sum_of_diameters: best_change <= -0.3", "neutrophils: minimum <= 0.5".
    weight : float
        The number of responses that balance one toxicity.
    subjects : int, optional
        The number of patients in each sample, such as that of a trial, for the interval of the utility. Default: the size of
        the cohort.
    draws : int
        The number of samples of patients, drawn with their weights; all cells have the same samples.
    seed : int
    times, solver
        As for `immunoode.optimise`.

    Returns
    -------
    DoseFinding

    Raises
    ------
    SolveError
        If an argument is wrong.

    Notes
    -----
    Project Optimus of the United States Food and Drug Administration asks for doses based on benefit and risk instead of the
    maximum tolerated dose. The uncertainty here is that of the sample of patients; uncertainty of the model can be studied
    with cohorts of other parameters.

    Examples
    --------
    >>> import immunoode as imo
    >>> import pandas as pd
    >>> model = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))
    >>> found = imo.optimisation.find_dose(
    ...     model, lambda dose: imo.Regimen().dose("docetaxel", dose, every="3 weeks", count=2), "9 weeks",
    ...     doses={"dose": [0, 100]}, patients=pd.DataFrame({"growth_rate": [0.002, 0.004]}),
    ...     response="sum_of_diameters: best_change <= -0.05", toxicity="effectors: final_change <= -0.9",
    ... )
    >>> found.best
    {'dose': 100}
    """
    events = limit(response), limit(toxicity)
    for event in events:
        if not isinstance(event.quantity, Endpoint):
            raise SolveError(Problem(f"{event}", "is not an event of a patient", "a limit on an output, such as its minimum"))
    axes = {str(name): tuple(values) for name, values in doses.items()}
    problem = schedule_problem(
        model,
        regimen,
        until,
        {name: list(values) for name, values in axes.items()},
        aim=events[0].quantity,
        maximise=False,
        over="mean",
        subject_to=events,
        parameters=None,
        patients=patients,
        times=times,
        solver=solver,
    )
    happens = np.array([_events(problem, cell, events) for cell in problem.combinations()])  # (cells, 2, P)
    response_by, toxicity_by = happens[:, 0].astype(float), happens[:, 1].astype(float)
    size = subjects or len(problem.patients)
    counts = np.random.default_rng(seed).multinomial(size, problem.weights, size=draws) / size
    utilities = counts @ (response_by - weight * toxicity_by).T
    shares = problem.weights
    return DoseFinding(axes, response_by @ shares, toxicity_by @ shares, utilities, weight, events, size, problem.units)


def _events(problem: ScheduleProblem, cell: dict[str, Any], events: tuple[Limit, Limit]) -> list[Any]:
    """Return for each patient whether each event happens, (2, P)."""
    evaluator = problem.evaluator(cell)
    found = evaluator.endpoints(np.zeros(0), [event.quantity for event in events])
    return [event.sign * (values - event.limit) >= 0 for event, values in zip(events, found, strict=True)]
