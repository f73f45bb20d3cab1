"""Solutions that are known in closed form: doses, infusions, their times and order, on both engines and both methods."""

import numpy as np
import pytest

import immunoode as imo
from immunoode.errors import SolveError
from tests.solve_models import cells, decay, schedule, two_compartments

TIGHT = {"rtol": 1e-11, "atol": 1e-13}
WAYS = [{"method": "tsit5"}, {"method": "rodas5p"}, {"method": "auto"}, {"engine": "scipy"}]
ways = pytest.mark.parametrize("way", WAYS, ids=lambda w: "-".join(w.values()))


def linear(times, rows):
    """Return central and peripheral amounts by matrix exponentials; an infusion is a difference of two endless ones."""
    matrix = np.array([[-0.5, 0.2], [0.3, -0.2]])
    values, vectors = np.linalg.eig(matrix)
    inverse = np.linalg.inv(vectors)

    def bolus(t, amount):
        modes = np.exp(np.outer(np.maximum(t, 0), values)) * (inverse @ [amount, 0])
        return np.where(t < 0, 0, 1)[:, None] * (modes @ vectors.T)

    def endless(t, rate):
        u = np.maximum(t, 0)
        return (np.expm1(np.outer(u, values)) / values * (inverse @ [rate, 0])) @ vectors.T

    found = np.zeros((len(times), 2))
    for time, _, amount, *duration in rows:
        if duration:
            rate = amount / duration[0]
            found += endless(times - time, rate) - endless(times - time - duration[0], rate)
        else:
            found += bolus(times - time, amount)
    return found


@ways
def test_linear_pharmacokinetics(way):
    rows = [(0, "dose", 100), (3, "dose", 50, 0.5), (3.25, "dose", 20, 2.0), (7, "dose", 10), (7, "dose", 30)]
    rows.append((10.3, "dose", 5))
    times = np.sort(np.append(np.linspace(0, 20, 81), [3.0, 3.125, 3.5, 5.25, 10.3]))
    run = imo.simulate(two_compartments(), schedule(*rows), times=times, outputs=["central", "peripheral"], **way, **TIGHT)
    assert np.abs(run.values[0] - linear(times, rows)).max() < 1e-8


@ways
def test_a_report_at_a_dose_shows_the_state_after_it(way):
    run = imo.simulate(decay(), schedule((0, "dose", 2), (1, "dose", 3), (2, "dose", 4)), times=[0, 1, 2], **way, **TIGHT)
    first = 3.0
    second = first * np.exp(-1) + 3
    assert np.allclose(run["amount"], [first, second, second * np.exp(-1) + 4], rtol=1e-9)


@ways
def test_times_between_and_repeated(way):
    times = [0.0, 0.5, 0.5, 1.75, 1.75]
    run = imo.simulate(decay(), times=times, **way, **TIGHT)
    assert np.allclose(run["amount"], np.exp(-np.array(times)), rtol=1e-9)


@ways
def test_start_elsewhere(way):
    run = imo.simulate(decay(), schedule((-1, "dose", 1)), start=-2, times=[-2, -1, 0], **way, **TIGHT)
    assert np.allclose(run["amount"], [1, np.exp(-1) + 1, np.exp(-2) + np.exp(-1)], rtol=1e-9)


@ways
def test_a_pulse_sees_the_state_before_the_dose_and_conserves(way):
    """Two fractions at one time are applied one after the other, each to what the one before left."""
    run = imo.simulate(cells(0.0), schedule((1, "fraction", 1.0), (1, "fraction", 2.0)), times=[0, 1, 3], **way, **TIGHT)
    assert np.allclose(run["tumour"], 1000 * np.exp([0, -4, -6]), rtol=1e-9)
    assert np.allclose(run["total"], 1000, rtol=1e-10)


@ways
def test_extinction_is_exact_zero_from_the_crossing_on(way):
    crossing = np.log(1000 / 5)
    times = [crossing - 1e-6, crossing + 1e-6, 20]
    run = imo.simulate(cells(5.0), times=times, **way, **TIGHT)
    assert run["tumour"][0] == pytest.approx(5.0, rel=1e-5)
    assert run["tumour"][1] == run["tumour"][2] == 0.0
    assert run["debris"][2] == pytest.approx(995.0, rel=1e-6)
    free = imo.simulate(cells(5.0), times=times, extinction=False, **way, **TIGHT)
    assert free["tumour"][1] == pytest.approx(1000 * np.exp(-times[1]), rel=1e-8)


@ways
def test_a_pulse_can_be_the_end_and_inflow_a_new_start(way):
    model = cells(5.0)
    gone = imo.simulate(model, schedule((1, "fraction", 10.0)), times=[0.99, 1, 2], **way)
    assert gone["tumour"][0] > 300 and gone["tumour"][1] == gone["tumour"][2] == 0.0
    again = imo.simulate(model.with_values(arrival=100.0), schedule((1, "fraction", 20.0)), times=[1, 2, 30], **way, **TIGHT)
    assert again["tumour"][0] == 0.0
    assert again["tumour"][1] == pytest.approx(100 * (1 - np.exp(-1)), rel=1e-8)
    assert again["tumour"][2] == pytest.approx(100, rel=1e-8)


def test_twins_die_together():
    """Two compartments that cross their thresholds at the same time both become zero."""
    from dataclasses import replace

    model = cells(5.0)
    twin = replace(model.compartments["tumour"])
    flow = replace(model.flows["dying"], source="twin")
    model = replace(model, compartments={**model.compartments, "twin": twin}, flows={**model.flows, "twin_dying": flow})
    run = imo.simulate(model, times=[0, 20], outputs=["tumour", "twin"])
    assert np.all(run.values[0, 1] == 0.0)


@pytest.mark.parametrize("method", ["tsit5", "rodas5p"])
def test_states_stay_non_negative(method):
    """A drug that is gone within hours, reported for months."""
    doses = schedule(*((21.0 * i, "dose", 1e4) for i in range(9)))
    run = imo.simulate(decay(rate=50.0, initial=0.0), doses, until=200, method=method)
    assert run["amount"].min() >= 0.0


def test_input_of_another_model():
    with pytest.raises(SolveError, match="not an input of this model; did you mean 'dose'"):
        imo.simulate(decay(), schedule((0, "doses", 1)), until=1)
