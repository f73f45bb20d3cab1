"""Antibodies compared with their product information: computes the table of pharmacokinetics.md and writes the page.

The patients, courses and published values are those of pharmacokinetics.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

import immunoode as imo
from immunoode import units

HERE = Path(__file__).parent
PAGE = HERE / "pharmacokinetics.md"
WITHIN = 0.10
YEAR = 364.0
"""Days; the last cycle that ends by then stands for steady state."""


@dataclass(frozen=True)
class Patient:
    """A typical patient: the reference patient of an analysis with some covariates changed."""

    name: str
    what: str
    reference: str
    changes: Mapping[str, float] = field(default_factory=dict)

    def values(self, model: imo.Model) -> dict[str, float]:
        """Return the values of the constants of a model."""
        return {**model.reference_patient(self.reference), **self.changes}


@dataclass(frozen=True)
class Course:
    """Doses of a variant of an antibody to one patient, and what follows from them.

    A cycle is counted from 1; 0 is the last one.
    """

    variant: str
    amount: str
    weeks: float
    patient: Patient
    over: str = "30 min"
    doses: int = 0

    @property
    def every(self) -> float:
        """Days between doses."""
        return 7 * self.weeks

    @property
    def count(self) -> int:
        """The number of doses: as many as fit into a year, if not stated."""
        return self.doses or round(YEAR / self.every)

    @cached_property
    def part(self) -> imo.Model:
        """The antibody."""
        return imo.load_model("ctla4_inhibitor" if self.variant.startswith("ipilimumab") else "pd1_inhibitor", self.variant)

    @cached_property
    def run(self) -> imo.Simulation:
        """The simulation, eight times a day and at the ends of infusions."""
        model, name = imo.combine("tumour_immune", self.part), self.part.name
        regimen = imo.Regimen().dose(name, self.amount, every=self.every, count=self.count, over=self.over)
        ends = self.every * np.arange(self.count) + units.days(self.over)
        times = np.union1d(np.arange(0, self.every * (self.count + 1) + 0.01, 0.125), ends)
        wanted = ("concentration", "current_clearance", "own_central_volume", "own_peripheral_volume", "current_exchange")
        outputs = [f"{name}_{one}" for one in wanted]
        return imo.simulate(model, regimen, times=times, parameters=self.patient.values(model), outputs=outputs, rtol=1e-9)

    def output(self, name: str, day: float) -> float:
        """Return an output of the antibody on a day."""
        return float(np.interp(day, self.run.times, self.run[f"{self.part.name}_{name}"]))

    def between(self, start: float, end: float) -> tuple[np.ndarray, np.ndarray]:
        """Return times and concentrations between two days."""
        inside = (self.run.times >= start) & (self.run.times <= end)
        return self.run.times[inside], self.run[f"{self.part.name}_concentration"][inside]

    def cycle(self, cycle: float) -> tuple[np.ndarray, np.ndarray]:
        """Return times and concentrations of a cycle."""
        end = self.every * (cycle or self.count)
        return self.between(end - self.every, end)

    def trough(self, cycle: float) -> float:
        """Return the concentration at the end of a cycle."""
        return self.output("concentration", self.every * (cycle or self.count))

    def peak(self, cycle: float) -> float:
        """Return the largest concentration of a cycle."""
        return float(self.cycle(cycle)[1].max())

    def area(self, cycle: float) -> float:
        """Return the area under the concentration of a cycle, mg*day/L."""
        times, found = self.cycle(cycle)
        return float(np.trapezoid(found, times))

    def mean(self, cycle: float) -> float:
        """Return the mean concentration of a cycle."""
        return self.area(cycle) / self.every

    def area_to(self, day: float) -> float:
        """Return the area under the concentration up to a day, mg*day/L."""
        times, found = self.between(0, day)
        return float(np.trapezoid(found, times))

    def clearance(self, day: float) -> float:
        """Return the linear clearance on a day, L/day."""
        return self.output("current_clearance", day)

    def apparent_clearance(self, cycle: float) -> float:
        """Return the dose of a cycle over its area, L/day."""
        dose = float(self.amount.split()[0]) * self.patient.values(self.run.model)["weight"]
        return dose / self.area(cycle)

    def volume(self, day: float) -> float:
        """Return the volume of distribution at steady state, L."""
        return self.output("own_central_volume", day) + self.output("own_peripheral_volume", day)

    def half_life(self, day: float) -> float:
        """Return the terminal half-life at the clearance of a day, days."""
        names = ("own_central_volume", "own_peripheral_volume", "current_exchange", "current_clearance")
        v1, v2, q, clearance = (self.output(name, day) for name in names)
        total = (clearance + q) / v1 + q / v2
        slow = (total - np.sqrt(total**2 - 4 * clearance * q / (v1 * v2))) / 2
        return float(np.log(2) / slow)


@dataclass(frozen=True)
class Row:
    """A published value, and how to compute ours: a measure of a course at a cycle or day, against another's if stated."""

    of: Course
    what: str
    measure: str
    value: float
    source: str
    at: float = 0
    unit: str = "1"
    against: Course | None = None
    against_at: float = 0
    miss: str = ""

    @cached_property
    def ours(self) -> float:
        """Our value."""
        measure: Callable[[Course, float], float] = getattr(Course, self.measure)
        below = measure(self.against, self.against_at) if self.against else 1.0
        return measure(self.of, self.at) / below

    @property
    def difference(self) -> float:
        """The relative difference from the published value."""
        return self.ours / self.value - 1

    @property
    def line(self) -> str:
        """The row of the table."""
        said = f"{100 * self.difference:+.0f} %"
        said = f"**{said}**" if abs(self.difference) > WITHIN else said
        dose = f"{self.of.amount} every {self.of.weeks:g} weeks"
        unit = "" if self.unit == "1" else f" {self.unit}"
        cells = (f"`{self.of.variant}`", dose, self.what, f"{self.ours:.4g}{unit}", f"{self.value:g}{unit}", said)
        return f"| {' | '.join(cells)} | {self.source} | {self.of.patient.name} |"


