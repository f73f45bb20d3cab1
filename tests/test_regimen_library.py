"""The library of regimens: every one expands, states its source, and runs on the models that it names."""

from collections import Counter
from functools import reduce
from pathlib import Path

import pytest

import immunoode as imo
from immunoode.model.library import models_by_therapy
from immunoode.regimen.library_page import page
from tests.days import daily
from tests.long_forms import spread

NAMES = list(imo.list_regimens().index)
PATIENT = {"weight": 75.0, "surface_area": 1.8, "glomerular_filtration": 90.0}
ANTIBODIES = {
    "pembrolizumab": "pd1_inhibitor",
    "nivolumab": "pd1_inhibitor",
    "atezolizumab": "pd1_inhibitor",
    "durvalumab": "pd1_inhibitor",
    "ipilimumab": "ctla4_inhibitor",
}
WHOLE = ("radiotherapy", "car_t", "vaccine", "adoptive_t_cell")


def model_of(regimen):
    parts = {t.removesuffix("_il2") for t in regimen.therapies}
    loaded = [
        imo.load_model(p) if p in WHOLE else imo.load_model(ANTIBODIES.get(p, "chemotherapy"), variant=p) for p in sorted(parts)
    ]
    return reduce(imo.combine, loaded, imo.load_model("tumour_immune"))


def test_there_are_at_least_fifteen_with_sources():
    frame = imo.list_regimens()
    assert len(frame) >= 15
    assert (frame[["title", "indication", "therapies", "source"]] != "").all(axis=None)


@pytest.mark.parametrize("name", spread(NAMES, 4))
def test_it_runs_and_shrinks_or_holds_the_tumour(name):
    regimen = imo.load_regimen(name)
    model = model_of(regimen)
    treated, untreated = (
        imo.simulate(model, r, times=daily("6 months"), outputs=["sum_of_diameters"]) for r in (regimen, None)
    )
    treated.raise_for_status()
    assert treated["sum_of_diameters"][-1] < untreated["sum_of_diameters"][-1]


def loaded(file, variant):
    return imo.load_model(file, variant=variant or None)


@pytest.mark.parametrize("name", NAMES)
def test_every_dose_lands_in_every_model_and_variant_that_is_named_for_it(name):
    regimen = imo.load_regimen(name)
    takers = [models_by_therapy()[therapy] for therapy in regimen.therapies]
    given = Counter(regimen.to_frame()["therapy"])
    for k, each in enumerate(takers):
        for taker in each:
            chosen = dict.fromkeys([taker, *(own[0] for own in takers[:k] + takers[k + 1 :] if taker not in own)])
            model = imo.combine("tumour_immune", *(loaded(*one) for one in chosen))
            units = {therapy: model.inputs[therapy].unit for therapy in regimen.therapies}
            schedule = regimen.schedule(units, PATIENT)
            begun = [n for n, a, d in zip(schedule.inputs, schedule.amounts, schedule.durations, strict=True) if a > 0 or d > 0]
            assert Counter(begun) == given


@pytest.mark.parametrize(
    ("name", "models"),
    [
        ("ipilimumab_melanoma", ["ctla4_inhibitor"]),
        ("pembrolizumab_3_weekly", ["pd1_inhibitor"]),
        (
            "nivolumab_ipilimumab_lung",
            [("pd1_inhibitor", "nivolumab_with_ipilimumab"), ("ctla4_inhibitor", "ipilimumab_with_nivolumab")],
        ),
        ("stereotactic_4_fractions", [("radiotherapy", "non_small_cell_lung")]),
    ],
)
def test_a_regimen_changes_the_course_of_the_models_that_its_page_names(name, models):
    model = imo.combine("tumour_immune", *(m if isinstance(m, str) else imo.load_model(m[0], variant=m[1]) for m in models))
    runs = [imo.simulate(model, regimen, times=daily("60 days")) for regimen in (imo.load_regimen(name), None)]
    assert runs[0]["sum_of_diameters"][-1] < runs[1]["sum_of_diameters"][-1]
    for taker in models:
        assert (taker if isinstance(taker, str) else taker[1]) in imo.list_regimens().loc[name, "models"]


def test_a_therapy_that_the_model_does_not_take_is_answered_with_those_that_do():
    with pytest.raises(
        imo.errors.RegimenError, match=r"combine the model with one that takes nivolumab: pd1_inhibitor \(nivolumab, "
    ):
        imo.simulate(imo.combine("tumour_immune", "ctla4_inhibitor"), imo.load_regimen("nivolumab_2_weekly"), until=10)


def test_doses_of_a_patient():
    regimen = imo.load_regimen("carboplatin_pemetrexed_pembrolizumab")
    schedule = regimen.schedule({t: "mg" for t in regimen.therapies}, PATIENT)
    first = {
        name: amount for name, amount, time in zip(schedule.inputs, schedule.amounts, schedule.times, strict=True) if time == 0
    }
    assert first == pytest.approx({"pembrolizumab": 200, "pemetrexed": 900, "carboplatin": 5 * (90 + 25)})


def test_radiation_is_given_on_weekdays():
    for name in NAMES:
        frame = imo.load_regimen(name).to_frame()
        assert (frame.loc[frame["therapy"] == "radiotherapy", "time_day"] % 7 < 5).all(), name


def test_doses_of_radiation_agree_with_what_is_published():
    """48 Gy in 4 fractions is 105.6 Gy to a tumour (the median of doi 10.1080/0284186X.2018.1481292)."""
    assert imo.regimen.biologically_effective_dose(imo.load_regimen("stereotactic_4_fractions"), 10) == pytest.approx(105.6)
    assert imo.regimen.equivalent_dose_2gy(imo.load_regimen("chemoradiation_head_and_neck"), 3) == pytest.approx(70)


@pytest.mark.parametrize(("name", "day"), [("axicabtagene_ciloleucel", 5), ("tisagenlecleucel", 6), ("lifileucel", 7)])
def test_cells_follow_lymphodepletion(name, day):
    frame = imo.load_regimen(name).to_frame().set_index("therapy")["time_day"]
    cells = frame.loc[["adoptive_t_cell" if name == "lifileucel" else "car_t"]]
    assert list(cells) == [day]
    assert frame.loc[["fludarabine", "cyclophosphamide"]].max() < day


def test_every_source_can_be_looked_up():
    """An address, or volume, issue and page."""
    sources = imo.list_regimens()["source"]
    assert sources.str.contains(r"https?://[^ ]+\.[^ ]+/[^ ]+|\d+\(\d+\):\d+").all()


def test_gemcitabine_is_given_on_days_1_and_8():
    frame = imo.load_regimen("gemcitabine_cisplatin").to_frame()
    assert list(frame[frame["therapy"] == "gemcitabine"]["time_day"])[:4] == [0, 7, 21, 28]


def test_the_page_of_the_documentation_is_up_to_date():
    assert Path("docs/regimens.md").read_text(encoding="utf-8") == page(), "write immunoode.regimen.library_page.page() there"


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(imo.errors.RegimenError, match="did you mean 'tisagenlecleucel'"):
        imo.load_regimen("tisagenlecleucell")
