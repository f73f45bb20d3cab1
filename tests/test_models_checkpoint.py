"""Published models of burden under checkpoint inhibitors, against what the papers state."""

from __future__ import annotations

import numpy as np
import pytest

import immunoode as imo


def test_means_of_butner_are_a_response_and_none():
    days = np.arange(0, 201)
    response, none = (imo.simulate(imo.load_model("butner2021", variant=v), times=days) for v in (None, "no_response"))
    assert response["relative_volume"][-1] < 0.7 and none["relative_volume"][-1] > 1
    assert response["relative_volume"][0] == none["relative_volume"][0] == 1


def test_the_burden_of_butner_ends_at_its_closed_value():
    run = imo.simulate("butner2021", times=[0, 6000])
    assert run["relative_volume"][1] == pytest.approx(1 + (0.018 - 0.054) / (0.054 * 0.714), rel=1e-4)
    assert run["final_burden"][1] == pytest.approx(run["relative_volume"][1], rel=1e-4)


def test_without_a_kill_the_burden_of_butner_grows_exponentially():
    run = imo.simulate("butner2021", times=[0, 100], parameters={"kill_rate": 1e-12})
    assert run["relative_volume"][1] == pytest.approx(np.exp(1.8), rel=1e-6)


@pytest.mark.parametrize(
    ("doses", "expected"),
    [  # cancer cells, effectors and exhausted cells in the tumour, bound PD-1 of a synapse, by the authors' code
        (0, {60: (1.337905e10, 1.267322e8, 3.452754e8, 44183.7), 360: (8.044624e10, 4.25029e9, 1.494938e10, 44183.7)}),
        (3, {5: (7.005134e9, 6.473338e7, 2.602873e8, 29.8896), 30: (1.157479e9, 6.480507e7, 2.155563e8, 19.0581)}),
    ],
)
def test_the_tumour_of_jafarnejad_is_that_of_the_authors_code(doses, expected):
    regimen = imo.Regimen().dose("antibody", "240 mg", every="14 days", count=doses) if doses else None
    run = imo.simulate("jafarnejad2019", regimen, times=list(expected), rtol=1e-9, extinction=False)
    found = [run["tumour"], run["tumour_effectors"], run["exhausted"], run["pd1_pdl1"] + run["pd1_pdl2"]]
    np.testing.assert_allclose(np.transpose(found), list(expected.values()), rtol=1e-4)
