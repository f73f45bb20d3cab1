"""Data and designs that are not as they should be: each ends with a clear statement and what can be used of the result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.model.components import Compartment, Derived, Flow, Parameter
from immunoode.model.model import Model
from tests.population_models import decay_model


def table(subjects: int = 4, days: tuple[float, ...] = (1, 2, 3, 5, 8), noise: float = 0.1) -> pd.DataFrame:
    random = np.random.default_rng(0)
    rows = [
        (f"s{i}", "ab"[i % 2], float(d), "drug", 10 * np.exp(-0.2 * d + noise * random.standard_normal()), "mg", "")
        for i in range(subjects)
        for d in days
    ]
    return pd.DataFrame(rows, columns=["subject", "arm", "time", "quantity", "value", "unit", "censoring"])


def fit(data: pd.DataFrame, vary: tuple[str, ...] = ("rate", "amount"), **how: Any) -> imo.FitResult:
    return imo.fit(decay_model(), data, vary, start=0.0, progress=False, **how)


def says(result: imo.FitResult, text: str) -> None:
    """The warning is there, and the result can still be used."""
    assert any(text in line for line in result.warnings()), result.warnings()
    assert text in result.report() and np.isfinite(result.fitted).all() and np.isfinite(result.deviance)
    assert len(result.predict([1.0, 2.0])) and len(result.to_frame())


@pytest.mark.slow
def test_what_cannot_be_told_apart_is_said_before_and_after() -> None:
    """Only the sum of two rates is seen."""
    rate = Parameter(0.1, "1/day", (1e-3, 10))
    model = Model(
        "twins",
        "base",
        parameters={"one": rate, "two": rate},
        compartments={"drug": Compartment("mg", 10.0)},
        flows={"a": Flow("drug", per_capita="one"), "b": Flow("drug", per_capita="two")},
    )
    before = imo.identifiability(model, ["one", "two"], times={"drug": [1, 2, 3, 5, 8]}, subjects=4, size=0.1)
    assert not before.ok and any("one" in line and "two" in line for line in before.warnings())
    result = imo.fit(model, table(), ["one", "two"], start=0.0, progress=False)
    assert result.warnings() and result.values["one"] + result.values["two"] == pytest.approx(0.2, rel=0.1)
    assert set(result.profile(progress=False).intervals()["verdict"]) != {"identifiable"}


def test_a_subject_with_one_visit() -> None:
    data = table()
    data = data[(data["subject"] != "s0") | (data["time"] == 1)]
    says(fit(data, ("rate",), per_subject=["amount"]), "s0 has no more observations than subject-specific parameters")


@pytest.mark.slow
def test_an_arm_in_which_nothing_is_measured() -> None:
    data = table()
    data.loc[data["arm"] == "b", "censoring"] = "left"
    result = fit(data, ("amount",), per_arm=["rate"])
    says(result, "all values in arm b are limits and none was measured")
    assert result.profile("rate__b", progress=False)["rate__b"].verdict != "identifiable"


def test_an_arm_without_data_is_named() -> None:
    with pytest.raises(imo.errors.FitError, match="'c'.*is not an arm or subject of the data"):
        fit(table(), regimens={"a": None, "b": None, "c": None})


def test_limits_alone() -> None:
    data = table().assign(censoring="left")
    says(fit(data), "are limits")


@pytest.mark.slow
def test_constant_data() -> None:
    says(fit(table().assign(value=5.0)), "all 20 values of drug are 5 mg")
    says(fit(table().assign(value=0.0), error="additive"), "all 20 values of drug are 0 mg")


def test_data_without_errors() -> None:
    says(fit(table(noise=0.0)), "these data have no errors")


def test_missing_values_are_left_out_and_counted() -> None:
    data = table()
    data.loc[3, "value"] = np.nan
    result = fit(data)
    assert len(result.observations) == 19 and result.success
    for column, value in (("value", np.inf), ("time", np.nan), ("value", -1.0)):
        wrong = table()
        wrong.loc[3, column] = value
        with pytest.raises(imo.errors.DataError, match="row 3"):
            fit(wrong)


def test_units_that_are_of_another_kind_or_size() -> None:
    with pytest.raises(imo.errors.FitError, match="is in 'mL', but 'drug' is in 'mg'"):
        fit(table().assign(unit="mL"))
    says(fit(table().assign(unit="kg")), "check its unit")
    same = table().assign(unit="ug")
    same["value"] *= 1000
    assert fit(same).values["amount"] == pytest.approx(fit(table()).values["amount"], rel=1e-6)


def test_a_bound_that_is_hit_is_named_and_its_profile_ends_there() -> None:
    result = fit(table(), bounds={"rate": (0.5, 1.0)})
    says(result, "rate is at its lower bound")
    profile = result.profile("rate", progress=False)["rate"]
    assert profile.ends[0] == "bound" and profile.values.min() >= 0.5 * (1 - 1e-9)


@pytest.mark.slow
def test_a_stiff_region() -> None:
    """A start where one step of an explicit method is a billionth of the time to be covered."""
    model = Model(
        "stiff",
        "base",
        parameters={"binding": Parameter(1e7, "1/day", (1e-2, 1e9)), "loss": Parameter(0.3, "1/day", (1e-3, 10))},
        compartments={"free": Compartment("mg", 10.0), "bound": Compartment("mg", 0.0)},
        derived={"drug": Derived("free + bound", "mg")},
        flows={
            "on": Flow("free", "bound", per_capita="binding"),
            "off": Flow("bound", "free", per_capita="0.5 * binding"),
            "loss": Flow("bound", per_capita="loss"),
        },
    )
    result = imo.fit(model, table(), ["loss"], start=0.0, progress=False)
    assert result.success and result.values["loss"] == pytest.approx(0.3, rel=0.1)
    both = imo.fit(model, table(), ["loss", "binding"], start=0.0, progress=False)
    assert any("binding" in line for line in both.warnings()) and np.isfinite(both.fitted).all()


def test_simulations_that_fail_on_the_way() -> None:
    """Growth that leaves the range of numbers at half of the bounds: the fit turns back, and counts them."""
    model = Model(
        "burst",
        "base",
        parameters={"growth": Parameter(0.1, "1/(mg*day)", (1e-3, 500.0)), "loss": Parameter(0.3, "1/day")},
        compartments={"drug": Compartment("mg", 10.0)},
        flows={"growth": Flow(target="drug", rate="growth * drug * drug"), "loss": Flow("drug", per_capita="loss")},
    )
    result = imo.fit(model, table(), ["growth"], start=0.0, initial={"growth": 0.02}, progress=False)
    assert np.isfinite(result.lmfit.residual).all() and np.isfinite(result.fitted).all()
    with pytest.raises(imo.errors.FitError, match="no simulation succeeds at the starting values"):
        imo.fit(model, table(), ["growth"], start=0.0, initial={"growth": 400.0}, progress=False)
