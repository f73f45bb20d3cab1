"""PEtab: a published problem against an independent evaluation, likelihoods and priors against closed forms, wrong tables."""

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
from immunoode.errors import DataError
from immunoode.petab.noise import log_likelihood, log_prior
from tests.published_data import data_file
from tests.sbml_texts import Made

CHOSEN = {
    "rho": 1.0,
    "kappa": 5000.0,
    "psi": 1e-8,
    "beta": 100.0,
    "alpha": 0.1,
    "delta": 1.0,
    "sigma_a": 100.0,
    "sigma_b": 0.3,
}


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


@pytest.mark.parametrize("values", [{}, CHOSEN])
def test_the_published_problem(values: dict[str, float]) -> None:
    path = data_file("petab_zebrafish/baseline_model.yaml")
    problem = imo.read_petab(path)
    expected = zebrafish(problem.nominal() | values, path.parent)
    assert problem.objective(values) == pytest.approx(expected, rel=1e-6)
    assert len(problem.predict(values)) == 100 and problem.parameters["estimate"].all()


def write(folder: Path, **changes: str) -> Path:
    """Write a problem of a decay, measured twice, and return its yaml file."""
    made = (
        Made()
        .compartment()
        .parameter("k", 0.3)
        .parameter("s", 1.0)
        .species("A", amount=1, substance=True)
        .reaction("k*A", "A")
    )
    files = {
        "model.xml": made.text(),
        "problem.yaml": "format_version: 1\nparameter_file: parameters.tsv\nproblems:\n- sbml_files: [model.xml]\n"
        "  condition_files: [conditions.tsv]\n  observable_files: [observables.tsv]\n  measurement_files: [measurements.tsv]\n",
        "parameters.tsv": "parameterId\tparameterScale\tlowerBound\tupperBound\tnominalValue\testimate\tobjectivePriorType\t"
        "objectivePriorParameters\nk\tlog10\t0.01\t10\t0.5\t1\tlogNormal\t-1;2\nscale\tlin\t0.1\t10\t2\t1\t\t\n"
        "sd\tlog\t0.001\t1\t0.1\t0\t\t\n",
        "conditions.tsv": "conditionId\tA\nlow\t1\nhigh\tstart\n",
        "observables.tsv": "observableId\tobservableFormula\tnoiseFormula\tnoiseDistribution\tobservableTransformation\n"
        "y\tobservableParameter1_y * A\tnoiseParameter1_y\tnormal\tlog10\nz\tlog(A + 1)\tsd\tlaplace\tlin\n",
        "measurements.tsv": "observableId\tsimulationConditionId\tmeasurement\ttime\tobservableParameters\tnoiseParameters\n"
        "y\tlow\t1.5\t1\tscale\tsd\ny\tlow\t0.9\t2\t3\t0.2\nz\thigh\t0.4\t1\t\t\n",
    }
    files["parameters.tsv"] += "start\tlin\t0\t10\t4\t0\t\t\n"
    for name, text in (files | {k.replace("_", "."): v for k, v in changes.items()}).items():
        (folder / name).write_text(text)
    return folder / "problem.yaml"


def test_an_objective_by_hand(tmp_path: Path) -> None:
    problem = imo.read_petab(write(tmp_path))
    a = [math.exp(-0.5), math.exp(-1.0), 4 * math.exp(-0.5)]
    y = [
        stats.norm.logpdf(math.log10(m), math.log10(p), sd) - math.log(m * math.log(10))
        for m, p, sd in ((1.5, 2 * a[0], 0.1), (0.9, 3 * a[1], 0.2))
    ]
    z = stats.laplace.logpdf(0.4, math.log(a[2] + 1), 0.1)
    assert problem.objective(priors=False) == pytest.approx(-(sum(y) + z), rel=1e-6)
    prior = stats.lognorm.logpdf(0.5, 2, scale=math.exp(-1))
    assert problem.objective() == pytest.approx(-(sum(y) + z + prior), rel=1e-6)


