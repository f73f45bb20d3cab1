"""Reading the analysis data of CDISC (ADaM): tumour results, responses, times to events, subjects."""

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
"""Where days are counted from: the first of these that the subject has, in ADSL or in the data set itself."""
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
        With ADTR (tumour results), ADRS (responses), ADTTE (times to events), each where there is one, and ADSL (subjects).
    start : sequence of str
        Columns of dates that day 0 may be; of each subject the first that it has counts.
    arm : sequence of str
        Columns of arms, likewise; ADSL before the data sets themselves.
    sums : sequence of str
        PARAMCD in ADTR that are sums of diameters. Rows of a lesion (TRLNKID; LDIAM1, NLDIAM1) are its diameters: where both
        axes are there the long one counts, of a lymph node the short one. Others are quantities by their PARAMCD.
    where : mapping, optional
        Rows to read, column to value, in each data set that has the column: {"ANL01FL": "Y"}.
    reader : str, optional
        Whose readings count where there are several (TREVAL, RSEVAL, TREVALID, RSEVALID, PARCAT2, OVRINV and OVRBICR):
        "INVESTIGATOR", "RADIOLOGIST 1", "OVRBICR", or "accepted" (TRACPTFL, RSACPTFL).
    partial_dates : {"refuse", "first", "middle", "last"}
        What "2024-03" stands for; refused, such a row has its day from ADY or is left out.
    time_unit : str, optional
        Unit of AVAL in ADTTE. Left out: from AVALU, or from PARAM ("Overall Survival (Months)"), else as the dates say, else
        days. Where a row has both dates, its time is the days from STARTDT to ADT, and AVAL has to agree with that.
    title : str

    Returns
    -------
    TrialData
        Time from ADT and the subject's start; without dates from ADY, in which day 1 is the start. Responses are in `findings`,
        their PARAMCD for kind; times to events in `endpoints` (CNSR 0 is an event); all of ADSL's columns in `covariates`, and
        its subjects in `enrolled`: who was never assessed is not evaluable to `recist`, and counts. Screen failures are left
        out. Rows that make no sense, or were derived and not observed (DTYPE), are listed in `left_out` with the data set that
        they are in. Endpoints that begin on another day than day 0 have it in a column `start`.

    Raises
    ------
    DataError
        If no data set is found, columns are missing, there are several readers, or a unit is not understood or does not agree
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

    asked = dict(where or {})
    opened = {name: _opened(name, table) for name, table in _sources(source).items()}
    _complete(opened)
    _known(asked, opened)
    adsl = opened.get("ADSL")
    aside = {} if adsl is None else dict(_aside(adsl, asked))
    people = read_adsl(adsl, start, arm, partial_dates, aside)
    sets = {
        name: _dataset(name, table, people, asked, reader, partial_dates) for name, table in opened.items() if name != "ADSL"
    }
    makers = {
        "ADTR": lambda data: tumour_results(data, sums),
        "ADRS": responses,
        "ADTTE": lambda data: times_to_events(data, time_unit),
    }
    parts = {name: makers[name](data) for name, data in sets.items()}
    data = _together(parts, people, sets, opened, title or "ADaM data")
    if problems := arms_spelt_differently(
        pd.concat([t["arm"] for t in (data.frame, data.findings, data.endpoints)]), data.title
    ):
        raise DataError(problems)
    if not len(data) and not len(data.findings) and not len(data.endpoints):
        raise DataError(Problem(data.title, "no row is left", "give ADTR, ADRS or ADTTE with values"))
    return data


def _sources(source: Any) -> dict[str, Any]:
    """Return the data sets by name."""
    if isinstance(source, Mapping):
        unknown = [n for n in source if str(n).upper() not in DATASETS]
        if unknown:
            raise DataError([Problem(f"data set {n!r}", "is not read", "known: " + ", ".join(DATASETS)) for n in unknown])
        return {str(name).upper(): table for name, table in source.items()}
    folder = Path(source)
    if not folder.is_dir():
        raise DataError(Problem(str(folder), "is not a folder", "give a folder with adtr.xpt, adsl.xpt, ..., or a mapping"))
    suffixes = (".csv", *SAS, *EXCEL)
    names = {p: Path(p.name.lower().removesuffix(".gz")) for p in sorted(folder.iterdir())}
    return {n.stem.upper(): p for p, n in names.items() if n.stem.upper() in DATASETS and n.suffix in suffixes}


def _opened(name: str, source: Any) -> pd.DataFrame:
    """Return a data set with its columns in capitals, its index the name of each row."""
    table, _ = open_table(source)
    table = table.rename(columns={c: str(c).strip().upper() for c in table.columns})
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise DataError([Problem(name, f"has two columns {c}", "one column of a name") for c in twice.unique()])
    return table.set_axis([f"{name}, row {r}" for r in table.index], axis=0)


def _known(asked: Mapping[str, str], opened: Mapping[str, pd.DataFrame]) -> None:
    """Raise where a column is asked for that no data set has."""
    everything = {c for table in opened.values() for c in table.columns}
    problems = [
        Problem("where", f"no data set has a column {c!r}", nearest(c, everything)) for c in asked if c not in everything
    ]
    if problems:
        raise DataError(problems)


