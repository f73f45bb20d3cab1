"""Cytokines under CAR T cells: the published models."""

from __future__ import annotations

import numpy as np

import immunoode as imo


def test_inflammation_of_hanson_rises_with_the_burden() -> None:
    days = np.arange(0, 40, 0.25)
    small, large = (imo.simulate("hanson2016", times=days, parameters={"initial_tumour": cells}) for cells in (100, 1000))
    assert small["inflammation"].max() < large["inflammation"].max()
    assert 1 < days[large["inflammation"].argmax()] < 15
    treated = imo.simulate("hanson2016", times=days, parameters={"initial_tumour": 1000, "drug_removal": 2400})
    assert treated["inflammation"][40:].max() < large["inflammation"].max()


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
