"""From lesions to visits: sums of target lesions, the state of the others, new lesions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.trial.response.rules import CR, NE, NON, PD, RecistRules
from immunoode.trial.rows import first_reason, quoting, text
from immunoode.trial.table import DIAMETER, LEFT_OUT, SUM_OF_DIAMETERS, TrialData

if TYPE_CHECKING:
    import pandas as pd

TARGET, TARGET_NODE, NON_TARGET, NON_TARGET_NODE, NEW = "target", "target node", "non-target", "non-target node", "new"
KINDS = (TARGET, TARGET_NODE, NON_TARGET, NON_TARGET_NODE, NEW)
MEASURED = (TARGET, TARGET_NODE)
NODES = (TARGET_NODE, NON_TARGET_NODE)
ABSENT, PRESENT, TOO_SMALL, NOT_EVALUABLE = "absent", "present", "too small to measure", "not evaluable"
PROGRESSION, FURTHER, EQUIVOCAL = "unequivocal progression", "further progression", "equivocal"
NO_NUMBER = ("", "nan", "ne", "na", ".", NOT_EVALUABLE)
SHOWN = 40
FINDINGS = ("", ABSENT, PRESENT, TOO_SMALL, NOT_EVALUABLE, PROGRESSION, FURTHER, EQUIVOCAL)
"""What a lesion without a diameter can be. "further progression" is since the unconfirmed progression (iRECIST)."""
LESION_COLUMNS = ("subject", "time", "lesion", "kind", "diameter")
VISIT_COLUMNS = (
    "subject", "arm", "time", "is_baseline", "sum_of_diameters", "measured_sum", "targets", "all_gone", "some_back",
    "non_target", "further", "new_lesion", "new_count", "new_sum",
)  # fmt: skip
"""Of a visit: the sum of all target lesions (NaN if one is missing) and of those measured; how many there are; whether all have
gone (nodes: are normal), whether one other than a node is there; the state of non-target lesions ("" if there are none), and
whether they grew further; new lesions, how many and the sum of their diameters."""


@dataclass(frozen=True)
class Visits:
    """Visits in `VISIT_COLUMNS`, by subject in order of appearance and time, the baseline first; and what was left out."""

    table: pd.DataFrame
    left_out: pd.DataFrame


def visits_of(source: Any, rules: RecistRules) -> Visits:
    """Return the visits of trial data, of a table of lesions or of one of sums.

    Raises
    ------
    DataError
        If it is neither, columns are missing, or rows make no sense, all at once.
    """
    import pandas as pd

    table = _table(source)
    if not isinstance(table, pd.DataFrame):
        right = "TrialData, or a table of lesions (subject, time, lesion, kind, diameter) or of sums of diameters"
        raise DataError(Problem("assessments", f"is {type(source).__name__}", right))
    if table.empty:
        raise DataError(Problem("assessments", "has no row", "give at least one visit"))
    if SUM_OF_DIAMETERS in table.columns and "lesion" not in table.columns:
        return _of_sums(table, rules)
    return _of_lesions(table, rules)


def _table(source: Any) -> Any:
    """Return trial data as a table of lesions where they are named, else of sums; anything else as it is."""
    import pandas as pd

    if not isinstance(source, TrialData):
        return source
    frame, findings = source.frame, source.findings
    lesions = frame[(frame["quantity"] == DIAMETER) & (frame["lesion"] != "")]
    columns = ["subject", "arm", "time", "lesion", "kind"]
    if len(lesions):
        measured = lesions[columns].assign(diameter=lesions["value"], finding="", row=lesions["row"])
        words = findings[findings["kind"].isin(KINDS)]
        return pd.concat([measured, words[[*columns, "finding", "row"]].assign(diameter=np.nan)], ignore_index=True)
    sums = frame[frame["quantity"] == SUM_OF_DIAMETERS]
    if sums.empty:
        right = f"give lesions (quantity {DIAMETER!r}) or sums (quantity {SUM_OF_DIAMETERS!r})"
        raise DataError(Problem(source.title or "trial data", "has neither lesions nor sums of diameters", right))
    seen = sums[["subject", "arm", "time", "row"]].assign(**{SUM_OF_DIAMETERS: sums["value"]})
    missed = findings[findings["finding"] == NOT_EVALUABLE][["subject", "arm", "time", "row"]]
    new = findings[(findings["kind"] == NEW) | (findings["finding"] == NEW)]
    table = pd.concat([seen, missed.assign(**{SUM_OF_DIAMETERS: np.nan}), new[["subject", "arm", "time", "row"]]])
    marked = set(zip(new["subject"], new["time"], strict=True))
    table["new_lesion"] = [key in marked for key in zip(table["subject"], table["time"], strict=True)]
    table = table.sort_values(SUM_OF_DIAMETERS, kind="stable").drop_duplicates(["subject", "time"])
    order = {subject: k for k, subject in enumerate(source.subjects)}
    return table.sort_values(
        ["subject", "time"], key=lambda c: c.map(order) if c.name == "subject" else c, kind="stable"
    )


def _named(table: pd.DataFrame, needed: tuple[str, ...]) -> pd.DataFrame:
    """Return a table with subject, arm, time and row, and without an index of its own.

    Raises
    ------
    DataError
        If columns are missing.
    """
    missing = [c for c in needed if c not in table.columns]
    if missing:
        raise DataError(
            [Problem("assessments", f"no column {c!r}", nearest(c, map(str, table.columns))) for c in missing]
        )
    import pandas as pd

    rows = table["row"] if "row" in table.columns else pd.Series(table.index, index=table.index)
    arm = text(table["arm"]) if "arm" in table.columns else "all"
    time = pd.to_numeric(table["time"], errors="coerce").astype(float)
    return table.assign(subject=text(table["subject"]), arm=arm, time=time, row=rows).reset_index(drop=True)


def _refuse(rows: pd.DataFrame, bad: pd.Series) -> None:
    wrong = rows.assign(bad=bad)[bad != ""]
    if len(wrong):
        shown = wrong.head(SHOWN).itertuples()
        raise DataError([Problem(f"assessments, row {r.row} (subject {r.subject})", str(r.bad)) for r in shown])


def _of_sums(table: pd.DataFrame, rules: RecistRules) -> Visits:
    """Return visits from sums of diameters, whose optional columns are `non_target` and `new_lesion`."""
    import pandas as pd

    rows = _named(table, ("subject", "time", SUM_OF_DIAMETERS))
    total = pd.to_numeric(rows[SUM_OF_DIAMETERS], errors="coerce").astype(float)
    state = text(rows["non_target"]) if "non_target" in rows.columns else pd.Series("", index=rows.index)
    new = (
        rows["new_lesion"].fillna(False).astype(bool)
        if "new_lesion" in rows.columns
        else pd.Series(False, index=rows.index)
    )
    given = text(rows[SUM_OF_DIAMETERS])
    unread = total.isna() & ~given.str.lower().isin(NO_NUMBER)
    unknown = quoting(f"non_target is {{}}, not one of {CR}, {NON}, {PD}, {NE}", state)
    bad = first_reason(
        (rows["subject"] == "", "has no subject"),
        (~np.isfinite(rows["time"]), "has no time"),
        (unread, quoting("sum {} is not a number", given)),
        (total < 0, quoting("sum {} is negative", given)),
        (np.isinf(total), "sum is infinite"),
        (~state.isin(("", CR, NON, PD, NE)), unknown),
        (rows.duplicated(["subject", "time"]), "is a second sum of the day"),
    )
    _refuse(rows, bad)
    measured_ever = total.notna().groupby(rows["subject"]).transform("any")
    visits = pd.DataFrame(
        {
            "subject": rows["subject"], "arm": rows["arm"], "time": rows["time"], "sum_of_diameters": total,
            "measured_sum": total, "targets": measured_ever.astype(int), "all_gone": total == 0, "some_back": total > 0,
            "non_target": state, "further": False, "new_lesion": new, "new_count": new.astype(int), "new_sum": 0.0,
        }
    )  # fmt: skip
    return _ordered(visits, rules)


def _of_lesions(table: pd.DataFrame, rules: RecistRules) -> Visits:
    """Return visits from a table with a lesion a row."""
    import pandas as pd

    rows = _named(table, LESION_COLUMNS)
    kind = (
        text(rows["kind"]).str.lower().replace({"nontarget": NON_TARGET, "non target": NON_TARGET, "node": TARGET_NODE})
    )
    finding = text(rows["finding"]).str.lower() if "finding" in rows.columns else pd.Series("", index=rows.index)
    given = text(rows["diameter"])
    diameter = pd.to_numeric(rows["diameter"], errors="coerce").astype(float)
    finding = finding.mask((finding == "") & (given.str.lower() == NOT_EVALUABLE), NOT_EVALUABLE)
    finding = finding.mask((finding == "") & (given.str.lower() == TOO_SMALL), TOO_SMALL)
    rows = rows.assign(lesion=text(rows["lesion"]), kind=kind, finding=finding)
    words = given.str.lower().isin({*NO_NUMBER, TOO_SMALL})
    bad = first_reason(
        (rows["subject"] == "", "has no subject"),
        (~np.isfinite(rows["time"]), "has no time"),
        (~kind.isin(KINDS), quoting("kind {} is none of " + ", ".join(KINDS), kind)),
        (~finding.isin(FINDINGS), quoting("finding {} is none of " + ", ".join(FINDINGS[1:]), finding)),
        (diameter.isna() & ~words, quoting("diameter {} is not a number", given)),
        (~np.isfinite(diameter.fillna(0)) | (diameter < 0), quoting("diameter {} is negative or infinite", given)),
        (rows.duplicated(["subject", "time", "lesion", "kind"]), "repeats a lesion of the day"),
    )
    _refuse(rows, bad)
    diameter = diameter.mask(diameter.isna() & (finding == TOO_SMALL), rules.too_small_mm)
    diameter = diameter.mask(diameter.isna() & (finding == ABSENT), 0.0).mask(finding == NOT_EVALUABLE)
    rows = _at_baseline(rows.assign(diameter=diameter), rules)
    return _summed(rows, rules)


def _at_baseline(rows: pd.DataFrame, rules: RecistRules) -> pd.DataFrame:
    """Bring each lesion's last row at or before day 0 (or at the first day) to one baseline visit; leave earlier ones out."""
    first = rows.groupby("subject")["time"].transform("min")
    early = rows["time"] <= (0.0 if rules.baseline == "last" else first)
    before = rows[early].sort_values("time", kind="stable").drop_duplicates(["subject", "lesion", "kind"], keep="last")
    day = before.groupby("subject")["time"].max()
    kept = rows[~early | rows.index.isin(before.index)]
    is_baseline = early.reindex(kept.index)
    time = kept["time"].where(~is_baseline, kept["subject"].map(day))
    return kept.assign(time=time, is_baseline=is_baseline)


