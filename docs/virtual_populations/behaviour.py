"""The shipped cohorts and the base model of version 0.1 compared with trials, row by row.

Writes docs/behaviour.md. Run: python docs/virtual_populations/behaviour.py
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import immunoode as imo
from immunoode.cohorts.arm_simulation import own_parameters

FloatArray = NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[2]
vp, vt = imo.virtual_population, imo.virtual_trial
MONTH = 365.25 / 12
BOOTSTRAPS, SEED = 200, 1
OLD_PATIENTS = 1500
WEEKS = 7 * np.arange(0, 105.0)
BY_SIZE = "pembrolizumab_of_keynote_001"
MELANOMA_ARMS = ("ipilimumab", "nivolumab", "combination", "pembrolizumab", BY_SIZE)


@dataclass(frozen=True)
class Arms:
    """Patients with weights and what became of them in some arms."""

    cohort: imo.virtual_population.Cohort

    def responds(self, arm: str) -> NDArray[np.bool_]:
        """Whether each patient has a response."""
        return np.isin(self.cohort.patients.outcomes[arm]["best_response"], ["CR", "PR"])

    def column(self, arm: str, name: str) -> FloatArray:
        """Return a column of the outcomes of an arm."""
        return self.cohort.patients.outcomes[arm][name].to_numpy(float)

    def parameter(self, name: str) -> FloatArray:
        """Return a parameter of each patient."""
        return self.cohort.patients.parameters[name].to_numpy(float)


@dataclass(frozen=True)
class Row:
    """A row of the table: a number of the cohort with its interval, that of the old model, and the published one."""

    behaviour: str
    cohort: str
    of: Callable[[Arms, FloatArray], float]
    unit: str
    published: str
    limits: tuple[float, float] | None


def share(arms: Arms, weights: FloatArray, what: NDArray[np.bool_], among: NDArray[np.bool_] | None = None) -> float:
    """Return a weighted share, per cent."""
    among = np.ones(len(weights), bool) if among is None else among
    return float(100 * (weights @ (what & among)) / (weights @ among))


def rate(arm: str) -> Callable[[Arms, FloatArray], float]:
    """Return the response rate of an arm."""
    return lambda a, w: share(a, w, a.responds(arm))


def middle(values: FloatArray, weights: FloatArray) -> float:
    """Return the weighted median of values."""
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)])


def pfs(arm: str) -> Callable[[Arms, FloatArray], float]:
    """Return the median progression-free survival of an arm, in months."""
    return lambda a, w: vp.Cohort(a.cohort.patients, w).median(arm) / MONTH


def by_size(arm: str, above: bool) -> Callable[[Arms, FloatArray], float]:
    """Return the response rate of tumours below or above the weighted median size."""

    def value(a: Arms, w: FloatArray) -> float:
        size = a.parameter("baseline_sum_of_diameters")
        half = middle(size, w)
        return share(a, w, a.responds(arm), (size >= half) if above else (size < half))

    return value


def time_to_response(arm: str) -> Callable[[Arms, FloatArray], float]:
    """Return the median time to response of responders, in months."""

    def value(a: Arms, w: FloatArray) -> float:
        found = a.column(arm, "time_to_response")
        known = a.responds(arm) & np.isfinite(found)
        return middle(found[known], w[known]) / MONTH

    return value


def lost_after(arm: str, day: float) -> Callable[[Arms, FloatArray], float]:
    """Return the share of responders without progression on a day who progress within the year after it."""

    def value(a: Arms, w: FloatArray) -> float:
        time, event = a.column(arm, "pfs_time"), a.column(arm, "pfs_event").astype(bool)
        return share(a, w, event & (time <= day + 365), a.responds(arm) & (time > day))

    return value


def from_courses(name: str) -> Callable[[Arms, FloatArray], float]:
    """Return the share of patients with a kind of course, which `courses` put among the outcomes."""
    return lambda a, w: share(a, w, a.column("nivolumab", name).astype(bool))


ROWS = (
    Row("response, tumours below the median size", "melanoma", by_size(BY_SIZE, False), "%", "44 (joseph2018)", (38, 50)),
    Row("response, tumours above the median size", "melanoma", by_size(BY_SIZE, True), "%", "23 (joseph2018)", (18, 28)),
    Row("response to ipilimumab", "melanoma", rate("ipilimumab"), "%", "19 (hodi2018; a target)", (15, 24)),
    Row("response to nivolumab", "melanoma", rate("nivolumab"), "%", "45 (hodi2018; a target)", (39, 50)),
    Row("response to both", "melanoma", rate("combination"), "%", "58 (hodi2018)", (53, 64)),
    Row(
        "time to response under nivolumab",
        "melanoma",
        time_to_response("nivolumab"),
        "months",
        "about 2.8: the first scan",
        (1.8, 3.8),
    ),
    Row(
        "responders who progress in the year after two years of pembrolizumab",
        "melanoma",
        lost_after("pembrolizumab", 735.0),
        "%",
        "few: 98 % of those who completed alive after 9 months (robert2017)",
        None,
    ),
    Row(
        "growth by 20 %, then response (pseudo-progression)",
        "melanoma",
        from_courses("pseudo"),
        "%",
        "6.8 (5.2 to 8.7): 59 of 867, melanoma, PD-1 antibodies (five studies in Jia 2019, table 1)",
        (5.2, 8.7),
    ),
    Row(
        "growth twice as fast as before, and progression (hyperprogression)",
        "melanoma",
        from_courses("hyper"),
        "%",
        "no number without errors of measurement",
        None,
    ),
    Row(
        "the same from three scans with errors of measurement",
        "melanoma",
        from_courses("measured_hyper"),
        "%",
        "9 (4.8 to 15.5): 12 of 131, many tumours (Champiat 2017, abstract)",
        (4.8, 15.5),
    ),
    Row(
        "the same with a volume that doubles within two months",
        "melanoma",
        from_courses("doubled"),
        "%",
        "1.3 (0.03 to 7.2): 1 of 75, melanoma (abstract, doi 10.1007/s00262-020-02716-3)",
        (0.03, 7.2),
    ),
    Row(
        "response of target lesions and a new lesion within a year (mixed)",
        "melanoma",
        from_courses("mixed"),
        "%",
        "known, no number seen",
        None,
    ),
    Row("PFS, pembrolizumab", "lung", pfs("pembrolizumab"), "months", "no number for all scores of PD-L1", None),
    Row("PFS, pembrolizumab with chemotherapy", "lung", pfs("combination"), "months", "9.0 (gadgeel2020)", (8.1, 9.9)),
    Row("PFS, chemotherapy", "lung", pfs("chemotherapy"), "months", "4.9 (gandhi2018; a target)", (4.7, 5.5)),
    Row("PFS after chemoradiation, placebo", "stage III", pfs("placebo"), "months", "5.6 (antonia2017; a target)", (4.6, 7.8)),
    Row("PFS after chemoradiation, durvalumab", "stage III", pfs("durvalumab"), "months", "16.8 (antonia2017)", (13.0, 18.1)),
)


def courses(population: Any, cohort: imo.virtual_population.Cohort, antibody: str) -> imo.virtual_population.Cohort:
    """Return the cohort with kinds of courses under an antibody among its outcomes, from weekly sizes without error."""
    arm = population.arms[antibody]
    model = population.model_with(*arm.models)
    names = ["sum_of_diameters", *([n] if (n := "metastasis_visible_diameter") in imo.combine(model).derived else [])]
    patients = own_parameters(cohort.patients.parameters, model)
    sizes, occult = weekly(model, arm.regimen, patients, names)
    untreated, _ = weekly(model, None, patients, names)
    table = cohort.patients.outcomes[antibody].assign(**kinds(sizes, untreated, occult, population.observation.visits))
    return with_outcomes(cohort, {**cohort.patients.outcomes, antibody: table})


def weekly(model: imo.Model, regimen: Any, patients: pd.DataFrame, names: list[str]) -> tuple[FloatArray, FloatArray]:
    """Return sums of diameters and visible diameters of the occult lesion, weekly for two years."""
    run = imo.simulate(model, regimen, times=WEEKS, parameters=patients, outputs=names, progress=False)
    return run[names[0]], run[names[1]] if len(names) > 1 else np.zeros_like(run[names[0]])


def kinds(
    sizes: FloatArray, untreated: FloatArray, occult: FloatArray, visits: imo.virtual_trial.VisitSchedule
) -> dict[str, NDArray[np.bool_]]:
    """Return which courses are pseudo-progression, hyperprogression and mixed response."""
    before, early = np.log(untreated[:, 6] / untreated[:, 0]), np.log(sizes[:, 6] / sizes[:, 0])
    responded = (sizes[:, :53] <= 0.7 * sizes[:, :1]).any(axis=1)
    measured, doubled = measured_hyperprogression(sizes[:, 0], before, sizes[:, 6])
    return {
        "pseudo": pseudo_progression(sizes, visits),
        "hyper": (early >= 2 * before) & (before > 0) & grown(sizes[:, :13:6]).any(axis=1),
        "measured_hyper": measured,
        "doubled": doubled,
        "mixed": responded & (occult[:, :53] > 0).any(axis=1),
    }


def grown(seen: FloatArray) -> NDArray[np.bool_]:
    """Return at which visits a tumour is larger than its nadir by 20 % and 5 mm."""
    nadir = np.minimum.accumulate(seen, axis=1)
    return (seen >= 1.2 * nadir) & (seen - nadir >= 5)


def pseudo_progression(sizes: FloatArray, visits: imo.virtual_trial.VisitSchedule) -> NDArray[np.bool_]:
    """Return whether a tumour has grown at a visit of the trial and is 30 % below its start at a later one."""
    weeks = np.round(visits.days() / 7).astype(int)
    seen = sizes[:, weeks[weeks < sizes.shape[1]]]
    larger = grown(seen)
    first = np.where(larger.any(axis=1), larger.argmax(axis=1), seen.shape[1])
    later = np.where(np.arange(seen.shape[1]) > first[:, None], seen, np.inf).min(axis=1)
    return later <= 0.7 * seen[:, 0]


def measured_hyperprogression(
    start: FloatArray, before: FloatArray, later: FloatArray
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return whether growth at least doubles, with progression, in scans six weeks before, at and six weeks after the start.

    The second array states whether the volume doubles as well between the last two scans. `before` is the logarithmic growth
    of six weeks without treatment. Errors are those of sums of diameters in virtual trials.
    """
    random, error = np.random.default_rng(SEED), vt.Measurement()
    scans = np.stack([start * np.exp(-before), start, later])
    scans = scans + np.hypot(error.additive, error.proportional * scans) * random.standard_normal(scans.shape)
    first, second, third = np.maximum(scans, error.limit_mm)
    growth = np.log(second / first)
    faster = (growth > 0) & (np.log(third / second) >= 2 * growth)
    return faster & (third >= 1.2 * second) & (third - second >= 5), faster & (third >= 2 ** (1 / 3) * second)


