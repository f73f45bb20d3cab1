"""What the language says of inputs: shares and conversions, rates and durations, time since the first dose."""

from __future__ import annotations

import pytest

import immunoode as imo
from immunoode.errors import ModelError
from immunoode.model.read import parse_model

DRUG = {
    "kind": "therapy",
    "compartments": {"central": {"unit": "mg"}},
    "parameters": {
        "out": {"value": 0.3, "unit": "1/day"},
        "share": {"value": 0.5},
        "late": {"value": 1, "unit": "day"},
        "fast": {"value": 9, "unit": "mg/day"},
    },
    "derived": {"falling": {"expr": "out * exp(-hill(time_since_first('dose'), late, 2))", "unit": "1/day"}},
    "flows": {"elimination": {"from": "central", "per_capita": "falling"}},
    "inputs": {
        "dose": {
            "into": "central",
            "unit": "mg",
            "bioavailability": "share",
            "lag": "late",
            "rate": "fast",
            "duration": "2 * late",
        }
    },
}


def drug(**inputs: str) -> imo.Model:
    return parse_model({**DRUG, "inputs": {"dose": {**DRUG["inputs"]["dose"], **inputs}}}, "drug")  # type: ignore[index]


def test_a_combination_counts_from_its_own_input() -> None:
    both = imo.combine(drug(), parse_model({**DRUG, "instance": "other"}, "other"))
    assert "time_since_first('drug')" in both.derived["drug_falling"].expr
    assert "time_since_first('other')" in both.derived["other_falling"].expr


def test_saving_loses_nothing(tmp_path) -> None:  # type: ignore[no-untyped-def]
    again = imo.read_model(imo.save_model(drug(), tmp_path / "drug.toml"))
    assert again.inputs == drug().inputs and again.derived == drug().derived


@pytest.mark.parametrize(
    ("field", "text", "phrase"),
    [
        ("bioavailability", "1 / (1 + central / fast / late)", "uses 'central', which is not a parameter"),
        ("rate", "falling * fast * late", "uses 'falling', which is not a parameter"),
        ("duration", "time", "is not a parameter"),
        ("bioavailability", "late", "dimensionless"),
        ("rate", "share", "but must be"),
        ("duration", "share", "but must be"),
        ("lag", "time_since_first('dose')", "uses 'dose', which is not a parameter"),
    ],
)
def test_what_is_known_before_a_simulation_is_of_parameters(field: str, text: str, phrase: str) -> None:
    with pytest.raises(ModelError) as caught:
        drug(**{field: text})
    assert phrase in str(caught.value)


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        (
            "out * time_since_first('does') / late",
            "uses the time since the first dose of 'does', which is not an input; did you mean 'dose'?",
        ),
        ("out * time_since_first(dose) / late", "takes an input in quotes"),
        ("out * time_since_first('dose')", "but must be"),
    ],
)
def test_an_input_that_there_is_not(text: str, phrase: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_model({**DRUG, "derived": {"falling": {"expr": text, "unit": "1/day"}}}, "drug")
    assert phrase in str(caught.value)


def test_code_for_other_tools_counts_from_a_parameter() -> None:
    text = imo.io.write_code(drug(), "python")
    scope: dict[str, object] = {}
    exec(compile(text, "drug", "exec"), scope)  # noqa: S102
    rates, parameters = scope["rates"], dict(scope["PARAMETERS"])  # type: ignore[call-overload]
    assert parameters["drug_first_dose"] == 0
    late = rates(10.0, [1.0], {**parameters, "drug_first_dose": 10.0})[0]  # type: ignore[operator]
    assert late == pytest.approx(-0.3) and rates(10.0, [1.0], parameters)[0] > -0.2  # type: ignore[operator]


def test_sbml_has_the_day_of_the_first_dose() -> None:
    regimen = imo.Regimen().dose("drug", "10 mg", start=84)
    again = imo.io.read_sbml(imo.io.write_sbml(drug(), regimen=regimen))
    assert again.constants["drug_first_dose"].value == 84


def test_sbml_refuses_a_rate_of_which_a_share_arrives() -> None:
    regimen = imo.Regimen().dose("drug", "10 mg", rate="5 mg/day")
    with pytest.raises(imo.errors.RegimenError, match="has infusions with a stated rate and a bioavailability other than 1"):
        imo.io.write_sbml(drug(), regimen=regimen)
