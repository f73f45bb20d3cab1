"""What one call costs: `simulate` and prepared, values and derivatives, one subject; SciPy with sensitivities written by hand.

`--before PYTHON` names the interpreter of an installation of an earlier version, whose `simulate` is measured beside.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MODEL = Path(__file__).parent / "models" / "predator_prey.toml"
TIMES = np.linspace(0.0, 20.0, 21)
YEAR = np.arange(0.0, 366.0)
RATES = ("growth", "predation", "conversion", "mortality")
VARY = (*RATES, "initial(prey)", "initial(predator)")
SAMPLE, ROUNDS = 0.1, 15
"""Seconds that one sample lasts at least, and how many of each there are."""
TEXT = """Processor time of one call for one subject, in one thread, the values changed from call to call. Lotka and Volterra's
model has two states; 21 times, relative tolerance 1e-6; derivatives are by its four rates and both initial values. SciPy
solves the states with the twelve equations of their sensitivities, written by hand and compiled by Numba. The shipped model is
`tumour_immune` with pembrolizumab, nine infusions, one output on each day of a year; derivatives are by two rates."""

Call = Callable[[int], Any]


def main() -> None:
    """Print the table."""
    from tools.results import show
    from tools.timing import one_processor

    one_processor()
    calls = {**plain(), **prepared(), **scipy_calls()}
    seconds = measured(calls)
    before = _before()
    rows = []
    for name, found in seconds.items():
        old = before.get(name)
        earlier = f"{1e3 * old:.3g}" if old else ""
        rows.append((name, f"{1e3 * found:.3g}", f"{1 / found:,.0f}", earlier, f"{old / found:.1f} x" if old else ""))
    columns = ("call", "ms", "calls per second", "ms before", "gain")
    show("call_overhead", "What one call costs", TEXT, columns, rows)


def plain() -> dict[str, Call]:
    """Return calls of `simulate`; an earlier version has these too."""
    import immunoode as imo

    small, large, regimen = _models(imo)
    values, rate = _values(RATES, small), large.parameters["growth_rate"].value

    def given(k: int) -> dict[str, float]:
        return dict(zip(RATES, values[k].tolist(), strict=True))

    return {
        "Lotka-Volterra: simulate": lambda k: imo.simulate(
            small, times=TIMES, parameters=dict(zip(RATES, values[k], strict=True))
        ),
        "Lotka-Volterra: simulate, 6 derivatives": lambda k: imo.simulate(
            small, times=TIMES, parameters=given(k), sensitivities=VARY
        ),
        "tumour_immune + pembrolizumab: simulate": lambda k: imo.simulate(
            large, regimen, times=YEAR, parameters={"growth_rate": rate * (1 + 1e-3 * k)}, outputs="sum_of_diameters"
        ),
    }


def prepared() -> dict[str, Call]:
    """Return prepared calls."""
    import immunoode as imo

    small, large, regimen = _models(imo)
    one = imo.prepare(small, times=TIMES, vary=VARY)
    values = _around(one.values)
    many = imo.prepare(large, regimen, times=YEAR, vary=["growth_rate", "kill_rate"], outputs="sum_of_diameters")
    others = _around(many.values)
    return {
        "Lotka-Volterra: prepared": lambda k: one(values[k]),
        "Lotka-Volterra: prepared, 6 derivatives": lambda k: one(values[k], derivatives=True),
        "tumour_immune + pembrolizumab: prepared": lambda k: many(others[k]),
        "tumour_immune + pembrolizumab: prepared, 2 derivatives": lambda k: many(others[k], derivatives=True),
    }


def scipy_calls() -> dict[str, Call]:
    """Return SciPy's solvers on the states and their sensitivities."""
    from numba import njit
    from scipy.integrate import odeint, solve_ivp

    @njit
    def rates(y: Any, t: float, a: float, b: float, c: float, d: float) -> Any:
        out, x, p = np.empty(14), y[0], y[1]
        out[0], out[1] = a * x - b * x * p, c * x * p - d * p
        direct = ((x, 0.0), (-x * p, 0.0), (0.0, x * p), (0.0, -p), (0.0, 0.0), (0.0, 0.0))
        for k in range(6):
            u, v = y[2 + 2 * k], y[3 + 2 * k]
            out[2 + 2 * k] = (a - b * p) * u - b * x * v + direct[k][0]
            out[3 + 2 * k] = c * p * u + (c * x - d) * v + direct[k][1]
        return out

    @njit
    def turned(t: float, y: Any, a: float, b: float, c: float, d: float) -> Any:
        return rates(y, t, a, b, c, d)

    values = _around(np.array([0.7, 0.1, 0.05, 0.6, 10.0, 5.0]))
    start = np.zeros((len(values), 14))
    start[:, :2], start[:, 10], start[:, 13] = values[:, 4:], 1.0, 1.0
    how = {"rtol": 1e-6, "atol": 1e-8}
    return {
        "Lotka-Volterra: SciPy odeint, 6 derivatives": lambda k: odeint(rates, start[k], TIMES, tuple(values[k, :4]), **how),
        "Lotka-Volterra: SciPy solve_ivp, LSODA, 6 derivatives": lambda k: solve_ivp(
            turned, (0.0, 20.0), start[k], "LSODA", TIMES, args=tuple(values[k, :4]), **how
        ),
    }


def measured(calls: dict[str, Call]) -> dict[str, float]:
    """Return seconds of processor time per call: the best of some rounds, in which calls take turns."""
    counts = {name: max(1, round(SAMPLE / _sample(call, 3))) for name, call in calls.items()}
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for name, call in calls.items():
            best[name] = min(best[name], _sample(call, counts[name]))
    return best


def _sample(call: Call, count: int) -> float:
    call(0)
    begin = time.process_time()
    for k in range(count):
        call(k % 100)
    return (time.process_time() - begin) / count


def _before() -> dict[str, float]:
    """Return what calls cost in an earlier version, by the interpreter after --before."""
    if "--before" not in sys.argv:
        return {}
    command = [sys.argv[sys.argv.index("--before") + 1], __file__, "--plain"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _models(imo: Any) -> tuple[Any, Any, Any]:
    large = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=9, over="30 min")
    return imo.read_model(MODEL), large, regimen


def _values(names: tuple[str, ...], model: Any) -> np.ndarray:
    return _around(np.array([model.parameters[name].value for name in names]))


def _around(values: np.ndarray) -> np.ndarray:
    """Return a hundred sets of values near some."""
    return values * np.random.default_rng(1).uniform(0.99, 1.01, (100, len(values)))


if __name__ == "__main__":
    if "--plain" in sys.argv:
        print(json.dumps(measured(plain())))
    else:
        main()
