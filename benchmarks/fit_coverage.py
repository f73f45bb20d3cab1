"""Do intervals cover, are estimates unbiased, and does the warning before a fit fire where it should? Simulated data sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from tools.results import show
from tqdm.auto import tqdm

import immunoode as imo

DRAWS, SEED = 200, 11
"""Draws of each bootstrap."""
TRIES = 9
"""Data sets by which a variant of a design counts as identifiable or not."""
TEXT = f"""Data sets of three designs are simulated at published or rounded values, and fitted from values that
are 30 % off. Counted are nominal 95 % intervals that hold the truth, of all parameters together: by the covariance, by profile
likelihood, by the parametric bootstrap ({DRAWS} fits each). Bias is that of the mean and of the median estimate, relative to
the truth, each of the worst parameter. A share of intervals is known to about 1.2 %."""
WARNED = f"""Variants of these designs. A parameter counts as identifiable where profile likelihoods say so after the fit: the
standard error that their 95 % intervals have, of the logarithm (a quarter of the width; infinite where an end is open), is
under 50 % in the median of {TRIES} data sets. Beside it stands what `identifiability` said of the design alone, before."""


@dataclass(frozen=True)
class Study:
    """A design: model, what is fitted at which truth, visits, arms with fixed values, error, limit of quantification, sets."""

    model: str
    truth: dict[str, float]
    output: str
    times: list[float]
    arms: dict[str, dict[str, float]]
    subjects: int
    size: float
    error: str = "lognormal"
    limit: float = 0.0
    per_arm: tuple[str, ...] = ()
    fixed: dict[str, float] = field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    sets: int = 67

    def values(self, arm: str) -> dict[str, float]:
        """All values that hold in an arm."""
        own = {n: self.truth[f"{n}@{arm}"] for n in self.per_arm}
        return {**self.fixed, **{n: v for n, v in self.truth.items() if "@" not in n}, **own, **self.arms[arm]}

    @property
    def shared(self) -> list[str]:
        return [n for n in self.truth if "@" not in n]


STUDIES = {
    "tumour sizes, two arms (Stein-Fojo)": Study(
        "ribba2022",
        {"growth_rate": 0.0016, "shrinkage_rate@a": 0.0035, "shrinkage_rate@b": 0.007, "baseline_sum_of_diameters": 60.0},
        "sum_of_diameters",
        [0, 42, 84, 126, 189, 252, 315, 378, 441],
        {"a": {}, "b": {}},
        8,
        0.10,
        "proportional",
        per_arm=("shrinkage_rate",),
    ),
    "xenografts, four doses (Simeoni)": Study(
        "simeoni2004",
        {"exponential_growth": 0.273, "linear_growth": 0.814, "potency": 6.29e-4, "death_rate": 0.968, "initial_tumour": 0.055},
        "tumour_weight",
        [5, 8, 11, 14, 17, 20, 23, 26],
        {
            "0": {"concentration": 0.0},
            "150": {"concentration": 150.0},
            "300": {"concentration": 300.0},
            "600": {"concentration": 600.0},
        },
        6,
        0.15,
    ),
    "CAR-T cells, limit of quantification (Stein 2019)": Study(
        "stein2019",
        {"peak": 2.4e4, "contraction_rate": 0.16, "memory_fraction": 0.01, "memory_loss": 0.0032},
        "transgene",
        [10, 14, 21, 28, 42, 60, 90, 180, 360],
        {"a": {}},
        8,
        0.5,
        limit=120.0,
        bounds={"memory_fraction": (1e-5, 0.9), "memory_loss": (1e-6, 0.1)},
    ),
}


def simulated(study: Study, seed: list[int]) -> imo.TrialData:
    """Return one data set."""
    random, rows = np.random.default_rng(seed), []
    for arm in study.arms:
        run = imo.simulate(
            study.model,
            times=[0.0, *study.times] if study.times[0] > 0 else study.times,
            parameters=study.values(arm),
            outputs=[study.output],
        )
        f = run[study.output][-len(study.times) :]
        for s in range(study.subjects):
            u = random.standard_normal(len(f))
            y = f * np.exp(study.size * u) if study.error == "lognormal" else f * (1 + study.size * u)
            for t, value in zip(study.times, y, strict=True):
                low = value < study.limit
                rows.append((f"{arm}-{s}", arm, t, study.output, max(value, study.limit), "left" if low else ""))
    frame = pd.DataFrame(rows, columns=["subject", "arm", "time", "quantity", "value", "censoring"])
    return imo.read_trial(frame, {}, _unit(study))


def _unit(study: Study) -> str:
    model = imo.load_model(study.model)
    part = {**model.compartments, **model.derived}[study.output]
    return part.unit


def fitted(study: Study, seed: list[int]) -> imo.FitResult:
    """Return the fit to one data set."""
    random = np.random.default_rng([*seed, 1])
    off = {n: v * np.exp(0.3 * random.standard_normal()) for n, v in study.truth.items()}
    start = {n: off[n] if n in off else {a: off[f"{n}@{a}"] for a in study.arms} for n in (*study.shared, *study.per_arm)}
    fixed = pd.DataFrame([{**study.fixed, **v} for v in study.arms.values()], index=list(study.arms))
    return imo.fit(
        study.model,
        simulated(study, seed),
        study.shared,
        per_arm=study.per_arm,
        baseline=False,
        start=0.0,
        error=study.error,
        bounds=study.bounds,
        initial=start,
        parameters=fixed if fixed.shape[1] else None,
        threads=1,
        progress=False,
    )


def truth_of(study: Study) -> dict[str, float]:
    """Return the truth by the names of the fit."""
    own = {f"{n}__{a}": study.truth[f"{n}@{a}"] for n in study.per_arm for a in study.arms}
    return {**{n: study.truth[n] for n in study.shared}, **own}


def coverage(name: str, study: Study) -> list[Any]:
    """Return one row of the table."""
    methods: dict[str, Callable[[imo.FitResult], pd.DataFrame]] = {
        "covariance": lambda r: r.confidence(),
        "profile": lambda r: r.profile(*truth_of(study), progress=False).intervals(),
        "bootstrap": lambda r: r.bootstrap(DRAWS, progress=False).intervals(),
    }
    hits: dict[str, list[bool]] = {m: [] for m in methods}
    estimates: list[dict[str, float]] = []
    for i in tqdm(range(study.sets), desc=name, leave=False):
        result = fitted(study, [SEED, i])
        truth = truth_of(study)
        estimates.append({n: np.log(result.values[n] / v) for n, v in truth.items()})
        for method, intervals in methods.items():
            table = intervals(result)
            hits[method] += [bool(table.loc[n, "lower"] <= v <= table.loc[n, "upper"]) for n, v in truth.items()]
    found = pd.DataFrame(estimates)
    biases = [_worst(np.exp(found).mean() - 1), _worst(np.exp(found.median()) - 1)]
    row = [name, study.sets, study.sets * found.shape[1], *(f"{100 * np.mean(hits[m]):.1f} %" for m in methods), *biases]
    print(*row, sep=" | ", flush=True)
    return row


def _worst(bias: pd.Series) -> str:
    name = str(bias.abs().idxmax())
    return f"{100 * bias[name]:+.1f} % ({name})"


def variants() -> dict[str, Study]:
    """Return designs that tell more and less."""
    size, mice, cells = STUDIES.values()
    made = {}
    for last in (2, 3, 5, 9):
        made[f"tumour sizes, {last} visits"] = replace(size, times=size.times[:last])
    for count in (2, 4, 8):
        made[f"xenografts, {count} days"] = replace(mice, times=mice.times[:count])
    made["xenografts, untreated only"] = replace(mice, arms={"0": {"concentration": 0.0}})
    made["xenografts, low dose only"] = replace(mice, arms={"150": {"concentration": 150.0}})
    made["xenografts, 1 mouse, 40 % error"] = replace(mice, subjects=1, size=0.4)
    for last in (4, 6, 9):
        made[f"CAR-T cells, {last} visits"] = replace(cells, times=cells.times[:last], limit=0.0)
    made["CAR-T cells, 1 patient"] = replace(cells, subjects=1, limit=0.0)
    return made


def judged(study: Study) -> tuple[dict[str, bool], dict[str, bool]]:
    """Return of each parameter whether it was said to be determined, and whether it is."""
    table = pd.DataFrame([study.values(a) for a in study.arms], index=list(study.arms))
    said = imo.identifiability(
        study.model,
        study.shared,
        per_arm=study.per_arm,
        times={study.output: study.times},
        regimens=dict.fromkeys(study.arms),
        subjects=study.subjects,
        error=study.error,
        size=study.size,
        bounds=study.bounds,
        parameters=table,
    )
    verdict = (said.to_frame()["rse_percent"] <= 50).to_dict()
    widths = [w for i in range(TRIES) if (w := _widths(study, [SEED, 1000 + i])) is not None]
    median = pd.DataFrame(widths).median()
    return verdict, {n: bool(median[n] < 0.5 and len(widths) > TRIES / 2) for n in truth_of(study)}


def _widths(study: Study, seed: list[int]) -> dict[str, float] | None:
    """Return the standard error of the logarithm that each parameter's profile has, for one data set (None: no fit)."""
    try:
        result = fitted(study, seed)
    except imo.errors.ImmunoodeError:
        return None
    table = result.profile(*truth_of(study), progress=False).intervals()
    with np.errstate(divide="ignore", invalid="ignore"):
        width = np.log(table["upper"] / table["lower"]) / 3.92
    return dict(width.where(np.isfinite(width), np.inf))


