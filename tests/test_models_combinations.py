"""Every combination of therapies works: it closes, stays non-negative, and both engines agree on it."""

import numpy as np
import pytest

import immunoode as imo
from immunoode.model.closed_model import resolve
from tests.days import daily
from tests.long_forms import spread
from tests.therapies import MODELS, SUBSETS, combined

SAMPLE = [*SUBSETS[:7:2], SUBSETS[-1]]
PUBLISHED = ("kuznetsov1994", "depillis2005", "kirschner1998")
MATTERS = 1e-5  # of a state's largest value: below it a difference is of no consequence
FEW = 10.0  # cells: what is left when the last tumour cell dies depends on the moment, and so few have no consequence


def year(model, regimen, engine, rtol=1e-9, **options):
    return imo.simulate(model, regimen, times=daily("1 year"), engine=engine, rtol=rtol, **options)


def given(model, schedule):
    """Return the largest dose into each state: a drug that is gone within hours is near zero at every daily report."""
    largest = np.zeros(len(resolve(model).equations.states))
    for name, amount in zip(schedule.inputs, schedule.amounts, strict=True):
        state = resolve(model).equations.inputs[name].state
        largest[state] = max(largest[state], amount)
    return largest


def agreement(model, regimen, rtol=1e-9):
    """Return the largest difference between the engines, relative to each state where it matters."""
    states = list(resolve(model).equations.states)
    first, second = (year(model, regimen, engine, rtol, outputs=states) for engine in ("compiled", "scipy"))
    first.raise_for_status()
    second.raise_for_status()
    a, b = first.values[0], second.values[0]
    assert np.all(a >= 0.0), [states[k] for k in np.where(a.min(axis=0) < 0)[0]]
    few = [FEW if model.compartments[s].unit == "cell" else 0.0 for s in states]
    floor = np.maximum(MATTERS * np.maximum(np.abs(b).max(axis=0), given(model, first.schedules[0])), few) + 1e-12
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(b), floor)))


@pytest.mark.parametrize("subset", SAMPLE, ids="+".join)
def test_combinations(subset):
    assert agreement(*combined(subset)) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("subset", [s for s in SUBSETS if s not in SAMPLE], ids="+".join)
def test_all_other_combinations(subset):
    assert agreement(*combined(subset)) < 1e-5


@pytest.mark.parametrize("base", spread(PUBLISHED, 1))
@pytest.mark.parametrize(
    "subset", spread([("chemotherapy", "radiotherapy"), ("chemotherapy",), ("radiotherapy",)], 1), ids="+".join
)
def test_terms_attach_to_published_models(base, subset):
    model, regimen = combined(subset, base)
    assert agreement(model, regimen) < 1e-5
    tumour = next(name for name, c in model.compartments.items() if "tumour" in c.roles)
    treated, untreated = year(model, regimen, "compiled"), year(model, None, "compiled")
    burden = np.trapezoid(treated[tumour], treated.times) / np.trapezoid(untreated[tumour], untreated.times)
    # either way: where chemotherapy hits lymphocytes harder than the tumour, the burden rises
    assert abs(burden - 1) > 1e-3


@pytest.mark.parametrize("therapy", MODELS)
def test_a_dose_changes_something_and_no_dose_nothing(therapy):
    model, regimen = combined((therapy,))
    seen = ("sum_of_diameters", "tumour_cells", "effectors", "lymphocytes")
    treated, idle = (year(model, r, "compiled", outputs=seen).values[0] for r in (regimen, None))
    alone = year(imo.combine("tumour_immune"), None, "compiled", outputs=seen).values[0]
    assert np.abs(treated[:, 1] / idle[:, 1] - 1).max() > 1e-4
    assert np.allclose(idle, alone, rtol=1e-5)
