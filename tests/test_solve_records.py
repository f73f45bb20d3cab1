"""What a record means, against the exact superposition of what single doses do: every form, on both engines."""

from __future__ import annotations

import numpy as np
import pytest

import immunoode as imo
from immunoode.model.closed_model import resolve
from immunoode.model.components import Derived, Flow, Input, Parameter
from immunoode.regimen.schedule import MODEL_DURATION, MODEL_RATE
from tests.long_forms import spread
from tests.simulators import simulator_of
from tests.solve_models import base

OUT, UP = 0.3, 1.7
EXACT = {"rtol": 1e-10, "atol": 1e-12}
WAYS = [{"method": "auto"}, {"engine": "scipy"}]
ways = pytest.mark.parametrize("way", spread(WAYS, 1), ids=["compiled", "scipy"])
T = np.linspace(0, 12, 97)


def drug(**inputs):
    """Return a depot and a central compartment; doses into the vein have a lag, a share that arrives, a rate and a duration."""
    own = {
        "vein": Input("central", "1", lag="lag", bioavailability="share", rate="speed", duration="lasts"),
        "mouth": Input("depot", "1", fraction="share", lag="lag"),
    }
    return base(
        "drug",
        {
            "out": OUT,
            "up": UP,
            "share": (1.0, "1"),
            "lag": Parameter(0.0, "day"),
            "speed": 4.0,
            "lasts": Parameter(2.5, "day"),
            "volume": (5.0, "1"),
        },
        {"depot": 0.0, "central": 0.0},
        {"absorption": Flow("depot", "central", per_capita="up"), "elimination": Flow("central", per_capita="out")},
        inputs=own | inputs,
        derived={"level": Derived("central / volume", "1")},
    )


def row(time, name, amount, duration=0.0, **more):
    return {"time": time, "input": name, "amount": amount, "duration": duration, "action": "dose", **more}


def table(*rows):
    """Return the schedule of some rows."""
    names = {
        "times": "time",
        "inputs": "input",
        "amounts": "amount",
        "durations": "duration",
        "actions": "action",
        "steady": "steady",
        "rates": "rate",
        "adding": "adding",
        "orders": "order",
    }
    columns = {column: [r.get(word, 0) for r in rows] for column, word in names.items()}
    return imo.regimen.Schedule(**{n: tuple(c) if n in ("inputs", "actions") else np.array(c) for n, c in columns.items()})


def run(rows, way, parameters=None, times=T, model=None, **options):
    given = rows if isinstance(rows, imo.regimen.Schedule) else table(*rows)
    return imo.simulate(model or drug(), given, times=times, parameters=parameters, **way, **EXACT, **options)["central"]


def bolus(t):
    return np.where(t < 0, 0, np.exp(-OUT * np.maximum(t, 0)))


def infusion(t, duration):
    """Return what an infusion of 1 per day leaves."""
    return -np.expm1(-OUT * np.clip(t, 0, duration)) / OUT * np.exp(-OUT * np.maximum(t - duration, 0))


def absorbed(t):
    t = np.maximum(t, 0)
    return UP / (UP - OUT) * (np.exp(-OUT * t) - np.exp(-UP * t))


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-9 * np.abs(wanted).max())


# how long an infusion lasts


@ways
@pytest.mark.parametrize("inputs", [{}, {"vein": Input("central", "1", "share", "lag")}], ids=["stated", "fraction"])
def test_a_rate_holds_and_a_duration_holds_whatever_share_arrives(way, inputs):
    model, values = drug(**inputs), {"share": 0.5}
    at_rate = run([row(1, "vein", 12, rate=3)], way, values, model=model)
    close(at_rate, 3 * infusion(T - 1, 2))
    lasting = run([row(1, "vein", 12, 4.0)], way, values, model=model)
    close(lasting, 1.5 * infusion(T - 1, 4))


