"""A cohort calibrated to the sizes of target lesions alone, and the progression-free survival of its trial, which was not used.

Writes docs/lung_cancer_cohort.md. Run: python docs/virtual_populations/lung_cancer.py [FOLDER]. The folder with the data is the
argument, or what IMMUNOODE_DATA names, or ../shared/data beside the repository; the clinical table is not part of the package.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

import immunoode as imo
from immunoode.virtual_population.targets.record import TargetRecord

FloatArray = NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[2]
vp, vt = imo.virtual_population, imo.virtual_trial

PATIENTS, REPLICATES, BOOTSTRAPS, SEED = 10_000, 8, 200, 1
FEWEST = 3
"""The published table has patients with three or more measurements alone."""
LAST_SEEN = 7 * np.array([15.0, 21, 27, 33, 45, 57])
QUANTILES = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
EARLY = {"week 6": 42.0, "week 12": 84.0, "week 24": 168.0}
WINDOW = 21.0
AFTER_GROWTH = (6, 12, 18, 30)
ARMS = {"atezolizumab": ("Study_2_Arm_2", "MPDL3280A"), "docetaxel": ("Study_2_Arm_1", "Docetaxel")}
VISITS = vt.VisitSchedule(
    every="6 weeks", until="54 weeks", then="9 weeks", end="99 weeks", screening="4 weeks", jitter="4 days"
)
WITHDRAWAL = 0.15
"""Per year: patients who leave for other reasons than progression or death. Our estimate."""


@dataclass(frozen=True)
class Series:
    """Measurements of one lesion of n patients until they left: days and diameters, shape (n, V), NaN where there is none."""

    days: FloatArray
    sizes: FloatArray

    @property
    def included(self) -> NDArray[np.bool_]:
        """Whether a patient is in the published table."""
        return np.isfinite(self.sizes).sum(axis=1) >= FEWEST

    @property
    def last(self) -> FloatArray:
        """Day of the last measurement."""
        return np.fmax.reduce(np.where(np.isfinite(self.sizes), self.days, np.nan), axis=1)

    @property
    def changes(self) -> FloatArray:
        """Change from baseline at each visit, as a fraction; NaN at baseline."""
        changes = self.sizes / np.maximum(self.sizes[:, :1], 1.0) - 1
        changes[:, 0] = np.nan
        return changes

    @property
    def grown(self) -> NDArray[np.bool_]:
        """Whether the lesion is 20 % and 5 mm above its nadir, at each visit."""
        nadir = np.fmin.accumulate(self.sizes, axis=1)[:, :-1]
        grown = np.zeros(self.sizes.shape, dtype=bool)
        grown[:, 1:] = (self.sizes[:, 1:] >= 1.2 * nadir) & (self.sizes[:, 1:] - nadir >= 5)
        return grown

    def change_near(self, day: float) -> FloatArray:
        """Return the change at the first visit within three weeks of a day; NaN where there is none."""
        near = np.isfinite(self.changes) & (np.abs(self.days - day) <= WINDOW)
        first = near.argmax(axis=1)
        return np.where(near.any(axis=1), self.changes[np.arange(len(first)), first], np.nan)


@dataclass(frozen=True)
class Cuts:
    """Observed quantiles: of the best change, and of the change at early visits."""

    best: FloatArray
    early: dict[str, FloatArray]

    @classmethod
    def of(cls, series: Series) -> Cuts:
        early = {name: np.nanquantile(series.change_near(day), (0.25, 0.5, 0.75)) for name, day in EARLY.items()}
        return cls(np.quantile(np.fmin.reduce(series.changes, axis=1), QUANTILES), early)


def features(series: Series, cuts: Cuts) -> dict[str, FloatArray]:
    """Return what is compared of each patient, by name: numbers with the mean of the statistic over patients."""
    grown = series.grown
    last = np.isfinite(series.sizes).cumsum(axis=1).argmax(axis=1)
    found = {f"measured after week {day / 7:g}": series.last > day for day in LAST_SEEN}
    best = np.fmin.reduce(series.changes, axis=1)
    found |= {f"best change up to {100 * cut:.0f} %": best <= cut for cut in cuts.best}
    found["lesion grew by 20 % at any visit"] = grown.any(axis=1)
    found["lesion had grown by 20 % at the first visit"] = grown[:, 1]
    found["lesion had grown by 20 % at the last visit"] = grown[np.arange(len(last)), last]
    first = np.where(grown.any(axis=1), series.days[np.arange(len(last)), grown.argmax(axis=1)], np.inf)
    for weeks in AFTER_GROWTH:
        found[f"measured {weeks} weeks after the lesion had grown by 20 %"] = series.last - first >= 7 * weeks - 10
    for name, levels in cuts.early.items():
        change = series.change_near(EARLY[name])
        for share, cut in zip((0.25, 0.5, 0.75), levels, strict=True):
            found[f"{name}: change up to {100 * cut:.0f} %"] = np.where(np.isfinite(change), (change <= cut) - share, 0.0)
    return {name: np.asarray(values, float) for name, values in found.items()}


@dataclass(frozen=True)
class IncludedTarget:
    """Statistics of the patients who are in the table: of virtual ones, by their probability of being in it."""

    arm: str
    trial: str
    label: str
    record_: TargetRecord

    def record(self, patients: imo.virtual_population.VirtualPatients, weights: FloatArray) -> TargetRecord:
        """Return the rows; they do not depend on the weights."""
        return self.record_


@dataclass(frozen=True)
class Simulated:
    """Virtual patients in replicates: what the table would hold of them, and their progression-free survival."""

    parameters: pd.DataFrame
    series: Series
    pfs_days: FloatArray

    def mean(self, values: FloatArray) -> FloatArray:
        """Return the mean over the replicates of each patient."""
        return values.reshape(REPLICATES, PATIENTS, -1).mean(axis=0)


def prior(baselines: FloatArray) -> dict[str, imo.virtual_population.Marginal]:
    """Return growth and shrinkage as Ribba 2022 found them in OAK, and our estimates of the rest."""
    logs = np.log(baselines)
    return {
        "growth_rate": vp.LogNormal(0.0016, float(np.sqrt(1.03))),
        "shrinkage_rate": vp.LogNormal(0.0014, float(np.sqrt(1.64))),
        "baseline_sum_of_diameters": vp.LogNormal(float(np.exp(logs.mean())), float(logs.std())),
    }


def simulate(baselines: FloatArray) -> Simulated:
    """Draw patients from the prior, and observe each several times."""
    patients = imo.sample_patients(imo.load_model("ribba2022"), prior(baselines), PATIENTS, SEED)
    new, death = (
        median * np.exp(vp.normals(SEED, purpose, range(PATIENTS))[:, 0]) / 365.25
        for purpose, median in (("rate of new lesions", 0.7), ("rate of death", 0.3))
    )
    stays = vp.uniforms(SEED, "stays after progression", range(PATIENTS))[:, 0]
    table = patients.assign(new_lesions_per_year=365.25 * new, deaths_per_year=365.25 * death, stays_after_progression=stays)
    days = VISITS.days()
    run = imo.simulate("ribba2022", until=days[-1], times=np.union1d(days, days + 21), parameters=patients, progress=False)
    draws = vt.RandomDraws(SEED, range(PATIENTS), tuple(range(REPLICATES)))
    sums = np.tile(run["sum_of_diameters"], (REPLICATES, 1))
    courses = vt.Observation(VISITS, dropout=vt.Hazard(WITHDRAWAL)).observe(draws, run.times, {"sum_of_diameters": sums})
    new_day, death_day = (
        draws.exponentials(purpose)[:, 0] / np.tile(rate, REPLICATES) for purpose, rate in (("new", new), ("death", death))
    )
    outcomes = vt.evaluate_outcomes(courses.days, courses.diameters, new_lesions=new_day, death=death_day)
    progressed = np.where(outcomes["pfs_event"], outcomes["pfs_time"], np.inf).astype(float)
    leaves = _leaves(courses.days, progressed, np.tile(stays, REPLICATES), draws)
    seen = courses.days <= np.minimum(np.minimum(leaves, death_day), courses.dropout)[:, None]
    lesion = np.where(seen, courses.diameters[:, :, 0], np.nan)
    return Simulated(table, Series(courses.days, lesion), progressed)


def _leaves(days: FloatArray, progressed: FloatArray, stays: FloatArray, draws: imo.virtual_trial.RandomDraws) -> FloatArray:
    """Return the day of the last measurement: at each visit from progression on, a patient stays with their probability."""
    goes = (days >= progressed[:, None]) & (draws.uniforms("stays", days.shape[1]) >= stays[:, None])
    return np.where(goes.any(axis=1), days[np.arange(len(days)), goes.argmax(axis=1)], np.inf)


def observed(folder: Path, arm: str) -> Series:
    """Return the series of an arm of the published table, from the last measurement before treatment on."""
    table = pd.read_csv(folder / "nsclc_atezolizumab_target_lesions.csv").dropna(subset=["diam_mm"])
    rows = []
    for _, one in table[table["arm"] == arm].sort_values("day").groupby("subject"):
        start = max(int((one["day"] <= 1).sum()) - 1, 0)
        rows.append((one["day"].to_numpy(float)[start:], one["diam_mm"].to_numpy(float)[start:]))
    width = max(len(days) for days, _ in rows)
    days, sizes = (np.stack([np.pad(row[k], (0, width - len(row[k])), constant_values=np.nan) for row in rows]) for k in (0, 1))
    series = Series(days, sizes)
    return Series(days[series.included], sizes[series.included])


@dataclass(frozen=True)
class Statistics:
    """The same statistics of n real and of the virtual patients: names, (n, rows), and (replicates x patients, rows)."""

    names: tuple[str, ...]
    real: FloatArray
    virtual: FloatArray

    @classmethod
    def of(cls, series: Series, simulated: Simulated) -> Statistics:
        """Compute them, with limits at the observed quantiles."""
        cuts = Cuts.of(series)
        real, virtual = features(series, cuts), features(simulated.series, cuts)
        return cls(tuple(real), np.column_stack(list(real.values())), np.column_stack(list(virtual.values())))

    def calibrate(self, simulated: Simulated, chosen: NDArray[np.int64]) -> imo.virtual_population.Cohort:
        """Return the cohort that meets the statistics of chosen real patients.

        A virtual patient counts in a mean over the patients in the table by the probability of being in it.
        """
        values, included = self.real[chosen].mean(axis=0), simulated.series.included.astype(float)
        share = simulated.mean(included)
        record = TargetRecord(
            "sizes of the target lesion",
            self.names,
            simulated.mean(included[:, None] * (self.virtual - values)),
            np.zeros(len(values)),
            np.cov(self.real.T) / len(self.real) * share.mean() ** 2,
            shares=np.repeat(share, len(values), axis=1),
            values=values,
        )
        patients = vp.VirtualPatients(simulated.parameters, {"all": pd.DataFrame(index=simulated.parameters.index)})
        return imo.calibrate(patients, [IncludedTarget("all", "POPLAR", record.label, record)])


@dataclass(frozen=True)
class Prediction:
    """Progression-free survival of an arm: predicted with a 95 % band, and observed with its band, on the same days."""

    arm: str
    days: FloatArray
    predicted: FloatArray
    low: FloatArray
    high: FloatArray
    km: imo.KaplanMeier
    cohort: imo.virtual_population.Cohort
    included: float
    patients: int

    @property
    def randomised(self) -> int:
        """The patients of the arm."""
        return len(self.km.rows)

    @property
    def observed(self) -> pd.DataFrame:
        """The observed curve and its 95 % band on the days."""
        curve = self.km.curve
        return curve.iloc[np.searchsorted(curve["time"].to_numpy(), self.days, side="right") - 1]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """On which days the prediction is within the observed band."""
        band = self.observed
        return (self.predicted >= band["lower"].to_numpy()) & (self.predicted <= band["upper"].to_numpy())


def predict(folder: Path, arm: str) -> Prediction:
    """Calibrate a cohort to the lesions of an arm, and predict the arm's progression-free survival."""
    name, clinical = ARMS[arm]
    series = observed(folder, name)
    simulated, n = simulate(series.sizes[:, 0]), len(series.days)
    statistics = Statistics.of(series, simulated)
    km = observed_pfs(folder, clinical)
    days = np.arange(14.0, last_day(km), 1.0)
    curves = simulated.mean((simulated.pfs_days[:, None] > days).astype(float))
    cohort = statistics.calibrate(simulated, np.arange(n))
    chance = np.random.default_rng(SEED)
    again = [statistics.calibrate(simulated, chance.integers(0, n, n)).weights @ curves for _ in range(BOOTSTRAPS)]
    low, high = np.quantile(again, (0.025, 0.975), axis=0)
    included = float(cohort.weights @ simulated.mean(simulated.series.included.astype(float))[:, 0])
    return Prediction(arm, days, cohort.weights @ curves, low, high, km, cohort, included, n)


