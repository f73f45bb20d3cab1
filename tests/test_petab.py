"""PEtab version 1: a published problem against an independent evaluation, closed forms, and wrong tables."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import solve_ivp

import immunoode as imo
from immunoode.errors import DataError, SolveError
from tests.long_forms import spread
from tests.petab_problems import decay, write
from tests.published_data import data_file
from tests.sbml_texts import Made

CHOSEN = {"rho": 1.0, "kappa": 5000.0, "psi": 1e-8, "beta": 100.0, "alpha": 0.1, "delta": 1.0, "sigma_a": 100.0, "sigma_b": 0.3}


def zebrafish(values: dict[str, float], folder: Path) -> float:
    """Return the negative log-likelihood of the published problem, from its equations typed by hand."""
    p, total = values, 0.0
    measured = pd.read_csv(folder / "measurements_scaled.tsv", sep="\t")
    for condition, virus in (("vvDD", 1e9), ("ctrl", 0.0)):
        rows = measured[measured["simulationConditionId"] == condition]

        def rates(t: float, y: Any) -> list[float]:
            u, i, v = y
            free = 1 - (u + i) / p["kappa"]
            infection = p["psi"] * v * u
            infected = p["rho"] * i * free + infection - p["alpha"] * i
            return [p["rho"] * u * free - infection, infected, p["alpha"] * p["beta"] * i - infection - p["delta"] * v]

        def gone(t: float, y: Any) -> float:
            return float(y[0] - 1e-8)

        gone.terminal, gone.direction = True, -1  # type: ignore[attr-defined]
        start = [p["kappa"] / (1 + (p["kappa"] / 400 - 1) * math.exp(-p["rho"])), 0.0, virus]
        times = np.unique(rows["time"])
        options: dict[str, Any] = {"method": "Radau", "rtol": 1e-10, "atol": 1e-12, "dense_output": True}
        first = solve_ivp(rates, (0, times[-1] + 1), start, events=gone, **options)
        sums = {t: first.sol(t)[:2].sum() for t in times if t <= first.t[-1]}
        if first.t[-1] < times[-1]:
            second = solve_ivp(rates, (first.t[-1], times[-1] + 1), [0.0, *first.y[1:, -1]], **options)
            sums |= {t: second.sol(t)[:2].sum() for t in times if t > first.t[-1]}
        for time, value in zip(rows["time"], rows["measurement"], strict=True):
            noise = math.hypot(p["sigma_a"], p["sigma_b"] * sums[time])
            total -= stats.norm.logpdf(value, sums[time], noise)
    return float(total)


@pytest.mark.parametrize("values", spread([{}, CHOSEN], 1))
def test_the_published_problem(values: dict[str, float]) -> None:
    path = data_file("petab_zebrafish/baseline_model.yaml")
    problem = imo.io.read_petab(path)
    expected = zebrafish(problem.nominal() | values, path.parent)
    assert problem.objective(values) == pytest.approx(expected, rel=1e-6)
    assert len(problem.predict(values)) == 100 and problem.parameters["estimate"].all()


PARAMETERS = """
parameterId | parameterScale | lowerBound | upperBound | nominalValue | estimate | objectivePriorType | objectivePriorParameters
k | log10 | 0.01 | 10 | 0.5 | 1 | logNormal | -1;2
scale | lin | 0.1 | 10 | 2 | 1 | |
sd | log | 0.001 | 1 | 0.1 | 0 | |
start | lin | 0 | 10 | 4 | 0 | |
"""
OBSERVABLES = """
observableId | observableFormula | noiseFormula | noiseDistribution | observableTransformation
y | observableParameter1_y * A | noiseParameter1_y | normal | log10
z | log(A + 1) | sd | laplace | lin
"""
MEASUREMENTS = """
observableId | simulationConditionId | measurement | time | observableParameters | noiseParameters
y | low | 1.5 | 1 | scale | sd
y | low | 0.9 | 2 | 3 | 0.2
z | high | 0.4 | 1 | |
"""
TABLES = {
    "parameters": PARAMETERS,
    "conditions": "conditionId | A\nlow | 1\nhigh | start",
    "observables": OBSERVABLES,
    "measurements": MEASUREMENTS,
}
NOISE_1 = "observableId | observableFormula | noiseFormula\n"
ONE_K = "parameterId | parameterScale | lowerBound | upperBound | nominalValue | estimate\nk | log10 | 0.01 | 10 | 0.5 | 1"
MEASURED = "observableId | simulationConditionId | measurement | time\n"


def test_an_objective_by_hand(tmp_path: Path) -> None:
    problem = imo.io.read_petab(write(tmp_path, decay(), **TABLES))
    a = [math.exp(-0.5), math.exp(-1.0), 4 * math.exp(-0.5)]
    y = [
        stats.norm.logpdf(math.log10(m), math.log10(p), sd) - math.log(m * math.log(10))
        for m, p, sd in ((1.5, 2 * a[0], 0.1), (0.9, 3 * a[1], 0.2))
    ]
    z = stats.laplace.logpdf(0.4, math.log(a[2] + 1), 0.1)
    assert problem.objective(priors=False) == pytest.approx(-(sum(y) + z), rel=1e-6)
    prior = stats.lognorm.logpdf(0.5, 2, scale=math.exp(-1))
    assert problem.objective() == pytest.approx(-(sum(y) + z + prior), rel=1e-6)
    residuals = [(math.log10(1.5) - math.log10(2 * a[0])) / 0.1, (math.log10(0.9) - math.log10(3 * a[1])) / 0.2]
    assert problem.residuals()[:2].to_numpy() == pytest.approx(residuals, rel=1e-5)
    # by hand: d/dk of A(t) = A0 exp(-k t) is -t A, so that of log10(scale A) is -t / log(10)
    by_k = sum(r / sd * t / math.log(10) for r, sd, t in zip(residuals, (0.1, 0.2), (1, 2), strict=True))
    by_k += np.sign(0.4 - math.log(a[2] + 1)) / 0.1 * a[2] / (a[2] + 1)
    by_scale = -residuals[0] / 0.1 / (2 * math.log(10))
    assert problem.gradient(priors=False).to_dict() == pytest.approx({"k": by_k, "scale": by_scale}, rel=1e-5)
    assert problem.gradient()["k"] - by_k == pytest.approx(1 / 0.5 + (math.log(0.5) + 1) / 4 / 0.5, rel=1e-4)


@pytest.mark.parametrize("method", ["least_squares", "lbfgsb"])
def test_a_fit_finds_what_made_the_data(tmp_path: Path, method: str) -> None:
    times = np.arange(0, 10, 0.5)
    rows = [f"y | low | {3 * math.exp(-0.8 * t):.12g} | {t} | scale | 0.1" for t in times]
    head = "observableId | simulationConditionId | measurement | time | observableParameters | noiseParameters\n"
    tables = TABLES | {
        "measurements": head + "\n".join(rows),
        "parameters": PARAMETERS.replace("logNormal | -1;2", "|"),
        "observables": OBSERVABLES.replace("laplace", "normal"),
    }
    found = imo.io.read_petab(write(tmp_path, decay(), **tables)).fit(method=method, starts=2)
    assert found.success and found.values["k"] == pytest.approx(0.8, rel=1e-4)
    assert found.values["scale"] == pytest.approx(3.0, rel=1e-4)
    assert found.starts["objective"].to_numpy() == pytest.approx([found.objective] * 2)


def test_pre_equilibration_and_its_slopes(tmp_path: Path) -> None:
    """Before: s = 2, k as it is, A rests at 2 / k. Then no inflow: A = 2 / k exp(-k t); d log A / dk = -1 / k - t."""
    path = write(
        tmp_path,
        decay(),
        parameters=ONE_K,
        conditions="conditionId | s\nbefore | 2\nafter | 0",
        observables=NOISE_1 + "a | A | 0.5",
        measurements="observableId | preequilibrationConditionId | simulationConditionId | measurement | time\n"
        "a | before | after | 3 | 0\na | before | after | 1 | 2",
    )
    problem = imo.io.read_petab(path)
    expected = np.array([4.0, 4 * math.exp(-1)])
    assert problem.predict()["predicted"].to_numpy() == pytest.approx(expected, rel=1e-8)
    by_k = -((np.array([3, 1]) - expected) / 0.25) @ (expected * (-1 / 0.5 - np.array([0, 2])))
    assert problem.gradient()["k"] == pytest.approx(by_k, rel=1e-6)


def test_measurements_at_steady_state(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        decay(),
        parameters=ONE_K,
        conditions="conditionId | s\nc | 1",
        observables=NOISE_1 + "a | A | 1",
        measurements=MEASURED + "a | c | 2 | inf\na | c | 1 | 0",
    )
    problem = imo.io.read_petab(path)
    assert problem.predict()["predicted"].to_numpy() == pytest.approx([2.0, 1.0], rel=1e-9)
    assert problem.gradient({"k": 0.25})["k"] == pytest.approx(-(2 - 4) * -1 / 0.25**2, rel=1e-6)


@pytest.mark.parametrize(("law", "what"), [("s", "A still changes"), ("-k*A", "condition 'c'")])
def test_what_has_no_steady_state_is_said(tmp_path: Path, law: str, what: str) -> None:
    model = Made().compartment().parameter("k", 0.3).parameter("s", 1.0).species("A", amount=1, substance=True)
    path = write(
        tmp_path,
        model.reaction(law if law == "s" else "k*A", "", "A"),
        parameters=ONE_K,
        observables=NOISE_1 + "a | A | 1",
        measurements=MEASURED + "a | c | 2 | inf",
    )
    with pytest.raises(SolveError, match=what):
        imo.io.read_petab(path).objective()


def test_a_failure_says_which_condition_when_and_why(tmp_path: Path) -> None:
    model = Made().compartment().parameter("k", 1.0).species("A", amount=1, substance=True).reaction("k*A^2", "", "A")
    path = write(
        tmp_path,
        model,
        parameters=ONE_K,
        conditions="conditionId | A\nc | 1\nlate | 0.01",
        observables=NOISE_1 + "a | A | 1",
        measurements=MEASURED + "a | c | 2 | 5\na | late | 1 | 1",
    )
    with pytest.raises(SolveError, match=r"condition 'c' from time 0: stopped at time 2:? .*step"):
        imo.io.read_petab(path).objective()
    with pytest.raises(SolveError, match="more steps than allowed"):
        imo.io.read_petab(path).with_solver(max_steps=3).objective({"k": 0.1})
    with pytest.raises(DataError, match="did you mean 'rtol'"):
        imo.io.read_petab(path).with_solver(rtoll=1e-3)


def test_an_empty_cell_is_the_models_own_value(tmp_path: Path) -> None:
    """A starts at twice p by an initial assignment: of the condition's p, unless the condition says what it starts at."""
    model = decay().parameter("p", 1.0).initial("A", "2*p")
    path = write(
        tmp_path,
        model,
        parameters=ONE_K,
        conditions="conditionId | A | p\nown | | 3\nset | 5 | 3\nnan | NaN | ",
        observables=NOISE_1 + "a | A | 1",
        measurements=MEASURED + "a | own | 1 | 0\na | set | 1 | 0\na | nan | 1 | 0",
    )
    assert imo.io.read_petab(path).predict()["predicted"].tolist() == [6.0, 5.0, 2.0]


