"""Tables with observations and doses: what a row means, nothing dropped unseen, and a fit that sees troughs as troughs."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError
from immunoode.model.components import Derived, Flow, Input, Parameter
from tests.long_forms import spread
from tests.published_data import FOLDER
from tests.solve_models import base

INPUTS = {1: "drug"}


def table(text: str) -> pd.DataFrame:
    """Return a table of words in lines, the first its names."""
    return pd.read_csv(io.StringIO(text), sep=r"\s+", dtype=str)


def read(text: str, time_unit: str = "hour", **options: Any) -> imo.TrialData:
    return imo.io.read_nonmem(table(text), INPUTS, time_unit=time_unit, **({"observations": "level"} | options))


def refused(text: str, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(text, **options)
    return str(caught.value)


def counts(account: Any) -> dict[str, tuple[int, int]]:
    return {t.name: (t.given, t.used) for t in account.tallies}


def model(**values: float) -> imo.Model:
    """Return one compartment with a depot: the model of the public records (CL 1.1 L/h, V 20 L, KA 1.5 per hour)."""
    return base(
        "one",
        {
            "CL": 26.4,
            "V": (20.0, "1"),
            "KA": 36.0,
            "lag": Parameter(0.0, "day"),
            "share": (1.0, "1"),
            "speed": 240.0,
            "lasts": Parameter(2 / 24, "day"),
        },
        {"depot": 0.0, "central": 0.0},
        {"absorption": Flow("depot", "central", per_capita="KA"), "elimination": Flow("central", per_capita="CL / V")},
        inputs={
            "depot": Input("depot", "1"),
            "drug": Input("central", "1", lag="lag", bioavailability="share", rate="speed", duration="lasts"),
        },
        derived={"level": Derived("central / V", "1")},
    ).with_values(**values)


# order of rows


def test_rows_of_one_time_act_in_their_order() -> None:
    """A trough stands before the dose of its time, a peak after it; an additional dose comes before both."""
    rows = "ID TIME DV AMT EVID II ADDL\n1 0 . 100 1 12 1\n1 12 1 0 0 0 0\n1 24 2 0 0 0 0\n1 24 . 50 1 0 0\n1 24 3 0 0 0 0"
    data = read(rows)
    seen = imo.fit(model(), data, ["V"], error="additive", max_evaluations=3).observations
    k = 1.1 / 20
    at_12 = 100 * (1 + np.exp(-12 * k)) / 20
    at_24 = 100 * (np.exp(-12 * k) + np.exp(-24 * k)) / 20
    predicted = imo.fit(model(), data, ["V"], initial={"V": 20.0}, error="additive", max_evaluations=1)
    found = predicted.predictor(np.full((1, 1, 1), 20.0))[0]
    np.testing.assert_allclose(found, [at_12, at_24, at_24 + 50 / 20], rtol=1e-6)
    assert seen.time.tolist() == [0.5, 1.0, 1.0]
    assert "1 observations are before it (troughs) and 2 after it" in data.reconciliation.report()


def troughs(subjects: int = 6) -> pd.DataFrame:
    """Return exact troughs of five daily boluses, each in a row before the dose of its time."""
    k, rows = 1.1 / 20, []
    for subject in range(subjects):
        rows.append((subject, 0, ".", 100, 1))
        for day in range(1, 5):
            left = sum(np.exp(-24 * k * n) for n in range(1, day + 1)) * 100 / 20 * (1 + 0.01 * subject)
            rows += [(subject, 24 * day, f"{left:.10g}", 0, 0), (subject, 24 * day, ".", 100, 1)]
    return pd.DataFrame(rows, columns=["ID", "TIME", "DV", "AMT", "EVID"])


def test_a_fit_to_troughs_finds_the_volume() -> None:
    data = imo.io.read_nonmem(troughs(1), INPUTS, time_unit="hour", observations="level")
    result = imo.fit(model(), data, ["V", "CL"], error="proportional", initial={"V": 12.0})
    assert result.values["V"] == pytest.approx(20, rel=1e-4) and result.values["CL"] == pytest.approx(26.4, rel=1e-4)
    assert "4 observations are at the time of a dose: 4 in the order of the rows of their table" in result.report()


@pytest.mark.slow
def test_a_population_fit_to_troughs_finds_the_volume() -> None:
    data = imo.io.read_nonmem(troughs(), INPUTS, time_unit="hour", observations="level")
    result = imo.fit_population(model(), data, ["V", "CL"], random=["V"], error="proportional", initial={"V": 15.0})
    assert result.values["V"] == pytest.approx(20, rel=0.1)


@pytest.mark.slow
def test_a_sample_that_is_called_a_trough_is_before_the_dose() -> None:
    """Where only a regimen and a table of observations are known, the kind of sample decides; the report says the rule."""
    k = 1.1 / 20
    days = np.arange(1, 5)
    left = [100 / 20 * sum(np.exp(-24 * k * n) for n in range(1, d + 1)) for d in days]
    regimen = imo.Regimen().dose("drug", 100, every="24 hours", count=5)
    for column, word in (("flag", "trough"), ("visit", "day 2 pre_dose"), ("note", "C trough"), ("flag", "before the dose")):
        frame = pd.DataFrame({"id": 1, "day": days, "value": left, column: word})
        data = imo.read_trial(frame, quantity="level")
        result = imo.fit(model(), data, ["V"], regimens=regimen, initial={"V": 12.0})
        assert result.values["V"] == pytest.approx(20, rel=1e-4)
    assert "before it (troughs)" in result.report()
    later = imo.read_trial(frame.drop(columns="flag"), quantity="level")
    assert "after it (not marked as troughs)" in imo.fit(model(), later, ["V"], regimens=regimen).report()


def test_order_survives_the_way_to_a_file_and_back() -> None:
    rows = "ID TIME DV AMT EVID\n1 0 . 100 1\n1 22 1 0 0\n1 22 . 50 1\n1 22 3 0 0\n1 46 . 5 1\n1 46 2 0 0"
    data = read(rows)
    written = imo.io.write_nonmem(data, INPUTS, time_unit="hour")
    assert written["EVID"].tolist() == [1, 0, 1, 0, 1, 0] and written["TIME"].tolist() == [0, 22, 22, 22, 46, 46]
    again = imo.io.read_nonmem(written, INPUTS, time_unit="hour")
    assert list(again.orders.values()) == list(data.orders.values())


def test_what_is_known_of_no_table_is_written_after_the_dose() -> None:
    frame = pd.DataFrame({"id": 1, "day": [0.0, 1.0, 1.0], "value": [3, 2, 1], "flag": ["", "trough", ""]})
    from dataclasses import replace

    schedule = imo.regimen.Schedule([0.0, 1.0], ("drug", "drug"), [10, 10], [0, 0])
    data = replace(imo.read_trial(frame, quantity="level"), schedules={"1": schedule})
    written = imo.io.write_nonmem(data, INPUTS, time_unit="day")
    assert written["EVID"].tolist() == [1, 0, 0, 1, 0]


# times


@pytest.mark.parametrize("every", spread([4, 6, 8, 12, 24], 2))
@pytest.mark.parametrize("lag", spread([1, 5, 7, 10, 11, 18], 3))
def test_times_that_are_equal_in_the_table_are_equal(every: int, lag: int) -> None:
    """Also where a dose arrives after a lag that reaches over intervals."""
    hours = [k * every + lag for k in range(6)]
    rows = [f"1 0 . 100 1 {every} 5", *(f"1 {h} 1 0 0 0 0" for h in hours)]
    data = read("ID TIME DV AMT EVID II ADDL\n" + "\n".join(rows))
    fitted = imo.fit(model(lag=lag / 24), data, ["V"], initial={"V": 20.0}, error="additive", max_evaluations=1)
    found = fitted.predictor(np.full((1, 1, 1), 20.0))[0]
    since = np.array(hours)[:, None] - np.array([k * every + lag for k in range(6)])
    wanted = np.where(since >= 0, np.exp(-1.1 / 20 * np.maximum(since, 0)), 0).sum(axis=1) * 5
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "dates"),
    [
        ("DATE", ["2024-02-28", "2024-02-29", "2024-03-01"]),
        ("DATE", ["02/28/2024", "02/29/2024", "03/01/2024"]),
        ("DAT1", ["28/02/24", "29/02/24", "01/03/24"]),
        ("DAT2", ["24-02-28", "24-02-29", "24-03-01"]),
        ("DAT3", ["2024/28/02", "2024/29/02", "2024/01/03"]),
        ("DATE", ["5", "6", "7"]),
        ("date", ["28FEB2024", "29FEB2024", "01MAR2024"]),
    ],
)
def test_dates_and_times_of_day(name: str, dates: list[str]) -> None:
    text = f"ID {name} TIME DV AMT EVID\n1 {dates[0]} 20:30 . 100 1\n1 {dates[1]} 8:00 4 0 0\n1 {dates[2]} 00:30 3 0 0"
    for unit in ("hour", "day"):
        data = read(text, unit)
        assert data.frame["time"].tolist() == [11.5 / 24, 28 / 24] and data.schedules["1"].times.tolist() == [0.0]
    assert any("counted from the first record of each subject" in note for note in data.reconciliation.notes)


def test_times_of_day_without_dates_are_of_one_day() -> None:
    assert read("ID TIME DV AMT EVID\n1 8:00 . 100 1\n1 20:30 4 0 0").frame["time"].tolist() == [20.5 / 24]
    assert "before that of the row above" in refused("ID TIME DV AMT EVID\n1 20:00 . 100 1\n1 8:30 4 0 0")


def test_dates_beside_times_that_run_on_are_not_used_and_that_is_said() -> None:
    data = read("ID DATE TIME DV AMT EVID\n1 2024-02-28 0 . 100 1\n1 2024-02-29 24 4 0 0\n1 2024-03-02 75 4 0 0")
    assert data.frame["time"].tolist() == [1, 75 / 24]
    assert "'DATE' is not used: TIME continues over the days by itself" in data.reconciliation.notes


def test_dates_that_are_none_are_told() -> None:
    text = "ID DATE TIME DV AMT EVID\n1 2024-13-45 8:00 . 100 1\n1 2024-01-02 8:30 4 0 0"
    assert "has the DATE '2024-13-45'" in refused(text)


# nothing vanishes

BASE = "ID TIME DV AMT EVID\n1 0 . 100 1\n1 1 4 0 0\n"


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        (BASE.replace("100", "100mg"), "has the AMT '100mg'; a number: only the number, 100, with the unit 'mg'"),
        (BASE.replace("100", "1,000"), "may be a thousands separator or a decimal comma"),
        (BASE.replace("100", "0,5"), "may be a thousands separator or a decimal comma"),
        (BASE.replace("100 1", "100 dose"), "has the EVID 'dose'"),
        (BASE.replace("100 1", "100 0"), "is an observation (EVID 0) with AMT 100; 0 for these, or EVID 1 if it is a dose"),
        (BASE.replace("AMT", "DOSE"), "but EVID has doses; columns={'AMT': 'DOSE'}"),
        ("ID TIME DV DOSE\n1 0 . 100\n1 1 4 0", "but 'DOSE' may have doses; columns={'AMT': 'DOSE'}, or leave"),
        (BASE + "1 0 . 100 1\n1 1 5 0 0", "has TIME 0, before that of the row above"),
        (BASE + "1 2 . x 1", "has the AMT 'x'"),
        (BASE + "1 2 . 5 9", "has the EVID 9"),
        (BASE + "2 0 . 5 1\n1 3 4 0 0", "has an ID that occurs again after other subjects"),
        ("ID TIME DV AMT EVID RATE\n1 0 . 100 1 fast\n1 1 4 0 0 0", "has the RATE 'fast'"),
        ("ID TIME DV AMT EVID II ADDL\n1 0 . 100 1 one 2\n1 1 4 0 0 0 0", "has the II 'one'"),
    ],
)
def test_what_is_not_understood_is_an_error(text: str, phrase: str) -> None:
    assert phrase in refused(text)
    if "DOSE" not in text:
        with pytest.raises(DataError) as caught:
            imo.io.read_records(table(text), INPUTS, time_unit="hour")
        assert phrase in str(caught.value)


def test_a_column_under_another_name_is_named() -> None:
    data = read(BASE.replace("AMT", "DOSE").replace("DV", "CONC"), columns={"AMT": "DOSE", "DV": "CONC"})
    assert data.schedules["1"].amounts.tolist() == [100.0] and data.frame["value"].tolist() == [4.0]
    assert data.reconciliation.columns["DOSE"] == "amount"


def test_rows_that_are_marked_do_not_count_and_are_counted() -> None:
    marked = "C " + BASE.replace("1 0", ". 1 0").replace("1 1 4", ". 1 1 4") + "C 1 2 . 999 1\n. 1 3 2 0 0\n"
    data = read(marked)
    assert data.schedules["1"].amounts.tolist() == [100.0] and len(data) == 2
    assert data.reconciliation.tally("rows").left_out == {"marked C in the column C (IGNORE=C)": 1}
    assert counts(data.reconciliation) == {"rows": (4, 3), "doses": (1, 1), "subjects": (1, 1)}


def test_lines_that_begin_with_a_sign_do_not_count_where_that_is_asked_for() -> None:
    text = BASE + "#1 2 . 999 1\n1 3 2 0 0\n"
    assert counts(read(text, ignore="#").reconciliation)["rows"] == (4, 3)
    repeated = BASE + "ID TIME DV AMT EVID\n1 3 2 0 0\n"
    assert counts(read(repeated, ignore="@").reconciliation)["rows"] == (4, 3)
    assert "has the TIME 'TIME'" in refused(repeated) or "has the AMT 'AMT'" in refused(repeated)


def test_a_value_between_dv_and_limit() -> None:
    """CENS -1 with a LIMIT: the truth is above DV and below the limit."""
    data = read("ID TIME DV CENS LIMIT\n1 0 5 -1 8\n1 1 6 -1 .\n1 2 4 1 1\n1 3 3 0 .")
    assert data.frame[["value", "censoring"]].values.tolist() == [[8, "interval"], [6, "right"], [4, "interval"], [3, ""]]
    assert data.frame["limit"].tolist()[::2] == [5, 1]


def test_replicates_and_negative_values_are_kept() -> None:
    rows = "ID TIME DV\n1 0 1.5\n1 0 1.5\n1 1 -0.25\n1 2 0.5"
    data = read(rows, units="mg/L")
    assert data.frame["value"].tolist() == [1.5, 1.5, -0.25, 0.5]
    assert "1 observations repeat another one: kept as replicates" in data.reconciliation.notes


def test_doses_in_are_doses_given() -> None:
    text = "ID TIME DV AMT EVID II ADDL\n1 0 . 100 1 12 9\n1 5 3 0 0 0 0\n1 30 . 0 3 0 0\n2 0 . 50 1 0 0\n3 0 1 0 0 0 0"
    account = read(text).reconciliation
    assert counts(account) == {"rows": (5, 5), "doses": (11, 4), "subjects": (3, 3)}
    assert account.tally("doses").left_out == {"additional doses that a reset or a steady state cancels": 7}
    records = imo.io.read_records(table(text), INPUTS, time_unit="hour")
    assert counts(records.reconciliation)["doses"] == (11, 4) and isinstance(records, dict)


# covariates


def weighed(name: str) -> imo.TrialData:
    records = ((0, ".", 100, 1), (8, 4, 0, 0), (24, 2, 0, 0))
    rows = [f"{s} {h} {v} {a} {e} {w}" for s, w in ((1, 75), (2, 150)) for h, v, a, e in records]
    return read(f"ID TIME DV AMT EVID {name}\n" + "\n".join(rows), covariates={name: name})


def heavier() -> imo.Model:
    one = model()
    weight = {"weight": Parameter(70.0, "kg")}
    flows = {**one.flows, "elimination": Flow("central", per_capita="CL / V * weight / reference")}
    parameters = {**one.parameters, "reference": Parameter(70.0, "kg")}
    return imo.Model(**{**vars(one), "covariates": weight, "flows": flows, "parameters": parameters})


@pytest.mark.parametrize("name", ["WT", "BW", "wt", "Weight"])
def test_usual_names_of_covariates_are_understood(name: str) -> None:
    result = imo.fit(heavier(), weighed(name), ["V"], max_evaluations=2)
    first, last = result.predictor(np.full((1, 2, 1), 20.0))[0][[1, 3]]
    assert first / last == pytest.approx(np.exp(1.1 / 20 * 24 * 75 / 70), rel=1e-6)


def test_a_mapping_says_which_column_is_which_parameter() -> None:
    data = read("ID TIME DV AMT EVID KG\n1 0 . 100 1 82\n1 1 4 0 0 82", covariates={"KG": "weight"})
    assert data.covariates is not None and data.covariates["weight"].tolist() == [82]
    assert data.reconciliation.columns["KG"] == "covariate weight"
    one = table("ID TIME AMT WT\n1 0 5 82")
    records = imo.io.read_records(one, INPUTS, time_unit="day", covariates={"WT": "weight"}, rule="locf")
    assert records["1"].inputs == ("weight", "drug")


def test_a_covariate_that_nothing_uses_is_said() -> None:
    with pytest.warns(UserWarning, match="nothing uses the covariates KREA"):
        imo.fit(model(), weighed("KREA"), ["V"], max_evaluations=2)


# the public records

FIRST = {809: 48, 909: 48, 1009: 48, 825: 96, **dict.fromkeys((409, 411, 415, 509, 709), 24)}
"""Hours from which NONMEM's own values are those of its doses, where lags and durations reach over intervals."""