def observed_pfs(folder: Path, treatment: str) -> imo.KaplanMeier:
    """Return the progression-free survival of an arm of POPLAR."""
    table = pd.read_csv(folder / "poplar_clinical.csv").query("TRT01P == @treatment")
    rows = {"subject": table["PtID"].astype(str), "arm": treatment, "endpoint": "PFS"}
    return imo.kaplan_meier(pd.DataFrame(rows | {"time": table["PFS"] * 30.4375, "event": table["PFS.CNSR"] == 0}))


def last_day(km: imo.KaplanMeier) -> float:
    """Return the day up to which ten patients or more are at risk, and visits were simulated."""
    return min(float(km.curve.loc[km.curve["at_risk"] >= 10, "time"].max()), float(VISITS.days()[-1]) - 14)


def figure(predictions: list[Prediction]) -> plt.Figure:
    """Draw prediction and observation of each arm."""
    drawn, axes = plt.subplots(1, len(predictions), figsize=(9, 3.6), sharey=True, layout="constrained")
    for ax, found in zip(np.atleast_1d(axes), predictions, strict=True):
        band, weeks = found.observed, found.days / 7
        ax.fill_between(weeks, band["lower"], band["upper"], step="post", color="0.85", label="observed, 95 % band")
        ax.step(weeks, band["survival"], where="post", color="0.35", label="observed")
        ax.fill_between(weeks, found.low, found.high, color="C0", alpha=0.25, label="predicted, 95 % band")
        ax.plot(weeks, found.predicted, color="C0", ls="--", label="predicted from one lesion per patient")
        ax.set(title=f"POPLAR, {found.arm}", xlabel="weeks from randomisation", ylim=(0, 1))
    np.atleast_1d(axes)[0].set_ylabel("progression-free survival")
    np.atleast_1d(axes)[0].legend(fontsize=8, frameon=False)
    return drawn