def test_a_constant_that_follows_another_by_an_initial_assignment(tmp_path: Path) -> None:
    model = decay().parameter("p", 1.0).parameter("q").initial("q", "2*p").initial("A", "q")
    path = write(
        tmp_path,
        model,
        parameters=ONE_K,
        conditions="conditionId | p | q\none | 3 |\ntwo | 3 | 10",
        observables=NOISE_1 + "a | A | 1",
        measurements=MEASURED + "a | one | 1 | 0\na | two | 1 | 0",
    )
    assert imo.io.read_petab(path).predict()["predicted"].tolist() == [6.0, 10.0]


def test_an_initial_assignment_that_goes_through_a_rule(tmp_path: Path) -> None:
    """q follows p by a rule and A starts at q: at 2 p of the condition's p; its slope by an estimated p is 2 as well."""
    model = decay().parameter("p", 1.0).parameter("q", constant=False).assign("q", "2*p").initial("A", "q")
    path = write(
        tmp_path,
        model,
        parameters=ONE_K,
        conditions="conditionId | p\none | 3",
        observables=NOISE_1 + "a | A | 1",
        measurements=MEASURED + "a | one | 1 | 0",
    )
    assert imo.io.read_petab(path).predict()["predicted"].tolist() == [6.0]
    path = write(
        tmp_path / "estimated",
        model,
        parameters=ONE_K + "\np | lin | 0 | 9 | 3 | 1",
        observables=NOISE_1 + "a | A | 1",
        measurements=MEASURED + "a | c | 1 | 0",
    )
    assert imo.io.read_petab(path).gradient()["p"] == pytest.approx(-(1 - 6) * 2)


