"""Tables in, tables out: forms, words, errors, rates with exact intervals, reports, speed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.trial.response import visit_windows

SUMS = pd.DataFrame(
    {
        "subject": ["1"] * 4 + ["2"] * 4 + ["3"] * 3 + ["4"],
        "arm": ["a"] * 8 + ["b"] * 4,
        "time": [0, 42, 84, 126] * 2 + [0, 42, 84, 0],
        "sum_of_diameters": [100, 70, 50, 60, 80, 80, 82, 84, 50, 65, 30, 40],
    }
)
LESIONS = pd.DataFrame(
    {
        "subject": "1",
        "time": [0.0, 0.0, 42.0, 42.0],
        "lesion": ["t1", "n1", "t1", "n1"],
        "kind": ["target", "non-target", "target", "non-target"],
        "diameter": [50.0, np.nan, 20.0, np.nan],
        "finding": ["", "present", "", "absent"],
    }
)


def test_the_columns_are_those_promised() -> None:
    responses = imo.recist(SUMS)
    assert list(responses.visits.columns[:12]) == [
        "subject",
        "arm",
        "time",
        "sum_of_diameters",
        "baseline",
        "nadir",
        "change_from_baseline",
        "change_from_nadir",
        "target",
        "non_target",
        "new_lesion",
        "response",
    ]
    needed = {"best_change", "best_response", "confirmed_response", "response_time", "progression_time", "last_time"}
    assert needed | {"duration_of_response", "response_ongoing", "baseline"} <= set(responses.subjects.columns)
    assert responses.visits["time"].dtype == float and responses.visits["new_lesion"].dtype == bool
    with pytest.raises(FrozenInstanceError):
        responses.visits = SUMS  # type: ignore[misc]


def test_the_input_is_left_as_it_was() -> None:
    sums, lesions = SUMS.copy(), LESIONS.copy()
    imo.recist(sums), imo.irecist(lesions)
    pd.testing.assert_frame_equal(sums, SUMS)
    pd.testing.assert_frame_equal(lesions, LESIONS)


def test_rates_have_exact_intervals() -> None:
    # 7 of 20: Clopper and Pearson (1934) by the beta distribution, quantiles of Beta(7, 14) and Beta(8, 13).
    from scipy.stats import beta

    sizes = [60] * 7 + [100] * 13
    rows = [(str(i), t, 100.0 if t == 0 else size) for i, size in enumerate(sizes) for t in (0, 42, 84)]
    rates = imo.recist(pd.DataFrame(rows, columns=["subject", "time", "sum_of_diameters"])).rates(None).iloc[0]
    assert (rates["n"], rates["responders"], rates["PR"], rates["SD"]) == (20, 7, 7, 13)
    assert rates["objective_response_rate"] == 0.35
    assert rates["lower"] == pytest.approx(beta.ppf(0.025, 7, 14), abs=1e-7)
    assert rates["upper"] == pytest.approx(beta.ppf(0.975, 8, 13), abs=1e-7)
    assert rates["disease_control_rate"] == 1 and rates["disease_control_upper"] == 1
    assert rates["disease_control_lower"] == pytest.approx(0.025 ** (1 / 20), abs=1e-7)


def test_rates_by_arm_count_everybody() -> None:
    responses = imo.recist(SUMS)
    table = responses.rates("arm").set_index("arm")
    assert list(table["n"]) == [2, 2]
    assert list(table.loc["a", ["PR", "SD", "PD", "NE"]]) == [1, 1, 0, 0]
    assert list(table.loc["b", ["PR", "SD", "PD", "NE"]]) == [0, 0, 1, 1]
    assert table["objective_response_rate"].tolist() == [0.5, 0.0]
    assert responses.rates("arm", confidence=0.5)["upper"].iloc[0] < table["upper"].iloc[0]


def test_pseudoprogression_has_its_share() -> None:
    sums = pd.DataFrame(
        {
            "subject": np.repeat(["1", "2", "3", "4"], 3),
            "arm": "a",
            "time": [0, 42, 84] * 4,
            "sum_of_diameters": [100, 130, 60, 100, 130, 105, 100, 130, 150, 100, 60, 60],
        }
    )
    row = imo.irecist(sums).pseudoprogression().iloc[0]
    assert [row[c] for c in ("n", "with_iupd", "pseudoprogression", "then_response")] == [4, 3, 2, 1]
    assert row["share"] == 0.5 and row["share_of_iupd"] == pytest.approx(2 / 3)
    assert 0 < row["lower"] < 0.5 < row["upper"] < 1


def test_enrolled_subjects_without_an_assessment_are_not_evaluable() -> None:
    enrolled = pd.DataFrame({"subject": [1, 2, 3, 4, 5], "arm": ["a", "a", "b", "b", "b"]})
    responses = imo.recist(SUMS, enrolled=enrolled)
    last = responses.subjects.iloc[-1]
    assert (last["subject"], last["arm"], last["confirmed_response"], last["visits"]) == ("5", "b", "NE", 0)
    assert list(responses.rates()["n"]) == [2, 3]


def test_numbers_name_subjects_as_texts_do() -> None:
    as_numbers = imo.recist(SUMS.assign(subject=SUMS["subject"].astype(float)))
    pd.testing.assert_frame_equal(as_numbers.visits, imo.recist(SUMS).visits)


def test_a_report_says_everything() -> None:
    responses = imo.irecist(pd.concat([SUMS, pd.DataFrame({"subject": ["", "9"], "arm": "b", "time": [1, 50]})]))
    text = responses.report()
    assert all(word in text for word in ("iRECIST", "Pseudo-progression", "no subject", "no assessment at baseline"))
    assert "<table" in responses._repr_html_() and "iRECIST" in repr(responses)
    assert "Nothing was left out" in imo.recist(SUMS).report()


@pytest.mark.parametrize("form", [SUMS, LESIONS, pd.DataFrame({"subject": ["1"], "time": [42.0], "response": ["PR"]})])
def test_a_table_without_rows_gives_tables_without_rows(form: pd.DataFrame) -> None:
    for criteria in (imo.recist, imo.irecist):
        responses = criteria(form.iloc[:0])
        assert len(responses.visits) == len(responses.subjects) == len(responses.left_out) == 0
        assert len(responses.rates()) == 0 and responses.report() and responses._repr_html_()


def test_what_was_left_out_is_told_with_its_row() -> None:
    table = pd.DataFrame(
        {
            "subject": ["1", "1", "", "1", "1", "1", "1"],
            "time": [0, 42, 42, None, 84, 0, 0],
            "lesion": ["t1", "t1", "t1", "t1", "t1", "x", "t1"],
            "kind": ["target"] * 5 + ["new", "target"],
            "diameter": [50, 20, 20, 20, -3, 12, 45],
        },
        index=list("abcdefg"),
    )
    responses = imo.recist(table)
    told = dict(zip(responses.left_out["row"], responses.left_out["reason"], strict=True))
    assert set(told) == set("cdefg")
    assert "no subject" in told["c"] and "no time" in told["d"] and "negative" in told["e"]
    assert "new lesion at baseline" in told["f"] and "largest counts" in told["g"]
    assert list(responses.visits["response"]) == ["PR", "NE"]


def test_what_is_no_number_is_told() -> None:
    table = SUMS.assign(sum_of_diameters=["100", "70", "n/k", "ne", *SUMS["sum_of_diameters"][4:].astype(str)])
    responses = imo.recist(table)
    assert list(responses.left_out["row"]) == [2]
    assert list(responses.visits["response"][:3]) == ["PR", "NE", "NE"]


def test_a_complete_response_before_a_partial_one_is_surfaced() -> None:
    given = pd.DataFrame({"subject": "1", "time": [42, 84], "response": ["CR", "PR"]})
    assert "CR before" in imo.recist(given).left_out["reason"].iloc[0]
    sums = pd.DataFrame({"subject": "1", "time": [0, 42, 84], "sum_of_diameters": [100, 0, 20]})
    visits = imo.recist(sums, imo.trial.RecistRules(progression_mm=30)).visits
    assert list(visits["reason"]) == ["", "disease seen after CR"]


def test_an_icpd_without_an_iupd_is_surfaced() -> None:
    given = pd.DataFrame({"subject": ["1", "2"], "time": [42, 42], "response": ["iCPD", "iUPD"]})
    assert list(imo.irecist(given).left_out["subject"]) == ["1"]


def test_a_target_with_progression_in_words_is_surfaced() -> None:
    table = LESIONS.assign(finding=["", "present", "unequivocal progression", "absent"])
    assert "its sum decides" in imo.recist(table).left_out["reason"].iloc[0]


def test_a_target_too_small_at_baseline_is_surfaced() -> None:
    table = LESIONS.assign(diameter=[9.0, np.nan, 5.0, np.nan])
    assert "too small at baseline" in imo.recist(table).left_out["reason"].iloc[0]
    assert imo.recist(table, imo.trial.RecistRules(measurable_mm=9)).left_out.empty


def test_a_sum_of_0_at_baseline_is_no_target() -> None:
    sums = pd.DataFrame({"subject": "1", "time": [0, 42], "sum_of_diameters": [0, 12], "non_target": ["", "non-CR/non-PD"]})
    responses = imo.recist(sums)
    assert np.isnan(responses.subjects["baseline"].item()) and np.isnan(responses.visits["change_from_baseline"].item())
    assert responses.visits["response"].item() == "non-CR/non-PD"
    assert "sum of 0" in responses.left_out["reason"].item()


def test_reasons_say_why() -> None:
    sums = pd.DataFrame(
        {"subject": "1", "time": [0, 42, 84], "sum_of_diameters": [100, 130, 140], "new_lesion": [False, False, True]}
    )
    assert list(imo.recist(sums).visits["reason"]) == ["targets progressed", "new lesion"]
    assert list(imo.irecist(sums).visits["reason"]) == ["targets", "confirmed by targets, new lesions"]


WRONG: dict[str, tuple[Any, dict[str, Any], tuple[str, ...]]] = {
    "no table": ([1, 2], {}, ("assessments", "list", "DataFrame")),
    "other columns": (pd.DataFrame({"a": [1]}), {}, ("columns a", "sum_of_diameters")),
    "a column missing": (SUMS.rename(columns={"time": "hour"}), {}, ("no column 'time'", "known")),
    "a column misspelt": (LESIONS.rename(columns={"diameter": "diametre"}), {}, ("'diameter'", "did you mean 'diametre'")),
    "unknown kind": (LESIONS.assign(kind="tagret"), {}, ("kind", "'tagret'", "did you mean 'target'")),
    "unknown finding": (LESIONS.assign(finding="shrunk"), {}, ("finding", "'shrunk'", "known")),
    "unknown response": (pd.DataFrame({"subject": ["1"], "time": [1], "response": ["XX"]}), {}, ("'XX'", "PR")),
    "unknown status": (SUMS.assign(non_target="PR"), {}, ("non_target", "'PR'", "non-CR/non-PD")),
    "neither yes nor no": (SUMS.assign(new_lesion="maybe"), {}, ("new_lesion", "'maybe'", "True or False")),
    "two arms": (SUMS.assign(arm=list("abababababab")), {}, ("1", "a, b", "one arm per subject")),
    "rules of another kind": (SUMS, {"rules": {"progression": 0.2}}, ("rules", "dict", "RecistRules")),
    "new therapy of nobody": (SUMS, {"new_therapy": {"7": 3.0}}, ("new_therapy", "'7'", "not a subject")),
    "enrolled without subjects": (SUMS, {"enrolled": pd.DataFrame({"number": [1]})}, ("enrolled", "'subject'")),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_mistakes_are_told(mistake: str) -> None:
    table, more, phrases = WRONG[mistake]
    with pytest.raises(imo.errors.DataError) as told:
        imo.recist(table, **more)
    assert all(phrase in str(told.value) for phrase in phrases), str(told.value)


@pytest.mark.parametrize(
    ("make", "phrases"),
    [
        (
            lambda: imo.trial.RecistRules(progression=-0.1, baseline="worst"),
            ("2 problems", "progression", "at least 0", "'last'"),
        ),
        (lambda: imo.trial.RecistRules(not_evaluable_between=1.5), ("not_evaluable_between", "whole number")),
        (lambda: imo.trial.RecistRules(reappearance_is_progression="no"), ("True or False",)),
        (lambda: imo.trial.RecistRules(stable_days=float("nan")), ("stable_days", "a number")),
        (lambda: imo.trial.IrecistRules(recist=3), ("recist", "a RecistRules")),
        (lambda: imo.trial.IrecistRules(new_lesions_block="sometimes"), ("'always'",)),
        (lambda: imo.recist(SUMS).rates("sex"), ("'sex'", "not a column")),
        (lambda: imo.recist(SUMS).rates(confidence=95), ("confidence", "0.95")),
        (lambda: imo.recist(SUMS).pseudoprogression(), ("irecist",)),
    ],
)
def test_wrong_rules_and_questions_are_told(make: Any, phrases: tuple[str, ...]) -> None:
    with pytest.raises(imo.errors.DataError) as told:
        make()
    assert all(phrase in str(told.value) for phrase in phrases), str(told.value)


def test_baseline_may_be_later_than_day_0() -> None:
    assert imo.trial.RecistRules(baseline_until=-3).baseline_until == -3


def large(subjects: int) -> pd.DataFrame:
    """Return subjects of 12 visits and 3 lesions: two targets, one of them a node, and a non-target."""
    rng = np.random.default_rng(1)
    sizes = 30 * np.exp(np.cumsum(rng.normal(0, 0.12, (subjects, 12, 3)), axis=1)).reshape(-1)
    kind = np.tile(["target", "target node", "non-target"], subjects * 12)
    return pd.DataFrame(
        {
            "subject": np.repeat(np.arange(subjects), 36).astype(str),
            "arm": np.repeat(np.where(np.arange(subjects) % 2, "a", "b"), 36),
            "time": np.tile(np.repeat(np.arange(12) * 42.0, 3), subjects),
            "lesion": np.tile(["t1", "t2", "n1"], subjects * 12),
            "kind": kind,
            "diameter": np.where(kind == "non-target", np.nan, sizes),
            "finding": np.where(kind == "non-target", "present", ""),
        }
    )


def test_many_patients_need_no_more_calls_than_few(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    first_days = visit_windows._first_days
    monkeypatch.setattr(visit_windows, "_first_days", lambda *given: calls.append(given) or first_days(*given))
    for criteria in (imo.recist, imo.irecist):
        assert len(criteria(large(2_000)).visits) == 22_000
    assert not calls, "the one loop over subjects is for those with days that may be one visit"


@pytest.mark.parametrize(
    "names",
    [
        {"subject": "USUBJID", "time": "Day", "sum_of_diameters": "SLD"},
        {"subject": "patient", "time": "visit_day", "sum_of_diameters": "Sum of diameters mm"},
        {"subject": "ID", "time": "study day", "sum_of_diameters": "sum"},
    ],
)
def test_common_names_of_columns_are_understood(names: dict[str, str]) -> None:
    said = imo.recist(SUMS.rename(columns=names))
    pd.testing.assert_frame_equal(said.visits, imo.recist(SUMS).visits)


def test_enrolled_subjects_under_other_names() -> None:
    adsl = pd.DataFrame({"USUBJID": ["1", "x"], "site": "a", "location": "b"})
    assert imo.recist(SUMS, enrolled=adsl).subjects.set_index("subject").loc["x", "best_response"] == "NE"


def test_two_columns_for_one_thing_are_told() -> None:
    table = SUMS.rename(columns={"subject": "patient"}).assign(id="1")
    with pytest.raises(imo.errors.DataError, match="'patient' and 'id' could each be the subject"):
        imo.recist(table)


def test_lesions_without_a_kind_are_targets() -> None:
    table = pd.DataFrame({"patient": "1", "day": [0, 0, 42, 42], "lesion": ["a", "b"] * 2, "diam_mm": [60.0, 40, 40, 30]})
    assert imo.recist(table).visits["response"].tolist() == ["PR"]


def test_dates_in_the_place_of_days_are_an_error() -> None:
    with pytest.raises(imo.errors.DataError, match="contains dates, but no column"):
        imo.recist(pd.DataFrame({"subject": "1", "time": ["2024-01-01", "2024-02-12"], "sum_of_diameters": [50, 30]}))


def test_a_trial_whose_days_begin_with_1_is_told() -> None:
    table = pd.DataFrame({"subject": "1", "time": [1, 43, 85], "sum_of_diameters": [100, 60, 55]})
    with pytest.warns(UserWarning, match=r"up to day 0.*first assessment is on day 1\. RecistRules\(baseline='first'\)"):
        assert set(imo.recist(table).visits["response"]) == {"NE"}
    assert imo.recist(table, imo.trial.RecistRules(baseline="first")).subjects["confirmed_response"].item() == "PR"


def test_three_targets_in_an_organ_are_told() -> None:
    rows = [("1", day, f"t{k}", 20.0, "liver" if k < 3 else "lung") for day in (0, 42) for k in range(5)]
    table = pd.DataFrame(rows, columns=["subject", "time", "lesion", "diameter", "organ"])
    assert "more than 2 target lesions in an organ" in imo.recist(table).left_out["reason"].item()
    assert imo.recist(table[table["lesion"] != "t0"]).left_out.empty


def test_subjects_of_adsl_who_were_never_assessed_count() -> None:
    adsl = pd.DataFrame({"USUBJID": ["a", "b", "c"], "TRTSDT": "2024-01-10", "TRT01P": ["x", "x", "y"]})
    adrs = pd.DataFrame({"USUBJID": "a", "PARAMCD": "OVR", "AVALC": "PR", "ADT": ["2024-02-21", "2024-04-03"]})
    data = imo.io.read_adam({"ADSL": adsl, "ADRS": adrs})
    rates = imo.recist(data).rates()
    assert rates[["arm", "n", "responders"]].values.tolist() == [["x", 2, 1], ["y", 1, 0]]
    assert imo.recist(data.select(arm="x")).subjects["confirmed_response"].tolist() == ["PR", "NE"]


def test_responses_are_read_as_people_write_them() -> None:
    words = ["Partial Response", "Stable disease", "NOT EVALUABLE", "Non-CR/Non-PD", "Progressive Disease"]
    table = pd.DataFrame({"subject": "1", "time": np.arange(1, 6) * 42.0, "overall response": words})
    assert imo.recist(table).visits["response"].tolist() == ["PR", "SD", "NE", "non-CR/non-PD", "PD"]
    sums = pd.DataFrame({"subject": "1", "time": [0, 42, 84, 126], "SLD": [50, 0, 0, 0]})
    seen = imo.recist(sums.assign(nontarget=["", "stable", "absent", "unequivocal progression"])).visits
    assert seen["response"].tolist() == ["PR", "CR", "PD"]
    lesions = pd.DataFrame({"subject": "1", "time": [0, 0, 42, 42], "lesion": [*"abab"], "diameter": [20, 15, 12, 5]})
    assert len(imo.recist(lesions.assign(kind=["T", "NT"] * 2)).visits) == 1
    with pytest.raises(imo.errors.DataError, match="'remission' is unknown"):
        imo.recist(table.assign(**{"overall response": "remission"}))


TABLE_1 = """CR CR no CR|CR NON no PR|CR NE no PR|PR NON no PR|PR NE no PR|PR PD no PD|SD NON no SD|SD NE no SD|NE NON no NE
PD NON no PD|PD CR yes PD|CR PD no PD|CR CR yes PD|PR - no PR|- CR no CR|- NON no non-CR/non-PD|- NE no NE|- PD no PD"""


def test_responses_of_targets_and_non_targets_by_tables_1_and_2() -> None:
    rows = [row.split() for row in TABLE_1.replace("\n", "|").split("|")]
    table = pd.DataFrame(rows, columns=["target", "non_target", "new_lesion", "expect"]).replace("-", "")
    table = table.assign(subject=[f"{k:02d}" for k in range(len(rows))], time=42.0)
    table["non_target"] = table["non_target"].replace("NON", "non-CR/non-PD")
    worst = imo.recist(table.assign(target="PD", new_lesion="no", non_target="")).visits["reason"]
    assert set(worst) == {"targets progressed"}
    assert imo.recist(table).visits["response"].tolist() == table["expect"].tolist()


def test_courses_of_targets_and_non_targets() -> None:
    table = pd.DataFrame({"patient": "1", "day": [0, 42, 84, 84, 126], "Target Response": ["", "CR", "CR", "PR", "CR"]})
    seen = imo.recist(table)
    assert seen.visits["response"].tolist() == ["CR", "PD", "CR"] and seen.visits["reason"][1] == "disease seen after CR"
    assert seen.left_out["reason"].tolist() == ["a second assessment at that visit; the worst of each counts"]
    assert seen.subjects["confirmed_response"].item() == "SD"
    with pytest.raises(imo.errors.DataError, match="by how much the targets increased"):
        imo.irecist(table)
