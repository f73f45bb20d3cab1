"""CAR-T cells in B-cell malignancies: burden, B cells, antigen loss, and what else attaches to the base."""

import numpy as np
import pytest

import immunoode as imo
from immunoode.cohorts.arm_simulation import parameters_of_arm
from tests.days import daily

LYMPHODEPLETION = [imo.load_model("chemotherapy", variant=drug) for drug in ("fludarabine", "cyclophosphamide")]
AXI_CEL = imo.load_regimen("axicabtagene_ciloleucel")
INFUSION = 5


def treated(regimen=AXI_CEL, *others, variant="large_b_cell_lymphoma", until="400 days", **values):
    """Return a course of CAR-T cells after lymphodepletion, from day 0 of lymphodepletion."""
    model = imo.combine(imo.load_model("b_cell_malignancy", variant=variant), "car_t", *LYMPHODEPLETION, *others)
    outputs = ["sum_of_diameters", "tumour_cells", "b_cell_count", "car_t_effectors", "car_t_antigen_negative", "tumour"]
    return imo.simulate(model, regimen, times=daily(until), parameters=values, outputs=outputs)


def change(run, day):
    """Return the change of the sum of diameters, as a fraction."""
    return run["sum_of_diameters"][day] / run["sum_of_diameters"][0] - 1


def test_a_low_burden_is_cleared_and_a_very_high_one_grows():
    small, median, large = (treated(initial_tumour=cells) for cells in (5e9, 7e10, 2e12))
    assert small["tumour_cells"][-1] == median["tumour_cells"][-1] == 0
    assert small["tumour_cells"].argmin() < median["tumour_cells"].argmin()
    assert change(median, INFUSION + 30) < -0.3 and change(large, INFUSION + 30) > -0.3
    assert large["tumour_cells"][-1] > large["tumour_cells"][0]


def test_suppression_takes_function_away():
    free, suppressed = (treated(suppression_strength=s, until="60 days") for s in (0, 10))
    assert free["tumour_cells"][INFUSION + 14] < 0.1 * suppressed["tumour_cells"][INFUSION + 14]


def test_cells_expand_after_lymphodepletion_alone():
    alone = imo.Regimen().dose("car_t", "2e6 cells/kg", start="5 days")
    with_it, without = (treated(r, until="60 days")["car_t_effectors"] for r in (AXI_CEL, alone))
    assert 7 <= with_it.argmax() - INFUSION <= 14
    assert with_it.max() > 20 * without.max()


def test_b_cells_vanish_for_months_and_return():
    count = treated(until="4 years")["b_cell_count"]
    assert count[INFUSION + 30] < 1 > count[INFUSION + 120]
    assert count[-1] > 30


def test_b_cells_sustain_an_expansion_that_a_minute_tumour_does_not():
    alone, together = (
        treated(initial_tumour=1e7, initial_b_cell_fraction=b, until="40 days", normal_b_cells=n)["car_t_effectors"].max()
        for b, n in ((1e-6, 1e9), (0.1, 5e10))
    )
    assert together > 5 * alone


def test_cells_without_the_antigen_relapse_after_a_complete_response():
    run = treated(car_t_antigen_negative_fraction=1e-4, until="600 days")
    assert change(run, 60) < -0.8
    assert run["tumour"][-1] == 0 and change(run, -1) > 0


@pytest.mark.slow
def test_chemotherapy_and_radiotherapy_reach_cells_without_the_antigen():
    gemcitabine = imo.load_model("chemotherapy", variant="gemcitabine")
    both = imo.Regimen().dose("radiotherapy", "2 Gy", start=60) + imo.Regimen().dose("gemcitabine", "1000 mg/m2", start=60)
    bare, more = (
        treated(r, "radiotherapy", gemcitabine, car_t_antigen_negative_fraction=0.01)["car_t_antigen_negative"]
        for r in (AXI_CEL, AXI_CEL + both)
    )
    assert more[70] < 0.7 * bare[70]


