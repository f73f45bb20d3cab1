"""SBML files that are not read, or not without a message: what is not understood, broken and hostile files, roles and units."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import immunoode as imo
from immunoode.errors import ModelError
from tests.sbml_texts import Made
from tests.test_sbml_import import decay, drug


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


def test_the_unit_of_time() -> None:
    bare = Made(time="").compartment().parameter("k", 0.3).species("A", concentration=1).reaction("c*k*A", "A").text()
    with pytest.warns(UserWarning, match="states no unit of time"):
        model = imo.io.read_sbml(bare)
    assert model.parameters["time_units_per_day"].value == 1.0
    hours = imo.io.read_sbml(bare, time_unit="hour")
    assert np.allclose(imo.simulate(hours, times=[0, 1 / 24], outputs=["A"])["A"], [1, np.exp(-0.3)], rtol=1e-5)
    with pytest.raises(ModelError, match="time_unit"):
        imo.io.read_sbml(bare, time_unit="mg")


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
