"""What the models say against what was published: computes the table of plausibility.md (run it to write the table anew)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import immunoode as imo
from immunoode import units

TABLE = Path(__file__).parent / "plausibility.md"
INFUSION = "30 min"
OCCUPANCY = (
    ("pembrolizumab", "200 mg", 21),
    ("nivolumab", "240 mg", 14),
    ("atezolizumab", "1200 mg", 21),
    ("durvalumab", "10 mg/kg", 14),
)


@dataclass(frozen=True)
class Row:
    """One number: what it is, how to compute it, what was published (a value and a tolerance, or a range), and where."""

    quantity: str
    compute: Callable[[], float]
    low: float
    high: float
    published: str
    source: str
    how: str

    @property
    def line(self) -> str:
        """Return the row of the table."""
        return f"| {self.quantity} | {self.compute():.3g} | {self.published} | {self.source} | {self.how} |"


def near(
    quantity: str, compute: Callable[[], float], value: float, unit: str, source: str, how: str, within: float = 0.2
) -> Row:
    """Return a row that agrees with a published value within a relative tolerance."""
    return Row(f"{quantity} ({unit})", compute, value * (1 - within), value * (1 + within), f"{value:g}", source, how)


def between(quantity: str, compute: Callable[[], float], low: float, high: float, unit: str, source: str, how: str) -> Row:
    """Return a row that lies within a published range."""
    return Row(f"{quantity} ({unit})", compute, low, high, f"{low:g} to {high:g}", source, how)


@cache
def antibody(name: str, amount: str, every: float, count: int, weight: float) -> imo.Simulation:
    """Return a course of one antibody: four times a day, and at the end of each infusion."""
    file = "ctla4_inhibitor" if name == "ipilimumab" else "pd1_inhibitor"
    model = imo.combine("tumour_immune", imo.load_model(file, variant=name))
    regimen = imo.Regimen().dose(name, amount, every=every, count=count, over=INFUSION)
    ends = every * np.arange(count) + units.days(INFUSION)
    times = np.union1d(np.arange(0, every * count + 43, 0.25), ends)
    outputs = [f"{name}_concentration", f"{name}_occupancy"]
    return imo.simulate(model, regimen, times=times, parameters={"weight": weight}, outputs=outputs)


def lowest_occupancy(name: str, amount: str, every: float) -> Callable[[], float]:
    """Return the lowest occupancy between the first dose and half a year, in per cent."""

    def value() -> float:
        run = antibody(name, amount, every, int(182 / every), 75.0)
        inside = (run.times >= 0.25) & (run.times < 182)
        return 100 * float(run[f"{name}_occupancy"][inside].min())

    return value


@cache
def untreated(variant: str | None = None) -> imo.Simulation:
    """Return half a year without treatment."""
    return imo.simulate(imo.load_model("tumour_immune", variant=variant), until="180 days")


def doubling_time(variant: str | None = None) -> Callable[[], float]:
    """Return the volume doubling time of the untreated tumour over half a year."""

    def value() -> float:
        volume = untreated(variant)["tumour_volume"]
        return float(180 * np.log(2) / np.log(volume[-1] / volume[0]))

    return value


def growth_of_diameters() -> float:
    """Return the mean rate of growth of the sum of diameters over half a year, 1/day."""
    size = untreated()["sum_of_diameters"]
    return float(np.log(size[-1] / size[0]) / 180)


def shrinkage() -> float:
    """Return the rate at which pembrolizumab shrinks the sum of diameters of a responding tumour in half a year, 0.001/day."""
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=9, over=INFUSION)
    first, last = imo.simulate(model, regimen, times=[0, 182])["sum_of_diameters"]
    return float(1000 * np.log(first / last) / 182)


def volume_loss(day: float) -> Callable[[], float]:
    """Return how much of the volume is gone on a day of 2 Gy on weekdays, per cent."""

    def value() -> float:
        model = imo.combine("tumour_immune", "radiotherapy")
        regimen = imo.Regimen().dose("radiotherapy", "2 Gy", every="1 day", count=30, weekdays=True)
        first, last = imo.simulate(model, regimen, times=[0, day])["tumour_volume"]
        return float(100 * (1 - last / first))

    return value


@cache
def at_the_start() -> dict[str, float]:
    """Return outputs at the start of the untreated base model."""
    names = ["effectors", "tumour_volume", "effector_killing", "tumour"]
    run = imo.simulate("tumour_immune", times=[0, 1], outputs=names)
    return {name: float(run[name][0]) for name in names}


@cache
def car_t() -> imo.Simulation:
    """Return fludarabine and cyclophosphamide for three days, and 3e8 CAR-T cells on day 5."""
    drugs = (imo.load_model("chemotherapy", variant=name) for name in ("fludarabine", "cyclophosphamide"))
    regimen = (
        imo.Regimen()
        .dose("fludarabine", "30 mg/m2", every="1 day", count=3, over=INFUSION)
        .dose("cyclophosphamide", "500 mg/m2", every="1 day", count=3, over="1 hour")
        .dose("car_t", "3e8 cells", start="5 days")
    )
    return imo.simulate(imo.combine("tumour_immune", "car_t", *drugs), regimen, times=np.arange(0, 60, 0.25))


def car_t_peak() -> float:
    """Return the day after infusion on which CAR-T effectors peak."""
    run = car_t()
    return float(run.times[run["car_t_effectors"].argmax()] - 5)


def car_t_expansion() -> float:
    """Return by how much the CAR-T cells that engraft expand."""
    engrafted = 3e8 * imo.load_model("car_t").parameters["engrafted_fraction"].value
    return float(car_t()["car_t_effectors"].max() / engrafted)


def lymphocytes_at_infusion() -> float:
    """Return the lymphocyte count when CAR-T cells are infused."""
    run = car_t()
    return float(np.interp(5, run.times, run["lymphocytes"]))


TUMOUR = [
    between(
        "volume doubling time, untreated",
        doubling_time(),
        97,
        191,
        "days",
        "median 191 in resected lung cancer, squamous about 97 (mackintosh2014, abstract)",
        "mean over 180 days",
    ),
    near(
        "growth of the sum of diameters, untreated",
        lambda: 1000 * growth_of_diameters(),
        1.6,
        "0.001/day",
        "ribba2022 (OAK, typical growth rate on treatment)",
        "mean over 180 days",
    ),
    between(
        "shrinkage of the sum of diameters under pembrolizumab, default tumour",
        shrinkage,
        2.65,
        7.26,
        "0.001/day",
        "chatterjee2016: 2.65, and 2.74-fold where at least half of the cells show PD-L1",
        "first half year; the size falls slowly at first, then faster",
    ),
    Row(
        "volume lost during radiotherapy, 30 Gy (%)",
        volume_loss(21),
        0,
        61.7,
        "median 24.7, range -0.3 to 61.7",
        "fox2009, abstract",
        "day 21 of 2 Gy on weekdays; the death of doomed cells is set to this",
    ),
    Row(
        "volume lost during radiotherapy, 50 Gy (%)",
        volume_loss(35),
        0.2,
        81.6,
        "median 44.3, range 0.2 to 81.6",
        "fox2009, abstract",
        "day 35 of 2 Gy on weekdays; as above",
    ),
    Row(
        "cells that an effector kills in the untreated tumour (1/day)",
        lambda: at_the_start()["effector_killing"] * at_the_start()["tumour"] / at_the_start()["effectors"],
        0.1,
        16,
        "2 to 16 without a PD-1 brake, in mice",
        "halle2016, abstract",
        "at the start; the brake leaves a quarter of the rate, and the time for search reduces it further; not above the "
        "published range",
    ),
]
RECEPTORS = [
    between(
        f"{name} {amount} every {every // 7} weeks: lowest occupancy",
        lowest_occupancy(name, amount, float(every)),
        90,
        100,
        "%",
        "saturation at approved doses (elassaiss2017: 95 % in blood at 2 mg/kg every 3 weeks)",
        "75 kg, half a year",
    )
    for name, amount, every in OCCUPANCY
]
CELLS = [
    between(
        "CAR-T: peak of effectors after infusion",
        car_t_peak,
        7,
        14,
        "days",
        "stein2019: 9.3 for tisagenlecleucel; usual range",
        "3e8 cells after fludarabine and cyclophosphamide",
    ),
    between(
        "CAR-T: expansion",
        car_t_expansion,
        100,
        10000,
        "fold",
        "stein2019: 3900 for tisagenlecleucel; usual range",
        "peak of effectors against engrafted cells",
    ),
    Row(
        "lymphocytes when CAR-T cells are infused (1/uL)",
        lymphocytes_at_infusion,
        50,
        200,
        "median 100, range 0 to 700",
        "blood2025, abstract 5506: 45 patients with lymphoma",
        "three days of fludarabine and cyclophosphamide, two of rest; half to twice the median",
    ),
]
ROWS = [*TUMOUR, *RECEPTORS, *CELLS]

TEXT = """# Are the models plausible?

Values of the shipped models compared with published values, computed by `docs/plausibility.py` and checked by
`tests/test_models_plausibility.py`. Published values are population means; our values are those of one typical patient.
Concentrations of the antibodies have a separate page, [pharmacokinetics.md](pharmacokinetics.md). Keys are those of
`models/references.bib`.

| quantity | here | published | source | how computed |
|---|---|---|---|---|
"""


def page() -> str:
    """Return the page."""
    return TEXT + "\n".join(row.line for row in ROWS) + "\n"


if __name__ == "__main__":
    TABLE.write_text(page(), encoding="utf-8")
