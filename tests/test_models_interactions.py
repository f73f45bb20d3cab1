"""Interactions: what two therapies do together that neither does alone, as published."""

import numpy as np
import pytest

import immunoode as imo

RADIOTHERAPY = imo.Regimen().dose("radiotherapy", "2 Gy", every="1 day", count=5)
OUTPUTS = ["pdl1_expression", "effector_activity", "tumour", "sum_of_diameters"]


def durvalumab(start=0):
    """Return durvalumab from a day on."""
    return imo.Regimen().dose("durvalumab", "10 mg/kg", every="2 weeks", count=8, over="60 min", start=start)


def irradiated(regimen, *interactions, until="120 days", variant=None, **parameters):
    """Return a run of radiotherapy and durvalumab, with or without the interaction."""
    base, antibody = (
        imo.load_model("tumour_immune", variant=variant),
        imo.load_model("pd1_inhibitor", variant="durvalumab"),
    )
    model = imo.combine(base, antibody, "radiotherapy", *interactions)
    return imo.simulate(model, regimen, until=until, parameters=parameters, outputs=OUTPUTS)


def test_radiation_raises_pdl1_for_a_while():
    pdl1 = irradiated(RADIOTHERAPY, "radiation_pdl1")["pdl1_expression"]
    assert pdl1[0] == 1.0
    assert 1.3 < pdl1[5] < 3
    assert pdl1[5:].argmax() < 3
    assert pdl1[30] < 1.05


def test_no_radiation_or_no_t_cells_no_pdl1():
    assert np.all(irradiated(durvalumab(), "radiation_pdl1")["pdl1_expression"] == 1.0)
    few = {"priming_rate": 1e4, "recruitment_rate": 0, "surveillance_rate": 0}
    assert irradiated(RADIOTHERAPY, "radiation_pdl1", **few)["pdl1_expression"].max() < 1.01


def test_radiation_makes_the_tumour_resist_t_cells_unless_pd1_is_blocked():
    alone, blocked = (
        irradiated(r, "radiation_pdl1")["effector_activity"] for r in (RADIOTHERAPY, RADIOTHERAPY + durvalumab())
    )
    assert alone[5] < 0.8 * alone[0]
    assert blocked[5] > 0.95


def test_blockade_during_radiotherapy_gains_from_the_interaction_and_blockade_after_it_does_not():
    def benefit(start, *interactions):
        """Return by how much durvalumab cuts the tumour four weeks after its first dose, on a logarithm."""
        alone, both = (
            irradiated(regimen, *interactions, variant="equilibrium")["tumour"][
                start + 28
            ]  # little PD-L1 to begin with
            for regimen in (RADIOTHERAPY, RADIOTHERAPY + durvalumab(start))
        )
        return np.log(alone / both)

    during, after = (benefit(start, "radiation_pdl1") / benefit(start) for start in (0, 42))
    assert during > 1.1
    assert after == pytest.approx(1.0, abs=0.01)


def test_the_interaction_needs_both_sides():
    with pytest.raises(imo.errors.ModelError, match="radiotherapy_damage"):
        imo.simulate(imo.combine("tumour_immune", "radiation_pdl1"), until=10)
