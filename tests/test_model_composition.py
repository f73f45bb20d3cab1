"""Composition laws, on random sets of small models and on the shipped ones."""

import random

import numpy as np
import pytest
import symengine as se
from hypothesis import given
from hypothesis import strategies as st

from immunoode import combine, list_models, load_model, read_model, save_model
from immunoode.errors import ModelError
from immunoode.model.closed_model import resolve
from immunoode.model.expressions import first_dose
from immunoode.model.read import parse_model
from tests.long_forms import spread
from tests.naive import Naive

BASE = {
    "kind": "base",
    "parameters": {"growth_rate": {"value": 0.01, "unit": "1/day"}, "start": {"value": 1e9, "unit": "cell"}},
    "compartments": {
        "tumour": {"unit": "cell", "initial": "start", "roles": ["tumour"]},
        "dying": {"unit": "cell", "roles": ["dying"], "initial": "0.1 * tumour"},
    },
    "modifiables": {"brake": {"base": "1"}},
    "flows": {
        "growth": {"to": "role:tumour", "rate": "growth_rate * brake * self"},
        "clearance": {"from": "dying", "per_capita": "growth_rate"},
    },
}


def drug(kill, factor):
    return {
        "kind": "therapy",
        "needs": ["brake"],
        "covariates": {"weight": {"value": 75, "unit": "kg"}},
        "compartments": {"central": {"unit": "mg", "roles": ["drug"]}},
        "inputs": {"dose": {"into": "central", "unit": "mg"}},
        "parameters": {
            "decay": {"value": 0.3, "unit": "1/day"},
            "potency": {"value": kill, "unit": "1/(mg*day)"},
            "scale": {"value": 10.0, "unit": "mg"},
        },
        "flows": {
            "elimination": {"from": "central", "per_capita": "decay"},
            "kill": {"from": "role:tumour", "to": "role:dying", "per_capita": "potency * central"},
        },
        "modifiers": {
            "release": {"of": "brake", "factor": f"1 - {factor} * saturation(central, scale)"},
            "push": {"of": "brake", "add": "central / scale"},
        },
    }


def toy(name):
    number = int(name[-1])
    return parse_model(drug(0.001 * number, 0.1 * number), name)


names = st.lists(st.sampled_from([f"drug{i}" for i in range(1, 7)]), unique=True, min_size=1, max_size=6)


@pytest.mark.slow
@given(names, st.randoms(use_true_random=False))
def test_order_and_grouping_do_not_matter(chosen, shuffle):
    models = [parse_model(BASE, "base"), *map(toy, chosen)]
    expected = combine(*models)
    shuffle.shuffle(models)
    cut = shuffle.randint(1, len(models))
    grouped = [combine(*models[:cut])] + ([combine(*models[cut:])] if cut < len(models) else [])
    shuffle.shuffle(grouped)
    assert combine(*grouped) == expected
    assert list(combine(*grouped).compartments) == list(expected.compartments)
    assert resolve(combine(*grouped)).equations.key == resolve(expected).equations.key


@given(names, st.integers(0, 10**6))
def test_equations_equal_the_naive_reading(chosen, seed):
    agree(resolve(combine(parse_model(BASE, "base"), *map(toy, chosen))).model, seed)


def agree(model, seed):
    """Compare right-hand side and outputs with the naive reading at a random time, state and parameters."""
    generator = random.Random(seed)
    eq = resolve(model).equations
    values = {name: value * generator.uniform(0.8, 1.2) for name, value in zip(eq.parameters, eq.values, strict=True)}
    state = [10 ** generator.uniform(-1, 9 if unit == "cell" else 2) for unit in eq.units]
    time = generator.uniform(0, 100)
    first = {first_dose(name): generator.uniform(-10, 150) for name in eq.counted}
    symbols = [se.Symbol(n) for n in ("time", *eq.states, *eq.parameters, *first)]
    function = se.Lambdify(symbols, [*eq.rhs, *eq.outputs.values()], backend="llvm", cse=True)
    found = np.asarray(function([time, *state, *values.values(), *first.values()]))
    naive = Naive(model, time, state, values | first)
    expected = np.array([*naive.rates(), *(naive.value(name) for name in eq.outputs)])
    scale = np.abs(expected) + 1e-12 * max(1.0, np.max(np.abs(expected)))
    assert np.all(np.abs(found - expected) <= 1e-9 * scale)


