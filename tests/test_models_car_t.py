"""Published models of CAR T cells in patients, against what the papers state."""

from __future__ import annotations

import numpy as np
import pytest

import immunoode as imo

PATIENTS = (  # table S1 of Mueller-Schoell 2021: metabolic volume (mL), transplantation, CD4+/CD8+ on day 7, low expansion
    (894, 0, 8.94, False),
    (102, 0, 0.357, False),
    (13.0, 1, 0.126, False),
    (264, 0, 4.01, True),
    (14.2, 1, 1.34, False),
    (70.5, 1, 0.364, False),
    (13.1, 1, 3.56, False),
    (142, 0, 0.405, False),
    (1118, 0, 0.413, True),
    (305, 0, 0.549, True),
    (479, 0, 0.223, False),
    (2.54, 1, 0.0512, False),
    (34.2, 0, 4.53, False),
    (85.7, 1, 0.130, False),
    (64.1, 0, 0.0845, False),
    (663, 0, 0.764, False),
    (3555, 1, 0.0866, True),
    (20.0, 0, 0.182, False),
    (32.5, 0, 0.126, False),
)
HOURS = np.arange(0, 28 * 24 + 1) / 24


@pytest.mark.parametrize(
    ("low", "peak", "day", "apart"),
    [(False, 13.8, 12, 0.12), (True, 5.231, 23.5, 0.25)],  # table S2, medians of the model's predictions
)
def test_the_patients_of_mueller_schoell_peak_as_in_the_paper(low, peak, day, apart):
    model = imo.load_model("muellerschoell2021", variant="low_expansion" if low else None)
    runs = [
        imo.simulate(model, times=HOURS, parameters={"initial_volume": v, "transplantation": a, "cd4_cd8_ratio": r})
        for v, a, r, slow in PATIENTS
        if slow is low
    ]
    cells = [run["car_t_cells"] for run in runs]
    assert np.median([c.max() for c in cells]) == pytest.approx(peak, rel=apart)
    assert np.median([HOURS[c.argmax()] for c in cells]) == pytest.approx(day, rel=apart)


def infusion(cells):
    """Return an infusion in parts of 10, 30 and 60 % on three days."""
    parts = [imo.Regimen().dose("car_t", part * cells, start=f"{day} days") for day, part in enumerate((0.1, 0.3, 0.6))]
    return parts[0] + parts[1] + parts[2]


@pytest.mark.parametrize(
    ("variant", "cells", "read"),
    [  # peaks read off figure 1b, on axes of six decades
        (None, 1.1e9, {"car_t_cells": 2.3e9, "memory": 7e6, "interleukin6": 2800, "interleukin10": 550, "interferon": 700}),
        ("upn3", 1.4e7, {"car_t_cells": 1.2e8, "memory": 7.5e6, "interleukin6": 50, "interleukin10": 150, "interferon": 110}),
    ],
)
def test_the_patients_of_hardiansyah_peak_as_in_the_figures(variant, cells, read):
    run = imo.simulate(imo.load_model("hardiansyah2019", variant=variant), infusion(cells), times=np.arange(0, 3000) / 10)
    for output, value in read.items():
        assert run[output].max() == pytest.approx(value, rel=0.7), output
    if variant is None:  # figure S1, on a linear axis
        assert run["tumour"][500] / 1e9 == pytest.approx(0.30, abs=0.05)


@pytest.mark.parametrize(("variant", "cells"), [(None, 1.1e9), ("upn3", 1.4e7)])
def test_cytokines_of_hardiansyah_follow_the_burden_not_the_dose(variant, cells):
    model, days = imo.load_model("hardiansyah2019", variant=variant), np.arange(0, 1200) / 10
    burden = model.parameters["initial_tumour"].value
    peaks = [imo.simulate(model, infusion(cells * of), times=days)["interleukin6"].max() for of in (0.5, 2)]
    assert peaks[1] / peaks[0] < 1.2
    more = [
        imo.simulate(model, infusion(cells), times=days, parameters={"initial_tumour": of * burden})["interleukin6"].max()
        for of in (0.5, 2)
    ]
    assert more[1] / more[0] > 5


def test_the_peak_of_singh_follows_the_burden_not_the_dose():
    days = np.arange(2, 250) / 2

    def run(cells, burden):
        regimen = imo.Regimen().dose("car_t", cells)
        return imo.simulate("singh2021", regimen, times=days, parameters={"initial_tumour": burden})

    small, large = run(5e7, 2.5e9), run(8e8, 2.5e9)
    assert 0.5 < large["transgene"].max() / small["transgene"].max() < 2  # sixteen times the dose
    for one in (small, large):
        assert one["m_protein"].min() < 0.5 * 12.1e-12 * 2.5e9 / 0.117
    assert run(4.5e8, 1.25e10)["transgene"].max() > 3 * run(4.5e8, 5e8)["transgene"].max()


def test_without_a_dose_the_myeloma_of_singh_grows():
    run = imo.simulate("singh2021", times=[0, 100])
    assert run["tumour"][1] == pytest.approx(2.5e9 * np.exp(0.8), rel=1e-6)
    assert run["soluble_bcma"][0] == pytest.approx(625) and run["marrow_effectors"][1] == 0


@pytest.mark.parametrize(
    ("start", "ligand", "cells", "curve"),
    [  # days from the first measurement, and the authors' curve of the first mouse of an arm (their figure file)
        (3.63072e7, True, None, {7: 2.768454e7, 21: 3.641145e7, 35: 2.531901e8, 56: 1.274499e10}),
        (2.61516e7, True, 11, {7: 1.994823e7, 14: 8.110373e6, 28: 8.256155e6, 63: 2.621867e9}),
        (1.36896e7, False, 1, {7: 1.131118e7, 21: 1.354558e7, 42: 1.121827e8, 70: 1.028221e10}),
    ],
)
def test_the_mice_of_adhikarla_follow_the_authors_curves(start, ligand, cells, curve):
    regimen = imo.Regimen()
    if ligand:
        regimen += imo.Regimen().dose("activity", "0.2 uCi")
    if cells is not None:
        regimen += imo.Regimen().dose("car_t", 1e6, start=f"{cells} days")
    run = imo.simulate("adhikarla2024", regimen, times=list(curve), parameters={"initial_tumour": start}, rtol=1e-9)
    np.testing.assert_allclose(run["burden"], list(curve.values()), rtol=4e-3)
