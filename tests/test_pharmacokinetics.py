"""Antibodies agree with their product information: the table of docs/pharmacokinetics.md; and reference patients by name."""

import importlib.util
import sys
from pathlib import Path

import pytest

import immunoode as imo
from immunoode.errors import ModelError
from immunoode.model.read import parse_model

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("pharmacokinetics", ROOT / "docs" / "pharmacokinetics.py")
TABLE = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = TABLE  # dataclasses look their module up
SPEC.loader.exec_module(TABLE)
ANTIBODIES = ("pd1_inhibitor", "ctla4_inhibitor")
DOCUMENT = {
    "kind": "published",
    "covariates": {"weight": {"value": 70, "unit": "kg", "bounds": [30, 200]}},
    "uses": {"burden": {"value": 1, "unit": "1"}},
    "compartments": {"size": {"unit": "mm", "initial": 1.0}},
    "reference_patients": {"smith2020": {"weight": 81, "burden": 2, "source": "smith2020", "title": "typical"}},
}


@pytest.mark.parametrize("row", TABLE.rows(), ids=lambda row: f"{row.of.variant}: {row.what}")
def test_a_value_is_within_ten_per_cent_or_said_not_to_be(row):
    assert (abs(row.difference) > TABLE.WITHIN) == bool(row.miss), f"{row.difference:+.1%}"


def test_most_values_are_within_ten_per_cent():
    near = [abs(row.difference) <= TABLE.WITHIN for row in TABLE.rows()]
    assert sum(near) / len(near) > 0.8


def test_the_page_is_up_to_date():
    assert TABLE.PAGE.read_text(encoding="utf-8") == TABLE.page(), "run docs/pharmacokinetics.py"


def test_every_variant_is_that_of_a_reference_patient():
    for file in ANTIBODIES:
        model = imo.load_model(file)
        told = " ".join(patient.title for patient in model.reference_patients.values())
        assert all(variant.partition("_")[0] in told for variant in model.variants)


def test_a_reference_patient_has_what_its_analysis_relates_to():
    for file, variant, analysis in [
        ("pd1_inhibitor", "nivolumab_zhang", "zhang2019"),
        ("ctla4_inhibitor", "ipilimumab", "sanghavi2020"),
    ]:
        part = imo.load_model(file, variant)
        model = imo.combine("tumour_immune", part)
        name = f"{part.name}_current_clearance"
        run = imo.simulate(model, times=[0, 1], outputs=name, parameters=model.reference_patient(analysis))
        assert run[name][0] == pytest.approx(part.parameters["clearance"].value, rel=1e-12)


def test_names_of_reference_patients_are_suggested():
    with pytest.raises(ModelError, match="has no reference patient 'bajaj2018'.*bajaj2017"):
        imo.load_model("pd1_inhibitor").reference_patient("bajaj2018")


def test_what_the_model_lacks_is_left_out():
    model = parse_model(DOCUMENT, "own", bib=frozenset({"smith2020"}))
    assert model.reference_patient("smith2020") == {"weight": 81}
    assert model.reference_patients["smith2020"].covariates == {"weight": 81, "burden": 2}
    assert "reference patients: smith2020" in str(model)


def test_reference_patients_survive_saving_and_combining(tmp_path):
    model = imo.combine("tumour_immune", "pd1_inhibitor", "ctla4_inhibitor")
    for one in (model, imo.load_model("pd1_inhibitor", "nivolumab")):
        again = imo.read_model(imo.save_model(one, tmp_path / "own.toml"))
        assert again.reference_patients == one.reference_patients
    assert {"bajaj2017", "sanghavi2020"} <= model.reference_patients.keys()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"wight": 81}, r"reference_patients.smith2020.wight.* is not a covariate of this model.*weight"),
        ({"weight": 700}, r"reference_patients.smith2020.weight.* 700 is outside its bounds \[30, 200\]"),
        ({"weight": "heavy"}, r"reference_patients.smith2020.weight.* is 'heavy'.*a number"),
        ({"weight": 81, "source": "smit2020"}, r"'smit2020' is not in references.bib"),
    ],
)
def test_wrong_reference_patients_are_refused(change, said):
    document = {**DOCUMENT, "reference_patients": {"smith2020": change}}
    with pytest.raises(ModelError, match=said):
        parse_model(document, "own", bib=frozenset({"smith2020"}))


def test_two_patients_of_one_name_must_be_the_same():
    other = {**DOCUMENT, "kind": "therapy", "compartments": {}, "uses": {}, "reference_patients": {"smith2020": {"weight": 82}}}
    models = [parse_model(document, name) for document, name in ((DOCUMENT, "one"), (other, "two"))]
    with pytest.raises(ModelError, match="different reference patients 'smith2020'"):
        imo.combine(*models)
