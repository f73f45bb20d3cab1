"""Wrong names are answered by what they mean: spelling, synonyms of the field, the class of a drug."""

from __future__ import annotations

import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import SolveError, SpellingWarning
from immunoode.suggestions import as_known, meant, nearest
from immunoode.terms import narrower, read, runs, terms

INPUTS = ["car_t", "carboplatin", "cisplatin", "ipilimumab", "nivolumab", "pembrolizumab", "radiotherapy"]
OUTPUTS = ["effectors", "pembrolizumab_concentration", "sum_of_diameters", "tumour", "tumour_volume"]


@pytest.mark.parametrize(
    ("name", "known", "first"),
    [
        ("Keytruda", INPUTS, "pembrolizumab"),
        ("Opdivo", INPUTS, "nivolumab"),
        ("anti-CTLA-4", INPUTS, "ipilimumab"),
        ("RT", INPUTS, "radiotherapy"),
        ("radiation", INPUTS, "radiotherapy"),
        ("CAR-T", INPUTS, "car_t"),
        ("CART cells", INPUTS, "car_t"),
        ("Kymriah", INPUTS, "car_t"),
        ("CDDP", INPUTS, "cisplatin"),
        ("pembrolizumb", INPUTS, "pembrolizumab"),
        ("tumor volume", OUTPUTS, "tumour_volume"),
        ("tumor_volume", OUTPUTS, "tumour_volume"),
        ("Tumor Volume", OUTPUTS, "tumour_volume"),
        ("SLD", OUTPUTS, "sum_of_diameters"),
        ("diameters", OUTPUTS, "sum_of_diameters"),
        ("CD8", OUTPUTS, "effectors"),
        ("PK", OUTPUTS, "pembrolizumab_concentration"),
    ],
)
def test_a_name_is_answered_by_what_it_means(name: str, known: list[str], first: str) -> None:
    assert meant(name, known)[0] == first


def test_a_class_is_answered_by_its_drugs() -> None:
    assert set(meant("anti-PD-1", INPUTS)) == {"nivolumab", "pembrolizumab"}
    assert set(meant("platinum", INPUTS)) == {"carboplatin", "cisplatin"}
    assert nearest("checkpoint inhibitor", INPUTS) == "did you mean 'nivolumab' or 'ipilimumab' or 'pembrolizumab'?"


def test_a_name_without_a_meaning_is_answered_by_what_is_known() -> None:
    assert nearest("xyz", INPUTS).startswith("known: car_t, carboplatin")
    assert nearest("xyz", []) == "there are none here"
    assert nearest("", INPUTS).startswith("known: ")


def test_spelling_makes_no_difference() -> None:
    assert runs("CAR-T cells") == runs("car_t_cell")
    assert runs("Tumor volumes") == runs("tumour_volume")
    assert read("leukemia").terms == read("leukaemia").terms != ()


def test_the_terms_are_consistent() -> None:
    known = terms()
    assert {above for term in known.values() for above in term.broader} <= set(known)
    assert all(name in narrower(name) for name in known)  # no circle, or this would not return


def test_american_spelling_is_taken_and_reported() -> None:
    with pytest.warns(SpellingWarning, match=r"output 'tumor_volume' was taken as 'tumour_volume'"):
        assert as_known("tumor_volume", OUTPUTS, "output") == "tumour_volume"
    assert as_known("tumour_volume", OUTPUTS, "output") == "tumour_volume"
    assert as_known("tumr", OUTPUTS, "output") == "tumr"


def test_american_spelling_of_outputs_parameters_and_data() -> None:
    model = imo.load_model("kosinsky2018")
    with pytest.warns(SpellingWarning, match="output 'tumor_volume' was taken as 'tumour_volume'"):
        run = imo.simulate(model, until="3 days", outputs=["tumor_volume"])
    assert run.names == ("tumour_volume",)
    with pytest.warns(SpellingWarning, match="output 'tumor_volume'"):
        assert (run["tumor_volume"] == run["tumour_volume"]).all()
    with pytest.warns(SpellingWarning, match="parameter 'initial_tumor' was taken as 'initial_tumour'"):
        imo.simulate("kuznetsov1994", until=3, parameters={"initial_tumor": 2e6})
    with pytest.raises(SolveError, match=r"initial_tumor: is not a parameter of this model; did you mean 'initial_tumour'"):
        imo.simulate("kuznetsov1994", until=3, parameters={"initial_tumor": 2e6, "initial_tumour": 1e6})
    with pytest.raises(SolveError, match="did you mean 'tumour_volume'"):
        run["size of the tumor volume"]


def test_american_spelling_is_reported_once_per_fit() -> None:
    rows = [{"subject": "a", "day": day, "size": 20.0 + day} for day in range(4)]
    data = imo.read_trial(pd.DataFrame(rows), units={"size": "mm"})
    with pytest.warns(SpellingWarning) as told:
        imo.fit("claret2009", data, "growth_rate", observe="Size", progress=False)
    assert [str(one.message) for one in told if one.category is SpellingWarning] == ["output 'Size' was taken as 'size'"]
