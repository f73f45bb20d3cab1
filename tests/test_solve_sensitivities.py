"""Forward sensitivities against the complex step, through doses, lags, kinks and extinction, on both methods."""

import numpy as np
import pytest

import immunoode as imo
from immunoode.errors import SolveError
from immunoode.model.closed_model import resolve
from immunoode.model.components import Compartment, Derived, Flow, Input, Parameter, Pulse
from immunoode.regimen.schedule import Schedule
from tests.long_forms import short
from tests.simulators import simulator_of
from tests.solve_models import base
from tests.test_solve_dosing import one

METHODS = ["tsit5", "rodas5p", "auto"]
methods = pytest.mark.parametrize("method", short(METHODS, ["auto"]))


def model():
    """Return a tumour with a drug that is absorbed late: a lag, a kink of the rates in state and time, a pulse, an output."""
    return base(
        "kinked",
        {
            "growth": 0.2,
            "capacity": (50.0, "1"),
            "kill": 0.5,
            "half": (2.0, "1"),
            "out": 0.7,
            "up": 3.0,
            "share": (0.8, "1"),
            "lag": Parameter(0.3, "day"),
            "late": Parameter(4.1, "day"),
            "size": (10.0, "1"),
            "part": (0.1, "1"),
            "limit": (8.0, "1"),
        },
        {"tumour": Compartment("1", "size"), "depot": 0.0, "drug": 0.0, "dead": 0.0},
        {
            "growing": Flow("", "tumour", rate="growth * tumour * (1 - tumour / capacity)"),
            "killing": Flow("tumour", "dead", rate="piecewise(1, tumour > limit, 2) * tumour * kill * drug / (half + drug)"),
            "clearing": Flow("dead", per_capita="piecewise(out, time > late, 0.2 * out)"),
            "absorption": Flow("depot", "drug", per_capita="up"),
            "elimination": Flow("drug", per_capita="out"),
        },
        inputs={"dose": Input("depot", "1", "share", "lag"), "ray": Input("dead", "1")},
        pulses={"hit": Pulse("ray", "tumour", "1 - exp(-part * dose)", "dead", "0.5")},
        derived={"burden": Derived("tumour + growth * dead / out", "1")},
    )


ROWS = [(0.5, "dose", 6), (2, "ray", 2), (3, "dose", 4, 1.5), (5, "ray", 1), (6, "dose", 3)]
TIMES = np.array([0.0, 0.4, 1.1, 1.9, 2.5, 3.3, 3.9, 4.4, 5.3, 7.0, 9.0])
BY = [
    "growth",
    "kill",
    "out",
    "up",
    "share",
    "lag",
    "late",
    "size",
    "part",
    "limit",
    "initial(dead)",
    "amount(dose)",
    "time(ray)",
    "amount(dose, 1)",
    "time(dose, 2)",
    "amount(ray)",
]


def moved(by, h):
    """Return the model and schedule with one thing moved by h."""
    whole, rows = model(), [list(r) for r in ROWS]
    if by == "initial(dead)":
        compartments = {**whole.compartments, "dead": Compartment("1", h)}
        return imo.Model(**{**vars(whole), "compartments": compartments}), one(rows)
    if "(" in by:
        kind, rest = by.rstrip(")").split("(")
        name, *which = rest.split(", ")
        for k, row in enumerate([r for r in rows if r[1] == name]):
            if not which or int(which[0]) == k:
                row[2 if kind == "amount" else 0] += h
        return whole, one(sorted(rows, key=lambda r: r[0]))
    return whole.with_values(**{by: whole.parameters[by].value + h}), one(rows)


def values(which, method, rtol=1e-12):
    whole, schedule = which
    names = ["tumour", "dead", "burden"]
    return imo.simulate(whole, schedule, times=TIMES, method=method, rtol=rtol, atol=1e-14, outputs=names).values[0]


