"""Models from SBML: published ones against independent trajectories, each feature against its closed form, broken files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import ModelError
from tests.sbml_texts import Made

SHIPPED = Path(__file__).parent / "reference"
REFERENCE = Path(os.environ.get("IMMUNOODE_REFERENCE", Path(__file__).resolve().parents[2] / "shared" / "reference"))
FILES = sorted((SHIPPED / "sbml").glob("*.xml"))
MORE = sorted(p for p in (REFERENCE / "sbml").glob("*.xml") if p.name not in {own.name for own in FILES})
PASSED_OVER = {
    "BIOMD0000000817": "its events are at single times, which the independent run passed over or met by chance",
    "MODEL1708310001": "its doses last 90 minutes, over which the independent run stepped; doses of this sort are below",
}
"""Files whose independent trajectory is not that of what they encode."""
TINY = 1e-6
"""Part of its largest value below which a state does not matter."""
DAYS = np.linspace(0, 10, 21)


def run(made: Made, outputs: list[str], regimen: Any = None, times: Any = DAYS) -> dict[str, Any]:
    model = imo.io.read_sbml(made.text())
    simulation = imo.simulate(model, regimen, times=times, outputs=outputs, rtol=1e-9, atol=1e-12)
    return {name: simulation[name] for name in outputs}


@pytest.fixture
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.usefixtures("_quiet")
@pytest.mark.parametrize("path", [*FILES, *(pytest.param(p, marks=pytest.mark.slow) for p in MORE)], ids=lambda p: p.stem)
def test_published_models_run_as_they_are_encoded(path: Path) -> None:
    model, events = imo.io.read_sbml(path), imo.io.read_sbml_events(path)
    known = pd.read_csv(path.parents[1] / "trajectories" / f"sbml_{path.stem}.csv", comment="#")
    names = [c for c in known.columns[1:] if c in model.compartments or c in model.derived]
    assert names
    days = known["time"].to_numpy() / model.parameters["time_units_per_day"].value
    simulation = imo.simulate(model, events, times=days, outputs=names, rtol=1e-10, atol=1e-14)
    if path.stem in PASSED_OVER:
        return
    for name in names:
        expected = known[name].to_numpy()
        matters = abs(expected) > max(TINY * abs(expected).max(), 1e-2 if path.stem == "BIOMD0000000763" else 1e-15)
        assert np.allclose(simulation[name][matters], expected[matters], rtol=1e-5), name


def decay() -> Made:
    return Made().compartment(size=2.0).parameter("k", 0.3)


def exact(rate: float = 0.3, start: float = 1.0) -> Any:
    return start * np.exp(-rate * DAYS)


FEATURES: dict[str, tuple[Callable[[], Made], str, Callable[[], Any]]] = {
    "a concentration": (lambda: decay().species("A", concentration=1).reaction("c*k*A", "A"), "A", exact),
    "an amount": (lambda: decay().species("A", amount=1, substance=True).reaction("k*A", "A"), "A", exact),
    "an amount read as a concentration": (
        lambda: decay().species("A", amount=4).reaction("c*k*A", "A"),
        "A",
        lambda: exact(start=2.0),
    ),
    "a concentration kept as an amount": (
        lambda: decay().species("A", concentration=4, substance=True).reaction("k*A", "A"),
        "A",
        lambda: exact(start=8.0),
    ),
    "what arrives": (
        lambda: decay().species("A", amount=1, substance=True).species("B", amount=0, substance=True).reaction("k*A", "A", "B"),
        "B",
        lambda: 1 - exact(),
    ),
    "two of one give three of another": (
        lambda: (
            decay().species("A", amount=1, substance=True).species("B", amount=0, substance=True).reaction("k*A", "2 A", "3 B")
        ),
        "B",
        lambda: 1.5 * (1 - exact(0.6)),
    ),
    "the same on both sides": (
        lambda: decay().species("A", amount=1, substance=True).reaction("k*A", "A", "2 A"),
        "A",
        lambda: exact(-0.3),
    ),
    "compartments of different size": (
        lambda: (
            decay()
            .compartment("d", 5.0)
            .species("A", concentration=1)
            .species("B", concentration=0, compartment="d")
            .reaction("c*k*A", "A", "B")
        ),
        "B",
        lambda: 2 / 5 * (1 - exact()),
    ),
    "a boundary species": (
        lambda: decay().species("A", concentration=1, boundary=True).species("B", concentration=0).reaction("c*k*A", "A", "B"),
        "B",
        lambda: 0.3 * DAYS,
    ),
    "a local parameter": (
        lambda: decay().species("A", concentration=1).reaction("c*k*A", "A", local={"k": 0.7}),
        "A",
        lambda: exact(0.7),
    ),
    "an assignment rule": (
        lambda: (
            decay()
            .parameter("twice", constant=False)
            .species("A", concentration=1)
            .assign("twice", "2*k")
            .reaction("c*twice*A", "A")
        ),
        "A",
        lambda: exact(0.6),
    ),
    "rules that build on each other": (
        lambda: (
            decay()
            .parameter("p", constant=False)
            .parameter("q", constant=False)
            .species("A", concentration=1)
            .assign("p", "q + k")
            .assign("q", "k^2")
            .reaction("c*p*A", "A")
        ),
        "A",
        lambda: exact(0.39),
    ),
    "a rate rule": (lambda: decay().parameter("A", 1.0, constant=False).rate("A", "-k*A"), "A", exact),
    "a rate rule of a species": (lambda: decay().species("A", concentration=1).rate("A", "-k*A"), "A", exact),
    "a compartment that grows": (
        lambda: Made().compartment(size=2.0, constant=False).parameter("k", 0.3).species("A", concentration=1).rate("c", "k*c"),
        "A",
        exact,
    ),
    "a reaction in a compartment that grows": (
        lambda: (
            Made()
            .compartment(size=2.0, constant=False)
            .parameter("k", 0.3)
            .species("A", concentration=1)
            .rate("c", "k*c")
            .reaction("c*k*A", "A")
        ),
        "A",
        lambda: exact(0.6),
    ),
    "an initial assignment": (
        lambda: decay().species("A").initial("A", "k*10").reaction("c*k*A", "A"),
        "A",
        lambda: exact(start=3.0),
    ),
    "initial assignments that build on each other": (
        lambda: (
            decay()
            .parameter("p")
            .parameter("q")
            .species("A")
            .initial("A", "p")
            .initial("p", "q*2")
            .initial("q", "k*10")
            .reaction("c*k*A", "A")
        ),
        "A",
        lambda: exact(start=6.0),
    ),
    "a function definition": (
        lambda: decay().function("mass", "lambda(x, y, x*y)").species("A", concentration=1).reaction("c*mass(k, A)", "A"),
        "A",
        exact,
    ),
    "functions of functions": (
        lambda: (
            decay()
            .function("twice", "lambda(x, 2*x)")
            .function("four", "lambda(x, twice(twice(x)))")
            .species("A", concentration=1)
            .reaction("c*four(k)*A", "A")
        ),
        "A",
        lambda: exact(1.2),
    ),
    "piecewise in time": (
        lambda: decay().parameter("A", 0.0, constant=False).rate("A", "piecewise(1, time < 4, 2)"),
        "A",
        lambda: np.where(DAYS < 4, DAYS, 4 + 2 * (DAYS - 4)),
    ),
    "conditions together": (
        lambda: (
            decay().parameter("A", 0.0, constant=False).rate("A", "piecewise(1, (time >= 2 && time < 4) || !(time < 8), 0)")
        ),
        "A",
        lambda: np.clip(DAYS - 2, 0, 2) + np.clip(DAYS - 8, 0, None),
    ),
    "exclusive or": (
        lambda: decay().parameter("A", 0.0, constant=False).rate("A", "piecewise(1, xor(time >= 2, time >= 4), 0)"),
        "A",
        lambda: np.clip(DAYS - 2, 0, 2),
    ),
    "a truth as a number": (
        lambda: decay().parameter("A", 0.0, constant=False).rate("A", "3*(time > 4)"),
        "A",
        lambda: 3 * np.clip(DAYS - 4, 0, None),
    ),
    "the time": (lambda: decay().parameter("A", 0.0, constant=False).rate("A", "2*time"), "A", lambda: DAYS**2),
    "functions written by others": (
        lambda: (
            decay()
            .species("X", concentration=1)
            .reaction("c*k*X", "X")
            .parameter("A", 0.0, constant=False)
            .assign("A", "sinh(k) + cosh(k) + tan(k) + log(2, k) + root(3, k) + arctanh(k)")
        ),
        "A",
        lambda: np.exp(0.3) + np.tan(0.3) + np.log2(0.3) + 0.3 ** (1 / 3) + np.arctanh(0.3) + 0 * DAYS,
    ),
    "constants": (
        lambda: (
            decay()
            .species("X", concentration=1)
            .reaction("c*k*X", "X")
            .parameter("A", 0.0, constant=False)
            .assign("A", "pi + exponentiale + avogadro*1e-24")
        ),
        "A",
        lambda: np.pi + np.e + 0.602214179 + 0 * DAYS,
    ),
    "the largest and smallest": (
        lambda: (
            decay()
            .species("X", concentration=1)
            .reaction("c*k*X", "X")
            .parameter("A", 0.0, constant=False)
            .assign("A", "max(k, 2, 1) - min(k, 2)")
        ),
        "A",
        lambda: 1.7 + 0 * DAYS,
    ),
    "the rate of a reaction in a formula": (
        lambda: (
            decay()
            .species("A", amount=1, substance=True)
            .parameter("B", 0.0, constant=False)
            .reaction("k*A", "A", name="gone")
            .rate("B", "gone")
        ),
        "B",
        lambda: 1 - exact(),
    ),
    "a conversion factor": (
        lambda: decay().parameter("f", 10.0).species("A", amount=0, substance=True, conversion="f").reaction("k", "", "A"),
        "A",
        lambda: 3.0 * DAYS,
    ),
    "a stoichiometry by a rule": (
        lambda: decay().species("A", amount=0, substance=True).reaction("k", "", "s:A").assign("s", "2*time"),
        "A",
        lambda: 0.3 * DAYS**2,
    ),
    "a species by a rule": (
        lambda: decay().species("A", concentration=1).species("B", concentration=0).reaction("c*k*A", "A").assign("B", "2*A"),
        "B",
        lambda: 2 * exact(),
    ),
    "floor of the time": (
        lambda: decay().parameter("A", 0.0, constant=False).rate("A", "floor(time)"),
        "A",
        lambda: np.floor(DAYS) * (np.floor(DAYS) - 1) / 2 + np.floor(DAYS) * (DAYS - np.floor(DAYS)),
    ),
    "what remains of a division": (
        lambda: decay().parameter("A", 0.0, constant=False).rate("A", "rem(time, 2) + quotient(-7, 2)"),
        "A",
        lambda: 2 * np.floor(DAYS / 2) + np.mod(DAYS, 2) ** 2 / 2 - 3 * DAYS,
    ),
    "inverse trigonometric functions": (
        lambda: decay().parameter("A", 0.0, constant=False).rate("A", "arcsin(k) + arccos(k) * 2 + arctan(3) + arccot(2)"),
        "A",
        lambda: DAYS * (np.arcsin(0.3) + 2 * np.arccos(0.3) + np.arctan(3) + np.arctan(0.5)),
    ),
    "a factorial": (lambda: decay().parameter("A", 0.0, constant=False).rate("A", "factorial(4)"), "A", lambda: 24 * DAYS),
    "a rate of change": (
        lambda: (
            decay()
            .species("X", concentration=1)
            .reaction("c*k*X", "X")
            .parameter("A", 0.0, constant=False)
            .assign("A", "rateOf(X)")
        ),
        "A",
        lambda: -0.3 * exact(),
    ),
    "a species that nothing changes": (lambda: decay().species("A", concentration=4), "A", lambda: 4 + 0 * DAYS),
    "rules without rates": (lambda: decay().parameter("A", constant=False).assign("A", "k*time"), "A", lambda: 0.3 * DAYS),
    "names that Python keeps": (
        lambda: decay().species("lambda", concentration=1).reaction("c*k*lambda", "lambda"),
        "lambda_",
        exact,
    ),
    "Level 2": (
        lambda: Made(2, 4).compartment(size=2.0).parameter("k", 0.3).species("A", concentration=1).reaction("c*k*A", "A"),
        "A",
        exact,
    ),
    "Level 3 Version 1": (
        lambda: Made(3, 1).compartment(size=2.0).parameter("k", 0.3).species("A", concentration=1).reaction("c*k*A", "A"),
        "A",
        exact,
    ),
}


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature(name: str) -> None:
    made, output, expected = FEATURES[name]
    assert np.allclose(run(made(), [output])[output], expected(), rtol=1e-6, atol=1e-9)


def drug() -> Made:
    return decay().species("A", amount=1, substance=True).reaction("k*A", "A")


def after(day: float) -> Any:
    return np.exp(-0.3 * (DAYS - day)) * (day <= DAYS)


@pytest.mark.usefixtures("_quiet")
@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: drug().event("time >= 3", A="5"), lambda: np.where(DAYS < 3, exact(), 5 * after(3))),
        (lambda: drug().event("time >= 3", A="A + 5"), lambda: exact() + 5 * after(3)),
        (lambda: drug().event("time > 3", A="A * 0.5"), lambda: exact() * np.where(DAYS < 3, 1, 0.5)),
        (lambda: drug().event("time >= 3", A="2*A + 1"), lambda: exact() * np.where(DAYS < 3, 1, 2) + after(3)),
        (lambda: drug().event("3 <= time", delay="2", A="7"), lambda: np.where(DAYS < 5, exact(), 7 * after(5))),
        (lambda: drug().event("time >= 10*k", A="k*10"), lambda: np.where(DAYS < 3, exact(), 3 * after(3))),
        (lambda: drug().event("time >= 0", A="5"), exact),
        (lambda: drug().event("time >= 0", starts=False, A="5"), lambda: 5 * exact()),
        (lambda: drug().event("time == 4", A="A + 1"), lambda: exact() + after(4)),
        (lambda: drug().event("time >= 3 && time < 4", A="A+1"), lambda: exact() + after(3)),
        (
            lambda: drug().event("time >= 3", priority="1", A="5").event("time >= 3", priority="2", A="8"),
            lambda: np.where(DAYS < 3, exact(), 5 * after(3)),
        ),
        (
            lambda: drug().event("A < 0.5", A="2"),  # again each time that it has fallen from 2 to a half
            lambda: np.where(
                np.log(2) / 0.3 > DAYS, exact(), 2 * np.exp(-0.3 * np.mod(DAYS - np.log(2) / 0.3, np.log(4) / 0.3))
            ),
        ),
    ],
)
def test_events(made: Callable[[], Made], expected: Callable[[], Any]) -> None:
    times = DAYS + 1e-7  # not at the events themselves
    made_, events = made(), imo.io.read_sbml_events(made().text())
    found = run(made_, ["A"], events, times)["A"]
    assert np.allclose(found, expected(), rtol=1e-5, atol=1e-7)


def test_events_that_solvers_pass_over_are_told() -> None:
    with pytest.warns(UserWarning, match="true only at time 4"):
        imo.io.read_sbml_events(drug().event("time == 4", A="A + 1").text())
    with pytest.warns(UserWarning, match="has 1 events"):
        imo.io.read_sbml(drug().event("time >= 4", A="A + 1").text())


def clock() -> Made:
    """Return p, which grows by 1 a day, and q, which nothing but events changes."""
    return Made().parameter("p", 0.0, constant=False).rate("p", "1").parameter("q", 1.0, constant=False)


GENERAL: dict[str, tuple[Callable[[], Made], Callable[[], Any]]] = {
    "any formula": (lambda: clock().event("p > 3.1", q="q^2 + p + 1"), lambda: np.where(DAYS < 3.1, 1, 5.1)),
    "values at firing": (lambda: clock().event("p > 3.1", delay="2", q="p"), lambda: np.where(DAYS < 5.1, 1, 3.1)),
    "values at the time": (
        lambda: clock().event("p > 3.1", delay="2", at_firing=False, q="p"),
        lambda: np.where(DAYS < 5.1, 1, 5.1),
    ),
    "a delay that follows the state": (
        lambda: clock().event("p > 3.1", delay="p / 2", q="7"),
        lambda: np.where(DAYS < 4.65, 1, 7),
    ),
    "persistent": (lambda: clock().event("p > 3.1 && p < 4", delay="2", q="7"), lambda: np.where(DAYS < 5.1, 1, 7)),
    "not persistent": (lambda: clock().event("p > 3.1 && p < 4", delay="2", persistent=False, q="7"), lambda: 1 + 0 * DAYS),
    "together, by values at firing": (
        lambda: clock().event("p > 3.1", priority="2", q="q + 1").event("p > 3.1", priority="1", q="q * 10"),
        lambda: np.where(DAYS < 3.1, 1, 10),
    ),
    "together, by values at the time": (
        lambda: (
            clock()
            .event("p > 3.1", priority="2", at_firing=False, q="q + 1")
            .event("p > 3.1", priority="1", at_firing=False, q="q * 10")
        ),
        lambda: np.where(DAYS < 3.1, 1, 20),
    ),
    "one prevents another": (
        lambda: (
            clock().event("p > 3.1", priority="2", q="2").event("p > 3.1 && q < 1.5", priority="1", persistent=False, q="50")
        ),
        lambda: np.where(DAYS < 3.1, 1, 2),
    ),
    "one sets off another": (
        lambda: clock().event("p > 3.1", q="2").event("q > 1.5", delay="1", q="3"),
        lambda: np.where(DAYS < 3.1, 1, np.where(DAYS < 4.1, 2, 3)),
    ),
    "every two days": (
        lambda: clock().parameter("due", 2.1, constant=False).event("time >= due", q="q * 2", due="due + 2"),
        lambda: 2.0 ** np.clip(np.floor((DAYS - 2.1) / 2) + 1, 0, None),
    ),
    "at the start": (lambda: clock().event("p < 1", starts=False, q="q + 4"), lambda: 5 + 0 * DAYS),
    "a short window of time": (
        lambda: clock().event("time > 3.1 && time < 3.100001", delay="p * 0", q="9"),
        lambda: np.where(DAYS < 3.1, 1, 9),
    ),
    "back and forth": (
        lambda: (
            Made()
            .parameter("p", 0.0, constant=False)
            .parameter("s", 1.0, constant=False)
            .rate("p", "s")
            .parameter("q", 1.0, constant=False)
            .event("p > 0.7", s="-1")
            .event("p < 0.2", s="1", q="q + 1")
        ),
        lambda: 1 + np.clip(np.floor((DAYS - 0.2) / 1.0), 0, None),
    ),
}


@pytest.mark.usefixtures("_quiet")
@pytest.mark.parametrize("name", GENERAL)
def test_events_of_every_sort(name: str) -> None:
    made, expected = GENERAL[name]
    text = made().text()
    events = imo.io.read_sbml_events(text)
    assert isinstance(events, imo.regimen.Events)
    found = run(made(), ["q"], events, DAYS + 1e-6)["q"]
    assert np.allclose(found, expected(), rtol=1e-7)


@pytest.mark.usefixtures("_quiet")
def test_a_condition_that_changes_right_before_a_known_time() -> None:
    """The concentration falls below 0.97 just before day 0.26: the step to there must not be stretched to that day."""
    made = clock().compartment(constant=False).assign("c", "1.16 + 0.3*sin(time)").species("A", amount=1.2)
    made.event("A > 0.97 && time > 0.26", q="q + 1").event("A < 0.97", q="q + 10")
    found = run(made, ["q"], imo.io.read_sbml_events(made.text()), [0, 0.25, 0.2598, 0.3])["q"]
    assert found.tolist() == [1, 1, 1, 11]


@pytest.mark.usefixtures("_quiet")
def test_sizes_and_concentrations_that_one_event_sets() -> None:
    """What is assigned is the amount, by the size before (SBML test suite 01779); rates of concentrations (01506)."""
    made = Made().compartment("c", 0.5, constant=False).species("A", concentration=2.0)
    text = made.event("time >= 2.2", A="0.2", c="0.2").text()
    found = imo.simulate(imo.io.read_sbml(text), imo.io.read_sbml_events(text), times=[2, 3], outputs=["A"])["A"]
    assert np.allclose(found, [2.0, 0.5])
    made = Made().compartment("c", 0.5, constant=False).species("A", concentration=2.0, boundary=True)
    text = made.rate("A", "0.4").rate("c", "0.2").event("time >= 2.2", c="1.88").text()
    found = imo.simulate(imo.io.read_sbml(text), imo.io.read_sbml_events(text), times=[2, 3], outputs=["A"], rtol=1e-9)["A"]
    assert np.allclose(found, [2.8, 2.88 / 2 + 0.32])  # the size doubles at day 2.2, and from then on grows as before


@pytest.mark.usefixtures("_quiet")
@pytest.mark.parametrize("name", GENERAL)
def test_events_are_written_and_read_again(name: str) -> None:
    made, expected = GENERAL[name]
    text = imo.io.write_sbml(imo.io.read_sbml(made().text()), regimen=imo.io.read_sbml_events(made().text()))
    model, events = imo.io.read_sbml(text), imo.io.read_sbml_events(text)
    found = imo.simulate(model, events, times=DAYS + 1e-6, outputs=["q"], rtol=1e-9, atol=1e-12)["q"]
    assert np.allclose(found, expected(), rtol=1e-7)


def test_events_are_joined_with_events_alone() -> None:
    one = imo.regimen.Events((imo.regimen.Event("one", "piecewise(1, time > 1, 0)", ()),), "one")
    assert len(one + one) == 2 and bool(one) and str(one) == "1 events: one"
    for wrong in (lambda: one + imo.Regimen(), lambda: imo.Regimen() + one):
        with pytest.raises(imo.errors.RegimenError, match="cannot be combined with a Regimen"):
            wrong()
    with pytest.raises(imo.errors.RegimenError, match="contain a str"):
        imo.regimen.Events(("one",))  # type: ignore[arg-type]


@pytest.mark.usefixtures("_quiet")
def test_events_for_many_patients_and_their_mistakes() -> None:
    text = clock().parameter("k", 3.1).event("p > k", q="q + 1").text()
    model, events = imo.io.read_sbml(text), imo.io.read_sbml_events(text)
    table = pd.DataFrame({"k": [1.1, 2.1, 20.0]}, index=["a", "b", "c"])
    many = imo.simulate(model, events, times=[0, 1.5, 3], parameters=table, outputs=["q"])
    assert many.subjects == ("a", "b", "c") and many["q"].tolist() == [[1, 2, 2], [1, 1, 2], [1, 1, 1]]
    endless = clock().event("q > 0", starts=False, q="-1").event("q < 0", q="1").text()
    with pytest.raises(imo.errors.SolveError, match="trigger each other without end"):
        imo.simulate(imo.io.read_sbml(endless), imo.io.read_sbml_events(endless), until=5)
    late = clock().event("p > 3.1", delay="-p", q="2").text()
    with pytest.raises(imo.errors.SolveError, match="has the delay -3.1"):
        imo.simulate(imo.io.read_sbml(late), imo.io.read_sbml_events(late), until=5)
    with pytest.raises(imo.errors.SolveError, match="unknown name 'x'"):
        event = imo.regimen.Event("e", "piecewise(1, x > 0, 0)", (imo.regimen.Assignment("q", "1"),))
        imo.simulate(model, imo.regimen.Events((event,)), until=5)
    with pytest.raises(imo.errors.RegimenError, match="value of q"):
        imo.regimen.Event("e", "piecewise(1, p > 0, 0)", (imo.regimen.Assignment("q", "import os"),))


@pytest.mark.usefixtures("_quiet")
def test_steps_in_time_are_met_however_short_they_are() -> None:
    """A dose of half an hour each day, as floor writes it: the growth of a day is known."""
    made = Made().parameter("y", 1.0, constant=False)
    made.rate("y", "y*(0.1 - piecewise(3, time - floor(time) < 1/48, 0))")
    found = run(made, ["y"], times=np.arange(0, 201, 20.0))["y"]
    assert np.allclose(np.log(found), np.arange(0, 201, 20) * (0.1 - 3 / 48), rtol=1e-6)


def algebraic() -> Made:
    made = drug().parameter("x", 1.0, constant=False)
    from tests.sbml_texts import math

    math(made.model.createAlgebraicRule(), "x - 2")
    return made


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (algebraic, "has 1 algebraic rules"),
        (lambda: drug().parameter("x", constant=False).assign("x", "delay(A, 2)"), "has a delay"),
        (
            lambda: (
                drug().parameter("x", constant=False).parameter("z", constant=False).assign("z", "2*A").assign("x", "rateOf(z)")
            ),
            "has the rateOf 'z', which has an assignment rule",
        ),
        (lambda: Made().compartment().species("A", amount=1).lawless("A", "A"), "has no kinetic law for any reaction"),
        (lambda: decay().species("A").reaction("c*k*A", "A"), "'A' has no initial value"),
        (lambda: decay().parameter("p").species("A", concentration=1).reaction("c*p*A", "A"), "'p' has no value"),
        (lambda: drug().parameter("x", constant=False).parameter("y", constant=False).assign("x", "y").assign("y", "x"), "."),
        (lambda: drug().parameter("x").parameter("y").initial("x", "y").initial("y", "x"), "."),
    ],
)
def test_what_is_not_read_is_named(made: Callable[[], Made], expected: str) -> None:
    with pytest.raises(ModelError, match=expected):
        imo.io.read_sbml(made().text())


BILLION_LAUGHS = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><sbml>&b;</sbml>'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (drug().text()[:400], "errors"),
        (BILLION_LAUGHS, "declares a document type or entities"),
        ("<html><body>no model</body></html>", "."),
        ("<sbml", "errors"),
        (
            '<?xml version="1.0"?><sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"/>',
            "has no model",
        ),
        (drug().text().replace('id="A"', ""), "."),
        (drug().text().replace('species="A"', 'species="nobody"'), "."),
        (drug().text().replace('compartment="c"', 'compartment="nowhere"'), "."),
        (drug().text().replace("<ci> k </ci>", "<ci> __import__('os').system('true') </ci>"), "."),
        (drug().text().replace("<ci> k </ci>", "<apply><times/>" * 400 + "<ci> k </ci>" + "</apply>" * 400), "."),
    ],
)
def test_broken_and_hostile_files_end_in_a_clear_error(text: str, expected: str) -> None:
    with pytest.raises(ModelError, match=expected):
        imo.io.read_sbml(text)


def test_a_formula_of_a_hundred_kilobytes() -> None:
    formula = f"<apply><plus/>{'<ci>k</ci>' * 30_000}</apply>"
    with pytest.raises(ModelError, match="too long|characters, more than"):
        imo.io.read_sbml(drug().text().replace("<ci> k </ci>", formula))


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        imo.io.read_sbml(tmp_path / "none.xml")
    with pytest.raises(ModelError, match="is int"):
        imo.io.read_sbml(3)  # type: ignore[arg-type]
    (tmp_path / "zeros.xml").write_bytes(b"\0" * 1000)
    with pytest.raises(ModelError):
        imo.io.read_sbml(tmp_path / "zeros.xml")


def test_roles_let_therapies_attach() -> None:
    made = Made().compartment().parameter("g", 0.1).species("T", amount=1e6, substance=True).reaction("g*T", "", "T")
    model = imo.io.read_sbml(made.text(), roles={"T": "tumour"})
    assert model.compartments["T"].roles == ("tumour",)
    both = imo.combine(model, "radiotherapy")
    treated = imo.Regimen().dose("radiotherapy", "2 Gy", every="1 day", count=5)
    ends = [imo.simulate(both, r, until="10 days", outputs=["T"])["T"][-1] for r in (None, treated)]
    assert ends[1] < 0.5 * ends[0]
    with pytest.raises(ModelError, match="'X' is not a species"):
        imo.io.read_sbml(made.text(), roles={"X": "tumour"})
    with pytest.raises(ModelError, match="'tumor' is not a role"):
        imo.io.read_sbml(made.text(), roles={"T": "tumor"})


def test_initial_assignments_follow_their_constants() -> None:
    made = decay().parameter("p").parameter("s", 2.0).species("A").initial("A", "p").initial("p", "s*k")
    model = imo.io.read_sbml(made.reaction("c*k*A", "A").text())
    for s in (2.0, 5.0):
        found = imo.simulate(model.with_values(s=s), times=DAYS, outputs=["A"], rtol=1e-9)["A"]
        assert np.allclose(found, 0.3 * s * exact(), rtol=1e-6)


def test_initial_values_follow_through_rules_and_other_initial_values() -> None:
    made = Made().parameter("p", 1.0).parameter("q", constant=False).assign("q", "2*p").compartment()
    made.species("X", substance=True).species("Y", substance=True).initial("X", "q").initial("Y", "3*X")
    made.parameter("z", constant=False).initial("z", "q+1").rate("z", "X").parameter("k", 0.3)
    model = imo.io.read_sbml(made.reaction("k*X", "X").text())
    back = imo.io.read_sbml(imo.io.write_sbml(model))
    for one in (model, back):
        run = imo.simulate(one, times=[0.0, 1.0], parameters={"p": 3.0}, outputs=["X", "Y", "z"], rtol=1e-9)
        assert [run[n][0] for n in ("X", "Y", "z")] == [6.0, 18.0, 7.0]
        assert run["z"][1] == pytest.approx(7 + 6 * (1 - np.exp(-0.3)) / 0.3)


def test_a_rate_at_the_start_as_an_initial_value() -> None:
    made = Made().parameter("p", constant=False).initial("p", "rateOf(x)").parameter("x", 2.0, constant=False)
    model = imo.io.read_sbml(made.parameter("k", 3.0).rate("x", "-k*x").rate("p", "1").text())
    run = imo.simulate(model, times=[0.0, 1.0], parameters={"k": 5.0}, outputs=["p"])
    assert run["p"] == pytest.approx([-10.0, -9.0])


def test_the_amount_of_a_constant_species_stays_in_a_compartment_that_grows() -> None:
    made = Made().compartment(size=1.0, constant=False).rate("c", "1").species("S", concentration=2.0, constant=True)
    run = imo.simulate(imo.io.read_sbml(made.text()), times=[0.0, 1.0, 3.0], outputs=["S"], rtol=1e-9)
    assert run["S"] == pytest.approx([2.0, 1.0, 0.5])


def test_the_factorial_of_a_variable() -> None:
    made = Made().parameter("n", 0.0, constant=False).rate("n", "1").parameter("f", constant=False).assign("f", "factorial(n)")
    run = imo.simulate(imo.io.read_sbml(made.text()), times=np.arange(8.0), outputs=["f"], rtol=1e-10)
    assert run["f"] == pytest.approx([1, 1, 2, 6, 24, 120, 720, 5040], rel=1e-6)


@pytest.mark.parametrize(("formula", "value"), [("INF", np.inf), ("-INF", -np.inf), ("NaN", np.nan)])
def test_numbers_that_are_infinite_or_none(formula: str, value: float) -> None:
    model = imo.io.read_sbml(Made().parameter("p").initial("p", formula).text())
    np.testing.assert_array_equal(imo.simulate(model, times=[0.0, 1.0], outputs=["p"])["p"], [value, value])


def test_seconds_are_said_with_what_twenty_days_are() -> None:
    text = decay().species("A", amount=1).reaction("c*k*A", "A").text().replace('multiplier="86400"', 'multiplier="1"')
    with pytest.warns(UserWarning, match="the second.*20 days are 1,728,000.*time_unit='day'"):
        imo.io.read_sbml(text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        imo.io.read_sbml(text, time_unit="day")


def test_roles_of_what_is_no_state_are_refused() -> None:
    made = decay().species("A", amount=1).parameter("r", constant=False).assign("r", "2*k").reaction("c*k*A", "A")
    for name in ("k", "r"):
        with pytest.raises(ModelError, match=f"'{name}' is not a state"):
            imo.io.read_sbml(made.text(), roles={name: "tumour"})


def test_a_constant_that_others_may_change() -> None:
    """A checkpoint inhibitor attaches to a constant of a file."""
    text = decay().species("A", amount=1).reaction("c*k*A", "A").text()
    model = imo.io.read_sbml(text, modifiable={"k": "checkpoint_brake"})
    plain = imo.simulate(imo.io.read_sbml(text), times=DAYS, outputs=["A"])["A"]
    assert np.array_equal(imo.simulate(model, times=DAYS, outputs=["A"])["A"], plain)
    treated = imo.combine(model, imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    regimen = imo.Regimen().dose("pembrolizumab", "200 mg")
    assert (imo.simulate(treated, regimen, times=DAYS, outputs=["A"])["A"][1:] > plain[1:]).all()
    with pytest.raises(ModelError, match="'A' is not a constant"):
        imo.io.read_sbml(text, modifiable=["A"])
    with pytest.raises(ModelError, match="'b' does not exist"):
        imo.io.read_sbml(text, modifiable=["b"])


def test_the_unit_of_time() -> None:
    bare = Made(time="").compartment().parameter("k", 0.3).species("A", concentration=1).reaction("c*k*A", "A").text()
    with pytest.warns(UserWarning, match="states no unit of time"):
        model = imo.io.read_sbml(bare)
    assert model.parameters["time_units_per_day"].value == 1.0
    hours = imo.io.read_sbml(bare, time_unit="hour")
    assert np.allclose(imo.simulate(hours, times=[0, 1 / 24], outputs=["A"])["A"], [1, np.exp(-0.3)], rtol=1e-5)
    with pytest.raises(ModelError, match="time_unit"):
        imo.io.read_sbml(bare, time_unit="mg")


def test_an_import_is_saved_and_read_again(tmp_path: Path) -> None:
    model = imo.io.read_sbml(drug().text())
    imo.save_model(model, tmp_path / "made.toml")
    again = imo.read_model(tmp_path / "made.toml")
    a, b = (imo.simulate(m, until="5 days", outputs=["A"])["A"] for m in (model, again))
    assert np.array_equal(a, b)


PORTS = '<comp:listOfPorts><comp:port comp:id="p"/></comp:listOfPorts>'


@pytest.mark.parametrize(("model", "read"), [("", True), (PORTS, False)])
def test_a_package_that_is_only_declared_is_let_be(model: str, read: bool) -> None:
    text = Made().compartment().species("A", amount=1, substance=True).reaction("A", "A").text()
    uri = "http://www.sbml.org/sbml/level3/version1/comp/version1"
    text = text.replace("<sbml ", f'<sbml xmlns:comp="{uri}" comp:required="true" ', 1)
    text = text.replace("</model>", f"{model}</model>")
    if read:
        assert imo.io.read_sbml(text).compartments.keys() == {"A"}
    else:
        with pytest.raises(ModelError, match="comp"):
            imo.io.read_sbml(text)
