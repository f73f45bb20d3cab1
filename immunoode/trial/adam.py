"""Reading ADaM data sets of CDISC: tumour results, responses, times to events, subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem, nearest
from immunoode.tables.cells import as_text
from immunoode.tables.dates import Partial
from immunoode.tables.identifiers import identifiers
from immunoode.tables.reconciliation import Reconciliation, combine_reconciliations
from immunoode.tables.table_files import EXCEL, SAS, open_table
from immunoode.trial.adam_dataset import AdamDataset, TrialPart
from immunoode.trial.adam_responses import responses
from immunoode.trial.adam_subjects import SUBJECT, AdslSubjects, read_adsl
from immunoode.trial.adam_time_to_event import times_to_events
from immunoode.trial.adam_tumour_results import tumour_results
from immunoode.trial.image_readers import select_reader
from immunoode.trial.long_table import arms_spelt_differently
from immunoode.trial.reconcile import baseline_notes, reconcile
from immunoode.trial.response.from_trial_data import response_of_paramcd
from immunoode.trial.trial_data import COLUMNS, ENDPOINTS, FINDINGS, LEFT_OUT, TrialData, empty

if TYPE_CHECKING:
    import pandas as pd

DATASETS = ("ADSL", "ADTR", "ADRS", "ADTTE")
STARTS = ("TRTSDT", "RANDDT", "RFSTDTC")
"""Day 0: the first of these dates that the subject has, in ADSL or in the data set itself."""
ARMS = ("TRT01P", "TRT01A", "TRTP", "TRTA", "ARM", "ACTARM")
SUMS = ("SDIAM", "SUMDIAM", "SLD", "TRGSLD", "TRGSUM")
"""PARAMCD of sums of diameters of target lesions."""


def read_adam(
    source: str | Path | Mapping[str, Any],
    *,
    start: Sequence[str] = STARTS,
    arm: Sequence[str] = ARMS,
    sums: Sequence[str] = SUMS,
    where: Mapping[str, str] | None = None,
    reader: str | None = None,
    partial_dates: Partial = "refuse",
    time_unit: str | None = None,
    title: str = "",
) -> TrialData:
    """Read ADaM data sets as csv, SAS transport (xpt) or SAS data (sas7bdat) files.

    Parameters
    ----------
    source : folder, or mapping of name to path or DataFrame
        At least one of ADTR (tumour results), ADRS (responses) and ADTTE (times to events), and optionally ADSL (subjects).
    start : sequence of str
        Columns of dates for day 0; the first that a subject has counts.
    arm : sequence of str
        Columns of arms, likewise; those of ADSL come before those of the data sets themselves.
    sums : sequence of str
        PARAMCD in ADTR that are sums of diameters. Rows of a lesion (TRLNKID; LDIAM1, NLDIAM1) are its diameters: if both axes
        are given, the long one counts, and the short one for a lymph node. Others are quantities, named by their PARAMCD.
    where : mapping, optional
        Rows to read, as values by column, in each data set that has the column: {"ANL01FL": "Y"}.
    reader : str, optional
        The reader whose readings count if there are several (TREVAL, RSEVAL, TREVALID, RSEVALID, PARCAT2, OVRINV and OVRBICR):
        "INVESTIGATOR", "RADIOLOGIST 1", "OVRBICR", or "accepted" (TRACPTFL, RSACPTFL).
    partial_dates : {"refuse", "first", "middle", "last"}
        Which day "2024-03" stands for; if refused, such a row has its day from ADY or is left out.
    time_unit : str, optional
        Unit of AVAL in ADTTE. By default from AVALU, or from PARAM ("Overall Survival (Months)"), else as the dates imply, else
        days. If a row has both dates, its time is the days from STARTDT to ADT, and AVAL has to agree with it.
    title : str

    Returns
    -------
    TrialData
        Times are from ADT and the start of the subject, or without dates from ADY, in which day 1 is the start. Responses are
        in `findings`, with PARAMCD as kind; times to events in `endpoints` (CNSR 0 is an event); all columns of ADSL in
        `covariates`, and its subjects in `enrolled`: those who were never assessed count as not evaluable in `recist`. Screen
        failures are left out. Invalid rows, and rows that were derived and not observed (DTYPE), are listed in `left_out` with
        their data set. Endpoints that begin on a day other than day 0 have that day in a column `start`.

    Raises
    ------
    DataError
        If no data set is found, columns are missing, there are several readers, or a unit is not recognised or does not agree
        with the dates.

    Examples
    --------
    >>> import pandas as pd
    >>> adtte = pd.DataFrame({"USUBJID": ["a", "b"], "TRTP": "drug", "PARAMCD": "OS", "AVAL": [12.0, 3.5], "AVALU": "MONTHS",
    ...                       "CNSR": [1, 0], "EVNTDESC": ["Alive", "Death"]})
    >>> read_adam({"ADTTE": adtte}).endpoints[["subject", "time", "event", "reason"]].to_dict("list")
    {'subject': ['a', 'b'], 'time': [365.25, 106.53125], 'event': [False, True], 'reason': ['Alive', 'Death']}
    """
    import pandas as pd

    selected = dict(where or {})
    tables = {name: _opened(name, table) for name, table in _sources(source).items()}
    _check_data_sets(tables)
    _check_selection(selected, tables)
    adsl = tables.get("ADSL")
    excluded = {} if adsl is None else dict(_not_selected(adsl, selected))
    adsl_subjects = read_adsl(adsl, start, arm, partial_dates, excluded)
    data_sets = {
        name: _dataset(name, table, adsl_subjects, selected, reader, partial_dates)
        for name, table in tables.items()
        if name != "ADSL"
    }
    read_functions = {
        "ADTR": lambda data: tumour_results(data, sums),
        "ADRS": responses,
        "ADTTE": lambda data: times_to_events(data, time_unit),
    }
    parts = {name: read_functions[name](data) for name, data in data_sets.items()}
    data = _combine(parts, adsl_subjects, data_sets, tables, title or "ADaM data")
    DataError.raise_if(
        arms_spelt_differently(pd.concat([t["arm"] for t in (data.frame, data.findings, data.endpoints)]), data.title)
    )
    if not len(data) and not len(data.findings) and not len(data.endpoints):
        raise DataError(Problem(data.title, "no row is left", "give ADTR, ADRS or ADTTE with values"))
    return data


def _sources(source: Any) -> dict[str, Any]:
    """Return the data sets by name."""
    if isinstance(source, Mapping):
        unknown = [n for n in source if str(n).upper() not in DATASETS]
        DataError.raise_if(Problem(f"data set {n!r}", "is not read", "known: " + ", ".join(DATASETS)) for n in unknown)
        return {str(name).upper(): table for name, table in source.items()}
    folder = Path(source)
    if not folder.is_dir():
        raise DataError(Problem(str(folder), "is not a folder", "give a folder with adtr.xpt, adsl.xpt, ..., or a mapping"))
    suffixes = (".csv", *SAS, *EXCEL)
    names = {p: Path(p.name.lower().removesuffix(".gz")) for p in sorted(folder.iterdir())}
    return {n.stem.upper(): p for p, n in names.items() if n.stem.upper() in DATASETS and n.suffix in suffixes}


def _opened(name: str, source: Any) -> pd.DataFrame:
    """Return a data set with column names in capitals, indexed by the names of its rows."""
    table, _ = open_table(source)
    table = table.rename(columns={c: str(c).strip().upper() for c in table.columns})
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise DataError([Problem(name, f"has two columns {c}", "different names of columns") for c in twice.unique()])
    return table.set_axis([f"{name}, row {r}" for r in table.index], axis=0)


def _check_selection(selected: Mapping[str, str], tables: Mapping[str, pd.DataFrame]) -> None:
    """Raise if no data set has a requested column."""
    everything = {c for table in tables.values() for c in table.columns}
    problems = [
        Problem("where", f"no data set has a column {c!r}", nearest(c, everything)) for c in selected if c not in everything
    ]
    DataError.raise_if(problems)


def _not_selected(table: pd.DataFrame, selected: Mapping[str, str]) -> pd.Series:
    """Return for every row why it was not selected, "" if it was."""
    import pandas as pd

    excluded = pd.Series("", index=table.index)
    for column, value in selected.items():
        if column in table.columns:
            excluded = excluded.mask(
                (as_text(table[column]) != str(value)) & (excluded == ""), f"not selected: {column} is not {value}"
            )
    return excluded


def _dataset(
    name: str,
    table: pd.DataFrame,
    adsl_subjects: AdslSubjects,
    selected: Mapping[str, str],
    reader: str | None,
    partial: Partial,
) -> AdamDataset:
    """Return a data set with the rows of one reader."""
    excluded = _not_selected(table, selected)
    rows = table[excluded == ""]
    _check_one_param_per_code(name, rows)
    read = rows[_depends_on_reader(name, rows)]
    selection = select_reader(read, reader, name, _codes(read) if name == "ADRS" else None)
    excluded = excluded.mask(excluded.index.isin(read.index[~selection.rows]), selection.reason)
    notes = tuple(note for note in selection.notes if reader is not None)
    return AdamDataset(name, table, adsl_subjects, partial, excluded, notes, selection)


def _check_one_param_per_code(name: str, rows: pd.DataFrame) -> None:
    """Raise if one PARAMCD stands for several PARAM: endpoints, readers or units under one name."""
    if "PARAM" not in rows.columns:
        return
    labels = rows[["PARAMCD", "PARAM"]].apply(as_text)
    labels = labels[(labels != "").all(axis=1)].drop_duplicates()
    labels = labels.assign(plain=labels["PARAM"].str.casefold().str.split().str.join(" "))
    several = labels.groupby("PARAMCD", sort=False).filter(lambda same: same["plain"].nunique() > 1)
    problems = []
    for code, same in several.groupby("PARAMCD", sort=False):
        shown = " and ".join(map(repr, same["PARAM"].iloc[:3]))
        what = f"PARAMCD {str(code)!r} stands for {same['plain'].nunique()} PARAM: {shown}"
        problems.append(Problem(name, what, f"select one: where={{'PARAM': {same['PARAM'].iloc[0]!r}}}"))
    DataError.raise_if(problems)


def _depends_on_reader(name: str, rows: pd.DataFrame) -> pd.Series:
    """Return the rows that depend on the reader: measurements, and responses at visits, but not deaths or derived results.

    Endpoints do if a subject has the same endpoint twice.
    """
    import pandas as pd

    if name == "ADTR":
        return pd.Series(True, index=rows.index)
    if name == "ADTTE":
        twice = rows.duplicated([SUBJECT, "PARAMCD"])
        return rows["PARAMCD"].isin(rows.loc[twice, "PARAMCD"])
    codes = as_text(rows["PARAMCD"])
    return codes.map({code: response_of_paramcd(code) is not None for code in codes.unique()}).astype(bool)


def _codes(rows: pd.DataFrame) -> pd.Series:
    """Return the codes of overall responses that name their reader: OVRINV, OVRBICR."""
    codes = as_text(rows["PARAMCD"]).str.upper()
    several = codes[codes.map({c: response_of_paramcd(c) == "response" for c in codes.unique()}).astype(bool)].nunique() > 1
    return codes.where(codes.str.startswith("OVR"), "") if several else codes.where(codes == "", "")


def _combine(
    parts: Mapping[str, TrialPart],
    adsl_subjects: AdslSubjects,
    data_sets: Mapping[str, AdamDataset],
    tables: Mapping[str, pd.DataFrame],
    title: str,
) -> TrialData:
    """Return the trial data of all data sets, with their reconciliation."""
    import pandas as pd

    def joined(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
        some = [t for t in tables if len(t)]
        return pd.concat(some, ignore_index=True) if some else empty(tuple(columns))

    frame = next((part.frame for part in parts.values() if part.frame is not None), empty(COLUMNS))
    left_out = joined([adsl_subjects.left_out, *(part.left_out for part in parts.values())], LEFT_OUT)
    data = TrialData(
        frame,
        title,
        adsl_subjects.covariates,
        left_out,
        findings=joined([part.findings for part in parts.values()], FINDINGS),
        endpoints=joined([part.endpoints for part in parts.values()], ENDPOINTS),
        enrolled=adsl_subjects.arm_of_enrolled,
    )
    return replace(data, reconciliation=_reconciliation(data, parts, adsl_subjects, data_sets, tables))


def _reconciliation(
    data: TrialData,
    parts: Mapping[str, TrialPart],
    adsl_subjects: AdslSubjects,
    data_sets: Mapping[str, AdamDataset],
    tables: Mapping[str, pd.DataFrame],
) -> Reconciliation:
    """Return the reconciliation of the rows of each data set, and of all subjects."""
    accounts = []
    if adsl_subjects.rows:
        lost = set(adsl_subjects.left_out["row"])
        used = [row for row in adsl_subjects.rows if row not in lost]
        accounts.append(
            reconcile(
                "ADSL", adsl_subjects.rows, used, adsl_subjects.left_out, adsl_subjects.columns, notes=adsl_subjects.notes
            )
        )
    for name, part in parts.items():
        rows, not_in_adsl = (
            data_sets[name].table.index,
            set(data_sets[name].subject) - set(adsl_subjects.arm_of_enrolled) - set(adsl_subjects.out) - {""},
        )
        notes = [*part.notes, *(baseline_notes(part.frame) if part.frame is not None else ())]
        if adsl_subjects.covariates is not None and not_in_adsl:
            notes.append(f"{len(not_in_adsl)} subjects are not in ADSL: {', '.join(sorted(not_in_adsl)[:3])}")
        accounts.append(reconcile(name, rows, part.used, part.left_out, part.columns, notes=notes))
    whole = combine_reconciliations(data.title, accounts)
    all_subjects = [s for name in tables for s in identifiers(tables[name][SUBJECT])]
    subjects = reconcile(data.title, (), (), data.left_out, {}, subjects=all_subjects, kept=data.subjects)
    return replace(whole, tallies=(*whole.tallies, *subjects.tallies[1:]))


REQUIRED = {
    "ADSL": (SUBJECT,),
    "ADTR": (SUBJECT, "PARAMCD", "AVAL"),
    "ADRS": (SUBJECT, "PARAMCD", "AVALC"),
    "ADTTE": (SUBJECT, "PARAMCD", "AVAL", "CNSR"),
}


def _check_data_sets(tables: Mapping[str, pd.DataFrame]) -> None:
    if not set(tables) - {"ADSL"}:
        right = "give at least one of them; files of other names as a mapping, {'ADTR': path}"
        raise DataError(Problem("ADaM data", "has none of ADTR, ADRS, ADTTE", right))
    problems = [
        Problem(name, f"no column {column}", "the names of columns in ADaM")
        for name, table in tables.items()
        for column in REQUIRED[name]
        if column not in table.columns
    ]
    problems += [
        Problem(name, "has neither dates (ADT) nor relative days (ADY)", "one of the two")
        for name in ("ADTR", "ADRS")
        if name in tables and not {"ADT", "ADY"} & set(tables[name].columns)
    ]
    DataError.raise_if(problems)
