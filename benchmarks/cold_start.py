"""What the first simulation after installation costs: processor time, functions compiled, machine code, from an empty cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.results import show

CODE = """
import json, sys, time
from numba.core import event
listener = event.RecordingListener()
event.register("numba:compile", listener)
import immunoode as imo
model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=9, over="30 min")
start = time.process_time()
imo.simulate(model, regimen, until="1 year", method=sys.argv[1])
print(json.dumps([time.process_time() - start, sum(e.is_start for _, e in listener.buffer)]))
"""
ROWS = (("auto", "explicit steps, eight patients abreast"), ("rodas5p", "implicit steps, one patient"))
TEXT = """Each row is a new process with a cache of its own, empty the first time. The model is the base model with
pembrolizumab, a year. A model that is stiff needs both kernels."""


def main() -> None:
    """Measure in new processes, print the table."""
    rows = []
    for method, what in ROWS:
        with tempfile.TemporaryDirectory() as folder:
            (first, compiled), (second, _) = (_process(folder, method) for _ in range(2))
            size = sum(f.stat().st_size for f in Path(folder).rglob("*.kernel"))
        rows.append((what, f"{first:.1f}", compiled, f"{size / 1e6:.2f}", f"{second:.2f}"))
    columns = ("kernel", "first run, s of processor time", "functions compiled", "cache, MB", "second run, s")
    show("cold_start", "The first simulation after installation", TEXT, columns, rows)


def _process(folder: str, method: str) -> tuple[float, int]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
    done = subprocess.run([sys.executable, "-c", CODE, method], env=environment, check=True, capture_output=True, text=True)
    seconds, compiled = json.loads(done.stdout)
    return seconds, compiled


if __name__ == "__main__":
    main()
