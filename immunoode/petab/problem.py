"""A PEtab problem as an objective: simulated in every experiment, held against its measurements, with slopes."""

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
from immunoode.petab.components import Observable
from immunoode.petab.dual_numbers import Dual, FloatArray, dual, selected, slopes_of
from immunoode.petab.experiments import Courses, Seen, Solver, Wanted
from immunoode.petab.files import RIGHT, open_yaml
from immunoode.petab.noise import Likelihood, likelihood
from immunoode.petab.priors import scaled, stretch, unscaled
from immunoode.petab.reading import Estimated, Part, is_number, parameters_frame
from immunoode.petab.version1 import read_version_1
from immunoode.petab.version2 import read_version_2

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.petab.fitting import PetabFit

DIFFERENCE = 5e-4
"""Part of a parameter by which it is moved where slopes are differences."""


@dataclass(frozen=True)
class PetabProblem:
    """A parameter estimation problem, of PEtab version 1 or 2.

    Attributes
    ----------
    title : str
    version : int
    estimated : tuple of Estimated
        The parameter table.
    parts : tuple of Part
        Models with their experiments, observables and measurements; most problems have one.
    solver : Solver
        Tolerances, method and limit of steps; see `with_solver`.
    """

    title: str
    version: int
    estimated: tuple[Estimated, ...]
    parts: tuple[Part, ...]
    solver: Solver = field(default_factory=Solver)
    _courses: dict[int, Courses] = field(default_factory=dict, repr=False, compare=False)

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
        """The model, of a problem that has one.

        Raises
        ------
        DataError
            If it has several.
        """
        if len(self.parts) != 1:
            raise DataError(Problem(self.title, f"has {len(self.parts)} models", "parts[k].entities.model"))
        return self.parts[0].entities.model

    def with_solver(self, **options: Any) -> PetabProblem:
        """Return the problem with other tolerances (`rtol`, `atol`), `method` ("auto", "tsit5", "rodas5p") or `most_steps`.

        Raises
        ------
        DataError
            If an option is not known.
        """
        known = Solver.__dataclass_fields__
        unknown = [Problem("with_solver", f"{k!r} is no option", nearest(k, known)) for k in options if k not in known]
        if unknown:
            raise DataError(unknown)
        return replace(self, solver=replace(self.solver, **options))

    def nominal(self) -> dict[str, float]:
        """Return the nominal values of all parameters, on the linear scale; NaN where the table has none."""
        return {p.name: p.nominal for p in self.estimated}

    def predict(self, values: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Return the measurements with `predicted` and `noise` beside each.

        Parameters
        ----------
        values : mapping, optional
            Parameters on the linear scale; others are nominal.

        Raises
        ------
        DataError
            If a name is no parameter of the problem, or a parameter has neither a value nor a nominal one.
        SolveError
            If a condition cannot be integrated or reaches no steady state: which one, when and why.
        """
        predicted, noise = self._predicted(self._values(values), slopes=False)
        return self.measurements.assign(predicted=predicted.value, noise=noise.value)

    def objective(self, values: Mapping[str, float] | None = None, *, priors: bool = True) -> float:
        """Return the negative log-likelihood (less the log of the priors) at values on the linear scale; nominal by default.

        Raises
        ------
        DataError, SolveError
            As `predict`; or if a noise is not above zero.
        """
        given = self._values(values)
        found = self._likelihood(*self._predicted(given, slopes=False))
        _warn_impossible(found, self.measurements)
        return -float(found.each.sum()) - (sum(self.log_priors(given).values()) if priors else 0.0)

    def gradient(self, values: Mapping[str, float] | None = None, *, priors: bool = True) -> pd.Series:
        """Return the derivatives of the objective by the estimated parameters, on the linear scale.

        Sensitivities are solved beside the states; where events of the model are carried out, differences are taken.
        """
        import pandas as pd

        given = self._values(values)
        predicted, noise = self._predicted(given, slopes=True)
        found, total = self._likelihood(predicted, noise), np.zeros(len(self.varied))
        for by, part in ((found.by_prediction, predicted), (found.by_noise, noise)):
            total -= by @ slopes_of(part, len(self.varied))
        if priors:
            total -= [p.prior.slope(given[p.name]) if p.prior else 0.0 for p in self.varied]
        return pd.Series(total, index=[p.name for p in self.varied])

    def residuals(self, values: Mapping[str, float] | None = None) -> pd.Series:
        """Return (measurement - prediction) / noise of each measurement, on the scale of its errors."""
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
    def varied(self) -> tuple[Estimated, ...]:
        """The rows of the parameter table that are estimated."""
        return tuple(p for p in self.estimated if p.estimate)

    def scaled(self, values: Mapping[str, float]) -> FloatArray:
        """Return the estimated parameters on their scales, in order."""
        return np.array([scaled(values[p.name], p.scale) for p in self.varied])

    def unscaled(self, x: FloatArray) -> dict[str, float]:
        """Return the estimated parameters on the linear scale, from their own."""
        return {p.name: unscaled(float(v), p.scale) for p, v in zip(self.varied, x, strict=True)}

    def stretch(self, values: Mapping[str, float]) -> FloatArray:
        """Return the derivatives of the estimated parameters by themselves on their scales."""
        return np.array([stretch(values[p.name], p.scale) for p in self.varied])

    def _values(self, values: Mapping[str, float] | None) -> dict[str, float]:
        unknown = [k for k in values or {} if k not in self.nominal()]
        if unknown:
            raise DataError([Problem(f"parameter {k!r}", "is not in the problem", nearest(k, self.nominal())) for k in unknown])
        given = self.nominal() | {k: float(v) for k, v in (values or {}).items()}
        lost = [k for k, v in given.items() if not math.isfinite(v)]
        if lost:
            what = "has no nominal value, and none is given" if lost[0] not in (values or {}) else "is not finite"
            raise DataError(Problem(f"parameter {lost[0]!r}", what, "values={...}"))
        return given

    def evaluated(self, values: Mapping[str, float], slopes: bool) -> tuple[Likelihood, Dual, Dual]:
        """Return likelihood, predictions and noises of all measurements, the latter two with slopes by `varied` if asked."""
        predicted, noise = self._predicted(self._values(values), slopes)
        return self._likelihood(predicted, noise), predicted, noise

    def _predicted(self, values: Mapping[str, float], slopes: bool) -> tuple[Dual, Dual]:
        """Return predictions and noises of all measurements, those of one part after another."""
        pairs = [self._of_part(k, values, slopes) for k in range(len(self.parts))]
        return _stacked([p for p, _ in pairs]), _stacked([n for _, n in pairs])

    def _of_part(self, k: int, values: Mapping[str, float], slopes: bool) -> tuple[Dual, Dual]:
        part, courses = self.parts[k], self._courses_of(k)
        if slopes and courses.with_events:
            return self._differences(k, values)
        order = {p.name: j for j, p in enumerate(self.varied)}
        one = np.eye(len(order))
        given = {n: dual(v, one[order[n]] if slopes and n in order else None) for n, v in values.items()}
        ours = {part.entities.names.get(n, n): v for n, v in given.items()}
        return _observed(part, courses, courses.run(ours, self.solver), given)

    def _courses_of(self, k: int) -> Courses:
        if k not in self._courses:
            part = self.parts[k]
            wanted = [_wanted(part, name) for name in dict.fromkeys(part.measurements["experiment"])]
            states = {n for o in part.observables.values() for f in (o.value, o.noise) for n in f.names}
            outputs = [s for s in part.entities.equations.states if s in states]
            outside = frozenset(part.entities.names.get(p.name, p.name) for p in self.estimated)
            self._courses[k] = Courses(part.entities, wanted, outputs, outside)
        return self._courses[k]

    def _differences(self, k: int, values: Mapping[str, float]) -> tuple[Dual, Dual]:
        """Return predictions and noises with slopes by central differences."""
        base = self._of_part(k, values, False)
        columns: list[list[FloatArray]] = [[], []]
        for p in self.varied:
            step = DIFFERENCE * abs(values[p.name]) or DIFFERENCE
            ends = [self._of_part(k, {**values, p.name: values[p.name] + sign * step}, False) for sign in (1, -1)]
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
        what = f"{lost.size} predictions have no logarithm, the first of {first}: the likelihood is zero"
        warnings.warn(what, RuntimeWarning, stacklevel=3)


def _wanted(part: Part, experiment: str) -> Wanted:
    times = part.measurements.loc[part.measurements["experiment"] == experiment, "time"].to_numpy(float)
    return Wanted(part.experiments[experiment], np.unique(times[np.isfinite(times)]), bool(np.isinf(times).any()))


def _observed(part: Part, courses: Courses, seen: list[Seen], given: Mapping[str, Dual]) -> tuple[Dual, Dual]:
    """Return predictions and noises of a part's measurements."""
    rows_of: dict[tuple[str, str], list[int]] = {}
    for i, key in enumerate(zip(part.measurements["experiment"], part.measurements["observable"], strict=True)):
        rows_of.setdefault(key, []).append(i)
    by_name = dict(zip((w.experiment.name for w in courses.wanted), seen, strict=True))
    count = max((v.slope.shape[-1] for v in given.values() if v.slope is not None), default=0)
    size = len(part.measurements)
    made = [(np.empty(size), np.zeros((size, count))) for _ in range(2)]
    for (experiment, name), rows in rows_of.items():
        look = _look(part, by_name[experiment], part.observables[name], part.measurements.iloc[rows], given)
        for (value, slope), formula in zip(made, (part.observables[name].value, part.observables[name].noise), strict=True):
            found = formula(look)
            value[rows] = found.value
            slope[rows] = slopes_of(found, count)
    predicted, noise = (Dual(v, s if count else None) for v, s in made)
    return predicted, noise


def _look(part: Part, seen: Seen, observable: Observable, rows: pd.DataFrame, given: Mapping[str, Dual]) -> Any:
    """Return what gives the value of a name at the rows of one observable in one experiment."""
    place = np.searchsorted(seen.times, rows["time"].to_numpy(float))
    names = part.entities.names

    def at_rows(value: Dual) -> Dual:
        return selected(value, place) if value.value.ndim else value

    def worth(token: str) -> Dual:
        if is_number(token):
            return dual(float(token))
        return given[token] if token in given else at_rows(seen.constants[names[token]])

    def placeholder(name: str, wanted: tuple[str, ...], column: str) -> Dual:
        tokens = [filled[wanted.index(name)] for filled in rows[column]]
        return _rows([worth(t) for t in dict.fromkeys(tokens)], list(dict.fromkeys(tokens)), tokens)

    def look(name: str) -> Dual:
        if name in observable.placeholders:
            return placeholder(name, observable.placeholders, "filled")
        if name in observable.noise_placeholders:
            return placeholder(name, observable.noise_placeholders, "noise_filled")
        if name == "time":
            return dual(rows["time"].to_numpy(float) * part.entities.days)
        if name in seen.states:
            return selected(seen.states[name], place)
        return at_rows(seen.constants[name]) if name in seen.constants else given[name]

    return look


def _rows(values: list[Dual], tokens: list[str], wanted: list[str]) -> Dual:
    """Return one value a row, by the token that stands in it."""
    if len(values) == 1:
        return values[0]
    index = {t: k for k, t in enumerate(tokens)}
    chosen, rows = [index[t] for t in wanted], np.arange(len(wanted))
    count = max((v.slope.shape[-1] for v in values if v.slope is not None), default=0)
    whole = np.array([np.broadcast_to(v.value, rows.shape) for v in values])[chosen, rows]
    if not count:
        return Dual(whole)
    return Dual(whole, np.array([np.broadcast_to(slopes_of(v, count), (rows.size, count)) for v in values])[chosen, rows])


def _stacked(parts: list[Dual]) -> Dual:
    if len(parts) == 1:
        return parts[0]
    count = max((p.slope.shape[-1] for p in parts if p.slope is not None), default=0)
    return Dual(
        np.concatenate([p.value for p in parts]), np.concatenate([slopes_of(p, count) for p in parts]) if count else None
    )


def read_petab(path: str | Path) -> PetabProblem:
    """Read a PEtab problem, version 1 or 2, with models in SBML.

    Parameters
    ----------
    path : path
        Its yaml file. The files that it names are in its folder.

    Returns
    -------
    PetabProblem
        With `objective` (negative log-likelihood and priors), `gradient`, `residuals`, `predict` and `fit`.

    Raises
    ------
    DataError
        If a table is not as the specification says: ids, formulas, placeholders, priors; a file that is not in the folder; a
        model in another language than SBML, or an extension that must be understood.
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
