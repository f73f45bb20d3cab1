"""The base model with priors of a population fit compared with an empirical law, on single patients of lung-cancer trials.

Writes docs/single_patients.md. Run: python docs/virtual_populations/single_patients.py [FOLDER]. The data are not part of
the package: the argument is their folder, or what IMMUNOODE_DATA names, or ../shared/data beside the repository.

Which two parameters are free, their distribution among patients, and the values of the others follow from other patients of the
same trials: single_patient_population.py writes them to single_patient_population.json. A patient's mode is searched on grids
over the standard normal scores of the free parameters, each grid around the best of the one before: thousands of simulations
per patient are cheap. The law is fitted by least squares from many starts.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import expit, logit

import immunoode as imo
from immunoode.trial.lesion_table import read_lesions

FloatArray = NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[2]
FITTED = Path(__file__).with_name("single_patient_population.json")
PATIENTS, SEED, VISITS = 100, 0, 6
DOCETAXEL = "Study_2_Arm_1"
"""The arm of the table that did not receive atezolizumab (docs/lung_cancer_cohort.md)."""
GRIDS = {
    2: (np.linspace(-3, 3, 31), np.linspace(-0.2, 0.2, 9), np.linspace(-0.05, 0.05, 9)),
    3: (np.linspace(-3, 3, 15), *(np.linspace(-width, width, 7) for width in (0.4, 0.12, 0.04))),
}
"""Scores at first, around the best of these, and around the best of those, by the number of free parameters."""
OUTSIDE = 2.99
"""Scores beyond this count as a bound: three patients of a thousand."""
ATEZOLIZUMAB = imo.Regimen().dose("atezolizumab", "1200 mg", every="3 weeks", count=35, over="60 min")
SAME = {"previously_treated": 1.0, "number_of_lesions": 1.0}
"""Of all patients: the table has the diameter of one lesion of each."""


@dataclass(frozen=True)
class Course:
    """The visits of a patient after the start of treatment: days and sizes, and the size at the start."""

    days: FloatArray
    sizes: FloatArray
    start: float


@dataclass(frozen=True)
class Fit:
    """The sum of squares of a fit, and the scores of its parameters."""

    squares: float
    scores: FloatArray


@dataclass(frozen=True)
class Population:
    """The free parameters, mean and standard deviation of their logarithms (logits of fractions), and the other values."""

    names: list[str]
    mean: FloatArray
    sd: FloatArray
    typical: dict[str, float]

    def values(self, scores: FloatArray) -> dict[str, FloatArray]:
        """Return the values of the free parameters at scores of shape (number, free parameters)."""
        values = {n: inverse(n, self.mean[k] + self.sd[k] * scores[:, k]) for k, n in enumerate(self.names)}
        return {name: np.clip(found, *model().parameters[name].bounds) for name, found in values.items()}

    def at_bound(self, scores: FloatArray) -> bool:
        """Whether any of the scores is at the edge of the search, or its value at a bound of the model."""
        values = self.values(scores[None, :])
        edges = [values[name][0] in model().parameters[name].bounds for name in self.names]
        return bool((np.abs(scores) > OUTSIDE).any() or any(edges))


def scale(name: str, values: FloatArray) -> FloatArray:
    """Return the logarithm of a parameter, or the logit of a fraction."""
    return np.asarray(logit(values) if name.endswith("fraction") else np.log(values))


def inverse(name: str, scaled: FloatArray) -> FloatArray:
    """Return the parameter from its logarithm, or from its logit."""
    return np.asarray(expit(scaled) if name.endswith("fraction") else np.exp(scaled))


@cache
def model() -> imo.Model:
    """Return the base model with an escape clone under atezolizumab."""
    antibody = imo.load_model("pd1_inhibitor", variant="atezolizumab")
    return imo.combine("tumour_immune", antibody, imo.load_model("clone", variant="immune_escape"))


def simulated(days: FloatArray, table: pd.DataFrame) -> FloatArray:
    """Return diameters on days, one row of the table of parameters each."""
    times, table = np.concatenate([[0.0], days]), table.assign(**SAME)
    run = imo.simulate(model(), ATEZOLIZUMAB, times=times, parameters=table, outputs=["sum_of_diameters"], progress=False)
    return np.asarray(run["sum_of_diameters"][:, 1:])


def courses(folder: Path, *, judged: bool) -> list[Course]:
    """Return the courses of 100 randomly chosen patients with six or more measurements, or those of the others.

    Patients under docetaxel are left out of both after the choice.
    """
    table = read_lesions(folder / "nsclc_atezolizumab_target_lesions.csv").select(at_least=VISITS).frame
    subjects = list(dict.fromkeys(table["subject"]))
    chosen = set(np.random.default_rng(SEED).choice(subjects, PATIENTS, replace=False))
    table = table[(table["arm"] != DOCETAXEL) & (table["subject"].isin(chosen) == judged)]
    found = [course(rows.sort_values("time")) for _, rows in table.groupby("subject", sort=False)]
    return [one for one in found if len(one.days) >= VISITS - 2 and one.start >= 5]


def course(rows: pd.DataFrame) -> Course:
    """Return the course of one patient; the start is the last measurement before treatment."""
    days, sizes = rows["time"].to_numpy(float), rows["value"].to_numpy(float)
    before = days <= 1
    return Course(days[~before], sizes[~before], float(sizes[before][-1] if before.any() else sizes[0]))


def law(one: Course, parameters: int) -> float:
    """Return the least sum of squares of size x (exp(growth t) + exp(-shrinkage t) - 1), which is the law of Stein and Fojo, or
    with a third parameter of size x (share exp(-shrinkage t) + (1 - share) exp(growth t))."""

    def residuals(values: FloatArray) -> FloatArray:
        growth, shrinkage = np.exp(values[:2] + np.log(one.days.max() / 365))  # rates of a year, on the scale of the course
        time = one.days / one.days.max()
        up, down = np.exp(np.minimum(growth * time, 50)), np.exp(-shrinkage * time)
        relative = up + down - 1 if parameters == 2 else values[2] * down + (1 - values[2]) * up
        return np.asarray(one.start * relative - one.sizes)

    shares = [()] if parameters == 2 else [(0.1,), (0.5,), (0.9,)]
    starts = [
        np.array([*np.log(365 * np.array(r)), *s]) for r in product((1e-4, 1e-3, 5e-3), (1e-4, 3e-3, 2e-2)) for s in shares
    ]
    low, high = [np.log(365e-6)] * 2 + [0.0] * (parameters - 2), [np.log(365 * 0.3)] * 2 + [1.0] * (parameters - 2)
    return float(min(2 * least_squares(residuals, start, bounds=(low, high)).cost for start in starts))


def deviance(squares: FloatArray, n: int) -> FloatArray:
    """Return n log(squares / n): -2 log likelihood where the standard deviation is estimated. Errors below a quarter of a
    millimetre are not measured."""
    return np.asarray(n * np.log(np.maximum(squares / n, 0.05)))


def modes(population: Population, one: Course) -> tuple[Fit, Fit]:
    """Return the mode of a patient's parameters with the prior, and the best fit without."""
    return searched(population, one, prior=True), searched(population, one, prior=False)