@pytest.mark.parametrize("way", [{}, pytest.param({"engine": "scipy"}, marks=pytest.mark.slow)], ids=["compiled", "scipy"])
def test_the_public_records_of_nonmem(way: dict[str, str]) -> None:
    path = FOLDER.parent / "reference" / "nonmem_events" / "nonmem_records.csv"
    if not path.is_file():
        pytest.skip("the public records are not here")
    frame = pd.read_csv(path)
    names = {1: "depot", 2: "drug"}
    columns = {"lagt": "lag", "bioav": "share", "rat2": "speed", "dur2": "lasts"}
    frame = frame.assign(lagt=frame["lagt"] / 24, rat2=frame["rat2"] * 24, dur2=frame["dur2"] / 24)
    frame = frame.rename(columns={"cp": "DV"})
    schedules = imo.io.read_records(frame, names, time_unit="hour", covariates=columns, rule="locf")
    for subject, schedule in schedules.items():
        own = frame[(frame["id"] == int(subject)) & (frame["evid"] == 0)]
        run = imo.simulate(model(), schedule, times=own["time"].to_numpy() / 24, outputs="level", rtol=1e-8, **way)
        found, wanted = run["level"] * 1000, own["DV"].to_numpy()
        late = own["time"].to_numpy() >= FIRST.get(int(subject), 0)
        error = np.abs(found - wanted) / np.maximum(np.abs(wanted), 1e-3 * np.abs(wanted).max())
        assert error[late].max() < 1e-4, subject


