"""How well do other trials of the same treatment predict a trial: what a prediction of held-out numbers can reach.

Writes docs/cohorts/between_trials.md from the tables beside it. Run: python docs/virtual_populations/between_trials.py
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

PAGES = Path(__file__).resolve().parents[2] / "docs" / "cohorts"
NAMES = ("response", "complete response", "median PFS", "PFS after", "median DOR")
"""The statistics that are compared between trials."""
TABLE_HEAD = "| statistic | first set | other trials | cohort | second set | other trials | cohort |"
TAIL = """
The first set was known when the cohorts were revised; the second was not (a target of `lung_cancer_first_line`, a duration of
response, was added after this set had been simulated). The median of other trials takes no account of their composition (PD-L1,
histology, earlier treatment), which the arms of the cohorts state where it is published.
"""
HEAD = """# Trials compared with other trials

Two trials of the same treatment in the same line differ by more than chance: in patients, centres, visits and readers. No
prediction can be better than these differences allow. For each held-out number of a treatment for which another trial is known
(held out, or a target), the table counts how often the **median of the other trials** is within the published 95 % interval,
and how often the prediction of the **cohort** is. Each cohort was calibrated to one or two trials, whereas the other trials are
of the same treatment and line. Made by `docs/virtual_populations/between_trials.py`.
"""


def statistic_of(row: pd.Series) -> str:
    """Return which statistic a row has, "" if it is not compared."""
    text = str(row["statistic"])
    if row["kind"] == "median":
        return "median DOR" if "DOR" in text else "median PFS"
    if row["kind"] == "survival":
        found = re.search(r"PFS after ([\d.]+) months", text)
        return f"PFS after {float(found[1]):.0f} months" if found else ""
    if row["kind"] != "response rate" or text in ("PR", "SD+PD+NE"):
        return ""
    return "complete response" if text == "CR" else "response"


def numbers() -> pd.DataFrame:
    """Return the numbers of all cohorts with their treatment and statistic."""
    parts = [pd.read_csv(path).assign(cohort=path.stem) for path in sorted(PAGES.glob("*.csv"))]
    table = pd.concat(parts, ignore_index=True)
    table["what"] = table.apply(statistic_of, axis=1)
    table["treatment"] = table["arm"].str.replace(r"(_\d+)?_of_.*", "", regex=True)
    table["group"] = table["cohort"] + " " + table["treatment"] + " " + table["what"]
    return table[table["what"] != ""]


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """Return the held-out numbers of treatments with other trials, and which predictions are within the published interval."""
    rows = []
    for row in table[table["use"] == "held out"].itertuples():
        others = table[(table["group"] == row.group) & (table["trial"] != row.trial)]
        if len(others):
            middle = others.groupby("trial")["published"].median().median()
            by_others = row.published_lower <= middle <= row.published_upper
            of_set = "second" if row.set == "second" else "first"
            rows.append({"what": row.what, "set": of_set, "others": by_others, "cohort": bool(row.within_published)})
    return pd.DataFrame(rows)


def line(name: str, part: pd.DataFrame) -> str:
    """Return a line of the table: for both sets, the numbers, and how many of them each prediction meets."""
    sets = (part[part["set"] == name] for name in ("first", "second"))
    cells = (f"{len(one)} | {one['others'].sum()} | {one['cohort'].sum()}" for one in sets)
    return f"| {name} | {' | '.join(cells)} |"


def page() -> str:
    """Return the page."""
    found = compared(numbers())
    lines = [line(name, found[found["what"].str.startswith(name)]) for name in NAMES]
    return "\n".join([HEAD, TABLE_HEAD, "|---" * 7 + "|", *lines, line("all", found), TAIL])


if __name__ == "__main__":
    (PAGES / "between_trials.md").write_text(page(), encoding="utf-8")
