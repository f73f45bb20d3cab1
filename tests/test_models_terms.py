"""Chemotherapy and radiotherapy: published numbers, what a dose does to which cells, repair between fractions, patients."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import immunoode as imo
from tests.days import daily
from tests.long_forms import spread

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("terms_plausibility", ROOT / "docs" / "terms_plausibility.py")
PAGE = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = PAGE  # dataclasses look their module up
SPEC.loader.exec_module(PAGE)

DOSES = {
    "cisplatin": "75 mg/m2",
    "carboplatin": "575 mg",
    "pemetrexed": "500 mg/m2",
    "docetaxel": "75 mg/m2",
    "paclitaxel": "200 mg/m2",
    "gemcitabine": "1000 mg/m2",
    "cyclophosphamide": "500 mg/m2",
    "fludarabine": "30 mg/m2",
}
TISSUES = tuple(imo.load_model("radiotherapy").variants)


def drug(name, **values):
    """Return one drug, with values of its own."""
    return imo.load_model("chemotherapy", variant=name).with_values(**values)


def radiation(variant=None, **values):
    """Return radiotherapy, with values of its own."""
    return imo.load_model("radiotherapy", variant=variant).with_values(**values)


def solved(model, regimen=None, **options):
    """Return a simulation that came to its end."""
    if "until" in options:
        options["times"] = daily(options.pop("until"))
    run = imo.simulate(model, regimen, **options)
    run.raise_for_status()
    return run


def one_dose(name, start=0):
    """Return one standard dose of a drug."""
    return imo.Regimen().dose(name, DOSES[name], over="1 hour", start=start)


def fractions(dose, days):
    """Return fractions of radiotherapy on some days."""
    regimen = imo.Regimen()
    for day in days:
        regimen = regimen.dose("radiotherapy", f"{dose} Gy", start=day)
    return regimen


# Published numbers


@pytest.mark.parametrize("row", spread(PAGE.ROWS, 12), ids=lambda row: row.quantity)
def test_a_number_agrees_with_what_was_published(row):
    assert row.low <= row.compute() <= row.high


def test_the_page_is_up_to_date():
    assert PAGE.TABLE.read_text(encoding="utf-8") == PAGE.page(), "run docs/terms_plausibility.py"


# Chemotherapy


@pytest.mark.parametrize("name", DOSES)
def test_a_drug_kills_tumour_cells_and_lymphocytes_and_is_gone_after_a_month(name):
    model = imo.combine("tumour_immune", drug(name))
    idle, run = (solved(model, regimen, until=30) for regimen in (None, one_dose(name)))
    assert 0.97 < run["lymphocytes"][30] / run["lymphocytes"][:12].min() < 3
    assert run["lymphocytes"].min() < 0.93 * idle["lymphocytes"].min()
    assert run["tumour"][10] < 0.99 * idle["tumour"][10]
    assert run[f"{name}_central"][30] < 1e-6
    assert run[f"{name}_effect"][30] < 1e-3 * run[f"{name}_effect"].max()


@pytest.mark.slow
def test_every_tumour_and_every_lymphocyte_compartment_suffers():
    model = imo.combine("tumour_immune", "car_t", drug("cyclophosphamide"))
    cells = imo.Regimen().dose("car_t", "3e8 cells", start=-20)
    states = [n for n, c in model.compartments.items() if {"tumour", "lymphocyte"} & set(c.roles)]
    regimens = (cells, cells + one_dose("cyclophosphamide"))
    idle, run = (solved(model, regimen, times=[3], start=-20, outputs=states) for regimen in regimens)
    assert len(states) > 5
    for name in states:
        assert run[name][0] < 0.99 * idle[name][0] or idle[name][0] < 1, name


def test_killed_cells_are_doomed_and_die_late():
    model = imo.combine("tumour_immune", drug("docetaxel", immunogenicity=0.0)).with_values(
        doomed_death_rate=0.02,
        clearance_rate=0.02,
        growth_rate=0.0005,
        turnover_rate=0.005,
        kill_rate=0.1,
        priming_rate=10,
        recruitment_rate=0,
    )
    idle, run = (solved(model, regimen, until=3) for regimen in (None, one_dose("docetaxel")))
    lost = idle["tumour"][3] - run["tumour"][3]
    assert run["doomed"][3] == pytest.approx(lost, rel=0.05)  # some died within the three days
    late = solved(model, one_dose("docetaxel"), times=[30, 400])
    assert late["doomed"][1] < 1e-3 * late["doomed"][0]


def test_resistant_cells_that_a_drug_spares_release_no_antigen():
    def antigen(**values):
        resistant = imo.load_model("clone", variant="chemoresistant").with_values(initial_fraction=0.5, **values)
        model = imo.combine("tumour_immune", drug("cyclophosphamide"), resistant)
        idle, run = (solved(model, regimen, times=[0, 2.0]) for regimen in (None, one_dose("cyclophosphamide")))
        return run["antigen"][1] - idle["antigen"][1]

    assert antigen(chemoresistance=1.0) == pytest.approx(0.5 * antigen(chemoresistance=0.0), rel=0.05)


def test_immunogenic_death_releases_antigen_and_cyclophosphamide_more_than_platinum():
    def antigen(name, **values):
        run = solved(imo.combine("tumour_immune", drug(name, **values)), one_dose(name), until=10)
        return run["antigen"].max()

    assert antigen("cyclophosphamide") > 1.1 * antigen("cyclophosphamide", immunogenicity=0.0)
    strength = {name: imo.combine(drug(name)).parameters[f"{name}_immunogenicity"].value for name in DOSES}
    assert strength["cyclophosphamide"] == max(strength.values()) > 3 * strength["cisplatin"] > 0


def test_kill_saturates():
    model = imo.combine("tumour_immune", drug("cisplatin"))
    outputs = ["cisplatin_kill"]
    single, tenfold = (
        solved(model, imo.Regimen().dose("cisplatin", f"{dose} mg", over="1 hour"), until=20, outputs=outputs)
        for dose in (135, 1350)
    )
    kill = [np.trapezoid(run["cisplatin_kill"], run.times) for run in (single, tenfold)]
    assert 2 < kill[1] / kill[0] < 8
    assert tenfold["cisplatin_kill"].max() < 0.3  # the largest kill


def test_two_drugs_act_independently():
    both = imo.combine("kuznetsov1994", drug("cisplatin"), drug("pemetrexed")).with_values(kill_rate=0, inverse_capacity=1e-13)
    given = [None, one_dose("cisplatin"), one_dose("pemetrexed"), one_dose("cisplatin") + one_dose("pemetrexed")]
    none, first, second, pair = (np.log(solved(both, r, until=20, rtol=1e-9)["tumour"][20]) for r in given)
    assert pair - none == pytest.approx((first - none) + (second - none), rel=1e-5)


@pytest.mark.parametrize(("filtration", "area"), [(90, 5.0), (50, 115 / 75 * 5.0), (120, 115 / 145 * 5.0)])
def test_the_area_of_carboplatin_follows_calvert(filtration, area):
    model = imo.combine("tumour_immune", drug("carboplatin"))
    times = np.union1d(np.arange(0, 1, 0.001), np.arange(1, 8, 0.05))
    patient = {"glomerular_filtration": filtration}
    run = solved(model, one_dose("carboplatin"), times=times, parameters=patient, outputs=["carboplatin_concentration"])
    assert 1.44 * np.trapezoid(run["carboplatin_concentration"], times) == pytest.approx(area, rel=2e-3)


@pytest.mark.parametrize("name", ["cisplatin", "docetaxel", "paclitaxel"])
def test_a_dose_by_surface_area_gives_everybody_the_same_exposure(name):
    model, times = imo.combine("tumour_immune", drug(name)), np.arange(0, 10, 0.005)
    areas = [
        np.trapezoid(solved(model, one_dose(name), times=times, parameters={"surface_area": size})[f"{name}_concentration"])
        for size in (1.5, 2.2)
    ]
    assert areas[0] == pytest.approx(areas[1], rel=1e-2)


def test_lymphodepletion_leaves_less_than_a_fifth_and_they_come_back():
    count = PAGE.lymphocytes("lymphodepletion")
    assert count.min() < 0.2
    assert 3 <= count.argmin() <= 9
    assert count[21] < 0.6 and count[120] > 0.9


# Radiotherapy


def surviving(regimen, at, **values):
    """Return the share of tumour cells that radiation leaves, nothing else acting on them."""
    model = imo.combine("kuznetsov1994", radiation(**values)).with_values(kill_rate=0, inverse_capacity=1e-13)
    treated, idle = (solved(model, r, times=[0, at], rtol=1e-10)["tumour"][-1] for r in (regimen, None))
    return treated / idle


@pytest.mark.parametrize("tissue", TISSUES)
@pytest.mark.parametrize("dose", [1.8, 8.0])
def test_a_fraction_follows_the_linear_quadratic_law(tissue, dose):
    p = radiation(tissue).parameters
    alpha, ratio = p["alpha"].value, p["alpha_beta_ratio"].value
    model = imo.combine("kuznetsov1994", radiation(tissue)).with_values(kill_rate=0, inverse_capacity=1e-13)
    treated, idle = (solved(model, r, times=[1.0], rtol=1e-10)["tumour"][0] for r in (None, fractions(dose, [0])))
    assert idle / treated == pytest.approx(np.exp(-alpha * dose * (1 + dose / ratio)), rel=1e-6)


@pytest.mark.parametrize("days", [(0, 0.25), (0, 0.05, 0.1), (0, 0.01, 0.3, 0.31)])
def test_close_fractions_follow_lea_and_catcheside(days):
    alpha, beta, half, dose = 0.2, 0.02, 0.06, 2.0
    mu = np.log(2) / half
    pairs = sum(np.exp(-mu * (b - a)) for i, a in enumerate(days) for b in days[i + 1 :])
    quadratic = beta * dose**2 * (len(days) + 2 * pairs)  # beta G D^2 of acute fractions
    left = surviving(fractions(dose, days), 1.0, alpha=alpha, alpha_beta_ratio=alpha / beta, repair_half_time=half)
    assert left == pytest.approx(np.exp(-alpha * dose * len(days) - quadratic), rel=1e-6)


def test_fractions_at_one_time_are_one_fraction_as_large():
    # the second finds the first unrepaired: alpha (a + b) + beta (a + b)^2
    assert surviving(fractions(2, [0, 0]), 1.0) == pytest.approx(surviving(fractions(4, [0]), 1.0), rel=1e-6)


def test_daily_fractions_are_as_good_as_independent():
    left = surviving(fractions(2, range(10)), 11.0)
    assert left == pytest.approx(np.exp(-0.2 * 2 * (1 + 2 / 10) * 10), rel=1e-5)


def test_biologically_effective_dose_says_how_many_survive():
    left = surviving(fractions(3, range(5)), 6.0)
    assert -np.log(left) / 0.2 == pytest.approx(5 * 3 * (1 + 3 / 10), rel=1e-5)


def test_irradiated_cells_are_doomed_at_once():
    model = imo.combine("tumour_immune", "car_t", "radiotherapy")
    before, after = (solved(model, r, times=[1e-9]) for r in (None, fractions(6, [0])))
    for tumour in (n for n, c in model.compartments.items() if "tumour" in c.roles):
        assert after[tumour][0] == pytest.approx(before[tumour][0] * np.exp(-0.2 * 6 * 1.6), rel=1e-6)
    total = [run["tumour_cells"][0] + run["doomed"][0] for run in (before, after)]
    assert total[0] == pytest.approx(total[1], rel=1e-9)


def test_lymphocytes_lose_their_share_of_the_dose():
    model = imo.combine("tumour_immune", radiation(lymphocyte_share=0.1, lymphocyte_alpha=0.4))
    run = solved(model, fractions(2, [1.0]), times=[0.999999, 1.000001])
    for name in ("lymphocytes", "memory", "effectors", "exhausted"):
        assert run[name][1] / run[name][0] == pytest.approx(np.exp(-0.4 * 0.1 * 2), rel=1e-4)


def test_radiation_makes_dying_cells_more_immunogenic_for_weeks_only():
    dull, vivid = (
        solved(imo.combine("tumour_immune", radiation(immunogenicity=i)), fractions(2, range(5)), until=120)["antigen"]
        for i in (0.0, 0.5)
    )
    assert vivid[10] > 1.1 * dull[10]
    assert vivid[120] == pytest.approx(dull[120], rel=0.05)


# Together


def test_cisplatin_sensitises_only_with_the_interaction_and_only_while_it_acts():
    def kill(day, *interaction):
        model = imo.combine("kuznetsov1994", drug("cisplatin"), "radiotherapy", *interaction)
        around = [day - 1e-6, day + 1e-6]
        run = solved(model, one_dose("cisplatin") + fractions(2, [day]), times=around)
        return -np.log(run["tumour"][1] / run["tumour"][0])

    alone = 0.2 * 2 * 1.2
    assert kill(0.5) == pytest.approx(alone, rel=1e-3)
    assert kill(0.5, "radiosensitisation") > 1.1 * alone
    assert kill(20, "radiosensitisation") == pytest.approx(alone, rel=1e-3)


@pytest.mark.parametrize("name", spread([*DOSES, "radiotherapy"], 3))
def test_any_values_within_bounds_solve(name):
    term = radiation() if name == "radiotherapy" else drug(name)
    model = imo.combine("tumour_immune", term)
    regimen = fractions(8, [0, 0.01, 1]) if name == "radiotherapy" else one_dose(name) + one_dose(name, start=21)
    random = np.random.default_rng(7)
    for _ in range(5):
        values = {
            key: random.uniform(*p.bounds) for key, p in model.parameters.items() if key.startswith(f"{name}_") and p.bounds
        }
        run = solved(model.with_values(**values), regimen, until=60, outputs=list(model.compartments))
        assert np.isfinite(run.values).all() and run.values.min() >= 0
