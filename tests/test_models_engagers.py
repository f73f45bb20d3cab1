"""T-cell engagers and CAR T cells of published models, against what the papers state of patients."""

import numpy as np
import pytest

import immunoode as imo

PEAKS = {  # least and greatest first peak of interleukin-6 (pg/mL) by dose (mg): figure 6 of Hosseini 2020 (CC BY 4.0)
    0.4: (9.04, 258.61),
    0.8: (3.79, 1307.66),
    1.0: (3.29, 2344.45),
    1.2: (16.63, 246.57),
    1.6: (17.14, 64214.28),
    2.8: (12.44, 423.22),
}
FEW_B_CELLS = {"b_cell_reference": 3e4, "tumour_b_partition": 6500 * 5e5 / 3e4}  # in blood; as many in the lymphoma


def run_of(name, regimen, days, variant=None, **options):
    run = imo.simulate(imo.load_model(name, variant=variant), regimen, times=days, rtol=1e-8, **options)
    run.raise_for_status()
    return run


def mosunetuzumab(*doses):
    regimen = imo.Regimen()
    for day, milligrams in doses:
        regimen = regimen.dose("mosunetuzumab", f"{milligrams} mg", start=day)
    return regimen


@pytest.mark.slow
@pytest.mark.parametrize("dose", PEAKS)
def test_first_peaks_of_interleukin_6_lie_among_those_of_patients(dose):
    run = run_of("hosseini2020", mosunetuzumab((0, dose)), np.arange(0, 2, 0.01), parameters=FEW_B_CELLS)
    low, high = PEAKS[dose]
    assert low < run["serum_il6"].max() < high
    assert run.times[run["serum_il6"].argmax()] < 0.5


@pytest.mark.slow
def test_step_doses_of_mosunetuzumab_lower_interleukin_6_and_not_the_response():
    days, later = np.arange(0, 84, 0.02), [(21 * k, 20) for k in (1, 2, 3)]
    flat = run_of("hosseini2020", mosunetuzumab((0, 20), *later), days)
    steps = run_of("hosseini2020", mosunetuzumab((0, 1.6), (7, 10), (14, 10), *later), days)
    assert steps["serum_il6"].max() < 0.7 * flat["serum_il6"].max()
    assert (
        steps["serum_il6"][days > 6.9].max() < 0.1 * steps["serum_il6"].max()
    )  # the first dose has taken the B cells of blood
    assert steps["tumour"][-1] == pytest.approx(flat["tumour"][-1], rel=0.2)
    assert steps["tumour"][-1] < 0.5 * steps["tumour"][0]


def test_interleukin_6_under_blinatumomab_peaks_on_the_first_day_by_dose():
    days = np.arange(0, 21, 0.02)
    constant = imo.Regimen().dose("blinatumomab", 60 * 21 * 1.8, over="21 days")
    first, peaks = [], []
    for regimen in (constant, sum_of_weeks(5, 15, 60)):
        level = run_of("hosseini2020", regimen, days)["serum_il6"]
        first.append(level.max())
        peaks.append(level[days > 6.9].max() / level.max())
        assert days[level.argmax()] < 1
    assert first[0] > 1.5 * first[1]
    assert max(peaks) < 0.2  # later peaks are about an order of magnitude lower in the paper


def sum_of_weeks(*rates):
    regimen = imo.Regimen()
    for week, rate in enumerate(rates):
        regimen = regimen.dose("blinatumomab", rate * 7 * 1.8, over="7 days", start=7 * week)
    return regimen


def test_a_patient_of_hosseini_without_drug_stays_as_he_is():
    run = run_of("hosseini2020", None, [0, 84])
    for name in ("resting_blood", "b_cells_blood", "b_cells_marrow", "resting_nodes"):
        assert run[name][1] == pytest.approx(run[name][0], rel=1e-6)
    assert run["tumour"][1] / run["tumour"][0] == pytest.approx(np.exp(0.025 * 84), rel=1e-6)


def test_car_t_cells_of_kimmel_are_as_many_as_those_of_patients():
    days = np.arange(0, 600, 1.0)
    run = run_of("kimmel2021", None, days)
    level = run["car_t_concentration"]
    assert level.argmax() == 7
    for day, median in ((7, 27.5), (14, 9.1), (28, 2.1)):  # of 19 to 23 patients of ZUMA-1
        assert level[day] == pytest.approx(median, rel=0.25)
    assert run["tumour"].min() < 1  # at the growth of the encoding: less than a cell, which in the paper is a cure
    progressed = []
    for growth in ("slow", "medium", "fast"):
        size = run_of("kimmel2021", None, days, variant=growth)["tumour"]
        progressed.append(days[size > 1.2 * size[0]][0])
    assert progressed == sorted(progressed, reverse=True) and 130 < progressed[2] and progressed[0] < 360
