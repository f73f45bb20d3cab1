"""The base model with the priors of a cohort compared with an empirical law, on single patients of lung-cancer trials.

Writes docs/single_patients.md. Run: python docs/virtual_populations/single_patients.py [FOLDER]. The data are not part of
the package: the argument is their folder, or what IMMUNOODE_DATA names, or ../shared/data beside the repository.

Which parameters are free follows from the cohort alone (those whose spread changes the sizes of its patients most), or from
other patients of the same trials. A patient's mode is searched on grids over the standard normal scores of the free parameters:
thousands of simulations per patient are cheap, and a grid has no local minima. The law is fitted by least squares from many
starts.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares

import immunoode as imo
from immunoode.trial.lesion_table import read_lesions

FloatArray = NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[2]
PATIENTS, SEED, VISITS = 100, 0, 6
COHORT, DRAWS, STEP = "lung_cancer_second_line", 200, 0.1
ERROR = 0.08
"""Relative error of a sum of diameters (ribba2022), in the choice of parameters."""
WEEKS = 7.0 * np.arange(6, 55, 6)
GRIDS = {2: (np.linspace(-3, 3, 25), np.linspace(-0.25, 0.25, 9)), 3: (np.linspace(-3, 3, 11), np.linspace(-0.4, 0.4, 5))}
"""Scores at first, and around the best of these, by the number of free parameters."""
PAIR, TYPICAL = ("priming_rate", "immune_escape_initial_fraction"), (-2.2, -1.8, -1.4, -1.0, -0.6)
"""The pair of single_patient_pairs.py, and the scores of growth among which other patients choose."""
OTHERS = 40
OUTSIDE = 2.99
"""Scores beyond this count as a bound: three patients of a thousand of the cohort."""
ATEZOLIZUMAB = imo.Regimen().dose("atezolizumab", "1200 mg", every="3 weeks", count=35, over="60 min")


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
class Patients:
    """The base model with an escape clone under atezolizumab, and the distribution of its parameters among patients."""

    model: imo.Model
    population: imo.cohorts.CalibratedPopulation
    typical: dict[str, float] = field(default_factory=dict)
    """Scores of parameters that are not free and not at their medians."""

    @property
    def names(self) -> list[str]:
        """The parameters and covariates that vary, but for size."""
        known = imo.load_model("tumour_immune").covariates.keys() | self.model.covariates.keys() | self.model.parameters.keys()
        entries = self.population.definition.prior.entries
        return [n for n in entries if n in known and n not in ("baseline_sum_of_diameters", "previously_treated")]

    def values(self, name: str, scores: FloatArray) -> FloatArray:
        """Return the values of a parameter at scores of the standard normal distribution."""
        return np.asarray(self.population.definition.prior.entries[name].distribution.of_score(scores))

    def scores(self, name: str, values: FloatArray) -> FloatArray:
        """Return the scores of values of a parameter."""
        return np.asarray(self.population.definition.prior.entries[name].distribution.score_of(values))

    def sizes(self, days: FloatArray, table: pd.DataFrame) -> FloatArray:
        """Return the sums of diameters on days, of patients all treated before."""
        table = table.assign(previously_treated=1.0)
        times = np.concatenate([[0.0], days])
        run = imo.simulate(
            self.model, ATEZOLIZUMAB, times=times, parameters=table, outputs=["sum_of_diameters"], progress=False
        )
        return np.asarray(run["sum_of_diameters"][:, 1:])


def patients() -> Patients:
    """Return the model and the calibrated cohort."""
    antibody = imo.load_model("pd1_inhibitor", variant="atezolizumab")
    model = imo.combine("tumour_immune", antibody, imo.load_model("clone", variant="immune_escape"))
    return Patients(model, imo.load_population(COHORT))


def sensitivities(made: Patients) -> FloatArray:
    """Return derivatives of logarithms of sizes by the scores, of draws of the cohort: shape (draws, visits, parameters)."""
    shipped = made.population
    chosen = np.random.default_rng(SEED).choice(len(shipped), DRAWS, p=shipped.weights / shipped.weights.sum())
    table = shipped.parameters.iloc[chosen].reset_index(drop=True)[["baseline_sum_of_diameters", *made.names]]
    found = []
    for name in made.names:
        score = np.clip(made.scores(name, table[name].to_numpy(float)), -3, 3)
        above, below = (table.assign(**{name: made.values(name, score + sign * STEP)}) for sign in (1, -1))
        found.append((np.log(made.sizes(WEEKS, above)) - np.log(made.sizes(WEEKS, below))) / (2 * STEP))
    return np.stack(found, axis=-1)


def chosen_parameters(slopes: FloatArray, names: list[str], most: int) -> list[tuple[str, float]]:
    """Return parameters, each time the one that adds most to the information, and the information of all so far.

    The information is the mean over patients of log det(I + J'J / sd^2) / 2, in nats: of a normal prior with unit variance and
    the sensitivities J, that is how much the visits of a patient tell about the parameters.
    """
    free: list[int] = []
    told: list[tuple[str, float]] = []
    for _ in range(most):
        values = {k: information(slopes[:, :, [*free, k]]) for k in range(len(names)) if k not in free}
        best = max(values, key=lambda k: values[k])
        free.append(best)
        told.append((names[best], values[best]))
    return told


def information(slopes: FloatArray) -> float:
    """Return the mean information of parameters, in nats."""
    matrix = np.eye(slopes.shape[-1]) + np.einsum("dti,dtj->dij", slopes, slopes) / ERROR**2
    return float(0.5 * np.linalg.slogdet(matrix)[1].mean())


def courses(folder: Path) -> list[Course]:
    """Return the courses of randomly chosen patients with six or more measurements."""
    table = read_lesions(folder / "nsclc_atezolizumab_target_lesions.csv").select(at_least=VISITS).frame
    subjects = np.random.default_rng(SEED).choice(list(dict.fromkeys(table["subject"])), PATIENTS, replace=False)
    found = [course(table[table["subject"] == subject].sort_values("time")) for subject in subjects]
    return [one for one in found if len(one.days) >= VISITS - 2 and one.start >= 5]


def other_courses(folder: Path, number: int = OTHERS, drawn: int = 60) -> list[Course]:
    """Return courses of patients that are not among those of `courses`."""
    table = read_lesions(folder / "nsclc_atezolizumab_target_lesions.csv").select(at_least=VISITS).frame
    subjects = list(dict.fromkeys(table["subject"]))
    judged = set(np.random.default_rng(SEED).choice(subjects, PATIENTS, replace=False))
    chosen = np.random.default_rng(SEED + 1).choice([s for s in subjects if s not in judged], drawn, replace=False)
    found = [course(table[table["subject"] == subject].sort_values("time")) for subject in chosen]
    return [one for one in found if len(one.days) >= VISITS - 2 and one.start >= 5][:number]


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


def modes(made: Patients, names: list[str], one: Course) -> tuple[Fit, Fit]:
    """Return the mode of a patient's parameters with the prior of the cohort, and the best fit without."""
    first, second = (np.array(list(product(grid, repeat=len(names)))) for grid in GRIDS[len(names)])
    squares = all_squares(made, names, one, first)
    starts = (best_of(squares, first, len(one.days), prior) for prior in (True, False))
    around = [np.clip(start.scores + second, -3, 3) for start in starts]
    found = [
        best_of(all_squares(made, names, one, s), s, len(one.days), prior)
        for s, prior in zip(around, (True, False), strict=True)
    ]
    return found[0], found[1]


def all_squares(made: Patients, names: list[str], one: Course, scores: FloatArray) -> FloatArray:
    """Return the sum of squares at each row of scores."""
    scored = {n: np.array([made.typical.get(n, 0.0)]) for n in made.names if n not in names}
    fixed = {n: made.values(n, score)[0] for n, score in scored.items()}
    table = pd.DataFrame({n: made.values(n, scores[:, k]) for k, n in enumerate(names)})
    sizes = made.sizes(one.days, table.assign(baseline_sum_of_diameters=one.start, **fixed))
    return np.asarray(((sizes - one.sizes) ** 2).sum(axis=1))


def best_of(squares: FloatArray, scores: FloatArray, n: int, prior: bool) -> Fit:
    """Return the fit with the least squares, or with the prior the most probable one."""
    best = int(np.nanargmin(deviance(squares, n) + (scores**2).sum(axis=1) * prior))
    return Fit(float(squares[best]), scores[best])


def compared(made: Patients, names: list[str], found: list[Course]) -> pd.DataFrame:
    """Return one row per patient: differences of AIC, at the mode and at the best fit, and whether they are at a bound."""
    rows = []
    for one in found:
        own = deviance(np.array(law(one, len(names))), len(one.days))
        row: dict[str, float] = {}
        for key, fit in zip(("mode", "best"), modes(made, names, one), strict=True):
            row[key] = float(deviance(np.array(fit.squares), len(one.days)) - own)
            row[f"{key}_bound"] = float((np.abs(fit.scores) > OUTSIDE).any())
        rows.append(row)
    return pd.DataFrame(rows)


def line(what: str, table: pd.DataFrame, key: str) -> str:
    """Return a row of the table of results."""
    low, middle, high = table[key].quantile([0.25, 0.5, 0.75])
    how = "mode with the prior of the cohort" if key == "mode" else "best fit, no prior"
    better, bound = 100 * (table[key] < 0).mean(), 100 * table[f"{key}_bound"].mean()
    return f"| {what} | {how} | {middle:+.1f} ({low:.1f} to {high:.1f}) | {better:.0f} % | {bound:.0f} % |"


def by_growth(made: Patients, others: list[Course]) -> dict[float, float]:
    """Return the median difference of AIC in other patients at each typical growth, with the pair that they chose."""
    tables = {score: compared(replace(made, typical={"growth_rate": score}), list(PAIR), others) for score in TYPICAL}
    return {score: float(table["mode"].median()) for score, table in tables.items()}


def page(folder: Path) -> str:
    """Return the page."""
    made = patients()
    chosen = chosen_parameters(sensitivities(made), made.names, 4)
    names, found = [name for name, _ in chosen], courses(folder)
    growth = by_growth(made, other_courses(folder))
    typical = min(growth, key=lambda score: growth[score])
    results = {
        "by information": compared(made, names[:2], found),
        "by other patients": compared(replace(made, typical={"growth_rate": typical}), list(PAIR), found),
    }
    return text_of(made, chosen, growth, results)


def text_of(
    made: Patients, chosen: list[tuple[str, float]], growth: dict[float, float], results: dict[str, pd.DataFrame]
) -> str:
    """Return the text of the page."""
    lines = [line(what, table, key) for what, table in results.items() for key in ("mode", "best")]
    order = "\n".join(f"| {k} | `{name}` | {value:.2f} |" for k, (name, value) in enumerate(chosen, 1))
    rates = {score: made.values("growth_rate", np.array([score]))[0] for score in growth}
    tried = "\n".join(f"| {rates[score]:.2g} | {difference:+.1f} |" for score, difference in growth.items())
    best = rates[min(growth, key=lambda score: growth[score])]
    number = len(next(iter(results.values())))
    return TEXT.format(
        n=number, rows="\n".join(lines), order=order, cohort=COHORT, draws=DRAWS, others=OTHERS, tried=tried, best=best
    )


TEXT = """# Single patients: the base model compared with an empirical law

Made by `docs/virtual_populations/single_patients.py` from the diameters of target lesions of patients of lung-cancer
trials (Ghaffari Laleh 2022, supplement), {n} randomly chosen patients with six or more measurements, from the last
measurement before treatment on. The model is `tumour_immune` with an escape clone under atezolizumab, with the
distributions of parameters of the cohort `{cohort}`; the law is that of Stein and Fojo (`ribba2022`).
Both have two free parameters per patient.

## The free parameters

They are chosen in two ways, neither of which uses the {n} patients.

**By information**, from the cohort alone: for {draws} of its patients, from the sensitivities of sizes every six weeks for a
year, in units of the standard deviation of each parameter, with an error of 8 %. Each row adds the parameter with the largest
gain of information; the information (nats) is that of all parameters so far. The other parameters are fixed at their medians.

| | parameter | information |
|---|---|---|
{order}

**By other patients** of the same trials. Patients with six or more measurements are those who stay on treatment, with tumours
that grow slowly, whereas the cohort represents all patients: the median growth of the cohort is not theirs. A search over all
pairs of six parameters on coarse grids (`docs/virtual_populations/single_patient_pairs.py`), in patients who are not among the
{n}, selects `priming_rate` and `immune_escape_initial_fraction`, with slow growth that is the same for all. The growth is then
chosen in {others} of these patients:

| growth rate (1/day) | median difference of AIC in the other patients |
|---|---|
{tried}

The value that fits the other patients best, {best:.2g} per day, is used for the {n} patients.

## Results

Errors are additive with a standard deviation that is estimated. The mode maximises likelihood times prior in the standard
normal scores of the parameters. The search is bounded at scores of 3 (no more than three in a thousand patients of the cohort
are beyond). The difference is that of AIC, n log(squares / n) + 2 k with the same number of parameters k for both, model minus
law; below zero, the model is better. The law has no prior, so that at the mode the comparison is stricter for the model than
for the law, which is fitted by least squares. A criterion that counts only the parameters that a patient's data determine would
be less strict.

| free parameters | model | difference of AIC: median (quartiles) | model better | at a bound |
|---|---|---|---|---|
{rows}

The median difference remains above zero: the law is still better in most patients.
"""


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IMMUNOODE_DATA", ROOT.parent / "shared" / "data")
    (ROOT / "docs" / "single_patients.md").write_text(page(Path(given)), encoding="utf-8")
