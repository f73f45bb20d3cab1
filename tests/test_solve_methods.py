"""Order of convergence of both methods and of their interpolants; stiffness, and switching in both directions."""

import numpy as np
import pytest
from scipy.integrate import LSODA, RK45, Radau

import immunoode as imo
from immunoode.solve.integrator import lu, rodas5p, tsit5
from immunoode.solve.integrator.jit import entry
from immunoode.solve.integrator.native import evaluate_rates
from immunoode.solve.problem.packed_input import STATES_AT, TIME_AT
from immunoode.solve.problem.run import run_of_one
from tests.simulators import simulator_of
from tests.solve_models import base, binding, robertson, schedule


def swinging():
    """Return a system with time in its rates: a' = -a b + cos t / 5, b' = a - b, from (1, 0.5)."""
    from immunoode.model.components import Flow

    return base(
        "swinging",
        {"one": 1.0, "clock": (1.0, "1/day")},
        {"a": 1.0, "b": 0.5},
        {
            "loss": Flow("a", per_capita="one * b"),
            "push": Flow("", "a", rate="0.2 * one * cos(clock * time)"),
            "follow": Flow("", "b", rate="one * a"),
            "fade": Flow("b", per_capita="one"),
        },
    )


factorise, substitute = entry(lu.factorise.py_func), entry(lu.substitute.py_func)
attempt_explicit, explicit_interpolant = tsit5.attempt, tsit5.interpolant
attempt_implicit, implicit_interpolant, renew_jacobian = rodas5p.attempt, rodas5p.interpolant, rodas5p.renew_jacobian


@entry
def step_explicit(run):
    own = run.progress
    attempt_explicit(evaluate_rates, run, 0, own.y[0], own.t[0], own.size[0])
    explicit_interpolant(run, 0)


@entry
def step_implicit(run):
    own = run.progress
    renew_jacobian(run, 0)
    attempt_implicit(run, 0, own.y[0], own.t[0], own.size[0])
    implicit_interpolant(run, 0)


STEP = {tsit5: step_explicit, rodas5p: step_implicit}


class Stepper:
    """One method with its room, stepping by fixed lengths."""

    def __init__(self, method):
        self.simulator, self.method = simulator_of(swinging(), [None], np.array([0.0, 1.0])), method
        self.system = self.simulator.system
        self.packed = self.system.packed(np.array(self.system.equations.values))
        self.engine = run_of_one(self.simulator, self.packed)
        self.engine.progress.latest[0] = 1e9
        self.dense = self.engine.work.dense

    def step(self, t, y, h):
        own, n = self.engine.progress, y.size
        own.t[0], own.size[0], own.y[0, :n] = t, h, y
        self.packed[TIME_AT], self.packed[STATES_AT : STATES_AT + n] = t, y
        self.engine.work.slope[:n] = self.system.rates(self.packed)
        STEP[self.method](self.engine)
        return self.engine.work.trial[:n].copy()

    def run(self, steps, end=2.0):
        """Return the state at the end, and the interpolant in the middle of the last step."""
        y, h = np.array([1.0, 0.5]), end / steps
        for i in range(steps):
            y = self.step(i * h, y, h)
        return y, np.polynomial.polynomial.polyval(0.5, self.dense[:, : y.size])


@pytest.fixture(scope="module")
def exact():
    run = imo.simulate(swinging(), times=[0, 1.95, 1.975, 2.0], engine="scipy", rtol=1e-13, atol=1e-14, outputs=["a", "b"])
    return run.values[0]