@methods
def test_against_differences_through_everything_that_jumps(method):
    """Central differences of tight solves: jumps, lags, kinks and moved doses have no complex step."""
    simulator = simulator_of(
        model(), [one(ROWS)], TIMES, ["tumour", "dead", "burden"], rtol=1e-10, atol=1e-12, method=method, sensitivities=BY
    )
    solution = simulator.run(np.array([resolve(model()).equations.values]))
    assert solution.ok.all()
    for k, by in enumerate(BY):
        h = 1e-4
        coarse, fine = ((values(moved(by, s), "tsit5") - values(moved(by, -s), "tsit5")) / (2 * s) for s in (2 * h, h))
        wanted = (4 * fine - coarse) / 3
        error = np.abs(solution.derivatives[0, :, k] - wanted).max() / np.abs(wanted).max()
        assert error < 2e-7, (by, error)
    assert np.allclose(solution.values[0], values((model(), one(ROWS)), "tsit5"), rtol=1e-8)


@methods
def test_against_the_complex_step(method):
    """Two coupled states in complex arithmetic by SciPy, for parameters and initial values."""
    from scipy.integrate import solve_ivp

    values = {"a": 0.9, "b": 0.3, "c": 0.4, "d": 1.1, "prey": 2.0}
    whole = base(
        "lotka_volterra",
        {**{k: v for k, v in values.items() if k != "prey"}, "prey": (2.0, "1")},
        {"x": Compartment("1", "prey"), "y": 1.0},
        {
            "birth": Flow("", "x", rate="a * x"),
            "eaten": Flow("x", rate="b * x * y"),
            "fed": Flow("", "y", rate="c * x * y * b / (b + c)"),
            "death": Flow("y", per_capita="d"),
        },
    )
    times = np.linspace(0, 8, 9)
    simulator = simulator_of(
        whole, [None], times, ["x", "y"], rtol=1e-10, atol=1e-12, method=method, sensitivities=list(values)
    )
    found = simulator.run(np.array([resolve(whole).equations.values])).derivatives[0]
    for k, name in enumerate(values):
        p = {**{n: complex(v) for n, v in values.items()}, name: values[name] + 1e-30j}

        def rates(t, u, p=p):
            x, y = u
            return [p["a"] * x - p["b"] * x * y, p["c"] * x * y * p["b"] / (p["b"] + p["c"]) - p["d"] * y]

        exact = solve_ivp(rates, (0, 8), [p["prey"], 1 + 0j], "DOP853", times, rtol=1e-13, atol=1e-14).y.imag.T / 1e-30
        assert np.abs(found[:, k] - exact).max() < 1e-6 * np.abs(exact).max()


@methods
def test_steady_state(method):
    """At steady state the amounts depend on clearance and dose in closed form."""
    from tests.test_solve_dosing import OUT, oral

    times = np.array([1.0, 1.2, 2.0, 4.0])
    simulator = simulator_of(
        oral(),
        [one([(1, "vein", 10, 0, "dose", 2.0)])],
        times,
        ["central"],
        rtol=1e-10,
        atol=1e-12,
        method=method,
        sensitivities=["out", "amount(vein)", "up"],
    )
    found = simulator.run(np.array([resolve(oral()).equations.values])).derivatives[0, :, :, 0]
    fade, s = np.exp(-2 * OUT), times - 1
    by_out = -10 * np.exp(-OUT * s) * (s / (1 - fade) + 2 * fade / (1 - fade) ** 2)
    assert np.allclose(found[:, 0], by_out, rtol=1e-7)
    assert np.allclose(found[:, 1], np.exp(-OUT * s) / (1 - fade), rtol=1e-8)
    assert np.allclose(found[:, 2], 0.0, atol=1e-9)


@methods
def test_extinction_is_carried_over(method):
    """What dies out does so at a time that depends on the parameters; from then on it is zero and so are its derivatives."""
    whole = base(
        "dying",
        {"rate": 1.0, "feed": 2.0},
        {"cells": Compartment("1", 10.0, extinct_below=1.0), "fed": 0.0},
        {"death": Flow("cells", per_capita="rate"), "feeding": Flow("", "fed", rate="feed * cells")},
    )
    simulator = simulator_of(
        whole,
        [None],
        np.array([0.0, 1.0, 2.0, 4.0]),
        ["cells", "fed"],
        rtol=1e-11,
        atol=1e-13,
        method=method,
        sensitivities=["rate", "initial(cells)"],
    )
    found = simulator.run(np.array([resolve(whole).equations.values]))
    cells, fed = found.derivatives[0, :, :, 0], found.derivatives[0, :, :, 1]
    assert cells[3].tolist() == [0.0, 0.0]
    assert np.allclose(cells[2], [-2 * 10 * np.exp(-2), np.exp(-2)], rtol=1e-8)
    # until log(10) / rate: fed = 2 (10 - 1) / rate, whatever the start adds before it begins at 10
    assert np.allclose(fed[3], [-18.0, 2.0], rtol=1e-7)


