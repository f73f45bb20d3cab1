"""Models written as SBML: read again they are the same, and other tools run them to the same curves, regimens included."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import immunoode as imo
from immunoode.errors import RegimenError
from immunoode.model.library import model_names
from tests.long_forms import spread

BARE = [name for name in model_names() if imo.load_model(name).kind in ("base", "published")]
TIMES = np.concatenate([[0.0], np.linspace(1, 60, 31) + 1e-6])
THERAPIES: dict[str, tuple[tuple[str, str | None], Any]] = {
    "pembrolizumab": (
        ("pd1_inhibitor", "pembrolizumab"),
        imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=3, over="30 min"),
    ),
    "docetaxel": (
        ("chemotherapy", "docetaxel"),
        imo.Regimen().dose("docetaxel", "75 mg/m2", every="3 weeks", count=3, over="1 h"),
    ),
    "radiotherapy": (
        ("radiotherapy", None),
        imo.Regimen().dose("radiotherapy", "2 Gy", every="1 day", count=10, start="2 weeks", weekdays=True),
    ),
    "vaccine": (("vaccine", None), None),
    "car_t": (("car_t", None), None),
    "adoptive_t_cell": (("adoptive_t_cell", None), None),
    "ctla4_inhibitor": (("ctla4_inhibitor", None), None),
}


ATOL = {"dritschel2018": 1e-20}
"""Absolute tolerances of the peers, where a state comes back from 1e-12 of its largest value."""


def combination(*names: str) -> tuple[imo.Model, imo.Regimen]:
    members = [imo.load_model(file, variant=variant) for file, variant in (THERAPIES[n][0] for n in names)]
    regimen = imo.Regimen()
    for name in names:
        regimen = regimen + THERAPIES[name][1] if THERAPIES[name][1] is not None else regimen
    return imo.combine("tumour_immune", *members), regimen


CASES: dict[str, Any] = {name: (lambda name=name: (imo.load_model(name), imo.Regimen())) for name in BARE}
CASES |= {name: (lambda name=name: combination(name)) for name in THERAPIES}
CASES |= {"all together": lambda: combination("pembrolizumab", "docetaxel", "radiotherapy", "vaccine")}


def solved(model: imo.Model, regimen: Any, outputs: list[str]) -> dict[str, Any]:
    given = regimen if getattr(regimen, "rules", None) else None
    run = imo.simulate(model, given, times=TIMES, outputs=outputs, extinction=False, rtol=1e-10, atol=1e-18)
    return {name: run[name] for name in outputs}


def far(a: Any, b: Any) -> float:
    """Return the largest difference, relative where a value matters."""
    scale = np.maximum(abs(b), 1e-5 * abs(b).max() + 1e-9)
    return float((abs(a - b) / scale).max())


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("name", spread(CASES, 8))
def test_it_is_read_again_as_the_same_model(name: str) -> None:
    model, _ = CASES[name]()
    back = imo.io.read_sbml(imo.io.write_sbml(model))
    closed = imo.simulate(model, until=1).model
    states = list(closed.compartments)
    assert set(back.compartments) == set(states) and set(closed.constants) <= set(back.parameters)
    a, b = solved(model, None, states), solved(back, None, states)
    assert max(far(a[s], b[s]) for s in states) < 1e-9


@pytest.mark.parametrize("name", ["pembrolizumab", "docetaxel"])
def test_doses_are_read_again_as_the_same_regimen(name: str) -> None:
    model, regimen = CASES[name]()
    text = imo.io.write_sbml(model, regimen=regimen)
    back, events = imo.io.read_sbml(text), imo.io.read_sbml_events(text)
    states = list(imo.simulate(model, until=1).model.compartments)
    a, b = solved(model, regimen, states), solved(back, events, states)
    assert max(far(a[s], b[s]) for s in states) < 1e-6


@pytest.mark.parametrize("name", spread(CASES, 6))
def test_libroadrunner_runs_it_to_the_same_curves(name: str) -> None:
    roadrunner = pytest.importorskip("roadrunner", reason="libRoadRunner is not here: pip install libroadrunner")
    model, regimen = CASES[name]()
    text = imo.io.write_sbml(model, regimen=regimen)
    runner = roadrunner.RoadRunner(text)
    runner.integrator.relative_tolerance, runner.integrator.absolute_tolerance = 1e-10, ATOL.get(name, 1e-14)
    states = list(imo.simulate(model, until=1).model.compartments)
    runner.timeCourseSelections = ["time", *states]
    found = np.asarray(runner.simulate(times=list(TIMES)))
    expected = solved(model, regimen, states)
    assert max(far(found[:, k + 1], expected[s]) for k, s in enumerate(states)) < 1e-5


@pytest.mark.parametrize("name", spread(CASES, 6))
def test_copasi_runs_it_to_the_same_curves(name: str) -> None:
    basico = pytest.importorskip("basico", reason="COPASI is not here: pip install copasi-basico")
    model, regimen = CASES[name]()
    basico.load_model_from_string(imo.io.write_sbml(model, regimen=regimen))
    options = {"r_tol": 1e-10, "a_tol": ATOL.get(name, 1e-14), "max_steps": 10**7, "use_sbml_id": True}
    found = basico.run_time_course(values=list(TIMES), **options)
    states = [s for s in imo.simulate(model, until=1).model.compartments if s in found.columns]
    expected = solved(model, regimen, states)
    assert states and max(far(found[s].to_numpy(), expected[s]) for s in states) < 1e-5


def test_what_events_cannot_say_is_refused() -> None:
    model, regimen = combination("pembrolizumab")
    for wrong, what in (
        (regimen.when("sum_of_diameters", above=100, then="stop"), "has triggers"),
        (regimen.reset(at=3), "has a reset"),
        (imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=2, steady_state=True), "has a steady state"),
        (regimen.shift(-5), "begins before day 0"),
    ):
        with pytest.raises(RegimenError, match=what):
            imo.io.write_sbml(model, regimen=wrong)


def test_the_file_is_written(tmp_path: Path) -> None:
    text = imo.io.write_sbml(imo.load_model("kuznetsov1994"), tmp_path / "model.xml")
    assert (tmp_path / "model.xml").read_text() == text and "listOfReactions" in text