def test_the_size_of_a_compartment_in_a_condition(tmp_path: Path) -> None:
    """An amount of 6 in a volume of 3 is a concentration of 2; a concentration of 1 stays one."""
    model = Made().compartment(size=1.0).parameter("k", 0.3).species("A", amount=6).species("B", concentration=1)
    model.reaction("k*c*A", "A", "B")
    path = write(
        tmp_path,
        model,
        parameters=ONE_K,
        conditions="conditionId | c\none | 3",
        observables=NOISE_1 + "a | A | 1\nb | B | 1",
        measurements=MEASURED + "a | one | 1 | 0\nb | one | 1 | 0\na | one | 1 | 2",
    )
    predicted = imo.io.read_petab(path).predict()["predicted"].to_numpy()
    assert predicted == pytest.approx([2.0, 1.0, 2 * math.exp(-1)], rel=1e-7)


def test_time_and_functions_in_formulas(tmp_path: Path) -> None:
    observables = NOISE_1 + (
        "a | time + log2(8) + 2^3^2 | 1\nb | piecewise(1, time >= 2 && A > 0, -2^2) | 1\nc | log(A, 10) + sign(-A) | abs(-a)\n"
        "unused | A | 1"
    )
    rows = "a | 1 | 1 | 2\nb | 1 | 1 | 1\nb | 1 | 1 | 2\nc | 1 | 1 | 0"
    path = write(
        tmp_path, decay(), parameters=ONE_K, conditions="conditionId\n1", observables=observables, measurements=MEASURED + rows
    )
    seen = imo.io.read_petab(path).predict()
    assert seen["predicted"].to_numpy() == pytest.approx([2 + 3 + 512, -4 + 0, 1, -1])
    assert seen["noise"].to_numpy()[3] == pytest.approx(0 + 3 + 512)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("parameterScaleUniform |", -math.log(3)),
        ("uniform |", -math.log(10 - 0.01)),
        ("parameterScaleNormal | 1;0.5", stats.norm.logpdf(math.log10(0.5), 1, 0.5)),
        ("laplace | 1;0.5", stats.laplace.logpdf(0.5, 1, 0.5)),
        ("logLaplace | 1;0.5", stats.laplace.logpdf(math.log(0.5), 1, 0.5) - math.log(0.5)),
        ("normal | 1;0.5", stats.norm.logpdf(0.5, 1, 0.5)),
    ],
)
def test_priors(tmp_path: Path, kind: str, expected: float) -> None:
    parameters = PARAMETERS.replace("logNormal | -1;2", kind)
    problem = imo.io.read_petab(write(tmp_path, decay(), **TABLES | {"parameters": parameters}))
    assert problem.log_priors()["k"] == pytest.approx(expected, rel=1e-12)
    step = 1e-6
    ends = [problem.log_priors({"k": 0.5 + sign * step})["k"] for sign in (1, -1)]
    assert problem.varied[0].prior.slope(0.5) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-8)  # type: ignore[union-attr]


