"""Every form of dosing against its closed form, on both engines and both methods."""

import numpy as np
import pytest

import immunoode as imo
from immunoode.model.components import Compartment, Derived, Flow, Input, Parameter
from immunoode.regimen.schedule import Schedule
from tests.solve_models import base
from tests.test_solve_exact import TIGHT, linear, ways

OUT, UP, SHARE, LAG = 0.3, 1.7, 0.6, 0.25


def oral():
    """Return absorption of the first order: a depot, a central and a peripheral compartment, a lag, a bioavailability."""
    return base(
        "oral",
        {"out": OUT, "up": UP, "away": 0.0, "back": 0.2, "share": (SHARE, "1"), "lag": Parameter(LAG, "day")},
        {"depot": 0.0, "central": 0.0, "peripheral": 0.0, "other": 5.0},
        {
            "absorption": Flow("depot", "central", per_capita="up"),
            "elimination": Flow("central", per_capita="out"),
            "distribution": Flow("central", "peripheral", per_capita="away"),
            "coming_back": Flow("peripheral", "central", per_capita="back"),
            "elsewhere": Flow("", "other", rate="share * other * 0.1 * back"),
        },
        inputs={"oral": Input("depot", "1", "share", "lag"), "vein": Input("central", "1")},
    )


def one(rows):
    """Return the schedule of (time, input, amount, duration, action, steady) rows, as long as each is."""
    full = [(*row, *(0, "", 0, 0, "dose", 0)[len(row) :]) for row in rows]
    t, i, a, d, actions, steady = zip(*full, strict=True)
    return Schedule(np.array(t, float), i, np.array(a, float), np.array(d, float), actions, np.array(steady, float))


def run(rows, times, way, parameters=None):
    return imo.simulate(oral(), one(rows), times=times, parameters=parameters, **way, **TIGHT)


def absorbed(t, dose):
    """Return the central amount after one oral dose at time 0 (Bateman)."""
    t = np.maximum(t, 0)
    return dose * UP / (UP - OUT) * (np.exp(-OUT * t) - np.exp(-UP * t))


T = np.linspace(0, 9.7, 98)


@ways
def test_first_order_absorption_with_lag_and_bioavailability(way):
    found = run([(0, "oral", 10), (2, "oral", 5)], T, way)["central"]
    assert np.allclose(found, absorbed(T - LAG, 10 * SHARE) + absorbed(T - 2 - LAG, 5 * SHARE), rtol=1e-8, atol=1e-9)


@ways
def test_zero_order_absorption_is_an_infusion(way):
    found = run([(1, "vein", 10, 2.5)], T, way)["central"]
    during, after = np.clip(T - 1, 0, 2.5), np.maximum(T - 3.5, 0)
    assert np.allclose(found, 4 / OUT * -np.expm1(-OUT * during) * np.exp(-OUT * after), rtol=1e-8, atol=1e-9)


@ways
def test_steady_state_of_boluses(way):
    found = run([(1, "vein", 10, 0, "dose", 2.0)], T, way)["central"]
    peak = 10 / -np.expm1(-OUT * 2)
    assert np.allclose(found, np.where(T < 1, 0, peak * np.exp(-OUT * (T - 1))), rtol=1e-8, atol=1e-9)


@ways
@pytest.mark.parametrize("duration", [0.5, 2.0, 3.5, 7.25])
def test_steady_state_of_infusions_also_longer_than_the_interval(way, duration):
    found = run([(1, "vein", 10, duration, "dose", 2.0)], T, way)["central"]
    wanted, rate = np.zeros(len(T)), 10 / duration
    for dose in range(400):  # written out, from long ago
        since = T - 1 + 2.0 * dose
        wanted += rate / OUT * -np.expm1(-OUT * np.clip(since, 0, duration)) * np.exp(-OUT * np.maximum(since - duration, 0))
    assert np.allclose(found, np.where(T < 1, 0, wanted), rtol=1e-8, atol=1e-9)


@ways
def test_steady_state_of_an_infusion_without_end(way):
    found = run([(1, "vein", 6, np.inf, "dose", np.inf)], T, way)["central"]
    assert np.allclose(found, np.where(T < 1, 0, 6 / OUT * np.exp(-OUT * (T - 1))), rtol=1e-8, atol=1e-9)


