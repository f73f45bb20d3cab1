"""Virtual trials: visits, measurements, hazards, and the trial tables that come of simulations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError

DAYS = np.arange(0, 400, 7.0)


def run(sizes: list[float], rates: list[float], names: list[str] | None = None) -> imo.Simulation:
    """Return a simulation of tumours that grow at known rates."""
    patients = pd.DataFrame({"growth_rate": rates, "baseline_sum_of_diameters": sizes}, index=names)
    return imo.simulate("tumour_immune", until="56 weeks", parameters=patients, outputs=["sum_of_diameters"], times=DAYS)


EXACT = imo.virtual_trial.Measurement(lesions=(1.0,), additive=0, proportional=0, round_mm=0)


def test_visits() -> None:
    calendar = imo.virtual_trial.VisitSchedule(
        "6 weeks", "48 weeks", "9 weeks", "100 weeks", screening="4 weeks", jitter="3 days", missed=0.1
    )
    days = calendar.sample(imo.virtual_trial.RandomDraws(0, range(4000)))
    assert days.shape == (4000, len(calendar.days())) and np.isfinite(days[:, 0]).all() and (days[:, 0] <= 0).all()
    assert abs(np.isnan(days[:, 1:]).mean() - 0.1) < 0.01 and abs(np.nanstd(days[:, 3] - 126) - 3) < 0.2
    filled = np.where(np.isnan(days), calendar.days(), days)
    assert (np.diff(filled, axis=1) > 0).all()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"every": "6 apples"}, "every"),
        ({"every": 0}, "a time above zero"),
        ({"until": "2 weeks"}, "before the first visit"),
        ({"then": "9 weeks"}, "only one of the two is given"),
        ({"missed": 1.0}, "a probability below 1"),
        ({"jitter": "-1 day"}, "jitter"),
    ],
)
def test_wrong_visits(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        imo.virtual_trial.VisitSchedule(**options)


def test_measurements() -> None:
    draws = imo.virtual_trial.RandomDraws(1, range(5000))
    how = imo.virtual_trial.Measurement(additive=1.0, proportional=0.05, round_mm=0)
    shares = how.shares(draws)
    assert np.allclose(shares.sum(axis=1), 1) and abs((shares > 0).sum(axis=1).mean() - 2.4) < 0.06
    few = imo.virtual_trial.RandomDraws(1, range(1))
    read = how.read(np.full((5000, 8, 5), 40.0), draws)
    assert abs(read.std() - np.hypot(1, 2)) < 0.02 and abs(read.mean() - 40) < 0.02
    assert how.read(np.array([[[0.5, 1.5, 0.99]]]), few).tolist() == [[[0.0, 5.0, 0.0]]]
    assert set(imo.virtual_trial.Measurement().read(np.full((1, 50, 1), 15.0), few).ravel() % 1) == {0.0}


@pytest.mark.parametrize(
    "options", [{"lesions": (0.5, 0.4)}, {"lesions": ()}, {"lesions": (0.1,) * 10}, {"additive": -1}, {"round_mm": np.inf}]
)
def test_wrong_measurements(options: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        imo.virtual_trial.Measurement(**options)


def test_hazards_follow_their_rate() -> None:
    times, patients = np.linspace(0, 3650, 200), 20_000
    due = imo.virtual_trial.RandomDraws(2, range(patients)).exponentials("death")[:, 0]
    first = imo.virtual_trial.Hazard(0.5).first(times, np.full((patients, 200), 60.0), due)
    known = first[np.isfinite(first)]
    assert abs((first > 365.25).mean() - np.exp(-0.5)) < 0.012 and known.min() > 0
    large = imo.virtual_trial.Hazard(0.5, exponent=2).first(times, np.full((patients, 200), 120.0), due)
    assert abs((large > 365.25).mean() - np.exp(-2.0)) < 0.01
    assert np.isinf(imo.virtual_trial.Hazard(0.0).first(times, np.ones((5, 200)), due[:5])).all()


def test_hazards_of_any_output_add() -> None:
    from immunoode.virtual_trial.hazard import first_day

    times, patients = np.linspace(0, 1000, 100), 20_000
    due = imo.virtual_trial.RandomDraws(5, range(patients)).exponentials("death")[:, 0]
    values = {"size": np.full((patients, 100), 60.0), "lymphocytes": np.full((patients, 100), 0.5)}
    low = imo.virtual_trial.Hazard(0.3, exponent=-1, output="lymphocytes", reference=1.0)
    first = first_day((low, imo.virtual_trial.Hazard(0.2, 1.0)), times, values, "size", due)
    assert abs((first > 365.25).mean() - np.exp(-0.8)) < 0.012


@pytest.mark.parametrize(
    "options",
    [
        {"per_year": -1},
        {"per_year": 1, "exponent": np.nan},
        {"per_year": 1, "exponent": -1},
        {"per_year": 1, "reference_mm": 0},
        {"per_year": 1, "exponent": 1, "output": "lymphocytes"},
    ],
)
def test_wrong_hazards(options: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        imo.virtual_trial.Hazard(**options)


def test_exact_measurements_are_the_simulation() -> None:
    simulation = run([60.0, 80.0], [0.004, 0.01])
    data = imo.virtual_trial.observe(
        simulation, imo.virtual_trial.VisitSchedule("6 weeks", "48 weeks"), measurement=EXACT, after_progression=None
    )
    for k, subject in enumerate(data.subjects):
        rows = data.frame[data.frame["subject"] == subject]
        expected = simulation.values[k, np.searchsorted(DAYS, rows["time"]), 0]
        assert rows["time"].tolist() == list(np.arange(0, 337, 42.0)) and np.allclose(rows["value"], expected, rtol=1e-12)


def test_one_seed_one_trial() -> None:
    simulation = run([60.0] * 20, list(np.linspace(0.002, 0.012, 20)))
    options: dict[str, Any] = {
        "death": imo.virtual_trial.Hazard(1.0),
        "dropout": imo.virtual_trial.Hazard(0.3),
        "new_lesions": imo.virtual_trial.Hazard(0.5),
    }
    first, again, other = (imo.virtual_trial.observe(simulation, seed=s, **options) for s in (5, 5, 6))
    pd.testing.assert_frame_equal(first.frame, again.frame)
    pd.testing.assert_frame_equal(first.endpoints, again.endpoints)
    assert not first.frame["value"].equals(other.frame["value"])


def test_nothing_observed_depends_on_who_else_is_observed() -> None:
    hazard = imo.virtual_trial.Hazard(0.5)
    how = imo.virtual_trial.Observation(
        imo.virtual_trial.VisitSchedule(jitter="3 days", screening="3 weeks", missed=0.1), death=hazard, dropout=hazard
    )
    sizes = np.random.default_rng(1).uniform(20, 90, (50, len(DAYS)))
    whole = how.observe(imo.virtual_trial.RandomDraws(3, range(50)), DAYS, {"sum_of_diameters": sizes}).outcomes()
    some = [41, 7, 8]
    part = how.observe(imo.virtual_trial.RandomDraws(3, some), DAYS, {"sum_of_diameters": sizes[some]}).outcomes(index=some)
    pd.testing.assert_frame_equal(whole.loc[some], part)


def test_observed_courses_and_tables_agree() -> None:
    simulation = run(list(np.linspace(30, 120, 200)), list(np.linspace(0.001, 0.015, 200)))
    options: dict[str, Any] = {"death": imo.virtual_trial.Hazard(0.6, 1), "dropout": imo.virtual_trial.Hazard(0.3)}
    visits = imo.virtual_trial.VisitSchedule(jitter="2 days", screening="3 weeks", missed=0.05)
    data = imo.virtual_trial.observe(simulation, visits, seed=4, after_progression=None, **options)
    how = imo.virtual_trial.Observation(visits, **options)
    values = {"sum_of_diameters": simulation["sum_of_diameters"]}
    found = how.observe(imo.virtual_trial.RandomDraws(4, range(200)), simulation.times, values).outcomes()
    pfs = imo.trial.progression_free_survival(imo.recist(data), data).set_index("subject").loc[[str(k) for k in range(200)]]
    assert found["pfs_time"].tolist() == pfs["time"].tolist() and found["pfs_event"].tolist() == pfs["event"].tolist()
    overall = data.endpoints.set_index("subject").loc[[str(k) for k in range(200)]]
    assert found["os_time"].tolist() == overall["time"].tolist()


def test_nobody_is_seen_after_the_end() -> None:
    simulation = run([60.0] * 200, [0.002] * 200)
    data = imo.virtual_trial.observe(
        simulation,
        death=imo.virtual_trial.Hazard(2.0),
        dropout=imo.virtual_trial.Hazard(1.0),
        new_lesions=imo.virtual_trial.Hazard(1.0),
        seed=1,
    )
    last = data.endpoints.set_index("subject")["time"]
    assert (data.frame["time"] <= data.frame["subject"].map(last)).all() and (
        data.findings["time"] <= data.findings["subject"].map(last)
    ).all()
    assert 0.3 < data.endpoints["event"].mean() < 0.9 and set(data.endpoints["reason"]) == {"death", "alive at last contact"}


def test_visits_stop_after_progression() -> None:
    simulation = run([60.0], [0.02])
    all_of_them = imo.virtual_trial.observe(simulation, measurement=EXACT, after_progression=None)
    stopped, one_more = (imo.virtual_trial.observe(simulation, measurement=EXACT, after_progression=n) for n in (0, 1))
    end = imo.recist(all_of_them).subjects.loc[0, "progression_time"]
    assert stopped.frame["time"].max() == end and len(one_more) == len(stopped) + 1 < len(all_of_them)


def test_arms_and_their_names() -> None:
    a, b = run([60.0, 70.0], [0.004, 0.005]), run([60.0, 70.0], [0.004, 0.005])
    data = imo.virtual_trial.observe({"one": a, "two": b}, measurement=EXACT)
    assert data.subjects == ("one 0", "one 1", "two 0", "two 1") and data.arms == ("one", "two")
    named = run([60.0], [0.004], ["p1"])
    with pytest.raises(DataError, match="has the subject 'p1' of arm 'one'"):
        imo.virtual_trial.observe({"one": named, "two": named})


def test_wrong_simulations() -> None:
    short = imo.simulate("tumour_immune", until="90 days", outputs=["sum_of_diameters"])
    with pytest.raises(DataError, match="ends at day 90, but the visits end at day 336"):
        imo.virtual_trial.observe(short)
    with pytest.raises(DataError, match="has no output 'diameters'"):
        imo.virtual_trial.observe(run([60.0], [0.004]), output="diameters")
    with pytest.raises(DataError, match="is dict"):
        imo.virtual_trial.observe({"a": {}})  # type: ignore[dict-item]
    with pytest.raises(DataError, match="runs: are empty"):
        imo.virtual_trial.observe({})


def test_a_virtual_trial_from_end_to_end() -> None:
    simulation = run(list(np.linspace(30, 120, 60)), list(np.linspace(0.001, 0.015, 60)))
    data = imo.virtual_trial.observe(
        simulation,
        imo.virtual_trial.VisitSchedule(jitter="2 days", screening="3 weeks"),
        death=imo.virtual_trial.Hazard(0.5, 1),
        seed=3,
    )
    responses = imo.recist(data)
    assert len(responses.subjects) == 60 and (responses.rates()["n"] == 60).all()
    survival = imo.trial.progression_free_survival(responses, data)
    assert len(survival) == 60 and survival["event"].sum() > 10
    assert imo.kaplan_meier(data, "OS").at_risk([0]).iloc[0, 0] == 60
    assert imo.trial.growth_metrics(data)["visits"].max() > 4


@pytest.mark.slow
def test_from_a_simulation_to_a_trial_and_back_to_the_truth() -> None:
    """Lesions, responses, survival and a fit to the sums of a simulated trial whose growth is known."""
    random = np.random.default_rng(3)
    people = pd.DataFrame({"baseline_sum_of_diameters": np.clip(70 * random.lognormal(0, 0.3, 30), 30, 150)})
    run = imo.simulate(
        "tumour_immune",
        until="1 year",
        parameters=people.assign(growth_rate=0.006),
        outputs=["sum_of_diameters"],
        times=np.arange(0, 366, 7.0),
        progress=False,
    )
    visits = imo.virtual_trial.VisitSchedule("6 weeks", "48 weeks", "9 weeks", "52 weeks", jitter="3 days", missed=0.05)
    trial = imo.virtual_trial.observe(run, visits, death=imo.virtual_trial.Hazard(0.4, 1.0), after_progression=2, seed=1)
    assert not np.signbit(trial.frame["time"]).any()
    sums = imo.trial.sum_lesions(trial)
    assert sums.quantities == ("sum_of_diameters",)
    assert imo.recist(sums).subjects["best_response"].tolist() == imo.recist(trial).subjects["best_response"].tolist()
    assert imo.kaplan_meier(trial, "OS").medians["events"].sum() > 0
    fitted = imo.fit("tumour_immune", sums, ["growth_rate"], progress=False)
    assert fitted.lmfit.params["growth_rate"].value == pytest.approx(0.006, rel=0.15)


def test_sums_need_lesions() -> None:
    data = imo.read_trial(pd.DataFrame({"id": "a", "day": [0], "value": [50.0]}))
    with pytest.raises(imo.errors.DataError, match="have no lesions"):
        imo.trial.sum_lesions(data)
