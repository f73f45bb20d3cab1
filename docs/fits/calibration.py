"""Calibration of virtual patients, measured, with the page docs/calibration.md. Run: python docs/fits/calibration.py [TRUTHS].

All patients are simulated by the closed-form model of tumour size of `tests/virtual_patients.py`. TRUTHS is the number of
simulated truths per row of the table of coverage (200).
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

import immunoode as imo  # noqa: E402
from immunoode.errors import DataError  # noqa: E402
from immunoode.virtual_population import (  # noqa: E402
    CorrelationTarget,
    MeanTarget,
    MedianTarget,
    QuantileTarget,
    ResponseRateTarget,
    SurvivalTarget,
    VirtualPatients,
    compare_rules,
    select_patients,
)
from immunoode.virtual_population.calibration.errors_of_statistics import errors_of  # noqa: E402
from immunoode.virtual_population.calibration.survival_bands import _record  # noqa: E402
from tests.virtual_patients import FOLLOW_UP, draw, outcomes, sizes_at, virtual_patients  # noqa: E402

SUBJECTS = 150
PATIENTS = 4000
IN_TRUTH = 20_000
SIZES = ((0.1, 0.05), (0.3, 0.15), (0.6, 0.3))
CATEGORIES = ("CR", "PR", "SD", "PD")

HEAD = """# Evaluation of calibration

Made by `docs/fits/calibration.py`. The functions are described in [virtual_populations.md](virtual_populations.md#calibration).
All patients are simulated: a fraction f of a tumour shrinks at the rate k, the rest grows at the rate g, N(t) = f exp(-k t) +
(1 - f) exp(g t). The parameters are those of Pumas' public tutorial on calibration (f logit-normal about 0.27 with a deviation
of 2.16, g log-normal about 0.0013 per day with 1.57, k log-normal about 0.0091 per day with 1.24; correlation of f and g
-0.64). Progression is an increase of 20 % above the nadir (and of 5 mm, from a sum of 60 mm), observed when it happens.
"""
COVERAGE = """## Coverage of the band

A truth is a population whose parameters are shifted from the prior one: the mean of each by a normal deviate with the standard
deviation in the first column (in standard deviations of the parameter), its spread by a log-normal factor with that in the
second. A trial of {n} subjects is drawn from it. {patients} virtual patients of the prior population are calibrated to its
response rates and the quantiles of its waterfall plot, and predict the median PFS, which was held out, with a 95 % band.

There are two medians to cover. The median of the **population** has no sampling error. The median of the **trial** has its own,
part of which it shares with the targets, because they come from the same subjects. Both proportions should be 95 %; with
{truths} truths, values from 92 to 98 % are compatible with chance.

The last column is the coverage of the population's median by a band that contains only the sampling error of the targets, as a
bootstrap of the targets would give. Such a band is correct only if the prior population is the truth.
"""
SPEED = """## Computing time

100,000 patients, 12 targets ({rows} rows): **{seconds:.2f} s** of wall time ({processor:.2f} s of the processor), on two cores
that were shared with other work.

One binary target: the largest relative difference of weights from the closed form (the ratio of weights is the ratio of
odds) is {closed:.1e}.
"""
SELECTION = """## Selection of patients, as in the tutorial of Pumas

2,000 patients, size after 18 weeks in categories cut at 0.14, 0.7 and 1.0, targets of 25, 40, 20 and 15 %, tolerance 0.05.
The tutorial selects 235 patients by one binary variable per patient. By counts per category, over {seeds} seeds:
**{mean:.0f}** on average, 95 % of the seeds within {low:.0f} to {high:.0f}, in {milliseconds:.0f} ms (median).
"""
CERTIFICATE = """## Targets that cannot be met

Exact targets that no weights can meet are an error with a certificate (Farkas), and so are targets that contradict each
other whatever the patients are:

```
{told}
```
"""
EXAMPLE = """## One trial

{subjects} subjects of a population with more and deeper responses. The figures show the targets compared with the cohort before
and after calibration, the weights, the parameters, and the held-out PFS.

![targets](fits/calibration_targets.png)
![weights](fits/calibration_weights.png)
![parameters](fits/calibration_parameters.png)
![correlations](fits/calibration_correlations.png)
![survival](fits/calibration_survival.png)

The same targets under four inclusion rules, in standard errors of the band:

![rules](fits/calibration_rules.png)

