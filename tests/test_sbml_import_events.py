"""Events of SBML, of every sort, against their closed form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from tests.sbml_texts import Made
from tests.test_sbml_import import DAYS, drug, exact, run


def after(day: float) -> Any:
    return np.exp(-0.3 * (DAYS - day)) * (day <= DAYS)


@pytest.mark.filterwarnings("ignore")
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


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", GENERAL)
def test_events_of_every_sort(name: str) -> None:
    made, expected = GENERAL[name]
    text = made().text()
    events = imo.io.read_sbml_events(text)
    assert isinstance(events, imo.regimen.Events)
    found = run(made(), ["q"], events, DAYS + 1e-6)["q"]
    assert np.allclose(found, expected(), rtol=1e-7)


@pytest.mark.filterwarnings("ignore")
def test_a_condition_that_changes_right_before_a_known_time() -> None:
    """The concentration falls below 0.97 just before day 0.26: the step to there must not be stretched to that day."""
    made = clock().compartment(constant=False).assign("c", "1.16 + 0.3*sin(time)").species("A", amount=1.2)
    made.event("A > 0.97 && time > 0.26", q="q + 1").event("A < 0.97", q="q + 10")
    found = run(made, ["q"], imo.io.read_sbml_events(made.text()), [0, 0.25, 0.2598, 0.3])["q"]
    assert found.tolist() == [1, 1, 1, 11]


@pytest.mark.filterwarnings("ignore")
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


@pytest.mark.filterwarnings("ignore")
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


@pytest.mark.filterwarnings("ignore")
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


@pytest.mark.filterwarnings("ignore")
def test_steps_in_time_are_met_however_short_they_are() -> None:
    """A dose of half an hour each day, as floor writes it: the growth of a day is known."""
    made = Made().parameter("y", 1.0, constant=False)
    made.rate("y", "y*(0.1 - piecewise(3, time - floor(time) < 1/48, 0))")
    found = run(made, ["y"], times=np.arange(0, 201, 20.0))["y"]
    assert np.allclose(np.log(found), np.arange(0, 201, 20) * (0.1 - 3 / 48), rtol=1e-6)
