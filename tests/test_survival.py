"""Survival: curves by hand, published numbers, censoring rules, regressions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError
from tests.long_forms import spread
from tests.published_data import data_file

REMISSION = {
    "6-MP": ([6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]),
    "placebo": ([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23], []),
}
"""Weeks of remission in acute leukaemia, ended and censored: the trial of Freireich et al. 1963, as every textbook has it."""


def remission() -> pd.DataFrame:
    rows = [
        (arm, t, event)
        for arm, lists in REMISSION.items()
        for event, times in zip((True, False), lists, strict=True)
        for t in times
    ]
    table = pd.DataFrame(rows, columns=["arm", "time", "event"]).assign(endpoint="RFS")
    return table.assign(subject=[f"s{k}" for k in table.index])


def test_the_textbook_example() -> None:
    km = imo.kaplan_meier(remission())
    assert km.medians.set_index("arm")["median"].to_dict() == {"6-MP": 23.0, "placebo": 8.0}
    curve = km.curve[km.curve["arm"] == "6-MP"].set_index("time")
    assert curve.loc[[6, 7, 10, 13, 16, 22, 23], "survival"].round(3).tolist() == [
        0.857,
        0.807,
        0.753,
        0.690,
        0.627,
        0.538,
        0.448,
    ]
    assert curve.loc[[6, 7, 10, 13], "at_risk"].tolist() == [21, 17, 15, 12]
    test = km.log_rank()
    assert test.statistic == pytest.approx(16.793, abs=0.001) and test.degrees_of_freedom == 1 and test.p_value < 1e-4


@pytest.mark.parametrize("seed", range(8))
def test_curves_are_those_of_lifelines(seed: int) -> None:
    from lifelines import KaplanMeierFitter

    random = np.random.default_rng(seed)
    count = int(random.integers(1, 40))
    days = random.integers(0, 12, count).astype(float) if seed % 2 else random.exponential(100, count)
    table = pd.DataFrame(
        {"subject": range(count), "time": days, "event": random.random(count) < random.choice([0, 0.3, 0.7, 1])}
    )
    fitted = KaplanMeierFitter(alpha=0.1).fit(table["time"], table["event"])
    known = fitted.event_table.rename(columns={"observed": "events"})
    curve = imo.kaplan_meier(table, "OS", confidence=0.9).curve.set_index("time")
    assert curve.index.tolist() == known.index.tolist()
    counts = ["at_risk", "events", "censored"]
    assert curve[counts].values.tolist() == known[counts].values.tolist()
    np.testing.assert_allclose(curve["survival"], fitted.survival_function_.iloc[:, 0], atol=1e-14)
    some = (curve["survival"] > 1e-12).to_numpy()
    band = fitted.confidence_interval_survival_function_.to_numpy()
    np.testing.assert_allclose(curve[["lower", "upper"]][some], band[some], atol=1e-12)
    assert curve[["lower", "upper"]][~some].isna().all(axis=None)


def test_no_event_tells_arms_apart() -> None:
    table = pd.DataFrame({"subject": list("abcd"), "arm": list("xxyy"), "time": [1, 2, 3, 4], "event": [0, 0, 1, 1]})
    km = imo.kaplan_meier(table, "OS")
    with pytest.raises(imo.errors.DataError, match="no event that distinguishes the arms"):
        km.log_rank()
    assert "no log-rank test: endpoints: have no event that distinguishes the arms" in km.report()
    words = [" ".join(text.get_text().split()) for text in km.plot(at_risk=False).get_legend().get_texts()]
    assert "no event distinguishes the arms" in words


def test_at_risk_are_those_whose_time_is_at_least_that() -> None:
    table = remission()
    km = imo.kaplan_meier(table)
    days = np.linspace(0, 40, 81)
    for arm, row in km.at_risk(days).iterrows():
        times = table.loc[table["arm"] == arm, "time"].to_numpy()
        assert row.tolist() == [(times >= d).sum() for d in days]


def test_survival_by_hand() -> None:
    table = pd.DataFrame({"subject": list("abcde"), "time": [1, 2, 2, 3, 4], "event": [1, 1, 0, 1, 0]})
    km = imo.kaplan_meier(table)
    assert np.allclose(km.curve["survival"], [1, 4 / 5, 4 / 5 * 3 / 4, 4 / 5 * 3 / 4 / 2, 4 / 5 * 3 / 4 / 2])
    assert km.survival_at(2.5)["survival"].tolist() == pytest.approx([0.6]) and np.isnan(km.survival_at(5)["survival"][0])
    s, variance = 0.6, 1 / (5 * 4) + 1 / (4 * 3)
    low = s ** np.exp(1.959964 * np.sqrt(variance) / abs(np.log(s)))
    assert km.survival_at(2)["lower"][0] == pytest.approx(low, rel=1e-6)


def test_the_median_is_the_middle_of_the_step_where_survival_is_a_half() -> None:
    """As R's `survfit` and SAS' LIFETEST: 52.5 where half have died at 52 and the next dies at 53."""
    table = pd.DataFrame({"subject": list("abcdef"), "time": [10, 30, 52, 53, 70, 90], "event": 1})
    assert imo.kaplan_meier(table).medians["median"][0] == 52.5
    twenty = pd.DataFrame({"subject": range(20), "time": range(1, 21), "event": 1})  # 19/20 * 18/19 * ... is not quite 0.5
    assert imo.kaplan_meier(twenty).medians["median"][0] == 10.5
    between = table.assign(event=[1, 1, 1, 0, 1, 1])  # a censored subject is no end of the step
    assert imo.kaplan_meier(between).medians["median"][0] == 61
    last = table.assign(event=[1, 1, 1, 0, 0, 0])  # no later event: the day at which it was reached
    assert imo.kaplan_meier(last).medians["median"][0] == 52


def test_quantiles_with_limits_where_the_bands_cross() -> None:
    km = imo.kaplan_meier(remission())
    found = km.quantile([0.25, 0.5, 0.75]).set_index(["arm", "probability"])
    assert found.loc[("placebo", 0.5), ["time", "lower", "upper"]].tolist() == [8, 4, 11]
    assert found.loc[("6-MP", 0.5), ["time", "lower", "upper"]].tolist() == [23, 13, np.inf]
    assert found.loc[("6-MP", 0.25), "time"] == 13 and found.loc[("6-MP", 0.75), "time"] == np.inf
    with pytest.raises(DataError, match="0.5 for the median"):
        km.quantile(50)


def test_there_is_no_band_where_nobody_survives() -> None:
    """The log of -log 0 is infinite: R gives NA, and the upper limit of a median is not reached."""
    km = imo.kaplan_meier(pd.DataFrame({"subject": range(6), "time": range(1, 7), "event": 1}))
    assert np.isnan(km.curve["upper"].iloc[-1]) and np.isnan(km.curve["lower"].iloc[-1])
    assert km.medians["upper"][0] == np.inf


def test_nobody_fails() -> None:
    km = imo.kaplan_meier(pd.DataFrame({"subject": list("ab"), "time": [5, 9], "event": [0, 0]}))
    assert km.curve["survival"].tolist() == [1.0] * 3 and np.isinf(km.medians["median"][0])


def test_poplar_is_as_published() -> None:
    """Medians of overall survival 12.6 and 9.7 months (Mazieres et al. 2021, doi 10.1016/j.jtho.2020.09.022), n 144 and 143."""
    data = imo.trial.read_endpoints(
        data_file("poplar_clinical.csv"),
        {"PFS": "PFS", "OS": "OS"},
        censored={"PFS": "PFS.CNSR", "OS": "OS.CNSR"},
        unit="month",
        columns={"subject": "PtID", "arm": "TRT01P"},
    )
    survival = imo.kaplan_meier(data, "OS").medians.set_index("arm")
    assert survival["subjects"].to_dict() == {"Docetaxel": 143, "MPDL3280A": 144}
    months = (survival["median"] / 30.4375).to_dict()
    assert months["MPDL3280A"] == pytest.approx(12.6, abs=0.1) and months["Docetaxel"] == pytest.approx(9.7, abs=0.1)
    ratio = imo.trial.cox(data, endpoint="OS", reference="Docetaxel").table.iloc[0]
    assert 0.5 < ratio["lower"] < ratio["estimate"] < 0.76 + 0.05 and ratio["upper"] < 1.0
    progression = imo.kaplan_meier(data, "PFS").medians.set_index("arm")["median"] / 30.4375
    assert progression["MPDL3280A"] == pytest.approx(2.7, abs=0.1)
    assert progression["Docetaxel"] == pytest.approx(3.0, abs=0.4)
    ratio = imo.trial.cox(data, endpoint="PFS", reference="Docetaxel").table.iloc[0]
    assert ratio["estimate"] == pytest.approx(0.94, abs=0.05) and 0.7 < ratio["lower"] < 1 < ratio["upper"] < 1.25


@pytest.mark.parametrize("endpoint", ["OS", "PFS"])
def test_numbers_at_risk_of_poplar_are_counted_from_the_table(endpoint: str) -> None:
    raw = pd.read_csv(data_file("poplar_clinical.csv"))
    data = imo.trial.read_endpoints(
        data_file("poplar_clinical.csv"),
        {endpoint: endpoint},
        censored={endpoint: f"{endpoint}.CNSR"},
        unit="month",
        columns={"subject": "PtID", "arm": "TRT01P"},
    )
    months = np.array([0, 3, 6, 9, 12, 15, 18, 21, 24])
    counts = imo.kaplan_meier(data, endpoint).at_risk(months * 30.4375)
    for arm, rows in raw.groupby("TRT01P"):
        assert counts.loc[arm].tolist() == [int((rows[endpoint] * 30.4375 >= m * 30.4375).sum()) for m in months]


def test_responses_of_poplar_are_as_published() -> None:
    """15 % of either arm, confirmed (three-year report of POPLAR, World Conference on Lung Cancer 2017)."""
    raw = pd.read_csv(data_file("poplar_clinical.csv"))
    share = raw["BCOR"].isin(["CR", "PR"]).groupby(raw["TRT01P"]).mean()
    assert share.round(2).to_dict() == {"Docetaxel": 0.15, "MPDL3280A": 0.15}


def test_cox_of_the_textbook_example() -> None:
    found = imo.trial.cox(remission(), reference="placebo")
    row = found.table.iloc[0]
    assert row["estimate"] == pytest.approx(np.exp(-1.5721), rel=1e-3)  # Efron's ties, as R's survival has it
    assert found.events == 30 and found.proportional is not None and "hazard ratio" in found.report()


VETERAN = Path(__file__).parent / "veteran.csv"
"""The Veterans' Administration lung cancer trial, as printed by Kalbfleisch and Prentice 1980, appendix 1."""


