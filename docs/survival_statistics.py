"""Measures the statistics of survival, and writes survival_statistics.md. Run: python docs/survival_statistics.py [PART ...].

The folder with the data is what IMMUNOODE_DATA names, or ../shared/data beside the repository; the data are not part of the
package. Parts are those of `PARTS`, by default all; together they take about ten minutes.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import immunoode as imo
from immunoode.trial.survival.kaplan_meier import MONTH
from immunoode.trial.survival.reconstruction import SurvivalReconstruction

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path(__file__).with_suffix(".md")
FIGURE = ROOT / "docs" / "figures" / "reconstruction.png"
PIXELS = 200
SEED = 7
Drawing = Callable[[pd.DataFrame, float], pd.DataFrame]


def folder() -> Path:
    """Return the folder with the data."""
    given = os.environ.get("IMMUNOODE_DATA")
    return Path(given) if given else ROOT.parent / "shared" / "data"


def trials(data: Path) -> dict[str, pd.DataFrame]:
    """Return the published trials: subject, arm, time, event."""
    rows = pd.read_csv(data / "published_survival" / "kmdata_ipd_all.csv.gz")
    rows = rows.assign(subject=[f"s{k}" for k in rows.index])
    return {str(name): own.drop(columns="dataset") for name, own in rows.groupby("dataset", sort=False)}


def simulated(number: int = 150) -> dict[str, pd.DataFrame]:
    """Return trials with staggered entry, dropout and Weibull survival, of 60 to 400 patients per arm."""
    rng = np.random.default_rng(SEED)
    found = {}
    for k in range(number):
        n, shape, ratio = int(rng.choice([60, 150, 400])), rng.choice([0.7, 1.0, 1.3]), rng.choice([0.5, 0.7, 1.0])
        arm = np.repeat(["a", "b"], n)
        death = 18 * rng.weibull(shape, 2 * n) * np.where(arm == "b", ratio ** (-1 / shape), 1.0)
        follow_up = rng.uniform(*((6, 30), (12, 36), (30, 36))[k % 3], 2 * n)
        gone = np.minimum(follow_up, rng.exponential(100, 2 * n) if k % 2 else np.inf)
        table = pd.DataFrame({"arm": arm, "time": np.minimum(death, gone), "event": death <= gone})
        found[str(k)] = table.assign(subject=[f"s{i}" for i in table.index])
    return found


def _steps(own: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the times of a Kaplan-Meier curve, from 0, and its level from each time on."""
    time, event = own["time"].to_numpy(), own["event"].to_numpy(bool)
    days = np.unique(time)
    at_risk = len(time) - np.searchsorted(np.sort(time), days)
    died = np.sort(time[event])
    deaths = np.searchsorted(died, days, side="right") - np.searchsorted(died, days)
    return np.append(0.0, days), np.append(1.0, np.cumprod(1 - deaths / at_risk))


def corners(own: pd.DataFrame, span: float) -> pd.DataFrame:
    """Return the corners of a curve, rounded to pixels."""
    time, level = _steps(own)
    points = np.column_stack([np.repeat(time, 2)[1:], np.repeat(level, 2)[:-1]])
    return _pixels(points, span)


def columns(own: pd.DataFrame, span: float) -> pd.DataFrame:
    """Return one point per column of pixels, until the last time of the arm."""
    time, level = _steps(own)
    at = np.arange(PIXELS + 1) * span / PIXELS
    at = at[at <= own["time"].max() + 0.5 * span / PIXELS]
    return _pixels(np.column_stack([at, level[np.searchsorted(time, at, side="right") - 1]]), span)


def by_hand(own: pd.DataFrame, span: float) -> pd.DataFrame:
    """Return points as a hand leaves them: an error with a standard deviation of 0.5 % of both axes, in percent."""
    rng = np.random.default_rng(len(own))
    exact = columns(own, span)
    noisy = exact.assign(survival=100 * (exact["survival"] + rng.normal(0, 0.005, len(exact))))
    return noisy.assign(time=np.abs(exact["time"] + rng.normal(0, 0.005 * span, len(exact))))


def _pixels(points: np.ndarray, span: float) -> pd.DataFrame:
    size = np.array([span / PIXELS, 1 / PIXELS])
    return pd.DataFrame(np.round(points / size) * size, columns=["time", "survival"])


