"""Regimens that react to the state: stop, hold, reduce, begin again; at visits and continuously."""

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import RegimenError, SolveError
from immunoode.model.components import Compartment, Derived, Flow, Input
from tests.long_forms import spread
from tests.solve_models import base

GROWTH, OUT = 0.1, 0.5


def model():
    """Return a size that grows, and a drug that is dosed beside it without effect: decisions have closed forms."""
    return base(
        "growing",
        {"growth": GROWTH, "out": OUT},
        {"size": 10.0, "drug": 0.0, "rescue": 0.0},
        {
            "growing": Flow("", "size", rate="growth * size"),
            "elimination": Flow("drug", per_capita="out"),
            "fading": Flow("rescue", per_capita="out"),
        },
        inputs={"drug": Input("drug", "1"), "rescue": Input("rescue", "1"), "knife": Input("size", "1")},
        derived={"twice": Derived("2 * size", "1")},
    )


DRUG = imo.Regimen().dose("drug", 8.0, every=5, count=8)
TIMES = np.linspace(0, 50, 501)


def doses(day, amounts, every=5.0):
    """Return the amount of drug at a day after doses every five days."""
    return sum(a * np.exp(-OUT * (day - k * every)) for k, a in enumerate(amounts) if k * every <= day)


def run(regimen, **how):
    return imo.simulate(model(), regimen, times=TIMES, rtol=1e-10, atol=1e-12, **how)


METHODS = pytest.mark.parametrize("method", ["tsit5", "rodas5p", "auto"])


@METHODS
def test_it_stops_when_the_limit_is_crossed(method):
    found = run(DRUG.when("twice", above=40.0, then="stop"), method=method)
    day = np.log(2) / GROWTH  # 6.93: after two doses
    assert found.trigger_times["day"].tolist() == [pytest.approx(day, rel=1e-9)]
    assert np.allclose(found["drug"], [doses(t, [8, 8]) for t in TIMES], atol=1e-8)


@METHODS
def test_at_visits_it_is_seen_later(method):
    found = run(DRUG.when("size", above=2.0, of="baseline", by=5, then="stop", every=10), method=method)
    assert found.trigger_times["day"].tolist() == [10.0]
    assert np.allclose(found["drug"], [doses(t, [8, 8]) for t in TIMES], atol=1e-8)  # not that of day 10 any more


def test_a_share_of_later_doses():
    found = run(DRUG.when("size", above=20.0, then=0.25))
    assert np.allclose(found["drug"], [doses(t, [8, 8, *[2] * 6]) for t in TIMES], atol=1e-8)


def test_doses_are_held_as_long_as_it_is_found():
    """Cut out by hand at day 12, the size is below the limit again."""
    regimen = DRUG.multiply("knife", 0.1, at=12).when("size", above=20.0, then="hold", every=1, therapies="drug")
    found = run(regimen)
    given = [8, 8, 0, 8, 8, 8, 0, 0]  # at day 10 above; from day 12 on below, until log(20) / 0.1 = day 29.96
    size = np.where(TIMES < 12, 10 * np.exp(GROWTH * TIMES), np.exp(GROWTH * TIMES))
    seen = [k for k in range(8) if not size[np.searchsorted(TIMES, 5.0 * k - 1e-9)] >= 20.0]
    assert [k for k, a in enumerate(given) if a] == seen
    assert np.allclose(found["drug"], [doses(t, given) for t in TIMES], atol=1e-8)


@METHODS
def test_a_course_begins_at_relapse(method):
    """Progression from the nadir, by a fifth and five at least."""
    course = imo.Regimen().dose("rescue", 4.0, every=3, count=2, over=1.0)
    regimen = DRUG.multiply("knife", 0.5, at=2).when("size", above=1.2, of="nadir", by=5, then=course)
    found = run(regimen, method=method)
    low = 5 * np.exp(GROWTH * 2)
    day = 2 + np.log((low + 5) / low) / GROWTH
    assert found.trigger_times["day"].tolist() == [pytest.approx(day, rel=1e-8)]

    def infused(since):
        during, after = np.clip(since, 0, 1), np.maximum(since - 1, 0)
        return 4.0 / OUT * -np.expm1(-OUT * during) * np.exp(-OUT * after)

    assert np.allclose(found["rescue"], infused(TIMES - day) + infused(TIMES - day - 3), atol=1e-7)
    assert np.allclose(found["drug"], [doses(t, [8] * 8) for t in TIMES], atol=1e-8)


