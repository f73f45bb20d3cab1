"""Many patients: independence of threads and order, schedules and times of their own, statuses, kernels and their cache."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import SolveError
from immunoode.model.closed_model import resolve
from immunoode.solve.problem.compiled_model import compiled_model_of
from tests.simulators import simulator_of
from tests.solve_models import binding, blow_up, cells, decay, schedule, two_compartments


def patients(count, seed=5):
    rng = np.random.default_rng(seed)
    names = ("out", "away", "back")
    table = {name: rng.lognormal(np.log(0.3), 0.4, count) for name in names}
    return pd.DataFrame(table, index=[f"patient {i}" for i in range(count)])


DOSES = schedule(*((7.0 * i, "dose", 100.0, 0.1) for i in range(8)))


def test_threads_order_and_repetition_change_nothing():
    model, table = two_compartments(), patients(300)
    once = imo.simulate(model, DOSES, until=60, parameters=table, threads=1, progress=False)
    for threads in (2, 3, 5):
        again = imo.simulate(model, DOSES, until=60, parameters=table, threads=threads, progress=False)
        assert np.array_equal(once.values, again.values)
    back = imo.simulate(model, DOSES, until=60, parameters=table[::-1], threads=2, progress=False)
    assert np.array_equal(once.values, back.values[::-1])
    alone = imo.simulate(model, DOSES, until=60, parameters=dict(table.iloc[17]))
    assert np.array_equal(once.values[17], alone.values[0])


def test_stiff_patients_do_not_depend_on_threads_either():
    doses = schedule(*((21.0 * i, "dose", 10.0, 0.02) for i in range(3)))
    table = pd.DataFrame({"on": np.geomspace(1, 2000, 24), "off": np.geomspace(0.4, 800, 24)})
    runs = [imo.simulate(binding(), doses, until=60, parameters=table, threads=n) for n in (1, 4)]
    assert np.array_equal(runs[0].values, runs[1].values)
    switches = runs[0].statistics["switches"]
    assert switches.iloc[0] == 0 and switches.iloc[-1] > 0


def test_a_schedule_and_times_for_each_patient():
    schedules = [None, schedule((0, "dose", 1)), schedule((1, "dose", 2))]
    times = [np.array([0.0, 1.0]), np.array([0.0, 0.5, 2.0]), np.array([3.0])]
    simulator = simulator_of(decay(initial=0.0), schedules, times, ["amount"], rtol=1e-10)
    found = simulator.run(np.array([[1.0], [1.0], [2.0]]), threads=2).values[:, :, 0]
    assert np.all(found[0, :2] == 0)
    assert np.allclose(found[1], np.exp([0, -0.5, -2]), rtol=1e-8)
    assert found[2, 0] == pytest.approx(2 * np.exp(-4), rel=1e-8)


def test_table_and_dataset_carry_names_and_units():
    run = imo.simulate(two_compartments(), DOSES, times=range(4), parameters=patients(2))
    frame, data = run.to_frame(), run.to_xarray()
    assert list(frame.columns) == ["subject", "time", "central", "peripheral"] and len(frame) == 8
    assert frame["central"].iloc[5] == run["central"][1, 1]
    assert data["central"].sel(subject="patient 1", time=2.0) == run["central"][1, 2]
    assert data["central"].attrs["units"] == "1"
    assert list(run.statistics.index) == ["patient 0", "patient 1"]


@pytest.mark.parametrize("way", [{"method": "tsit5"}, {"method": "rodas5p"}, {"engine": "scipy"}], ids=str)
def test_a_solution_without_end_is_a_status(way):
    with pytest.warns(RuntimeWarning, match="stopped at day"):
        run = imo.simulate(blow_up(), times=[0, 0.5, 0.9, 2], **way)
    status = run.status[0]
    assert not run.ok and not status.ok and status.advice
    assert status.time == pytest.approx(1.0, abs=1e-3)
    assert status.state["amount"] > 1e3
    assert run["amount"][:3] == pytest.approx([1, 2, 10], rel=1e-3)
    assert np.isnan(run["amount"][3])
    with pytest.raises(SolveError, match="stopped at day"):
        run.raise_for_status()


def test_one_bad_patient_leaves_the_others_alone():
    table = pd.DataFrame({"rate": [0.1, 1.0, 0.2]}, index=["a", "b", "c"])
    with pytest.warns(RuntimeWarning, match="1 of 3 patients stopped early: patient b"):
        run = imo.simulate(blow_up(), until=2, parameters=table)
    assert [s.ok for s in run.status] == [True, False, True]
    assert np.allclose(run["amount"][0], 1 / (1 - 0.1 * run.times), rtol=1e-4)


def test_steps_are_bounded():
    simulator = simulator_of(binding(), [schedule((0, "dose", 10))], np.array([0.0, 100.0]), method="tsit5", max_steps=500)
    solution = simulator.run(np.array(resolve(binding()).equations.values))
    assert solution.counts[0, :2].sum() <= 500
    assert "more steps than allowed" in str(solution.status(0)) and 0 < solution.ended[0] < 100


def test_an_initial_state_that_is_not_finite():
    model = decay()
    model = replace(model, compartments={"amount": replace(model.compartments["amount"], initial="log(rate)")})
    model = replace(model, parameters={"rate": replace(model.parameters["rate"], value=-1.0, unit="1")}, flows={})
    with pytest.warns(RuntimeWarning, match="not finite"):
        run = imo.simulate(model, until=1)
    assert np.isnan(run.values).all() and run.status[0].time == 0.0


def test_systems_are_compiled_once_for_all_values():
    model = cells(5.0)
    assert compiled_model_of(resolve(model).equations) is compiled_model_of(resolve(model.with_values(death=2.0)).equations)
    assert compiled_model_of(resolve(model).equations) is not compiled_model_of(resolve(cells(6.0)).equations)


def test_known_times_are_stopped_at():
    """A rate that switches with time: exact to tolerance only if steps end at the switch."""
    from immunoode.model.components import Flow, Parameter

    model = decay()
    rate = "piecewise(rate, time < lag, 0)"
    model = replace(model, flows={"loss": Flow("amount", per_capita=rate)})
    model = replace(model, parameters={**model.parameters, "lag": Parameter(1.2345, "day")})
    for way in ({"method": "tsit5"}, {"method": "rodas5p"}, {"engine": "scipy"}):
        run = imo.simulate(model, times=[0, 1, 50], rtol=1e-10, **way)
        assert run["amount"][2] == pytest.approx(np.exp(-1.2345), rel=1e-9)
        assert run.counts[0, 1] <= 2


def test_wrong_method():
    with pytest.raises(SolveError, match="method: is 'tsit'; did you mean 'tsit5'"):
        imo.simulate(decay(), until=1, method="tsit")