HEAD = """# A cohort of lung cancer calibrated to lesion sizes alone

Made by `docs/virtual_populations/lung_cancer.py` from data that are not part of the package: the diameters of one target lesion
per patient in POPLAR (Ghaffari Laleh 2022, supplement; {included}), and, for comparison only, the progression-free survival of
all patients of that trial (Gandara 2018, supplementary table 8; 144 under atezolizumab, 143 under docetaxel). No time of
progression was used in calibration.

**Virtual patients.** {patients:,} patients follow the law of Stein and Fojo (`ribba2022`), with growth and shrinkage
distributed as Ribba et al. found them in OAK, and the baselines of the table. New lesions, deaths and the probability of
staying on treatment after progression differ between patients (our estimates: medians of 0.7 and 0.3 per year with a
standard deviation of 1 of the logarithm; uniform between 0 and 1). Each patient is observed {replicates} times: visits as
in the protocol, errors of measurement, one of the target lesions in the table, progression by RECIST 1.1 on all of them.

**Selection of patients.** The table contains only patients with three or more measurements. A virtual patient is therefore
weighted in each statistic by the probability of being in the table; patients who leave early are represented by similar
patients who stayed.

**Targets.** Times of the last measurement, best change, change near weeks 6, 12 and 24, growth by 20 % at any, the first and
the last visit, and the time for which patients are measured after it.

**Bands.** The prediction's band comes from {bootstraps} bootstrap samples of the patients in the table. The calibration is
repeated for each sample.

![Progression-free survival](virtual_populations/lung_cancer.png)
"""
LIMITS = """
**Interpretation.** The sizes of lesions do not show why a patient left the trial: progression outside of the measured lesion,
death and withdrawal look the same. The rate of withdrawals is assumed ({withdrawal:g} per year). Under docetaxel more patients
left for other reasons than under atezolizumab, so that the prediction is too low there.
"""


