"""The example trial is what its script makes, says that it is simulated, and gives its parameters back to a fit."""

from __future__ import annotations

import pandas as pd
import pytest

import immunoode as imo
from immunoode.fitting.fit import fit
from immunoode.fitting.result import FitResult
from immunoode.trial import example_data
from immunoode.trial.example import ARMS, FILE


def combined() -> imo.Model:
    """Return the model that the example was made from."""
    antibody = imo.load_model("pd1_inhibitor", variant="pembrolizumab")
    return imo.combine("tumour_immune", antibody, imo.load_model("chemotherapy", variant="docetaxel"))


@pytest.fixture(scope="module")
def result() -> FitResult:
    chosen = imo.load_example().select(subject=["103", "205", "305"])
    return fit(
        combined(),
        chosen,
        "docetaxel_half_kill",
        per_subject=["growth_rate", "kill_rate"],
        regimens=example_data.regimens(),
        error="combined",
        progress=False,
    )


def test_it_says_that_it_is_simulated() -> None:
    assert FILE.read_text().startswith("# SIMULATED DATA")
    assert "simulated" in imo.load_example().title.lower()


def test_three_arms_of_eight() -> None:
    data = imo.load_example()
    assert data.arms == ARMS and len(data.subjects) == 24 and data.left_out.empty
    assert data.units == {"sum_of_diameters": "mm"}
    assert (data.frame.groupby("subject")["time"].min() <= 0).all()


def test_the_script_makes_the_file() -> None:
    """Within what refinements of the models' values change: the visits of both, side by side."""
    made, shipped = example_data.make(), pd.read_csv(FILE, comment="#", dtype={"subject": str})
    both = made.merge(shipped, on=["subject", "arm", "day"], suffixes=("", "_shipped"))
    advice = "a model changed much: run python -m immunoode.trial.example_data"
    assert len(both) > 0.9 * len(shipped), advice
    change = (both["sum_of_diameters"] / both["sum_of_diameters_shipped"] - 1).abs()
    assert change.median() < 0.1, advice


@pytest.mark.slow
def test_a_fit_recovers_what_it_was_made_with(result: FitResult) -> None:
    assert result.success
    found = result.to_frame()
    true = combined().parameters["docetaxel_half_kill"].value
    assert found.loc["docetaxel_half_kill", "lower"] < true < found.loc["docetaxel_half_kill", "upper"]
    assert result.relative_error < 0.05
    assert 0.015 < result.least_squares.errors[0].scale.s < 0.06


@pytest.mark.slow
def test_both_engines_predict_the_same(result: FitResult) -> None:
    from dataclasses import replace

    slow = replace(result.predictor, engine="scipy")  # type: ignore[type-var]
    values = result.parameterisation.values(result.lmfit.params)[None]
    assert slow(values) == pytest.approx(result.predictor(values), rel=1e-4)


def test_regimens_are_checked() -> None:
    data = imo.load_example()
    given = example_data.regimens()
    with pytest.raises(imo.errors.FitError, match="arm 'docetaxel' has none"):
        fit(combined(), data, "growth_rate", regimens={k: v for k, v in given.items() if k != "docetaxel"})
    with pytest.raises(imo.errors.FitError, match="did you mean 'pembrolizumab'"):
        fit(combined(), data, "growth_rate", regimens={**given, "pembrolizumb": None})
    with pytest.raises(imo.errors.FitError, match="'growth_rate' varies as well"):
        fit(combined(), data, "growth_rate", regimens=given, parameters={"growth_rate": 0.01})
    with pytest.raises(imo.errors.FitError, match="str is not a Regimen"):
        fit(combined(), data, "growth_rate", regimens="docetaxel")


def test_a_forgotten_regimen_is_noticed() -> None:
    data = imo.load_example().select(subject=["101", "201"])
    untreated = fit(combined(), data, "growth_rate", progress=False)
    assert any("no subject is treated" in line for line in untreated.warnings())


@pytest.mark.slow
def test_fit_each_lists_whom_it_cannot_fit() -> None:
    frame = imo.load_example().select(subject=["201", "202", "205"]).frame
    short = frame.drop(frame.index[(frame["subject"] == "202") & (frame["time"] > 60)])
    data = imo.read_trial(short[["subject", "arm", "time", "quantity", "value", "unit"]])
    regimens = {"pembrolizumab": example_data.regimens()["pembrolizumab"]}
    found = imo.fitting.fit_each(combined(), data, ["growth_rate", "kill_rate"], regimens=regimens, error="additive")
    assert list(found) == ["201", "205"] and "cannot determine 2 parameters" in found.failed["202"]
    table = found.to_frame()
    assert table["converged"].tolist() == [True, True, False] and "2 of 3 fits converged" in found.report()


@pytest.mark.slow
def test_several_observables_with_their_own_errors() -> None:
    """A concentration beside the tumour: each with its unit and error; the clearance comes back."""
    import numpy as np

    model, regimen = combined(), example_data.regimens()["pembrolizumab"]
    days = np.array([1.0, 7.0, 14.0, 20.0, 42.0, 84.0])
    run = imo.simulate(
        model,
        regimen,
        times=days,
        parameters={"pembrolizumab_clearance": 0.3},
        outputs=["pembrolizumab_concentration", "sum_of_diameters"],
    )
    noise = 1 + 0.05 * np.random.default_rng(1).normal(size=(2, len(days)))
    rows = [
        ("p", d, "drug", c * 1000 * e, "ug/L")
        for d, c, e in zip(days, run["pembrolizumab_concentration"], noise[0], strict=True)
    ]
    rows += [("p", d, "size", s * e / 10, "cm") for d, s, e in zip(days, run["sum_of_diameters"], noise[1], strict=True)]
    data = imo.read_trial(pd.DataFrame(rows, columns=["subject", "time", "quantity", "value", "unit"]))
    found = fit(
        model,
        data,
        "pembrolizumab_clearance",
        regimens=regimen,
        baseline=False,
        observe={"drug": "pembrolizumab_concentration", "size": "sum_of_diameters"},
        error={"drug": "proportional", "size": "additive"},
    )
    limits = found.confidence()
    assert limits.loc["pembrolizumab_clearance", "lower"] < 0.3 < limits.loc["pembrolizumab_clearance", "upper"]
    assert "additive" in found.report() and "mg/L" in set(found.predict()["unit"])
