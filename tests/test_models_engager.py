"""The T-cell engager: its equilibrium, its label, and what it attaches to."""

import numpy as np
import pytest

import immunoode as imo
from tests.days import daily
from tests.long_forms import spread

PUBLISHED = [name for name, kind in imo.list_models()["kind"].items() if kind == "published"]
TUMOURS = {n: [c for c, s in imo.load_model(n).compartments.items() if "tumour" in s.roles] for n in PUBLISHED}
TEN = imo.Regimen().dose("tarlatamab", "10 mg", over="1 hour")


def engager(variant="tarlatamab", base="tumour_immune", *others):
    return imo.combine(base, imo.load_model("engager", variant=variant), *others)


def run_of(model, regimen, **options):
    if "until" in options:
        options["times"] = daily(options.pop("until"))
    run = imo.simulate(model, regimen, rtol=1e-8, **options)
    run.raise_for_status()
    return run


def test_concentrations_of_tarlatamab_are_those_of_its_label():
    regimen = imo.Regimen().dose("tarlatamab", "1 mg", over="1 hour").dose("tarlatamab", "10 mg", start=7, over="1 hour")
    regimen = regimen.dose("tarlatamab", "10 mg", start=14, every=14, count=11, over="1 hour")
    days = np.arange(0, 168, 0.02)
    level = 1000 * run_of(engager(), regimen, times=days)["tarlatamab_concentration"]  # ng/mL
    steady = level[days > 154]
    for ours, label in (
        (level[days < 7].max(), 285),
        (level[days < 7][-1], 47),
        (level[(days > 7) & (days < 14)].max(), 2900),
        (level[(days > 7) & (days < 14)][-1], 502),
        (steady.max(), 3400),
        (steady[-1], 495),
        (steady.mean(), 1040),
    ):
        assert ours == pytest.approx(label, rel=0.15)


def test_concentrations_of_subcutaneous_teclistamab_are_near_those_of_patients():
    # means of MajesTEC-1 at 1.5 mg/kg, days 0 to 7 after the first full dose (ng/mL), as digitised by Gevertz and Kareva
    seen = {1: 5347.6, 2: 7335.8, 3: 8488.5, 7: 7923.2}
    regimen = imo.Regimen().dose("teclistamab_subcutaneous", 0.06 * 74).dose("teclistamab_subcutaneous", 0.3 * 74, start=7)
    regimen = regimen.dose("teclistamab_subcutaneous", 1.5 * 74, start=14)
    level = run_of(engager("teclistamab"), regimen, times=[14.0 + day for day in seen])["teclistamab_concentration"]
    assert 1000 * level == pytest.approx(list(seen.values()), rel=0.25)


def test_serum_of_gevertz_is_near_that_of_patients():
    seen = {1: 5347.6, 2: 7335.8, 3: 8488.5, 7: 7923.2}  # as above
    regimen = imo.Regimen().dose("dose", 0.06 * 74, start=50).dose("dose", 0.3 * 74, start=57).dose("dose", 1.5 * 74, start=64)
    serum = run_of(imo.load_model("gevertz2025"), regimen, times=[64.0 + day for day in seen])["serum"]
    assert 1000 * serum == pytest.approx(list(seen.values()), rel=0.15)


def mass_action(drug, antigens, cd3, k_a, k_t):
    """Return the trimers at a free concentration of drug, by bisection on the free antigen."""
    low, high = 0.0, antigens
    for _ in range(200):
        free = (low + high) / 2
        free_cd3 = cd3 / (1 + drug / k_t + drug * free / (k_a * k_t))
        bound = free * (1 + drug / k_a) + free * drug * free_cd3 / (k_a * k_t)
        low, high = (free, high) if bound < antigens else (low, free)
    return free * drug * free_cd3 / (k_a * k_t)


@pytest.mark.parametrize("variant", ["tarlatamab", "teclistamab", "mosunetuzumab"])
def test_trimers_are_those_of_mass_action_and_bell_shaped(variant):
    model = engager(variant)
    names = ("tumour_drug", "trimers", "antigens", "cd3", "best_concentration", "concentration")
    tops, trimers = [], []
    for dose in np.geomspace(1e-4, 1e5, 37):
        run = run_of(model, imo.Regimen().dose(variant, dose), times=[1e-6])
        drug, bound, antigens, cd3, best, level = (run[f"{variant}_{name}"][0] for name in names)
        k_a, k_t = (model.constants[f"{variant}_{n}_dissociation"].value for n in ("antigen", "cd3"))
        assert bound == pytest.approx(mass_action(drug, antigens, cd3, k_a, k_t), rel=1e-6)
        tops.append(level / best)
        trimers.append(bound)
    assert 0.5 < tops[int(np.argmax(trimers))] < 2
    assert max(trimers[0], trimers[-1]) < 0.05 * max(trimers)


def test_too_high_a_dose_kills_less():
    left = [run_of(engager(), imo.Regimen().dose("tarlatamab", d), until=5)["tumour"][-1] for d in (1, 30, 1e6)]
    assert left[1] < left[0] and left[1] < left[2]


@pytest.mark.slow
def test_blocking_pd1_and_having_lymphocytes_help():
    pembrolizumab = imo.load_model("pd1_inhibitor", variant="pembrolizumab")
    regimen = TEN + imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=2)
    both = run_of(engager("tarlatamab", "tumour_immune", pembrolizumab), regimen, until=28)
    alone, idle = (run_of(engager(), r, until=28) for r in (TEN, None))
    assert both["tumour"][-1] < alone["tumour"][-1] < idle["tumour"][-1]
    assert idle["tarlatamab_t_cells"] == pytest.approx(1, abs=1e-9)
    cisplatin = imo.load_model("chemotherapy", variant="cisplatin")
    depleted = imo.Regimen().dose("cisplatin", "135 mg", over="1 hour") + TEN
    ratio = run_of(engager("tarlatamab", "tumour_immune", cisplatin), depleted, until=3)["tarlatamab_ratio"]
    assert ratio[-1] < run_of(engager(), TEN, until=3)["tarlatamab_ratio"][-1]


@pytest.mark.parametrize("base", spread([name for name in PUBLISHED if TUMOURS[name]], 2))
def test_it_kills_in_published_models_and_without_a_dose_nothing_changes(base):
    model, days = engager("tarlatamab", base), [0, 0.5, 2]
    idle, treated, alone = (
        run_of(model, None, times=days),
        run_of(model, TEN, times=days),
        run_of(imo.load_model(base), None, times=days),
    )
    for tumour in TUMOURS[base]:
        assert idle[tumour] == pytest.approx(alone[tumour], rel=1e-5, abs=1e-12)
        if idle[tumour][1] > 0:
            assert treated[tumour][1] < (1 - 1e-4) * idle[tumour][1]