@cache
def rows() -> tuple[Row, ...]:
    """Return the rows of the table."""
    data = tomllib.loads((HERE / "pharmacokinetics.toml").read_text(encoding="utf-8"))
    patients = {name: _patient(name, dict(entry)) for name, entry in data["patients"].items()}
    courses = {name: Course(**{**entry, "patient": patients[entry["patient"]]}) for name, entry in data["courses"].items()}
    return tuple(_row(entry, courses) for entry in data["published"]["rows"])


def _patient(name: str, entry: dict[str, Any]) -> Patient:
    return Patient(name, entry.pop("what"), entry.pop("reference"), entry)


def _row(entry: dict[str, Any], courses: Mapping[str, Course]) -> Row:
    given = {**entry, "of": courses[entry["of"]]}
    return Row(**given | ({"against": courses[entry["against"]]} if "against" in entry else {}))


TEXT = """<!-- Written by docs/pharmacokinetics.py from its TOML file and the models; change those, not the page. -->

# Antibodies compared with their product information

Pharmacokinetics of the antibodies of `pd1_inhibitor` and `ctla4_inhibitor` at approved doses, compared with their product
information and published values: {near} of {all} values within 10 %. Larger differences are in bold and explained below.
Published values are geometric means over many patients, or arithmetic means if stated; our values are those of one typical
patient (last column). Steady state is the last cycle within a year, for ipilimumab the fourth cycle.

| variant | doses | quantity | here | published | difference | source | patient |
|---|---|---|---|---|---|---|---|
"""
MISSES = """

## Differences of more than 10 %

"""
PATIENTS = """

## The patients

The reference patient of each analysis is part of its model file:
`imo.simulate(model, regimen, parameters=model.reference_patient("bajaj2017"))`. In the table, the proportions of women and of
patients with performance status 1 or more are used as values of covariates that are otherwise 0 or 1. This gives the geometric
mean over both groups.

| patient | description |
|---|---|
"""
NOTES = """

## Choice of the variants

`pembrolizumab` has a clearance that decreases with time (li2017), with the values of a European assessment report
(keytruda0042); `pembrolizumab_ahamadi` has the constant clearance of ahamadi2017, with a half-life that is longer by a fifth.
`durvalumab` is based on baverel2018, with partly saturable elimination; its peaks are 28 % higher than in the analysis of
haematological malignancies (`durvalumab_haematological`), which an earlier version used. `durvalumab_abegesah` has a clearance
that decreases by 39 %, from six studies that include PACIFIC; at steady state, it is as far below the clearance of the product
information as that of `durvalumab` is above it. `atezolizumab` has a decreasing clearance; `atezolizumab_constant` is the
analysis on which the first product information is based. With ipilimumab 1 mg/kg every 6 weeks, use
`nivolumab_with_ipilimumab_6_weekly` for nivolumab and `ipilimumab_with_nivolumab_2_weekly` for ipilimumab.

Time is counted from the first dose of each antibody, regardless of its position in the regimen.

## References

Keys are those of `models/references.bib`, and:

- ivaturi2020: Ivaturi, Gopalakrishnan, Gobburu and others, Model-based evaluation of the efficacy and safety of nivolumab once
  every 4 weeks across multiple tumor types (2020, abstract)
- lala2020: Lala and others, A six-weekly dosing schedule for pembrolizumab in patients with cancer based on evaluation using
  modelling and simulation, European Journal of Cancer 131, 68-75, doi 10.1016/j.ejca.2020.02.016 (abstract)
- long2018: Long and others, Assessment of nivolumab exposure and clinical safety of 480 mg every 4 weeks flat-dosing schedule
  in patients with cancer, Annals of Oncology 29, 2208-2213, doi 10.1093/annonc/mdy408 (as quoted by others)
- product information: of Keytruda, Opdivo, Tecentriq, Imfinzi and Yervoy, United States, Europe or Switzerland
"""


def page() -> str:
    """Return the page."""
    found = rows()
    near = sum(abs(row.difference) <= WITHIN for row in found)
    misses = [f"- `{row.of.variant}`, {row.what} ({100 * row.difference:+.0f} %): {row.miss}." for row in found if row.miss]
    patients = {row.of.patient.name: row.of.patient.what for row in found}
    parts = [TEXT.format(near=near, all=len(found)), "\n".join(row.line for row in found), MISSES, "\n".join(misses), PATIENTS]
    return "".join([*parts, "\n".join(f"| {name} | {what} |" for name, what in patients.items()), NOTES])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
