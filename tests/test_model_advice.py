"""Advice about models that can be followed: what does not combine, and how a model of one's own gives its references."""

import warnings

import pytest

import immunoode as imo
from immunoode.model.read import parse_model

MODEL = """kind = "published"
[parameters]
rate = {{ value = 0.1, unit = "1/day", source = "{}" }}
[compartments]
size = {{ unit = "mm", initial = 10, roles = ["tumour"] }}
[flows]
growth = {{ to = "size", rate = "rate * size" }}
"""


@pytest.mark.parametrize("therapy", ["pd1_inhibitor", "car_t", "vaccine"])
def test_a_therapy_that_lacks_something_is_told_when_it_is_combined_with_advice_that_works(therapy):
    with pytest.warns(UserWarning, match=r"combine it with .*'tumour_immune'.* instead of 'claret2009'"):
        imo.combine("claret2009", therapy)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        advised = imo.combine("tumour_immune", therapy)
    assert imo.simulate(advised, until="2 days").ok


def test_units_that_do_not_fit_are_answered_with_a_model_that_does():
    with pytest.raises(imo.errors.ModelError, match=r"needs 'tumour' in 'cell'.*or combine it with .*'tumour_immune'"):
        imo.combine("simeoni2004", "car_t")


def test_units_that_no_shipped_model_offers_are_answered_with_a_sentence():
    base = parse_model({"kind": "base", "compartments": {"size": {"unit": "mm", "initial": 1}}}, "mine")
    other = parse_model({"kind": "term", "needs": {"size": {"unit": "Gy"}}}, "other")
    with pytest.raises(imo.errors.ModelError, match="combine it with a model that offers 'size' in 'Gy' instead of mine$"):
        imo.combine(base, other)


def test_two_models_of_a_tumour_are_not_told_to_take_another_instance():
    with pytest.raises(imo.errors.ModelError) as error:
        imo.combine("tumour_immune", "kuznetsov1994")
    assert "only one of the two" in str(error.value) and "instance" not in str(error.value)


def test_a_key_of_ones_own_is_told_where_its_reference_goes(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MODEL.format("smith2020, table 2"))
    with pytest.raises(imo.errors.ModelError) as error:
        imo.read_model(path)
    assert "references.bib beside the model file" in str(error.value) and "sahoo" not in str(error.value)
    (tmp_path / "references.bib").write_text("@article{smith2020, title = {T}, year = {2020}}")
    assert imo.read_model(path).parameters["rate"].source == "smith2020, table 2"


FOUND = [
    "doi:10.1000/182, table 2",
    "https://doi.org/10.1000/182",
    "PMID 12345678",
    "Smith J, Doe A. J Math Biol 38 (2020) 12-30",
]


@pytest.mark.parametrize("source", FOUND)
def test_a_source_that_can_be_found_needs_no_bibliography(tmp_path, source):
    (tmp_path / "mine.toml").write_text(MODEL.format(source))
    assert imo.read_model(tmp_path / "mine.toml").parameters["rate"].source == source


def test_words_are_no_reference(tmp_path):
    (tmp_path / "mine.toml").write_text(MODEL.format("from the paper"))
    with pytest.raises(imo.errors.ModelError, match="a DOI"):
        imo.read_model(tmp_path / "mine.toml")


def test_a_variant_after_a_colon_is_an_argument_of_its_own() -> None:
    with pytest.raises(imo.errors.ModelError, match=r"load_model\('pd1_inhibitor', variant='nivolumab'\)"):
        imo.combine("tumour_immune", "pd1_inhibitor:nivolumab")