def rows_of(found: Prediction) -> list[str]:
    """Return the lines of the table of an arm."""
    band = found.observed
    lines = []
    for week in (4, 7, 10, 13, 19, 25, 37, 49, 61):
        k = int(7 * week - found.days[0])
        if k < len(found.days):
            seen = band.iloc[k]
            lines.append(
                f"| {found.arm} | {week} | {found.predicted[k]:.2f} ({found.low[k]:.2f} to {found.high[k]:.2f}) "
                f"| {seen['survival']:.2f} ({seen['lower']:.2f} to {seen['upper']:.2f}) "
                f"| {'yes' if found.inside[k] else 'no'} |"
            )
    return lines


def misses(found: Prediction) -> str:
    """Say in which weeks the prediction is outside of the observed band; gaps of up to a week do not count."""
    out = found.days[~found.inside] / 7
    if not len(out):
        return "inside everywhere"
    ends = np.flatnonzero(np.diff(out) > 1)
    spans = zip(out[np.concatenate([[0], ends + 1])], out[np.concatenate([ends, [-1]])], strict=True)
    return "outside in weeks " + ", ".join(f"{first:.0f} to {last:.0f}" for first, last in spans)


def page(predictions: list[Prediction]) -> str:
    """Return the page."""
    included = ", ".join(f"{p.patients} patients under {p.arm}" for p in predictions)
    text = [HEAD.format(included=included, patients=PATIENTS, replicates=REPLICATES, bootstraps=BOOTSTRAPS)]
    text += [
        f"- **{p.arm.capitalize()}**: within the observed 95 % band on {100 * p.inside.mean():.0f} % of the days "
        f"({misses(p)}). Effective sample size {p.cohort.effective_sample_size:.0f}; {100 * p.included:.0f} % of the cohort "
        f"would be in the table, {100 * p.patients / p.randomised:.0f} % of the trial are."
        for p in predictions
    ]
    text += ["", "| arm | week | predicted | observed | within the band |", "|---|---:|---|---|---|"]
    return "\n".join([*text, *(line for p in predictions for line in rows_of(p)), LIMITS.format(withdrawal=WITHDRAWAL)])


def main() -> None:
    """Write the page and its figure."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IMMUNOODE_DATA", ROOT.parent / "shared" / "data"))
    predictions = [predict(folder, arm) for arm in ARMS]
    figure(predictions).savefig(ROOT / "docs" / "virtual_populations" / "lung_cancer.png", dpi=120)
    (ROOT / "docs" / "lung_cancer_cohort.md").write_text(page(predictions), encoding="utf-8")


if __name__ == "__main__":
    main()
