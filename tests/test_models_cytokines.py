"""Cytokines under CAR T cells: the published models."""

from __future__ import annotations

import numpy as np
import pytest

import immunoode as imo


def test_inflammation_of_hanson_rises_with_the_burden() -> None:
    days = np.arange(0, 40, 0.25)
    small, large = (imo.simulate("hanson2016", times=days, parameters={"initial_tumour": cells}) for cells in (100, 1000))
    assert small["inflammation"].max() < large["inflammation"].max()
    assert 1 < days[large["inflammation"].argmax()] < 15


def test_the_example_of_kareva_is_a_storm_and_its_default_is_none() -> None:
    regimen, hours = imo.Regimen().dose("dose", 10, start="200 hours"), np.arange(0, 3600) / 24
    usual, storm = (imo.simulate(imo.load_model("kareva2023", variant=v), regimen, times=hours) for v in (None, "storm"))
    assert usual["storm"].max() == 0 and usual["tumour"][-1] > 0.1
    assert storm["storm"].max() == 1 and storm["tumour"][-1] < 0.1


def test_more_and_smaller_doses_keep_the_effect_without_a_storm() -> None:
    hours = np.arange(0, 3600) / 24
    model, found = imo.load_model("kareva2023", variant="storm"), []
    for count in range(2, 17, 2):
        doses = imo.Regimen().dose("dose", 10 / count, start="200 hours", every="24 hours", count=count)
        run = imo.simulate(model, doses, times=hours)
        found.append(run["tumour"][-1] <= 0.1 and run["storm"].max() == 0)
    assert any(found)


def test_a_small_first_dose_lowers_the_peak_of_chen() -> None:
    hours = np.arange(0, 14 * 24) / 24
    at_once = imo.simulate("chen2019", imo.Regimen().dose("dose", "300 ug"), times=hours)
    stepped = imo.simulate("chen2019", imo.Regimen().dose("dose", "60 ug").dose("dose", "300 ug", start="7 days"), times=hours)
    assert stepped["interleukin6"].max() < 0.5 * at_once["interleukin6"].max()
    assert hours[stepped["interleukin6"].argmax()] < 1  # within a day of the first dose


LYMPHODEPLETION = imo.Regimen().dose("fludarabine", "30 mg/m2", every="1 day", count=3, over="30 min") + imo.Regimen().dose(
    "cyclophosphamide", "500 mg/m2", every="1 day", count=3, over="1 hour"
)
DAYS = np.arange(0, 40, 0.1)
INFUSION = 5


def interleukin6(cells: float = 7e10, dose: str = "2e6 cells/kg", regimen: imo.Regimen = LYMPHODEPLETION) -> np.ndarray:
    """Return interleukin-6 of a patient with lymphoma of so many cells, from the infusion of CAR-T cells on."""
    drugs = [imo.load_model("chemotherapy", variant=v) for v in ("fludarabine", "cyclophosphamide")]
    base = imo.load_model("b_cell_malignancy", variant="large_b_cell_lymphoma")
    model = imo.combine(base, "car_t", "cytokine_release", *drugs)
    given = regimen + imo.Regimen().dose("car_t", dose, start=f"{INFUSION} days")
    run = imo.simulate(model, given, times=DAYS, parameters={"initial_tumour": cells})
    return np.asarray(run["cytokine_release_interleukin6"])[DAYS >= INFUSION]


def test_interleukin6_rises_with_burden_dose_and_lymphodepletion() -> None:
    usual = interleukin6().max()
    assert interleukin6(cells=7e9).max() < usual < interleukin6(cells=2e11).max()
    assert interleukin6(dose="1e5 cells/kg").max() < usual
    assert interleukin6(regimen=imo.Regimen()).max() < usual / 3


def test_interleukin6_peaks_within_weeks_and_returns() -> None:
    after = DAYS[DAYS >= INFUSION] - INFUSION
    for cells in (1e9, 1e10, 7e10, 3e11):
        level = interleukin6(cells=cells)
        assert 3 < after[level.argmax()] < 16 and level.max() > 2 * level[0]
    assert interleukin6(cells=7e10)[-1] < 0.1 * interleukin6(cells=7e10).max()


def test_the_first_dose_of_an_engager_releases_most() -> None:
    engager = imo.load_model("engager", variant="tarlatamab")
    model = imo.combine("tumour_immune", engager, imo.load_model("cytokine_release", variant="engager"))
    days = np.arange(0, 35, 0.05)
    later = imo.Regimen().dose("tarlatamab", "10 mg", every="1 week", count=4, start="7 days")
    level, stepped = (
        np.asarray(
            imo.simulate(model, imo.Regimen().dose("tarlatamab", first) + later, times=days)["cytokine_release_interleukin6"]
        )
        for first in ("10 mg", "1 mg")
    )
    assert days[level.argmax()] < 2 and level[days > 28].max() < 0.5 * level.max()
    assert stepped.max() < 0.6 * level.max()


def test_it_changes_nothing() -> None:
    doses, days = imo.Regimen().dose("tarlatamab", "10 mg"), np.arange(0, 60.0)
    alone = imo.combine("tumour_immune", imo.load_model("engager", variant="tarlatamab"))
    without, with_it = (imo.simulate(m, doses, times=days, rtol=1e-9) for m in (alone, imo.combine(alone, "cytokine_release")))
    assert with_it["tumour"] == pytest.approx(without["tumour"], rel=1e-6)