def with_outcomes(cohort: imo.virtual_population.Cohort, outcomes: Mapping[str, pd.DataFrame]) -> imo.virtual_population.Cohort:
    """Return the cohort with other tables of outcomes."""
    patients = vp.VirtualPatients(cohort.patients.parameters, outcomes)
    return vp.Cohort(patients, cohort.weights)


def intervals(arms: Arms, row: Row) -> tuple[float, float, float]:
    """Return a number of a cohort with its bootstrap interval over patients."""
    chance = np.random.default_rng(SEED)
    n, weights = len(arms.cohort), arms.cohort.weights
    again = [row.of(arms, weights * chance.multinomial(n, np.full(n, 1 / n))) for _ in range(BOOTSTRAPS)]
    low, high = np.quantile(again, (0.025, 0.975))
    return row.of(arms, weights), float(low), float(high)


def old_melanoma(population: Any) -> Arms:
    """Return a population around the base model of 0.1, weighted to the same targets as the cohort of melanoma."""
    lognormal, truncated = vp.LogNormal, vp.Truncated
    pairs = {"pd1_inhibitor": ("nivolumab", "pembrolizumab", "nivolumab_with_ipilimumab")}
    pairs |= {"ctla4_inhibitor": ("ipilimumab", "ipilimumab_with_nivolumab")}
    antibodies = [imo.load_model(name, variant=v, instance=v) for name, variants in pairs.items() for v in variants]
    model = imo.combine("tumour_immune_0_1", *antibodies)
    prior = {
        "baseline_sum_of_diameters": truncated(lognormal(90, 0.75), 8, 390),
        "growth_rate": truncated(lognormal(0.01, 0.9), 0.0005, 0.05),
        "priming_rate": truncated(lognormal(2e7, 1.5), 1e5, 9e8),
        "pd1_inhibition": truncated(lognormal(3, 0.8), 0.05, 29),
        "ctla4_inhibition": truncated(lognormal(3, 0.8), 0.02, 9.9),
    }
    patients = imo.sample_patients(model, prior, OLD_PATIENTS, SEED)
    plain = imo.virtual_trial.Observation(
        population.observation.visits, death=population.observation.death, dropout=population.observation.dropout
    )
    arms = {name: population.arms[name].regimen for name in MELANOMA_ARMS}
    found = vt.simulate_patients(model, patients, arms, seed=SEED, observation=plain, progress=False)
    targets = [
        vp.ResponseRateTarget.objective("nivolumab", 0.45, n=316),
        vp.ResponseRateTarget.objective("ipilimumab", 0.19, n=315),
        vp.MedianTarget.published("nivolumab", "6.9 months", interval=("5.1 months", "10.2 months")),
        vp.MedianTarget.published("ipilimumab", "2.9 months", interval=("2.8 months", "3.2 months")),
    ]
    cohort = imo.calibrate(found, targets)
    sizes, occult = weekly(model, arms["nivolumab"], patients, ["sum_of_diameters"])
    untreated, _ = weekly(model, None, patients, ["sum_of_diameters"])
    table = found.outcomes["nivolumab"].assign(**kinds(sizes, untreated, occult, plain.visits))
    return Arms(with_outcomes(cohort, {**found.outcomes, "nivolumab": table}))