def veteran() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return times to death, and covariates."""
    table = pd.read_csv(VETERAN).assign(subject=lambda t: [f"s{k}" for k in t.index])
    return table[["subject", "time", "event"]], table.set_index("subject").drop(columns=["time", "event"])


def test_proportional_hazards_are_tested_as_cox_zph_of_r_does() -> None:
    """The output of `cox.zph(coxph(Surv(time, status) ~ trt + prior + karno, veteran))` that R's documentation shows."""
    times, covariates = veteran()
    found = imo.trial.cox(times, covariates[["trt", "prior", "karno"]]).proportional
    assert found is not None and found["covariate"].tolist() == ["trt", "prior", "karno", "global"]
    assert found["statistic"].round(3).tolist() == [0.288, 2.168, 12.138, 18.073]
    assert found["degrees_of_freedom"].tolist() == [1, 1, 1, 3]
    assert found["p_value"].round(5).tolist() == [0.59125, 0.14087, 0.00049, 0.00042]


def test_proportional_hazards_of_a_covariate_in_words_are_tested_together() -> None:
    times, covariates = veteran()
    found = imo.trial.cox(times, covariates).proportional
    assert found is not None
    rows = found.set_index("covariate")
    assert rows.loc["celltype", "degrees_of_freedom"] == 3 and rows.loc["global", "degrees_of_freedom"] == 8
    other = covariates.iloc[::-1]  # the first word is another, and so is what each coefficient is compared with
    again = imo.trial.cox(times.iloc[::-1], other).proportional
    assert again is not None
    for name in ("celltype", "age", "global"):
        assert again.set_index("covariate").loc[name, "statistic"] == pytest.approx(rows.loc[name, "statistic"], rel=1e-3)