def at_risk(own: pd.DataFrame, times: np.ndarray) -> pd.DataFrame:
    """Return the numbers at risk."""
    return pd.DataFrame({"time": times, "at_risk": [int((own["time"] >= t).sum()) for t in times]})


def log_hazard_ratio(table: pd.DataFrame) -> tuple[float, float]:
    """Return the logarithm of the hazard ratio of the second arm to the first, and its standard error.

    Cox regression with Efron's method for ties, by Newton's method: for one indicator the sums are those of numbers at risk.
    """
    time, event = table["time"].to_numpy(), table["event"].to_numpy(bool)
    second = (table["arm"] == list(dict.fromkeys(table["arm"]))[1]).to_numpy()
    days = np.unique(time[event])
    counts = [_counts(time[own], event[own], days) for own in (~second, second)]
    deaths = counts[0][1] + counts[1][1]
    left = np.concatenate([np.arange(d) / d for d in deaths])  # tied deaths leave one after another
    n0, n1 = (np.repeat(n, deaths) - left * np.repeat(d, deaths) for n, d in counts)
    beta = 0.0
    for _ in range(50):
        share = n1 * np.exp(beta) / (n0 + n1 * np.exp(beta))
        information = np.sum(share * (1 - share))
        step = (counts[1][1].sum() - share.sum()) / information
        beta += step
        if abs(step) < 1e-10:
            break
    return float(beta), float(information**-0.5)