def cohorts() -> tuple[dict[str, Arms], Arms]:
    """Return the shipped cohorts in the arms of the table, and the population around the old base."""
    melanoma = imo.load_population("melanoma_first_line")
    treated = melanoma.simulate(MELANOMA_ARMS, progress=False)
    lung = imo.load_population("lung_cancer_first_line").simulate(
        ["pembrolizumab", "chemotherapy", "combination"], progress=False
    )
    stage = imo.load_population("lung_cancer_after_chemoradiation").simulate(["placebo", "durvalumab"], progress=False)
    new = {"melanoma": Arms(courses(melanoma, treated, "nivolumab")), "lung": Arms(lung), "stage III": Arms(stage)}
    return new, old_melanoma(melanoma)


def verdict(row: Row, value: float, low: float, high: float) -> str:
    """Return whether a value is within the published limits, or its interval reaches them."""
    if row.limits is None:
        return "no number to compare"
    if row.limits[0] <= value <= row.limits[1]:
        return "yes"
    return "no; the intervals overlap" if low <= row.limits[1] and high >= row.limits[0] else "no"


def page() -> str:
    """Return the page."""
    new, old = cohorts()
    lines = [INTRODUCTION]
    for row in ROWS:
        value, low, high = intervals(new[row.cohort], row)
        before = f"{row.of(old, old.cohort.weights):.3g}" if row.cohort == "melanoma" else ""
        value_text = f"{value:.3g} ({low:.3g} to {high:.3g}) {row.unit}"
        lines.append(
            " | ".join(
                ("| " + row.behaviour, row.cohort, value_text, before, row.published, verdict(row, value, low, high) + " |")
            )
        )
    return "\n".join(lines) + NOTES


