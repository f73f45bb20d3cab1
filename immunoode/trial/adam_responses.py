"""ADRS: responses in words; those at visits are of one reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from immunoode.trial.adam_dataset import AdamDataset, TrialPart
from immunoode.trial.response.codes import non_target_code, reported_response_code, target_code
from immunoode.trial.response.from_trial_data import response_of_paramcd
from immunoode.trial.trial_data import FINDINGS
from immunoode.trial.validation import first_reason, quoting

if TYPE_CHECKING:
    import pandas as pd

_CODES = {"response": reported_response_code, "target": target_code, "non_target": non_target_code}


def responses(data: AdamDataset) -> TrialPart:
    """Return the responses of a data set, and what was left out."""
    days, wrong, notes = data.days()
    not_done = (data.column("RSSTAT").str.upper() == "NOT DONE") & (data.column("AVALC") == "")
    table = data.table.assign(
        subject=data.subject,
        arm=data.arm,
        time=days,
        lesion="",
        kind=data.column("PARAMCD"),
        finding=data.column("AVALC").mask(not_done, "NOT DONE"),
        visit=data.column("AVISIT", "VISIT"),
        row=data.table.index,
    )
    none = data.not_observed()
    unknown = _unknown(table)
    bad = first_reason(
        (none != "", lambda rows: none[rows]),
        (table["finding"] == "", "no response"),
        (wrong != "", lambda rows: wrong[rows]),
        (days.isna(), "has no day"),
        (unknown, quoting("response {} is unknown", table["finding"])),
    )
    kept = table.loc[bad == "", list(FINDINGS)].reset_index(drop=True)
    roles = {"AVALC": "response", "VISIT": "visit", "RSSTAT": "response"}
    return TrialPart(
        data.left_out(bad), findings=kept, used=tuple(kept["row"]), columns=data.taken(roles), notes=(*data.notes, *notes)
    )


def _unknown(table: pd.DataFrame) -> pd.Series:
    """Return the rows with a response at a visit that is not recognised."""
    import pandas as pd

    what = table["kind"].map({kind: response_of_paramcd(str(kind)) for kind in table["kind"].unique()})
    unknown = pd.Series(False, index=table.index)
    for name, code in _CODES.items():
        words = table.loc[what == name, "finding"]
        unknown[words.index] = words.map({word: code(str(word)) is None for word in words.unique()}).astype(bool)
    return unknown