@pytest.mark.slow
def test_through_shipped_models():
    """A full combination: derivatives agree with differences of tight solves."""
    whole = imo.combine(
        "tumour_immune",
        imo.load_model("pd1_inhibitor", variant="pembrolizumab"),
        imo.load_model("chemotherapy", variant="docetaxel"),
        "radiotherapy",
    )
    regimen = (
        imo.Regimen()
        .dose("pembrolizumab", "200 mg", every="3 weeks", count=4, over="30 min")
        .dose("docetaxel", "75 mg/m2", every="3 weeks", count=4, over="1 hour")
        .dose("radiotherapy", "2 Gy", every="1 day", count=10, weekdays=True)
    )
    names = ["growth_rate", "kill_rate", "baseline_sum_of_diameters", "priming_rate"]
    times = np.linspace(0, 120, 13)
    inputs = {name: target.unit for name, target in resolve(whole).equations.inputs.items()}
    eq = resolve(whole).equations
    schedule = regimen.schedule(inputs, dict(zip(eq.parameters, eq.values, strict=True)))
    found = simulator_of(whole, [schedule], times, ["sum_of_diameters"], rtol=1e-8, sensitivities=names).run(
        np.array([eq.values])
    )
    for k, name in enumerate(names):
        at = eq.parameters.index(name)
        rows = np.tile(eq.values, (2, 1))
        rows[:, at] *= (1 + 1e-4, 1 - 1e-4)
        up, down = simulator_of(whole, [schedule] * 2, times, ["sum_of_diameters"], rtol=1e-11).run(rows).values[:, :, 0]
        wanted = (up - down) / (2e-4 * eq.values[at])
        assert np.allclose(found.derivatives[0, :, k, 0], wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize(("by", "said"), [("growht", "growth"), ("initial(tumor)", "tumour"), ("time(nothing)", "nothing")])
def test_what_is_not_there(by, said):
    with pytest.raises(SolveError, match=said):
        simulator_of(model(), [None], np.array([0.0, 1.0]), sensitivities=[by])


def test_a_parameter_that_is_set_has_no_derivative():
    with pytest.raises(SolveError, match="varies with time"):
        simulator_of(model(), [one([(1, "kill", 2, 0, "set")])], np.array([0.0, 2.0]), sensitivities=["kill"])


def test_the_reference_engine_says_so():
    with pytest.raises(SolveError, match="compiled"):
        simulator_of(
            model(),
            [Schedule(np.zeros(0), (), np.zeros(0), np.zeros(0))],
            np.array([0.0, 1.0]),
            engine="scipy",
            sensitivities=["kill"],
        )


PERIODIC = {
    "piecewise(rate, time * speed - period * floor(time * speed / period) < 0.5 * period, 0)": (
        (3.3, 4.7),
        (1, -1),
        (-3.3, 3.3),
    ),
    "piecewise(rate, floor(time * speed / period) < 2, 0)": ((5, 6.6), (0, 2), (0, -6.6)),
    "rate * piecewise(1, time * speed - period * floor(time * speed / period) < 0.5 * period, 3)": (
        (8.4, 14.6),
        (-2, 2),
        (6.6, -6.6),
    ),
}
"""Rates that switch with a floor, every 3.3 days: the state on days 5 and 8, and its derivatives by period and speed."""


@methods
@pytest.mark.parametrize("rate", PERIODIC)
def test_times_of_steps_move_with_what_they_depend_on(rate: str, method: str) -> None:
    parameters = {"rate": 1.0, "period": Parameter(3.3, "day"), "speed": (1.0, "1")}
    switching = base("switching", parameters, {"given": 0.0}, {"giving": Flow("", "given", rate=rate)})
    run = imo.simulate(switching, times=[0, 5, 8], sensitivities=["rate", "period", "speed"], method=method)
    amounts, by_period, by_speed = PERIODIC[rate]
    assert run["given"][1:] == pytest.approx(amounts, abs=1e-9)
    for name, derivatives in (("rate", amounts), ("period", by_period), ("speed", by_speed)):
        assert run.sensitivity("given", name)[1:] == pytest.approx(derivatives, abs=1e-9), name