def test_proportional_hazards_in_strata_are_the_sum_over_strata() -> None:
    """Score and information of the test are sums over strata: differences of the partial likelihood give the same."""
    times, covariates = veteran()
    fit = imo.trial.cox(times, covariates[["karno", "celltype"]], strata=["celltype"])
    assert fit.proportional is not None
    rows = times.merge(covariates, left_on="subject", right_index=True)
    day, died, x = (rows[c].to_numpy(float) for c in ("time", "event", "karno"))
    before = np.array([np.prod([1 - died[day == d].sum() / (day >= d).sum() for d in np.unique(day) if d < t]) for t in day])

    def partial(beta: float, theta: float) -> float:
        total = 0.0
        for word in rows["celltype"].unique():
            own = (rows["celltype"] == word).to_numpy()
            for t in np.unique(day[own & (died > 0)]):
                risk, now = own & (day >= t), own & (day == t) & (died > 0)
                effect = x * (beta + theta * (1 - before[now][0]))
                shared = [np.exp(effect[risk]).sum() - k / now.sum() * np.exp(effect[now]).sum() for k in range(now.sum())]
                total += effect[now].sum() - np.log(shared).sum()
        return float(total)

    b, h = float(np.log(fit.table["estimate"][0])), 1e-3
    score = (partial(b, h) - partial(b, -h)) / (2 * h)
    middle = partial(b, 0)
    bb = -(partial(b + h, 0) - 2 * middle + partial(b - h, 0)) / h**2
    tt = -(partial(b, h) - 2 * middle + partial(b, -h)) / h**2
    bt = -(partial(b + h, h) - partial(b + h, -h) - partial(b - h, h) + partial(b - h, -h)) / (4 * h**2)
    assert fit.proportional["statistic"][0] == pytest.approx(score**2 / (tt - bt**2 / bb), rel=1e-3)


