"""Wrong model files: each problem is found, placed, and comes with what would be right."""

import copy

import pytest

from immunoode import read_model
from immunoode.errors import ModelError
from immunoode.model.check import check_sources
from immunoode.model.read import parse_model

GOOD = {
    "kind": "therapy",
    "title": "An antibody",
    "needs": ["brake"],
    "covariates": {"weight": {"value": 75, "unit": "kg"}},
    "parameters": {
        "clearance": {"value": 0.2, "unit": "L/day", "bounds": [0.1, 1], "source": "known2017, table 2"},
        "volume": {"value": 3, "unit": "L"},
        "affinity": {"value": 1, "unit": "mg/L", "source": "estimate: for this test"},
    },
    "compartments": {"central": {"unit": "mg", "roles": ["drug"]}},
    "derived": {"concentration": {"expr": "central / volume", "unit": "mg/L"}},
    "flows": {"elimination": {"from": "central", "per_capita": "clearance / volume"}},
    "inputs": {"dose": {"into": "central", "unit": "mg"}},
    "pulses": {"kill": {"on": "dose", "from": "role:tumour", "fraction": "1 - exp(-concentration / affinity)"}},
    "modifiers": {"release": {"of": "brake", "factor": "1 - saturation(concentration, affinity)"}},
    "variants": {"other": {"clearance": {"value": 0.3}}},
}
BIB = frozenset({"known2017"})


def changed(path, value):
    document = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    table = document
    for key in parents:
        table = table.setdefault(key, {})
    if value is None:
        del table[last]
    else:
        table[last] = value
    return document


def message(document):
    with pytest.raises(ModelError) as error:
        parse_model(document, "wrong", where="wrong.toml", bib=BIB)
    return str(error.value)


def test_the_good_one_is_good():
    assert parse_model(GOOD, "good", bib=BIB).compartments["central"].roles == ("drug",)


@pytest.mark.parametrize(
    ("path", "value", "phrases"),
    [
        ("kind", None, ["kind", "is missing", "base, published"]),
        ("kind", "drug", ["kind: is 'drug'"]),
        ("paramters", {}, ["paramters", "did you mean 'parameters'"]),
        ("title", 3, ["title: is 3", "a text"]),
        ("references", "x", ["references", "a list of texts"]),
        ("needs", 3, ["needs", "a list of names"]),
        ("uses", [1], ["uses", "a table"]),
        ("parameters", 3, ["parameters: is int", "a table"]),
        ("parameters.clearance", 0.2, ["parameters.clearance: is 0.2", "a table such as"]),
        ("parameters.clearance.value", None, ["has no 'value'"]),
        ("parameters.clearance.value", "fast", ["parameters.clearance.value: is 'fast'", "a number"]),
        ("parameters.clearance.value", True, ["parameters.clearance.value: is True", "a number"]),
        ("parameters.clearance.value", float("nan"), ["is nan", "a finite number"]),
        ("parameters.clearance.value", 5, ["outside its bounds [0.1, 1]"]),
        ("parameters.clearance.bounds", [1, 0.1], ["not increasing"]),
        ("parameters.clearance.bounds", [1], ["has 1 entries", "[lower, upper]"]),
        ("parameters.clearance.unit", "mg per fortnite", ["parameters.clearance.unit", "cannot be read"]),
        ("parameters.clearance.unit", "L/hour", ["flows.elimination.per_capita", "but must be"]),
        ("parameters.clearance.units", "L", ["is not a valid key", "did you mean 'unit'"]),
        ("parameters.clearance.source", "unknown2020", ["'unknown2020' is not in references.bib"]),
        ("parameters.clearance.source", "somebody said so", ["does not begin with a key of the bibliography"]),
        ("parameters.affinity.source", "estimate:", ["an estimate without a reason"]),
        ("parameters.lambda", {"value": 1}, ["parameters.lambda", "not a Python keyword"]),
        ("parameters.time", {"value": 1}, ["parameters.time", "is not a valid name"]),
        ("parameters.central", {"value": 1}, ["central", "is also in [parameters]"]),
        ("compartments.central.roles", ["tumor"], ["'tumor' is not a role", "did you mean 'tumour'"]),
        ("compartments.central.initial", "missing + 1", ["uses the unknown name 'missing'"]),
        ("compartments.central.initial", "volume", ["compartments.central.initial", "but must be"]),
        ("derived.concentration.expr", "central / vlume", ["uses the unknown name 'vlume'", "did you mean 'volume'"]),
        ("derived.concentration.expr", "central / volume +", ["is not an expression"]),
        ("derived.concentration.expr", "dose", ["not allowed here", "only in pulses"]),
        ("derived.concentration.expr", "concentration * 2", ["defined by itself"]),
        ("derived.concentration.unit", "mg", ["derived.concentration.expr", "but must be"]),
        ("flows.elimination.from", "centre", ["'centre' is neither a compartment of this model", "did you mean 'central'"]),
        ("flows.elimination.from", None, ["neither from nor to"]),
        ("flows.elimination.from", "role:liver", ["'liver' is not a role"]),
        ("flows.elimination.rate", "clearance", ["both of rate and per_capita"]),
        ("flows.elimination.per_capita", None, ["neither of rate and per_capita"]),
        ("flows.elimination.gain", "2", ["has no target"]),
        ("inputs.dose.into", "centre", ["'centre' is not a compartment of this model"]),
        ("inputs.dose.unit", "mol", ["inputs.dose.unit", "is not a unit of 'central'"]),
        ("pulses.kill.on", "doses", ["'doses' is not an input", "did you mean 'dose'"]),
        ("pulses.kill.fraction", "dose", ["pulses.kill.fraction", "but must be"]),
        ("modifiers.release.of", "brakes", ["'brakes' is not a modifiable", "did you mean 'brake'"]),
        ("modifiers.release.factor", None, ["neither of factor and add"]),
        ("modifiers.release.factor", "concentration", ["but must be dimensionless (scale 1)"]),
        ("variants.other.clearence", {"value": 1}, ["variants.other.clearence", "did you mean 'clearance'"]),
        ("variants.other.clearance", {"value": 9}, ["variants.other.clearance", "outside its bounds"]),
        ("checks", [1], ["checks", "[[checks]]"]),
    ],
)
def test_each_wrong_file_gets_its_message(path, value, phrases):
    text = message(changed(path, value))
    assert "wrong.toml" in text
    for phrase in phrases:
        assert phrase in text


def test_all_problems_are_reported_at_once():
    document = changed("parameters.clearance.value", 5)
    document["compartments"]["central"]["roles"] = ["tumor"]
    document["flows"]["elimination"]["from"] = "centre"
    assert message(document).startswith("3 problems:")


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("kind = ", "is not TOML"),
        ("\x00", "is not TOML"),
        ("a = " + "[" * 5000, "is not TOML"),
        ("kind='base'\n" * 2, "is not TOML"),
    ],
)
def test_what_is_not_toml_is_refused(tmp_path, text, phrase):
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises(ModelError, match=phrase):
        read_model(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        read_model(tmp_path / "absent.toml")


def test_parameters_without_a_source_are_listed():
    assert [p.where for p in check_sources(parse_model(GOOD, "good"))] == ["good: weight", "good: volume"]
