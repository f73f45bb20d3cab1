"""Mouse experiments: the base and its antibodies by themselves, with other therapies, and beside published data."""

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import ModelError
from tests.long_forms import spread

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("IMMUNOODE_DATA", ROOT.parent / "shared" / "data"))
SPEC = importlib.util.spec_from_file_location("mouse_fits", ROOT / "docs" / "fits" / "mouse_fits.py")
FITS = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = FITS  # dataclasses look their module up
SPEC.loader.exec_module(FITS)
LINES = tuple(imo.load_model("mouse_tumour_immune").variants)
ANTIBODY = imo.Regimen().dose("anti_pd1", "10 mg/kg", every="3 days", count=4)
CTLA4 = imo.Regimen().dose("anti_ctla4", "5 mg/kg", every="3 days", count=3)
FRACTION = imo.Regimen().dose("radiotherapy", "8 Gy")


def whole(line):
    return imo.combine(
        imo.load_model("mouse_tumour_immune", line),
        imo.load_model("mouse_pd1_inhibitor", "rmp1_14"),
        imo.load_model("mouse_ctla4_inhibitor", "clone_9d9"),
        "radiotherapy",
    )


def volume(line, regimen, day=14):
    return imo.simulate(whole(line), regimen, times=[0, day], outputs="tumour_volume")["tumour_volume"][1]


def test_the_cell_lines_are_there():
    assert {"MC38", "CT26", "B16", "4T1", "AE17", "EG7"} == set(LINES)


@pytest.mark.parametrize("line", LINES)
def test_a_mouse_has_its_weight_and_its_tumour_in_cubic_millimetres(line):
    model = imo.load_model("mouse_tumour_immune", line)
    run = imo.simulate(model, until="14 days", parameters={"baseline_tumour_volume": 30})
    assert model.covariates["weight"].value == 0.02 and model.covariates["weight"].unit == "kg"
    assert run.units["tumour_volume"] == "mm^3" and run["tumour_volume"][0] == pytest.approx(30)
    assert run["tumour_volume"][-1] > 60 and run["sum_of_diameters"][0] == pytest.approx((6 * 30 / np.pi) ** (1 / 3))


def test_it_offers_what_the_base_of_patients_offers():
    mouse, patient = imo.load_model("mouse_tumour_immune"), imo.load_model("tumour_immune")
    shared = {"checkpoint_brake", "ctla4_brake", "pdl1_expression", "priming", "effector_killing", "suppression"}
    assert shared <= mouse.modifiables.keys() & (patient.modifiables.keys() | {"suppression"})
    assert {"effector_activity", "tumour_cells", "tumour_growth", "lymphocyte_fraction"} <= mouse.derived.keys()
    assert {role for part in mouse.compartments.values() for role in part.roles} >= {
        "tumour",
        "effector",
        "lymphocyte",
        "dying",
    }


def test_doses_by_weight_are_those_of_a_mouse():
    run = imo.simulate(whole("MC38"), ANTIBODY, times=[1e-9], outputs="anti_pd1_peritoneum")
    assert run["anti_pd1_peritoneum"][0] == pytest.approx(200, rel=1e-6)  # ug


def test_antibodies_and_radiation_do_more_together_in_immunogenic_tumours():
    control, antibody, both = (volume("MC38", regimen) for regimen in (None, ANTIBODY, ANTIBODY + CTLA4))
    assert antibody < 0.75 * control and both < 0.25 * antibody
    assert volume("MC38", ANTIBODY + FRACTION) < 0.2 * volume("MC38", FRACTION)


@pytest.mark.parametrize("line", ["B16", "4T1"])
def test_antibodies_hardly_matter_in_tumours_that_are_not_immunogenic(line):
    assert volume(line, ANTIBODY) == pytest.approx(volume(line, None), rel=0.1)


def test_therapies_of_cells_vaccines_and_interactions_attach():
    cells = imo.combine("mouse_tumour_immune", "car_t", "adoptive_t_cell", "vaccine", "radiotherapy", "chemotherapy")
    run = imo.simulate(cells, imo.Regimen().dose("car_t", "1e6 cells"), until="10 days")
    assert np.isfinite(run.values).all()


def test_antibodies_of_patients_are_refused():
    with pytest.raises(ModelError, match="different values of the covariate 'weight'"):
        imo.combine("mouse_tumour_immune", "pd1_inhibitor")


def needed(file):
    if not (DATA / file).is_file():
        pytest.skip(f"{file} is not at hand (IMMUNOODE_DATA)")


@pytest.mark.parametrize("name", spread(["radiation", "four_arms", "transfer", "car_t", "placebo"], 2))
def test_the_fit_explains_nine_tenths_of_the_volumes(name):
    file, part = FITS.PARTS[name]
    needed(file)
    assert FITS.explained(part(DATA).fit()) > 0.9


def test_plasma_concentrations_have_the_median_of_those_digitised():
    needed("mouse_pembrolizumab_lindauer2017.csv")
    table = pd.read_csv(DATA / "mouse_pembrolizumab_lindauer2017.csv")
    table = table[(table["figure"] == "FigS2") & (table["y"] > 0)]
    model = imo.combine("mouse_tumour_immune", imo.load_model("mouse_pd1_inhibitor", "rmp1_14"))
    for series, samples in table.groupby("series"):
        dose = float(series.removeprefix("dose_"))
        every, count = ("7 days", 3) if dose in (0.1, 1, 10) else ("4 days", 2)
        regimen = imo.Regimen().dose("anti_pd1_intravenous", f"{dose} mg/kg", every=every, count=count)
        times = np.unique(np.maximum(samples["x"], 1e-3))
        run = imo.simulate(model, regimen, times=times, outputs="anti_pd1_concentration")
        ours = np.interp(samples["x"], run.times, run["anti_pd1_concentration"])
        assert abs(np.log(np.median(ours / samples["y"]))) < np.log(1.25)