def shipped():
    return list(list_models().index)


@pytest.mark.parametrize("name", spread(shipped(), 8))
def test_shipped_models_equal_the_naive_reading(name):
    model = load_model(name)
    if model.kind not in ("base", "published"):
        model = companions(model)
    for seed in range(5):
        agree(resolve(combine(model)).model, seed)


def companions(model):
    """Return a model with what it needs from the others that ship."""
    combined = combine("tumour_immune", model)
    others = [load_model(name) for name in shipped()]
    others = [other for other in others if other.kind in ("therapy", "term")]
    for other, variant in [(one, variant) for one in others for variant in (None, *one.variants)]:
        missing = {n for n, need in combined.needs.items() if need.value is None}
        if any(n.startswith(variant or other.name) for n in missing):
            combined = combine(combined, load_model(other.name, variant=variant))
    return combined


def test_two_antibodies_live_in_one_model():
    model = combine(parse_model(BASE, "base"), toy("drug1"), parse_model(drug(1, 0.5), "x", instance="second"))
    assert {"drug1_central", "second_central"} <= model.compartments.keys()
    assert set(model.inputs) == {"drug1", "second"}
    assert list(model.covariates) == ["weight"]


@pytest.mark.parametrize(
    ("models", "phrase"),
    [
        (lambda: [], "was given no model"),
        (lambda: [3], "a Model, or the name"),
        (lambda: [toy("drug1"), toy("drug1")], "two models have the name 'drug1'"),
        (lambda: [parse_model(BASE, "base"), parse_model(BASE, "other")], "both have 'growth_rate'"),
        (
            lambda: [toy("drug1"), parse_model(drug(1, 1) | {"covariates": {"weight": {"value": 80, "unit": "kg"}}}, "b")],
            "have different values of the covariate 'weight'",
        ),
        (
            lambda: [
                parse_model(BASE, "base"),
                parse_model(drug(1, 1) | {"needs": {"brake": {"unit": "mg"}}, "modifiers": {}}, "b"),
            ],
            "needs 'brake' in 'mg'",
        ),
    ],
)
def test_what_clashes_is_said(models, phrase):
    with pytest.raises(ModelError) as error:
        combine(*models())
    assert phrase in str(error.value)


def test_a_need_that_nobody_offers_is_named_when_the_model_is_used():
    with pytest.raises(ModelError, match="needs 'brake', which no model of this combination offers"):
        resolve(toy("drug1"))


def test_values_change_without_new_equations():
    model = combine(parse_model(BASE, "base"), toy("drug2"))
    other = resolve(model.with_values(growth_rate=0.5)).equations
    assert other.key == resolve(model).equations.key
    assert other.values != resolve(model).equations.values


def test_an_initial_value_may_follow_from_another():
    eq = resolve(parse_model(BASE, "base")).equations
    assert str(eq.initial[1]) == "0.1*start"


def test_two_dying_compartments_are_ambiguous_only_for_outsiders():
    second = {
        "kind": "therapy",
        "compartments": {"cells": {"unit": "cell", "roles": ["tumour"]}, "debris": {"unit": "cell", "roles": ["dying"]}},
    }
    model = combine(parse_model(BASE, "base"), toy("drug1"), parse_model(second, "second"))
    eq = resolve(model).equations
    killed = eq.rhs[eq.states.index("second_debris")]
    assert "second_cells" in str(killed) and "tumour" not in str(killed).replace("second", "")


@pytest.mark.parametrize("name", spread(shipped(), 8))
def test_save_and_load_give_the_same_model(name, tmp_path):
    model = load_model(name)
    assert read_model(save_model(model, tmp_path / f"{name}.toml")) == model
    for variant in model.variants:
        chosen = load_model(name, variant=variant)
        assert read_model(save_model(chosen, tmp_path / "saved.toml")) == chosen


def test_a_combined_model_saves_and_loads(tmp_path):
    model = combine(parse_model(BASE, "base"), toy("drug1"), toy("drug3"))
    assert read_model(save_model(model, tmp_path / "combined.toml")) == model
