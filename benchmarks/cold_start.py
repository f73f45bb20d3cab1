"""What the first simulations after installation cost: processor time, kernels compiled and their size, from an empty cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.results import show

CODE = """
import json, os, time
from numba.core import event
functions = event.RecordingListener()
event.register("numba:compile", functions)
def seconds():
    now = os.times()
    return now.user + now.system
rows = []
def measure(what, work):
    start, wall, before = seconds(), time.time(), len(functions.buffer)
    work()
    rows.append((what, seconds() - start, time.time() - wall, (len(functions.buffer) - before) // 2))
rows.append(("Python and Numba", seconds(), 0.0, 0))
measure("import", lambda: exec("import immunoode as imo", globals()))
model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=9, over="30 min")
measure("first simulation of one subject", lambda: imo.simulate(model, regimen, until="1 year"))
measure("100 subjects", lambda: imo.simulate(model, [regimen] * 100, until="1 year"))
measure("sensitivities", lambda: imo.simulate(model, regimen, until="1 year", sensitivities=["growth_rate"]))
stopped = regimen.when("sum_of_diameters", above=1.2, of="nadir", by=5, then="stop", every="6 weeks")
measure("triggers at visits", lambda: imo.simulate(model, stopped, until="1 year"))
held = regimen.when("sum_of_diameters", above=1.2, of="nadir", by=5, then="stop")
measure("triggers in continuous time", lambda: imo.simulate(model, held, until="1 year"))
measure("implicit steps", lambda: imo.simulate(model, regimen, until="1 year", method="rodas5p"))
jump = imo.regimen.Event("surgery", "piecewise(1, time > 100, 0)", (imo.regimen.Assignment("tumour", "tumour / 10"),))
measure("events of SBML", lambda: imo.simulate(model, imo.regimen.Events((jump,)), until="1 year"))
from immunoode.solve.warm import KINDS
measure("all that is left (`python -m immunoode warm`)", lambda: [work() for work in KINDS.values()])
print(json.dumps(rows))
"""
COLUMNS = ("what, in this order in one process", "empty cache, s", "functions compiled", "second process, s")
TEXT = """From an empty cache of kernels to the first simulation of one subject (the base model with pembrolizumab, a year),
then to one of each further kind, in one process; and the same in a second process, which loads the kernels. Seconds are those
of the processor, of all threads, with everything that is compiled (the model's own code too). The cache then holds {kernels}
kernels, {size:.2f} MB.

Others compile each model: rxode2 by a C compiler, 5 to 20 s per model, once; diffrax by XLA, about 5 s per model in each
process. Here a new model takes milliseconds, and a new process loads the kernels."""


def main() -> None:
    """Measure in two new processes, print the table."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = (_process(folder) for _ in range(2))
        sizes = [f.stat().st_size for f in Path(folder).rglob("*.kernel")]
    rows = [(what, f"{s:.2f}", n, f"{t:.2f}") for (what, s, _, n), (_, t, _, _) in zip(first, second, strict=True)]
    rows.append(("in all", f"{sum(r[1] for r in first):.2f}", sum(r[3] for r in first), f"{sum(r[1] for r in second):.2f}"))
    text = TEXT.format(kernels=len(sizes), size=sum(sizes) / 1e6)
    show("cold_start", "The first simulation after installation", text, COLUMNS, rows)


def _process(folder: str) -> list[tuple[str, float, float, int]]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", CODE], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [tuple(row) for row in json.loads(done.stdout)]


if __name__ == "__main__":
    main()
