"""How long until there is something to look at: import, kernels from the cache, the largest combination from its files."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from tools.results import show

import immunoode as imo

ROUNDS = 5
PARTS = (
    "pd1_inhibitor:pembrolizumab",
    "ctla4_inhibitor:ipilimumab",
    "vaccine",
    "car_t",
    "adoptive_t_cell",
    "chemotherapy:cisplatin",
    "radiotherapy",
    "car_t_pd1",
    "radiation_pdl1",
    "radiosensitisation",
)
"""All four kinds of immunotherapy, chemotherapy, radiotherapy and every interaction, on the base model."""
DOSES = {"pembrolizumab": "200 mg", "ipilimumab": "3 mg/kg", "cisplatin": "75 mg/m2", "radiotherapy": "2 Gy"}
ROWS = (
    ("import", "`import immunoode`"),
    ("kernels", "kernels from the cache, Numba's import included"),
    ("small", "new process: import to the first result of one model"),
    ("warm", "warm kernels: the largest combination, files to first result"),
    ("files", "of which reading, checking and combining the files"),
    ("again", "the same simulation again"),
)
TEXT = f"""Each figure is the best of {ROUNDS} new processes. The import is lazy: parts load when they are used, and the third
line has what that costs. The combination is the base model with both checkpoint inhibitors, vaccine, CAR-T cells, adoptive T
cells, cisplatin, radiotherapy and the three interactions; a year, daily output of all there is. Warm means that another model
was simulated in this process before, as in a notebook after its first cell. Kernels are compiled once for each installation and
then come from the cache; that first time is not measured here."""


def main() -> None:
    """Measure in new processes, print the table."""
    child(quiet=True)  # kernels are compiled, if they are not in the cache
    rounds = [_process() for _ in range(ROUNDS)]
    best = {key: min(r[key] for r in rounds) for key in rounds[0]}
    rows = [(what, f"{best[key]:.3f} s") for key, what in ROWS]
    show("first_result", "Time to the first result", TEXT, ("what", "seconds"), rows)


def _process() -> dict[str, float]:
    code = f"import sys, time; sys.path.insert(0, {sys.path[0]!r}); start = time.perf_counter(); import immunoode; "
    code += "stop = time.perf_counter(); import first_result; first_result.child(stop - start, start)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def child(imported: float = 0.0, start: float = 0.0, quiet: bool = False) -> None:
    """What a new process does: one model, then the largest combination; prints seconds as JSON."""
    small = imo.load_model("tumour_immune")
    first = _seconds(lambda: imo.simulate(small, until="1 year"))
    total = time.perf_counter() - start
    second = _seconds(lambda: imo.simulate(small, until="1 year"))
    made = time.perf_counter()
    model = _combination()
    files = time.perf_counter() - made
    regimen = _regimen()
    imo.simulate(model, regimen, until="1 year")
    warm = time.perf_counter() - made
    again = _seconds(lambda: imo.simulate(model, regimen, until="1 year"))
    found = {"import": imported, "kernels": first - second, "small": total, "warm": warm, "files": files, "again": again}
    if not quiet:
        print(json.dumps(found))


def _combination() -> imo.Model:
    parts = [name.split(":") for name in PARTS]
    return imo.combine("tumour_immune", *(imo.load_model(p[0], variant=p[1] if p[1:] else None) for p in parts))


def _regimen() -> imo.Regimen:
    regimen = imo.Regimen().dose("car_t", 1e8).dose("adoptive_t_cell", 1e10).dose("vaccine", 1.0, every="3 weeks", count=6)
    for therapy, amount in DOSES.items():
        regimen = regimen.dose(therapy, amount, every="3 weeks", count=6)
    return regimen


def _seconds(work: object) -> float:
    start = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