def _counts(time: np.ndarray, event: np.ndarray, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers at risk, and of deaths, on days."""
    died = np.sort(time[event])
    at_risk = len(time) - np.searchsorted(np.sort(time), days)
    return at_risk, np.searchsorted(died, days, side="right") - np.searchsorted(died, days)


def check_log_hazard_ratio(table: pd.DataFrame) -> None:
    """Check the hazard ratio with `imo.trial.cox`."""
    known = imo.trial.cox(table).table["estimate"].iloc[0]
    assert abs(log_hazard_ratio(table)[0] - np.log(known)) < 1e-3


def reconstructed(table: pd.DataFrame, draw: Drawing, times: np.ndarray, known: bool) -> SurvivalReconstruction:
    """Return a trial reconstructed from its drawn curves."""
    span = float(table["time"].max())
    arms = {str(arm): own for arm, own in table.groupby("arm", sort=False)}
    events = {arm: int(own["event"].sum()) for arm, own in arms.items()} if known else None
    curves, numbers = ({a: make(o) for a, o in arms.items()} for make in (lambda o: draw(o, span), lambda o: at_risk(o, times)))
    return imo.reconstruct_survival(curves, numbers, events)


def measure(found: dict[str, pd.DataFrame], draw: Drawing, last: str, known: bool) -> pd.DataFrame:
    """Return, per trial, the log hazard ratios of the trial and of its reconstruction."""
    rows = []
    for name, table in found.items():
        span = float(table["time"].max())
        times = {"before": np.linspace(0, span, 7)[:6], "end": np.linspace(0, span, 6), "half": np.linspace(0, span / 2, 6)}[
            last
        ]
        result = reconstructed(table, draw, times, known)
        assert (result.at_risk["stated"] == result.at_risk["reconstructed"]).all(), name
        (true, error), (again, _) = log_hazard_ratio(table), log_hazard_ratio(result.endpoints)
        events = result.events["reconstructed"].sum() / table["event"].sum() - 1
        rows.append({"trial": name, "true": true, "again": again, "off": abs(again - true), "se": error, "events": events})
    return pd.DataFrame(rows)


CASES: Sequence[tuple[str, str, Drawing, str, bool]] = (
    ("published", "corners of the curve; numbers at risk at 0 to 5/6 of the axis", corners, "before", False),
    ("published", "the same, number of events known", corners, "before", True),
    ("published", "one point per column of pixels; the same numbers", columns, "before", False),
    ("published", "one point per column of pixels; numbers at risk from 0 to the end of the axis", columns, "end", False),
    (
        "published",
        "read by hand (errors of 0.5 % of each axis, rising points, percent); numbers to 5/6",
        by_hand,
        "before",
        False,
    ),
    ("simulated", "corners; numbers to 5/6", corners, "before", False),
    ("simulated", "corners; numbers to half of the axis", corners, "half", False),
    ("simulated", "the same, number of events known", corners, "half", True),
)


def reconstruction_part(data: Path) -> str:
    """Return the section on reconstructed curves, and draw its figure."""
    sources = {"published": trials(data), "simulated": simulated()}
    check_log_hazard_ratio(next(iter(sources["published"].values())))
    lines = [
        "| trials | curves | median | 90 % | largest | at most 0.02 | 90 % in standard errors | events |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for source, what, draw, last, known in CASES:
        found = measure(sources[source], draw, last, known)
        off = found["off"]
        shown = f"{off.median():.4f} | {off.quantile(0.9):.4f} | {off.max():.3f} | {100 * (off <= 0.02).mean():.0f} %"
        relative, events = (off / found["se"]).quantile(0.9), 100 * found["events"].mean()
        lines.append(f"| {len(found)} {source} | {what} | {shown} | {relative:.2f} | {events:+.1f} % |")
        print(lines[-1], flush=True)
        if draw is corners and source == "published" and not known:
            figure(sources[source], found)
    return "\n".join(lines)


def figure(sources: dict[str, pd.DataFrame], found: pd.DataFrame) -> None:
    """Draw one reconstruction, and the hazard ratios of all."""
    name = "Checkmate057_1A"
    table = sources[name].assign(time=sources[name]["time"] * MONTH)
    span = float(table["time"].max())
    result = reconstructed(table, corners, np.linspace(0, span, 7)[:6], False)
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained", width_ratios=(1.25, 1))
    result.plot(unit="month", ax=left)
    left.set_title(f"{name}: curves read off at 0.5 % of each axis", fontsize="medium")
    ratios = np.exp(found[["true", "again"]])
    limits = [float(ratios.min().min()) / 1.1, float(ratios.max().max()) * 1.1]
    right.plot(limits, limits, color="0.6", linewidth=0.9, zorder=0)
    right.loglog(ratios["true"], ratios["again"], "o", color="#0072B2", markersize=3.5, alpha=0.6)
    right.set(xlabel="hazard ratio of the trial", ylabel="hazard ratio of the reconstruction", xlim=limits, ylim=limits)
    right.set_title(f"{len(found)} published comparisons", fontsize="medium")
    ticks = [t for t in (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3) if limits[0] <= t <= limits[1]]
    for axis in (right.xaxis, right.yaxis):
        axis.set_major_locator(matplotlib.ticker.FixedLocator(ticks))
        axis.set_minor_locator(matplotlib.ticker.NullLocator())
        axis.set_major_formatter("{x:g}")
    right.spines[["top", "right"]].set_visible(False)
    plt.savefig(FIGURE, dpi=110)
    plt.close()


def checkmate_part(data: Path) -> str:
    """Return what the digitised curve of CheckMate 067 gives."""
    own = data / "published_survival"
    curve = pd.read_csv(own / "Checkmate_067_S3A_Nivolumab.csv")
    numbers = pd.read_csv(own / "Checkmate_067_At_Risk.csv")
    found = imo.reconstruct_survival(curve, numbers, unit="month")
    row = found.events.iloc[0]
    off = int(np.abs(found.at_risk["stated"] - found.at_risk["reconstructed"]).max())
    return (
        f"{len(curve)} points and {len(numbers)} numbers at risk of nivolumab give {row['subjects']} patients with "
        f"{row['reconstructed']} deaths; the largest difference from a number at risk is {off}, and from the curve "
        f"{row['largest_difference']:.4f} (mean {row['mean_difference']:.4f})."
    )


def null_trial(seed: int, n: int = 100, late: float = 1.0) -> pd.DataFrame:
    """Return a trial with a hazard ratio of 1 until 6 months and `late` afterwards, and staggered entry."""
    rng = np.random.default_rng(seed)
    arm = np.repeat(["control", "treated"], n)
    total = rng.exponential(size=2 * n)
    death = np.where(total < 0.5, 12 * total, 6 + (total - 0.5) * 12 / np.where(arm == "treated", late, 1.0))
    gone = rng.uniform(18, 36, 2 * n)
    table = pd.DataFrame({"arm": arm, "time": np.minimum(death, gone), "event": death <= gone})
    return table.assign(subject=[f"s{i}" for i in table.index])


def error_part(number: int = 2000) -> str:
    """Return rejections of MaxCombo and of the log-rank test, without an effect and with a delayed one."""
    lines = [
        "| 100 patients per arm | trials | MaxCombo, two-sided 5 % | one-sided 2.5 % | log-rank 5 % |",
        "|---|---|---|---|---|",
    ]
    for what, late, trials_of in (("no effect", 1.0, number), ("hazard ratio 0.5 from 6 months on", 0.5, 500)):
        tests = [imo.trial.max_combo(null_trial(seed, late=late)) for seed in range(trials_of)]
        two = np.mean([t.p_value < 0.05 for t in tests])
        one = np.mean([t.p_one_sided < 0.025 for t in tests])
        plain = np.mean([t.table["p_value"].iloc[0] < 0.05 for t in tests])
        lines.append(f"| {what} | {trials_of} | {100 * two:.1f} % | {100 * one:.1f} % | {100 * plain:.1f} % |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def answers_part() -> str:
    """Return R's answers for the veterans' trial beside ours."""
    known = json.loads((ROOT / "tests" / "reference" / "survival_by_r.json").read_text(encoding="utf-8"))
    rows = pd.read_csv(ROOT / "tests" / "veteran.csv").sort_values("trt", kind="stable")
    reason = np.where(rows["event"] > 0, np.where(rows["prior"] > 0, "second", "first"), "")
    flat = {"subject": rows.index, "time": rows["time"], "event": rows["event"], "arm": rows["trt"].astype(str)}
    table = pd.DataFrame({**flat, "cell": rows["celltype"], "reason": reason})
    trial = imo.trial
    combo, by_cell = trial.max_combo(table), trial.max_combo(table, strata="cell")
    mean, stone = trial.restricted_mean_survival(table, 180).arms, trial.milestone_survival(table, 180).arms
    incidence = trial.cumulative_incidence(table).at([180])
    ratio = imo.kaplan_meier(table).hazard_ratio().table["estimate"].iloc[0]
    found = [
        ("log-rank, chi-square", "survdiff", known["log_rank"][0], trial.log_rank(table).statistic),
        ("Peto and Peto (rho 1)", "survdiff", known["peto"][0], trial.log_rank(table, rho=1).statistic),
        (
            "log-rank stratified by cell type",
            "survdiff",
            known["stratified"][0],
            trial.log_rank(table, strata="cell").statistic,
        ),
        ("log-rank of four cell types", "survdiff", known["four_arms"][0], trial.log_rank(table, by="cell").statistic),
        ("MaxCombo, two-sided p", "mvtnorm", known["max_combo_p"][0], combo.p_value),
        ("MaxCombo, one-sided p", "mvtnorm", known["max_combo_p"][1], combo.p_one_sided),
        ("stratified MaxCombo, two-sided p", "mvtnorm", known["stratified_max_combo_p"][0], by_cell.p_value),
        ("restricted mean until day 180, first arm", "survfit", known["restricted_mean"][0], mean["restricted_mean"].iloc[0]),
        ("its standard error", "survfit", known["restricted_mean_error"][0], mean["standard_error"].iloc[0]),
        ("survival at day 180, first arm", "survfit", known["milestone"][1], stone["survival"].iloc[0]),
        ("its standard error", "survfit", known["milestone_error"][1], stone["standard_error"].iloc[0]),
        ("its upper limit, log(-log)", "survfit", known["milestone_upper"][1], stone["upper"].iloc[0]),
        ("cumulative incidence at day 180", "cuminc", known["incidence"][1], incidence["incidence"].iloc[0]),
        ("its variance", "cuminc", known["incidence_variance"][1], incidence["standard_error"].iloc[0] ** 2),
        ("hazard ratio, Efron", "coxph", known["hazard_ratio"][0], ratio),
    ]
    lines = ["| quantity | R function | R | here |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {by} | {theirs:.7g} | {ours:.7g} |" for what, by, theirs, ours in found)])


PARTS: dict[str, Callable[[Path], str]] = {
    "answers": lambda _: answers_part(),
    "checkmate": checkmate_part,
    "errors": lambda _: error_part(),
    "reconstruction": reconstruction_part,
}


def main() -> None:
    """Measure parts, and write each between its marks in the page."""
    for name in sys.argv[1:] or PARTS:
        part = PARTS[name](folder())
        text = PAGE.read_text(encoding="utf-8")
        begin, end = f"<!-- {name}: measured -->\n", f"\n<!-- end of {name} -->"
        before, rest = text.split(begin)
        after = rest.split(end.lstrip())[1]
        PAGE.write_text(before + begin + part + end + after, encoding="utf-8")


if __name__ == "__main__":
    main()
