"""NIST's reference datasets of nonlinear regression (StRD), through our own path from table to estimate.

Data, starts and certified values: https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml (in the public domain).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.fitting.observations import FloatArray
from immunoode.model.components import Compartment, Derived, Flow, Parameter
from immunoode.model.model import Model
from tests.long_forms import spread

X = "(time / day)"


@dataclass(frozen=True)
class Case:
    """A data set: y = `expr` of x and b1, b2, ...; starts, certified values, their standard errors, and the sum of squares."""

    expr: str
    x: list[float]
    y: list[float]
    starts: list[list[float]]
    certified: list[float]
    errors: list[float]
    squares: float


PRESSURE = [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0]
VOLUME = [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78]
CASES = {
    "Misra1a": Case(
        "b1 * (1 - exp(-b2 * x))",
        PRESSURE,
        VOLUME,
        [[500, 1e-4], [250, 5e-4]],
        [2.3894212918e2, 5.5015643181e-4],
        [2.7070075241, 7.2668688436e-6],
        1.2455138894e-1,
    ),
    "Misra1b": Case(
        "b1 * (1 - (1 + b2 * x / 2) ** (-2))",
        PRESSURE,
        VOLUME,
        [[500, 1e-4], [300, 2e-4]],
        [3.3799746163e2, 3.9039091287e-4],
        [3.1643950207, 4.2547321834e-6],
        7.5464681533e-2,
    ),
    "Rat43": Case(
        "b1 / (1 + exp(b2 - b3 * x)) ** (1 / b4)",
        [float(i) for i in range(1, 16)],
        [16.08, 33.83, 65.80, 97.20, 191.55, 326.20, 386.87, 520.53, 590.03, 651.92, 724.93, 699.56, 689.96, 637.56, 717.41],
        [[100, 10, 1, 1], [700, 5, 0.75, 1.3]],
        [6.9964151270e2, 5.2771253025, 7.5962938329e-1, 1.2792483859],
        [1.6302297817e1, 2.0828735829, 1.9566123451e-1, 6.8761936385e-1],
        8.7864049080e3,
    ),
    "Lanczos3": Case(
        "b1 * exp(-b2 * x) + b3 * exp(-b4 * x) + b5 * exp(-b6 * x)",
        [0.05 * i for i in range(24)],
        [
            2.5134,
            2.0443,
            1.6684,
            1.3664,
            1.1232,
            0.9269,
            0.7679,
            0.6389,
            0.5338,
            0.4479,
            0.3776,
            0.3197,
            0.2720,
            0.2325,
            0.1997,
            0.1723,
            0.1493,
            0.1301,
            0.1138,
            0.1000,
            0.0883,
            0.0783,
            0.0698,
            0.0624,
        ],
        [[1.2, 0.3, 5.6, 5.5, 6.5, 7.6], [0.5, 0.7, 3.6, 4.2, 4, 6.3]],
        [8.6816414977e-2, 9.5498101505e-1, 8.4400777463e-1, 2.9515951832, 1.5825685901, 4.9863565084],
        [1.7197908859e-2, 9.7041624475e-2, 4.1488663282e-2, 1.0766312506e-1, 5.8371576281e-2, 3.4436403035e-2],
        1.6117193594e-8,
    ),
    "DanWood": Case(
        "b1 * x ** b2",
        [1.309, 1.471, 1.490, 1.565, 1.611, 1.680],
        [2.138, 3.421, 3.597, 4.340, 4.882, 5.660],
        [[1, 5], [0.7, 4]],
        [7.6886226176e-1, 3.8604055871],
        [1.8281973860e-2, 5.1726610913e-2],
        4.3173084083e-3,
    ),
    "BoxBOD": Case(
        "b1 * (1 - exp(-b2 * x))",
        [1, 2, 3, 5, 7, 10],
        [109, 149, 149, 191, 213, 224],
        [[1, 1], [100, 0.75]],
        [2.1380940889e2, 5.4723748542e-1],
        [1.2354515176e1, 1.0455993237e-1],
        1.1680088766e3,
    ),
    "Rat42": Case(
        "b1 / (1 + exp(b2 - b3 * x))",
        [9, 14, 21, 28, 42, 57, 63, 70, 79],
        [8.930, 10.800, 18.590, 22.330, 39.350, 56.110, 61.730, 64.620, 67.080],
        [[100, 1, 0.1], [75, 2.5, 0.07]],
        [7.2462237576e1, 2.6180768402, 6.7359200066e-2],
        [1.7340283401, 8.8295217536e-2, 3.4465663377e-3],
        8.0565229338,
    ),
    "MGH09": Case(
        "b1 * (x ** 2 + x * b2) / (x ** 2 + x * b3 + b4)",
        [4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625],
        [0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246],
        [[25, 39, 41.5, 39], [0.25, 0.39, 0.415, 0.39]],
        [1.9280693458e-1, 1.9128232873e-1, 1.2305650693e-1, 1.3606233068e-1],
        [1.1435312227e-2, 1.9633220911e-1, 8.0842031232e-2, 9.0025542308e-2],
        3.0750560385e-4,
    ),
    "MGH17": Case(
        "b1 + b2 * exp(-x * b4) + b3 * exp(-x * b5)",
        [10.0 * i for i in range(33)],
        [
            0.844,
            0.908,
            0.932,
            0.936,
            0.925,
            0.908,
            0.881,
            0.850,
            0.818,
            0.784,
            0.751,
            0.718,
            0.685,
            0.658,
            0.628,
            0.603,
            0.580,
            0.558,
            0.538,
            0.522,
            0.506,
            0.490,
            0.478,
            0.467,
            0.457,
            0.448,
            0.438,
            0.431,
            0.424,
            0.420,
            0.414,
            0.411,
            0.406,
        ],
        [[50, 150, -100, 1, 2], [0.5, 1.5, -1, 0.01, 0.02]],
        [3.7541005211e-1, 1.9358469127, -1.4646871366, 1.2867534640e-2, 2.2122699662e-2],
        [2.0723153551e-3, 2.2031669222e-1, 2.2175707739e-1, 4.4861358114e-4, 8.9471996575e-4],
        5.4648946975e-5,
    ),
    "Eckerle4": Case(
        "b1 / b2 * exp(-0.5 * ((x - b3) / b2) ** 2)",
        [
            400.0,
            405.0,
            410.0,
            415.0,
            420.0,
            425.0,
            430.0,
            435.0,
            436.5,
            438.0,
            439.5,
            441.0,
            442.5,
            444.0,
            445.5,
            447.0,
            448.5,
            450.0,
            451.5,
            453.0,
            454.5,
            456.0,
            457.5,
            459.0,
            460.5,
            462.0,
            463.5,
            465.0,
            470.0,
            475.0,
            480.0,
            485.0,
            490.0,
            495.0,
            500.0,
        ],
        [
            0.0001575,
            0.0001699,
            0.0002350,
            0.0003102,
            0.0004917,
            0.0008710,
            0.0017418,
            0.0046400,
            0.0065895,
            0.0097302,
            0.0149002,
            0.0237310,
            0.0401683,
            0.0712559,
            0.1264458,
            0.2073413,
            0.2902366,
            0.3445623,
            0.3698049,
            0.3668534,
            0.3106727,
            0.2078154,
            0.1164354,
            0.0616764,
            0.0337200,
            0.0194023,
            0.0117831,
            0.0074357,
            0.0022732,
            0.0008800,
            0.0004579,
            0.0002345,
            0.0001586,
            0.0001143,
            0.0000710,
        ],
        [[1, 10, 500], [1.5, 5, 450]],
        [1.5543827178, 4.0888321754, 4.5154121844e2],
        [1.5408051163e-2, 4.6803020753e-2, 4.6800518816e-2],
        1.4635887487e-3,
    ),
    "Thurber": Case(
        "(b1 + b2 * x + b3 * x ** 2 + b4 * x ** 3) / (1 + b5 * x + b6 * x ** 2 + b7 * x ** 3)",
        [
            -3.067,
            -2.981,
            -2.921,
            -2.912,
            -2.840,
            -2.797,
            -2.702,
            -2.699,
            -2.633,
            -2.481,
            -2.363,
            -2.322,
            -1.501,
            -1.460,
            -1.274,
            -1.212,
            -1.100,
            -1.046,
            -0.915,
            -0.714,
            -0.566,
            -0.545,
            -0.400,
            -0.309,
            -0.109,
            -0.103,
            0.010,
            0.119,
            0.377,
            0.790,
            0.963,
            1.006,
            1.115,
            1.572,
            1.841,
            2.047,
            2.200,
        ],
        [
            80.574,
            84.248,
            87.264,
            87.195,
            89.076,
            89.608,
            89.868,
            90.101,
            92.405,
            95.854,
            100.696,
            101.060,
            401.672,
            390.724,
            567.534,
            635.316,
            733.054,
            759.087,
            894.206,
            990.785,
            1090.109,
            1080.914,
            1122.643,
            1178.351,
            1260.531,
            1273.514,
            1288.339,
            1327.543,
            1353.863,
            1414.509,
            1425.208,
            1421.384,
            1442.962,
            1464.350,
            1468.705,
            1447.894,
            1457.628,
        ],
        [[1000, 1000, 400, 40, 0.7, 0.3, 0.03], [1300, 1500, 500, 75, 1, 0.4, 0.05]],
        [1.2881396800e3, 1.4910792535e3, 5.8323836877e2, 7.5416644291e1, 9.6629502864e-1, 3.9797285797e-1, 4.9727297349e-2],
        [4.6647963344, 3.9571156086e1, 2.8698696102e1, 5.5675370270, 3.1333340687e-2, 1.4984928198e-2, 6.5842344623e-3],
        5.6427082397e3,
    ),
}


def model_of(case: Case, start: list[float]) -> Model:
    """Return a model whose output is the law."""
    parameters = {f"b{i + 1}": Parameter(float(v), "1") for i, v in enumerate(start)}
    return Model(
        "nist",
        "base",
        parameters={**parameters, "day": Parameter(1.0, "day", (0.5, 2.0))},
        compartments={"still": Compartment("mg", 1.0)},
        derived={"y": Derived(re.sub(r"\bx\b", X, case.expr), "1")},
    )


def fitted(model: Model, case: Case, **how: Any) -> tuple[FloatArray, FloatArray, float]:
    """Return values, standard errors and the sum of squares."""
    table = pd.DataFrame({"subject": "nist", "arm": "all", "time": case.x, "quantity": "y", "value": case.y, "unit": "1"})
    names = [f"b{i + 1}" for i in range(len(case.certified))]
    start = min(float(np.floor(min(case.x))), 0.0)
    result = imo.fit(model, table, names, error="additive", log=False, start=start, progress=False, **how)
    assert result.success
    errors = [float(result.lmfit.params[n].stderr) for n in names]
    squares = float(np.sum((result.observations.value - result.fitted) ** 2))
    return np.array([result.values[n] for n in names]), np.array(errors), squares


def agree(found: tuple[FloatArray, FloatArray, float], case: Case) -> None:
    """Six digits of each value and standard error at least (most have eight or more), eight of the sum of squares."""
    np.testing.assert_allclose(found[0], case.certified, rtol=5e-7)
    np.testing.assert_allclose(found[1], case.errors, rtol=5e-7)
    assert found[2] == pytest.approx(case.squares, rel=1e-8)


LONG = {"Eckerle4", "Lanczos3", "MGH09", "MGH17", "Thurber"}
"""Data sets that take longer."""
FARTHEST = [
    (n, 0) if i == 0 and n not in LONG else pytest.param(n, i, marks=pytest.mark.slow)
    for n, c in CASES.items()
    for i in range(len(c.starts))
]
"""NIST's first start is the farther one; from the nearer one the slow tests begin."""


