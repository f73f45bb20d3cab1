"""The base model: fates of a tumour, the start, the two brakes, lymphocytes, and parameters anywhere within their bounds."""

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.model.closed_model import resolve
from tests.days import daily

BASE = "tumour_immune"
STATES = ["tumour", "doomed", "dying", "antigen", "memory", "effectors", "exhausted", "stroma", "lymphocytes"]
PD1 = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=35, over="30 min")
ONE_YEAR = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=17, over="30 min")
CTLA4 = imo.Regimen().dose("ipilimumab", "3 mg/kg", every="3 weeks", count=4, over="90 min")


def size(regimen=None, variant=None, until="1 year", **parameters):
    """Return the sum of diameters over time with both antibodies in the model."""
    antibodies = (
        imo.load_model("pd1_inhibitor", variant="pembrolizumab"),
        imo.load_model("ctla4_inhibitor", variant="ipilimumab"),
    )
    model = imo.combine(imo.load_model(BASE, variant=variant), *antibodies)
    return imo.simulate(model, regimen, times=daily(until), parameters=parameters)["sum_of_diameters"]


def draws(model, count, seed=1):
    """Return parameters drawn evenly within their bounds, on a logarithm where they are positive."""
    generator = np.random.default_rng(seed)
    columns = {}
    for name, parameter in model.constants.items():
        low, high = parameter.bounds
        u = generator.random(count)
        columns[name] = low * (high / low) ** u if low > 0 else low + (high - low) * u
    return pd.DataFrame(columns)


def test_elimination():
    run = imo.simulate(imo.load_model(BASE, variant="elimination"), until="3 years")
    assert run["tumour"][-1] == 0.0


@pytest.mark.slow
def test_equilibrium_holds_an_occult_tumour_for_decades_and_no_larger_one():
    later = size(variant="equilibrium", until="20 years")[730:]
    assert later.min() > 1 and later.max() < 10
    assert abs(later[-1] / later[-365] - 1) < 0.01
    assert size(variant="equilibrium", until="15 years", baseline_sum_of_diameters=150)[-1] > 200


def test_escape():
    assert size(variant="escape", until="5 years")[-1] > 200
    assert size(PD1, variant="escape")[-1] > 1.2 * 70


@pytest.mark.parametrize("variant", [None, "equilibrium", "escape", "melanoma"])
def test_the_start_is_near_the_quasi_steady_state(variant):
    model = imo.load_model(BASE, variant=variant)
    run = imo.simulate(model, times=[0, 1], rtol=1e-9)
    assert np.isclose(run["sum_of_diameters"][0], model.covariates["baseline_sum_of_diameters"].value, rtol=1e-12)
    for state in ("dying", "antigen", "memory", "effectors", "exhausted"):
        first, second = run[state]
        assert abs(second / first - 1) < 0.05, state


def test_without_killing_the_start_stays_but_for_growth():
    parameters = {"kill_rate": 0.1, "growth_rate": 0.0005, "pd1_inhibition": 30}
    run = imo.simulate(BASE, until="100 days", parameters=parameters)
    for state in ("dying", "antigen", "memory", "effectors", "exhausted", "stroma", "lymphocytes"):
        assert np.allclose(run[state], run[state][0], rtol=0.06), state


def test_growth_is_logistic_where_there_are_no_effectors():
    parameters = {"priming_rate": 10, "recruitment_rate": 0, "kill_rate": 0.1, "capacity": 1e11}
    run = imo.simulate(BASE, until="5 years", parameters=parameters, rtol=1e-9)
    first = run["tumour"][0]
    exact = 1e11 / (1 + (1e11 / first - 1) * np.exp(-0.006 * run.times))
    assert np.allclose(run["tumour"], exact, rtol=1e-4)


def test_pd1_blockade_gives_a_response_of_a_tumour_that_grows_untreated():
    treated, untreated = size(PD1), size()
    assert untreated[-1] > 1.5 * 70
    assert treated[21] > 0.9 * 70  # nobody responds in three weeks
    assert treated[126] < 0.7 * 70  # RECIST: partial response


def test_small_tumours_respond_and_large_ones_do_not():
    best = [size(PD1, baseline_sum_of_diameters=mm).min() / mm for mm in (20, 70, 200)]
    assert best[0] < best[1] + 0.1 < best[2]
    assert best[1] < 0.7 < best[2]


def test_a_response_outlasts_treatment():
    course = size(ONE_YEAR, until="4 years")
    assert course[365] < 0.7 * 70
    assert course[-1] < course[365]


