"""The models agree with published numbers: the table of docs/plausibility.md, and published pharmacokinetics."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import immunoode as imo
from tests.long_forms import spread
from tests.published import trajectory

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("plausibility", ROOT / "docs" / "plausibility.py")
PLAUSIBILITY = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = PLAUSIBILITY  # dataclasses look their module up
SPEC.loader.exec_module(PLAUSIBILITY)

COURSES = {
    "pembrolizumab_ahamadi2017_76.8kgM_200mg_q3w": ("pembrolizumab_ahamadi", "200 mg", 21, "ahamadi2017"),
    "nivolumab_bajaj2017_80kgF_240mg_q2w": ("nivolumab", "240 mg", 14, "bajaj2017"),
    "nivolumab_zhang2019_80kgM_nsclc_240mg_q2w": ("nivolumab_zhang", "240 mg", 14, "zhang2019"),
    "nivolumab_zhang2019_80kgM_nsclc_480mg_q4w": ("nivolumab_zhang", "480 mg", 28, "zhang2019"),
}


@pytest.mark.parametrize("row", spread(PLAUSIBILITY.ROWS, 6), ids=lambda row: row.quantity)
def test_a_number_agrees_with_what_was_published(row):
    assert row.low <= row.compute() <= row.high


def test_the_page_is_up_to_date():
    assert PLAUSIBILITY.TABLE.read_text(encoding="utf-8") == PLAUSIBILITY.page(), "run docs/plausibility.py"


@pytest.mark.parametrize("name", COURSES)
def test_concentrations_follow_the_published_equations(name):
    variant, amount, every, patient = COURSES[name]
    antibody = variant.partition("_")[0]
    reference = {column: values.to_numpy() for column, values in trajectory(f"paper_pk_{name}").items()}
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant=variant))
    regimen = imo.Regimen().dose(antibody, amount, every=every, count=40)
    kept = reference["day"] % every > 0.5  # at a dose the table holds either side of the jump
    values = model.reference_patient(patient)
    run = imo.simulate(model, regimen, times=reference["day"][kept], parameters=values, rtol=1e-9)
    assert np.allclose(run[f"{antibody}_concentration"], reference["Cc_ug_per_mL"][kept], rtol=1e-4)


@pytest.mark.parametrize(
    ("variant", "change"),
    [("nivolumab", -0.295), ("pembrolizumab", -0.218), ("pembrolizumab_ahamadi", 0.0), ("durvalumab_abegesah", -0.498)],
)
def test_clearance_falls_from_the_first_dose_as_its_analysis_says(variant, change):
    antibody = imo.load_model("pd1_inhibitor", variant=variant)
    model, name = imo.combine("tumour_immune", antibody), f"{antibody.name}_current_clearance"
    regimen = imo.Regimen().dose(antibody.name, "200 mg", start="10 days")
    clearance = imo.simulate(model, regimen, times=[0, 10, 1e5], outputs=name)[name]
    assert clearance[0] == clearance[1]
    assert np.isclose(clearance[2] / clearance[0], np.exp(change), rtol=1e-3)


def test_heavier_patients_clear_faster():
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    light, heavy = (imo.simulate(model, times=[0, 1], parameters={"weight": w}) for w in (50, 100))
    assert np.isclose(heavy["pembrolizumab_current_clearance"][0] / light["pembrolizumab_current_clearance"][0], 2**0.534)
