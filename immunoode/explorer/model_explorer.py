"""`ModelExplorer`: from a state of sliders and rows to panels, code, figures and a page; no widget is needed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from immunoode import units
from immunoode.errors import ImmunoodeError, OutOfBoundsWarning, Problem, RegimenError, SolveError, nearest
from immunoode.explorer.code import code_of
from immunoode.explorer.cohort_outcomes import SurvivalCurve
from immunoode.explorer.dose_rows import regimen_of, rows_of
from immunoode.explorer.model_code import model_code
from immunoode.explorer.outputs import default_panels, kind_of_output
from immunoode.explorer.panels import SURVIVAL, ExplorerPanels, Panel, RegimenSummary, Series, recist_lines
from immunoode.explorer.patients import NUMBER, explorer_patients
from immunoode.explorer.setting import Setting
from immunoode.explorer.simulations import Course, Simulations, Span
from immunoode.explorer.sliders import Slider, check_names, influential
from immunoode.explorer.state import EditedRegimen, ExplorerState
from immunoode.explorer.survival import cohort_outcomes, survival_panel
from immunoode.model.closed_model import resolve
from immunoode.model.model import Model
from immunoode.model.values import checked_values, warn_out_of_bounds
from immunoode.plot.quantity_labels import pretty_unit, words
from immunoode.regimen.library import load_regimen
from immunoode.regimen.regimen import Regimen
from immunoode.scenario.compare import default_measure
from immunoode.scenario.summary import summarise
from immunoode.solve.simulate import as_model
from immunoode.virtual_trial.visits import VisitSchedule

UNTREATED = "untreated"
_LONGEST = 20_000.0
"""Days of daily output of an explorer, some fifty years."""


class ModelExplorer:
    """What an explorer computes: panels of a state, the code that makes the same numbers, figures.

    `immunoode.explore` returns a widget around one. The parameters are those of `immunoode.explore`.

    Attributes
    ----------
    setting : Setting
        The model, the virtual patients and what else no slider changes.
    state : ExplorerState
        The state at the beginning.

    Examples
    --------
    >>> explorer = ModelExplorer("claret2009", until="24 weeks", patients=None, sliders=["growth_rate"])
    >>> faster = explorer.state.with_value("growth_rate", 0.05)
    >>> sizes = [explorer.panels(state)["sum_of_diameters"].series[0].values[-1] for state in (explorer.state, faster)]
    >>> bool(sizes[0] < sizes[1])
    True
    """

    def __init__(
        self,
        model: Model | str,
        regimens: Any = None,
        until: str | float = "1 year",
        *,
        sliders: Sequence[str] | str | None = None,
        patients: Any = NUMBER,
        number: int = NUMBER,
        seed: int = 0,
        measure: str | None = None,
        outputs: Sequence[str] | str | None = None,
        parameters: Mapping[str, float] | None = None,
        visits: str | float = "6 weeks",
    ) -> None:
        whole = resolve(as_model(model))
        values = checked_values(whole.model, dict(parameters or {}))
        size = measure or default_measure(whole.model)
        shown = (outputs,) if isinstance(outputs, str) else tuple(outputs or default_panels(whole, size))
        self._check_outputs(whole, (size, *shown))
        given = named_regimens(regimens)
        edited = tuple(rows_of(name, regimen) for name, regimen in given.items())
        end = self._end(until)
        if sliders is None:
            earliest = min([0.0, *(_first_day(r) for r in given.values())])
            names = influential(whole, list(given.values()), size, (earliest, end), values)
        else:
            names = check_names(whole, (sliders,) if isinstance(sliders, str) else tuple(sliders))
        code = model_code(model, whole.model)
        self.setting = Setting(whole, code, size, values, None, visits)
        made = explorer_patients(patients, whole, [self.setting.slider(n) for n in names], number, seed)
        self.setting = Setting(whole, code, size, values, made, visits)
        text = until if isinstance(until, str) else f"{until:g} days"
        start = {name: self.setting.slider(name).value for name in names}
        self.state = ExplorerState(start, edited, text, (size, *(n for n in dict.fromkeys(shown) if n != size)))
        self._simulations = Simulations(self.setting)
        self._read = dict[str, tuple[EditedRegimen, Regimen | None]]()

    @staticmethod
    def _check_outputs(model: Any, names: Sequence[str]) -> None:
        problems = [
            Problem(f"{model.name}: output {name!r}", "is not known", nearest(str(name), model.output_units))
            for name in names
            if name not in model.output_units
        ]
        SolveError.raise_if(problems)

    @staticmethod
    def _end(until: str | float) -> float:
        end = units.days(until)
        if not 0 < end <= _LONGEST:
            raise SolveError(
                Problem(f"until {until!r}", "is not a time span to simulate", f"above 0, at most {_LONGEST:g} days")
            )
        return end

    def slider(self, name: str) -> Slider:
        """Return the slider of a parameter, as it stands at first."""
        check_names(self.setting.model, [name])
        return self.setting.slider(name)

    def regimens(self, state: ExplorerState) -> dict[str, Regimen | None]:
        """Return the regimens of a state by name.

        Raises
        ------
        RegimenError
            With all problems of all rows.
        """
        made, problems = self._regimens(state)
        RegimenError.raise_if(problems)
        return made

    def _regimens(self, state: ExplorerState) -> tuple[dict[str, Regimen | None], list[Problem]]:
        """Return the regimens without problems, and the problems of the others."""
        made, problems = dict[str, Regimen | None](), list[Problem]()
        names = [edited.name for edited in state.regimens]
        problems += [
            Problem(f"regimen {n!r}", "is there twice", "another name") for n in {n for n in names if names.count(n) > 1}
        ]
        for edited in state.regimens:
            try:
                made[edited.name] = self._regimen(edited)
            except RegimenError as error:
                problems += error.problems
        return made, problems

    def _regimen(self, edited: EditedRegimen) -> Regimen | None:
        """Return the regimen of some rows; the last one of each name is kept, as rows change rarely."""
        before = self._read.get(edited.name)
        if before is None or before[0] != edited:
            covariates = {**{n: p.value for n, p in self.setting.model.constants.items()}, **self.setting.values}
            before = self._read[edited.name] = edited, regimen_of(edited, self.setting.model.input_units, covariates)
        return before[1]

    def panels(self, state: ExplorerState) -> ExplorerPanels:
        """Return the contents of the panels, which depend on the state alone. Problems are part of the result, never raised."""
        names = tuple(edited.name for edited in state.regimens)
        try:
            sliders = checked_values(self.setting.model.model, state.parameters)
            self._check_outputs(self.setting.model, state.outputs)
            end = self._end(state.until)
        except ImmunoodeError as error:
            return _empty(names, error.problems)
        regimens, problems = self._regimens(state)
        problems += _outside_bounds(self.setting.model, sliders)
        try:
            return self._shown(state, names, regimens, problems, (sliders, self._span(regimens, end)))
        except ImmunoodeError as error:
            return _empty(names, [*problems, *error.problems])

    def _span(self, regimens: Mapping[str, Regimen | None], end: float) -> Span:
        start = min([0.0, *(_first_day(regimen) for regimen in regimens.values())])
        every = units.days(self.setting.visits)
        visits = VisitSchedule(every, end).days().tolist() if end >= every else [0.0]
        return Span(start, end, tuple(visits))

    def _shown(
        self,
        state: ExplorerState,
        names: tuple[str, ...],
        regimens: Mapping[str, Regimen | None],
        problems: list[Problem],
        at: tuple[Mapping[str, float], Span],
    ) -> ExplorerPanels:
        sliders, span = at
        outputs = tuple(dict.fromkeys([self.setting.measure, *state.outputs]))
        courses = {name: self._simulations.course(r, span, outputs, sliders) for name, r in regimens.items()}
        problems += [Problem(f"regimen {name!r}", str(c.status)) for name, c in courses.items() if not c.status.ok]
        found = [self._panel(name, names, courses) for name in outputs]
        outcomes = None
        if self.setting.patients is not None and courses:
            panel = self._no_survival(span)
            if panel is None:
                assessed = self._simulations.assessed(tuple(regimens.values()), span, sliders)
                outcomes = cohort_outcomes(self.setting.patients, tuple(regimens), assessed, span)
                panel = survival_panel(outcomes, names, self.setting.patients)
            found.insert(1, panel)
        summaries = [self._summary(n, c, outcomes.curves.get(n) if outcomes else None) for n, c in courses.items()]
        return ExplorerPanels(names, tuple(found), tuple(summaries), tuple(problems), (span.start, span.end), outcomes)

    def _panel(self, name: str, names: tuple[str, ...], courses: Mapping[str, Course]) -> Panel:
        setting, unit = self.setting, self.setting.model.output_units[name]
        kind, lines = kind_of_output(setting.model, name, setting.measure), list[Series]()
        for regimen, course in courses.items():
            lines.append(Series(names.index(regimen), course.days, course.values[name]))
            if kind == "size":
                lines += recist_lines(names.index(regimen), course.days, course.values[name], unit)
        other = kind == "size" and not setting.measures_diameters
        notes = ("No lines of RECIST 1.1, which is for diameters.",) if other else ()
        return Panel(name, kind, words(name), pretty_unit(unit), tuple(lines), notes)

    def _no_survival(self, span: Span) -> Panel | None:
        """Return an empty panel that says why there is no survival; None if there is."""
        unit = self.setting.model.output_units[self.setting.measure]
        if not self.setting.measures_diameters:
            why = f"Progression by RECIST 1.1 needs diameters, and tumour size is in {unit}."
        elif len(span.visits) < 2:
            why = f"There is no visit after day 0: visits are every {units.days(self.setting.visits):g} days."
        else:
            return None
        return Panel(SURVIVAL, SURVIVAL, "progression-free survival", "1", (), (why,))

    def _summary(self, name: str, course: Course, curve: SurvivalCurve | None) -> RegimenSummary:
        sizes = course.values[self.setting.measure]
        if not np.isfinite(sizes).any():
            return RegimenSummary(name, np.nan, np.nan, None)
        found = summarise(course.days, sizes, self.setting.model.output_units[self.setting.measure])
        patient = name, found.nadir_change, found.final, found.progression_day
        if curve is None:
            return RegimenSummary(*patient)
        return RegimenSummary(*patient, curve.response_rate, curve.median, curve.events, curve.patients)

    def code(self, state: ExplorerState) -> str:
        """Return a script that makes the numbers of a state again, to the last bit.

        Raises
        ------
        ImmunoodeError
            If the state has problems.
        """
        regimens = self.regimens(state)
        span = self._span(regimens, self._end(state.until))
        return code_of(self.setting, state, span)


def named_regimens(given: Any) -> dict[str, Regimen | None]:
    """Return regimens by name: of one, of several, of names in the library, or of a mapping.

    Raises
    ------
    RegimenError
        If something is not a regimen, or there is no regimen.

    Examples
    --------
    >>> list(named_regimens(["pembrolizumab_3_weekly", None]))
    ['pembrolizumab 3 weekly', 'untreated']
    """
    if isinstance(given, Mapping):
        found = {str(name): _regimen(one) for name, one in given.items()}
    else:
        several = list(given) if isinstance(given, (list, tuple)) else [given]
        found = {}
        for one in several:
            found[_unused(_name_of(one), found)] = _regimen(one)
    if not found:
        raise RegimenError(
            Problem("regimens", "are empty", "a Regimen, a mapping of name to Regimen, or None for no treatment")
        )
    return found


def _regimen(one: Any) -> Regimen | None:
    return load_regimen(one) if isinstance(one, str) else one


def _name_of(one: Any) -> str:
    if one is None:
        return UNTREATED
    if isinstance(one, str):
        return one.replace("_", " ")
    return " + ".join(one.therapies) if isinstance(one, Regimen) and one.therapies else "regimen"


def _unused(name: str, taken: Mapping[str, Any]) -> str:
    numbered = (f"{name} {k}" for k in range(2, len(taken) + 3))
    return name if name not in taken else next(n for n in numbered if n not in taken)


def _first_day(regimen: Any) -> float:
    doses = regimen.doses if isinstance(regimen, Regimen) else ()
    return min((min(dose.times()) for dose in doses), default=0.0)


def _outside_bounds(model: Any, sliders: Mapping[str, float]) -> list[Problem]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", OutOfBoundsWarning)
        warn_out_of_bounds(model.name, model.constants, sliders)
    return [Problem("sliders", str(w.message)) for w in caught]


def _empty(names: tuple[str, ...], problems: Sequence[Problem]) -> ExplorerPanels:
    return ExplorerPanels(names, (), problems=tuple(problems))
