"""Eight patients abreast: vectors of functions, the same numbers as one by one, and nobody's numbers depend on the others."""

import ctypes

import numpy as np
import pandas as pd
import pytest
import symengine as se

import immunoode as imo
from immunoode.model.closed_model import resolve
from immunoode.model.components import Compartment, Flow, Input, Parameter
from immunoode.regimen.schedule import Schedule
from immunoode.solve.problem.codegen_simd import NotVectorised, VectorFunction
from immunoode.solve.problem.compiled_model import CompiledModel, compiled_model_of
from immunoode.solve.problem.packed_input import LANES
from tests.long_forms import spread
from tests.shipped import CASES, name_of, whole
from tests.simulators import simulator_of
from tests.solve_models import base, blow_up, decay, schedule, two_compartments

X, Y = se.symbols("x y")
SPECIAL = np.array([0.0, 1.0, -1.0, 2.0, -2.0, 3.0, 0.5, np.inf, -np.inf, np.nan, 1e-310, 1e308, 709.7, 710.0, -745.0, -746.0])


def aligned(size):
    room = np.zeros(size + LANES)
    first = (-room.ctypes.data % 64) // 8
    return room[first : first + size]


def evaluate(function, columns, count):
    """Return the outputs of a vector function at rows of inputs, (outputs, rows)."""
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)(int(function.address[0]))
    given, out, none = (aligned(LANES * n) for n in (len(columns), count, count))
    found = []
    for first in range(0, columns.shape[1], LANES):
        given.reshape(-1, LANES)[:] = columns[:, first : first + LANES]
        call(out.ctypes.data, given.ctypes.data, none.ctypes.data)
        found.append(out.reshape(-1, LANES).copy())
    return np.concatenate(found, axis=1)


def of_two(expression, x, y):
    return evaluate(VectorFunction([X, Y], [expression]), np.array([x, y]), 1)[0]


def units_in_last_place(found, exact):
    return np.max(np.abs(found - exact) / np.spacing(np.abs(exact)))


def test_exponential_and_logarithm_to_two_units_in_the_last_place():
    random = np.random.default_rng(1)
    x = np.concatenate([random.uniform(-708, 709, 4000), random.normal(size=4000)])
    assert units_in_last_place(of_two(se.exp(X), x, x), np.exp(x)) <= 2
    positive = np.concatenate([np.exp(x[:4000]), np.exp(0.1 * x[4000:])])
    assert units_in_last_place(of_two(se.log(X), positive, x), np.log(positive)) <= 2


def test_powers():
    random = np.random.default_rng(2)
    x, y = np.exp(2 * random.normal(size=8000)), 3 * random.normal(size=8000)
    size = 1 + np.abs(y * np.log(x))
    assert np.max(np.abs(of_two(X**Y, x, y) / x**y - 1) / size) < 4e-16
    for exponent in (2, 3, -1, -2, se.Rational(1, 2), se.Rational(-3, 2), 7):
        np.testing.assert_allclose(of_two(X**exponent, x, y), x ** float(exponent), rtol=4e-15)
    for exponent in (1.0, 2.0, 3.0, -3.0):  # a whole exponent that is no constant, of what is below zero
        np.testing.assert_allclose(of_two(X**Y, -x, np.full_like(y, exponent)), (-x) ** exponent, rtol=1e-14)


def test_the_edges_of_numbers():
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(of_two(se.exp(X), SPECIAL, SPECIAL), np.exp(SPECIAL), rtol=1e-14)
        np.testing.assert_allclose(of_two(se.log(X), SPECIAL, SPECIAL), np.log(SPECIAL), rtol=1e-14)
        x, y = (a.ravel() for a in np.meshgrid(SPECIAL[SPECIAL >= 0], SPECIAL))
        np.testing.assert_allclose(of_two(X**Y, *padded(x, y))[: x.size], x**y, rtol=1e-13)


def padded(*columns):
    more = -columns[0].size % LANES
    return [np.concatenate([c, np.ones(more)]) for c in columns]


def test_choices():
    x, y = np.array([-2.0, -1, 0, 1, 2, 3, np.nan, 5]), np.array([0.0, 0, 0, 2, 2, 2, 2, 5])
    chosen = se.Piecewise((1, se.And(X > 0, X < Y)), (se.Piecewise((2, se.Or(X >= 3, Y <= 0)), (3, True)), True))
    expected = np.where((x > 0) & (x < y), 1, np.where((x >= 3) | (y <= 0), 2, 3))
    assert np.array_equal(of_two(chosen, x, y), expected)
    same = se.Piecewise((1, se.Eq(X, Y)), (se.Piecewise((2, se.Ne(X, 2 * Y)), (3, True)), True))
    assert np.array_equal(of_two(same, x, y), np.where(x == y, 1, np.where(x != 2 * y, 2, 3)))