def _summed(rows: pd.DataFrame, rules: RecistRules) -> Visits:
    """Return a row a visit."""
    import pandas as pd

    keys = ["subject", "arm", "time", "is_baseline"]
    visits = rows.drop_duplicates(keys)[keys].reset_index(drop=True)
    number = {key: k for k, key in enumerate(visits[["subject", "time"]].itertuples(index=False, name=None))}
    place = np.fromiter(
        (number[key] for key in rows[["subject", "time"]].itertuples(index=False, name=None)), int, len(rows)
    )

    def per_visit(weights: Any) -> Any:
        return np.bincount(place, weights=np.asarray(weights, float), minlength=len(visits))

    at_baseline = rows[rows["is_baseline"]]
    known = pd.MultiIndex.from_frame(at_baseline[["subject", "lesion", "kind"]])
    of_baseline = pd.MultiIndex.from_frame(rows[["subject", "lesion", "kind"]]).isin(known)
    target = (rows["kind"].isin(MEASURED) & of_baseline).to_numpy()
    other = (rows["kind"].isin((NON_TARGET, NON_TARGET_NODE)) & of_baseline).to_numpy()
    node = rows["kind"].isin(NODES).to_numpy()
    d, finding = rows["diameter"].to_numpy(float), rows["finding"].to_numpy()
    seen = np.isfinite(d)
    gone = np.where(node, seen & (d < rules.node_mm), seen & (d == 0))
    expected = (
        visits["subject"].map(at_baseline[at_baseline["kind"].isin(MEASURED)].groupby("subject").size()).fillna(0)
    )
    others = visits["subject"].map(
        at_baseline[at_baseline["kind"].isin((NON_TARGET, NON_TARGET_NODE))].groupby("subject").size()
    )
    measured_sum, measured = per_visit(np.where(target & seen, d, 0)), per_visit(target & seen)
    complete = (measured == expected) & (expected > 0)
    present = (
        (rows["kind"] == NEW).to_numpy() & ~np.isin(finding, (ABSENT, NOT_EVALUABLE, EQUIVOCAL)) & ~(seen & (d == 0))
    )
    state = _non_target(per_visit, other, seen, d, node, finding, others.fillna(0).to_numpy(), rules)
    table = visits.assign(
        sum_of_diameters=np.where(complete, measured_sum, np.nan),
        measured_sum=np.where(measured > 0, measured_sum, np.nan),
        targets=expected.astype(int),
        all_gone=complete & (per_visit(target & gone) == expected),
        some_back=per_visit(target & ~node & seen & (d > 0)) > 0,
        non_target=state,
        further=per_visit((other | present) & (finding == FURTHER)) > 0,
        new_lesion=per_visit(present & ~rows["is_baseline"].to_numpy()) > 0,
        new_count=per_visit(present),
        new_sum=per_visit(np.where(present & seen, d, 0)),
    )
    late = rows["kind"].ne(NEW).to_numpy() & ~of_baseline
    reason = "the lesion was not there at baseline: it is a new lesion, if it is one"
    lost = rows.loc[late, ["row", "subject"]].assign(reason=reason)
    ordered = _ordered(table, rules)
    return Visits(ordered.table, pd.concat([lost, ordered.left_out], ignore_index=True))


