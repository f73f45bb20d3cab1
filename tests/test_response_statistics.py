"""Differences of response rates, time to and duration of response, PFS2, and responses of mice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError
from immunoode.trial.response.rate_counts import RateCounts
from immunoode.trial.response.rate_difference import _score_interval

Table = pd.DataFrame


def rates(x1: int, n1: int, x0: int, n0: int) -> Table:
    return Table({"arm": ["control", "treated"], "responders": [x0, x1], "n": [n0, n1]})


@pytest.mark.parametrize(
    ("counts", "lower", "upper", "error"),
    [
        ((36, 154, 12, 77), -0.036065, 0.177495, 6e-7),  # ratesci::rdci, in github.com/PSIAIMS/CAMIS at commit 74a06c12
        ((7, 10, 3, 10), -0.04910451, 0.71457639, 2e-5),  # sasLM::RDmn1 (by uniroot), vignette "Stratified 2x2 Tables", 1.0.0
        ((10, 10, 0, 10), 0.6636451, 1.0, 2e-5),  # the same
    ],
)
def test_miettinen_nurminen_as_in_r(counts: tuple[int, int, int, int], lower: float, upper: float, error: float) -> None:
    found = imo.trial.response_rate_difference(rates(*counts))
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=error)


def test_the_stratified_score_test_as_in_r() -> None:
    """metalite.ae::rate_compare, its page of reference; weights there are sizes of strata."""
    treatment = np.repeat(["pbo", "exp"], 100)
    response = np.concatenate([np.zeros(80), np.ones(20), np.zeros(40), np.ones(60)])
    stratum = np.array([*[1, 2, 3, 4] * 12, 1, 3, 3, 1, *[1, 2, 3, 4] * 12, *[1, 2, 3, 4] * 25])
    table = Table({"arm": treatment, "stratum": stratum, "response": response})
    sums = table.groupby(["stratum", "arm"])["response"].agg(["sum", "size"]).unstack("arm")
    counts = RateCounts("pbo", "exp", tuple("1234"), *(sums[c][["pbo", "exp"]].to_numpy(float) for c in ("sum", "size")))
    weights = counts.subjects.sum(axis=1) / 200
    estimate = float(weights @ np.diff(counts.rates, axis=1)[:, 0])
    lower, upper, p = _score_interval(counts, weights, estimate, 0.95)
    assert estimate == pytest.approx(0.3998397, abs=1e-7)
    assert (lower, upper) == pytest.approx((0.2684383, 0.5172779), abs=2e-6) and p / 2 == pytest.approx(5.556727e-09, rel=1e-3)


def test_the_two_methods_agree_in_large_strata() -> None:
    table = pd.concat([rates(300, 1000, 200, 1000).assign(site="a"), rates(150, 400, 220, 800).assign(site="b")])
    one, other = (
        imo.trial.response_rate_difference(table, strata="site", method=m) for m in ("miettinen-nurminen", "mantel-haenszel")
    )
    assert one.estimate == other.estimate == pytest.approx((500 * 0.1 + 800 / 3 * 0.1) / (500 + 800 / 3))
    assert (one.lower, one.upper) == pytest.approx((other.lower, other.upper), abs=5e-4)
    assert "stratified" in str(one) and len(one.table) == 2


def test_rates_from_responses_and_subjects() -> None:
    seen = imo.recist(sums())
    found = imo.trial.response_rate_difference(seen, reference="y", confirmed=False)
    each = Table({"arm": ["x"] * 3 + ["y"] * 2, "response": [1, 1, 0, 0, 0]})
    assert found.estimate == imo.trial.response_rate_difference(each, reference="y").estimate == pytest.approx(2 / 3)
    split = imo.trial.response_rate_difference(
        seen, reference="y", confirmed=False, strata=dict(zip("abcde", "pqqpq", strict=True))
    )
    assert split.table["stratum"].tolist() == ["p", "q"]


def sums() -> Table:
    series = {"a": [50, 30, 30, 30, 60], "b": [50, 30, 20, 20, 20], "c": [50, 50, 70], "d": [40, 40, 60], "e": [40, 42, 42]}
    rows = [(s, "x" if s in "abc" else "y", 60.0 * k, v) for s, values in series.items() for k, v in enumerate(values)]
    return Table(rows, columns=["subject", "arm", "time", "sum_of_diameters"])


def test_time_to_response() -> None:
    deaths = Table({"subject": ["e"], "endpoint": "OS", "time": [150], "event": [True]})
    found = imo.trial.time_to_response(imo.recist(sums()), deaths).set_index("subject")
    assert found["time"].tolist() == [60, 60, 120, 120, 150] and found["event"].tolist() == [True, True, False, False, False]
    assert found["reason"].tolist() == ["response", "response", "progression", "progression", "death"]
    competing = imo.trial.time_to_response(imo.recist(sums()), deaths, competing=True)
    incidence = imo.trial.cumulative_incidence(competing).at([100])
    row = incidence[(incidence["arm"] == "x") & (incidence["cause"] == "response")]
    assert row["incidence"].iloc[0] == pytest.approx(2 / 3)


def test_durable_rates() -> None:
    found = imo.recist(sums()).durable_rates("5 months").set_index("arm")
    assert found.loc["x", ["n", "responders", "durable", "censored_earlier"]].tolist() == [3, 2, 2, 0]
    longer = imo.recist(sums()).durable_rates(190).set_index("arm")
    assert longer.loc["x", ["durable", "censored_earlier"]].tolist() == [0, 1]
    assert imo.recist(sums()).durable_rates("5 months", within=30).set_index("arm").loc["x", "durable"] == 0
    with pytest.raises(DataError, match="lasting: is 0"):
        imo.recist(sums()).durable_rates(0)


def overall() -> Table:
    return Table({"subject": list("abc"), "arm": "x", "endpoint": "OS", "time": [500, 400, 300], "event": [0, 1, 0]})


def test_pfs2() -> None:
    found = imo.trial.pfs2(overall(), {"a": 350}).set_index("subject")
    assert found["time"].tolist() == [350, 400, 300] and found["event"].tolist() == [True, True, False]
    assert found["reason"].tolist() == ["progression on next therapy", "death", "no second progression"]
    assert imo.kaplan_meier(found.reset_index()).endpoint == "PFS2"


@pytest.mark.parametrize(
    ("second", "first", "expected"),
    [
        ({"z": 3}, None, "'z'"),
        ({"a": 600}, None, "is day 600, but survival ends on day 500"),
        ({"a": -1}, None, "a day above 0"),
        ({"a": 90}, {"time": [100, 200, 300], "event": [1, 1, 0]}, "but the first progression is day 100"),
        ({"c": 200}, {"time": [100, 200, 300], "event": [1, 1, 0]}, "subject c: has no first progression"),
    ],
)
def test_wrong_second_progressions(second: dict[str, float], first: Any, expected: str) -> None:
    known = None if first is None else Table({"subject": list("abc"), "endpoint": "PFS", **first})
    with pytest.raises(DataError, match=expected):
        imo.trial.pfs2(overall(), second, first=known)


@pytest.mark.parametrize(
    ("sizes", "response"),
    [
        ([200, 60, 8, 0, 0, 0], "mCR"),
        ([200, 150, 80, 60, 60, 60], "mPR"),
        ([200, 210, 220, 250, 400, 900], "mSD"),
        ([200, 300, 420, 600, 900, 1500], "mPD"),
        ([200, 260, 300, 250, 260, 260], "mSD"),
        ([200, 400, 400, 400, 260, 260], "mPD"),  # the change is below 35 % at last, the mean change is not below 30 %
        ([200, 10, 10, 260, 300, 900], "mSD"),  # day 10 is the first that counts
    ],
)
def test_responses_of_mice(sizes: list[float], response: str) -> None:
    table = Table({"subject": "m", "time": [0, 4, 8, 12, 16, 20], "value": sizes})
    assert imo.trial.mouse_mrecist(table).subjects["response"].tolist() == [response]


def test_mice_without_late_volumes_are_left_out() -> None:
    short = Table({"subject": "s", "time": [0, 4], "value": [100.0, 90.0]})
    long = Table({"subject": "l", "time": [0, 12], "value": [100.0, 90.0]})
    found = imo.trial.mouse_mrecist(pd.concat([short, long]))
    assert found.left_out.values.tolist() == [["s", "no volume from day 10 on"]] and "1 without a response" in found.report()
    assert found.rates()["mSD"].tolist() == [1]
    with pytest.raises(DataError, match="no volume from day 10 on"):
        imo.trial.mouse_mrecist(short)


@pytest.mark.parametrize(
    ("table", "options", "expected"),
    [
        (rates(5, 10, 2, 10).head(1), {}, "compares two arms, but there are 1: 'control'"),
        (rates(11, 10, 2, 10), {}, "11 responders of 10"),
        (rates(5, 10, 0, 0), {}, "has no subjects of arm 'control'"),
        (rates(5, 10, 2, 10).assign(site=["a", "b"]), {"strata": "site"}, "stratum 'a': has no subjects of arm 'treated'"),
        (rates(5, 10, 2, 10), {"strata": "site"}, "there is no column 'site'"),
        (rates(5, 10, 2, 10), {"method": "wald"}, "is 'wald'"),
        (rates(5, 10, 2, 10), {"reference": "placebo"}, "'placebo' is not an arm"),
        (rates(5, 10, 2, 10), {"confidence": 1.5}, "confidence: is 1.5"),
        (Table({"arm": ["a", "b"], "response": ["PR", "SD"]}), {}, "response 'PR' is neither 1 nor 0"),
        ("table", {}, "are str"),
    ],
)
def test_wrong_rates_are_named(table: Any, options: dict[str, Any], expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        imo.trial.response_rate_difference(table, **options)
