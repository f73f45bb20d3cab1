"""Causes and resistances: what a clone withstands of a flow or a pulse, in one model and across a combination."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import immunoode as imo
from immunoode.errors import ModelError
from immunoode.model.closed_model import resolve
from immunoode.model.latex import dose_effects, state_equations
from immunoode.model.read import parse_model
from tests.test_model_composition import agree

SHARE = {"unit": "1", "bounds": [0, 1]}
CLONES = {
    "kind": "base",
    "parameters": {
        "growth_rate": {"value": 0.03, "unit": "1/day"},
        "mutation_rate": {"value": 1e-3, "unit": "1/day"},
        "radioresistance": {"value": 0.6} | SHARE,
        "tolerance": {"value": 0.8} | SHARE,
        "hypoxia": {"value": 0.25} | SHARE,
        "crowd": {"value": 1e9, "unit": "cell"},
    },
    "compartments": {
        "sensitive": {"unit": "cell", "initial": 1e9, "roles": ["tumour"]},
        "resistant": {"unit": "cell", "initial": 1e7, "roles": ["tumour"]},
        "dying": {"unit": "cell", "roles": ["dying"]},
    },
    "flows": {
        "growth": {"to": "role:tumour", "rate": "growth_rate * self"},
        "mutation": {"from": "sensitive", "to": "resistant", "per_capita": "mutation_rate"},
        "clearance": {"from": "dying", "per_capita": "growth_rate"},
    },
    "resistances": {
        "to_drug": {"of": "resistant", "against": "chemotherapy", "share": "tolerance"},
        "to_radiation": {"of": "resistant", "against": "radiation", "share": "radioresistance"},
        "of_hypoxic_cells": {"of": "resistant", "against": "radiation", "share": "hypoxia * saturation(sensitive, crowd)"},
    },
}
DRUG = {
    "kind": "term",
    "compartments": {"central": {"unit": "mg", "roles": ["drug"]}},
    "parameters": {"decay": {"value": 0.3, "unit": "1/day"}, "potency": {"value": 0.01, "unit": "1/(mg*day)"}},
    "inputs": {"dose": {"into": "central", "unit": "mg"}},
    "flows": {
        "elimination": {"from": "central", "per_capita": "decay"},
        "kill": {"from": "role:tumour", "to": "role:dying", "per_capita": "potency * central", "cause": "chemotherapy"},
    },
}
BEAM = {
    "kind": "term",
    "compartments": {"given": {"unit": "Gy"}},
    "parameters": {"alpha": {"value": 0.3, "unit": "1/Gy"}},
    "inputs": {"dose": {"into": "given", "unit": "Gy"}},
    "pulses": {
        "kill": {
            "on": "dose",
            "from": "role:tumour",
            "to": "role:dying",
            "fraction": "1 - exp(-alpha * dose)",
            "cause": "radiation",
        }
    },
}
CELLS = {  # carries a clone of its own, and resists for one of another model
    "kind": "therapy",
    "needs": {"sensitive": {"unit": "cell"}},
    "compartments": {"escaped": {"unit": "cell", "roles": ["tumour"]}},
    "parameters": {"shelter": {"value": 0.3} | SHARE, "loss": {"value": 1e-3, "unit": "1/day"}},
    "flows": {"escape": {"from": "sensitive", "to": "escaped", "per_capita": "loss"}},
    "resistances": {
        "complete": {"of": "escaped", "against": "chemotherapy", "share": "1"},
        "sheltered": {"of": "sensitive", "against": "radiation", "share": "shelter"},
    },
}
PARTS = {"clones": CLONES, "drug": DRUG, "beam": BEAM, "cells": CELLS}
DOSES = imo.Regimen().dose("drug", "50 mg", every="7 days", count=3, start="1 day")
REGIMEN = DOSES.dose("beam", "2 Gy", start="10 days")


def parsed(name, **changes):
    return parse_model(PARTS[name] | changes, name)


def whole():
    return imo.combine(*map(parsed, PARTS))


def written_out():
    """The equations of `whole` under `REGIMEN`, by hand; returns the states on days 10 and 20."""

    def rates(time, y):
        sensitive, resistant, dying, escaped, drug, _ = y
        kill = 0.01 * drug
        return [
            (0.03 - 1e-3 - 1e-3 - kill) * sensitive,
            (0.03 - 0.2 * kill) * resistant + 1e-3 * sensitive,
            kill * sensitive + 0.2 * kill * resistant - 0.03 * dying,
            0.03 * escaped + 1e-3 * sensitive,
            -0.3 * drug,
            0.0,
        ]

    y, now, kept = np.array([1e9, 1e7, 0, 0, 0, 0.0]), 0.0, []
    for time in (1, 8, 10, 15, 20):
        y = solve_ivp(rates, (now, time), y, "DOP853", rtol=1e-12, atol=1e-6).y[:, -1]
        kept, now = [*kept, y], time
        if time == 10:
            exponents = np.array([0.7, 0.4 * (1 - 0.25 * y[0] / (1e9 + y[0])), 1.0])
            left = y[[0, 1, 3]] * np.exp(-0.3 * 2 * exponents)
            y[2] += (y[[0, 1, 3]] - left).sum()
            y[[0, 1, 3]] = left
            y[5] += 2
            kept[-1] = y.copy()
        elif time < 20:
            y[4] += 50
    return kept[2], kept[-1]


STATES = ("sensitive", "resistant", "dying", "cells_escaped", "drug_central", "beam_given")


@pytest.mark.parametrize("engine", ["compiled", "scipy"])
def test_two_clones_follow_their_equations_written_by_hand(engine):
    after, end = written_out()
    run = imo.simulate(whole(), REGIMEN, times=[10.0 + 1e-9, 20.0], engine=engine, rtol=1e-10, atol=1e-3, extinction=False)
    for k, state in enumerate(STATES):
        assert run[state] == pytest.approx([after[k], end[k]], rel=1e-6), state


def test_equations_equal_the_naive_reading():
    for seed in range(5):
        agree(resolve(whole()).model, seed)


@given(st.permutations(list(PARTS)), st.integers(1, 3))
def test_order_and_grouping_do_not_matter(order, cut):
    models = [parsed(name) for name in order]
    grouped = imo.combine(imo.combine(*models[cut:]), imo.combine(*models[:cut]))
    assert grouped == whole()
    assert resolve(grouped).equations.key == resolve(whole()).equations.key


def test_two_instances_keep_their_resistances_apart():
    model = imo.combine(parsed("clones"), parsed("cells"), parsed("cells", instance="second"), parsed("drug"))
    assert model.resistances["second_complete"].of == "second_escaped"
    assert model.resistances["second_sheltered"].share == "second_shelter"
    assert model.resistances["to_drug"].of == "resistant"
    eq = resolve(model).equations
    killed = str(eq.rhs[eq.states.index("dying")])
    assert "sensitive" in killed and "escaped" not in killed


def test_the_share_that_a_combination_resists_changes_without_new_equations():
    run = {share: imo.simulate(whole().with_values(radioresistance=share), REGIMEN, until=11) for share in (0.0, 1.0)}
    assert run[0.0]["resistant"][-1] < run[1.0]["resistant"][-1]
    assert run[0.0]["sensitive"][-1] == pytest.approx(run[1.0]["sensitive"][-1], rel=1e-6)


@pytest.mark.parametrize("share", ["0", "1"])
def test_no_resistance_and_a_complete_one(share):
    table = {"one": {"of": "resistant", "against": "radiation", "share": share}}
    model = imo.combine(parsed("clones", resistances=table), parsed("beam"))
    run = imo.simulate(model, imo.Regimen().dose("beam", "2 Gy", start="1 day"), times=[1 - 1e-9, 1 + 1e-9])
    left = 1.0 if share == "1" else np.exp(-0.6)
    assert run["resistant"][1] / run["resistant"][0] == pytest.approx(left, rel=1e-6)


def test_without_causes_a_resistance_changes_nothing():
    silent = copy.deepcopy(DRUG)
    del silent["flows"]["kill"]["cause"]
    drug = parse_model(silent, "drug")
    found = [
        imo.simulate(imo.combine(parsed("clones", resistances=table), drug), DOSES, until=20).values
        for table in ({}, CLONES["resistances"])
    ]
    np.testing.assert_array_equal(*found)


def test_a_pulse_that_is_no_exponential_leaves_survivors_to_the_power():
    pulse = {"kill": BEAM["pulses"]["kill"] | {"fraction": "0.75"}}
    model = imo.combine(parsed("clones"), parsed("beam", pulses=pulse)).with_values(hypoxia=0)
    run = imo.simulate(model, imo.Regimen().dose("beam", "2 Gy", start="1 day"), times=[1 - 1e-9, 1 + 1e-9])
    assert run["resistant"][1] / run["resistant"][0] == pytest.approx(0.25**0.4, rel=1e-6)


def test_they_are_saved_and_loaded(tmp_path):
    for model in (parsed("clones"), parsed("cells"), parsed("beam"), whole()):
        assert imo.read_model(imo.save_model(model, tmp_path / f"{model.name[:6].strip()}.toml")) == model


def test_sbml_has_the_same_curves():
    text = imo.io.write_sbml(whole(), regimen=REGIMEN)
    with pytest.warns(UserWarning, match="read_sbml_events returns"):
        again = imo.io.read_sbml(text)
    times = np.linspace(0, 20, 9) + 1e-6
    first = imo.simulate(whole(), REGIMEN, times=times, rtol=1e-10, atol=1e-3, extinction=False)
    second = imo.simulate(again, imo.io.read_sbml_events(text), times=times, rtol=1e-10, atol=1e-3, extinction=False)
    for state in ("sensitive", "resistant", "dying", "cells_escaped"):
        np.testing.assert_allclose(first[state], second[state], rtol=1e-6)


def test_equations_show_what_is_withstood():
    model = imo.combine(parsed("clones"), parsed("drug"), parsed("beam"))
    assert "\\left(1 - \\text{tolerance}\\right)" in state_equations(model)["resistant"]
    assert "tolerance" not in state_equations(model)["sensitive"]
    resistant = next(text for text in dose_effects(model) if "resistant" in text)
    assert "^{\\left(1 - \\text{radioresistance}\\right)" in resistant
    assert "radioresistance" in model._repr_html_()


@pytest.mark.parametrize(
    ("name", "change", "phrases"),
    [
        ("drug", ("flows.kill.cause", "chemotherpy"), ["flows.kill.cause", "not a cause", "did you mean 'chemotherapy'"]),
        ("beam", ("pulses.kill.cause", "light"), ["pulses.kill.cause", "not a cause", "known: antibody, car_t"]),
        ("clones", ("flows.growth.cause", "virus"), ["flows.growth.cause", "of a flow with a rate", "per_capita"]),
        (
            "clones",
            ("flows.growth", {"to": "role:tumour", "per_capita": "growth_rate", "cause": "virus"}),
            ["flows.growth.cause", "leaves no compartment", "add from"],
        ),
        (
            "clones",
            ("resistances.to_drug.of", "resistent"),
            ["to_drug.of", "neither a compartment", "did you mean 'resistant'"],
        ),
        ("clones", ("resistances.to_drug.of", "role:tumour"), ["to_drug.of", "neither a compartment of this model"]),
        ("clones", ("resistances.to_drug.against", "radiotion"), ["to_drug.against", "did you mean 'radiation'"]),
        ("clones", ("resistances.to_drug.share", "tolerence"), ["to_drug.share", "did you mean 'tolerance'"]),
        ("clones", ("resistances.to_drug.share", "growth_rate"), ["to_drug.share", "but must be dimensionless"]),
        ("clones", ("resistances.to_drug.share", "1.5"), ["to_drug.share", "is 1.5", "from 0 (no resistance) to 1"]),
        ("clones", ("resistances.to_drug.share", ""), ["to_drug.share", "is empty"]),
        ("clones", ("resistances.to_drug.share", "tolerance +"), ["to_drug.share", "is not an expression"]),
        ("clones", ("parameters.tolerance.bounds", [0, 2]), ["to_drug.share", "has the bounds [0, 2]"]),
        ("clones", ("resistances.to_drug.by", "x"), ["to_drug.by", "is not a valid key"]),
        ("clones", ("resistances.to-drug", CLONES["resistances"]["to_drug"]), ["resistances.to-drug", "is not a valid name"]),
    ],
)
def test_what_is_wrong_is_said(name, change, phrases):
    document = copy.deepcopy(PARTS[name])
    (*parents, last), value = change[0].split("."), change[1]
    table = document
    for key in parents:
        table = table[key]
    table[last] = value
    with pytest.raises(ModelError) as error:
        parse_model(document, "wrong", where="wrong.toml")
    assert all(phrase in str(error.value) for phrase in phrases), str(error.value)


def test_a_resistance_of_a_compartment_that_nobody_offers_is_refused():
    with pytest.raises(ModelError, match="needs 'sensitive'"):
        resolve(imo.combine(parsed("beam"), parsed("cells")))
    offered = {"kind": "base", "parameters": {"sensitive": {"value": 1, "unit": "cell"}}}
    with pytest.raises(ModelError, match="'sensitive' is neither a compartment"):
        resolve(imo.combine(parse_model(offered, "offered"), parsed("cells", flows={}))).equations  # noqa: B018


@pytest.mark.parametrize(
    ("file", "against", "regimen"),
    [
        ("radiotherapy", "radiation", imo.Regimen().dose("radiotherapy", "2 Gy", start="1 day")),
        ("chemotherapy", "chemotherapy", imo.Regimen().dose("cisplatin", "135 mg", start="1 day", over="1 h")),
    ],
)
def test_shipped_terms_state_their_cause(file, against, regimen):
    table = {"to_it": {"of": "resistant", "against": against, "share": "0.5"}}
    still = {k: v for k, v in CLONES["flows"].items() if k == "clearance"}
    model = imo.combine(parsed("clones", resistances=table, flows=still), file)
    run = imo.simulate(model, regimen, times=[0, 30], rtol=1e-9, atol=1e-3)
    sensitive, resistant = (run[name][1] / run[name][0] for name in ("sensitive", "resistant"))
    assert sensitive < 0.9 and resistant == pytest.approx(sensitive**0.5, rel=1e-6)


def test_immune_cells_state_their_cause_and_car_t_cells_do_not_see_cells_without_the_antigen():
    model = imo.combine("tumour_immune", "adoptive_t_cell", "car_t")
    causes = {name: flow.cause for name, flow in model.flows.items() if flow.cause}
    of_t_cells = dict.fromkeys(("killing", "killing_of_doomed", "adoptive_t_cell_killing", "car_t_effector_killing"), "t_cells")
    assert causes == {**of_t_cells, "car_t_killing": "car_t", "car_t_target_killing": "car_t"}
    eq = resolve(model).equations
    lost = str(eq.rhs[eq.states.index("car_t_antigen_negative")])
    assert "adoptive_t_cell_kill_rate" in lost and "car_t_kill_rate" not in lost
