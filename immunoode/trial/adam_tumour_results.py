"""ADTR: diameters of lesions along the axis that RECIST measures, their sums, and findings of lesions in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from immunoode import units as unit_texts
from immunoode.errors import DataError, Problem, UnitError
from immunoode.tables.cells import as_numbers, number_advice
from immunoode.tables.headings import parse_heading, parse_unit
from immunoode.tables.identifiers import unify_spelling
from immunoode.trial.adam_dataset import AdamDataset, TrialPart
from immunoode.trial.findings import NOT_EVALUABLE
from immunoode.trial.long_table import read_rows
from immunoode.trial.trial_data import DIAMETER, FINDINGS, SUM_OF_DIAMETERS
from immunoode.trial.validation import NO_VALUE, first_reason, has_no_value, quoting

if TYPE_CHECKING:
    import pandas as pd

LONG, SHORT, EITHER = "long", "short", "either"
AXES = {
    **dict.fromkeys(("LDIAM", "LAXIS", "LONG", "LONGAX", "LONGDIAM", "LD"), LONG),
    **dict.fromkeys(("LPERP", "NLDIAM", "SAXIS", "SHORTAX", "SHRTDIAM", "PERP", "SD"), SHORT),
    **dict.fromkeys(("DIAMETER", "DIAM", "TUMDIAM", "TRDIAM", "LESDIAM"), EITHER),
}
"""Codes of tests (TRTESTCD, or PARAMCD without its number) that are diameters of a lesion, and along which axis."""
_NUMBERED = re.compile(r"([A-Z]+?)0*(\d+)")
OTHER_AXIS = "the other axis of a lesion: the long one counts, or the short one of a node"


def tumour_results(data: AdamDataset, sums: Sequence[str]) -> TrialPart:
    """Return diameters and sums, findings of lesions in words, and what was left out."""
    import pandas as pd

    code = data.column("PARAMCD").str.upper()
    is_sum = code.isin([s.upper() for s in sums])
    named = code.str.extract(_NUMBERED.pattern + "$")
    test = data.column("TRTESTCD").str.upper().where(lambda t: t != "", named[0].fillna(code)).where(~is_sum, "")
    lesion = data.column("TRLNKID", "TULNKID", "LESION").where(~is_sum, "")
    numbered = (lesion == "") & ~is_sum & test.isin(AXES) & named[1].notna()
    lesion = lesion.where(~numbered, "T" + named[1].fillna("").str.zfill(2))
    axis = test.map(AXES).fillna("").where(lesion != "", "")
    days, wrong, notes = data.days()
    lesion, spelt = unify_spelling(lesion, data.subject, days)
    kind = _kind(data).where(lesion != "", "")
    quantity = code.str.lower().mask(axis != "", DIAMETER).mask(is_sum, SUM_OF_DIAMETERS)
    length = (axis != "") | is_sum
    unit, unit_notes = _unit(data, length)
    bare = (lesion != "") & (axis == "") & _is_length(unit)
    quantity, axis = quantity.mask(bare, DIAMETER), axis.mask(bare, EITHER)
    value = as_numbers(data.table["AVAL"])
    table = pd.DataFrame(
        {
            "subject": data.subject,
            "arm": data.arm,
            "time": days,
            "quantity": quantity,
            "value": value.values,
            "unit": unit,
            "lesion": lesion,
            "kind": kind,
            "visit": data.column("AVISIT", "VISIT"),
        }
    )
    words = data.column("AVALC").str.lower()
    not_done = data.column("TRSTAT").str.upper() == "NOT DONE"
    words = words.where(~(not_done & value.values.isna()), NOT_EVALUABLE)
    words = words.replace(dict.fromkeys(NO_VALUE, NOT_EVALUABLE))
    none = data.not_observed()
    bad = first_reason(
        (none != "", lambda rows: none[rows]),
        (wrong != "", lambda rows: wrong[rows]),
        (days.isna(), "has no day"),
        (value.unread, quoting("value {} is not a number", value.texts, number_advice)),
    )
    other = _other_axis(table, axis, bad == "")
    bad = bad.mask((bad == "") & other, OTHER_AXIS)
    worded = (bad == "") & value.values.isna() & (lesion != "") & (words != "") & _is_finding(words)
    rows = table[(bad == "") & ~worded]
    names = {name: name for name in table.columns}
    read = (
        read_rows(rows, data.name, names, arm="all", bad_rows="leave out") if value.values[rows.index].notna().any() else None
    )
    found = table[worded].assign(finding=words[worded], row=table.index[worded])
    frame = None if read is None else read.frame
    lost = data.left_out(bad if read is not None else bad.mask((bad == "") & ~worded, "no value"))
    left_out = pd.concat([t for t in (lost, None if read is None else read.left_out) if t is not None and len(t)] or [lost])
    return TrialPart(
        left_out.reset_index(drop=True),
        frame,
        found[list(FINDINGS)].reset_index(drop=True),
        used=(*(() if frame is None else frame["row"]), *found["row"]),
        columns=data.taken(_ROLES),
        notes=(*data.notes, *notes, *spelt, *unit_notes, *_node_notes(axis, bad == "", kind)),
    )


_ROLES = {
    "AVAL": "value",
    "AVALC": "finding",
    "AVALU": "unit",
    "TRSTRESU": "unit",
    "PARAM": "unit in the label",
    "TRLNKID": "lesion",
    "TULNKID": "lesion",
    "LESION": "lesion",
    "TRGRPID": "kind",
    "TUGRPID": "kind",
    "TULOC": "node",
    "TRLOC": "node",
    "TULOCGR1": "node",
    "TRTESTCD": "axis",
    "VISIT": "visit",
    "TRSTAT": "finding",
}


def _is_finding(words: pd.Series) -> pd.Series:
    """Return which words are findings; words for a missing value are not, except "not evaluable"."""
    return ~has_no_value(words) | (words == NOT_EVALUABLE)


def _is_length(unit: pd.Series) -> pd.Series:
    lengths = {u: bool(u) and unit_texts.dimension(u) == unit_texts.dimension("mm") for u in unit.unique()}
    return unit.map(lengths).astype(bool)


def _other_axis(table: pd.DataFrame, axis: pd.Series, usable: pd.Series) -> pd.Series:
    """Return the measured rows of each lesion along another axis than the one that counts.

    A diameter without an axis is that of RECIST; else the long axis counts, or the short one of a node (1.1, 3.1.1 and 4.2).
    """
    node = table["kind"].str.endswith("node")
    rank = axis.map({EITHER: 0, LONG: 1, SHORT: 1}).fillna(0).astype(int)
    rank += ((axis == SHORT) & ~node) | ((axis == LONG) & node)
    rows = usable & (axis != "")
    best = rank[rows].groupby([table.loc[rows, name] for name in ("subject", "lesion", "kind")]).transform("min")
    return rows & (rank > best.reindex(table.index).fillna(9))


def _node_notes(axis: pd.Series, usable: pd.Series, kind: pd.Series) -> tuple[str, ...]:
    """Return notes on nodes measured only by their long axis, and other lesions measured only by their short axis."""
    node = kind.str.endswith("node")
    counts = {
        "nodes have no short axis: their long axis counts": int((usable & node & (axis == LONG)).sum()),
        "lesions other than nodes have no long axis: their short axis counts": int((usable & ~node & (axis == SHORT)).sum()),
    }
    return tuple(f"{count} rows of {what}" for what, count in counts.items() if count)


def _unit(data: AdamDataset, length: pd.Series) -> tuple[pd.Series, tuple[str, ...]]:
    """Return the unit of each row: stated, or in brackets in the label of the parameter; mm for diameters without either.

    Raises
    ------
    DataError
        If a stated unit is not recognised.
    """
    stated = data.column("AVALU", "TRSTRESU", "TRORRESU")
    read = {u: _read(u, data.name) for u in stated.unique()}
    labels = data.column("PARAM")
    unit = stated.map(read).where(stated != "", labels.map({label: parse_heading(label).unit for label in labels.unique()}))
    wrong = unit[length & (unit != "") & ~_is_length(unit)]
    if len(wrong):
        what = f"{wrong.iloc[0]!r} is not a unit of length, but {data.column('PARAMCD')[wrong.index[0]]!r} is a length"
        raise DataError(Problem(wrong.index[0], what, "for example mm; or another PARAMCD for what is not a sum or diameter"))
    silent = length & (unit == "")
    note = ("no unit of diameters is stated: mm",) if silent.any() else ()
    return unit.mask(silent, "mm"), note


def _read(stated: str, name: str) -> str:
    unit = parse_unit(stated) if stated else ""
    if unit is None:
        raise DataError(Problem(f"{name}: AVALU", f"{stated!r} is not a recognised unit", "for example mm"))
    try:
        unit_texts.dimension(unit)
    except UnitError as error:
        raise DataError(error.problems) from None
    return unit


def _kind(data: AdamDataset) -> pd.Series:
    """Return the kind of each lesion: "target", "non-target" or "new", with " node" for lymph nodes."""
    group = data.column("TRGRPID", "TUGRPID").str.lower()
    label = data.column("PARAM").str.lower().str.replace(r"[\s_]+", "-", regex=True)
    group = group.where(group != "", label.str.extract(r"(non-?target|new|target)", expand=False).fillna(""))
    named = data.column("TRLNKID", "TULNKID", "LESION").str.upper().str.extract(r"^(NT|NEW|N)[-_ ]?\d", expand=False)
    group = group.where(group != "", named.map({"NT": "non-target", "NEW": "new", "N": "new"}).fillna("target"))
    kind = group.str.replace(r"non[\s_]?target", "non-target", regex=True)
    kind = kind.where(kind.isin(("target", "non-target")), kind.where(~kind.str.startswith("new"), "new"))
    place = data.column("TULOC", "TRLOC").str.lower()
    grouped = data.column("TULOCGR1").str.upper()
    node = place.str.contains(r"lymph node|\bnode\b|nodal", regex=True) | (grouped == "NODAL")
    return kind.mask(node & (grouped != "NON-NODAL") & (kind != "new"), kind + " node")
