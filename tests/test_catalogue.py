"""Lists of what ships are searched by words of the field, filtered, and shown with whole titles."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError, ImmunoodeError

LISTS = [imo.list_models, imo.list_regimens, imo.list_populations, imo.list_datasets]


@pytest.mark.parametrize(
    ("search", "among_the_first"),
    [
        ("mouse radiotherapy", ["kosinsky2018", "cardilin2018", "mouse_tumour_immune"]),
        ("RT in mice", ["kosinsky2018", "cardilin2018"]),
        ("Gompertz", ["vaghi2020", "murphy2016"]),
        ("CAR-T leukemia", ["leontriana2021", "stein2019"]),
        ("anti-PD-1 NSCLC", ["chatterjee2016", "ribba2022"]),
        ("Keytruda", ["pd1_inhibitor", "lindauer2017", "chatterjee2016"]),
        ("bispecific myeloma", ["engager", "gevertz2025"]),
        ("neutropenia", ["myelosuppression"]),
        ("Kirschner", ["kirschner1998"]),
        ("adaptive therapy", ["zhang2017"]),
    ],
)
def test_models_are_found(search: str, among_the_first: list[str]) -> None:
    assert set(among_the_first) <= set(imo.list_models(search).index[:7])


def test_filters_hold_for_every_row() -> None:
    mice = imo.list_models(species="mouse", therapy="checkpoint inhibitor")
    assert len(mice) >= 4 and mice["species"].str.contains("mouse").all()
    assert set(imo.list_models(kind="base").index) == {
        name for name in imo.list_models().index if imo.load_model(name).kind == "base"
    }
    assert imo.list_models(data="tumor volume")["data"].str.contains("volume").all()
    assert "chemotherapy" in imo.list_models(therapy="cisplatin").index
    assert set(imo.list_regimens(kind="single therapy", therapy="anti-PD-1", tumour="melanoma").index) == {
        "pembrolizumab_3_weekly",
        "pembrolizumab_6_weekly",
        "nivolumab_2_weekly",
        "nivolumab_4_weekly",
    }


def test_the_table_says_what_a_model_is() -> None:
    row = imo.list_models().loc["kosinsky2018"]
    model = imo.load_model("kosinsky2018")
    assert (row["states"], row["parameters"]) == (len(model.compartments), len(model.constants))
    assert row["data"] == "tumour_volume (mm^3)" and row["references"] == "kosinsky2018" and "SciPy" in row["checked"]


def test_every_model_says_what_it_is_about() -> None:
    listed = imo.list_models()
    whole = listed[listed["kind"].isin(["base", "published"])]
    assert list(listed.index[(listed["kind"] == "therapy") & (listed["therapies"] == "")]) == []
    assert list(whole.index[whole["data"] == ""]) == [], "[about] measured names the outputs that data can be compared with"
    assert list(listed.index[(listed["kind"] == "base") & (listed["species"] == "")]) == []
    assert set(", ".join(listed["species"]).split(", ")) - {""} == {"human", "mouse", "monkey", "in vitro"}


def test_a_combination_is_about_all_of_its_models() -> None:
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="nivolumab"), "radiotherapy")
    assert {"sum_of_diameters", "nivolumab_concentration"} <= set(model.about.measured) <= {*model.compartments, *model.derived}
    assert {"PD-1 inhibitor", "radiotherapy"} <= set(model.about.therapies) and model.about.species == ("human",)


@pytest.mark.parametrize("listing", LISTS, ids=lambda f: f.__name__)
def test_lists_show_whole_titles(listing: Callable[..., pd.DataFrame]) -> None:
    table = listing()
    assert isinstance(table, pd.DataFrame) and table.index.name == "name" and table.index.is_monotonic_increasing
    for name, title in table["title"].items():
        assert f"{name}: {title}" in " ".join(repr(table).split())
        assert title.replace("'", "&#x27;") in table._repr_html_()
    assert "..." not in repr(table.head(2)) and repr(table[["title"]]) != ""
    assert "title" not in table.drop(columns="title")


@pytest.mark.parametrize("listing", LISTS, ids=lambda f: f.__name__)
def test_a_search_without_a_match_says_so(listing: Callable[..., pd.DataFrame]) -> None:
    with pytest.warns(UserWarning, match="nothing matches human, zebra"):
        assert len(listing("human zebra")) == 0
    with pytest.warns(UserWarning, match="nothing matches therapy='zebra'"):
        listing(therapy="zebra")
    with pytest.raises(DataError, match="search: is 3"):
        listing(3)


def test_a_search_without_a_match_says_what_to_leave_out() -> None:
    with pytest.warns(UserWarning, match=r"nothing matches mouse, zebra; without 'zebra' there are \d+"):
        imo.list_models("mouse zebra")


@pytest.mark.parametrize(
    ("load", "name", "answer"),
    [
        (imo.load_model, "gompertz", "did you mean 'vaghi2020' or 'murphy2016'"),
        (imo.load_model, "anti-PD-1", "did you mean 'pd1_inhibitor'"),
        (imo.load_model, "Keytruda", r"load_model\('pd1_inhibitor', variant='pembrolizumab'\)"),
        (imo.load_model, "CAR-T", "did you mean 'car_t'"),
        (imo.load_model, "tumor_immune", r"did you mean 'tumour_immune'"),
        (imo.load_regimen, "Keytruda", "did you mean 'pembrolizumab_3_weekly'"),
        (imo.load_regimen, "SBRT", "did you mean 'stereotactic_4_fractions'"),
        (imo.load_population, "NSCLC", "did you mean 'lung_cancer_"),
        (imo.load_dataset, "lung", "did you mean 'atezolizumab_lung'"),
    ],
)
def test_wrong_names_are_answered_by_what_they_mean(load: Callable[[str], object], name: str, answer: str) -> None:
    with pytest.raises(ImmunoodeError, match=answer):
        load(name)
