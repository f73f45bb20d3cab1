"""Virtual trials in blocks: reductions, files, failures as rows; sensitivities of a simulation."""

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import SolveError
from immunoode.solve.reductions import reductions
from tests.solve_models import blow_up, decay

PATIENTS = pd.DataFrame({"rate": [0.5, 1.0, 2.0, 0.1]}, index=["a", "b", "c", "d"])


def test_reductions_are_those_of_the_time_course():
    times, values = np.array([0.0, 1.0, 3.0]), np.array([[4.0, 2.0, 3.0], [1.0, 1.0, 1.0]])
    found = {
        name: f(times, values).tolist()
        for name, f in reductions(
            ["final", "minimum", "time_of_minimum", "maximum", "time_of_maximum", "area", "first_below(3)", "first_above(2.5)"]
        ).items()
    }
    assert found == {
        "final": [3, 1],
        "minimum": [2, 1],
        "time_of_minimum": [1, 0],
        "maximum": [4, 1],
        "time_of_maximum": [0, 0],
        "area": [8, 3],
        "first_below(3)": [0.5, 0.0],
        "first_above(2.5)": [0.0, np.inf],
    }


@pytest.mark.parametrize("block", [1, 3, 100])
def test_blocks_do_not_change_the_result(block):
    how = {"parameters": PATIENTS, "outputs": "amount", "times": np.linspace(0, 4, 401), "rtol": 1e-10}
    found = imo.simulate_many(decay(), reduce=["final", "area", "first_below(0.5)"], block=block, **how)
    assert found.index.tolist() == ["a", "b", "c", "d"]
    rate = PATIENTS["rate"].to_numpy()
    assert np.allclose(found["amount: final"], np.exp(-4 * rate), rtol=1e-8)
    assert np.allclose(found["amount: area"], -np.expm1(-4 * rate) / rate, rtol=1e-4)
    crossing = found["amount: first_below(0.5)"].to_numpy()
    assert np.allclose(crossing[:3], np.log(2) / rate[:3], rtol=1e-3) and crossing[3] == np.inf
    whole = imo.simulate_many(decay(), reduce=["final", "area", "first_below(0.5)"], **how)
    assert found.equals(whole)


def test_a_patient_that_fails_is_a_row():
    patients = pd.DataFrame({"rate": [0.1, 1.0, 0.2]})
    found = imo.simulate_many(blow_up(), until=2, parameters=patients, outputs="amount", block=2)
    assert found["status"].tolist()[::2] == ["finished", "finished"] and "small" in found["status"][1]
    assert found["stopped"][1] == pytest.approx(1.0, abs=1e-6)
    assert found["amount: final"].isna().tolist() == [False, True, False]


def test_patients_alike_in_weight_share_a_schedule():
    model = imo.combine("tumour_immune", imo.load_model("ctla4_inhibitor", variant="ipilimumab"))
    regimen = imo.Regimen().dose("ipilimumab", "3 mg/kg", every="3 weeks", count=2)
    patients = pd.DataFrame({"weight": [60.0, 60.0, 90.0], "growth_rate": [0.004, 0.005, 0.006]})
    run = imo.simulate(model, regimen, until="30 days", parameters=patients)
    assert run.schedules[0] is run.schedules[1] and run.schedules[2].amounts[0] == pytest.approx(270)


@pytest.mark.parametrize("suffix", [".parquet", ".zarr"])
def test_time_courses_go_to_a_file(tmp_path, suffix):
    path = tmp_path / f"trial{suffix}"
    status = imo.simulate_to(path, decay(), until=5, parameters=PATIENTS, outputs="amount", block=3)
    assert status["status"].tolist() == ["finished"] * 4
    run = imo.simulate(decay(), until=5, parameters=PATIENTS, outputs="amount")
    if suffix == ".parquet":
        table = pd.read_parquet(path)
        assert table["subject"].tolist() == np.repeat(["a", "b", "c", "d"], 6).tolist()
        assert np.array_equal(table["amount"], run.values[:, :, 0].ravel())
    else:
        import xarray as xr

        data = xr.open_zarr(path, consolidated=False)
        assert data["subject"].values.tolist() == ["a", "b", "c", "d"] and data["amount"].attrs["units"] == "1"
        assert np.array_equal(data["amount"].values, run.values[:, :, 0])
    with pytest.raises(SolveError, match="exists"):
        imo.simulate_to(path, decay(), until=5, parameters=PATIENTS, outputs="amount")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"reduce": "lowest"}, "not known"),
        ({"reduce": ()}, "empty"),
        ({"block": 0}, "whole number"),
        ({"parameters": {"rate": 1.0}}, "DataFrame"),
        ({"parameters": PATIENTS[:0]}, "no rows"),
        ({"regimen": [None]}, "one regimen per subject"),
    ],
)
def test_wrong_calls(how, said):
    with pytest.raises(SolveError, match=said):
        imo.simulate_many(decay(), **{"until": 2, "parameters": PATIENTS, "outputs": "amount", **how})


def test_a_file_of_no_known_kind(tmp_path):
    with pytest.raises(SolveError, match="parquet"):
        imo.simulate_to(tmp_path / "trial.csv", decay(), until=5, parameters=PATIENTS, outputs="amount")


def test_sensitivities_of_a_simulation():
    run = imo.simulate(decay(), until=3, outputs="amount", sensitivities=["rate", "initial(amount)"], rtol=1e-9)
    assert np.allclose(run.sensitivity("amount", "rate"), -run.times * np.exp(-run.times), atol=1e-8)
    assert np.allclose(run.sensitivity("amount", "initial(amount)"), np.exp(-run.times), rtol=1e-7)
    for output, by, said in (("amuont", "rate", "amount"), ("amount", "rat", "rate")):
        with pytest.raises(SolveError, match=said):
            run.sensitivity(output, by)