@ways
def test_a_fraction_that_converts_changes_no_duration(way):
    inputs = {
        "vein": Input("central", "1", fraction="1 / volume", bioavailability="1"),
        "half": Input("central", "1", fraction="1 / volume", bioavailability="share"),
    }
    found = run([row(1, "vein", 12, rate=3)], way, {"share": 0.5}, model=drug(**inputs))
    close(found, 3 / 5 * infusion(T - 1, 4))
    found = run([row(1, "half", 12, rate=3)], way, {"share": 0.5}, model=drug(**inputs))
    close(found, 3 / 5 * infusion(T - 1, 2))


def test_a_fraction_with_a_unit_converts():
    model = imo.load_model("lindauer2017")
    target = resolve(model).equations.inputs["pembrolizumab"]
    assert target.share == 1 and target.scale != 1


@ways
def test_rates_and_durations_of_the_model(way):
    values = {"share": 0.5, "lag": 0.3}
    close(run([row(1, "vein", 12, rate=MODEL_RATE)], way, values), 4 * infusion(T - 1.3, 1.5))
    close(run([row(1, "vein", 12, rate=MODEL_DURATION)], way, values), 6 / 2.5 * infusion(T - 1.3, 2.5))


@ways
def test_what_a_dose_leaves_to_a_model_that_states_none_is_refused(way):
    for rate, word in ((MODEL_RATE, "rate"), (MODEL_DURATION, "duration")):
        with pytest.raises(imo.errors.SolveError, match=f"leaves its {word} to the model"):
            run([row(1, "mouth", 12, rate=rate)], way)
    with pytest.raises(imo.errors.SolveError, match="has a rate of 0"):
        run([row(1, "vein", 12, rate=MODEL_RATE)], way, {"speed": 0.0})
    with pytest.raises(imo.errors.SolveError, match="has a lag of -1"):
        run([row(1, "vein", 12)], way, {"lag": -1.0})


@ways
def test_a_rate_where_the_share_depends_on_the_state_is_refused(way):
    model = drug(vein=Input("central", "1", fraction="1 / (1 + central)"))
    with pytest.raises(imo.errors.SolveError, match="bioavailability of its input depends on states"):
        run([row(1, "vein", 12, rate=3)], way, model=model)


@ways
def test_what_is_known_of_a_dose_is_what_holds_when_it_is_given(way):
    """A lag, a share and a rate that change from record to record, as columns of a table do."""
    changes = [(0, "lag", 0.5), (0, "share", 0.5), (4, "lag", 1.25), (4, "share", 0.25), (4, "speed", 8.0)]
    sets = [{"time": t, "input": n, "amount": v, "action": "set"} for t, n, v in changes]
    rows = [*sets[:2], row(0, "vein", 10, rate=4), *sets[2:], row(4, "vein", 16, rate=MODEL_RATE)]
    close(run(rows, way), 4 * infusion(T - 0.5, 1.25) + 8 * infusion(T - 5.25, 0.5))


@ways
def test_a_regimens_rate_holds_too(way):
    regimen = imo.Regimen().dose("vein", 12, rate=3, start=1)
    found = imo.simulate(drug(), regimen, times=T, parameters={"share": 0.5}, **way, **EXACT)["central"]
    close(found, 3 * infusion(T - 1, 2))


# steady states

CASES = [
    (0.0, 0.0),
    (0.75, 0.0),
    (2.0, 0.0),
    (3.0, 0.0),
    (5.25, 0.0),
    (4.0, 0.0),
    (0.0, 0.5),
    (0.5, 3.5),
    (2.0, 4.0),
    (5.5, 1.0),
    (3.25, 7.1),
    (1.5, 0.5),
]
"""Lags and durations, with an interval of 2: also longer than it, and so that one ends where another begins."""


def steady(t, lag, duration, amount=10.0, every=2.0, further=()):
    """Return doses given every 2 days up to day 1, and further ones, each arriving a lag later: what they leave from then."""
    one = (lambda u: bolus(u) * amount) if not duration else (lambda u: infusion(u, duration) * amount / duration)
    return sum(one(t - 1 - lag + every * k) for k in range(300)) + sum(one(t - at - lag) for at in further)


