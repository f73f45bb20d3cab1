"""A million virtual patients for a year: drawn, dosed every three weeks, visited, evaluated; seconds, memory, bytes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any

from tools.results import show

import immunoode as imo
from immunoode.virtual_population import LogNormal, PopulationDistribution
from immunoode.virtual_trial import Observation, RandomDraws, VisitSchedule

PATIENTS, SEED = 1_000_000, 7
BLOCK, WORKERS = 10_000, 2
PART = 10_000
"""Patients of the measurement of each part."""
RUNS: dict[str, dict[str, Any]] = {
    "two processes, blocks of 10,000": {"block": BLOCK, "workers": WORKERS},
    "two processes, blocks of 1,000": {"block": 1_000, "workers": WORKERS},
    "two processes, blocks of 100,000": {"block": 100_000, "workers": WORKERS},
    "this process, two threads": {"block": BLOCK},
    "four processes": {"block": BLOCK, "workers": 4},
    "two processes, one killed half-way": {"block": BLOCK, "workers": WORKERS, "kill": True},
    "a Dask cluster of two workers": {"block": BLOCK, "cluster": WORKERS},
    "a Dask cluster, a worker killed half-way": {"block": BLOCK, "cluster": WORKERS, "kill": True},
}
TEXT = """{patients:,} patients of the model of tumour and T-cell response, with pembrolizumab, 200 mg every three weeks for a
year. Six parameters are log-normal (growth, killing, antigen for half the response, PD-1 signalling, sum of
diameters at the start, clearance of the antibody), cut at the bounds of the model. Visits are every six weeks to
week 24, then every nine weeks to week 51, with one to five target lesions, measured with error; responses and
progression-free survival are by RECIST 1.1. Parameters and outcomes go to a Parquet file of {size:.0f} MB. Each run
is a process of its own; seconds are from the call to the finished file, and include the start of workers. Processor
time is that of all processes; half of it is the time on two processors that have nothing else to do. Memory is the
largest sum of the resident sizes of all processes, in which pages that they share count several times."""


def main() -> None:
    """Measure every run, each in a process of its own, and print the tables."""
    count = int(_argument("--patients") or PATIENTS)
    with tempfile.TemporaryDirectory(dir=_argument("--folder")) as folder:
        found = {name: _measured(count, Path(folder) / f"{k}.parquet", how) for k, (name, how) in enumerate(RUNS.items())}
    first = next(iter(found.values()))
    rows = [_row(name, one, one["digest"] == first["digest"]) for name, one in found.items()]
    columns = ("run", "seconds", "processor time", "memory", "bytes of the file")
    parts = "; ".join(f"{name} {milliseconds:.3f} ms" for name, milliseconds in _parts())
    closing = f"\nProcessor time per patient on one thread: {parts}.\n"
    show("virtual_population", "A virtual population", TEXT.format(patients=count, size=first["size"]), columns, rows, closing)


def _row(name: str, one: dict[str, Any], same: bool) -> tuple[str, ...]:
    memory = f"{one['memory']:.2f} GiB"
    return name, f"{one['seconds']:.0f} s", f"{one['processor']:.0f} s", memory, "the same" if same else "DIFFERENT"


def _measured(count: int, path: Path, how: dict[str, Any]) -> dict[str, Any]:
    """Return what a run took in a process of its own."""
    command = [sys.executable, __file__, "--run", json.dumps({"count": count, "path": str(path), **how})]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    path.unlink()
    print(how, found, flush=True)
    return found


def _run(count: int, path: str, block: int, workers: int | None = None, cluster: int = 0, kill: bool = False) -> None:
    """Simulate a population to a file, and print what it took."""
    target, most, done = Path(path), [0.0], Event()
    begun = time.perf_counter()
    watch = Thread(target=_watch_memory, args=(most, done))
    watch.start()
    with ExitStack() as opened:
        client = opened.enter_context(_client(opened, cluster)) if cluster else None
        if kill:
            Thread(target=_kill_half_way, args=(target, count), daemon=True).start()
        statuses = imo.virtual_trial.simulate_patients_to(
            target,
            *(_model(), _distributions(), {"pembrolizumab": _regimen()}),
            n=count,
            seed=SEED,
            observation=_observation(),
            block=block,
            workers=workers,
            client=client,
            progress=False,
        )
    seconds = time.perf_counter() - begun
    done.set()
    watch.join()
    assert statuses["patients"].tolist() == [count], statuses
    used = os.times()
    processor = used.user + used.system + used.children_user + used.children_system
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    about = {
        "seconds": seconds,
        "processor": processor,
        "memory": most[0],
        "digest": digest,
        "size": target.stat().st_size / 1e6,
    }
    print(json.dumps(about))


def _model() -> imo.Model:
    return imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))


def _regimen() -> imo.Regimen:
    return imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=17, over="30 min")


def _distributions() -> PopulationDistribution:
    variation = {
        "growth_rate": 0.6,
        "kill_rate": 0.5,
        "antigen_half_saturation": 1.0,
        "pd1_inhibition": 0.4,
        "baseline_sum_of_diameters": 0.5,
        "pembrolizumab_clearance": 0.3,
    }
    model = _model()
    values = {name: value.value for name, value in {**model.covariates, **model.parameters}.items()}
    return PopulationDistribution({n: LogNormal(values[n], sd) for n, sd in variation.items()}).truncated_to(model)


def _observation() -> Observation:
    return Observation(VisitSchedule("6 weeks", "24 weeks", "9 weeks", "1 year"))


def _client(opened: ExitStack, workers: int) -> Any:
    from distributed import Client, LocalCluster

    return Client(opened.enter_context(LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)))


def _kill_half_way(target: Path, count: int) -> None:
    """Kill one worker as soon as half of the patients are there."""
    folder = target.with_name(f"{target.name}.part")
    names: list[list[str]] = []
    while sum(int(last) - int(first) for first, last in names) < count / 2:
        time.sleep(0.05)
        names = [path.stem.split("_")[1:] for path in folder.glob("patients_*.npz")]
    os.kill(next(pid for pid in _descendants(os.getpid()) if _computes(pid)), signal.SIGKILL)


def _computes(pid: int) -> bool:
    """Whether a process is a worker, not one that watches over others."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return any(b"spawn_main" in word for word in words) and not any(_descendants(pid))