def test_a_fit_finds_what_made_the_data(tmp_path: Path) -> None:
    times = np.arange(0, 10, 0.5)
    rows = [f"y\tlow\t{3 * math.exp(-0.8 * t):.12g}\t{t}\tscale\t0.1" for t in times]
    head = "observableId\tsimulationConditionId\tmeasurement\ttime\tobservableParameters\tnoiseParameters\n"
    parameters = (tmp_path / "x").parent / "parameters.tsv"
    path = write(tmp_path, measurements_tsv=head + "\n".join(rows) + "\n")
    parameters.write_text(parameters.read_text().replace("logNormal\t-1;2", "\t"))
    problem = imo.read_petab(path)
    found = problem.unscaled(problem.fit().params)
    assert found["k"] == pytest.approx(0.8, rel=2e-3) and found["scale"] == pytest.approx(3.0, rel=2e-3)


@pytest.mark.parametrize("transformation", ["lin", "log", "log10"])
@pytest.mark.parametrize("distribution", ["normal", "laplace"])
def test_likelihoods_are_densities(distribution: str, transformation: str) -> None:
    grid = np.linspace(1e-3, 60, 400_001)
    each = log_likelihood(grid, np.full_like(grid, 3.0), np.full_like(grid, 0.2), distribution, transformation)
    assert np.trapezoid(np.exp(each), grid) == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("normal", stats.norm.logpdf(2.0, 1, 0.5)),
        ("laplace", stats.laplace.logpdf(2.0, 1, 0.5)),
        ("logNormal", stats.lognorm.logpdf(2.0, 0.5, scale=math.e)),
        ("logLaplace", stats.laplace.logpdf(math.log(2.0), 1, 0.5) - math.log(2)),
        ("parameterScaleNormal", stats.norm.logpdf(math.log10(2), 1, 0.5)),
    ],
)
def test_priors(kind: str, expected: float) -> None:
    assert log_prior(kind, 1.0, 0.5, 2.0, math.log10(2.0)) == pytest.approx(expected)


def test_uniform_priors() -> None:
    assert (
        log_prior("uniform", 1.0, 3.0, 2.0, 0.3) == pytest.approx(-math.log(2))
        and log_prior("uniform", 1, 3, 4, 0.6) == -math.inf
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("problem.yaml", "format_version: 1", "format_version: 2.0.0", "is version 2.0.0"),
        ("problem.yaml", "[conditions.tsv]", "[]", "names no condition file"),
        ("problem.yaml", "parameters.tsv", "nothing.tsv", "names 'nothing.tsv', which is not there"),
        ("problem.yaml", "problems:", "problems: [", "is no yaml"),
        ("parameters.tsv", "log10", "log2", "k: the scale 'log2' is unknown"),
        ("parameters.tsv", "logNormal", "cauchy", "k: the prior 'cauchy' is unknown"),
        ("observables.tsv", "laplace", "student", "z: the distribution 'student' is unknown"),
        ("observables.tsv", "log(A + 1)", "log(A +", "cannot be read"),
        ("observables.tsv", "log(A + 1)", "log(B + 1)", "formulas use 'B'"),
        ("measurements.tsv", "z\thigh", "w\thigh", "measurements name 'w'"),
        ("measurements.tsv", "z\thigh", "z\tmiddle", "measurements name 'middle'"),
        ("measurements.tsv", "0.4\t1\t", "0.4\tinf\t", "measurements at steady state"),
        ("measurements.tsv", "observableId\t", "observable\t", "no column 'observableId'"),
        ("conditions.tsv", "conditionId\tA", "conditionId\tB", "conditions set 'B'"),
    ],
)
def test_wrong_tables(tmp_path: Path, file: str, old: str, new: str, expected: str) -> None:
    path = write(tmp_path)
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new))
    with pytest.raises(DataError, match=expected):
        imo.read_petab(path)


def test_names_that_there_are_not(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="did you mean 'scale'"):
        imo.read_petab(write(tmp_path)).objective({"scales": 1.0})
    with pytest.raises(DataError, match="no such file"):
        imo.read_petab(tmp_path / "none.yaml")