def test_stop_one_and_begin_another():
    course = imo.Regimen().dose("rescue", 4.0)
    regimen = DRUG.when("size", above=20.0, then="stop", every=5).when("size", above=20.0, then=course, every=5)
    found = run(regimen)
    assert found.trigger_times["day"].tolist() == [10.0, 10.0]
    assert np.allclose(found["drug"], [doses(t, [8, 8]) for t in TIMES], atol=1e-8)
    assert np.allclose(found["rescue"], np.where(TIMES < 10 - 1e-9, 0, 4 * np.exp(-OUT * (TIMES - 10))), atol=1e-8)


def test_every_patient_has_decisions_of_its_own():
    patients = pd.DataFrame({"growth": [0.02, 0.1, 0.3]})
    regimen = DRUG.when("size", above=20.0, then="stop")
    found = run(regimen, parameters=patients)
    assert np.allclose(found.fired[:, 0], np.log(2) / patients["growth"], rtol=1e-8)
    again = run(regimen, parameters=patients[::-1], threads=2)
    assert np.array_equal(again.values[::-1], found.values)


def test_extinction_ends_a_treatment():
    whole = base(
        "dying",
        {"rate": 1.0},
        {"cells": Compartment("1", 100.0, extinct_below=1.0), "drug": 0.0},
        {"death": Flow("cells", per_capita="rate")},
        inputs={"drug": Input("drug", "1")},
    )
    found = imo.simulate(whole, imo.Regimen().dose("drug", 1.0, every=2, count=9).when("cells", below=0, then="stop"), until=20)
    assert found.trigger_times["day"].tolist() == [pytest.approx(np.log(100), rel=1e-5)] and found["drug"][-1] == 3.0


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"then": "stop"}, "neither of above and below"),
        ({"above": 1, "below": 2, "then": "stop"}, "both of above and below"),
        ({"above": 1, "of": "peak", "then": "stop"}, "nadir"),
        ({"above": 1, "by": 5, "then": "stop"}, "reference"),
        ({"above": "high", "then": "stop"}, "not a number"),
        ({"above": 1, "then": "wait"}, "hold"),
        ({"above": 1, "then": -1}, "hold"),
        ({"above": 1, "then": "stop", "every": 0}, "visits"),
        ({"above": 1, "then": "stop", "every": "often"}, "not a time"),
    ],
)
def test_wrong_reactions(how, said):
    with pytest.raises(RegimenError, match=said):
        DRUG.when("size", **how)


@pytest.mark.parametrize(
    ("regimen", "how", "said"),
    [
        (DRUG.when("sise", above=1, then="stop"), {}, "size"),
        (DRUG.when("size", above=1, then="stop", therapies="drog"), {}, "drug"),
        (DRUG.when("size", above=1, then="stop"), {"sensitivities": "growth"}, "leave one of them out"),
        ([DRUG.when("size", above=1, then="stop"), DRUG], {"parameters": pd.DataFrame({"out": [1, 2]})}, "differ"),
    ],
)
def test_reactions_that_do_not_fit(regimen, how, said):
    with pytest.raises(SolveError, match=said):
        run(regimen, **how)


RESCUE = imo.Regimen().dose("rescue", 4.0, every=2, count=3, over=0.5)
BOTH = {
    "stop": DRUG.when("twice", above=40.0, then="stop"),
    "stop at a visit": DRUG.when("size", above=2.0, of="baseline", by=5, then="stop", every=10),
    "hold": DRUG.multiply("knife", 0.1, at=12).when("size", above=20.0, then="hold", therapies="drug"),
    "hold at visits": DRUG.multiply("knife", 0.1, at=12).when("size", above=20.0, then="hold", every=1, therapies="drug"),
    "a share": DRUG.when("size", above=20.0, then=0.25),
    "a course": DRUG.multiply("knife", 0.1, at=12).when("size", above=1.2, of="nadir", by=5, then=RESCUE),
    "a course from a visit": DRUG.when("size", above=30.0, then=RESCUE, every=3).when("rescue", above=3.0, then="stop"),
}