def test_what_has_no_vectors_is_told():
    with pytest.raises(NotVectorised):
        VectorFunction([X, Y], [se.sin(X)])


@pytest.mark.parametrize("case", spread(CASES, 12), ids=name_of)
def test_rates_abreast_are_rates(case):
    """At random states, eight at a time, for every model of the library."""
    eq = resolve(whole(*case)).equations
    system = compiled_model_of(eq)
    random = np.random.default_rng(3)
    rows = []
    for _ in range(2 * LANES):
        states = np.exp(random.normal(size=system.size)) * random.choice([1e-3, 1.0, 1e3], size=system.size)
        rows.append(system.packed(np.array(eq.values), random.uniform(0, 100), states))
    packed = np.array(rows)
    expected = np.array([system.rates(row) for row in packed]).T
    found = evaluate(system.lane_rates, packed.T.copy(), system.size)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12 * np.abs(expected).max())


def patients(count, seed=0):
    random = np.random.default_rng(seed)
    return pd.DataFrame({"out": random.uniform(0.05, 0.5, count), "away": random.uniform(0.1, 0.6, count)})


def test_company_changes_nothing():
    model, table = two_compartments(), patients(53)
    doses = schedule((0, "dose", 100.0), (5.5, "dose", 50.0, 3.0), (7, "dose", 80.0))
    together = imo.simulate(model, doses, until=40, parameters=table, progress=False)
    for rows in ([17], [52, 0], list(range(30, 45)), list(range(53))[::-1]):
        some = imo.simulate(model, doses, until=40, parameters=table.iloc[rows], progress=False)
        assert np.array_equal(some.values, together.values[rows])


FORMS = {
    "bolus": ((0, "dose", 10.0), (3, "dose", 5.0), (3, "dose", 1.0)),
    "infusion": ((1, "dose", 10.0, 2.0), (2, "dose", 5.0, 5.0)),
    "dose at an output": ((4, "dose", 10.0), (8, "dose", 2.0, 4.0)),
    "nothing": (),
}
ACTIONS = Schedule(
    np.array([0.0, 1, 2, 5, 6, 9]),
    ("dose",) * 4 + ("out", ""),
    np.array([10.0, 2, 1, 0.5, 0.4, 0]),
    np.array([0.0, 6, 0, 0, 0, 0]),
    ("dose", "dose", "replace", "multiply", "set", "reset"),
)
STEADY = Schedule(np.array([0.0]), ("dose",), np.array([10.0]), np.array([0.5]), steady=np.array([2.0]))
REGIMENS = {**{name: schedule(*rows) for name, rows in FORMS.items()}, "actions": ACTIONS, "steady state": STEADY}


@pytest.mark.parametrize("sensitivities", [(), ("out", "initial(central)")])
@pytest.mark.parametrize("name", REGIMENS)
def test_abreast_is_one_by_one(name, sensitivities, monkeypatch):
    """Explicit steps are those that a patient would take alone, to rounding."""
    if name == "actions" and sensitivities:
        pytest.skip("a parameter that changes has no sensitivity")
    model, times = two_compartments(), np.linspace(0, 20, 41)
    options = {"outputs": tuple(model.compartments), "rtol": 1e-9, "sensitivities": sensitivities, "method": "tsit5"}
    abreast = simulator_of(model, [REGIMENS[name]] * 11, times, **options)
    assert abreast.lane_rates is not None
    found = abreast.run(np.array(resolve(model).equations.values))
    monkeypatch.setattr(CompiledModel, "lane_rates", None)
    walked = simulator_of(model, [REGIMENS[name]], times, **options).run(np.array(resolve(model).equations.values))
    for field in ("values", "derivatives"):
        for values in getattr(found, field):
            np.testing.assert_allclose(values, getattr(walked, field)[0], rtol=1e-9, atol=1e-11)
    assert np.array_equal(found.counts, np.tile(walked.counts, (11, 1)))