def searched(population: Population, one: Course, *, prior: bool) -> Fit:
    """Return the most probable scores, or those with the least squares, on the grids."""
    free = len(population.names)
    best = np.zeros(free)
    for grid in GRIDS[free]:
        scores = np.clip(best + np.array(list(product(grid, repeat=free))), -3, 3)
        table = pd.DataFrame(population.values(scores)).assign(baseline_sum_of_diameters=one.start, **population.typical)
        squares = ((simulated(one.days, table) - one.sizes) ** 2).sum(axis=1)
        k = int(np.nanargmin(deviance(squares, len(one.days)) + (scores**2).sum(axis=1) * prior))
        best, least = scores[k], float(squares[k])
    return Fit(least, best)


def compared(population: Population, found: list[Course]) -> pd.DataFrame:
    """Return one row per patient: differences of AIC, at the mode and at the best fit, and whether they are at a bound."""
    rows = []
    for one in found:
        own = float(deviance(np.array(law(one, len(population.names))), len(one.days)))
        row: dict[str, float] = {}
        for key, fit in zip(("mode", "best"), modes(population, one), strict=True):
            row[key] = float(deviance(np.array(fit.squares), len(one.days))) - own
            row[f"{key}_bound"] = float(population.at_bound(fit.scores))
        rows.append(row)
    return pd.DataFrame(rows)


def line(table: pd.DataFrame, key: str, how: str) -> str:
    """Return a row of the table of results."""
    low, middle, high = table[key].quantile([0.25, 0.5, 0.75])
    drawn = np.random.default_rng(SEED).choice(table[key].to_numpy(), (2000, len(table)))
    least, most = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
    better, bound = 100 * (table[key] < 0).mean(), 100 * table[f"{key}_bound"].mean()
    interval, quartiles = f"{least:+.1f} to {most:+.1f}", f"{low:.1f} to {high:.1f}"
    return f"| {how} | {middle:+.1f} ({interval}) | {quartiles} | {better:.0f} % | {bound:.0f} % |"


def population(entry: dict[str, Any]) -> Population:
    """Return a population from its entry in the file."""
    return Population(entry["names"], np.array(entry["mean"]), np.array(entry["sd"]), entry["typical"])


