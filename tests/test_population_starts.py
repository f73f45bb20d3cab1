"""Population fits that have more than one place to end: two modes of a subject's effects, starts far off, several starts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import FitError
from immunoode.population.conditional_modes import conditional_modes, search_other_modes
from tests.long_forms import spread
from tests.population_models import decay_model, decays, theophylline_model

HOURS = np.array([0.25, 0.5, 1, 2, 4, 8, 12, 24])


def absorbed(rates: list[tuple[float, float]], seed: int = 0) -> pd.DataFrame:
    """Return concentrations of 320 mg in 30 L by rates of absorption and elimination per hour, which could be either."""
    random, rows = np.random.default_rng(seed), []
    for i, (ka, ke) in enumerate(rates):
        c = 320 / 30 * ka / (ka - ke) * (np.exp(-ke * HOURS) - np.exp(-ka * HOURS))
        noisy = c * np.exp(0.05 * random.normal(size=len(c)))
        rows += [(f"s{i}", h / 24, "concentration", v, "mg/L") for h, v in zip(HOURS, noisy, strict=True)]
    return pd.DataFrame(rows, columns=["subject", "time", "quantity", "value", "unit"])


@pytest.fixture(scope="module")
def alike():
    """Return a fit of subjects of whom some absorb about as slowly as they eliminate: both rates could be either."""
    random = np.random.default_rng(3)
    rates = [(0.5 * np.exp(0.5 * random.normal()), 0.15 * np.exp(0.5 * random.normal())) for _ in range(12)]
    how = {"random": ["ka", "cl", "v"], "regimens": imo.Regimen().dose("dose", "320 mg"), "error": "proportional"}
    model = theophylline_model().with_values(ka=12.0, cl=100.0, v=30.0)
    return imo.fit_population(model, absorbed(rates), method="focei", progress=False, **how)


def swapped(model, parameters, eta) -> np.ndarray:
    """Return effects at which rates of absorption and elimination have changed places, the curve being the same."""
    mean = model.effects.means(parameters.beta)
    ka, cl, v = (mean + eta).T
    ke = cl - v
    return np.column_stack([ke, cl, v + ke - ka]) - mean


@pytest.mark.slow
def test_a_second_search_brings_subjects_out_of_the_worse_of_two_modes(alike):
    """In a population that is wide enough for both, all are put in the mode with the rates swapped, and come back."""
    model, parameters = alike.population_model, replace(alike.estimates, omega=np.diag([0.3, 0.3, 0.3]))
    right = conditional_modes(model, parameters, alike.modes.eta, 80)
    stuck = conditional_modes(model, parameters, swapped(model, parameters, right.eta), 80)
    worse = stuck.minus_two_log_joint > right.minus_two_log_joint + 1.0
    assert worse.sum() >= 5
    found, gain = search_other_modes(model, parameters, stuck)
    assert (gain[worse] > 1.0).all() and (found.minus_two_log_joint <= right.minus_two_log_joint + 1e-3).all()
    again, more = search_other_modes(model, parameters, found)
    assert more.sum() == 0 and (again.eta == found.eta).all()


@pytest.mark.slow
def test_two_modes_do_not_keep_a_fit_from_its_optimum(alike):
    """Where subjects stay in the mode that they are found in first, the fit ends 46 units higher, with the rates mixed up."""
    assert alike.success and alike.values["ka"] == pytest.approx(12, rel=0.3)
    assert alike.values["v"] == pytest.approx(30, rel=0.1)
    assert alike.objective == pytest.approx(-169.785, abs=0.05)


@pytest.mark.parametrize("far", spread([1 / 50, 50], 1))
def test_a_start_far_off_ends_where_a_near_one_does(far):
    data = decays(12, seed=2)
    how = {"random": ["rate", "amount"], "start": 0.0, "method": "focei", "progress": False}
    near = imo.fit_population(decay_model(), data, **how)
    away = imo.fit_population(decay_model(), data, initial={"rate": 0.2 * far, "amount": 10 * far}, **how)
    assert away.success and away.objective == pytest.approx(near.objective, abs=0.01)


@pytest.mark.slow
def test_several_starts_are_compared_and_the_best_is_returned(tmp_path):
    data = decays(10, seed=4)
    how = {"random": ["rate", "amount"], "start": 0.0, "method": "focei", "progress": False}
    one = imo.fit_population(decay_model(), data, **how)
    many = imo.fit_population(decay_model(), data, starts=3, **how)
    assert one.starts is None and len(many.starts) == 3 and many.starts.agreeing == 3
    assert many.objective == pytest.approx(one.objective, abs=0.01)
    assert "3 of 3 starts ended at this optimum" in many.report()
    table = many.starts.to_frame()
    assert table["rise"].iloc[0] == 0 and set(table.columns) == {"start", "rise", "converged", "rate", "amount"}
    back = imo.load_fit(many.save(tmp_path / "many.fit"))
    assert back.starts is not None and back.starts.to_frame().equals(table) and back.report() == many.report()
    with pytest.raises(FitError, match="starts: is 0"):
        imo.fit_population(decay_model(), data, starts=0, **how)


@pytest.mark.slow
def test_a_population_fit_that_misses_the_shape_says_so():
    """Amounts that swing about a decay, which no subject's own rate can follow."""
    days = np.arange(0.5, 12, 1.0)
    rows = [
        (f"s{i}", t, "drug", 10 * np.exp(-(0.1 + 0.02 * i) * t) * (1 + 0.4 * np.sin(1.2 * t)), "mg")
        for i in range(6)
        for t in days
    ]
    data = pd.DataFrame(rows, columns=["subject", "time", "quantity", "value", "unit"])
    found = imo.fit_population(decay_model(), data, random=["rate", "amount"], start=0.0, method="focei", progress=False)
    line = next(line for line in found.warnings() if "lack of fit of drug" in line)
    assert "starts=8" in line
    good = imo.fit_population(decay_model(), decays(10), random=["rate", "amount"], start=0.0, method="focei", progress=False)
    assert not any("lack of fit" in line for line in good.warnings())