def test_covariates_in_words_and_numbers() -> None:
    table = remission()
    people = pd.DataFrame({"age": np.linspace(2, 12, 42), "sex": ["f", "m"] * 21}, index=table["subject"])
    people.iloc[0, 0] = np.nan
    found = imo.trial.cox(table, people, reference="placebo")
    assert found.table["covariate"].tolist() == ["arm: 6-MP (to placebo)", "age", "sex: m (to f)"] or len(found.table) == 3
    assert found.left_out["subject"].tolist() == ["s0"] and found.subjects == 41
    strata = imo.trial.cox(table, people[["sex"]], strata=["sex"], reference="placebo")
    assert len(strata.table) == 1


@pytest.mark.parametrize("distribution", spread(["weibull", "log-normal", "log-logistic"], 1))
def test_accelerated_failure_times_are_recovered(distribution: str) -> None:
    random = np.random.default_rng(0)
    arm = np.repeat(["a", "b"], 2000)
    noise = {
        "weibull": np.log(random.exponential(size=4000)),
        "log-normal": random.normal(size=4000),
        "log-logistic": random.logistic(size=4000),
    }
    times = np.exp(5 + 0.5 * (arm == "b") + 0.6 * noise[distribution])
    table = pd.DataFrame({"subject": np.arange(4000), "arm": arm, "time": np.minimum(times, 400), "event": times < 400})
    found = imo.trial.parametric_survival(table, distribution=distribution, reference="a")  # type: ignore[arg-type]
    assert found.table["estimate"][0] == pytest.approx(np.exp(0.5), rel=0.1)
    visits = np.ceil(table["time"] / 42) * 42
    seen = table.assign(
        lower=np.where(table["event"], visits - 42, table["time"]), upper=np.where(table["event"], visits, np.inf)
    )
    between = imo.trial.parametric_survival(seen, distribution=distribution, intervals=True, reference="a")  # type: ignore[arg-type]
    assert between.table["estimate"][0] == pytest.approx(np.exp(0.5), rel=0.1)


def responses(rows: list[tuple[str, float, float]]) -> imo.Responses:
    return imo.recist(pd.DataFrame(rows, columns=["subject", "time", "sum_of_diameters"]))