```
{report}
```
"""


@dataclass(frozen=True)
class Covered:
    """Whether the medians of one truth were covered."""

    population: bool
    trial: bool
    by_sampling_alone: bool


def coverage(truths: int) -> str:
    """Return the table of coverage."""
    rows = []
    for shift, spread in SIZES:
        found = [covered(seed, shift, spread) for seed in range(truths)]
        shares = {
            name: 100 * np.mean([getattr(c, name) for c in found]) for name in ("population", "trial", "by_sampling_alone")
        }
        rows.append({"shift of means": shift, "of spreads": spread, **{k: f"{v:.1f} %" for k, v in shares.items()}})
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows).rename(columns={"by_sampling_alone": "population, by sampling error alone"})
    return COVERAGE.format(n=SUBJECTS, patients=PATIENTS, truths=truths) + "\n" + markdown(table)


def covered(seed: int, shift: float, spread: float) -> Covered:
    """Return whether the bands of one truth cover its medians."""
    random = np.random.default_rng(seed)
    moved = shift * random.standard_normal(3), np.exp(spread * random.standard_normal(3))
    truth = outcomes(draw(IN_TRUTH, 1_000_000 + seed, *moved))
    trial = truth.iloc[:SUBJECTS]
    cohort = imo.calibrate(virtual_patients(PATIENTS, 2_000_000 + seed), targets_of(trial))
    median, observed = (median_of(table) for table in (truth, trial))
    band, of_trial = cohort.median_band("drug"), cohort.median_band("drug", subjects=SUBJECTS)
    inside = band.lower <= median <= band.upper, of_trial.lower <= observed <= of_trial.upper
    return Covered(*inside, sampling_alone(cohort, median))


def sampling_alone(cohort: imo.virtual_population.Cohort, median: float) -> bool:
    """Return whether survival at the true median is one half within the sampling error of the targets alone."""
    record = _record(cohort, "drug", "PFS", np.array([min(median, FOLLOW_UP - 1)]), None)
    error = np.sqrt(errors_of(cohort, record).sampling[0])
    away = 0.5 - record.statistics(cohort.weights)[0]
    return bool(away < 1.96 * error if np.isinf(median) else abs(away) < 1.96 * error)


def targets_of(trial: pd.DataFrame) -> list[object]:
    """Return the targets of a trial: response rates and the quantiles of its waterfall plot."""
    counts = trial["best_response"].value_counts()
    rates = ResponseRateTarget.from_counts("drug", {c: int(counts.get(c, 0)) for c in CATEGORIES})
    return [rates, QuantileTarget.from_values("drug", trial["best_change"])]


def median_of(table: pd.DataFrame) -> float:
    """Return the median PFS, infinite if it is not reached."""
    median = float(table["pfs_time"].median())
    return median if median < FOLLOW_UP - 1e-6 else float("inf")


def speed() -> str:
    """Return how long 100,000 patients and 12 targets take, and how near the closed form is."""
    patients = virtual_patients(100_000, 1)
    targets = [
        *targets_of(outcomes(draw(SUBJECTS, 7, 0.2))),
        SurvivalTarget.from_published("drug", [100, 200, 300, 400], [0.72, 0.6, 0.52, 0.46], [150, 108, 88, 76, 66]),
        MedianTarget.published("drug", "11.5 months", interval=("8 months", "15 months"), trial="another"),
        ResponseRateTarget.objective("drug", 0.4, 300, trial="third"),
        *(MeanTarget("", name, mean, sd, 150) for name, mean, sd in (("f", -0.8, 2.1), ("g", -6.7, 1.5), ("k", -4.6, 1.2))),
        *(CorrelationTarget("", pair, r, 150) for pair, r in ((("f", "g"), -0.6), (("f", "k"), 0.05), (("g", "k"), 0.0))),
        MeanTarget("drug", "best_change", 0.1, 1.2, 150, spread=False, trial="fourth"),
    ]
    imo.calibrate(virtual_patients(500, 2), targets)  # imports
    wall, processor = time.perf_counter(), time.process_time()
    cohort = imo.calibrate(patients, targets)
    used = {"seconds": time.perf_counter() - wall, "processor": time.process_time() - processor}
    how = cohort.calibrated
    print(len(targets), used, flush=True)
    return SPEED.format(rows=len(how.prices), closed=closed_form(patients), **used)


def closed_form(patients: VirtualPatients) -> float:
    """Return the largest relative error of the weights of one binary target."""
    responded = patients.outcomes["drug"]["best_response"].isin(["CR", "PR"]).to_numpy()
    weights = imo.calibrate(patients, [ResponseRateTarget.objective("drug", 0.45, 100)], tolerance=0).weights
    before = responded.mean()
    exact = np.where(responded, 0.45 / before, 0.55 / (1 - before)) / len(weights)
    return float(np.abs(weights / exact - 1).max())


def selection(seeds: int = 400) -> str:
    """Return how many patients are selected as in the tutorial."""
    target = ResponseRateTarget("drug", dict(zip(CATEGORIES, (0.25, 0.40, 0.20, 0.15), strict=True)), 100)
    numbers, seconds = [], []
    for seed in range(seeds):
        size = sizes_at(draw(2000, seed), 126.0)
        names = np.array(CATEGORIES)[np.digitize(size, [0.14, 0.7, 1.0])]
        patients = VirtualPatients(pd.DataFrame({"size": size}), {"drug": pd.DataFrame({"best_response": names})})
        start = time.perf_counter()
        chosen = select_patients(patients, [target], tolerance=0.05)
        seconds.append(time.perf_counter() - start)
        numbers.append(int((chosen.weights > 0).sum()))
    low, high = np.percentile(numbers, [2.5, 97.5])
    print(np.mean(numbers), low, high, np.median(seconds), flush=True)
    return SELECTION.format(seeds=seeds, mean=np.mean(numbers), low=low, high=high, milliseconds=1e3 * np.median(seconds))


def certificates() -> str:
    """Return the message for targets that cannot be met."""
    table = pd.DataFrame({"best_response": ["PR", "PD"] * 50, "pfs_time": [300.0, 60.0] * 50, "pfs_event": True})
    simple = VirtualPatients(pd.DataFrame({"k": range(100)}), {"drug": table})
    rate, median = ResponseRateTarget.objective("drug", 0.45, 100), MedianTarget.published("drug", "3 months", n=100)
    told = [
        refused(simple, [rate, median], tolerance=0.0),
        refused(simple, [rate, ResponseRateTarget.objective("drug", 0.05, 100)]),
        refused(simple, [ResponseRateTarget("drug", {"CR": 0.1, "PR": 0.4, "PD": 0.5}, 100)]),
    ]
    return CERTIFICATE.format(told="\n\n".join(told))


def refused(patients: VirtualPatients, targets: list[object], **options: float) -> str:
    """Return the message of an error."""
    try:
        imo.calibrate(patients, targets, **options)
    except DataError as error:
        return str(error)
    raise AssertionError("these targets should have been refused")


def example() -> str:
    """Return one calibration with its figures."""
    trial = outcomes(draw(SUBJECTS, 99, np.array([0.2, -0.3, 0.2])))
    table = trial.assign(subject=trial.index, time=trial["pfs_time"], event=trial["pfs_event"], arm="drug")
    km = imo.kaplan_meier(table[["subject", "arm", "time", "event"]], "PFS")
    patients, targets = virtual_patients(PATIENTS, 5), targets_of(trial)
    cohort = imo.calibrate(patients, targets)
    rules = compare_rules(patients, targets, [SurvivalTarget.from_kaplan_meier(km, "drug")])
    drawn = {
        "targets": cohort.plot(),
        "weights": imo.plot.cohort_weights(cohort),
        "parameters": imo.plot.cohort_parameters(cohort).flat[0],
        "correlations": imo.plot.cohort_correlations(cohort),
        "survival": imo.plot.cohort_survival(cohort, "drug", observed=km),
        "rules": rules.plot(),
    }
    for name, axes in drawn.items():
        axes.figure.savefig(HERE / f"calibration_{name}.png", dpi=110, bbox_inches="tight")
        plt.close(axes.figure)
    return EXAMPLE.format(subjects=SUBJECTS, report=rules.report())


def markdown(table: pd.DataFrame) -> str:
    """Return a table as markdown."""
    lines = ["| " + " | ".join(map(str, table.columns)) + " |", "|" + "---|" * len(table.columns)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in table.to_numpy())]) + "\n"


def main(truths: int) -> None:
    """Measure, draw, write the page."""
    parts = [HEAD, selection(), speed(), certificates(), example(), coverage(truths)]
    (HERE.parent / "calibration.md").write_text("\n".join([parts[0], parts[5], *parts[1:5]]))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