def test_extinction_abreast():
    model = decay(rate=0.7, initial=50.0, extinct_below=1.0)
    run = imo.simulate(model, None, times=np.arange(0, 12, 0.25), parameters=pd.DataFrame({"rate": np.linspace(0.1, 2, 20)}))
    for rate, values in zip(np.linspace(0.1, 2, 20), run.values[:, :, 0], strict=True):
        gone = run.times > np.log(50.0) / rate
        np.testing.assert_allclose(values[~gone], 50.0 * np.exp(-rate * run.times[~gone]), rtol=1e-5)
        assert not values[gone].any()


def test_one_that_fails_leaves_the_others_alone():
    """A blow-up in finite time, in the midst of patients who live on."""
    model = blow_up()
    name = next(iter(model.parameters))
    rates = np.full(19, model.parameters[name].value)
    rates[[0, 7, 8, 18]] *= 40.0
    with pytest.warns(RuntimeWarning):
        run = imo.simulate(model, None, until=0.5, parameters=pd.DataFrame({name: rates}), progress=False)
    failed = np.array([not status.ok for status in run.status])
    assert failed.tolist() == (rates > rates.min()).tolist()
    alone = imo.simulate(model, None, until=0.5, parameters=pd.DataFrame({name: rates[1:2]}))
    assert all(np.array_equal(values, alone.values[0]) for values in run.values[~failed])


def test_too_many_steps_abreast():
    simulator = simulator_of(two_compartments(), [REGIMENS["bolus"]] * 9, np.array([0.0, 1000.0]), max_steps=5)
    run = simulator.run(np.array(resolve(two_compartments()).equations.values))
    assert not run.ok.any() and (run.counts[:, :2].sum(axis=1) == 5).all()
    assert "more steps than allowed" in run.status(3).message


def stiff(count):
    """A fast equilibrium while a drug is there, beside a slow oscillation: in some patients the drug never leaves."""
    model = base(
        "fast_and_slow",
        {"out": 0.01, "fast": 3000.0, "turn": 1.0},
        {"drug": 0.0, "quick": 0.3, "x": 1.5, "y": 0.8},
        {
            "elimination": Flow("drug", per_capita="out"),
            "made": Flow("", "quick", rate="fast * drug * x"),
            "lost": Flow("quick", per_capita="fast * drug"),
            "gain": Flow("", "x", rate="turn * (1 - y)"),
            "take": Flow("x", "y", per_capita="turn * y"),
            "fade": Flow("y", per_capita="turn"),
        },
        inputs={"dose": Input("drug", "1")},
    )
    return model, pd.DataFrame({"out": np.geomspace(0.005, 50.0, count)})


def test_stiff_patients_step_implicitly():
    model, table = stiff(14)
    doses = schedule((1, "dose", 5.0), (30, "dose", 2.0, 1.0))
    run = imo.simulate(model, doses, until=60, parameters=table, rtol=1e-7, progress=False)
    assert run.ok and run.statistics["switches"].to_numpy()[0] > 0
    other = imo.simulate(model, doses, until=60, parameters=table, rtol=1e-9, engine="scipy", progress=False)
    np.testing.assert_allclose(run.values, other.values, rtol=1e-4, atol=1e-6)


def test_sensitivities_abreast_are_those_of_closed_form():
    rates = np.linspace(0.1, 1.5, 12)
    simulator = simulator_of(
        decay(),
        [schedule((2, "dose", 3.0))] * 12,
        np.array([0.0, 1, 2, 5]),
        ("amount",),
        rtol=1e-10,
        sensitivities=["rate", "amount(dose)", "time(dose)"],
    )
    assert simulator.lane_rates is not None
    assert simulator.parameters == ("rate",)
    found = simulator.run(rates[:, None]).derivatives[:, 3, :, 0]
    early, late = np.exp(-5 * rates), np.exp(-3 * rates)
    expected = np.column_stack([-5 * early - 9 * late, late, 3 * rates * late])
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


def test_parameters_that_change_on_the_way_abreast():
    """A covariate changes on different days in different patients."""
    model = base(
        "falling",
        {"rate": Parameter(0.1, "1/day")},
        {"amount": Compartment("1", 8.0)},
        {"loss": Flow("amount", per_capita="rate")},
    )
    days = np.arange(1.0, 11.0)
    regimens = [Schedule(np.array([d]), ("rate",), np.array([1.0]), np.zeros(1), ("set",)) for d in days]
    run = simulator_of(model, regimens, np.array([0.0, 20.0]), ("amount",), rtol=1e-9).run(np.array([0.1]))
    np.testing.assert_allclose(run.values[:, 1, 0], 8 * np.exp(-0.1 * days - (20 - days)), rtol=1e-6, atol=1e-9)


