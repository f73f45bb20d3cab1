"""Oncolytic viruses: growth as published, virus that lowers the burden, and a threshold for its spread."""

import numpy as np
import pytest

import immunoode as imo

DOSE = imo.Regimen().dose("virus", "2e6")


def burden(variant=None, regimen=DOSE, until=21, **values):
    run = imo.simulate(imo.load_model("bajzer2008", variant=variant), regimen, times=np.arange(until + 1.0), parameters=values)
    run.raise_for_status()
    return run


@pytest.mark.parametrize("variant", [None, "large_burst"])
def test_virus_lowers_the_burden(variant):
    treated, untreated = burden(variant), burden(variant, None)
    assert np.min(treated["tumour_cells"] / untreated["tumour_cells"]) < 0.95
    assert untreated["tumour_cells"][-1] > 0.8 * 2.139258e9


def test_without_fusion_virus_spreads_only_if_a_cell_makes_more_virions_than_are_lost():
    # with y at its capacity: alpha kappa K > delta (omega + kappa K), where each infection takes a virion
    infection, death, loss, capacity = 4.48e-10, 0.309, 0.3, 2.139258e9
    threshold = death * (loss + infection * capacity) / (infection * capacity)
    last = []
    for share in (0.9, 1.1):
        values = {"initial_tumour": capacity, "fusion_rate": 0, "production_rate": share * threshold}
        run = burden(None, imo.Regimen().dose("virus", "100"), 400, **values)
        last.append(run["virus"][200] / run["virus"][20])
    assert last[0] < 1 < last[1]