# tables at random


def mutated(random: np.random.Generator) -> pd.DataFrame:
    """Return a good table with some things changed: cells, columns, the order of rows."""
    rows = []
    for subject in range(1, random.integers(2, 5)):
        hour = 0
        for _ in range(random.integers(1, 8)):
            dosed = random.random() < 0.5
            value, amount = ("." if dosed else round(random.random(), 2)), (100 if dosed else 0)
            rows.append(
                {
                    "ID": subject,
                    "TIME": hour,
                    "DV": value,
                    "AMT": amount,
                    "RATE": random.choice([0, 0, 10, -2]) if dosed else 0,
                    "II": 0,
                    "ADDL": 0,
                    "SS": 0,
                    "CMT": 1,
                    "EVID": int(dosed),
                    "WT": 70,
                }
            )
            if dosed and random.random() < 0.4:
                rows[-1] |= {"II": 12, "ADDL": int(random.integers(0, 4)), "SS": int(random.integers(0, 3))}
            hour += int(random.choice([0, 1, 12, 24]))
    frame = pd.DataFrame(rows).astype(object)
    words = [
        "",
        ".",
        "NA",
        "100 mg",
        "1,000",
        "0,5",
        "dose",
        "-1",
        "1e400",
        "<0.5",
        "2024-02-21",
        "12:30",
        "\u00b5",
        "=1+1",
        None,
        "nan",
        3,
        1.5,
        -7,
        True,
    ]
    for _ in range(random.integers(0, 4)):
        kind = random.integers(0, 6)
        row, column = random.integers(len(frame)), random.choice(frame.columns)
        if kind <= 2:
            frame.at[row, column] = words[random.integers(len(words))]
        elif kind == 3:
            other = random.choice(["DOSE", "C", "DATE", "time ", "amt", "x", "DUR", "MDV"])
            frame = frame.rename(columns={column: str(other)})
        elif kind == 4:
            frame = frame.iloc[random.permutation(len(frame))].reset_index(drop=True)
        elif len(frame.columns) > 2:
            frame = frame.drop(columns=column)
    return frame


