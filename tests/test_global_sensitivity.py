"""Global sensitivity: functions whose indices are known, endpoints of simulations, figures, errors."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

import immunoode as imo
from immunoode.errors import SolveError
from immunoode.virtual_population import Correlation, LogNormal, Normal, PopulationDistribution, Uniform
from tests.long_forms import short
from tests.optimisation_models import log_kill

ANGLE = Uniform(-np.pi, np.pi)
ANGLES = {"a": ANGLE, "b": ANGLE, "c": ANGLE}
FIRST, TOTAL = {"a": 0.3139, "b": 0.4424, "c": 0.0}, {"a": 0.5576, "b": 0.4424, "c": 0.2437}


def ishigami(x):
    return np.sin(x["a"]) + 7 * np.sin(x["b"]) ** 2 + 0.1 * x["c"] ** 4 * np.sin(x["a"])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ishigami(seed: int) -> None:
    found = imo.global_sensitivity(None, ANGLES, ishigami, n=8192, seed=seed)
    table = found.output_table()
    for name in ANGLES:
        row = table.loc[name]
        assert row["first"] == pytest.approx(FIRST[name], abs=0.01) and row["total"] == pytest.approx(TOTAL[name], abs=0.01)
        assert row["first_lower"] <= FIRST[name] <= row["first_upper"]
        assert row["total_lower"] <= TOTAL[name] <= row["total_upper"]
    assert list(table.index) == ["a", "b", "c"] and found.evaluations == 8192 * 5


def test_estimates_are_those_of_scipy_and_the_design_grows_until_intervals_are_narrow() -> None:
    found = imo.global_sensitivity(None, ANGLES, ishigami, n=256, tolerance=0.05, most=8192)
    table = found.output_table()
    width = max((table[f"{m}_upper"] - table[f"{m}_lower"]).max() for m in ("first", "total")) / 2
    assert found.converged and found.n > 256 and width <= 0.05
    not_yet = imo.global_sensitivity(None, ANGLES, ishigami, n=256, tolerance=0.001, most=512)
    assert not not_yet.converged and "wider than requested" in str(not_yet) and not_yet.n == 512


def test_sobol_g_and_groups() -> None:
    a = np.array([0.0, 1.0, 4.5, 9.0, 99.0])
    names = [f"x{k}" for k in range(5)]
    partial = 1 / (3 * (1 + a) ** 2)
    variance = np.prod(1 + partial) - 1

    def g(x):
        return np.prod((np.abs(4 * x[names].to_numpy() - 2) + a) / (1 + a), axis=1)

    distributions = dict.fromkeys(names, Uniform(0, 1))
    table = imo.global_sensitivity(None, distributions, g, n=8192).output_table().loc[names]
    np.testing.assert_allclose(table["first"], partial / variance, atol=0.01)
    np.testing.assert_allclose(table["total"], partial * np.prod(1 + partial) / (1 + partial) / variance, atol=0.01)
    grouped = imo.global_sensitivity(None, distributions, g, n=8192, groups={"small": names[2:]}).output_table()
    assert set(grouped.index) == {"small", "x0", "x1"}
    assert grouped.loc["small", "first"] == pytest.approx((np.prod(1 + partial[2:]) - 1) / variance, abs=0.01)


@pytest.mark.parametrize("correlation", [-0.5, 0.0, 0.7])
def test_shapley_of_a_linear_model_with_correlated_inputs(correlation: float) -> None:
    """Owen and Prieur 2017 (SIAM/ASA J Uncertain Quantif 5:986-1002), two correlated parameters and an independent one."""
    b, s, r = np.array([1.0, 2.0, 1.5]), np.array([1.0, 1.5, 1.0]), correlation
    own = (b * s) ** 2
    variance = own.sum() + 2 * r * b[0] * b[1] * s[0] * s[1]
    shared = r * b[0] * b[1] * s[0] * s[1]
    half = r**2 / 2
    exact = {
        "x": (own[0] * (1 - half) + shared + own[1] * half) / variance,
        "y": (own[1] * (1 - half) + shared + own[0] * half) / variance,
        "z": own[2] / variance,
    }
    block = (Correlation(("x", "y"), ((1, r), (r, 1))),) if r else ()
    population = PopulationDistribution({n: Normal(0, sd) for n, sd in zip("xyz", s, strict=True)}, correlations=block)
    found = imo.global_sensitivity(
        None, population, lambda x: b[0] * x["x"] + b[1] * x["y"] + b[2] * x["z"], method="shapley", n=8192
    ).output_table()
    assert found["effect"].sum() == pytest.approx(1, abs=1e-12)
    for name, value in exact.items():
        assert found.loc[name, "effect"] == pytest.approx(value, abs=0.02)
        assert found.loc[name, "effect_lower"] <= value <= found.loc[name, "effect_upper"]


def test_screening_methods_find_what_matters() -> None:
    def function(x):
        return 5 * x["a"] + x["b"] ** 2 + 0 * x["c"]

    uniform = dict.fromkeys("abc", Uniform(0, 1))
    effects = imo.global_sensitivity(None, uniform, function, method="morris", n=200).output_table()
    assert effects.loc["a", "mean_absolute_effect"] == pytest.approx(5) and effects.loc["a", "standard_deviation"] < 1e-12
    assert (
        effects.loc["b", "mean_absolute_effect"] == pytest.approx(1, abs=0.05) and effects.loc["b", "standard_deviation"] > 0.1
    )
    assert effects.loc["c", "mean_absolute_effect"] == 0
    distances = imo.global_sensitivity(None, uniform, function, method="pawn").output_table()
    assert list(distances.index)[0] == "a" and distances.loc["a", "median_distance"] > 5 * distances.loc["a", "noise"]
    assert distances.loc["c", "median_distance"] < 1.3 * distances.loc["c", "noise"]


ENDPOINT = {"growth": LogNormal(0.1, 0.2), "kill": LogNormal(0.5, 0.3), "loss": LogNormal(1.0, 0.3)}


def test_an_endpoint_of_a_simulation() -> None:
    """log tumour = growth x 20 - 2 kill: the variances are those of the parameters."""
    found = imo.global_sensitivity(
        log_kill(), ENDPOINT, "log(tumour): final", regimen=imo.Regimen().dose("dose", 2.0), until=20, n=2048
    )
    growth, kill = (20 * 0.1) ** 2 * np.exp(0.04) * np.expm1(0.04), (2 * 0.5) ** 2 * np.exp(0.09) * np.expm1(0.09)
    table = found.output_table()
    assert table.loc["growth", "first"] == pytest.approx(growth / (growth + kill), abs=0.02)
    assert table.loc["kill", "total"] == pytest.approx(kill / (growth + kill), abs=0.02)
    assert table.loc["loss", "total"] == pytest.approx(0, abs=1e-6)
    assert list(found.sample.columns) == ["growth", "kill", "loss", "log(tumour): final"] and len(found.sample) == 2048


def test_who_responds() -> None:
    found = imo.global_sensitivity(
        log_kill(),
        ENDPOINT,
        "tumour: final_change <= -0.3",
        method="regional",
        regimen=imo.Regimen().dose("dose", 4.0),
        until=10,
        n=1024,
    )
    table = found.output_table()
    assert list(table.index)[:2] == ["kill", "growth"] and table.loc["kill", "shift"] > 0 > table.loc["growth", "shift"]
    assert table.loc["kill", "p_value"] < 1e-10 < 0.001 < table.loc["loss", "p_value"]


@pytest.mark.parametrize("method", short(["sobol", "morris", "pawn", "shapley", "tornado"], ["morris", "tornado"]))
def test_figures_and_reports(method: str) -> None:
    how = {"n": 64} if method != "tornado" else {}
    regimen = imo.Regimen().dose("dose", 2.0)
    wanted = ["tumour: final", "tumour: area"]
    found = imo.global_sensitivity(log_kill(), ENDPOINT, wanted, method=method, regimen=regimen, until=20, **how)
    assert found.outputs == tuple(wanted) and len(found.to_frame()) == 6 and "growth" in found.report()
    box = found.plot(output="tumour: area")
    assert [t.get_text() for t in box.get_yticklabels()][-1] == found.output_table("tumour: area").index[0].capitalize()
    plt.close("all")
    if method != "tornado":
        assert found.plot_scatter(output="tumour: final").shape == (1, 3)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"method": "fast"}, "is not known"),
        ({"n": 1000}, "a power of two"),
        ({"measure": "tumor: final", "model": log_kill(), "until": 5}, "did you mean 'tumour'"),
        ({"measure": "tumour: final"}, "a model and until= as well"),
        ({"groups": {"g": ["a", "q"]}}, "does not vary"),
        ({"groups": {"g": ["a", "b"], "h": ["b"]}}, "is in two groups"),
        ({"groups": {"g": ["a"]}, "method": "morris"}, "method='sobol'"),
        ({"measure": lambda x: x["a"] / 0}, "is inf"),
        ({"quantiles": (5, 95), "method": "tornado"}, "two probabilities between 0 and 1"),
        ({"quantiles": (0.9, 0.1), "method": "tornado"}, "the lower one first"),
        ({"n": 0}, "n: is 0"),
        ({"n": -8, "method": "morris"}, "n: is -8"),
        ({"tolerance": -0.1}, "tolerance: is -0.1"),
        ({"tolerance": 0.1, "method": "pawn"}, "does not apply to the method 'pawn'"),
        ({"confidence": 95}, "confidence: is 95"),
        ({"seed": "x", "most": 1e4}, "2 problems"),
        ({"groups": {"g": []}}, "groups: 'g': is []"),
        ({"groups": {"g": "ab"}}, "groups: 'g': is 'ab'"),
        ({"groups": {"a": ["b", "c"]}}, "is also the name of a parameter"),
        ({"groups": 3}, "groups: is 3"),
        ({"measure": "tumour: at(9)", "model": log_kill(), "until": 5}, "outside days 0 to 5"),
        ({"measure": 3, "model": log_kill(), "until": 5}, "endpoint 3: is not understood"),
        ({"measure": lambda x: "a"}, "measure: gives 'a'"),
        ({"measure": "tumour: final", "model": log_kill(), "until": 5, "solver": 3}, "solver: is 3"),
        ({"measure": [], "model": log_kill(), "until": 5}, "measure: is empty"),
        ({"until": 5, "regimen": imo.Regimen()}, "is given for no model"),
        (
            {"measure": "tumour: final <= 1e9", "method": "regional", "model": log_kill(), "until": 5},
            "is true for all patients",
        ),
    ],
)
def test_errors_say_what_is_right(how: dict, said: str) -> None:
    given = {"measure": ishigami, "model": None, **how}
    distributions = ANGLES if given["model"] is None else ENDPOINT
    with pytest.raises(SolveError) as error:
        imo.global_sensitivity(given.pop("model"), distributions, **given)
    assert said in str(error.value)


def test_correlated_parameters_belong_in_one_group() -> None:
    population = PopulationDistribution(ANGLES, correlations=(Correlation(("a", "b"), ((1, 0.5), (0.5, 1))),))
    with pytest.raises(SolveError, match="a, b are correlated; put them in one group, or method='shapley'"):
        imo.global_sensitivity(None, population, ishigami, n=64)
    assert len(imo.global_sensitivity(None, population, ishigami, n=64, groups={"both": ["a", "b"]}).output_table()) == 2


@pytest.mark.parametrize("method", ["sobol", "shapley", "morris", "pawn", "tornado"])
def test_a_single_parameter(method: str) -> None:
    how = {} if method == "tornado" else {"n": 64}
    found = imo.global_sensitivity(None, {"a": ANGLE}, lambda x: x["a"], method=method, **how)
    assert found.output_table()[found.measure].iloc[0] > 0
    if method == "sobol":
        assert (found.output_table().to_numpy() == 1).all() and "1 by definition" in found.report()
    assert repr(found).startswith("<GlobalSensitivity: ") and "\n" not in repr(found)


@pytest.mark.parametrize("method", ["sobol", "shapley", "morris", "pawn"])
@pytest.mark.filterwarnings("error")
def test_an_output_that_never_changes_is_said_to_be_constant(method: str) -> None:
    constant = imo.global_sensitivity(None, ANGLES, lambda x: 0 * x["a"] + 0.1, method=method, n=64)
    assert (constant.output_table().to_numpy() == 0).all() and "is constant (0.1)" in constant.report()
    of = ["drug: final", "tumour: final"]
    mixed = imo.global_sensitivity(log_kill(), ENDPOINT, of, method=method, until=5, n=64)
    assert mixed.notes == ("drug: final is constant (0): no parameter changes it, and all measures are 0",)
    assert mixed.output_table("tumour: final")[mixed.measure].iloc[0] > 0
    if method == "sobol":
        stopped = imo.global_sensitivity(log_kill(), ENDPOINT, of, until=5, n=64, tolerance=0.5)
        assert stopped.converged and stopped.n < 65_536