SEEN = [
    ("grows", 0, 50),
    ("grows", 42, 40),
    ("grows", 84, 60),
    ("stays", 0, 80),
    ("stays", 42, 70),
    ("stays", 84, 72),
    ("late", 0, 50),
    ("late", 42, 50),
    ("late", 300, 90),
    ("baseline only", 0, 50),
    ("dies", 0, 50),
    ("dies", 42, 52),
    ("switches", 0, 50),
    ("switches", 42, 52),
    ("switches", 84, 90),
]
DEATHS = pd.DataFrame(
    {
        "subject": ["grows", "stays", "late", "baseline only", "dies", "switches"],
        "endpoint": "OS",
        "time": [200, 200, 400, 30, 60, 300],
        "event": [1, 0, 1, 1, 1, 0],
    }
)


@pytest.mark.parametrize(
    ("rules", "subject", "time", "event", "reason"),
    [
        ({}, "grows", 84, True, "progression"),
        ({}, "stays", 84, False, "no progression at last assessment"),
        ({}, "late", 300, True, "progression"),
        ({"longest_gap": "14 weeks"}, "late", 42, False, "two or more missed assessments before the event"),
        ({}, "baseline only", 30, True, "death"),
        ({"longest_gap": 20}, "baseline only", 0, False, "two or more missed assessments before the event"),
        ({}, "dies", 60, True, "death"),
        ({}, "switches", 42, False, "new therapy before progression"),
        ({"new_therapy": False}, "switches", 84, True, "progression"),
    ],
)
def test_censoring_rules(rules: dict[str, Any], subject: str, time: float, event: bool, reason: str) -> None:
    found = imo.trial.progression_free_survival(
        responses(SEEN), DEATHS, new_therapy={"switches": 60}, rules=imo.trial.PfsRules(**rules)
    )  # type: ignore[arg-type]
    row = found.set_index("subject").loc[subject]
    assert (row["time"], row["event"], row["reason"]) == (time, event, reason)


def test_progression_lies_between_visits() -> None:
    found = imo.trial.progression_free_survival(responses(SEEN), DEATHS).set_index("subject")  # type: ignore[arg-type]
    assert found.loc["grows", ["lower", "upper"]].tolist() == [42, 84] and found.loc["dies", ["lower", "upper"]].tolist() == [
        60,
        60,
    ]
    assert found.loc["stays", ["lower", "upper"]].tolist() == [84, np.inf]
    alone = imo.trial.progression_free_survival(responses(SEEN)).set_index("subject")  # type: ignore[arg-type]
    assert alone.loc["baseline only", ["time", "event", "reason"]].tolist() == [0, False, "no assessment after baseline"]


def test_duration_of_response() -> None:
    seen = responses(
        [("a", 0, 50), ("a", 42, 30), ("a", 84, 30), ("a", 126, 60), ("b", 0, 50), ("b", 42, 30), ("b", 84, 28)]
        + [("c", 0, 50), ("c", 42, 30), ("d", 0, 50), ("d", 42, 30), ("d", 84, 30), ("e", 0, 50), ("e", 42, 60)]
    )
    dead = pd.DataFrame({"subject": ["d"], "endpoint": "OS", "time": [100], "event": [True]})
    found = imo.trial.duration_of_response(seen, dead)
    assert found[["subject", "time", "event"]].values.tolist() == [["a", 84, True], ["b", 42, False], ["d", 58, True]]
    assert found[["lower", "upper"]].values.tolist() == [[42, 84], [42, np.inf], [58, 58]]
    assert imo.trial.duration_of_response(seen, confirmed=False)["subject"].tolist() == [*"abcd"]
    assert imo.kaplan_meier(found, by="endpoint").medians["median"].item() == 71  # half at 58, the rest at 84
    with pytest.raises(DataError, match="have no confirmed CR or PR"):
        imo.trial.duration_of_response(responses([("e", 0, 50), ("e", 42, 60)]))


