"""A PEtab problem: simulations of all experiments, compared with the measurements, with gradients."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, SolveError, nearest
from immunoode.model.model import Model
from immunoode.number_checks import is_number_text
from immunoode.petab.common_tables import PetabModel, PetabParameter, parameters_frame
from immunoode.petab.components import Observable
from immunoode.petab.dual_numbers import Dual, FloatArray, as_dual, concatenate, dense_slopes, slope_count, take_rows
from immunoode.petab.experiment_simulator import ExperimentSimulator
from immunoode.petab.noise import Likelihood, likelihood
from immunoode.petab.petab_files import RIGHT, open_yaml
from immunoode.petab.priors import from_scale, scale_derivative, to_scale
from immunoode.petab.simulated_periods import ExperimentRequest, ExperimentResult
from immunoode.petab.version1 import read_version_1
from immunoode.petab.version2 import read_version_2
from immunoode.solve.options import SolverOptions

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.petab.fitting import PetabFit

SOLVER = SolverOptions(rtol=1e-8, atol=1e-12, extinction=False)
"""Default solver options of PEtab problems."""
OPTIONS = ("rtol", "atol", "method", "max_steps")
"""Solver options that a problem may change."""
DIFFERENCE = 5e-4
"""Relative step of finite differences."""


@dataclass(frozen=True)
class PetabProblem:
    """A parameter estimation problem, of PEtab version 1 or 2.

    Attributes
    ----------
    title : str
    version : int
    estimated : tuple of PetabParameter
        The parameter table.
    parts : tuple of PetabModel
        Models with their experiments, observables and measurements; most problems have one.
    solver : SolverOptions
        Tolerances, method and limit of steps; see `with_solver`.
    """

    title: str
    version: int
    estimated: tuple[PetabParameter, ...]
    parts: tuple[PetabModel, ...]
    solver: SolverOptions = SOLVER
    _simulators: dict[int, ExperimentSimulator] = field(default_factory=dict, repr=False, compare=False)

    @property
    def parameters(self) -> pd.DataFrame:
        """The parameter table by parameterId: scale, lower, upper, nominal (linear), estimate, prior."""
        return parameters_frame(self.estimated)

    @cached_property
    def measurements(self) -> pd.DataFrame:
        """All measurements: model, observable, experiment, time in the model's unit, value."""
        import pandas as pd

        columns = ["observable", "experiment", "time", "value"]
        parts = [p.measurements[columns].assign(model=p.name) for p in self.parts]
        return pd.concat(parts, ignore_index=True)

    @property
    def model(self) -> Model:
        """The model of a problem with one model.

        Raises
        ------
        DataError
            If it has several models.
        """
        if len(self.parts) != 1:
            raise DataError(Problem(self.title, f"has {len(self.parts)} models", "parts[k].entities.model"))
        return self.parts[0].entities.model

    def with_solver(self, **options: Any) -> PetabProblem:
        """Return the problem with other tolerances (`rtol`, `atol`), `method` ("auto", "tsit5", "rodas5p") or `max_steps`.

        Raises
        ------
        DataError
            If an option is unknown.
        """
        if "most_steps" in options:
            options["max_steps"] = options.pop("most_steps")
        unknown = [Problem("with_solver", f"{k!r} is not an option", nearest(k, OPTIONS)) for k in options if k not in OPTIONS]
        DataError.raise_if(unknown)
        return replace(self, solver=replace(self.solver, **options))

    def nominal(self) -> dict[str, float]:
        """Return the nominal values of all parameters on the linear scale; NaN if the table has none."""
        return {p.name: p.nominal for p in self.estimated}

    def predict(self, values: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Return the measurements with columns `predicted` and `noise`.

        Parameters
        ----------
        values : mapping, optional
            Parameters on the linear scale; others have their nominal values.

        Raises
        ------
        DataError
            If a name is not a parameter of the problem, or a parameter has neither a value nor a nominal value.
        SolveError
            If a condition cannot be integrated or reaches no steady state, with the condition, the time and the reason.
        """
        predicted, noise = self._predicted(self._values(values), slopes=False)
        return self.measurements.assign(predicted=predicted.value, noise=noise.value)

    def objective(self, values: Mapping[str, float] | None = None, *, priors: bool = True) -> float:
        """Return the negative log-likelihood minus the log prior at values on the linear scale; nominal by default.

        Raises
        ------
        DataError, SolveError
            As for `predict`; or if a noise is not above zero.
        """
        given = self._values(values)
        found = self._likelihood(*self._predicted(given, slopes=False))
        _warn_impossible(found, self.measurements)
        return -float(found.each.sum()) - (sum(self.log_priors(given).values()) if priors else 0.0)

    def gradient(self, values: Mapping[str, float] | None = None, *, priors: bool = True) -> pd.Series:
        """Return the derivatives of the objective with respect to the estimated parameters, on the linear scale.

        They are computed from forward sensitivities, or by finite differences if events of the model are executed.
        """
        import pandas as pd

        given = self._values(values)
        predicted, noise = self._predicted(given, slopes=True)
        found, total = self._likelihood(predicted, noise), np.zeros(len(self.varied))
        for by, part in ((found.by_prediction, predicted), (found.by_noise, noise)):
            total -= by @ dense_slopes(part, len(self.varied))
        if priors:
            total -= [p.prior.slope(given[p.name]) if p.prior else 0.0 for p in self.varied]
        return pd.Series(total, index=[p.name for p in self.varied])

    def residuals(self, values: Mapping[str, float] | None = None) -> pd.Series:
        """Return (measurement - prediction) / noise of each measurement on the scale of its errors."""
        import pandas as pd

        return pd.Series(self._likelihood(*self._predicted(self._values(values), slopes=False)).residual)

    def chi2(self, values: Mapping[str, float] | None = None) -> float:
        """Return the sum of the squared residuals."""
        return float((self.residuals(values) ** 2).sum())

    def log_priors(self, values: Mapping[str, float] | None = None) -> dict[str, float]:
        """Return the log-density of each prior."""
        given = self._values(values)
        return {p.name: p.prior.log_density(given[p.name]) for p in self.varied if p.prior is not None}

    def fit(self, values: Mapping[str, float] | None = None, **options: Any) -> PetabFit:
        """Minimise the objective over the estimated parameters; see `immunoode.petab.fitting.fit_petab`."""
        from immunoode.petab.fitting import fit_petab

        return fit_petab(self, values, **options)

    @property
    def varied(self) -> tuple[PetabParameter, ...]:
        """The rows of the parameter table with parameters that are estimated."""
        return tuple(p for p in self.estimated if p.estimate)

    def scaled(self, values: Mapping[str, float]) -> FloatArray:
        """Convert values of the estimated parameters to their scales."""
        return np.array([to_scale(values[p.name], p.scale) for p in self.varied])

    def unscaled(self, x: FloatArray) -> dict[str, float]:
        """Convert the estimated parameters from their scales to the linear scale."""
        return {p.name: from_scale(float(v), p.scale) for p, v in zip(self.varied, x, strict=True)}

    def stretch(self, values: Mapping[str, float]) -> FloatArray:
        """Return the derivatives of the estimated parameters with respect to their values on their scales."""
        return np.array([scale_derivative(values[p.name], p.scale) for p in self.varied])

    def _values(self, values: Mapping[str, float] | None) -> dict[str, float]:
        unknown = [k for k in values or {} if k not in self.nominal()]
        DataError.raise_if(Problem(f"parameter {k!r}", "is not in the problem", nearest(k, self.nominal())) for k in unknown)
        given = self.nominal() | {k: float(v) for k, v in (values or {}).items()}
        lost = [k for k, v in given.items() if not math.isfinite(v)]
        if lost:
            what = "has no nominal value, and no value is given" if lost[0] not in (values or {}) else "is not finite"
            raise DataError(Problem(f"parameter {lost[0]!r}", what, "values={...}"))
        return given

    def evaluated(self, values: Mapping[str, float], slopes: bool) -> tuple[Likelihood, Dual, Dual]:
        """Return likelihood, predictions and noises of all measurements; the latter two with slopes by `varied` on request."""
        predicted, noise = self._predicted(self._values(values), slopes)
        return self._likelihood(predicted, noise), predicted, noise

    def _predicted(self, values: Mapping[str, float], slopes: bool) -> tuple[Dual, Dual]:
        """Return predictions and noises of all measurements, one model after another."""
        pairs = [self._of_model(k, values, slopes) for k in range(len(self.parts))]
        return concatenate([p for p, _ in pairs]), concatenate([n for _, n in pairs])

    def _of_model(self, k: int, values: Mapping[str, float], slopes: bool) -> tuple[Dual, Dual]:
        part, simulator = self.parts[k], self._simulator_of(k)
        if slopes and simulator.with_events:
            return self._differences(k, values)
        order = {p.name: j for j, p in enumerate(self.varied)}
        one = np.eye(len(order))
        given = {n: as_dual(v, one[order[n]] if slopes and n in order else None) for n, v in values.items()}
        in_model = {part.entities.names.get(n, n): v for n, v in given.items()}
        return _observed(part, simulator, simulator.run(in_model, self.solver), given)

    def _simulator_of(self, k: int) -> ExperimentSimulator:
        if k not in self._simulators:
            part = self.parts[k]
            requests = [_request(part, name) for name in dict.fromkeys(part.measurements["experiment"])]
            states = {n for o in part.observables.values() for f in (o.value, o.noise) for n in f.names}
            outputs = [s for s in part.entities.equations.states if s in states]
            table_parameters = frozenset(part.entities.names.get(p.name, p.name) for p in self.estimated)
            self._simulators[k] = ExperimentSimulator(part.entities, requests, outputs, table_parameters)
        return self._simulators[k]

    def _differences(self, k: int, values: Mapping[str, float]) -> tuple[Dual, Dual]:
        """Return predictions and noises with slopes by central differences."""
        base = self._of_model(k, values, False)
        columns: list[list[FloatArray]] = [[], []]
        for p in self.varied:
            step = DIFFERENCE * abs(values[p.name]) or DIFFERENCE
            ends = [self._of_model(k, {**values, p.name: values[p.name] + sign * step}, False) for sign in (1, -1)]
            for i in (0, 1):
                columns[i].append((ends[0][i].value - ends[1][i].value) / (2 * step))
        predicted, noise = (Dual(b.value, np.array(c).T) for b, c in zip(base, columns, strict=True))
        return predicted, noise

    def _likelihood(self, predicted: Dual, noise: Dual) -> Likelihood:
        """Return the likelihood of every measurement."""
        seen = self.measurements
        kinds = [p.observables[o] for p in self.parts for o in p.measurements["observable"]]
        bad = np.flatnonzero(~(noise.value > 0) | np.isnan(predicted.value))
        if bad.size:
            row = seen.iloc[bad[0]]
            what = f"the noise is {noise.value[bad[0]]:g} and the prediction {predicted.value[bad[0]]:g}"
            place = f"{self.title}: {row['observable']!r} in {row['experiment']!r} at time {row['time']:g}"
            raise SolveError(Problem(place, what, "a noise above zero and a prediction that is a number: see their formulas"))
        made: list[FloatArray] = [np.empty(len(seen)) for _ in range(5)]
        forms = np.array([f"{o.distribution} {o.transformation}" for o in kinds])
        for form in dict.fromkeys(forms):
            rows = forms == form
            found = likelihood(seen["value"].to_numpy()[rows], predicted.value[rows], noise.value[rows], *form.split())
            for whole, part in zip(made, vars(found).values(), strict=True):
                whole[rows] = part
        return Likelihood(*made)


def _warn_impossible(found: Likelihood, seen: pd.DataFrame) -> None:
    lost = np.flatnonzero(~np.isfinite(found.each))
    if lost.size:
        row = seen.iloc[lost[0]]
        first = f"{row['observable']!r} in {row['experiment']!r} at time {row['time']:g}"
        what = f"{lost.size} predictions have no logarithm, the first one of {first}: the likelihood is zero"
        warnings.warn(what, RuntimeWarning, stacklevel=3)


def _request(part: PetabModel, experiment: str) -> ExperimentRequest:
    times = part.measurements.loc[part.measurements["experiment"] == experiment, "time"].to_numpy(float)
    return ExperimentRequest(part.experiments[experiment], np.unique(times[np.isfinite(times)]), bool(np.isinf(times).any()))


def _observed(
    part: PetabModel, simulator: ExperimentSimulator, seen: list[ExperimentResult], given: Mapping[str, Dual]
) -> tuple[Dual, Dual]:
    """Return predictions and noises of the measurements of a model."""
    rows_of: dict[tuple[str, str], list[int]] = {}
    for i, key in enumerate(zip(part.measurements["experiment"], part.measurements["observable"], strict=True)):
        rows_of.setdefault(key, []).append(i)
    by_name = dict(zip((w.experiment.name for w in simulator.requests), seen, strict=True))
    count = slope_count(given.values())
    size = len(part.measurements)
    made = [(np.empty(size), np.zeros((size, count))) for _ in range(2)]
    for (experiment, name), rows in rows_of.items():
        look = _look(part, by_name[experiment], part.observables[name], part.measurements.iloc[rows], given)
        for (value, slope), formula in zip(made, (part.observables[name].value, part.observables[name].noise), strict=True):
            found = formula(look)
            value[rows] = found.value
            slope[rows] = dense_slopes(found, count)
    predicted, noise = (Dual(v, s if count else None) for v, s in made)
    return predicted, noise


def _look(
    part: PetabModel, seen: ExperimentResult, observable: Observable, rows: pd.DataFrame, given: Mapping[str, Dual]
) -> Any:
    """Return a function that gives the value of a name at the rows of one observable in one experiment."""
    place = np.searchsorted(seen.times, rows["time"].to_numpy(float))
    names = part.entities.names

    def at_rows(value: Dual) -> Dual:
        return take_rows(value, place) if value.value.ndim else value

    def token_value(token: str) -> Dual:
        if is_number_text(token):
            return as_dual(float(token))
        return given[token] if token in given else at_rows(seen.constants[names[token]])

    def placeholder(name: str, wanted: tuple[str, ...], column: str) -> Dual:
        tokens = [filled[wanted.index(name)] for filled in rows[column]]
        return _rows([token_value(t) for t in dict.fromkeys(tokens)], list(dict.fromkeys(tokens)), tokens)

    def look(name: str) -> Dual:
        if name in observable.placeholders:
            return placeholder(name, observable.placeholders, "filled")
        if name in observable.noise_placeholders:
            return placeholder(name, observable.noise_placeholders, "noise_filled")
        if name == "time":
            return as_dual(rows["time"].to_numpy(float) * part.entities.days)
        if name in seen.states:
            return take_rows(seen.states[name], place)
        return at_rows(seen.constants[name]) if name in seen.constants else given[name]

    return look


def _rows(values: list[Dual], tokens: list[str], wanted: list[str]) -> Dual:
    """Return one value per row, by the token in the row."""
    if len(values) == 1:
        return values[0]
    index = {t: k for k, t in enumerate(tokens)}
    chosen, rows = [index[t] for t in wanted], np.arange(len(wanted))
    count = slope_count(values)
    whole = np.array([np.broadcast_to(v.value, rows.shape) for v in values])[chosen, rows]
    if not count:
        return Dual(whole)
    return Dual(whole, np.array([np.broadcast_to(dense_slopes(v, count), (rows.size, count)) for v in values])[chosen, rows])


def read_petab(path: str | Path) -> PetabProblem:
    """Read a PEtab problem, version 1 or 2, with models in SBML.

    Parameters
    ----------
    path : path
        The yaml file of the problem, in one folder with the files that it names.

    Returns
    -------
    PetabProblem
        With `objective` (negative log-likelihood and priors), `gradient`, `residuals`, `predict` and `fit`.

    Raises
    ------
    DataError
        If a table does not conform to the specification (ids, formulas, placeholders, priors), a file is not in the folder, a
        model is in a language other than SBML, or an extension is required.
    ModelError
        If the SBML model cannot be read.

    Notes
    -----
    Schmiester et al. 2021, PLoS Comput Biol 17:e1008646, doi 10.1371/journal.pcbi.1008646.
    """
    path = Path(path)
    content = open_yaml(path)
    version = str(content.get("format_version", 1)).split(".")[0]
    if version not in ("1", "2"):
        raise DataError(Problem(path.name, f"is version {content.get('format_version')!r}", RIGHT))
    estimated, parts = (read_version_1 if version == "1" else read_version_2)(path, content)
    return PetabProblem(path.stem, int(version), estimated, parts)
