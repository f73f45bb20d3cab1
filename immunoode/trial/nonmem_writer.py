"""Writing trial data in the layout of NONMEM, without loss."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from immunoode.regimen.record import OBSERVATION, OTHER
from immunoode.regimen.record_options import days_per
from immunoode.regimen.record_writer import ORDER, in_unit, ordered_records, write_table
from immunoode.trial.nonmem_rows import TEXT_COLUMNS
from immunoode.trial.sample_order import sample_orders
from immunoode.trial.trial_data import INTERVAL, TrialData

if TYPE_CHECKING:
    import pandas as pd

CENSORED = {"": 0, "left": 1, INTERVAL: 1, "right": -1}


def write_nonmem(
    data: TrialData,
    compartments: Mapping[int | str, str] | None = None,
    *,
    time_unit: Literal["hour", "day"],
    path: str | Path | None = None,
    overwrite: bool = False,
) -> pd.DataFrame:
    """Return trial data as one table with the columns of NONMEM.

    Parameters
    ----------
    data : TrialData
    compartments : mapping, optional
        The input of the model for each number in CMT; see `write_records`.
    time_unit : {"hour", "day"}
        Unit of TIME, DUR and II.
    path : path, optional
        File to write, with commas between cells and a dot for missing ones; written completely or not at all.
    overwrite : bool
        Whether to replace an existing file.

    Returns
    -------
    DataFrame
        ID, TIME, DV, AMT, RATE, DUR, II, ADDL, SS, CMT, EVID, MDV, DVID, CENS, LIMIT, covariates, and words (QUANTITY, UNIT,
        ARM, LESION, KIND, FLAG, VISIT, FINDING, ENDPOINT, EVENT, REASON) that $INPUT of NONMEM drops. `read_nonmem` reads the
        same data from the table and from the file. Findings and times to events are rows with EVID 2.

    Raises
    ------
    FileError
        If the file cannot be written, or exists and is not to be replaced.

    Examples
    --------
    >>> import immunoode as imo
    >>> table = imo.io.write_nonmem(imo.load_example(), time_unit="day")
    >>> print(table[["ID", "TIME", "DV", "EVID", "DVID"]].head(2).to_string(index=False))
     ID  TIME   DV  EVID  DVID
    101 -17.0 83.1     0     1
    101  41.0 78.4     0     1
    """
    import pandas as pd

    per_day = days_per(time_unit)
    parts = [_observations(data, per_day), _findings(data, per_day), _endpoints(data, per_day)]
    if data.schedules:
        parts.append(ordered_records(data.schedules, compartments, time_unit))
    table = pd.concat([p for p in parts if len(p)], ignore_index=True)
    table["ID"] = table["ID"].astype(str)
    table["ARM"] = table["ID"].map(data.arm_of())
    if data.covariates is not None:
        table = table.merge(data.covariates, left_on="ID", right_index=True, how="left")
    order = {subject: k for k, subject in enumerate(data.subjects)}
    table = table.assign(_subject=table["ID"].map(order)).fillna({ORDER: np.inf})
    table = table.sort_values(["_subject", "TIME", ORDER], kind="stable")
    table = _arranged(table.drop(columns=["_subject", ORDER]).reset_index(drop=True))
    if path is not None:
        write_table(table, path, overwrite=overwrite)
    return table


def _observations(data: TrialData, per_day: float) -> pd.DataFrame:
    import pandas as pd

    frame = data.frame
    numbers = {quantity: k + 1 for k, quantity in enumerate(data.quantities)}
    rows = {
        "ID": frame["subject"],
        "TIME": _in_unit(frame["time"], per_day),
        ORDER: sample_orders(frame, data, own_doses=True),
        "DV": frame["value"],
        "EVID": OBSERVATION,
        "MDV": 0,
    }
    words = {nonmem_name: frame[standard] for nonmem_name, standard in TEXT_COLUMNS.items()}
    censoring = {"CENS": frame["censoring"].map(CENSORED), "LIMIT": frame["limit"]}
    return pd.DataFrame({**rows, "DVID": frame["quantity"].map(numbers), **censoring, **words})


def _in_unit(days: pd.Series, per_day: float) -> pd.Series:
    """Return days in the unit of the table, as numbers that are read back as exactly these days."""
    return days.map({day: in_unit(day, per_day) for day in days.unique()})


def _findings(data: TrialData, per_day: float) -> pd.DataFrame:
    seen = data.findings.rename(
        columns={"subject": "ID", "lesion": "LESION", "kind": "KIND", "finding": "FINDING", "visit": "VISIT"}
    )
    seen = seen.assign(TIME=_in_unit(data.findings["time"], per_day), EVID=OTHER, MDV=1)
    return seen[["ID", "TIME", "EVID", "MDV", "LESION", "KIND", "FINDING", "VISIT"]]


def _endpoints(data: TrialData, per_day: float) -> pd.DataFrame:
    ends = data.endpoints.rename(columns={"subject": "ID", "endpoint": "ENDPOINT", "reason": "REASON"})
    ends = ends.assign(
        TIME=_in_unit(data.endpoints["time"], per_day), EVENT=data.endpoints["event"].astype(int), EVID=OTHER, MDV=1
    )
    return ends[["ID", "TIME", "EVID", "MDV", "ENDPOINT", "EVENT", "REASON"]]


FIRST = ("ID", "TIME", "DV", "AMT", "RATE", "DUR", "II", "ADDL", "SS", "CMT", "EVID", "MDV", "DVID", "CENS", "LIMIT")
LAST = (*TEXT_COLUMNS, "FINDING", "ENDPOINT", "EVENT", "REASON")
WHOLE = ("ADDL", "SS", "EVID", "MDV", "DVID", "CENS", "EVENT")


def _arranged(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns in their usual order, without empty text and limit columns, whole numbers as integers."""
    table = table.astype({name: "Int64" for name in WHOLE if name in table.columns})
    for name in LAST:
        if name in table.columns:
            table[name] = table[name].where(table[name] != "")
    kept = [c for c in table.columns if c not in (*LAST, "LIMIT") or table[c].notna().any()]
    between = [c for c in kept if c not in (*FIRST, *LAST)]
    ordered = [*(c for c in FIRST if c in kept), *between, *(c for c in LAST if c in kept)]
    whole = table["ID"].str.fullmatch("0|[1-9][0-9]{0,17}").all()
    return table[ordered].astype({"ID": "int64"}) if whole else table[ordered]
