"""Trial data in the layout of NONMEM: observations, doses and covariates in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from immunoode.errors import DataError
from immunoode.regimen.record import OBSERVATION, NonmemRecord
from immunoode.regimen.record_options import COVARIATES, covariate_columns
from immunoode.regimen.record_rows import OBSERVATION_ORDER
from immunoode.regimen.record_table import COLUMNS as RECORDS
from immunoode.regimen.record_table import CellProblem
from immunoode.regimen.record_times import DATES
from immunoode.regimen.records import parse_records
from immunoode.tables.cells import as_numbers
from immunoode.trial.covariates import constant_covariates
from immunoode.trial.long_table import read_rows
from immunoode.trial.nonmem_reconciliation import reconciliation_of
from immunoode.trial.nonmem_rows import rows_of
from immunoode.trial.trial_data import ENDPOINTS, FINDINGS, TrialData

if TYPE_CHECKING:
    import pandas as pd


def read_nonmem(
    source: str | Path | pd.DataFrame,
    compartments: Mapping[int | str, str] | None = None,
    *,
    time_unit: Literal["hour", "day"],
    observations: str | Mapping[int | str, str] | None = None,
    units: str | Mapping[str, str] | None = None,
    covariates: Mapping[str, str] | None = None,
    varying: Mapping[str, str] | None = None,
    rule: Literal["locf", "nocb"] | None = None,
    columns: Mapping[str, str] | None = None,
    ignore: str | None = None,
    title: str = "",
    bad_rows: Literal["raise", "leave out"] = "raise",
) -> TrialData:
    """Read a table with the columns of NONMEM.

    Parameters
    ----------
    source : path or DataFrame
        With the columns ID, TIME and DV, and optionally AMT, RATE, DUR, II, ADDL, SS, CMT, EVID, MDV, DVID, CENS, LIMIT and
        covariates, in any case of letters; DATE, DAT1, DAT2 or DAT3 together with a TIME of day. ".", "NA" and empty
        cells are missing.
    compartments : mapping, optional
        The input of the model for each number in CMT, for the doses; see `read_records`.
    time_unit : {"hour", "day"}
        Unit of TIME, DUR and II.
    observations : str or mapping, optional
        The quantity in DV, or a quantity for each number in DVID (in CMT without DVID). By default from a column QUANTITY,
        else "dv_1", "dv_2", ..., or "dv".
    units : str or mapping, optional
        Unit of DV; a mapping gives it by quantity.
    covariates : mapping of str to str, optional
        The name in the model for each column of a covariate that is constant within each subject: {"WT": "weight"}. A fit
        recognises usual names, such as WT and BSA, if the column keeps its name: {"WT": "WT"}.
    varying : mapping of str to str, optional
        The same for covariates that change with time; they go to the schedules by `rule`, see `read_records`.
    columns : mapping of str to str, optional
        Columns of the table by their names in NONMEM, if they differ: {"AMT": "DOSE"}.
    ignore : str, optional
        As IGNORE of NM-TRAN, see `read_records`.
    title, bad_rows
        As in `read_trial`. Invalid doses are always an error.

    Returns
    -------
    TrialData
        With CENS 1 the value is below DV (between LIMIT and DV if there is a LIMIT), with CENS -1 above it (between DV and
        LIMIT). Rows with EVID 0 and MDV 1 are listed in `left_out`. Repeated rows (replicates of an assay) and negative values
        are kept. `.orders` has the position of observations among the doses: an observation before the dose at its time is a
        trough. `.reconciliation` counts rows, doses and subjects, and says what each column was taken as.

    Raises
    ------
    DataError
        If columns are missing or rows are invalid, all at once.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"ID": 1, "TIME": [0, 0, 24], "DV": [".", 80, 76], "AMT": [200, 0, 0], "CMT": 1})
    >>> data = read_nonmem(table, {1: "pembrolizumab"}, time_unit="hour", observations="sum_of_diameters", units="mm")
    >>> data.frame["time"].tolist(), data.schedules["1"].amounts.tolist()
    ([0.0, 1.0], [200.0])
    """
    own = {str(n).strip().upper(): c for n, c in (columns or {}).items()}
    records = {n: c for n, c in own.items() if n in (*RECORDS, *DATES)}
    fixed = covariate_columns(covariates, "read_nonmem(covariates)")
    changing = covariate_columns(varying, "read_nonmem(varying)", usual=COVARIATES)
    read = parse_records(
        source,
        compartments,
        time_unit,
        changing,
        rule,
        records,
        ignore,
        needed=("ID", "TIME"),
        handled_elsewhere=_reported_by_reader,
    )
    rows = rows_of(read, own, list(fixed))
    seen = rows.observed(observations)
    data = read_rows(
        seen,
        rows.where,
        _columns(seen),
        None if "unit" in seen else units,
        title=title,
        bad_rows=bad_rows,
        repeats=True,
        negative=True,
    )
    missing = rows.missing()
    found, problems = constant_covariates(rows.table, "ID", list(fixed), rows.where)
    DataError.raise_if(problems)
    schedules = {subject: schedule for subject, schedule in read.schedules.items() if len(schedule.times)}
    places = {row: k + OBSERVATION_ORDER for k, row in enumerate(rows.table.index)}
    made = replace(
        data,
        schedules=schedules,
        covariates=_with_number_columns(found).rename(columns=fixed) if fixed else None,
        findings=rows.other_rows("FINDING", FINDINGS),
        endpoints=rows.other_rows("ENDPOINT", ENDPOINTS),
        left_out=_appended(data.left_out, missing),
        orders={row: places[row] for row in data.frame["row"]} if schedules else {},
    )
    return replace(made, reconciliation=reconciliation_of(made, rows, fixed, time_unit))


def _with_number_columns(found: pd.DataFrame) -> pd.DataFrame:
    """Return the table with columns of numbers converted, and columns of words unchanged."""
    import pandas as pd

    words = [c for c in found.columns if found[c].dtype == object or isinstance(found[c].dtype, pd.StringDtype)]
    texts = [c for c in words if not as_numbers(found[c]).unread.any()]
    return found.assign(**{str(c): pd.to_numeric(found[c]) for c in texts})


def _reported_by_reader(found: CellProblem, record: NonmemRecord) -> bool:
    """Return whether an invalid cell is reported with the observations, as rows with invalid times may be left out."""
    return found.name == "TIME" and record.event == OBSERVATION


def _columns(seen: pd.DataFrame) -> dict[str, str]:
    return {name: name for name in seen.columns}


def _appended(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    tables = [t for t in (first, second) if len(t)]
    return pd.concat(tables, ignore_index=True) if tables else first