@pytest.mark.parametrize(("name", "start"), FARTHEST)
def test_certified_values(name: str, start: int) -> None:
    agree(fitted(model_of(CASES[name], CASES[name].starts[start]), CASES[name]), CASES[name])


def pools(case: Case, start: list[float]) -> Model:
    """Return the sum of three exponentials as three compartments that empty: what is certified now is integrated."""
    parameters = {f"b{i + 1}": Parameter(float(v), "1" if i % 2 == 0 else "1/day") for i, v in enumerate(start)}
    compartments = {f"pool_{k}": Compartment("1", f"b{2 * k - 1}") for k in (1, 2, 3)}
    flows = {f"loss_{k}": Flow(source=f"pool_{k}", per_capita=f"b{2 * k}") for k in (1, 2, 3)}
    return Model(
        "nist",
        "base",
        parameters=parameters,
        compartments=compartments,
        flows=flows,
        derived={"y": Derived("pool_1 + pool_2 + pool_3", "1")},
    )


@pytest.mark.parametrize("start", spread([1, 0], 1))
def test_certified_values_of_what_is_integrated(start: int) -> None:
    case = CASES["Lanczos3"]
    agree(fitted(pools(case, case.starts[start]), case, rtol=1e-12), case)


def logistic(case: Case, start: list[float]) -> Model:
    """Return logistic growth from its value at x = 0, whose parameters are those of the certified curve."""
    units = ("1", "1", "1/day")
    return Model(
        "nist",
        "base",
        parameters={f"b{i + 1}": Parameter(float(v), units[i]) for i, v in enumerate(start)},
        compartments={"y": Compartment("1", "b1 / (1 + exp(b2))")},
        flows={"growth": Flow(target="y", rate="b3 * y * (1 - y / b1)")},
    )


@pytest.mark.parametrize("start", spread([0, 1], 1))
def test_certified_values_of_a_growth_law_that_is_integrated(start: int) -> None:
    case = CASES["Rat42"]
    agree(fitted(logistic(case, case.starts[start]), case, rtol=1e-12), case)