def page(folder: Path) -> str:
    """Return the page."""
    record, found = json.loads(FITTED.read_text(encoding="utf-8")), courses(folder, judged=True)
    entries = {int(number): entry for number, entry in record["fits"].items()}
    pairs = [f"| {name} | {median:+.1f} |" for name, median in record["pairs"].items()]
    results = {number: compared(population(entry), found) for number, entry in entries.items()}
    rows = [
        line(results[n], key, f"{n} | {how}")
        for n in results
        for key, how in (("mode", "mode with the prior"), ("best", "best fit, no prior"))
    ]
    kept = [f"| {n} | {entry['median']:+.1f} |" for n, entry in entries.items()]
    spread = [described(name, k, population(entry)) for entry in entries.values() for k, name in enumerate(entry["names"])]
    return TEXT.format(
        n=len(found),
        others=entries[2]["patients"],
        rows="\n".join(rows),
        kept="\n".join(kept),
        pairs="\n".join(pairs),
        spread="\n".join(spread),
        same="\n".join(same(entries)),
    )


def described(name: str, k: int, one: Population) -> str:
    """Return a row of the table of free parameters."""
    scores = np.zeros((3, len(one.names)))
    scores[:, k] = (-1, 0, 1)
    low, middle, high = one.values(scores)[name]
    return f"| {len(one.names)} | `{name}` | {middle:.2g} | {low:.2g} to {high:.2g} |"


def same(entries: dict[int, dict[str, Any]]) -> list[str]:
    """Return the rows of the table of values that are the same for all patients."""
    names = dict.fromkeys(name for entry in entries.values() for name in entry["typical"])
    values = {
        name: [f"{e['typical'][name]:.2g}" if name in e["typical"] else "free" for e in entries.values()] for name in names
    }
    return [f"| `{name}` | {' | '.join(row)} |" for name, row in values.items()]


TEXT = """# Single patients: the base model compared with an empirical law

Made by `docs/virtual_populations/single_patients.py` from the diameters of one target lesion per patient in lung-cancer trials
(Ghaffari Laleh 2022, supplement): {n} patients under atezolizumab with six or more measurements, from the last measurement
before treatment on. The model is `tumour_immune` with an escape clone; the law is that of Stein and Fojo (`ribba2022`). Both
start at the measured size, whose error neither takes into account, and have as many free parameters per patient as each other:
two, or three, where the law has a share of each of its two parts.

The patients are a random choice of 100 from all 310 with six or more measurements. The table has an arm with docetaxel; its
5 patients among the 100 are left out here, as are its 18 patients among the others.

## The population

Nothing was chosen with the patients who are judged here, though the result of an earlier form of the model in them (below) was
known. Several searches were made before the one that is kept, all in the same other patients. In the {others} others
(`docs/virtual_populations/single_patient_population.py`):

Every pair of twelve parameters was free in turn, with the others at values that are the same for all patients. The free ones
have a normal distribution (of logarithms; of the logit of the escape clone's fraction) that maximises the marginal likelihood:
the population prior. The five pairs with the lowest median difference of AIC at the patients' modes:

| pair | median difference in the other patients |
|---|---|
{pairs}

For the first of these, and with `growth_rate` as a third free parameter, an evolution strategy then searched the values of the
parameters that are the same for all. Its loss is the mean of tanh(difference / 4), which patients with large differences do not
dominate. At the best values:

| free parameters | median difference of AIC in the other patients |
|---|---|
{kept}

| free parameters | parameter | median | one standard deviation below and above |
|---|---|---|---|
{spread}

The values that are the same for all patients, with two and with three free parameters:

| parameter | two | three |
|---|---|---|
{same}

They describe the courses of these selected patients, who stay on treatment, and of one lesion each. They are not estimates of
the single quantities, which such data do not determine, and no cohort uses them.

## Results

Errors are additive with a standard deviation that is estimated. The mode maximises likelihood times population prior. The
search is bounded at three standard deviations of the prior and by the bounds of the model. The difference is that of AIC,
n log(squares / n) + 2 k with the same number of parameters k for both, model minus law; below zero, the model is better. The
law has no prior, so that at the mode the comparison is stricter for the model than for the law.

| free parameters | model | difference of AIC: median (95 % bootstrap interval) | quartiles | model better | at a bound |
|---|---|---|---|---|---|
{rows}

A median at or below zero means that the model fits no worse than the law. In the other patients, for whom its values were
searched, the median is about zero, so that a lower one here is partly chance. Without a prior many fits are at a bound: two
parameters are often not both determined by one patient's data.

Before, with the cohort's distributions as the prior, the cohort's medians of all parameters but growth, and the docetaxel
patients among the 100, the same pair had +1.4 (-1.8 to 5.7) at the mode, 41 % better, 1 % at a bound, and +0.4 (-2.5 to 5.2)
without prior.
"""


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IMMUNOODE_DATA", ROOT.parent / "shared" / "data")
    (ROOT / "docs" / "single_patients.md").write_text(page(Path(given)), encoding="utf-8")