def coverages() -> None:
    """Count intervals that hold the truth."""
    rows = [coverage(name, study) for name, study in STUDIES.items()]
    head = (
        "design",
        "data sets",
        "intervals",
        "covariance",
        "profile",
        "bootstrap",
        "bias of the mean, worst",
        "bias of the median, worst",
    )
    show("fit_coverage", "Coverage of intervals", TEXT, head, rows)


def warnings() -> None:
    """Count warnings before the fit, and what the fits then show."""
    rows, counts = [], {(said, true): 0 for said in (True, False) for true in (True, False)}
    for name, study in tqdm(variants().items(), desc="variants", leave=False):
        said, true = judged(study)
        found = {pair: [n for n in true if (said[n], true[n]) == pair] for pair in counts}
        for pair, names in found.items():
            counts[pair] += len(names)
        rows.append(
            [
                name,
                len(found[True, True]),
                ", ".join(found[False, False]) or "-",
                ", ".join(found[False, True]) or "-",
                ", ".join(found[True, False]) or "-",
            ]
        )
        print(*rows[-1], sep=" | ", flush=True)
    rows.append(["all", *(counts[pair] for pair in ((True, True), (False, False), (False, True), (True, False)))])
    head = ("design", "called determined, and are", "warned of, and are not", "warned of without need", "missed")
    show("fit_warnings", "The warning before a fit", WARNED, head, rows)


def main() -> None:
    """Run both studies, print the tables."""
    coverages()
    warnings()


if __name__ == "__main__":
    main()