@pytest.mark.parametrize("name", spread(BOTH, 2))
def test_the_engines_agree(name):
    compiled, scipy = (run(BOTH[name], engine=engine) for engine in ("compiled", "scipy"))
    assert compiled.ok and scipy.ok and len(compiled.trigger_times)
    assert np.allclose(compiled.trigger_times["day"], scipy.trigger_times["day"], rtol=0, atol=1e-6)
    assert np.allclose(compiled.values, scipy.values, rtol=1e-5, atol=1e-5)


def test_a_reaction_leaves_the_events_of_the_next_run_alone():
    """Patients of one schedule share their events, and a course changes them."""
    first, second = (run(BOTH["a course"], engine="scipy", parameters=pd.DataFrame({"out": [OUT, OUT]})) for _ in range(2))
    assert np.array_equal(first.values[0], first.values[1]) and np.array_equal(first.values, second.values)


def test_regimens_keep_their_reactions():
    regimen = DRUG.when("size", above=20.0, then="stop", every=10)
    assert "size at or above 20" in str(regimen)
    assert (regimen + DRUG).triggers == regimen.triggers
    assert regimen.shift(7).triggers[0].since == 7


def test_a_fit_under_a_regimen_that_reacts():
    """Decisions have no derivative: the fit takes differences, and finds the rate that the data were made with."""
    regimen = DRUG.when("size", above=20.0, then="stop", every=5)
    days = [1.0, 4.0, 9.0, 14.0, 20.0]
    truth = imo.simulate(model(), regimen, times=[0.0, *days], parameters={"out": 0.4}, rtol=1e-9)["drug"][1:]
    table = pd.DataFrame({"subject": 1, "day": days, "value": truth})
    data = imo.read_trial(table, units="1", quantity="drug")
    found = imo.fit(model(), data, ["out"], regimens=regimen, error="additive", bounds={"out": (0.01, 5.0)}, progress=False)
    assert found.values["out"] == pytest.approx(0.4, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["compiled", "scipy"])
@pytest.mark.parametrize("every", spread([None, 1], 1))
def test_doses_that_are_held_until_another_limit_resume_there(engine, every):
    # at 4 after a dose of 8, and at 0.1 when the next but one is due; without the second limit the next one is given
    held = run(DRUG.when("drug", above=4.0, until=0.1, then="hold", every=every), engine=engine)
    assert np.allclose(held["drug"], [doses(t, [8, 0] * 4) for t in TIMES], atol=1e-6)
    plain = run(DRUG.when("drug", above=4.0, then="hold", every=every), engine=engine)
    assert np.allclose(plain["drug"], [doses(t, [8] * 8) for t in TIMES], atol=1e-6)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"below": 0.5, "until": 0.4, "then": "hold"}, "until=0.4: is below the limit 0.5; a limit at or above it"),
        ({"above": 2.0, "until": 3.0, "then": "hold"}, "until=3.0: is above the limit 2.0; a limit at or below it"),
        ({"below": 0.5, "until": 1.0, "then": "stop"}, "until=1.0: does not go with then='stop'; then='hold', which can end"),
        ({"below": 0.5, "until": "all", "then": "hold"}, "until='all': is not a number"),
    ],
)
def test_a_limit_at_which_doses_resume_that_makes_no_sense_is_refused(how, message):
    with pytest.raises(RegimenError) as error:
        DRUG.when("size", of="baseline", **how)
    assert message in str(error.value)


def test_a_trigger_says_until_when_doses_are_held():
    adaptive = DRUG.when("size", below=0.5, until=1.0, of="baseline", then="hold", every=28)
    assert str(adaptive.triggers[0]).endswith("its therapies x 0, held until 1 x baseline")
