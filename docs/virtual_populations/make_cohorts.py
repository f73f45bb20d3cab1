"""Calibrates the shipped cohorts, and writes a page about each: targets, fit, held-out numbers, hits and misses.

Writes weights into populations/cohorts; docs/cohorts/NAME.md with a figure, and NAME.csv, the table behind both; and the table
of all cohorts, docs/cohorts/README.md. Run, in the repository:
python docs/virtual_populations/make_cohorts.py [NAME ...] [--pages | --texts]; with --pages, weights that are there are used,
and with --texts the tables, too: nothing is simulated. docs/cohorts/before/NAME.csv, which is kept, has the second set of
held-out numbers with the predictions of the cohorts before their last revision. docs/cohorts/blind/NAME.csv, also kept,
has those with which this set was first simulated, for a cohort that was changed afterwards.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import numpy as np
import pandas as pd

import immunoode as imo
from immunoode.cohorts import CalibratedPopulation, TrialComparison, calibrate_population
from immunoode.cohorts.arm_patients import ArmParameter
from immunoode.virtual_population.marginal_tables import table_of as table_of_marginal

ROOT = Path(__file__).resolve().parents[2]
CAPTION = (
    "Squares are published numbers with 95 % intervals, circles are predictions with their intervals, and diamonds are "
    "predictions of independent drug action. A star marks held-out numbers."
)
IN_INTERVALS = "| | numbers | prediction within the published interval | published number within the predicted interval |"
HEAD = (
    "| trial | arm | statistic | published (95 % interval) | predicted (95 % interval) | interval for a trial of this size "
    "| independent action | |"
)
INTRODUCTION = (
    "Each cohort is calibrated to the arms named on its page, and compared with held-out numbers. The format is described in "
    "[cohorts.md](../cohorts.md). How well other trials of the same treatment predict the same numbers is in "
    "[between_trials.md](between_trials.md). Made by `docs/virtual_populations/make_cohorts.py`."
)
CELLS = (
    "Cells contain the number of predictions within the published 95 % interval (or within a month, for a time to response "
    "without an interval), and the number of held-out numbers."
)
WIDE = 3
FIRST, SECOND = "", "second"
SETS = {
    FIRST: "The numbers of the first set were known when the cohorts were revised. Revisions were argued from other sources.",
    SECOND: (
        "The numbers of the second set were collected while the cohorts were revised, and were not simulated before the "
        "revision was complete. Then they were simulated with all cohorts. One cohort was changed afterwards, because of "
        "what they showed: `lung_cancer_first_line`, in which responses to chemotherapy last too long, has the duration "
        'of response to chemotherapy in KEYNOTE-024 as a further target. In the table of all cohorts, the column "all, '
        'blind" has the predictions of the first simulation, and the last column those of the cohorts before the '
        "revision, in whose arms the patients of a trial did not differ from the cohort. Where the upper limit of a "
        "median was not reached, its interval is that of the number of patients: by this rule, the prediction for PILOT "
        "is a miss, although it is above the lower limit of 4.2 months. Left out are responses by immune-related "
        "criteria, fields of radiotherapy that the cohorts cannot represent, and drugs that they do not have. The five "
        "numbers of OAK are of a subgroup of the trial that has the targets; of Rohaan 2022, the first set has the other "
        "arm."
    ),
}
KINDS = (("response rate",), ("hazard ratio",), ("median", "survival"), ("median time to response",))
INDEX_HEAD = "| cohort | name | effective size | targets | response rates | hazard ratios | survival | time to response | all |"
COHORTS, PAGES = ROOT / "populations" / "cohorts", ROOT / "docs" / "cohorts"
BEFORE, BLIND = PAGES / "before", PAGES / "blind"


def main(arguments: list[str]) -> None:
    """Make the cohorts of these names, by default all."""
    names = [name for name in arguments if not name.startswith("-")]
    PAGES.mkdir(exist_ok=True)
    for name in names or sorted(path.stem for path in COHORTS.glob("*.toml")):
        make(COHORTS / f"{name}.toml", arguments)
    (PAGES / "README.md").write_text(index(), encoding="utf-8")


def make(path: Path, arguments: list[str]) -> None:
    """Calibrate one cohort, and write its page."""
    if not {"--pages", "--texts"} & set(arguments):
        calibrate_population(path, progress=False).save()
    cohort, file = imo.load_population(path), PAGES / f"{path.stem}.csv"
    if "--texts" not in arguments:
        cohort.compare_with_trials(progress=False).table.to_csv(file, index=False, float_format="%.6g")
    comparison = TrialComparison(cohort.title, table_of(file), cohort.effective_sample_size)
    axes = comparison.plot()
    axes[0].figure.savefig(PAGES / f"{path.stem}.png", dpi=110)
    (PAGES / f"{path.stem}.md").write_text(page(cohort, comparison), encoding="utf-8")
    print(comparison)


def table_of(path: Path) -> pd.DataFrame:
    """Return the table of a comparison."""
    texts = ["set", "trial", "arm", "note", "source"]
    table = pd.read_csv(path)
    return table.assign(**{name: table[name].fillna("").astype(str) for name in texts})


def index() -> str:
    """Return the page of all cohorts, with the held-out numbers and the hits."""
    held = pd.concat([table_of(path).assign(cohort=path.stem) for path in sorted(PAGES.glob("*.csv"))], ignore_index=True)
    held = held.query("use == 'held out'")
    parts = ["# Shipped cohorts", INTRODUCTION, CELLS]
    for name, said in SETS.items():
        part = held[held["set"] == name]
        if len(part):
            parts += [f"## {name.capitalize() or 'First'} set of held-out numbers", said, summary(part), combinations(part)]
            parts += ["### Misses", misses(part)]
    return "\n\n".join(filter(None, parts)) + "\n"


def summary(held: pd.DataFrame) -> str:
    """Return the table of hits of a set, by cohort and kind; for the second, also those of earlier predictions."""
    listed = imo.list_populations()
    names = list(dict.fromkeys(held["cohort"]))
    second = held["set"].iloc[0] == SECOND
    earlier = [earlier_tables(held, folder) for folder in (BLIND, BEFORE)] if second else []
    rows = [INDEX_HEAD + (" all, blind | all, before |" if second else ""), "|---" * (11 if second else 9) + "|"]
    for name in names:
        size = f"{listed.loc[name, 'effective_sample_size']:.0f}"
        cells = [f"[{listed.loc[name, 'title']}]({name}.md)", f"`{name}`", size, str(int(listed.loc[name, "targets"]))]
        rows.append(row_of([*cells, *counts(held[held["cohort"] == name]), *(hits(former[name]) for former in earlier)]))
    total = [hits(pd.concat(list(former.values()))) for former in earlier]
    rows.append(row_of(["all", "", "", "", *counts(held), *total]))
    return "\n".join(rows)


def earlier_tables(held: pd.DataFrame, folder: Path) -> dict[str, pd.DataFrame]:
    """Return, for each cohort, its earlier predictions of the second set from a folder; those of now if it has none."""
    tables = {name: folder / f"{name}.csv" for name in dict.fromkeys(held["cohort"])}
    return {name: table_of(path) if path.exists() else held[held["cohort"] == name] for name, path in tables.items()}


def row_of(cells: list[str]) -> str:
    """Return a row of a table."""
    return "| " + " | ".join(cells) + " |"


def combinations(held: pd.DataFrame) -> str:
    """Return the hits among the numbers of combinations whose single drugs are arms."""
    both = held[held["independent_action"].notna()]
    if not len(both):
        return ""
    alone = int(both["independent_within"].astype(bool).sum())
    return (
        f"Of {len(both)} numbers of combinations whose single drugs are arms, {within(both)} are within, and {alone} of the "
        "predictions of independent drug action."
    )


def misses(held: pd.DataFrame) -> str:
    """Return a list of the numbers that were missed."""
    missed = held[~held["within_published"].astype(bool)]
    return "\n".join(f"- `{row['cohort']}`: {miss(row)}" for _, row in missed.iterrows()) or "None."


def counts(held: pd.DataFrame) -> list[str]:
    """Return the number of hits of each kind, and the number of held-out numbers."""
    parts = [held[held["kind"].isin(kinds)] for kinds in KINDS]
    return [hits(part) for part in (*parts, held)]


def hits(held: pd.DataFrame) -> str:
    """Return the number of hits, and of numbers; nothing if there are none."""
    return f"{within(held)} of {len(held)}" if len(held) else ""


def within(held: pd.DataFrame) -> int:
    """Return how many predictions are within the published interval."""
    return int(held["within_published"].astype(bool).sum())


def miss(row: pd.Series) -> str:
    """Return a number that was missed, in words."""
    where = f"{row['trial']} {row['arm']}".strip()
    published = f"{shown(row, 'published')} {interval(row, 'published_lower', 'published_upper')}".strip()
    return f"{where}: {row['statistic']}: published {published}, predicted {shown(row, 'predicted') or 'nothing'}"


def page(cohort: CalibratedPopulation, comparison: TrialComparison) -> str:
    """Return the page of a cohort."""
    table = comparison.table
    parts = [
        f"# {cohort.title}",
        cohort.definition.description.strip(),
        f"Load the cohort with `imo.load_population({cohort.name!r})`. Made by `docs/virtual_populations/make_cohorts.py`.",
        further(cohort),
        made_of(cohort),
        "## Calibration targets",
        numbers(table[table["use"] == "target"]),
        *of_sets(comparison.held_out()),
        f"![Published numbers and predictions]({cohort.name}.png)",
        CAPTION,
        "## Limits",
        limits(cohort, comparison),
        *of_arms(cohort),
        "## Sources",
        sources(table),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def of_arms(cohort: CalibratedPopulation) -> Iterator[str]:
    """Yield the section about arms whose patients differ from those of the cohort, and the sources of schedules."""
    groups: dict[str, list[str]] = {}
    for arm in cohort.arms.values():
        for name, entry in arm.patients.items():
            groups.setdefault(f"`{name}` | {difference(entry)} | {entry.source}", []).append(f"`{arm.name}`")
    if groups:
        yield "## Patients who differ from those of the cohort"
        rows = [f"| {', '.join(arms)} | {line} |" for line, arms in groups.items()]
        yield "\n".join(["| arms | parameter | in these arms | source |", "|---|---|---|---|", *rows])
    stated = [f"- `{arm.name}`: {arm.source}" for arm in cohort.arms.values() if arm.source]
    if stated:
        yield from ("## Sources of schedules", "\n".join(stated))


def difference(entry: ArmParameter) -> str:
    """Return in which way a parameter differs: "times 0.9", or its distribution with its unit."""
    if entry.distribution is None:
        return f"times {entry.factor:g}"
    return f"{in_words(table_of_marginal(entry.distribution.distribution))} {entry.distribution.unit}".strip()


def in_words(row: Mapping[str, Any]) -> str:
    """Return a distribution as text; for a mixture, the components with their weights."""
    if "components" in row:
        parts = zip(row["weights"], row["components"], strict=True)
        return "; ".join(f"{weight:.1%} {in_words(part)}" for weight, part in parts)
    return f"{row['distribution']}: " + ", ".join(f"{key} {value}" for key, value in row.items() if key != "distribution")


def further(cohort: CalibratedPopulation) -> str:
    """Return a link to a further page about the cohort, if there is one."""
    page = PAGES.parent / f"{cohort.name}_cohort.md"
    if not page.exists():
        return ""
    title = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    return f"Further comparisons: [{title}](../{page.name})."


def made_of(cohort: CalibratedPopulation) -> str:
    """Return models, patients, seed and effective sample size."""
    made, record = cohort.definition, cohort.record
    rows = {
        "models": ", ".join(f"`{text}`" for text in made.models),
        "patients drawn, seed": f"{made.size}, {made.seed}",
        "plausible; solved in all arms of the targets": f"{record.plausible}; {record.solved}",
        "effective sample size": f"{cohort.effective_sample_size:.0f}",
        "largest misfit of a target": f"{record.largest_misfit:.2f} standard errors",
        "arms": ", ".join(f"`{name}`" for name in made.arms),
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def of_sets(held: pd.DataFrame) -> Iterator[str]:
    """Yield the sections about the sets of held-out numbers."""
    if not len(held):
        yield from ("## Held-out numbers", "Nothing was held out.")
    for name, part in held.groupby("set", sort=False):
        title = f"{name} set of held-out numbers".capitalize() if name else "Held-out numbers"
        yield from (f"## {title}", SETS.get(str(name), "") if name else "", outcome(part), numbers(part))


def outcome(held: pd.DataFrame) -> str:
    """Return the number of hits among held-out numbers by kind, and that of independent action."""
    rows = [IN_INTERVALS, "|---|---|---|---|"]
    for kind, part in held.groupby("kind", sort=False):
        rows.append(f"| {kind} | {len(part)} | {part['within_published'].sum()} | {part['within_band'].sum()} |")
    both = held[held["independent_action"].notna()]
    own, alone = int(both["within_published"].sum()), int(both["independent_within"].sum())
    said = f"Of {len(both)} numbers of combinations, {own} predictions are within the published interval, and {alone} of "
    said += "independent drug action."
    return "\n".join([*rows, "", said if len(both) else ""]).strip()


def numbers(table: pd.DataFrame) -> str:
    """Return one row per number."""
    rows = [HEAD, "|---" * 8 + "|"]
    for _, row in table.iterrows():
        cells = [
            row["trial"],
            row["arm"],
            row["statistic"],
            f"{shown(row, 'published')} {interval(row, 'published_lower', 'published_upper')}",
            f"{shown(row, 'predicted')} {interval(row, 'lower', 'upper')}" if not row["note"] else row["note"],
            interval(row, "trial_lower", "trial_upper"),
            "" if np.isnan(row["independent_action"]) else shown(row, "independent_action"),
            "within" if row["within_published"] else "**missed**",
        ]
        rows.append("| " + " | ".join(cell.strip() for cell in cells) + " |")
    return "\n".join(rows)


def shown(row: pd.Series, name: str) -> str:
    """Return a number in the unit in which it is published."""
    value = row[name]
    if np.isnan(value):
        return ""
    if not np.isfinite(value):
        return "not reached"
    if row["unit"] == "month":
        return f"{value:.1f} months"
    return f"{value:.3g}" if row["kind"] in ("hazard ratio", "mean", "correlation") else f"{100 * value:.1f} %"


def interval(row: pd.Series, lower: str, upper: str) -> str:
    """Return the limits in parentheses, nothing if they are not known."""
    low, high = shown(row, lower).removesuffix(" months").removesuffix(" %"), shown(row, upper)
    return f"({low} to {high})" if low and high else ""


def limits(cohort: CalibratedPopulation, comparison: TrialComparison) -> str:
    """Return the limits of the cohort."""
    missed = comparison.table[~comparison.table["within_published"]]
    names = [f"{row['trial']} {row['arm']}, {row['statistic']}".strip() for _, row in missed.iterrows()]
    lines = [
        "- Missed: " + ("; ".join(names) if names else "nothing") + ".",
        undetermined(comparison.held_out()),
        f"- {cohort.effective_sample_size:.0f} is the effective number of patients; statistics of small subgroups are based on "
        "few of them.",
        "- Intervals are valid for populations that are shifts of the prior; they do not include effects that the models leave "
        "out.",
        "- Treatment ends as stated for the arm, not with progression; there are no later lines of therapy.",
    ]
    return "\n".join(filter(None, lines))


def undetermined(held: pd.DataFrame) -> str:
    """Return how many predicted intervals are so wide that a number within them says little."""
    ratio = held["kind"] == "hazard ratio"
    widths = [
        np.where(ratio, np.log(held[upper].where(ratio)) - np.log(held[lower].where(ratio)), held[upper] - held[lower])
        for lower, upper in (("lower", "upper"), ("published_lower", "published_upper"))
    ]
    many = int((widths[0] > WIDE * widths[1]).sum())
    if not many:
        return ""
    return (
        f"- For {many} of {len(held)} held-out numbers, the predicted interval is more than {WIDE} times as wide as the "
        "published one: the targets do not determine them, and agreement within such an interval is weak evidence."
    )


def sources(table: pd.DataFrame) -> str:
    """Return the sources of the numbers."""
    pairs = table[["trial", "source"]].drop_duplicates()
    return "\n".join(f"- {row['trial'] or 'no trial named'}: {row['source']}" for _, row in pairs.iterrows())


if __name__ == "__main__":
    main(sys.argv[1:])
