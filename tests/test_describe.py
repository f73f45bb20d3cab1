"""`imo.describe`: any name of the package is described; others are answered by what they mean."""

from __future__ import annotations

import pytest

import immunoode as imo
from immunoode.descriptions.public_names import public_names, summaries
from immunoode.errors import ImmunoodeError


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kosinsky2018", ["model kosinsky2018", "species: mouse", "load_model('kosinsky2018')", "growth_rate"]),
        ("nivolumab", ["variant nivolumab", "load_model('pd1_inhibitor', variant='nivolumab')", "bajaj2017"]),
        ("kill_rate", ["parameter kill_rate, in", "kuznetsov1994", "1/(cell*day)"]),
        ("tumour_volume", ["derived quantity (output) tumour_volume", "kosinsky2018", "mm^3"]),
        ("weight", ["covariate weight"]),
        ("radiotherapy", ["model radiotherapy"]),
        ("nivolumab_4_weekly", ["regimen nivolumab_4_weekly", "480 mg", "load_regimen('nivolumab_4_weekly')"]),
        ("melanoma_til", ["calibrated cohort melanoma_til", "C-144-01", "load_population('melanoma_til')"]),
        ("bajaj2017", ["distribution of patients bajaj2017", "load_distribution('bajaj2017')"]),
        ("atezolizumab_lung", ["data set atezolizumab_lung", "CC BY 4.0"]),
        ("simulate", ["function immunoode.simulate", "until : str or float"]),
        ("imo.trial.cox", ["function immunoode.trial.cox"]),
        ("Keytruda", ["term pembrolizumab", "pd1_inhibitor", "pembrolizumab_3_weekly"]),
        ("tumor_volume", ["derived quantity (output) tumour_volume"]),
    ],
)
def test_a_name_is_described(name: str, said: list[str]) -> None:
    described = imo.describe(name)
    assert [words for words in said if words not in described.report()] == []
    assert str(described) == repr(described) == described.report()
    assert "..." not in described.report().replace("... and so on", "").replace(">>> ", "") or name in (
        "simulate",
        "imo.trial.cox",
    )
    assert "<pre>" in described._repr_html_() or "<table" in described._repr_html_()


def test_objects_are_described() -> None:
    model = imo.combine("tumour_immune", "radiotherapy")
    assert "radiotherapy_alpha" in imo.describe(model).report()
    assert imo.describe(imo.simulate).report().startswith("function simulate")
    assert "Pembrolizumab 200 mg" in imo.describe(imo.load_regimen("pembrolizumab_3_weekly")).report()


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("kil_rate", "'kill_rate'"),
        ("simulat", "'simulate'"),
        ("nivolumab_3_weekly", "'nivolumab_2_weekly'"),
        ("", "the name is empty; a name such as"),
    ],
)
def test_other_names_are_answered_by_what_they_may_mean(name: str, answer: str) -> None:
    with pytest.raises(ImmunoodeError, match=answer):
        imo.describe(name)


def test_every_public_name_is_known() -> None:
    assert {"simulate", "trial.cox", "io.read_sbml", "plot.waterfall"} <= public_names().keys()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("which models have cytokines", ["models that match", "kirschner1998", "melanoma_til"]),
        ("KEYNOTE-024", ["lung_cancer_first_line"]),
        ("CheckMate 067", ["melanoma_first_line"]),
        ("mouse melanoma", ["mouse_tumour_immune"]),
        ("anti-PD-L1 durvalumab", ["durvalumab_2_weekly", "lung_cancer_after_chemoradiation"]),
        ("PK of pembrolizumab", ["pd1_inhibitor"]),
        ("TIL therapy", ["tumour_infiltrating_lymphocytes", "melanoma_til"]),
        ("hazard ratio", ["lung_cancer_first_line", "immunoode.virtual_population.HazardRatioTarget"]),
        ("NSCLC", ["atezolizumab_lung"]),
        ("Gompertz", ["compartment (state) gompertz", "vaghi2020"]),
        ("CD19", ["car_t"]),
        ("waterfall", ["function immunoode.plot.waterfall"]),
    ],
)
def test_words_are_searched_for_in_all_that_ships(words: str, said: list[str]) -> None:
    report = imo.describe(words).report()
    assert [one for one in said if one not in report] == []


def test_every_public_name_has_a_first_paragraph() -> None:
    assert [name for name, line in summaries().items() if not line.endswith((".", ":", "?"))] == []


def test_an_empty_search_says_where_else_to_look() -> None:
    with pytest.warns(UserWarning, match=r"its class 'radiotherapy' has \d+; immunoode.describe\('SBRT'\) searches all"):
        assert len(imo.list_models("SBRT")) == 0