def _aside(table: pd.DataFrame, asked: Mapping[str, str]) -> pd.Series:
    """Return of every row why it is not asked for, "" where it is."""
    import pandas as pd

    aside = pd.Series("", index=table.index)
    for column, value in asked.items():
        if column in table.columns:
            aside = aside.mask(
                (as_text(table[column]) != str(value)) & (aside == ""), f"not asked for: {column} is not {value}"
            )
    return aside


def _dataset(
    name: str, table: pd.DataFrame, people: AdslSubjects, asked: Mapping[str, str], reader: str | None, partial: Partial
) -> AdamDataset:
    """Return a data set of one reader."""
    aside = _aside(table, asked)
    rows = table[aside == ""]
    _one_meaning(name, rows)
    judged = rows[_judged(name, rows)]
    chosen = select_reader(judged, reader, name, _codes(judged) if name == "ADRS" else None)
    aside = aside.mask(aside.index.isin(judged.index[~chosen.rows]), chosen.reason)
    notes = tuple(note for note in chosen.notes if reader is not None)
    return AdamDataset(name, table, people, partial, aside, notes, chosen)


def _one_meaning(name: str, rows: pd.DataFrame) -> None:
    """Raise where one PARAMCD stands for several PARAM: two endpoints, readers or units under one name."""
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
        problems.append(Problem(name, what, f"choose one: where={{'PARAM': {same['PARAM'].iloc[0]!r}}}"))
    if problems:
        raise DataError(problems)


def _judged(name: str, rows: pd.DataFrame) -> pd.Series:
    """Return the rows that depend on who read: measurements, responses at visits; not deaths or what was derived of them.

    Endpoints do where a subject has one twice.
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
    """Return what names the reader of overall responses whose code does: OVRINV, OVRBICR."""
    codes = as_text(rows["PARAMCD"]).str.upper()
    several = codes[codes.map({c: response_of_paramcd(c) == "response" for c in codes.unique()}).astype(bool)].nunique() > 1
    return codes.where(codes.str.startswith("OVR"), "") if several else codes.where(codes == "", "")


def _together(
    parts: Mapping[str, TrialPart],
    people: AdslSubjects,
    sets: Mapping[str, AdamDataset],
    opened: Mapping[str, pd.DataFrame],
    title: str,
) -> TrialData:
    """Return the trial of all data sets, with what became of their rows and subjects."""
    import pandas as pd

    def joined(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
        some = [t for t in tables if len(t)]
        return pd.concat(some, ignore_index=True) if some else empty(tuple(columns))

    frame = next((part.frame for part in parts.values() if part.frame is not None), empty(COLUMNS))
    left_out = joined([people.left_out, *(part.left_out for part in parts.values())], LEFT_OUT)
    data = TrialData(
        frame,
        title,
        people.covariates,
        left_out,
        findings=joined([part.findings for part in parts.values()], FINDINGS),
        endpoints=joined([part.endpoints for part in parts.values()], ENDPOINTS),
        enrolled=people.everybody,
    )
    return replace(data, reconciliation=_account(data, parts, people, sets, opened))


def _account(
    data: TrialData,
    parts: Mapping[str, TrialPart],
    people: AdslSubjects,
    sets: Mapping[str, AdamDataset],
    opened: Mapping[str, pd.DataFrame],
) -> Reconciliation:
    """Return what became of the rows of each data set, and of all subjects."""
    accounts = []
    if people.rows:
        lost = set(people.left_out["row"])
        used = [row for row in people.rows if row not in lost]
        accounts.append(reconcile("ADSL", people.rows, used, people.left_out, people.columns, notes=people.notes))
    for name, part in parts.items():
        rows, strangers = sets[name].table.index, set(sets[name].subject) - set(people.everybody) - set(people.out) - {""}
        notes = [*part.notes, *(baseline_notes(part.frame) if part.frame is not None else ())]
        if people.covariates is not None and strangers:
            notes.append(f"{len(strangers)} subjects are not in ADSL: {', '.join(sorted(strangers)[:3])}")
        accounts.append(reconcile(name, rows, part.used, part.left_out, part.columns, notes=notes))
    whole = combine_reconciliations(data.title, accounts)
    everybody = [s for name in opened for s in identifiers(opened[name][SUBJECT])]
    subjects = reconcile(data.title, (), (), data.left_out, {}, subjects=everybody, kept=data.subjects)
    return replace(whole, tallies=(*whole.tallies, *subjects.tallies[1:]))


REQUIRED = {
    "ADSL": (SUBJECT,),
    "ADTR": (SUBJECT, "PARAMCD", "AVAL"),
    "ADRS": (SUBJECT, "PARAMCD", "AVALC"),
    "ADTTE": (SUBJECT, "PARAMCD", "AVAL", "CNSR"),
}


def _complete(tables: Mapping[str, pd.DataFrame]) -> None:
    if not set(tables) - {"ADSL"}:
        right = "give at least one of them; files of other names as a mapping, {'ADTR': path}"
        raise DataError(Problem("ADaM data", "none of ADTR, ADRS, ADTTE is there", right))
    problems = [
        Problem(name, f"no column {column}", "columns are named as ADaM has them")
        for name, table in tables.items()
        for column in REQUIRED[name]
        if column not in table.columns
    ]
    problems += [
        Problem(name, "has neither dates (ADT) nor relative days (ADY)", "one of the two says when")
        for name in ("ADTR", "ADRS")
        if name in tables and not {"ADT", "ADY"} & set(tables[name].columns)
    ]
    if problems:
        raise DataError(problems)