def test_landmark() -> None:
    table = pd.DataFrame({"subject": ["grows", "stays", "early"], "time": [200, 300, 20], "event": [1, 0, 1]})
    seen = responses(
        [("grows", 0, 50), ("grows", 42, 30), ("stays", 0, 50), ("stays", 42, 50), ("stays", 100, 20), ("early", 0, 50)]
    )
    found = imo.trial.landmark(table, seen, "12 weeks")
    assert found["subject"].tolist() == ["grows", "stays"] and found["time"].tolist() == [116, 216]
    assert found["group"].tolist() == ["responder", "non-responder"]
    with pytest.raises(DataError, match="no subject with a group is at risk"):
        imo.trial.landmark(table, seen, "2 years")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (pd.DataFrame({"subject": ["a"], "time": [1]}), "no column 'event'"),
        (pd.DataFrame({"subject": ["a"], "time": [-1], "event": [1]}), "time is negative"),
        (pd.DataFrame({"subject": ["a"], "time": ["x"], "event": [1]}), "time is not a number"),
        (pd.DataFrame({"subject": ["a", "a"], "time": [1, 2], "event": [1, 1]}), "is a second row of the subject"),
        (
            pd.DataFrame({"subject": ["a", "b"], "time": [1, 2], "event": [1, 1], "endpoint": ["OS", "PFS"]}),
            "one of 'OS', 'PFS'",
        ),
        (pd.DataFrame({"subject": [], "time": [], "event": []}), "have no row"),
        ("a table", "are str"),
    ],
)
def test_wrong_tables(table: Any, expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        imo.kaplan_meier(table)


def test_events_in_words_are_read_and_others_refused() -> None:
    table = pd.DataFrame({"subject": list("abc"), "time": [3, 5, 9], "event": ["1", "0", "1"]})
    known = imo.kaplan_meier(table.assign(event=[True, False, True])).curve
    for words in (["1", "0", "1"], ["yes", "no", "Yes"], [1.0, 0.0, 1.0]):
        pd.testing.assert_frame_equal(imo.kaplan_meier(table.assign(event=words)).curve, known)
    with pytest.raises(DataError, match="subject c: event is missing, or neither 1 nor 0"):
        imo.kaplan_meier(table.assign(event=[1, 0, 2]))


def test_covariates_of_the_trial_data_by_name() -> None:
    table = remission()
    people = pd.DataFrame({"age": np.linspace(2, 12, 42)}, index=table["subject"])
    data = imo.TrialData(pd.DataFrame(), covariates=people, endpoints=table.assign(endpoint="OS", reason=""))
    named = imo.trial.cox(data, "age", reference="placebo").table
    pd.testing.assert_frame_equal(named, imo.trial.cox(table, people, reference="placebo").table)
    with pytest.raises(DataError, match=r"'aeg' is not in the data; did you mean 'age'"):
        imo.trial.cox(data, ["aeg"])
    with pytest.raises(DataError, match="the endpoints do not contain covariates"):
        imo.trial.cox(table, ["age"])
    with pytest.raises(DataError, match="covariates: are int"):
        imo.trial.cox(table, 3)  # type: ignore[arg-type]


def test_wrong_regressions() -> None:
    table = remission()
    people = pd.DataFrame({"flat": 1.0, "age": np.arange(42.0)}, index=table["subject"])
    with pytest.raises(DataError, match="covariate 'flat': has the same value"):
        imo.trial.cox(table, people)
    with pytest.raises(DataError, match="have no event"):
        imo.trial.cox(table.assign(event=False))
    with pytest.raises(DataError, match="'docetaxel' is not an arm"):
        imo.trial.cox(table, reference="docetaxel")
    with pytest.raises(DataError, match="there are none, and only one arm"):
        imo.trial.cox(table.assign(arm="all"))
    with pytest.raises(DataError, match="no column 'lower'"):
        imo.trial.parametric_survival(table, intervals=True)
    with pytest.raises(DataError, match="did you mean 'weibull'"):
        imo.trial.parametric_survival(table, distribution="weibul")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="does not converge"):
        imo.trial.cox(table, people.assign(flat=people["age"] * 2 + 1))
    with pytest.raises(DataError, match="needs at least two arms"):
        imo.kaplan_meier(table.assign(arm="all")).log_rank()