def check_seeds(seeds: range) -> int:
    """Read tables both ways; return how many were read. What is read adds up, all else is an error of this package."""
    done = 0
    for seed in seeds:
        frame = mutated(np.random.default_rng(seed))
        try:
            records = imo.io.read_records(frame, INPUTS, time_unit="hour")
            data = imo.io.read_nonmem(frame, INPUTS, time_unit="hour", observations="level", bad_rows="leave out")
        except imo.errors.ImmunoodeError:
            continue
        given = sum(a == "dose" for s in records.values() for a in s.actions)
        assert given == records.reconciliation.tally("doses").used == data.reconciliation.tally("doses").used
        amounts = pd.to_numeric(frame[next(c for c in frame if str(c).strip().upper() == "AMT")], errors="coerce")
        assert (given > 0) == bool((amounts > 0).any())
        done += 1
    return done


@pytest.mark.slow
def test_tables_at_random_are_read_whole_or_refused() -> None:
    assert check_seeds(range(60)) > 10


@pytest.mark.slow
def test_many_tables_at_random_are_read_whole_or_refused() -> None:
    assert check_seeds(range(60, 1500)) > 300


DOSE_AND_TWO = {"ID": 1, "TIME": [0, 1, 24], "DV": [".", 80, 5], "AMT": [200, 0, 0]}