def _non_target(
    per_visit: Any, other: Any, seen: Any, d: Any, node: Any, finding: Any, expected: Any, rules: RecistRules
) -> Any:
    """Return the state of the non-target lesions at each visit (4.3.3), "" where a subject has none."""
    grown = per_visit(other & np.isin(finding, (PROGRESSION, FURTHER))) > 0
    absent = per_visit(other & ((finding == ABSENT) | (seen & np.where(node, d < rules.node_mm, d == 0))))
    told = per_visit(other & ~(finding == NOT_EVALUABLE) & (seen | (finding != "")))
    state = np.where(told < expected, NE, np.where(absent == expected, CR, NON))
    return np.where(expected == 0, "", np.where(grown, PD, state))


def _ordered(visits: pd.DataFrame, rules: RecistRules) -> Visits:
    """Sort the visits, mark the baseline where that is not done, and leave out visits before it and subjects without one."""
    import pandas as pd

    order = {subject: k for k, subject in enumerate(visits["subject"].unique())}
    placed = visits.assign(_place=visits["subject"].map(order))
    table = placed.sort_values(["_place", "time"], kind="stable").reset_index(drop=True)
    if "is_baseline" not in table.columns:
        table["is_baseline"] = _baseline_of(table, rules)
    first = table["time"].where(table["is_baseline"]).groupby(table["subject"]).transform("max")
    early = table["time"] < first
    days = [f"day {time:g}" for time in table.loc[early, "time"]]
    lost = pd.DataFrame(
        {"row": days, "subject": table.loc[early, "subject"], "reason": "an earlier visit than the baseline"}
    )
    return Visits(table.loc[~early, list(VISIT_COLUMNS)].reset_index(drop=True), lost[list(LEFT_OUT)])


def _baseline_of(table: pd.DataFrame, rules: RecistRules) -> pd.Series:
    """Mark the last visit at or before day 0 with a sum (or the first with one)."""
    usable = table["sum_of_diameters"].notna() | ((table["targets"] == 0) & (table["non_target"] != ""))
    usable &= (table["time"] <= 0) if rules.baseline == "last" else True
    chosen = table[usable].drop_duplicates("subject", keep="last" if rules.baseline == "last" else "first")
    return table.index.to_series().isin(chosen.index)
