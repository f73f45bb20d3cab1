"""A radioligand: survival after a decaying source, and beside fractions from outside."""

import numpy as np
import pytest

import immunoode as imo

pytestmark = pytest.mark.filterwarnings("ignore:.*outside their bounds")
ALPHA, BETA, REPAIR = 0.2, 0.02, np.log(2) / 0.03


def survival(regimen, *, day, **values):
    """Return the share of a tumour that neither grows nor is killed by T cells which is alive on a day."""
    frozen = imo.load_model("kuznetsov1994").with_values(growth_rate=0, kill_rate=0)
    run = imo.simulate(
        imo.combine(frozen, "radiotherapy", "radioligand"), regimen, times=[0, day], parameters=values, rtol=1e-11
    )
    return float(run["tumour"][1] / 5e6)


@pytest.mark.parametrize("gray", [2.0, 20.0])
@pytest.mark.parametrize("half_life", [0.5, 1.6875, 6.0])
def test_survival_is_that_of_a_decaying_source(gray, half_life):
    decay = np.log(2) / half_life
    effect = ALPHA * gray + BETA * gray**2 * decay / (decay + REPAIR)
    found = survival(imo.Regimen().dose("radioligand", gray), day=40 * half_life, radioligand_half_life=half_life)
    assert np.log(found) == pytest.approx(-effect, rel=1e-6)


def test_a_slow_source_spares_more_than_a_fraction_of_the_same_dose():
    slow = survival(imo.Regimen().dose("radioligand", "10 Gy"), day=60)
    fast = survival(imo.Regimen().dose("radiotherapy", "10 Gy"), day=60)
    assert np.log(fast) == pytest.approx(-(ALPHA * 10 + BETA * 100), rel=1e-6)
    assert slow > 5 * fast


def test_both_together_kill_more_than_each_for_itself():
    ligand, beam = imo.Regimen().dose("radioligand", "20 Gy"), imo.Regimen().dose("radiotherapy", "4 Gy", start=0.5)
    both, one, other = (np.log(survival(r, day=60)) for r in (ligand + beam, ligand, beam))
    assert both < one + other < 1.05 * both + 0.5