def _watch_memory(most: list[float], done: Event) -> None:
    while not done.wait(0.1):
        most[0] = max(most[0], sum(map(_resident, [os.getpid(), *_descendants(os.getpid())])))


def _resident(pid: int) -> float:
    """Return the resident size of a process, GiB."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**30


def _descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            yield child
            yield from _descendants(child)


def _parts() -> Iterator[tuple[str, float]]:
    """Yield the processor time of each part per patient on one thread, in milliseconds."""
    model, observation, patients = _model(), _observation(), range(PART)
    table = imo.sample_patients(model, _distributions(), PART, SEED)
    times = observation.visits.days()

    def simulated() -> Any:
        how = {"parameters": table, "outputs": observation.outputs, "threads": 1, "progress": False}
        return imo.simulate(model, _regimen(), times=times, **how)

    run = simulated()
    courses = observation.observe(RandomDraws(SEED, patients), times, {run.names[0]: run.values[:, :, 0]})
    yield "drawn", _milliseconds(lambda: imo.sample_patients(model, _distributions(), PART, SEED))
    yield "simulated", _milliseconds(simulated)
    draws = RandomDraws(SEED, patients)
    yield "visited and measured", _milliseconds(lambda: observation.observe(draws, times, {run.names[0]: run.values[:, :, 0]}))
    yield "evaluated", _milliseconds(courses.outcomes)


def _milliseconds(work: Callable[[], Any]) -> float:
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best * 1e3 / PART


def _argument(name: str) -> str | None:
    words = sys.argv[1:]
    return words[words.index(name) + 1] if name in words else None


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if stated := _argument("--run"):
        _run(**json.loads(stated))
    elif os.name != "posix" or not Path("/proc/self/statm").exists():
        print("Memory of several processes is measured on Linux alone")
    else:
        main()