@ways
@pytest.mark.parametrize(("lag", "duration"), CASES)
def test_a_steady_state_is_the_superposition_of_past_doses(way, lag, duration):
    rows = [row(1, "vein", 10, duration, steady=2), row(3, "vein", 10, duration), row(5, "vein", 10, duration)]
    times = np.unique(np.append(T[T >= 1], [1 + lag, 1 + (lag % 2), 3 + lag]))
    found = run(rows, way, {"lag": lag}, times=times)
    close(found, steady(times, lag, duration, further=(3, 5)))


@ways
def test_a_steady_state_of_infusions_at_a_rate_of_which_a_share_arrives(way):
    found = run([row(1, "vein", 10, rate=2, steady=2)], way, {"share": 0.6, "lag": 2.5}, times=T[T >= 1])
    close(found, steady(T[T >= 1], 2.5, 3.0, amount=6.0))
    found = run([row(1, "vein", 10, rate=MODEL_DURATION, steady=2)], way, {"share": 0.6}, times=T[T >= 1])
    close(found, steady(T[T >= 1], 0.0, 2.5, amount=6.0))


@ways
def test_a_steady_state_of_absorbed_doses_longer_on_their_way_than_the_interval(way):
    found = run([row(1, "mouth", 10, steady=2)], way, {"lag": 3.5, "share": 0.5}, times=T[T >= 1])
    close(found, 5 * sum(absorbed(T[T >= 1] - 4.5 + 2 * k) for k in range(300)))


@ways
@pytest.mark.parametrize(("lag", "duration"), [(0.0, 0.0), (2.5, 0.0), (0.0, 3.0), (4.5, 3.0)])
def test_a_steady_state_may_be_added_to_what_is_there(way, lag, duration):
    rows = [row(0, "vein", 7), row(1, "vein", 10, duration, steady=2, adding=True)]
    found = run(rows, way, {"lag": lag}, times=T[T >= 1])
    close(found, 7 * bolus(T[T >= 1] - lag) + steady(T[T >= 1], lag, duration))


@ways
def test_a_steady_state_takes_the_place_of_what_is_there_and_of_what_is_on_its_way(way):
    rows = [row(0, "vein", 7, 5.0), row(0.5, "mouth", 9), row(1, "vein", 10, steady=2)]
    close(run(rows, way, {"lag": 0.75}, times=T[T >= 1]), steady(T[T >= 1], 0.75, 0.0))


@ways
def test_a_constant_infusion_is_at_its_rate_whatever_share_arrives(way):
    found = run([row(1, "vein", 6, np.inf, steady=np.inf)], way, {"share": 0.5})
    close(found, np.where(T < 1, 0, 6 / OUT * bolus(T - 1)))


@ways
def test_a_reset_cancels_what_is_on_its_way(way):
    reset = {"time": 2, "action": "reset", "input": "", "amount": 0}
    rows = [row(0, "vein", 7, 5.0), row(1, "vein", 9), reset, row(2, "vein", 4)]
    close(run(rows, way, {"lag": 1.5}), np.where(T < 2, 7 / 5 * infusion(T - 1.5, 5), 4 * bolus(T - 3.5)))


# one time


@ways
@pytest.mark.parametrize("hours", [(12, 10), (8, 6), (12, 5), (24, 7), (6, 20), (12, 1.1)])
def test_times_that_are_equal_in_hours_are_equal(way, hours):
    """A dose that is given every so many hours and arrives a lag later has arrived at the hour at which it does."""
    every, lag = hours
    given = [k * every for k in range(1, 9)]
    regimen = imo.Regimen().dose("vein", 1, every=f"{every} hours", count=9)
    times = np.array([(h + lag) / 24 for h in given])
    found = imo.simulate(drug(), regimen, times=times, parameters={"lag": lag / 24}, **way, **EXACT)["central"]
    since = (np.array(given)[:, None] - np.array([0, *given])) / 24
    close(found, np.where(since >= -1e-9, np.exp(-OUT * np.maximum(since, 0)), 0).sum(axis=1))