def test_reactions_at_visits_abreast(monkeypatch):
    """Hold, stop, and begin anew at visits: the same days and values as one by one."""
    model = two_compartments()
    regimen = (
        imo.Regimen()
        .dose("dose", 10.0, every=1.0, count=20)
        .when("central", above=25.0, every=2.0, then="hold")
        .when("peripheral", above=60.0, every=3.0, then=imo.Regimen().dose("dose", 30.0, every=2.0, count=3, over=1.0))
    )
    table = pd.DataFrame({"out": np.linspace(0.05, 0.8, 21)})
    run = imo.simulate(model, regimen, until=40, parameters=table, method="tsit5", progress=False)
    monkeypatch.setattr(CompiledModel, "lane_rates", None)
    alone = imo.simulate(model, regimen, until=40, parameters=table, method="tsit5", progress=False)
    assert run.ok and 0 < len(run.trigger_times) < 42
    pd.testing.assert_frame_equal(run.trigger_times, alone.trigger_times)
    np.testing.assert_allclose(run.values, alone.values, rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_a_report_below_zero_beside_an_extinction():
    """In one step a state dips below zero at a report, which is set right, and another falls below its threshold."""
    import tests.test_solve_random as random_combinations

    model, regimen = random_combinations.drawn(123)
    assert random_combinations.agreement(model, regimen) < 1e-5


def switched(time_in_rates=True):
    """A stiff model of three states, of which one also depends on time."""
    course = "fast * (1 + 0.5 * exp(-slow_rate * time)) * slow" if time_in_rates else "fast * slow"
    return base(
        "three",
        {"fast": 800.0, "slow_rate": 0.3, "return_rate": 0.1},
        {"slow": 1.0, "quick": 0.2, "third": 0.5},
        {
            "fade": Flow("slow", "third", rate="slow_rate * slow * slow / (1 + quick)"),
            "made": Flow("", "quick", rate=course),
            "lost": Flow("quick", per_capita="fast * (1 + third)"),
            "back": Flow("third", "slow", per_capita="return_rate"),
        },
        inputs={"dose": Input("slow", "1")},
    )


@pytest.mark.parametrize("time_in_rates", [False, True])
@pytest.mark.parametrize("sensitivities", [(), ("fast", "slow_rate", "initial(slow)", "amount(dose)")])
def test_implicit_steps_abreast_are_those_one_by_one(sensitivities, time_in_rates, monkeypatch):
    model, times = switched(time_in_rates), np.linspace(0, 12, 25)
    doses = schedule((2, "dose", 3.0), (5, "dose", 1.0, 2.0))
    options = {"outputs": tuple(model.compartments), "rtol": 1e-8, "sensitivities": sensitivities, "method": "rodas5p"}
    values = np.array(resolve(model).equations.values)
    found = simulator_of(model, [doses] * 11, times, **options).run(values)
    monkeypatch.setattr(CompiledModel, "lane_rates", None)
    alone = simulator_of(model, [doses], times, **options).run(values)
    assert found.ok.all() and (found.counts[:, :2] == alone.counts[0, :2]).all()
    np.testing.assert_allclose(found.values[10], alone.values[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.derivatives[10], alone.derivatives[0], rtol=1e-7, atol=1e-12)


def test_a_matrix_that_has_no_pivots_on_its_diagonal():
    """Where elimination without exchanges fails, a step is shortened until the diagonal dominates."""
    model = base(
        "growth",
        {"up": 4.0},
        {"x": 1.0, "y": 1.0},
        {"grow": Flow("", "x", rate="up * x"), "gain": Flow("", "y", rate="up * x - up * y")},
    )
    run = imo.simulate(model, None, times=[0.0, 1.0], method="rodas5p", rtol=1e-8)
    np.testing.assert_allclose(run["x"][1], np.exp(4.0), rtol=1e-6)


def test_company_changes_nothing_of_implicit_steps():
    model, table = stiff(19)
    doses = schedule((1, "dose", 5.0), (30, "dose", 2.0, 1.0))
    together = imo.simulate(model, doses, until=60, parameters=table, progress=False)
    for rows in ([7], [18, 0], list(range(3, 14))):
        some = imo.simulate(model, doses, until=60, parameters=table.iloc[rows], progress=False)
        assert np.array_equal(some.values, together.values[rows])
