"""Adaptive therapy of prostate cancer: cycles of the rule "stop at half, resume at all of it", beside continuous treatment."""

import numpy as np
import pytest

import immunoode as imo

STABLE = {"patient_1": 27272.727, "patient_2": 27722.772}
"""PSA of the untreated stable state, in the paper's code."""


def course(variant, first, last, *, stop=None, resume=None, times=None):
    """Return a run with abiraterone every day from the first day on, adaptively where limits are given."""
    regimen = imo.Regimen().dose("abiraterone", "1 day", every="1 day", count=int(last - first), start=first)
    if stop:
        regimen = regimen.when("psa", below=stop, until=resume, then="hold", every="1 day", start=first)
    model, more = imo.load_model("zhang2017", variant=variant), imo.SolverOptions(max_steps=5_000_000)
    times = np.arange(first, last) + 0.5 if times is None else times
    run = imo.simulate(model, regimen, times=times, start=0, outputs=["psa", "on", "independent", "tumour_cells"], solver=more)
    run.raise_for_status()
    return run


def cycles(run):
    """Return how often treatment began, and the share of the time with it."""
    on = run["on"] > 0.5
    return int(np.sum(np.diff(on.astype(int)) == 1) + on[0]), float(on.mean())


@pytest.mark.slow
def test_adaptive_therapy_of_the_earlier_code_has_eleven_cycles():
    begun, share = cycles(course("earlier", 10000, 30000, stop=1500, resume=3000))
    assert begun == 11
    assert share == pytest.approx(0.050, abs=0.0015)


@pytest.mark.parametrize(("patient", "day"), [("patient_1", 761), ("patient_2", 724)])
def test_treatment_begins_when_the_code_begins_it(patient, day):
    run = imo.simulate(imo.load_model("zhang2017", variant=patient), times=np.arange(1500.0), outputs=["psa"])
    assert run.times[np.argmax(run["psa"] >= 0.8 * STABLE[patient])] == pytest.approx(day, abs=1)


@pytest.mark.slow
def test_adaptive_therapy_of_the_first_patient_outlasts_continuous_treatment():
    limit = 0.8 * STABLE["patient_1"]
    adaptive = course("patient_1", 761, 10000, stop=0.5 * limit, resume=limit)
    always = course("patient_1", 761, 10000)
    begun, share = cycles(adaptive)
    assert begun == 9 and share < 0.015
    days = [float(r.times[np.argmax(r["independent"] > 0.05 * r["tumour_cells"])]) for r in (adaptive, always)]
    assert days == pytest.approx([9394, 3921], rel=0.01)  # where stepped by a day as in the code


def test_continuous_treatment_of_the_second_patient_is_overtaken_within_three_months():
    run = course("patient_2", 724, 2000)
    resistant = run["independent"] / run["tumour_cells"]
    assert run.times[np.argmax(resistant > 0.9)] == pytest.approx(802, abs=6)