@ways
def test_steady_state_with_absorption_and_lag(way):
    found = run([(1, "oral", 10, 0, "dose", 2.0)], T, way)["central"]
    wanted = sum(absorbed(T - 1 - LAG + 2.0 * k, 10 * SHARE) for k in range(200))
    assert np.allclose(found, np.where(T < 1, 0, wanted), rtol=1e-8, atol=1e-9)


@ways
def test_what_does_not_exchange_with_the_drug_stays_where_it_is(way):
    with_dose, without = (run(rows, T, way)["other"] for rows in ([(1, "vein", 10, 0, "dose", 2.0)], [(1, "vein", 0)]))
    assert np.allclose(with_dose, without, rtol=1e-8)


@ways
def test_replace_multiply_and_reset(way):
    rows = [
        (0, "vein", 10),
        (1, "vein", 4, 0, "replace"),
        (2, "vein", 0.5, 0, "multiply"),
        (3, "vein", 8, 2.0),
        (4, "", 0, 0, "reset"),
        (4, "vein", 1),
    ]
    found = run(rows, T, way)["central"]
    decay = np.exp(-OUT * T)
    wanted = np.select(
        [T < 1, T < 2, T < 3, T < 4],
        [
            10 * decay,
            4 * decay / np.exp(-OUT),
            2 * decay / np.exp(-OUT),
            2 * decay / np.exp(-OUT) + 4 / OUT * -np.expm1(-OUT * (T - 3)),
        ],
        decay / np.exp(-OUT * 4),
    )
    assert np.allclose(found, wanted, rtol=1e-8, atol=1e-9)


@ways
def test_a_reset_gives_every_compartment_its_initial_value(way):
    first, before, after = run([(4, "", 0, 0, "reset")], [0, 3.9, 4], way)["other"]
    assert first == after == 5.0 < before


@ways
def test_a_covariate_that_changes(way):
    found = run([(0, "out", 0.1, 0, "set"), (0, "vein", 10), (2, "out", 0.5, 0, "set")], T, way)["central"]
    assert np.allclose(found, 10 * np.exp(-0.1 * np.minimum(T, 2) - 0.5 * np.maximum(T - 2, 0)), rtol=1e-8, atol=1e-9)


def test_outputs_use_the_parameters_of_their_time():
    model = base(
        "changing",
        {"rate": 1.0, "unit": Parameter(1.0, "day")},
        {"amount": Compartment("1", "rate * unit")},
        {"loss": Flow("amount", per_capita="0 * rate")},
        derived={"twice": Derived("2 * rate", "1/day")},
    )
    rows = [(-1, "rate", 3, 0, "set"), (2, "rate", 5, 0, "set")]
    found = imo.simulate(model, one(rows), times=[0, 1, 2, 3], start=-1)
    assert found["twice"].tolist() == [6, 6, 10, 10]
    assert found["amount"].tolist() == [3, 3, 3, 3]


@ways
def test_records_of_one_time_are_carried_out_in_their_order(way):
    rows = [(1, "vein", 10), (1, "vein", 2, 0, "multiply"), (1, "vein", 3)]
    assert run(rows, [0, 1], way)["central"][1] == pytest.approx(23)
    assert run(rows[::-1], [0, 1], way)["central"][1] == pytest.approx(16)


@pytest.mark.parametrize("method", ["tsit5", "rodas5p", "auto"])
def test_no_steady_state_is_a_status(method):
    with pytest.warns(RuntimeWarning, match="no steady state"):
        found = run([(1, "vein", 10, 0, "dose", 2.0)], T, {"method": method}, {"out": 0.0})
    assert not found.ok and np.isfinite(found["central"][T < 1]).all()


def test_two_compartments_at_steady_state():
    from tests.solve_models import two_compartments

    schedule = one([(0, "dose", 100, 0.5, "dose", 3.0)])
    times = np.linspace(0, 9, 37)
    found = imo.simulate(two_compartments(), schedule, times=times, outputs=["central", "peripheral"], **TIGHT)
    earlier = [(-3.0 * k, "dose", 100, 0.5) for k in range(300)]
    assert np.allclose(found.values[0], linear(times, earlier), rtol=1e-8)