def test_debulking_leaves_what_t_cells_can_hold():
    """Smaller at the start of blockade, smaller ever after."""
    later = [size(PD1, until="2 years", baseline_sum_of_diameters=mm)[-1] for mm in (100, 140, 180)]
    assert later == sorted(later)


def test_an_infiltrated_tumour_swells_before_it_shrinks():
    inflamed = {
        "priming_rate": 4e4,
        "infiltrate_volume": 60,
        "clearance_rate": 0.03,
        "growth_rate": 0.02,
        "suppression_strength": 5,
    }
    treated, untreated = size(PD1, **inflamed), size(**inflamed)
    assert treated[42] > 1.2 * 70  # RECIST: progression
    assert treated[42] > untreated[42]
    assert treated[200] < 0.7 * 70


def test_a_tumour_with_regulatory_release_grows_faster_under_blockade():
    hyper = {"regulatory_release": 30, "pd1_inhibition": 0.1, "priming_rate": 5e4, "suppression_strength": 3}
    treated, untreated = size(PD1, **hyper), size(**hyper)
    assert np.log(treated[120] / 70) > 1.3 * np.log(untreated[120] / 70)


def test_covariates_act_in_their_published_direction():
    def shrinkage(**covariates):
        return size(PD1, **covariates)[84]

    assert shrinkage(pdl1_score=0.8) < shrinkage() < shrinkage(previously_treated=1)
    assert shrinkage(mutational_burden=25) < shrinkage() < shrinkage(lactate_dehydrogenase=900)


def test_ctla4_blockade_adds():
    alone, single, both = size(CTLA4)[120], size(PD1)[120], size(PD1 + CTLA4)[120]
    assert alone < size()[120]
    assert both < 0.9 * single


def test_melanoma_gains_more_from_ctla4_blockade_than_the_default():
    def gain(variant):
        return size(CTLA4, variant)[120] / size(variant=variant)[120]

    assert gain("melanoma") < gain(None) - 0.03


def test_priming_depends_modestly_on_the_lymphocyte_count():
    model = imo.combine(BASE)
    assert np.allclose(imo.simulate(model, until="120 days")["lymphocytes"], 1500)
    found = resolve(model).equations
    values = dict(zip(found.parameters, found.values, strict=True))
    full, tenth, none = (float(found.outputs["lymphocyte_support"].subs({"lymphocytes": n, **values})) for n in (1500, 150, 0))
    assert (full, none) == (1.0, 0.0)
    assert 0.2 < tenth < 0.4


@pytest.mark.slow
def test_any_parameters_within_their_bounds_solve():
    antibodies = (
        imo.load_model("pd1_inhibitor", variant="pembrolizumab"),
        imo.load_model("ctla4_inhibitor", variant="ipilimumab"),
    )
    model = imo.combine(BASE, *antibodies)
    patients = draws(model, 300)
    states = list(model.compartments)
    run = imo.simulate(model, [PD1 + CTLA4] * 300, times=daily("2 years"), parameters=patients, outputs=states)
    run.raise_for_status()
    assert np.isfinite(run.values).all()
    assert run.values.min() >= 0


def test_both_engines_agree():
    runs = [imo.simulate(BASE, until="1 year", engine=e, rtol=1e-9, outputs=STATES).values for e in ("compiled", "scipy")]
    assert np.allclose(*runs, rtol=1e-6)


def test_an_absent_tumour_is_no_trouble():
    model = imo.load_model(BASE)
    run = imo.simulate(
        model, until="3 years", parameters={"baseline_sum_of_diameters": 5, "priming_rate": 1e7, "surveillance": 1}
    )
    assert run["tumour"][-1] == 0.0
    assert np.isfinite(run.values).all()
    assert run["sum_of_diameters"][-1] < 0.5  # stroma


def test_lung_cancer_of_stage_3_shrinks_for_months_after_radiotherapy():
    course = imo.Regimen().dose("radiotherapy", "2 Gy", every="1 day", count=30, weekdays=True)
    days = [0, 42, 90, 150]
    sizes = {}
    for variant in ("lung_cancer", "lung_cancer_stage_3"):
        base = imo.load_model("tumour_immune", variant=variant)
        sizes[variant] = imo.simulate(base, times=days)["sum_of_diameters"]
        treated = imo.simulate(imo.combine(base, "radiotherapy"), course, times=days)["sum_of_diameters"]
        assert np.all(np.diff(treated) < 0) and treated[-1] < 0.7 * treated[0]
    assert sizes["lung_cancer"][0] == pytest.approx(70) and sizes["lung_cancer_stage_3"][0] == pytest.approx(65)
    assert all(1.2 < size[-1] / size[0] < 2 for size in sizes.values())