INTRODUCTION = """# Behaviour of the cohorts compared with trials

Made by `docs/virtual_populations/behaviour.py` from the shipped cohorts of melanoma, of lung cancer before treatment (lung) and
after chemoradiation (stage III). Intervals are from 200 bootstrap samples of virtual patients. They reflect only the finite
number of patients; the pages of the cohorts have intervals that reflect the uncertainty of the targets. The column of version
0.1 is for a population around `tumour_immune_0_1`, weighted to response rates and median survival of the same two arms as the
cohort of melanoma; it has no occult lesions. The column "right" compares the value with the published 95 % interval (for
response by size, with the interval of 290 patients; for the time to response, with the first scan plus or minus a month).
Response by size is that of KEYNOTE-001, whose patients had been treated before more often than those of CheckMate 067.

| behaviour | cohort | cohort's value | version 0.1 | published | right |
|---|---|---|---|---|---|"""
NOTES = """

Statistics marked as targets were used in calibration; all others were not. Pseudo-progression, hyperprogression and mixed
responses are counted from weekly sizes without measurement error: growth by 20 % and 5 mm over the nadir at a visit of
CheckMate 067 (after 12 weeks and every six weeks later), then 30 % below the start at a later visit; logarithmic growth in the
first six weeks at least twice that of the untreated course, with growth by 20 % and 5 mm after six or twelve weeks; and a
response of the target lesions with a new lesion within the year.

Hyperprogression "from three scans" is the published definition: progression at the first evaluation and a growth rate at
least twice that between the scan before and the one at the start, both positive, with the errors of measurement of virtual
trials. The difference from the row above it is due to measurement error alone: without such errors, hardly any virtual
patient has hyperprogression. Published rates include errors of measurement. The studies of pseudo-progression differ in its
definition (some count stable disease after progression as well). CAR-T cells and tumour-infiltrating lymphocytes have
separate pages.
"""


if __name__ == "__main__":
    (ROOT / "docs" / "behaviour.md").write_text(page(), encoding="utf-8")
