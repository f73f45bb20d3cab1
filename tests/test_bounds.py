"""Values outside the bounds that a model states: one warning that names them, by one rule wherever values are given."""

import warnings

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import OutOfBoundsWarning

OUTSIDE = [
    ("growth_rate", 50.0, r"growth_rate = 50 1/day is outside \[0.0001, 0.1\]"),
    ("capacity", -1e12, r"capacity = -1e\+12 cell"),
    ("pembrolizumab_clearance", -0.3, r"pembrolizumab_clearance = -0.3 L/day is outside \[0.02, 2\]"),
]


@pytest.fixture(scope="module")
def model():
    return imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))


def said(call):
    """Return the warnings about bounds, and where they point."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    return [w for w in found if issubclass(w.category, OutOfBoundsWarning)]


@pytest.mark.parametrize(("name", "value", "text"), OUTSIDE)
def test_every_way_of_giving_a_value_warns_in_the_same_words(model, name, value, text):
    ways = [
        lambda: model.with_values(**{name: value}),
        lambda: imo.simulate(model, until=1, parameters={name: value}),
        lambda: imo.simulate(model, until=1, parameters=pd.DataFrame({name: [value]})),
        lambda: imo.simulate_many(model, until=1, parameters=pd.DataFrame({name: [value] * 3}), outputs="effectors", block=1),
        lambda: imo.compare(model, {"one": (None, {name: value})}, until=1),
    ]
    for way in ways:
        warned = said(way)
        assert len(warned) == 1, way
        assert warned[0].filename == __file__
        assert name in str(warned[0].message) and "is outside" in str(warned[0].message)
    with pytest.warns(OutOfBoundsWarning, match=text):
        ways[0]()


def test_a_value_set_before_is_named_when_it_is_simulated(model):
    with pytest.warns(OutOfBoundsWarning):
        changed = model.with_values(growth_rate=50)
    with pytest.warns(OutOfBoundsWarning, match="growth_rate = 50"):
        imo.simulate(changed, until=1)
    fresh = imo.combine("tumour_immune", "radiotherapy")  # whose equations are made now: what was made before must not matter
    with pytest.warns(OutOfBoundsWarning):
        imo.simulate(fresh.with_values(growth_rate=50), until=1)


def test_a_table_gets_one_warning_with_counts(model):
    table = pd.DataFrame({"growth_rate": [0.01, 0.2, 0.3, 0.02], "pembrolizumab_clearance": [0.2, 0.2, -0.1, 0.2]})
    warned = said(lambda: imo.simulate(model, until=1, parameters=table))
    assert len(warned) == 1
    text = str(warned[0].message)
    assert "growth_rate of 2 of 4 (0.2 to 0.3 1/day) is outside [0.0001, 0.1]" in text
    assert "pembrolizumab_clearance of 1 of 4 (-0.1 L/day) is outside [0.02, 2]" in text


def test_values_at_and_within_bounds_are_silent(model):
    low, high = model.parameters["growth_rate"].bounds
    table = pd.DataFrame({"growth_rate": [low, high, high * (1 + 1e-12)]})
    assert said(lambda: imo.simulate(model, until=1, parameters=table)) == []
    assert said(lambda: imo.simulate(model, until=1)) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_an_error_everywhere(model, value):
    table = pd.DataFrame({"growth_rate": [0.01, value]})
    for way in (
        lambda: model.with_values(growth_rate=value),
        lambda: imo.simulate(model, until=1, parameters={"growth_rate": value}),
        lambda: imo.simulate_many(model, until=1, parameters=table, outputs="sum_of_diameters"),
    ):
        with pytest.raises(imo.errors.ImmunoodeError, match="growth_rate"):
            way()


def test_a_fit_says_that_its_start_was_moved():
    days = np.arange(0.0, 50.0, 10)
    data = pd.DataFrame({"subject": 1, "day": days, "sum_of_diameters": 50 * np.exp(0.005 * days)})
    trial = imo.read_trial(data, {"value": "sum_of_diameters"}, "mm")
    with pytest.warns(OutOfBoundsWarning, match=r"start of the fit: .*moved.*growth_rate = 50 1/day is outside"):
        imo.fit("tumour_immune", trial, ["growth_rate"], initial={"growth_rate": 50.0})
    with pytest.raises(imo.errors.FitError, match="finite"):
        imo.fit("tumour_immune", trial, ["growth_rate"], initial={"growth_rate": np.nan})