@ways
def test_observations_stand_among_the_records_of_their_time(way):
    rows = [
        row(0, "vein", 8, order=0),
        row(1, "vein", 10, order=2),
        {"time": 1, "input": "vein", "amount": 0.5, "action": "multiply", "order": 4},
    ]
    times, orders = np.array([0.0, 0.0, 1, 1, 1, 2]), np.array([-np.inf, 1, 1, 3, np.inf, np.inf])
    engine = way.get("engine", "compiled")
    simulator = simulator_of(drug(), [table(*rows)], times, ["central"], orders=orders, engine=engine, **EXACT)
    before = 8 * np.exp(-OUT)
    after = (before + 10) / 2
    found = simulator.run(np.array(resolve(drug()).equations.values)).values[0, :, 0]
    close(found, [0, 8, before, before + 10, after, after * np.exp(-OUT)])


@ways
def test_what_a_table_does_not_state_comes_before_its_rows(way):
    """A dose that arrives after a lag at the time of an observation has arrived."""
    rows = [row(0, "vein", 8, order=0)]
    simulator = simulator_of(
        drug(),
        [table(*rows)],
        np.array([0.25]),
        ["central"],
        orders=np.array([1.0]),
        engine=way.get("engine", "compiled"),
        **EXACT,
    )
    values = dict(zip(resolve(drug()).equations.parameters, resolve(drug()).equations.values, strict=True)) | {"lag": 0.25}
    assert simulator.run(np.array(list(values.values()))).values[0, 0, 0] == pytest.approx(8)


@ways
def test_a_trough_is_the_state_before_the_dose(way):
    regimen = imo.Regimen().dose("vein", 10, every=1, count=5)
    times = [1, 1, 2, 3]
    found = imo.simulate(drug(), regimen, times=times, before=[True, False, True, True], **way, **EXACT)["central"]
    trough = [10 * sum(np.exp(-OUT * j) for j in range(1, k + 1)) for k in (1, 1, 2, 3)]
    close(found, np.array(trough) + [0, 10, 0, 0])


@ways
def test_outputs_before_a_covariate_changes_use_its_old_value(way):
    rows = [row(0, "vein", 10), {"time": 1, "input": "volume", "amount": 2.0, "action": "set"}]
    found = imo.simulate(drug(), table(*rows), times=[1, 1], before=[True, False], outputs=["level"], **way, **EXACT)["level"]
    close(found, 10 * np.exp(-OUT) / np.array([5, 2]))


# many, and derivatives


def test_patients_abreast_give_the_same_numbers_as_one_by_one():
    schedules = [table(row(1, "vein", 10, d, steady=2), row(4, "mouth", 3, order=k)) for k, (_, d) in enumerate(CASES)]
    values = np.tile(resolve(drug()).equations.values, (len(CASES), 1))
    values[:, 3] = [lag for lag, _ in CASES]
    assert resolve(drug()).equations.parameters[3] == "lag"
    rows = [np.array([1.0, 2, 4, 4, 9])] * len(CASES)
    orders = [np.array([np.inf, np.inf, -np.inf, np.inf, np.inf])] * len(CASES)
    simulator = simulator_of(drug(), schedules, rows, ["central", "level"], orders=orders)
    together = simulator.run(values).values
    for k in range(len(CASES)):
        alone = simulator.take(np.array([k])).run(values[k : k + 1]).values
        np.testing.assert_array_equal(together[k], alone[0])
    one_by_one = simulator_of(drug(), schedules, rows, ["central", "level"], orders=orders, method="rodas5p").run(values).values
    np.testing.assert_allclose(together, one_by_one, rtol=1e-4, atol=1e-6)


DERIVED = {
    "at a rate": [row(1, "vein", 12, rate=3), row(4, "vein", 6, rate=2)],
    "rate of the model": [row(1, "vein", 12, rate=MODEL_RATE)],
    "duration of the model": [row(1, "vein", 12, rate=MODEL_DURATION), row(6, "vein", 3, 0.5)],
    "steady, at a rate": [row(1, "vein", 10, rate=3, steady=2), row(3, "vein", 10, rate=3)],
    "steady, of the model": [row(1, "vein", 10, rate=MODEL_DURATION, steady=2)],
    "steady boluses": [row(1, "vein", 10, steady=2), row(3, "mouth", 10)],
    "added": [row(0, "vein", 7), row(1, "vein", 10, rate=MODEL_RATE, steady=2, adding=True)],
    "constant": [row(1, "vein", 6, np.inf, steady=np.inf)],
}


