"""Circulating tumour DNA: clearance, levels as published, and its course under treatment."""

import numpy as np
import pytest

import immunoode as imo
from tests.long_forms import spread

FRACTION = "ctdna_mutant_fraction"
MINUTE = 1 / 1440


def test_half_of_it_is_gone_half_an_hour_after_the_tumour():
    model = imo.combine("kuznetsov1994", "radiotherapy", "ctdna")
    eradication = imo.Regimen().dose("radiotherapy", "60 Gy")
    run = imo.simulate(model, eradication, times=[1 * MINUTE, 31 * MINUTE], rtol=1e-9)
    assert run["ctdna_genomes"][1] / run["ctdna_genomes"][0] == pytest.approx(0.5, rel=1e-3)


@pytest.mark.filterwarnings("ignore:.*outside their bounds")
def test_ten_millilitres_of_lung_cancer_give_about_a_thousandth_of_mutant_copies():
    # 0.1 % of circulating DNA from a tumour of 10 mL (Abbosh 2017, as in Fiala and Diamandis 2018, table 2)
    model = imo.combine(imo.load_model("kuznetsov1994").with_values(initial_tumour=1e10, inverse_capacity=1e-13), "ctdna")
    run = imo.simulate(model, times=[0, MINUTE])
    assert 0.001 / 3 < run[FRACTION][0] < 0.001 * 3
    assert run["ctdna_concentration"][0] == pytest.approx(1e10 * 0.136 * 1.4e-4 / (np.log(2) * 48) / 2750, rel=1e-9)


def test_under_radiation_it_falls_with_the_cells_that_are_cleared_unless_these_are_cleared_fast():
    model = imo.combine("tumour_immune", "radiotherapy", "ctdna")
    course = imo.Regimen().dose("radiotherapy", "8 Gy", every="1 day", count=3, start=5)
    level = {}
    for rate in (0.03, 1.0):
        outputs = ["ctdna_genomes", "tumour"]
        rates = {"clearance_rate": rate, "doomed_death_rate": rate}
        run = imo.simulate(model, course, times=np.arange(0, 60.0), outputs=outputs, parameters=rates)
        level[rate] = run["ctdna_genomes"] / run["ctdna_genomes"][0]
    alive = run["tumour"] / run["tumour"][0]
    assert 10 * alive[8] < level[0.03][8] < 0.5
    assert level[1.0][8] > 1.1 > 1 > level[1.0][59]


def test_it_changes_nothing_in_the_tumour():
    alone, observed = (imo.simulate(m, times=np.arange(50.0)) for m in ("tumour_immune", imo.combine("tumour_immune", "ctdna")))
    np.testing.assert_allclose(observed["tumour"], alone["tumour"], rtol=1e-4)


COUNTED = [
    name
    for name, kind in imo.list_models()["kind"].items()
    if kind == "published" and {"cell"} == {c.unit for c in imo.load_model(name).compartments.values() if "tumour" in c.roles}
]


@pytest.mark.parametrize("name", spread(COUNTED, 3))
def test_it_attaches_to_every_published_tumour_counted_in_cells(name):
    alone, observed = (imo.simulate(m, times=[0.0, 1.0, 5.0]) for m in (name, imo.combine(name, "ctdna")))
    for state in imo.load_model(name).compartments:
        np.testing.assert_allclose(observed[state], alone[state], rtol=1e-3, atol=1e-6 * np.abs(alone[state]).max() + 1e-12)
    # shedding and clearance are as good as equal within hours
    if observed["tumour_cells"].max() > 0:
        shed = 0.136 * observed["tumour_cells"] * 1.4e-4 / (np.log(2) * 48)
        np.testing.assert_allclose(observed["ctdna_genomes"], shed, rtol=0.1, atol=1e-9 * shed.max())


def test_a_tumour_that_is_not_counted_in_cells_is_told_what_is_needed():
    with pytest.warns(UserWarning, match="ctdna needs 'tumour_cells'"):
        imo.combine("claret2009", "ctdna")
