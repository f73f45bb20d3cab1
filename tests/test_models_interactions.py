"""Interactions: what two therapies do together that neither does alone, as published."""

import numpy as np
import pytest

import immunoode as imo
from tests.days import daily

RADIOTHERAPY = imo.Regimen().dose("radiotherapy", "2 Gy", every="1 day", count=5)
OUTPUTS = ["pdl1_expression", "effector_activity", "tumour", "sum_of_diameters"]


def durvalumab(start=0):
    """Return durvalumab from a day on."""
    return imo.Regimen().dose("durvalumab", "10 mg/kg", every="2 weeks", count=8, over="60 min", start=start)


def irradiated(regimen, *interactions, until="120 days", variant=None, **parameters):
    """Return a run of radiotherapy and durvalumab, with or without the interaction."""
    base, antibody = (imo.load_model("tumour_immune", variant=variant), imo.load_model("pd1_inhibitor", variant="durvalumab"))
    model = imo.combine(base, antibody, "radiotherapy", *interactions)
    return imo.simulate(model, regimen, times=daily(until), parameters=parameters, outputs=OUTPUTS)


@pytest.mark.slow
def test_radiation_raises_pdl1_for_a_while():
    pdl1 = irradiated(RADIOTHERAPY, "radiation_pdl1")["pdl1_expression"]
    assert pdl1[0] == 1.0
    assert 1.3 < pdl1[5] < 3
    assert pdl1[5:].argmax() < 3
    assert pdl1[30] < 1.05


def test_no_radiation_or_no_t_cells_no_pdl1():
    assert np.all(irradiated(durvalumab(), "radiation_pdl1")["pdl1_expression"] == 1.0)
    few = {"priming_rate": 10, "recruitment_rate": 0}
    assert irradiated(RADIOTHERAPY, "radiation_pdl1", **few)["pdl1_expression"].max() < 1.01


def test_radiation_makes_the_tumour_resist_t_cells_unless_pd1_is_blocked():
    alone, blocked = (irradiated(r, "radiation_pdl1")["effector_activity"] for r in (RADIOTHERAPY, RADIOTHERAPY + durvalumab()))
    assert alone[5] < 0.8 * alone[0]
    assert blocked[5] > 0.95


@pytest.mark.slow
def test_blockade_during_radiotherapy_gains_from_the_interaction_and_blockade_after_it_does_not():
    def benefit(start, *interactions):
        """Return by how much durvalumab cuts the tumour four weeks after its first dose, on a logarithm."""
        alone, both = (
            irradiated(regimen, *interactions, pd1_inhibition=0.5, priming_rate=8e3)["tumour"][
                start + 28
            ]  # little PD-L1 at first
            for regimen in (RADIOTHERAPY, RADIOTHERAPY + durvalumab(start))
        )
        return np.log(alone / both)

    during, after = (benefit(start, "radiation_pdl1") / benefit(start) for start in (0, 42))
    assert during > 1.05
    assert after < 1.0  # the response that radiation held back does not come back


def test_the_interaction_needs_both_sides():
    with pytest.raises(imo.errors.ModelError, match="radiotherapy_damage"):
        imo.simulate(imo.combine("tumour_immune", "radiation_pdl1"), until=10)


LYMPHODEPLETION = (
    imo.Regimen()
    .dose("fludarabine", "30 mg/m2", every="1 day", count=3, over="30 min")
    .dose("cyclophosphamide", "500 mg/m2", every="1 day", count=3, over="1 hour")
)
CELLS = imo.Regimen().dose("car_t", "3e8 cells", start="5 days")
PEMBROLIZUMAB = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=4, over="30 min", start="5 days")


def infused(regimen, *interactions, until="90 days"):
    """Return a run of lymphodepletion, CAR-T cells and pembrolizumab, with or without the interaction."""
    drugs = (imo.load_model("chemotherapy", variant=v) for v in ("fludarabine", "cyclophosphamide"))
    antibody = imo.load_model("pd1_inhibitor", variant="pembrolizumab")
    car_t = imo.load_model("car_t", variant="solid_tumour")
    model = imo.combine("tumour_immune", car_t, antibody, *drugs, *interactions)
    outputs = ["car_t_effectors", "car_t_exhausted", "car_t_expansion", "tumour"]
    return imo.simulate(model, LYMPHODEPLETION + regimen, times=daily(until), outputs=outputs)


@pytest.mark.slow
def test_without_pd1_blockade_the_car_t_interaction_does_nothing():
    with_it, without = infused(CELLS, "car_t_pd1"), infused(CELLS)
    assert np.allclose(with_it.values, without.values, rtol=1e-3, atol=1.0)


@pytest.mark.slow
def test_pd1_blockade_rescues_exhausted_car_t_cells():
    with_it, without = infused(CELLS + PEMBROLIZUMAB, "car_t_pd1"), infused(CELLS + PEMBROLIZUMAB)
    assert with_it["car_t_effectors"].max() > 1.05 * without["car_t_effectors"].max()
    share = [r["car_t_exhausted"][20] / r["car_t_effectors"][20] for r in (with_it, without, infused(CELLS, "car_t_pd1"))]
    assert share[0] < share[1] < share[2]


def test_pd1_blockade_and_car_t_together_leave_fewer_tumour_cells_than_either():
    cells, antibody, both = (infused(r, "car_t_pd1")["tumour"][60] for r in (CELLS, PEMBROLIZUMAB, CELLS + PEMBROLIZUMAB))
    assert both < 0.9 * min(cells, antibody)