@pytest.mark.parametrize("kind", DERIVED)
@pytest.mark.parametrize("lag", [0.4, 3.3])
def test_derivatives_by_what_decides_about_doses(kind, lag):
    """Against differences of tight solves, also where infusions and lags reach over intervals."""
    by = ["share", "lag", "speed", "lasts", "out"]
    times, model = np.array([1.05, 1.87, 2.6, 4.1, 5.3, 7.7, 9.9]), drug().with_values(share=0.55, lag=lag)
    simulator = simulator_of(model, [table(*DERIVED[kind])], times, ["central"], rtol=1e-11, atol=1e-13, sensitivities=by)
    values, names = np.array(resolve(model).equations.values), resolve(model).equations.parameters
    found = simulator.run(values).derivatives[0, :, :, 0]
    plain = simulator_of(model, [table(*DERIVED[kind])], times, ["central"], rtol=1e-12, atol=1e-14)
    for k, name in enumerate(by):
        step = np.zeros(len(values))
        step[names.index(name)] = h = 1e-4
        wanted = (plain.run(values + step).values - plain.run(values - step).values)[0, :, 0] / (2 * h)
        np.testing.assert_allclose(found[:, k], wanted, rtol=2e-5, atol=1e-6 * max(1.0, np.abs(wanted).max()), err_msg=name)


# time since the first dose


def fading(name):
    """Return a drug whose elimination falls with time on treatment."""
    model = drug(vein=Input("central", "1"))
    rate = "out * exp(-0.5 * hill(time_since_first('vein'), late, 2))"
    flows = {**model.flows, "elimination": Flow("central", per_capita="rate_now")}
    return imo.Model(
        **{
            **vars(model),
            "name": name,
            "flows": flows,
            "parameters": {**model.parameters, "late": Parameter(3.0, "day")},
            "derived": {
                **model.derived,
                "rate_now": Derived(rate, "1/day"),
                "on_treatment": Derived("time_since_first('vein')", "day"),
            },
        }
    )


@ways
def test_what_falls_with_time_on_treatment_counts_from_the_first_dose(way):
    regimen = imo.Regimen().dose("vein", 10, every=1, count=6, over="2 hours")
    first = imo.simulate(fading("fading"), regimen, times=T, **way, **EXACT)
    later = imo.simulate(fading("fading"), regimen.shift(84), times=np.append(50.0, T + 84), **way, **EXACT)
    for name in ("central", "rate_now", "on_treatment"):
        close(later[name][1:], first[name])
    assert later["rate_now"][0] == OUT and later["on_treatment"][0] == 0
    np.testing.assert_allclose(later["on_treatment"][1:], T, atol=1e-12)


@ways
def test_a_drug_that_is_never_given_counts_from_day_0(way):
    """So the course of a clearance can be looked at without a dose."""
    found = imo.simulate(fading("fading"), None, times=np.append(-2, T), start=-2, **way)["on_treatment"]
    np.testing.assert_allclose(found, np.append(0, T), atol=1e-12)


@ways
def test_each_drug_counts_from_its_own_first_dose_also_where_a_regimen_reacts(way):
    """A second line begins where the first fails: its clearance is that of a drug just begun."""
    model = imo.combine(
        "tumour_immune",
        imo.load_model("pd1_inhibitor", variant="nivolumab"),
        imo.load_model("pd1_inhibitor", variant="atezolizumab"),
    )
    second = imo.Regimen().dose("nivolumab", "240 mg", every="2 weeks", count=4)
    first = imo.Regimen().dose("atezolizumab", "1200 mg", every="3 weeks", count=3, start=2)
    reacting = first.when("atezolizumab_central", above=100, then=second, every="1 day", start="10 days")
    outputs = ["nivolumab_current_clearance", "atezolizumab_current_clearance", "nivolumab_central"]
    found = imo.simulate(model, reacting, times=range(61), outputs=outputs, **way)
    wanted = imo.simulate(model, first + second.shift(10), times=range(61), outputs=outputs, **way)
    assert found.fired[0, 0] == 10
    np.testing.assert_allclose(found.values, wanted.values, rtol=1e-5, atol=1e-5)
    alone = imo.simulate(model, second, times=range(51), outputs=outputs, **way)
    np.testing.assert_allclose(found["nivolumab_current_clearance"][10:], alone["nivolumab_current_clearance"], rtol=1e-5)


