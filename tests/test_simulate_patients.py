"""Outcomes of virtual patients under each arm: parts of one result, whatever the blocks; what is checked before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError, FileError, OutOfBoundsWarning, PopulationError, SolveError
from immunoode.virtual_population import LogNormal, VirtualPatients
from immunoode.virtual_trial import Hazard, Observation, RandomDraws, VisitSchedule, read_patients
from immunoode.virtual_trial.patient_block import Evaluation, PatientBlock
from tests.long_forms import short
from tests.test_solve_to_file import content

MODEL = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
ARMS = {"control": None, "treated": imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=6)}
DISTRIBUTIONS = {"growth_rate": LogNormal(0.006, 0.4), "kill_rate": LogNormal(4.0, 0.3)}
VISITS = VisitSchedule("6 weeks", "18 weeks")
OBSERVED = Observation(VISITS, death=Hazard(0.5, 1.0), dropout=Hazard(0.1))
HOW: dict[str, Any] = {"n": 23, "seed": 5, "observation": OBSERVED, "progress": False}


def simulated(**how: Any) -> VirtualPatients:
    given = {"patients": DISTRIBUTIONS, **HOW, **how}
    return imo.virtual_trial.simulate_patients(MODEL, given.pop("patients"), ARMS, **given)


def equal(a: VirtualPatients, b: VirtualPatients) -> None:
    pd.testing.assert_frame_equal(a.parameters, b.parameters)
    assert a.arms == b.arms
    for arm in a.arms:
        pd.testing.assert_frame_equal(a.outcomes[arm], b.outcomes[arm])


def test_blocks_are_parts_of_one_result() -> None:
    whole = simulated()
    assert whole.parameters.index.name == "patient" and len(whole) == 23 and whole.arms == ("control", "treated")
    equal(whole, simulated(block=7))
    table = imo.sample_patients(MODEL, DISTRIBUTIONS, 23, 5)
    equal(whole, simulated(patients=table, n=None))
    chosen = [19, 3, 8]
    equal(whole.take(chosen), simulated(patients=table.iloc[chosen], n=None, block=2))


def test_outcomes_are_those_of_the_parts() -> None:
    found = simulated(confirmed=True)
    table = imo.sample_patients(MODEL, DISTRIBUTIONS, 23, 5)
    times = np.arange(0, 127, 7.0)
    run = imo.simulate(MODEL, ARMS["treated"], times=times, parameters=table, outputs=OBSERVED.outputs, progress=False)
    courses = OBSERVED.observe(RandomDraws(5, range(23)), times, {"sum_of_diameters": run.values[:, :, 0]})
    known = courses.outcomes(confirmed=True, index=table.index)
    pd.testing.assert_frame_equal(found.outcomes["treated"].drop(columns="status"), known)
    assert set(found.outcomes["control"]["status"]) == {"finished"}
    baselines = [found.outcomes[arm]["baseline"] for arm in ARMS]
    pd.testing.assert_series_equal(*baselines)  # one patient is measured with the same error in both arms


@pytest.mark.parametrize("suffix", short([".parquet", ".zarr"], [".parquet"]))
def test_files(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("pyarrow" if suffix == ".parquet" else "zarr")
    to = imo.virtual_trial.simulate_patients_to
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    counts = to(first, MODEL, DISTRIBUTIONS, ARMS, **HOW)
    assert counts.to_numpy().tolist() == [["control", "finished", 23], ["treated", "finished", 23]]
    to(second, MODEL, DISTRIBUTIONS, ARMS, block=4, **HOW)
    assert content(first) == content(second)
    equal(read_patients(first), simulated())
    with pytest.raises(SolveError, match="exists"):
        to(first, MODEL, DISTRIBUTIONS, ARMS, **HOW)


def test_an_unfinished_file_of_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    path, to = tmp_path / "a.parquet", imo.virtual_trial.simulate_patients_to
    kept = Observation.observe

    def interrupt(self: Observation, draws: RandomDraws, *rest: Any) -> Any:
        if 12 in draws.patients:
            raise KeyboardInterrupt
        return kept(self, draws, *rest)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Observation, "observe", interrupt)
        to(path, MODEL, DISTRIBUTIONS, ARMS, block=8, **HOW)
    for name, other in {"seed": {"seed": 6}, "n": {"n": 24}, "observation": {"observation": Observation(VISITS)}}.items():
        with pytest.raises(SolveError, match=f"has other {name};"):
            to(path, MODEL, DISTRIBUTIONS, ARMS, resume=True, **{**HOW, **other})
    to(path, MODEL, DISTRIBUTIONS, ARMS, resume=True, block=3, solver=imo.SolverOptions(threads=1), **HOW)
    equal(read_patients(path), simulated())


def test_a_patient_who_is_not_solved_has_no_outcomes() -> None:
    found = simulated(solver=imo.SolverOptions(max_steps=60), n=3)
    failed = found.outcomes["treated"]
    assert set(failed["status"]) == {"more steps than allowed"}
    assert failed[["baseline", "best_change", "pfs_time", "os_time"]].isna().all(axis=None)
    assert failed["best_response"].isna().all() and not failed[["pfs_event", "os_event", "duration_event"]].any(axis=None)


@pytest.mark.parametrize(
    ("error", "how", "said"),
    [
        (DataError, {"arms": {}}, "arms: are empty; a mapping"),
        (DataError, {"arms": [None]}, "arms: are list"),
        (DataError, {"n": None}, "n: is None; the number of patients"),
        (DataError, {"patients": pd.DataFrame({"growth_rate": [0.1]})}, "n: is 23, but there is a table"),
        (
            DataError,
            {"patients": pd.DataFrame({"growth_rate": [0.1]}, index=["p1"]), "n": None},
            "an index that does not consist .*reset_index",
        ),
        (DataError, {"patients": pd.DataFrame({"growth_rate": []}), "n": None}, "no rows"),
        (SolveError, {"patients": pd.DataFrame({"grwth_rate": [0.1]}), "n": None}, "did you mean 'growth_rate'"),
        (PopulationError, {"patients": {"grwth_rate": LogNormal(0.006, 0.4)}}, "did you mean 'growth_rate'"),
        (SolveError, {"block": 0}, "block: is 0"),
    ],
)
def test_wrong_calls(error: type[Exception], how: dict[str, Any], said: str) -> None:
    given = {"patients": DISTRIBUTIONS, "arms": ARMS, **HOW, **how}
    with pytest.raises(error, match=said):
        imo.virtual_trial.simulate_patients(MODEL, given.pop("patients"), given.pop("arms"), **given)


def test_a_parameter_with_the_name_of_an_outcome() -> None:
    table = imo.sample_patients(MODEL, DISTRIBUTIONS, 3).rename(columns={"growth_rate": "baseline"})
    work = PatientBlock(MODEL, ARMS, None, 1, OBSERVED, Evaluation(), imo.SolverOptions())
    with pytest.raises(DataError, match="parameter 'baseline': has the name of a column of outcomes"):
        work.dataset(table, {"control": simulated(n=3).outcomes["control"]})


def test_bounds_are_compared_once() -> None:
    with pytest.warns(OutOfBoundsWarning) as told:
        simulated(patients={"growth_rate": LogNormal(0.1, 0.5)}, block=5)
    assert len(told) == 1


def test_files_that_are_not_of_patients(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(FileError, match="does not exist"):
        read_patients(tmp_path / "a.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(FileError, match="no virtual patients"):
        read_patients(tmp_path / "a.parquet")
