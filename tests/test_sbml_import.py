"""Models from SBML: published ones against independent trajectories, each feature against its closed form."""

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


def test_an_import_is_saved_and_read_again(tmp_path: Path) -> None:
    model = imo.io.read_sbml(drug().text())
    imo.save_model(model, tmp_path / "made.toml")
    again = imo.read_model(tmp_path / "made.toml")
    a, b = (imo.simulate(m, until="5 days", outputs=["A"])["A"] for m in (model, again))
    assert np.array_equal(a, b)