@ways
def test_a_first_dose_that_a_reaction_leaves_out_is_not_the_first(way):
    model = fading("fading")
    held = imo.Regimen().dose("vein", 10, every=2, count=4).when("time_on", above=0.5, then="hold", every=1)
    model = imo.Model(
        **{
            **vars(model),
            "derived": {**model.derived, "time_on": Derived("piecewise(1, time < three, 0)")},
            "parameters": {**model.parameters, "three": Parameter(3.0, "day")},
        }
    )
    found = imo.simulate(model, held, times=T, **way, **EXACT)
    np.testing.assert_allclose(found["on_treatment"], np.maximum(T - 4, 0), atol=1e-12)


def test_the_time_of_a_first_dose_has_derivatives():
    by = ["time(vein)", "late", "time(vein, 0)", "time(vein, 1)"]
    rows, model = [row(0.5, "vein", 10), row(2, "vein", 5, 0.5)], fading("fading")
    times = np.array([1.0, 2.2, 3.0, 6.0])
    simulator = simulator_of(model, [table(*rows)], times, ["central", "rate_now"], rtol=1e-10, atol=1e-12, sensitivities=by)
    found = simulator.run(np.array(resolve(model).equations.values)).derivatives[0]
    h = 1e-4
    for k, moved in ((0, (0, 1)), (2, (0,)), (3, (1,))):
        given = [[{**r, "time": r["time"] + s * (i in moved)} for i, r in enumerate(rows)] for s in (h, -h)]
        two = [
            imo.simulate(model, table(*g), times=times, outputs=["central", "rate_now"], rtol=1e-11, atol=1e-13).values[0]
            for g in given
        ]
        np.testing.assert_allclose(found[:, k], (two[0] - two[1]) / (2 * h), rtol=1e-5, atol=1e-6)


def test_a_reset_begins_the_count_anew():
    rows = [row(1, "vein", 10), {"time": 4, "action": "reset", "input": "", "amount": 0}, row(6, "vein", 5)]
    for way in WAYS:
        found = imo.simulate(fading("fading"), table(*rows), times=T, **way)["on_treatment"]
        np.testing.assert_allclose(found, np.where(T < 4, np.maximum(T - 1, 0), np.maximum(T - 6, 0)), atol=1e-12)


# when a simulation reports


@ways
def test_a_simulation_shows_the_peak_of_a_short_infusion(way):
    """200 mg in half an hour into 3.51 L are gone by a percent or two at its end, and by a fifth a day later."""
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=2, over="30 min")
    found = imo.simulate(model, regimen, until="30 days", outputs="pembrolizumab_concentration", **way)
    assert found["pembrolizumab_concentration"][found.times <= 21].max() == pytest.approx(56.8, abs=0.1)
    assert {0.0, 0.5 / 24, 21.0, 21 + 0.5 / 24, 30.0} <= set(found.times.tolist())
    assert (np.diff(found.times) > 0).all()


def test_blocks_of_patients_report_at_the_same_times():
    import pandas as pd

    patients = pd.DataFrame({"lag": np.linspace(0, 1, 7), "out": OUT})
    regimens = [imo.Regimen().dose("vein", 10, over=0.2, start=k % 2) for k in range(7)]
    options = {"parameters": patients, "outputs": "central", "reduce": ("maximum",)}
    whole = imo.simulate_many(drug(), regimens, 5, **options)
    parts = imo.simulate_many(drug(), regimens, 5, block=2, **options)
    pd.testing.assert_frame_equal(whole, parts)
