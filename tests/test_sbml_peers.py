"""Models from SBML against libRoadRunner: generated ones, of each feature and of each sort of event."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import immunoode as imo
from tests.sbml_texts import Made

roadrunner = pytest.importorskip("roadrunner", reason="libRoadRunner is not here: pip install libroadrunner")
TIMES = np.linspace(0, 10, 41) + np.where(np.arange(41) > 0, 3.3e-4, 0.0)  # not at the events themselves


def base() -> Made:
    return Made().compartment(size=2.0).parameter("k", 0.3).parameter("p", 1.5, constant=False)


def decay() -> Made:
    return base().species("A", amount=1, substance=True).species("B", amount=0.5, substance=True).reaction("k*A", "A", "B")


def dense() -> Made:
    return base().species("A", concentration=1).species("B", concentration=0.5).reaction("c*k*A", "A", "B")


def swings() -> Made:
    """Return an oscillator: A is sin, B is cos."""
    made = base().parameter("A", 0.0, constant=False).parameter("B", 1.0, constant=False)
    return made.rate("A", "B").rate("B", "-A")


def growing() -> Made:
    made = Made().compartment(size=2.0, constant=False).parameter("k", 0.3).parameter("p", 1.5, constant=False)
    return made.species("A", concentration=1).species("B", concentration=0.5).reaction("c*k*A", "A", "B")


EVENTS: dict[str, Callable[[], Made]] = {
    "to the square": lambda: decay().event("time > 3", A="A^2 + B"),
    "less": lambda: decay().event("time > 3", A="A - 0.1"),
    "two swap": lambda: decay().event("time > 3", A="B", B="A"),
    "a parameter": lambda: decay().reaction("p*B*0.1", "B").event("time > 3", p="5").event("A < 0.2", p="p*2"),
    "by the state": lambda: decay().event("A < 0.5", A="2"),
    "again and again": lambda: swings().event("A > 0.5", p="p + 1"),
    "two conditions": lambda: swings().event("A > 0.5 && B < 0", p="p + time"),
    "either condition": lambda: swings().event("A > 0.9 || B > 0.9", p="p + A"),
    "delay by the state": lambda: decay().event("A < 0.5", delay="A*2", B="3"),
    "values of the firing": lambda: decay().event("A < 0.5", delay="1", B="A"),
    "values of the time": lambda: decay().event("A < 0.5", delay="1", at_firing=False, B="A"),
    "not persistent": lambda: swings().event("A > 0.9", delay="2", persistent=False, p="p + 1"),
    "persistent": lambda: swings().event("A > 0.9", delay="2", p="p + 1"),
    "not persistent, in time": lambda: decay().event("time > 3 && time < 4", delay="2", persistent=False, A="9"),
    "several wait": lambda: swings().event("A > 0.1", delay="7", p="p + 1"),
    "by priority": lambda: decay().event("time >= 3", priority="1", A="A + 1").event("time >= 3", priority="2", A="A * 4"),
    "by priority, values of the time": lambda: (
        decay().event("time >= 3", priority="1", at_firing=False, A="A + 1").event("time >= 3", priority="2", A="A * 4")
    ),
    "priority by the state": lambda: (
        decay()
        .event("time >= 3", priority="A", at_firing=False, A="A + 1")
        .event("time >= 3", priority="1 - A", at_firing=False, A="A * 4")
    ),
    "one sets off another": lambda: decay().event("time >= 3", p="10").event("p > 5", A="A + 2"),
    "one prevents another": lambda: (
        decay().event("time >= 3", priority="2", p="10").event("time >= 3 && p < 5", priority="1", persistent=False, A="A + 2")
    ),
    "one does not prevent another": lambda: (
        decay().event("time >= 3", priority="2", p="10").event("time >= 3 && p < 5", priority="1", A="A + 2")
    ),
    "at the start": lambda: decay().event("A > 0.5", starts=False, B="3"),
    "not at the start": lambda: decay().event("A > 0.5", B="3"),
    "at the start, by priority": lambda: (
        decay().event("p > 1", starts=False, priority="1", p="p*2").event("p > 1", starts=False, priority="3", p="p + 7")
    ),
    "a species in a space": lambda: dense().event("A < 0.5", A="A + 1"),
    "a size": lambda: growing().event("time >= 3", c="5"),
    "a size and what is in it": lambda: growing().event("time >= 3", c="5", A="2"),
    "what is in a space that grows": lambda: growing().rate("c", "0.1*c").event("A < 0.5", A="2"),
    "every so often": lambda: decay().parameter("next", 2.0, constant=False).event("time >= next", A="A + 1", next="next + 2"),
    "a time of the state": lambda: decay().event("time > 2 + A", A="A + 1"),
    "a time function": lambda: decay().event("sin(time) > 0.5", A="A + 0.1"),
    "a rule": lambda: decay().parameter("q", constant=False).assign("q", "A + B").event("q - 2*A > 0", A="A*3"),
    "a boundary species": lambda: (
        base()
        .species("A", amount=1, boundary=True, substance=True)
        .species("B", amount=0, substance=True)
        .reaction("k*A", "A", "B")
        .event("time > 2", A="4")
    ),
    "a constant quantity": lambda: swings().event("p > 2", A="7").event("time > 3", p="3"),
}

FEATURES: dict[str, Callable[[], Made]] = {
    "floor": lambda: decay().parameter("q", 0.0, constant=False).rate("q", "floor(time)"),
    "ceiling": lambda: decay().parameter("q", 0.0, constant=False).rate("q", "ceil(time / 2) * A"),
    "floor of the state": lambda: swings().parameter("q", 0.0, constant=False).rate("q", "floor(3*A)"),
    "factorial": lambda: decay().parameter("q", 0.0, constant=False).rate("q", "factorial(3) * A"),
    "quotient and remainder": lambda: decay().parameter("q", 0.0, constant=False).rate("q", "quotient(7, 2) + rem(7.5, 2) * A"),
    "remainder in time": lambda: decay().parameter("q", 0.0, constant=False).rate("q", "rem(time, 2)"),
    "arcus": lambda: (
        decay().parameter("q", 0.0, constant=False).rate("q", "arcsin(A/2) + arccos(A/2) * 2 + arctan(A) + arccot(A + 1)")
    ),
    "arcus, less used": lambda: (
        decay().parameter("q", 0.0, constant=False).rate("q", "arcsec(A + 2) + arccsc(A + 2) * 2 + arctan(2/A)")
    ),
    "hyperbolic": lambda: (
        decay()
        .parameter("q", 0.0, constant=False)
        .rate("q", "sinh(A) + cosh(A) + tanh(A) + sech(A) + csch(A + 1) + coth(A + 1)")
    ),
    "area functions": lambda: (
        decay()
        .parameter("q", 0.0, constant=False)
        .rate("q", "arcsinh(A) + arccosh(A + 1) + arctanh(A/2) + arccsch(A + 1) + arcsech(A/2) + arccoth(A + 2)")
    ),
    "trigonometric": lambda: decay().parameter("q", 0.0, constant=False).rate("q", "tan(A) + sec(A) + csc(A + 1) + cot(A + 1)"),
    "logarithms": lambda: (
        decay().parameter("q", 0.0, constant=False).rate("q", "log(3, A) + log10(A) + ln(A) + root(3, A) + sqrt(A)")
    ),
    "implies": lambda: swings().parameter("q", 0.0, constant=False).rate("q", "piecewise(1, implies(A > 0, B > 0), 3)"),
    "rateOf": lambda: decay().parameter("q", 0.0, constant=False).rate("q", "rateOf(B) * 2"),
    "rateOf of a rule": lambda: swings().parameter("q", 0.0, constant=False).rate("q", "rateOf(A)^2"),
    "rateOf of a concentration": lambda: dense().parameter("q", 0.0, constant=False).rate("q", "rateOf(B) * 2"),
    "no kinetic law": lambda: decay().lawless("A", "B"),
    "a constant species": lambda: (
        base()
        .species("A", concentration=1, constant=True, boundary=True)
        .species("B", concentration=0)
        .reaction("c*k*A", "A", "B")
    ),
    "a plane": lambda: (
        base()
        .compartment("d", 3.0, dimensions=2)
        .species("A", concentration=1)
        .species("B", concentration=0.2, compartment="d")
        .reaction("c*k*A", "A", "B")
    ),
    "a point": lambda: (
        base()
        .compartment("d", None, dimensions=0)
        .species("A", concentration=1)
        .species("B", amount=0.2, compartment="d")
        .reaction("c*k*A", "A", "B")
    ),
    "a conversion factor of the model": lambda: dense().parameter("f", 2.5).converted("f"),
    "keywords": lambda: (
        base()
        .species("lambda", concentration=1)
        .species("log", concentration=0.1)
        .species("None", concentration=0.1)
        .species("time_", concentration=0.3)
        .species("hill", concentration=0.2)
        .reaction("c*k*lambda", "lambda", "log")
        .reaction("c*k*hill*time_", "hill", "None")
    ),
    "a rule of a size": lambda: (
        Made()
        .compartment(size=2.0, constant=False)
        .parameter("k", 0.3)
        .species("A", concentration=1)
        .species("B", concentration=0.5)
        .reaction("c*k*A", "A", "B")
        .assign("c", "2 + time")
    ),
    "a stoichiometry that follows the state": lambda: (
        decay().species("C", amount=1, substance=True).reaction("k", "", "s:C").assign("s", "A*2")
    ),
    "a stoichiometry by a rate": lambda: (
        decay().species("C", amount=1, substance=True).reaction("k", "", "s:C").rate("s", "-0.1*s")
    ),
    "a start that uses a rule": lambda: (
        base().species("A").parameter("q", constant=False).assign("q", "2*k").initial("A", "q + 1").reaction("c*k*A", "A")
    ),
    "a start that uses another": lambda: (
        base().species("A").species("B", concentration=3).initial("A", "B * c").reaction("c*k*A", "A", "B")
    ),
    "a piecewise of three": lambda: (
        swings().parameter("q", 0.0, constant=False).rate("q", "piecewise(1, A > 0.5, 2, B > 0, time, A < -0.5, 0.5)")
    ),
    "equal and unequal": lambda: (
        decay().parameter("q", 0.0, constant=False).rate("q", "piecewise(A, k == 0.3, 0) + piecewise(1, p != 1.5, 2)")
    ),
}


def both(made: Made, outputs: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return curves of ours and of libRoadRunner."""
    text = made.text()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, events = imo.io.read_sbml(text), imo.io.read_sbml_events(text)
        names = {o: o if o in model.compartments or o in model.derived else f"{o}_" for o in outputs}
        run = imo.simulate(model, events, times=TIMES, outputs=list(names.values()), rtol=1e-10, atol=1e-12)
    peer = roadrunner.RoadRunner(text)
    peer.integrator.relative_tolerance, peer.integrator.absolute_tolerance = 1e-11, 1e-13
    peer.integrator.maximum_time_step = 0.01
    floating, boundary = peer.model.getFloatingSpeciesIds(), peer.model.getBoundarySpeciesIds()
    species = {s.getId(): s for s in made.model.getListOfSpecies()}
    amounts = {i for i, s in species.items() if s.getHasOnlySubstanceUnits()}
    chosen = [f"[{o}]" if o in (*floating, *boundary) and o not in amounts else o for o in outputs]
    peer.timeCourseSelections = ["time", *chosen]
    table = np.asarray(peer.simulate(times=list(TIMES)))
    return {o: run[n] for o, n in names.items()}, {o: table[:, k + 1] for k, o in enumerate(outputs)}


def compare(made: Made, tolerance: float) -> None:
    kept = [s.getId() for s in made.model.getListOfSpecies() if not s.getConstant() and not s.getBoundaryCondition()]
    kept += [p.getId() for p in made.model.getListOfParameters() if not p.getConstant()]
    model = imo.io.read_sbml(made.text())
    kept = [k for k in kept if {k, f"{k}_"} & {*model.compartments, *model.derived}]
    ours, theirs = both(made, kept)
    for name in kept:
        assert np.allclose(ours[name], theirs[name], rtol=tolerance, atol=tolerance * 1e-1), (name, ours[name], theirs[name])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", EVENTS)
def test_events(name: str) -> None:
    compare(EVENTS[name](), 1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FEATURES)
def test_features(name: str) -> None:
    compare(FEATURES[name](), 1e-6)
