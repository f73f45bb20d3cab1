"""Metrics of tumour growth inhibition: laws against their closed forms, fits that recover, series by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar

import immunoode as imo
from immunoode.errors import DataError
from immunoode.trial.metrics.growth_laws import LAWS, doubling_time
from tests.published_data import data_file

VALUES = {"growth_rate": 0.003, "shrinkage_rate": 0.02, "resistance_rate": 0.015, "sensitive_fraction": 0.7}
DAYS = np.arange(0.0, 505, 42)


@pytest.mark.parametrize("name", LAWS)
def test_laws_begin_at_one_and_know_their_slopes_and_minimum(name: str) -> None:
    law = LAWS[name]
    assert law.relative(np.zeros(1), VALUES)[0] == pytest.approx(1.0, abs=1e-15)
    slopes = law.gradient(DAYS, VALUES)
    for k, parameter in enumerate(law.parameters):
        moved = {**VALUES, parameter: VALUES[parameter] + 1e-30j}
        assert np.allclose(slopes[k], law.relative(DAYS, moved).imag / 1e-30, rtol=1e-10, atol=1e-12)  # type: ignore[arg-type]
    time_to_growth = law.time_to_growth(VALUES)
    found = minimize_scalar(
        lambda t: float(law.relative(np.array([t]), VALUES)[0]), bounds=(0, 2000), method="bounded", options={"xatol": 1e-7}
    )
    assert time_to_growth == pytest.approx(found.x, abs=1e-2) or (
        time_to_growth in (0.0, np.inf) and (found.x < 1e-3 or found.x > 1999)
    )


def test_rates_at_their_limits() -> None:
    claret = LAWS["claret-bruno"]
    slow = claret.relative(DAYS, {**VALUES, "resistance_rate": 1e-12})
    assert np.allclose(slow, claret.relative(DAYS, {**VALUES, "resistance_rate": 0.0}), rtol=1e-8)
    assert claret.time_to_growth({**VALUES, "shrinkage_rate": 0.001}) == 0.0
    assert claret.time_to_growth({**VALUES, "resistance_rate": 0.0}) == np.inf
    assert doubling_time(np.log(2) / 30) == pytest.approx(30) and doubling_time(0.0) == np.inf


@pytest.mark.parametrize("name", LAWS)
def test_fits_recover_what_made_the_data(name: str) -> None:
    law = LAWS[name]
    table = pd.DataFrame({"subject": "a", "time": DAYS, "value": 80 * law.relative(DAYS, VALUES)})
    row = imo.trial.growth_rates(table, name).iloc[0]
    assert [row[p] for p in law.parameters] == pytest.approx([VALUES[p] for p in law.parameters], rel=1e-4)
    assert row["time_to_growth"] == pytest.approx(law.time_to_growth(VALUES), rel=1e-3) and row["residual"] < 1e-5


@pytest.mark.slow
def test_standard_errors_cover() -> None:
    random, law, hits = np.random.default_rng(0), LAWS["stein-fojo"], 0
    tables = [
        pd.DataFrame(
            {
                "subject": f"s{k}",
                "time": DAYS,
                "value": 80 * (law.relative(DAYS, VALUES) + 0.02 * random.normal(size=len(DAYS)) * (DAYS > 0)),
            }
        )
        for k in range(200)
    ]
    found = imo.trial.growth_rates(pd.concat(tables), "stein-fojo")
    hits = int((abs(found["growth_rate"] - VALUES["growth_rate"]) < 2.2 * found["growth_rate error"]).sum())  # t, 11 degrees
    assert 178 <= hits <= 199


def test_the_best_law_is_the_one_that_made_the_data() -> None:
    random = np.random.default_rng(1)
    for name in ("growth", "shrinkage", "stein-fojo"):
        sizes = 80 * LAWS[name].relative(DAYS, VALUES) * np.where(DAYS > 0, np.exp(0.01 * random.normal(size=len(DAYS))), 1)
        assert imo.trial.growth_rates(pd.DataFrame({"subject": "a", "time": DAYS, "value": sizes}))["law"][0] == name


def test_every_missing_value_has_its_reason() -> None:
    table = pd.DataFrame(
        {
            "subject": ["one"] * 1 + ["two"] * 2 + ["zero"] * 2 + ["flat"] * 5,
            "time": [0, 0, 42, 0, 42, 0, 42, 84, 126, 168],
            "value": [50, 50, 40, 0, 10] + [30] * 5,
        }
    )
    found = imo.trial.growth_rates(table, "stein-fojo").set_index("subject")
    assert "0 visits after the baseline" in found.loc["one", "note"] and "1 visits" in found.loc["two", "note"]
    assert found.loc["zero", "note"] == "the size at baseline is not above zero"
    assert found.loc["flat", "growth_rate"] < 1e-4
    sizes = imo.trial.growth_metrics(table).set_index("subject")
    assert "only a baseline" in sizes.loc["one", "note"] and "no week_8_ratio" in sizes.loc["two", "note"]


def test_metrics_by_hand() -> None:
    table = pd.DataFrame({"subject": "a", "time": [-10, 32, 74, 116], "value": [100.0, 60, 50, 80]})
    row = imo.trial.growth_metrics(table).iloc[0]
    assert (row["baseline"], row["nadir"], row["nadir_time"], row["depth"], row["follow_up"]) == (100, 50, 84, 0.5, 126)
    assert row["week_8_ratio"] == pytest.approx((60 + (50 - 60) * 14 / 42) / 100)
    assert row["growth_from_nadir"] == pytest.approx(np.log(80 / 50) / 42) and row["doubling_time"] == pytest.approx(
        42 * np.log(2) / np.log(1.6)
    )
    logs = np.log(np.array([1, 0.6, 0.5, 0.8]))
    assert row["log_area"] == pytest.approx(42 * (logs[:-1] + logs[1:]).sum() / 2)


def test_wrong_input() -> None:
    table = pd.DataFrame({"subject": "a", "time": [0, 42], "value": [1, 2]})
    with pytest.raises(DataError, match="did you mean 'stein-fojo'"):
        imo.trial.growth_rates(table, "stein-foyo")
    with pytest.raises(DataError, match="is not in the data"):
        imo.trial.growth_metrics(table, "volume")
    with pytest.raises(DataError, match="numbers above zero"):
        imo.trial.growth_metrics(table, floor=0)


@pytest.mark.slow
def test_patients_of_lung_cancer_trials() -> None:
    """Typical growth is near that published for OAK (0.0016 a day, doi 10.3389/fphar.2022.1058220)."""
    data = imo.trial.read_lesions(data_file("nsclc_atezolizumab_target_lesions.csv"))
    found = imo.trial.growth_rates(data.select(at_least=4), "stein-fojo")
    told = found[found["growth_rate"] > 1e-5]
    assert 0.0008 < told["growth_rate"].median() < 0.0032