def test_an_empty_nominal_value(tmp_path: Path) -> None:
    path = write(tmp_path, decay(), **TABLES | {"parameters": PARAMETERS.replace("10 | 0.5 | 1", "10 | | 1")})
    problem = imo.io.read_petab(path)
    assert math.isnan(problem.nominal()["k"]) and math.isfinite(problem.objective({"k": 0.5}))
    with pytest.raises(DataError, match="parameter 'k': has no nominal value"):
        problem.objective()
    assert math.isfinite(problem.fit(method="lbfgsb").objective)


def test_events_that_follow_estimated_parameters(tmp_path: Path) -> None:
    """A dose of d at time 1; the slope by d is exp(-k (t - 1)), taken as a difference."""
    model = decay().parameter("d", 1.0).event("time >= 1", A="A + d")
    path = write(
        tmp_path,
        model,
        parameters=ONE_K + "\nd | lin | 0 | 10 | 2 | 1",
        observables=NOISE_1 + "a | A | 1",
        measurements=MEASURED + "a | c | 1 | 3",
    )
    problem = imo.io.read_petab(path)
    expected = math.exp(-1.5) + 2 * math.exp(-1)
    assert problem.predict()["predicted"].iloc[0] == pytest.approx(expected, rel=1e-7)
    assert problem.gradient()["d"] == pytest.approx(-(1 - expected) * math.exp(-1), rel=1e-4)


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("problem.yaml", "format_version: 1", "format_version: 3", "is version 3"),
        ("problem.yaml", "[conditions.tsv]", "[]", "names no condition file"),
        ("problem.yaml", "parameters.tsv", "nothing.tsv", "names 'nothing.tsv', which does not exist"),
        ("problem.yaml", "problems:", "problems: [", "is not yaml"),
        ("parameters.tsv", "log10", "log2", "k: the scale 'log2' is unknown"),
        ("parameters.tsv", "logNormal", "cauchy", "k: the prior 'cauchy' is unknown"),
        ("parameters.tsv", "-1;2", "-1", "has the numbers '-1'"),
        ("parameters.tsv", "k\tlog10\t0.01", "k\tlog10\tlow", "lowerBound is 'low'"),
        ("parameters.tsv", "scale\tlin", "k\tlin", "parameter 'k' is repeated"),
        ("observables.tsv", "laplace", "student", "z: the distribution 'student' is unknown"),
        ("observables.tsv", "log(A + 1)", "log(A +", "ends too early"),
        ("observables.tsv", "log(A + 1)", "log(A + 1) B", "cannot be read at 'B'"),
        ("observables.tsv", "log(A + 1)", "log(B + 1)", "uses 'B', which does not exist"),
        ("observables.tsv", "log(A + 1)", "__import__(A)", "calls '__import__'"),
        ("observables.tsv", "log(A + 1)", "(" * 100 + "A" + ")" * 100, "nested too deep"),
        ("measurements.tsv", "z\thigh", "w\thigh", "measurements name 'w'"),
        ("measurements.tsv", "z\thigh", "z\tmiddle", "measurements name 'middle'"),
        ("measurements.tsv", "0.4\t1\t", "0.4\tnan\t", "the time in row 3"),
        ("measurements.tsv", "0.4\t1\t", "0,4\t1\t", "the measurement in row 3 is '0,4'"),
        ("measurements.tsv", "0.4\t1\t", "0.4\t-1\t", "before its experiment begins"),
        ("measurements.tsv", "scale\tsd", "scale;sd\tsd", "has 2 observableParameters"),
        ("measurements.tsv", "scale\tsd", "scales\tsd", "did you mean 'scale'"),
        ("measurements.tsv", "low\t1.5", "low\t-1.5", "which has no logarithm"),
        ("measurements.tsv", "observableId\t", "observable\t", "no column 'observableId'"),
        ("conditions.tsv", "conditionId\tA", "conditionId\tB", "conditions set 'B'"),
        ("conditions.tsv", "high\tstart", "high\tstarts", "uses 'starts'"),
    ],
)
def test_wrong_tables(tmp_path: Path, file: str, old: str, new: str, expected: str) -> None:
    path = write(tmp_path, decay(), **TABLES)
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new))
    with pytest.raises(DataError, match=expected):
        imo.io.read_petab(path)


def test_names_that_there_are_not(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="did you mean 'scale'"):
        imo.io.read_petab(write(tmp_path, decay(), **TABLES)).objective({"scales": 1.0})
    with pytest.raises(DataError, match="does not exist"):
        imo.io.read_petab(tmp_path / "none.yaml")


def test_a_noise_that_is_not_above_zero_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, decay(), **TABLES | {"measurements": MEASUREMENTS.replace("3 | 0.2", "3 | 0")})
    with pytest.raises(SolveError, match="'y' in 'low' at time 2: the noise is 0"):
        imo.io.read_petab(path).objective()
