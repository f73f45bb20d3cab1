"""What a design tells before there are data: against closed forms, against simulated fits, and in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.fitting.simulation_predictor import Simulated
from immunoode.model.components import Compartment, Derived, Flow, Parameter
from immunoode.model.model import Model
from tests.population_models import decay_model

TIMES = [0.5, 2.0, 5.0, 9.0, 14.0]


def decay(**how: object) -> imo.Identifiability:
    return imo.identifiability(decay_model(), ["rate", "amount"], times={"drug": TIMES}, **how)  # type: ignore[arg-type]


def product() -> Model:
    """Only the product of two parameters is seen."""
    return Model(
        "product",
        "base",
        parameters={
            "a": Parameter(2.0, "1/day", (0.01, 100)),
            "b": Parameter(0.1, "1", (0.001, 10)),
            "amount": Parameter(10.0, "mg", (0.1, 1e3)),
            "idle": Parameter(1.0, "1", (0.1, 10)),
        },
        compartments={"drug": Compartment("mg", "amount")},
        derived={"other": Derived("idle * drug", "mg")},
        flows={"loss": Flow("drug", per_capita="a * b")},
    )


def test_information_in_closed_form() -> None:
    """A exp(-k t) with log-normal errors: derivatives by log k and log A are -k t and 1; the scale is known apart."""
    found = decay(error="lognormal", size=0.15, subjects=3)
    t = np.array(TIMES)
    by = np.column_stack([-0.2 * t, np.ones_like(t)])
    np.testing.assert_allclose(found.information[:2, :2], 3 * by.T @ by / 0.15**2, rtol=1e-6)
    np.testing.assert_allclose(found.information[2, 2], 2 * 15)
    np.testing.assert_allclose(found.covariance, np.linalg.inv(3 * by.T @ by / 0.15**2), rtol=1e-6)
    normed = by / np.linalg.norm(by, axis=0)
    index = 1 / np.sqrt(np.linalg.eigvalsh(normed.T @ normed)[0])
    assert found.collinearity()["index"].iloc[0] == pytest.approx(index, rel=1e-6)
    assert found.ok and "determines all" in found.report()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "size"), [("additive", 0.4), ("proportional", 0.1), ("combined", (0.1, 0.2)), ("lognormal", 0.1)]
)
def test_expected_errors_are_those_of_fits(error: str, size: object) -> None:
    """The spread of estimates over simulated data sets is what was expected before."""
    random = np.random.default_rng(7)
    rate, amount, subjects = 0.2, 10.0, 8
    found = decay(error=error, size=size, subjects=subjects)
    estimates = []
    t = np.tile(TIMES, subjects)
    f = amount * np.exp(-rate * t)
    for _ in range(40):
        u = random.standard_normal(len(t))
        sd = {"additive": 0.4 + 0 * f, "proportional": 0.1 * f, "combined": np.hypot(0.1 * f, 0.2), "lognormal": f}[error]
        y = f * np.exp(0.1 * u) if error == "lognormal" else np.maximum(f + sd * u, 1e-3)
        data = pd.DataFrame(
            {
                "subject": np.repeat(np.arange(subjects), len(TIMES)).astype(str),
                "arm": "a",
                "time": t,
                "quantity": "drug",
                "value": y,
                "unit": "mg",
            }
        )
        fit = imo.fit(decay_model(), data, ["rate", "amount"], error=error, start=0.0, progress=False)
        estimates.append([np.log(fit.values["rate"]), np.log(fit.values["amount"])])
    seen = np.std(estimates, axis=0)
    np.testing.assert_allclose(seen, found.standard_errors, rtol=0.4)


def test_a_product_cannot_be_told_apart() -> None:
    found = imo.identifiability(product(), ["a", "b", "amount"], times={"drug": TIMES}, size=0.1)
    table = found.to_frame()
    assert table.loc["a", "verdict"] == table.loc["b", "verdict"] == "not determined"
    assert np.isinf(table.loc["a", "rse_percent"])
    assert table.loc["amount", "verdict"] == "determined"
    worst = found.collinearity().set_index("parameters")["index"]
    assert np.isinf(worst["a, b"]) and np.isfinite(worst["a, amount"])
    (row,) = found.confounded().itertuples()
    assert "log a" in row.combination and "log b" in row.combination and "amount" not in row.combination
    assert any("a, b cannot be distinguished" in line for line in found.warnings()) or any(
        "b, a cannot be distinguished" in line for line in found.warnings()
    )
    assert not found.ok
    assert len(found.plot()) == 2


def test_what_has_no_effect_is_named() -> None:
    found = imo.identifiability(product(), ["amount", "idle"], times={"drug": TIMES}, size=0.1)
    assert "no effect" in found.to_frame().loc["idle", "verdict"]
    assert found.to_frame().loc["amount", "verdict"] == "determined"
    seen = imo.identifiability(product(), ["amount", "idle"], times={"drug": TIMES, "other": TIMES}, size=0.1)
    assert seen.ok


def test_the_next_sample_is_where_the_determinant_grows_most() -> None:
    """Of a decay seen early, the late sample; the gain is that of the determinant, by hand."""
    found = imo.identifiability(decay_model(), ["rate", "amount"], times={"drug": [0.1, 0.2]}, error="lognormal", size=0.1)
    table = found.next_samples([0.15, 5.0])
    assert table["time"].iloc[0] == 5.0 and table["gain"].iloc[0] > 5 * table["gain"].iloc[1]
    by = np.array([[-0.2 * t, 1.0] for t in (0.1, 0.2, 5.0)])
    exact = np.linalg.inv(by.T @ by / 0.01)
    assert table["worst_rse_percent"].iloc[0] == pytest.approx(100 * np.sqrt(exact.diagonal().max()), rel=1e-3)
    assert found.plot_next_samples().get_xlabel() == "Day of a further sample"
    with pytest.raises(imo.errors.FitError, match="not an output"):
        found.next_samples(observe="central")


def test_arms_and_subjects_add_up() -> None:
    one = imo.identifiability(
        "tumour_immune",
        ["growth_rate"],
        per_arm=["kill_rate"],
        times=[0, 42, 84, 126],
        regimens={"a": None, "b": None},
        subjects={"a": 5, "b": 20},
        size=0.1,
    )
    rse = one.to_frame()["rse_percent"]
    assert rse["kill_rate__b"] < rse["kill_rate__a"]
    assert len(one.observations) == 25 * 4
    four = imo.identifiability("tumour_immune", ["growth_rate"], times=[0, 42, 84], subjects=4)
    assert imo.identifiability("tumour_immune", ["growth_rate"], times=[0, 42, 84]).standard_errors == pytest.approx(
        2 * four.standard_errors
    )


@pytest.mark.slow
def test_a_design_from_data() -> None:
    data = imo.load_example().select(arm="docetaxel")
    model = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="docetaxel"))
    doses = imo.Regimen().dose("docetaxel", "75 mg/m2", every="3 weeks", count=6)
    found = imo.identifiability(model, ["growth_rate"], data=data, regimens=doses, size=0.25)
    fit = imo.fit(model, data, ["growth_rate"], regimens=doses, progress=False)
    at = imo.identifiability(
        model, ["growth_rate"], data=data, regimens=doses, size=fit.least_squares.errors[0].scale.s, parameters=fit.values
    )
    assert len(found.observations) == len(fit.observations)
    assert at.standard_errors[0] == pytest.approx(fit.lmfit.params["log_growth_rate"].stderr, rel=0.15)


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"times": None}, "either times or data"),
        ({"times": {"drugg": [1.0]}}, "did you mean 'drug'"),
        ({"times": {"drug": []}}, "are empty"),
        ({"times": [1.0]}, "no output is stated"),
        ({"times": {"drug": [1.0]}, "error": "odd"}, "not an error model"),
        ({"times": {"drug": [1.0]}, "size": -1.0}, "not a size"),
        ({"times": {"drug": [1.0]}, "subjects": 0}, "whole number"),
        ({"times": {"drug": [1.0]}, "subjects": {"x": 2}, "regimens": {"y": None}}, "is not an arm"),
    ],
)
def test_wrong_designs(how: dict[str, object], match: str) -> None:
    with pytest.raises(imo.errors.FitError, match=match):
        imo.identifiability(decay_model(), ["rate", "amount"], **how)  # type: ignore[arg-type]


def test_the_predictor_is_the_fits() -> None:
    assert isinstance(decay().predictor, Simulated)


def test_a_further_output_can_tell_what_the_planned_one_cannot() -> None:
    """Two compartments, of which the sum is planned: a sample of one of them separates the way in from the way out."""
    rates = {"over": Parameter(0.5, "1/day", (1e-3, 10)), "loss": Parameter(0.1, "1/day", (1e-3, 10))}
    model = Model(
        "two",
        "base",
        parameters=rates,
        compartments={"first": Compartment("mg", 10.0), "second": Compartment("mg", 0.0)},
        derived={"amount": Derived("first + second", "mg")},
        flows={"over": Flow("first", "second", per_capita="over"), "loss": Flow("second", per_capita="loss")},
    )
    found = imo.identifiability(model, ["over", "loss"], times={"amount": [1.0, 2.0]}, subjects=5, size=0.1)
    assert not found.ok
    table = found.next_samples([2.0], ["amount", "second"], size=0.1).set_index("quantity")
    assert table.loc["second", "gain"] > table.loc["amount", "gain"] + 1.0
    assert table.loc["second", "worst_rse_percent"] < table.loc["amount", "worst_rse_percent"]
    planned = imo.identifiability(model, ["over", "loss"], times={"amount": [1.0, 2.0], "second": [2.0]}, subjects=5, size=0.1)
    assert table.loc["second", "worst_rse_percent"] == pytest.approx(100 * planned.standard_errors.max(), rel=0.05)
    with pytest.raises(imo.errors.FitError, match="did you mean 'second'"):
        found.next_samples(observe="secnd")


def test_values_of_an_arm_are_those_at_which_it_is_looked_at() -> None:
    """A table with one row per arm holds what is fixed there, and where to look at what varies."""
    how = {"times": {"drug": [1.0, 2.0, 4.0]}, "regimens": {"a": None, "b": None}, "error": "lognormal", "size": 0.1}
    at = {"rate": {"a": 0.1, "b": 0.4}, "amount": 5.0}
    mapped = imo.identifiability(decay_model(), per_arm=["rate"], parameters=at, **how)
    assert mapped.to_frame()["value"].to_dict() == pytest.approx({"rate__a": 0.1, "rate__b": 0.4})
    table = pd.DataFrame({"rate": [0.1, 0.4], "amount": 5.0}, index=["a", "b"])
    same = imo.identifiability(decay_model(), per_arm=["rate"], parameters=table, **how)
    np.testing.assert_allclose(same.standard_errors, mapped.standard_errors)
    assert same.standard_errors[0] == pytest.approx(4 * same.standard_errors[1], rel=1e-3)
    shared = imo.identifiability(decay_model(), ["amount"], per_arm=["rate"], parameters=table, **how)
    assert shared.to_frame()["value"]["amount"] == pytest.approx(5.0)