def test_leukaemia_has_blasts_and_no_lesions():
    model = imo.load_model("b_cell_malignancy", variant="leukaemia")
    run = imo.simulate(model, times=[0, 30], outputs=["blast_fraction", "sum_of_diameters", "metabolic_volume"])
    assert run["blast_fraction"][0] == pytest.approx(1 / 3)
    assert run["blast_fraction"][1] > run["blast_fraction"][0]
    assert np.all(run["sum_of_diameters"] == 0) and np.all(run["metabolic_volume"] == 0)
    assert treated(variant="leukaemia", until="90 days")["tumour"][-1] == 0


def test_sizes_are_those_of_equal_spheres():
    run = imo.simulate("b_cell_malignancy", times=[0], outputs=["metabolic_volume", "lesion_diameter", "sum_of_products"])
    volume = np.pi / 6 * run["lesion_diameter"][0] ** 3 / 1000
    assert 4 * volume == pytest.approx(0.2 * run["metabolic_volume"][0])
    assert run["sum_of_products"][0] == pytest.approx(4 * run["lesion_diameter"][0] ** 2 / 100)


def test_every_therapy_of_the_blood_attaches():
    antibody = imo.load_model("pd1_inhibitor", variant="pembrolizumab")
    dose = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=4, start="5 days")
    values = {"initial_tumour": 3e11, "until": "20 days"}
    alone, both = (treated(r, antibody, "car_t_pd1", **values)["tumour_cells"][-1] for r in (AXI_CEL, AXI_CEL + dose))
    assert both < alone


def test_a_clone_that_withstands_killing_relapses_under_car_t_cells_and_engagers_alike():
    resistant = imo.load_model("killing_resistance")
    car_t = treated(AXI_CEL, resistant, resistant_initial_fraction=1e-3, until="400 days")
    engager, lost = (
        imo.load_model("engager", variant="mosunetuzumab"),
        imo.load_model("killing_resistance", "engager_antigen_loss"),
    )
    model = imo.combine("b_cell_malignancy", engager, resistant, lost)
    dose = imo.Regimen().dose("mosunetuzumab", "30 mg", every="1 week", count=20)
    values = {"mosunetuzumab_kill_rate": 20, "resistant_initial_fraction": 1e-3, "engager_antigen_loss_initial_fraction": 0.01}
    names = ["tumour", "resistant_cells", "engager_antigen_loss_cells"]
    run = imo.simulate(model, dose, times=daily("140 days"), parameters=values, outputs=names)
    assert car_t["tumour"][-1] == 0 and car_t["tumour_cells"][-1] > 1e11
    assert run["tumour"][-1] < 1e-3 * run["tumour"][0]
    assert run["resistant_cells"][-1] > 10 * run["resistant_cells"][0]
    assert run["engager_antigen_loss_cells"][-1] > 10 * run["engager_antigen_loss_cells"][0]


def test_car_t_cells_see_what_an_engager_does_not():
    lost = imo.load_model("killing_resistance", "engager_antigen_loss")
    run = treated(AXI_CEL, lost, engager_antigen_loss_initial_fraction=0.1, until="100 days")
    assert run["tumour_cells"][-1] == 0


def test_lisocabtagene_maraleucel_doubles_and_peaks_as_in_transcend():
    shipped, times = imo.load_population("large_b_cell_lymphoma"), np.arange(0, 30, 0.25)
    arm = shipped.arms["lisocabtagene_maraleucel"]
    model = shipped.model_with(arm.name)
    patients = parameters_of_arm(shipped.cohort.sample(150, 1).parameters, arm, model, shipped.definition.seed)
    run = imo.simulate(model, arm.regimen, times=times, start=-5, parameters=patients, outputs=["car_t_cells"], progress=False)
    cells = np.asarray(run["car_t_cells"])
    growth = np.median(np.log(cells[:, times == 8] / cells[:, times == 4])) / 4
    assert 8.81 <= np.median(times[cells.argmax(axis=1)]) <= 9.70  # 95 % intervals of doi 10.1007/s40262-021-01039-5
    assert 0.667 <= np.log(2) / growth <= 0.821