@pytest.mark.slow
@pytest.mark.parametrize("method", [tsit5, rodas5p], ids=["tsit5", "rodas5p"])
def test_order_of_convergence(method):
    stepper = Stepper(method)
    truth, _ = stepper.run(2000)
    errors = [np.abs(stepper.run(n)[0] - truth).max() for n in (10, 20, 40)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(orders > 4.6), orders


@pytest.mark.slow
@pytest.mark.parametrize("method", [tsit5, rodas5p], ids=["tsit5", "rodas5p"])
def test_order_of_the_interpolant(method):
    """Inside one step of length h from the start, the error of a fourth-order interpolant falls as h^5."""
    errors = []
    for h in (0.2, 0.1, 0.05):
        stepper, start = Stepper(method), np.array([1.0, 0.5])
        stepper.step(0.0, start, h)
        middle = np.polynomial.polynomial.polyval(0.3, stepper.dense[:, :2])
        errors.append(np.abs(middle - Stepper(method).run(400, 0.3 * h)[0]).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(orders > 4.3), orders


@pytest.mark.parametrize("method", [tsit5, rodas5p], ids=["tsit5", "rodas5p"])
def test_the_interpolant_meets_the_step(method):
    stepper = Stepper(method)
    start = np.array([1.0, 0.5])
    end = stepper.step(0.0, start, 0.3)
    assert np.allclose(stepper.dense[0, :2], start, rtol=1e-14)
    assert np.allclose(stepper.dense.sum(axis=0)[:2], end, rtol=1e-13)


def test_linear_systems():
    rng = np.random.default_rng(1)
    for n in (1, 2, 5, 12):
        scale = 10.0 ** rng.integers(-9, 9, n)
        matrix = rng.normal(size=(n, n)) * scale[:, None] / scale
        right, factors, rows, out = rng.normal(size=n) * scale, matrix.copy(), np.zeros(n, np.int64), np.zeros(n)
        assert factorise(factors, rows, np.zeros(n))
        substitute(factors, rows, right, out)
        assert np.allclose(matrix @ out / scale, right / scale, rtol=1e-9, atol=1e-9)
    for hopeless in (np.zeros((2, 2)), np.array([[np.nan, 1], [1, 1]]), np.ones((2, 2))):
        assert not factorise(hopeless.copy(), np.zeros(2, np.int64), np.zeros(2))


def test_robertson_against_radau():
    times = 10.0 ** np.arange(-2, 6)
    run = imo.simulate(robertson(), times=times, rtol=1e-8, atol=1e-12)
    run.raise_for_status()
    assert run.statistics.loc[0, "switches"] >= 1 and run.statistics.loc[0, "steps"] < 1500
    from scipy.integrate import solve_ivp

    def rates(t, y):
        first, second, third = 0.04 * y[0], 3e7 * y[1] ** 2, 1e4 * y[1] * y[2]
        return [third - first, first - second - third, second]

    known = solve_ivp(rates, (0, times[-1]), [1, 0, 0], "Radau", times, rtol=1e-11, atol=1e-14).y.T
    assert np.allclose(run.values[0], known, rtol=1e-6, atol=1e-11)
    assert np.allclose(run.values[0].sum(axis=1), 1, rtol=1e-9)


@pytest.mark.parametrize("method", ["auto", "rodas5p"])
def test_fast_binding_with_doses(method):
    doses = schedule(*((21.0 * i, "dose", 10.0, 0.02) for i in range(8)))
    run = imo.simulate(binding(), doses, until=180, method=method)
    slow = imo.simulate(binding(), doses, until=180, method="tsit5")
    assert np.allclose(run.values, slow.values, rtol=1e-5, atol=1e-7)
    assert run.statistics.loc[0, "evaluations"] < slow.statistics.loc[0, "evaluations"] / 10


def test_it_switches_back():
    """Stiff while a drug is there, and plain growth once it is gone."""
    from immunoode.model.components import Flow, Input

    model = base(
        "sometimes_stiff",
        {"out": 1.0, "fast": 2000.0, "turn": 6.0, "one": 1.0},
        {"drug": 0.0, "quick": 0.5, "x": 1.5, "y": 0.8},
        {
            "elimination": Flow("drug", per_capita="out"),
            "made": Flow("", "quick", rate="fast * drug"),
            "lost": Flow("quick", per_capita="fast * drug"),
            "gain": Flow("", "x", rate="turn * (1 - y)"),
            "take": Flow("x", "y", per_capita="turn * y"),
            "fade": Flow("y", per_capita="turn"),
        },
        inputs={"dose": Input("drug", "1")},
    )
    run = imo.simulate(model, schedule((1, "dose", 5.0), (60, "dose", 5.0)), until=120, rtol=1e-7)
    assert run.ok and run.statistics.loc[0, "switches"] >= 2  # there and back
    other = imo.simulate(model, schedule((1, "dose", 5.0), (60, "dose", 5.0)), until=120, engine="scipy", rtol=1e-10)
    assert np.allclose(run.values, other.values, rtol=1e-3, atol=1e-5)


def test_powers_of_what_is_not_there_yet():
    """The derivative of (a x) ** p at x = 0 is a number, though not in the form p (a x) ** p / x: implicit steps need it."""
    from immunoode.model.components import Flow, Input

    model = base(
        "power",
        {"out": 1.0, "half": (2.0, "1"), "steep": (1.7, "1")},
        {"drug": 0.0, "effect": 0.0},
        {
            "elimination": Flow("drug", per_capita="out"),
            "acting": Flow("", "effect", rate="out * (3 * drug / half) ** steep / (1 + (3 * drug / half) ** steep)"),
        },
        inputs={"dose": Input("drug", "1")},
    )
    runs = [imo.simulate(model, schedule((1, "dose", 5.0)), until=9, method=m, rtol=1e-9) for m in ("rodas5p", "tsit5")]
    assert runs[0].ok and np.allclose(runs[0].values, runs[1].values, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"solver": imo.SolverOptions(), "rtol": 1e-8}, r"rtol: is given together with solver=SolverOptions"),
        ({"method": LSODA}, 'state engine="scipy" as well'),
        ({"method": int, "engine": "scipy"}, "int is not a step method of SciPy"),
        ({"method": "lsoda"}, "is 'lsoda'"),
    ],
)
def test_options_that_cannot_be(options, says):
    with pytest.raises(imo.errors.SolveError, match=says):
        imo.simulate("tumour_immune", until=1, **options)


@pytest.mark.parametrize("method", [Radau, RK45])
def test_the_reference_engine_steps_with_any_method_of_scipy(method):
    solver = imo.SolverOptions(engine="scipy", method=method, rtol=1e-8)
    regimen = imo.Regimen().dose("pembrolizumab", "200 mg", over="30 min")
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    found, expected = (imo.simulate(model, regimen, until=20, solver=s, outputs=["tumour"]) for s in (solver, None))
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-4)
