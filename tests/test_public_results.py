"""Every public result is asked in one way: `to_frame()` for its table, `report()` for its text, `plot()` for its figure.

What public functions return is read from their annotations, and so is what the methods of these results return. A new result
that lacks one of the three fails here until it has it, or is named below with the reason.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import immunoode as imo

ROOT = Path(imo.__file__).resolve().parent
THREE = ("to_frame", "report", "plot")
NOT_RESULTS = {
    "AppliedStyle": "ends a style of figures",
    "Certificate": "one statement about a calibration",
    "CohortFile": "a file as it was read; `load_population` returns the cohort",
    "Description": "a text about a name",
    "Dual": "a number with its slopes",
    "EventRecord": "one row of a schedule",
    "Events": "rules of a model that is simulated",
    "ExplorerPanels": "the arrays that the explorer draws",
    "ExplorerWidget": "a notebook widget, which is its own figure and report",
    "Likelihood": "one number with its terms",
    "MedianBand": "three numbers of a cohort",
    "Model": "what is simulated and fitted, not a result",
    "ObservedCourses": "arrays of one simulation, between `observe` and `outcomes`",
    "PetabProblem": "what is fitted; `fit` returns the result",
    "Power": "one number of a comparison",
    "PreparedResult": "the arrays of one call of a prepared simulation",
    "PreparedSimulation": "a function of arrays, for loops",
    "Schedules": "a mapping of subject to schedule",
    "Schedule": "the arrays of a regimen, which has all three",
    "SolverOptions": "settings",
}
"""Classes that public functions return and that are no results, with the reason."""
LACKS = {
    "Fractionation": ("plot", "five numbers"),
    "CrossValidation": ("plot", "one number, to be compared between models"),
    "InteractionTest": ("plot", "one test; both of its fits have a figure"),
    "LogRankTest": ("plot", "one test; the curves are those of KaplanMeier"),
    "MaxComboTest": ("plot", "one test; the curves are those of KaplanMeier"),
    "SurfaceFit": ("plot", "a few parameters; the surface is that of DoseSurface"),
}
"""Results without one of the three, with the reason."""


@cache
def _modules() -> dict[str, str]:
    """Return the module of each class of the package; no two classes have one name."""
    found = {}
    for path in ROOT.rglob("*.py"):
        module = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
        found.update(dict.fromkeys(re.findall(r"^class (\w+)[(:\[]", path.read_text(encoding="utf-8"), re.M), module))
    return found


def _returned(function: object) -> Iterator[type]:
    """Yield the classes of the package in the return annotation of a function."""
    annotation = str(getattr(function, "__annotations__", {}).get("return", ""))
    for name in re.findall(r"(?<![.\w])\w+", annotation):
        if name in _modules() and not _modules()[name].endswith("errors"):
            yield getattr(importlib.import_module(_modules()[name]), name)


def _results() -> dict[str, type]:
    """Return the results by name: those of public functions, then those of the methods of results."""
    places = [imo, *(getattr(imo, name) for name in imo.NAMESPACES)]
    public = [getattr(place, name) for place in places for name in place.__all__ if name != "__version__"]
    due = [found for value in public if inspect.isfunction(value) for found in _returned(value)]
    results: dict[str, type] = {}
    while due:
        cls = due.pop()
        if cls.__name__ not in results:
            results[cls.__name__] = cls
            methods = [member for name, member in inspect.getmembers(cls, inspect.isfunction) if not name.startswith("_")]
            due += [found for method in methods for found in _returned(method)]
    return {name: cls for name, cls in results.items() if name not in NOT_RESULTS}


RESULTS = _results()


@pytest.mark.parametrize("name", sorted(RESULTS))
def test_a_result_has_a_table_a_text_and_a_figure(name: str) -> None:
    lacks = LACKS.get(name, ("", ""))[0].split()
    missing = [method for method in THREE if not callable(getattr(RESULTS[name], method, None)) and method not in lacks]
    assert missing == [], f"{name} is returned by a public function; give it {', '.join(missing)}"


@pytest.mark.parametrize("name", sorted(RESULTS))
def test_a_result_has_a_short_repr_and_one_for_notebooks(name: str) -> None:
    result = RESULTS[name]
    assert hasattr(result, "_repr_html_") and "__str__" in vars(result), "decorate it with `immunoode.notebook.shown`"


def test_exceptions_are_needed() -> None:
    assert set(LACKS) <= set(RESULTS)
    assert set(NOT_RESULTS) <= set(_modules())
    unneeded = [name for name, (methods, _) in LACKS.items() for m in methods.split() if hasattr(RESULTS[name], m)]
    assert unneeded == []


def test_a_fit_lists_fixed_parameters_if_asked() -> None:
    result = imo.fit("ribba2022", imo.load_example(), vary=["growth_rate"], progress=False)
    fitted, every = result.to_frame(), result.to_frame(fixed=True)
    assert list(fitted.index) == ["growth_rate"] and not fitted["fixed"].any()
    assert every.loc["shrinkage_rate", ["value", "fixed"]].tolist() == [result.model.parameters["shrinkage_rate"].value, True]
    assert every.loc["baseline_sum_of_diameters", "beware"] == "differs between subjects"
    with pytest.warns(FutureWarning, match=r"FitResult\.parameters is now FitResult\.to_frame"):
        assert result.parameters().equals(fitted)


def test_a_table_is_a_copy() -> None:
    responses = imo.recist(imo.load_example())
    responses.to_frame()["arm"] = "other"
    assert "other" not in responses.subjects["arm"].tolist()


def test_the_report_of_a_simulation_has_the_range_of_each_output() -> None:
    run = imo.simulate("kuznetsov1994", until="100 days")
    row = next(line.split() for line in run.report().splitlines() if line.startswith("tumour "))
    assert [float(number) for number in row[2:]] == pytest.approx(
        [run["tumour"][0], run["tumour"].min(), run["tumour"].max(), run["tumour"][-1]], rel=1e-3
    )


def test_a_quantity_that_is_not_in_the_data_is_not_drawn() -> None:
    with pytest.raises(imo.errors.DataError, match="'volume' is not in the data"):
        imo.load_example().plot("volume")
