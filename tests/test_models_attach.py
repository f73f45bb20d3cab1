"""What attaches to each published model: chemotherapy, radiotherapy, checkpoint blockade; and what does not says why."""

import warnings

import numpy as np
import pytest

import immunoode as imo
from tests.long_forms import spread

PUBLISHED = [name for name, kind in imo.list_models()["kind"].items() if kind == "published"]
MODELS = {name: imo.load_model(name) for name in PUBLISHED}
TUMOURS = {name: [n for n, c in m.compartments.items() if "tumour" in c.roles] for name, m in MODELS.items()}
WITH_TUMOUR = [name for name in PUBLISHED if TUMOURS[name]]
WITHOUT = {  # why no compartment is a tumour, in the words of the file
    "chatterjee2016": "A diameter is not a count of cells",
    "chen2019": "Tumour cells are constant",
    "claret2009": "A size is not a count of cells",
    "gevertz2025": "Membrane BCMA is not a count of tumour cells",
    "mager2005": "No tumour here",
    "parraguillen2013": "A diameter is not a count of cells",
    "ribba2012": "A diameter is not a count of cells",
    "ribba2022": "A sum of diameters is not a count of cells",
    "stein2019": "There is no tumour in this model",
}
BRAKED = [name for name, model in MODELS.items() if "checkpoint_brake" in model.modifiables]
CISPLATIN = imo.Regimen().dose("cisplatin", "135 mg", over="1 hour")
FRACTION = imo.Regimen().dose("radiotherapy", "2 Gy", start=1e-3)


FEW = 3
"""Models of a test in the default suite."""


def part(name):
    return imo.load_model("chemotherapy", variant="cisplatin") if name == "chemotherapy" else imo.load_model(name)


def run_of(model, regimen, times):
    run = imo.simulate(model, regimen, times=times, rtol=1e-8, extinction=False)
    run.raise_for_status()
    assert run.values[..., : len(model.compartments)].min() >= -1e-9 * np.abs(run.values).max()
    return run


@pytest.mark.parametrize("name", spread(WITH_TUMOUR, FEW))
def test_a_fraction_of_radiation_kills_in_it(name):
    model = imo.combine(name, "radiotherapy")
    idle, treated = (run_of(model, regimen, [0, 2e-3, 5]) for regimen in (None, FRACTION))
    survive = np.exp(-(0.2 * 2 + 0.02 * 4))
    for tumour in TUMOURS[name]:
        if idle[tumour][1] > 0:
            assert treated[tumour][1] / idle[tumour][1] == pytest.approx(survive, rel=5e-3)


@pytest.mark.parametrize("name", spread(WITH_TUMOUR, FEW))
def test_chemotherapy_kills_in_it(name):
    model = imo.combine(name, part("chemotherapy"))
    idle, treated = (run_of(model, regimen, [0, 0.2, 5]) for regimen in (None, CISPLATIN))
    for tumour in TUMOURS[name]:
        if idle[tumour][1] > 0:
            assert treated[tumour][1] < (1 - 1e-4) * idle[tumour][1]


@pytest.mark.parametrize("name", spread(WITH_TUMOUR, FEW))
def test_both_act_together_and_untreated_it_is_the_published_model(name):
    model = imo.combine(name, part("chemotherapy"), "radiotherapy")
    days = [0, 0.2, 5]
    alone, idle = run_of(MODELS[name], None, days), run_of(model, None, days)
    both, one = run_of(model, CISPLATIN + FRACTION, days), run_of(model, FRACTION, days)
    for state in MODELS[name].compartments:
        np.testing.assert_allclose(idle[state], alone[state], rtol=1e-3, atol=1e-6 * np.abs(alone[state]).max() + 1e-12)
    assert sum(both[t][1] for t in TUMOURS[name]) < sum(one[t][1] for t in TUMOURS[name])


@pytest.mark.parametrize("name", spread(PUBLISHED, 2 * FEW))
def test_one_without_a_tumour_says_why_and_warns(name):
    assert (name in WITHOUT) == (not TUMOURS[name])
    if name in WITHOUT:
        assert WITHOUT[name] in " ".join(MODELS[name].description.split())
        model = imo.combine(name, imo.load_model("radiotherapy", instance=f"beam_{name}"))
        with pytest.warns(UserWarning, match=f"beam_{name} acts on .* {name} has none"):
            imo.simulate(model, until=1)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            imo.simulate(imo.combine(name, "radiotherapy"), until=1e-3)


@pytest.mark.parametrize("name", spread(BRAKED, FEW))
def test_an_antibody_releases_its_brake_and_without_a_dose_it_is_the_published_model(name):
    antibody = imo.load_model("pd1_inhibitor", variant="pembrolizumab", instance="blocker")
    model = imo.combine(name, antibody)
    regimen = imo.Regimen().dose("blocker", "200 mg", every="3 weeks", count=3)
    days = np.linspace(0, 40, 9)
    idle, treated, alone = run_of(model, None, days), run_of(model, regimen, days), run_of(MODELS[name], None, days)
    assert treated["blocker_occupancy"][1] > 0.9
    tumour = TUMOURS[name][0]
    assert np.min(treated[tumour] / np.maximum(idle[tumour], 1e-30)) < 0.995
    np.testing.assert_allclose(idle[tumour], alone[tumour], rtol=1e-3, atol=1e-6 * alone[tumour].max())


@pytest.mark.parametrize("name", [n for n in PUBLISHED if n not in BRAKED and n != "lindauer2017"])
def test_a_model_without_the_brake_says_which_have_one(name):
    with pytest.raises(
        imo.errors.ModelError, match="needs 'checkpoint_brake', which no model of this combination offers; combine it with"
    ):
        imo.simulate(imo.combine(name, imo.load_model("pd1_inhibitor", variant="nivolumab")), until=1)
