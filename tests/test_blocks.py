"""Work in blocks: the same results for any block, workers and order; workers that end lose nothing."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.blocks import storage
from immunoode.blocks.block import Block, blocks, gaps
from immunoode.blocks.executor import executor_of
from immunoode.blocks.part_file import read_part, write_part
from immunoode.blocks.run import Population, Processing, in_memory, to_file
from immunoode.blocks.run_folder import RunFolder
from immunoode.blocks.work import Task, packed, warn_of_processors
from immunoode.errors import DataError, MissingPackageError, SolveError
from tests.block_work import Failing, Squares
from tests.long_forms import short, spread
from tests.test_solve_population import decay
from tests.test_solve_to_file import content

COUNT = 23


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'immunoode[cluster]'")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local,
        distributed.Client(local) as client,
    ):
        yield client


def written(path: Path, work: Squares, block: int, workers: int | None = None, client: Any = None, **how: Any) -> list[int]:
    population = Population(work, COUNT, tuple)
    processing = Processing(executor_of(workers, client), block, progress=False)
    options = {"manifest": {"of": "squares"}, "resume": False, "summary": lambda part: part.sizes["subject"], **how}
    return to_file(population, processing, path, **options)


def test_blocks_and_gaps_make_up_the_whole() -> None:
    done = [Block(0, 3), Block(5, 9), Block(9, 10)]
    missing = [block for gap in gaps(COUNT, done) for block in blocks(gap, 4)]
    assert missing == [(3, 5), (10, 14), (14, 18), (18, 22), (22, 23)]
    assert sorted(p for block in (*done, *missing) for p in range(*block)) == list(range(COUNT))
    assert list(gaps(3, [Block(0, 3)])) == [] and str(Block(0, 3)) == "patients 0 to 2"


@pytest.mark.parametrize("suffix", short([".parquet", ".zarr"], [".zarr"]))
def test_a_file_is_the_same_for_any_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    pytest.importorskip("pyarrow" if suffix == ".parquet" else "zarr")
    monkeypatch.setattr(storage, "_NUMBERS", 15)  # units of five patients
    assert sum(written(tmp_path / f"whole{suffix}", Squares(), COUNT)) == COUNT
    known = content(tmp_path / f"whole{suffix}")
    for block in (1, 2, 5, 7):
        written(tmp_path / f"{block}{suffix}", Squares(), block)
        assert content(tmp_path / f"{block}{suffix}") == known
    assert not list(tmp_path.glob("*.part"))


def test_what_a_file_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(storage, "_NUMBERS", 15)
    written(tmp_path / "a.parquet", Squares(), 4)
    file = parquet.ParquetFile(tmp_path / "a.parquet")
    assert [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)] == [10, 10, 10, 10, 6]
    assert file.schema_arrow.metadata == {b"unit of square": b"mm", b"columns by time": b"square"}
    table = pd.read_parquet(tmp_path / "a.parquet")
    assert table.columns.tolist() == ["subject", "time", "square", "word"]
    assert table.iloc[-1].tolist() == [22, 42.0, 484.0, "patient 1"]


@pytest.mark.slow
def test_workers_give_the_same(tmp_path: Path, cluster: Any) -> None:
    pytest.importorskip("pyarrow")
    written(tmp_path / "known.parquet", Squares(), 5)
    written(tmp_path / "processes.parquet", Squares(), 2, workers=2)
    written(tmp_path / "cluster.parquet", Squares(), 3, client=cluster)
    assert (
        content(tmp_path / "known.parquet") == content(tmp_path / "processes.parquet") == content(tmp_path / "cluster.parquet")
    )


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes are killed")
@pytest.mark.parametrize("kind", ["processes", "cluster"])
def test_a_killed_worker_loses_nothing(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    pytest.importorskip("pyarrow")
    where = {"workers": 2} if kind == "processes" else {"client": request.getfixturevalue("cluster")}
    work = Squares(kill_at=12, flag=str(tmp_path / "killed"))
    written(tmp_path / "a.parquet", work, 2, **where)
    assert (tmp_path / "killed").exists()
    written(tmp_path / "known.parquet", Squares(), COUNT)
    assert content(tmp_path / "a.parquet") == content(tmp_path / "known.parquet")


@pytest.mark.parametrize("where", spread([{}, {"workers": 2}, "cluster"], 1))
def test_an_error_of_a_block_is_raised(where: Any, request: pytest.FixtureRequest) -> None:
    where = {"client": request.getfixturevalue(where)} if isinstance(where, str) else where
    how = Processing(executor_of(where.get("workers"), where.get("client")), 2)
    with pytest.raises(DataError, match="patient 7: is wrong"):
        in_memory(Population(Failing(), COUNT, tuple), how)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes are killed")
def test_a_block_that_ends_every_worker_is_an_error() -> None:
    how = Processing(executor_of(2, None), COUNT)
    with pytest.raises(
        SolveError, match="ended 3 times without finishing a block .the next is patients 0 to 22.*a smaller block="
    ):
        in_memory(Population(Failing(kills=True), COUNT, tuple), how)


def test_an_interrupted_run_is_continued_in_other_blocks(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    with pytest.raises(DataError) as told:
        to_file(
            Population(Failing(), COUNT, tuple),
            Processing(executor_of(None, None), 9),
            path,
            manifest={},
            resume=False,
            summary=len,
        )  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir()) and not getattr(told.value, "__notes__", [])
    run = RunFolder(path, storage.STORAGES[".parquet"], COUNT)
    with pytest.raises(KeyboardInterrupt), pytest.MonkeyPatch.context() as patched:
        original = Squares.__call__
        patched.setattr(Squares, "__call__", lambda self, b, own: interrupt() if b.first == 12 else original(self, b, own))
        written(path, Squares(), 6)
    assert run.finished() == [(0, 6), (6, 12)]
    (run.path / "patients_000000000006_000000000012.npz").write_bytes(b"damaged")
    assert written(path, Squares(), 4, resume=True) == [6, 4, 4, 4, 4, 1]
    written(tmp_path / "known.parquet", Squares(), COUNT)
    assert content(path) == content(tmp_path / "known.parquet")


def interrupt() -> Any:
    raise KeyboardInterrupt


def test_a_part_is_read_as_it_was_written(tmp_path: Path) -> None:
    data = Squares()(Block(3, 6), (3, 6))
    write_part(data, tmp_path / "a.npz")
    assert read_part(tmp_path / "a.npz").identical(data)
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole.replace(np.float64(25.0).tobytes(), np.float64(26.0).tobytes()))
    with pytest.raises(ValueError, match="is damaged"):
        read_part(tmp_path / "a.npz")


@pytest.mark.slow
def test_populations_are_simulated_by_workers(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    patients = pd.DataFrame({"rate": np.linspace(0.1, 0.5, 11)}, index=[f"p{k}" for k in range(11)])
    how: dict[str, Any] = {"parameters": patients, "regimen": [None] * 11, "until": 5, "outputs": "amount", "progress": False}
    known = imo.simulate_to(tmp_path / "known.parquet", decay(), **how)
    found = imo.simulate_to(tmp_path / "found.parquet", decay(), workers=2, block=2, **how)
    assert content(tmp_path / "known.parquet") == content(tmp_path / "found.parquet")
    pd.testing.assert_frame_equal(known, found)
    table = pd.read_parquet(tmp_path / "found.parquet")
    assert table.columns.tolist() == ["subject", "time", "amount", "status", "stopped"]
    assert set(table["status"]) == {"finished"} and table["stopped"].isna().all()


def test_reductions_can_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    patients = pd.DataFrame({"rate": [0.1, 0.4, 0.5]})
    how: dict[str, Any] = {"parameters": patients, "until": 5, "outputs": "amount", "reduce": ["final", "first_below(0.5)"]}
    known = imo.simulate_many(decay(), **how)
    executor = Sending()
    monkeypatch.setattr("immunoode.solve.ensemble.executor_of", lambda workers, client: executor)
    pd.testing.assert_frame_equal(imo.simulate_many(decay(), block=2, **how), known)
    assert executor.bytes < 30_000


class Sending:
    """Blocks are computed here, of work that was sent."""

    shares_processors = True
    bytes = 0

    def run(self, work: Any, tasks: Iterable[Task]) -> Iterator[tuple[Block, Any]]:
        content = packed(work)
        self.bytes = len(content.content)
        for task in tasks:
            yield task.block, pickle.loads(pickle.dumps(content))(task).result


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"workers": 0}, "workers: is 0; a whole number of processes"),
        ({"workers": True}, "workers: is True"),
        ({"workers": 2, "client": object()}, "both given"),
        ({"client": "tcp://scheduler:8786"}, "client: is str; a dask.distributed.Client"),
    ],
)
def test_wrong_executors(how: dict[str, Any], said: str) -> None:
    if how.get("client") and not how.get("workers"):
        pytest.importorskip("distributed", reason="Dask is not installed: pip install 'immunoode[cluster]'")
    with pytest.raises(SolveError, match=said):
        executor_of(how.get("workers"), how.get("client"))


def test_work_that_cannot_be_sent() -> None:
    with pytest.raises(SolveError, match="cannot receive the computation .*defined in a module"):
        in_memory(Population(lambda block, own: 1, 5, tuple), Processing(executor_of(2, None), 2))


def test_a_client_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingPackageError, match=r"needs the package distributed, .*pip install 'immunoode\[cluster\]'"):
        executor_of(None, object())


@pytest.mark.slow
def test_workers_of_another_version_or_kind() -> None:
    with pytest.raises(SolveError, match="a worker has immunoode .*, this process 0.0; the same version"):
        replace(packed(Squares()), version="0.0")(Task(Block(0, 1), (0, 1)))
    with pytest.warns(RuntimeWarning, match="different kinds of processors .skylake, znver4."):
        warn_of_processors({"znver4", "skylake"})
