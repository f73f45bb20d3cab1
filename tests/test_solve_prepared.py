"""Prepared simulations: equal to `simulate`, whatever varies; derivatives; copies, threads and messages."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import RegimenError, SolveError
from immunoode.model.read import parse_model
from immunoode.regimen.schedule import Schedule
from immunoode.solve.options import SolverOptions

TIMES = np.linspace(0.0, 20.0, 21)
LOTKA_VOLTERRA = {
    "kind": "base",
    "title": "Predator and prey",
    "compartments": {"prey": {"unit": "1", "initial": 10.0}, "predator": {"unit": "1", "initial": "start_of_predators"}},
    "flows": {
        "birth": {"to": "prey", "rate": "growth * prey"},
        "eaten": {"from": "prey", "rate": "predation * prey * predator"},
        "feeding": {"to": "predator", "rate": "conversion * prey * predator"},
        "death": {"from": "predator", "rate": "mortality * predator"},
    },
    "parameters": {
        name: {"value": value, "unit": unit, "bounds": [0.0, 10.0], "source": "estimate: textbook values of an oscillation"}
        for name, value, unit in (
            ("growth", 0.7, "1/day"),
            ("predation", 0.1, "1/day"),
            ("conversion", 0.05, "1/day"),
            ("mortality", 0.6, "1/day"),
            ("start_of_predators", 5.0, "1"),
        )
    },
}
RATES = ("growth", "predation", "conversion", "mortality")


@pytest.fixture(scope="module")
def animals() -> imo.Model:
    return parse_model(LOTKA_VOLTERRA, "animals")


@pytest.fixture(scope="module")
def treated() -> imo.Model:
    return imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))


DOSES = imo.Regimen().dose("pembrolizumab", "200 mg", every="5 days", count=3, start="1 day", over="30 min")


def test_values_and_derivatives_are_those_of_simulate(animals):
    prepared = imo.prepare(animals, times=TIMES, vary=RATES)
    generator = np.random.default_rng(1)
    for _ in range(5):
        values = prepared.values * generator.uniform(0.7, 1.4, len(RATES))
        given = dict(zip(RATES, values, strict=True))
        assert np.array_equal(prepared(values), imo.simulate(animals, times=TIMES, parameters=given).values[0])
        run = imo.simulate(animals, times=TIMES, parameters=given, sensitivities=RATES)
        found, derivatives = prepared(values, derivatives=True)
        assert np.array_equal(found, run.values[0])
        assert np.array_equal(derivatives, np.moveaxis(run.derivatives[0], 1, 2))


def test_many_rows_are_many_subjects(animals):
    prepared = imo.prepare(animals, times=TIMES, vary=RATES, outputs="prey")
    rows = prepared.values * np.random.default_rng(2).uniform(0.7, 1.4, (7, len(RATES)))
    found, derivatives = prepared(rows, derivatives=True)
    assert found.shape == (7, 21, 1) and derivatives.shape == (7, 21, 1, 4)
    assert np.array_equal(prepared(rows), [prepared(row) for row in rows])


def test_initial_values_replace_those_of_the_model(animals):
    names = ("initial(prey)", "initial(predator)", "start_of_predators", "growth")
    prepared = imo.prepare(animals, times=TIMES, vary=names, solver=SolverOptions(rtol=1e-10))
    assert prepared.values.tolist() == [10.0, 5.0, 5.0, 0.7]
    values = np.array([8.0, 4.0, 5.0, 0.7])
    found, derivatives = prepared(values, derivatives=True)
    assert found[0].tolist() == [8.0, 4.0]
    assert not derivatives[..., 2].any()  # the initial value no longer comes from the parameter
    for k in (0, 1, 3):
        step = 1e-5 * np.eye(4)[k]
        differences = (prepared(values + step) - prepared(values - step)) / 2e-5
        assert derivatives[..., k] == pytest.approx(differences, rel=1e-4, abs=1e-5 * np.abs(differences).max())


def test_amounts_and_times_of_doses(treated):
    names = ("amount(pembrolizumab)", "amount(pembrolizumab, 1)", "time(pembrolizumab, 2)")
    whole = imo.prepare(treated, DOSES, times=TIMES, vary=names[:1], outputs="pembrolizumab_central")
    assert whole.values.tolist() == [200.0]
    doubled = imo.Regimen().dose("pembrolizumab", "300 mg", every="5 days", count=3, start="1 day", over="30 min")
    assert np.array_equal(whole([300.0])[:, 0], imo.simulate(treated, doubled, times=TIMES)["pembrolizumab_central"])
    single = imo.prepare(treated, DOSES, times=TIMES, vary=names[1:], outputs="pembrolizumab_central")
    assert single.values.tolist() == [200.0, 11.0]
    assert single.units["time(pembrolizumab, 2)"] == "day" and single.units["amount(pembrolizumab, 1)"] == "mg"
    stated = DOSES.schedule({"pembrolizumab": "mg"}, {})
    changed = Schedule([1, 6, 13], stated.inputs, [200, 100, 200], stated.durations)
    assert np.array_equal(single([100.0, 13.0])[:, 0], imo.simulate(treated, changed, times=TIMES)["pembrolizumab_central"])
    _, derivatives = single([100.0, 13.0], derivatives=True)
    run = imo.simulate(treated, changed, times=TIMES, outputs="pembrolizumab_central", sensitivities=names[1:])
    assert np.array_equal(derivatives, np.moveaxis(run.derivatives[0], 1, 2))


MOVES = {
    "nothing": (0.0, 0.0),
    "a little later": (0.3, 0.0),
    "to an output": (1.0, 0.0),
    "to another dose": (3.0, 0.0),
    "past another dose": (3.5, 0.0),
    "the other one too": (0.5, -1.5),
    "within rounding of another dose": (3.0 + 1e-14, 0.0),
    "an end at an output": (1.0 - 0.02, 0.0),
}


def two_drugs(second, other, amount):
    """Return three infusions of one drug, the second on day `second` and the third of `amount`, and two boluses of another."""
    inputs = ("pembrolizumab",) * 3 + ("docetaxel",) * 2
    return Schedule([1.0, second, 11.0, 2.0, other], inputs, [200, 150, amount, 80, 60], [0.02, 0.02, 0.02, 0, 0])


@pytest.mark.slow
@pytest.mark.parametrize("move", MOVES)
def test_moved_doses_are_those_of_simulate(treated, move):
    """To the last bit, whether the order of events changes or not, and again after a call that changed it otherwise."""
    model, (first, other) = imo.combine(treated, imo.load_model("chemotherapy", variant="docetaxel")), MOVES[move]
    vary, outputs = (
        ["time(pembrolizumab, 1)", "time(docetaxel, 1)", "amount(pembrolizumab, 2)"],
        ["tumour", "docetaxel_central"],
    )
    prepared = imo.prepare(model, two_drugs(6.0, 9.0, 100.0), times=TIMES, vary=vary, outputs=outputs)
    values = [6.0 + first, 9.0 + other, 70.0]
    plain = imo.simulate(model, two_drugs(*values), times=TIMES, outputs=outputs)
    run = imo.simulate(model, two_drugs(*values), times=TIMES, outputs=outputs, sensitivities=vary)
    for _ in range(2):
        assert np.array_equal(prepared(values), plain.values[0])
        found, derivatives = prepared(values, derivatives=True)
        assert np.array_equal(found, run.values[0])
        assert np.array_equal(derivatives, np.moveaxis(run.derivatives[0], 1, 2))
        prepared([10.5, 9.0, 0.0])


def test_doses_by_weight_follow_the_weight(treated):
    regimen = imo.Regimen().dose("pembrolizumab", "2 mg/kg", every="5 days", count=3)
    prepared = imo.prepare(treated, regimen, times=TIMES, vary=["weight"], outputs=["pembrolizumab_central", "tumour"])
    for weight in (55.0, 80.0):
        run = imo.simulate(treated, regimen, times=TIMES, parameters={"weight": weight})
        assert np.array_equal(prepared([weight])[:, 0], run["pembrolizumab_central"])
    with pytest.raises(SolveError, match=r"scales doses \(weight\)"):
        prepared([55.0], derivatives=True)


def test_subjects_of_their_own(treated):
    table = pd.DataFrame({"weight": [60.0, 70.0, 90.0]}, index=["a", "b", "c"])
    regimens = [DOSES, None, DOSES]
    prepared = imo.prepare(treated, regimens, times=TIMES, parameters=table, vary=["growth_rate"], outputs="tumour")
    assert prepared.subjects == ("a", "b", "c") and prepared.values.shape == (3, 1)
    run = imo.simulate(treated, regimens, times=TIMES, parameters=table.assign(growth_rate=[0.004, 0.005, 0.006]))
    assert np.array_equal(prepared([[0.004], [0.005], [0.006]])[..., 0], run["tumour"])
    assert prepared([0.004]).shape == (3, 21, 1)
    with pytest.raises(SolveError, match=r"have the shape \(2, 1\)"):
        prepared([[0.004], [0.005]])


def test_regimens_that_react_follow_what_varies(treated):
    regimen = DOSES.when("tumour", above=1.001, of="baseline", then="stop", every="2 days")
    prepared = imo.prepare(treated, regimen, times=TIMES, vary=["growth_rate"], outputs="tumour")
    run = imo.simulate(treated, regimen, times=TIMES, parameters={"growth_rate": 0.05})
    assert len(run.trigger_times) == 1
    assert np.array_equal(prepared([0.05])[:, 0], run["tumour"])
    with pytest.raises(SolveError, match="reacts to the state"):
        imo.prepare(treated, regimen, times=TIMES, vary=["amount(pembrolizumab)"])


@pytest.mark.slow
def test_it_can_be_pickled_and_called_from_threads(treated):
    prepared = imo.prepare(treated, DOSES, times=TIMES, vary=["growth_rate", "initial(tumour)"], outputs="tumour")
    rows = prepared.values * np.random.default_rng(3).uniform(0.8, 1.2, (20, 2))
    expected = [prepared(row, derivatives=True) for row in rows]
    copy = pickle.loads(pickle.dumps(prepared))
    assert repr(copy) == repr(prepared)
    assert np.array_equal(copy(rows[0], derivatives=True)[0], expected[0][0])
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda row: prepared(row, derivatives=True), rows))
    for (value, derivative), (value_alone, derivative_alone) in zip(found, expected, strict=True):
        assert np.array_equal(value, value_alone) and np.array_equal(derivative, derivative_alone)


def test_results_are_not_changed_by_later_calls(animals):
    prepared = imo.prepare(animals, times=TIMES, vary=["growth"])
    first = prepared([0.7])
    kept = first.copy()
    prepared([0.9])
    assert np.array_equal(first, kept)


def test_many_subjects_are_the_same_in_arrays_of_earlier_calls():
    prepared = imo.prepare("tumour_immune", times=[0, 30, 60], vary=["growth_rate"], outputs="tumour")
    rates = np.linspace(0.003, 0.01, 250)[:, None]
    first = prepared(rates)
    kept = first.copy()
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(prepared, [rates, rates[::-1]] * 4))
    assert np.array_equal(first, kept)
    assert all(np.array_equal(one, kept) for one in found[::2])
    assert all(np.array_equal(one, kept[::-1]) for one in found[1::2])


def test_a_subject_that_stops_has_a_status(animals):
    prepared = imo.prepare(animals, times=TIMES, vary=["growth"], solver=SolverOptions(max_steps=3))
    with pytest.raises(SolveError, match="more steps than allowed"):
        prepared([0.7])
    found = prepared.solve([0.7])
    assert not found.ok and np.isnan(found.values[-1]).all() and found.status[0].advice


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0.1], r"have the shape \(1,\).*shape \(2,\) or \(subjects, 2\): growth, predation"),
        ([[0.1, 0.2, 0.3]], "have the shape"),
        ([0.1, float("nan")], r"'predation'.* is nan"),
        ([[0.1, 0.2], [0.1, float("inf")]], r"'predation', row 1.* is inf"),
        (["a", "b"], "not an array of numbers"),
    ],
)
def test_wrong_values(animals, values, words):
    prepared = imo.prepare(animals, times=TIMES, vary=["growth", "predation"])
    with pytest.raises(SolveError, match=words):
        prepared(values)


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        (["groth"], "'groth'.*not known.*growth"),
        ([], "is empty"),
        (["growth", "growth"], "requested twice"),
        (["initial(pray)"], "'pray' is not known.*prey"),
    ],
)
def test_wrong_names(animals, vary, words):
    with pytest.raises(SolveError, match=words):
        imo.prepare(animals, times=TIMES, vary=vary)


def test_wrong_doses(treated):
    with pytest.raises(SolveError, match="3 doses of it"):
        imo.prepare(treated, DOSES, times=TIMES, vary=["amount(pembrolizumab, 3)"])
    prepared = imo.prepare(treated, DOSES, times=TIMES, vary=["amount(pembrolizumab, 0)", "time(pembrolizumab, 0)"])
    with pytest.raises((SolveError, RegimenError), match="negative"):
        prepared([-1.0, 1.0])
    with pytest.raises(SolveError, match="before the simulation"):
        prepared([200.0, -1.0])
    with pytest.raises(SolveError, match="past another dose"):
        prepared([200.0, 7.0], derivatives=True)


def test_the_reference_engine_is_prepared_too(animals):
    prepared = imo.prepare(animals, times=TIMES, vary=["growth"], solver=SolverOptions(engine="scipy"))
    run = imo.simulate(animals, times=TIMES, parameters={"growth": 0.8}, engine="scipy")
    assert np.array_equal(prepared([0.8]), run.values[0])


def test_the_models_own_values_are_compared_with_bounds_once(animals):
    with pytest.warns(imo.errors.OutOfBoundsWarning):
        prepared = imo.prepare(animals, times=TIMES, vary=["growth"], parameters={"predation": 11.0})
    prepared([12.0])  # no warning: warnings are errors in tests