def _read(**columns: object) -> imo.TrialData:
    return imo.io.read_nonmem(pd.DataFrame(DOSE_AND_TWO | columns), {1: "drug"}, time_unit="hour", observations="c")


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"BLQ": [0, 0, 1]}, "'BLQ' flags values below the limit"),
        ({"TINF": [1, 0, 0]}, "'TINF' may be the duration of infusions"),
        ({"DVID": [0, 1, 2]}, "observations is one quantity"),
        ({"CENS": [0, 0, 1], "DV": [".", 80, 0], "LLOQ": 5}, "censored .CENS 1. with DV 0 and LLOQ 5"),
    ],
)
def test_columns_that_would_change_doses_or_values_are_never_passed_over(columns: dict[str, object], what: str) -> None:
    with pytest.raises(imo.errors.DataError, match=what):
        _read(**columns)


def test_columns_of_flags_and_durations_can_be_named() -> None:
    table = pd.DataFrame(DOSE_AND_TWO | {"BLQ": [0, 0, 1], "TINF": [1, 0, 0], "LLOQ": 5})
    data = imo.io.read_nonmem(table, {1: "drug"}, time_unit="hour", observations="c", columns={"CENS": "BLQ", "DUR": "TINF"})
    assert data.frame["censoring"].tolist() == ["", "left"] and data.schedules["1"].durations.tolist() == [1 / 24]


def test_codes_for_missing_and_values_of_doses_are_said() -> None:
    said = str(_read(DV=[7, 80, -99]).reconciliation)
    assert "DV is -99 in 1 rows" in said and "DV of 1 records that are not observations" in said
