"""Reading the analysis data of CDISC (ADaM): tumour results, responses, times to events, subjects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode import units as unit_texts
from immunoode.errors import DataError, Problem, UnitError
from immunoode.tables.files import EXCEL, SAS, open_table
from immunoode.trial.dates import as_dates, of_relative_day, study_days
from immunoode.trial.reading import read_rows
from immunoode.trial.rows import MISSING_WORDS, first_reason, quoting, text
from immunoode.trial.table import (
    COLUMNS,
    DIAMETER,
    ENDPOINTS,
    FINDINGS,
    LEFT_OUT,
    SUM_OF_DIAMETERS,
    TrialData,
    empty,
)

if TYPE_CHECKING:
    import pandas as pd

DATASETS = ("ADSL", "ADTR", "ADRS", "ADTTE")
SUBJECT = "USUBJID"
STARTS = ("TRTSDT", "RANDDT", "RFSTDTC")
"""Where days are counted from: the first of these that the subject has, in ADSL or in the data set itself."""
ARMS = ("TRT01P", "TRT01A", "TRTP", "TRTA", "ARM", "ACTARM")
SUMS = ("SDIAM", "SUMDIAM", "SLD", "TRGSLD", "TRGSUM")
"""PARAMCD of sums of diameters of target lesions."""
DAYS_OF = {"days": "day", "weeks": "week", "months": "month", "years": "year"}


def read_adam(
    source: str | Path | Mapping[str, Any],
    *,
    start: Sequence[str] = STARTS,
    arm: Sequence[str] = ARMS,
    sums: Sequence[str] = SUMS,
    where: Mapping[str, str] | None = None,
    time_unit: str | None = None,
    title: str = "",
) -> TrialData:
    """Read ADaM data sets as csv, SAS transport (xpt) or SAS data (sas7bdat) files.

    Parameters
    ----------
    source : folder, or mapping of name to path or DataFrame
        With ADTR (tumour results), ADRS (responses), ADTTE (times to events), each where there is one, and ADSL (subjects).
    start : sequence of str
        Columns of dates that day 0 may be; the first that there is counts.
    arm : sequence of str
        Columns of arms, likewise; ADSL before the data sets themselves.
    sums : sequence of str
        PARAMCD in ADTR that are sums of diameters. Rows that name a lesion (TRLNKID) are diameters of that lesion, others
        quantities by their PARAMCD.
    where : mapping, optional
        Rows to read, column to value, in each data set that has the column: {"ANL01FL": "Y", "TREVAL": "INVESTIGATOR"}.
    time_unit : str, optional
        Unit of AVAL in ADTTE. Left out: from AVALU, or from PARAM ("Overall Survival (Months)"), else days.
    title : str

    Returns
    -------
    TrialData
        Time from ADT and the subject's start; without dates from ADY, in which day 1 is the start. Responses are in `findings`,
        their PARAMCD for kind; times to events in `endpoints` (CNSR 0 is an event); all of ADSL's columns in `covariates`, and
        its subjects in `enrolled`: who was never assessed is not evaluable to `recist`, and counts. Rows that make no sense are
        listed in `left_out` with the data set that they are in.

    Raises
    ------
    DataError
        If no data set is found, or columns are missing, all at once.

    Examples
    --------
    >>> import pandas as pd
    >>> adtte = pd.DataFrame({"USUBJID": ["a", "b"], "TRTP": "drug", "PARAMCD": "OS", "AVAL": [12.0, 3.5], "AVALU": "MONTHS",
    ...                       "CNSR": [1, 0], "EVNTDESC": ["Alive", "Death"]})
    >>> read_adam({"ADTTE": adtte}).endpoints[["subject", "time", "event", "reason"]].to_dict("list")
    {'subject': ['a', 'b'], 'time': [365.25, 106.53125], 'event': [False, True], 'reason': ['Alive', 'Death']}
    """
    tables = {name: _opened(name, table, where or {}) for name, table in _sources(source).items()}
    _complete(tables)
    people = _People.of(tables.get("ADSL"), start, arm)
    data = TrialData(
        empty(COLUMNS), title=title or "ADaM data", covariates=people.covariates, enrolled=people.everybody
    )
    if "ADTR" in tables:
        data = _tumour_results(data, _Dataset("ADTR", tables["ADTR"], people), sums)
    if "ADRS" in tables:
        data = _responses(data, _Dataset("ADRS", tables["ADRS"], people))
    if "ADTTE" in tables:
        data = _times(data, _Dataset("ADTTE", tables["ADTTE"], people), time_unit)
    if not len(data) and not len(data.findings) and not len(data.endpoints):
        raise DataError(Problem(title or "ADaM data", "no row is left", "give ADTR, ADRS or ADTTE with values"))
    return data


def _sources(source: Any) -> dict[str, Any]:
    """Return the data sets by name."""
    if isinstance(source, Mapping):
        unknown = [n for n in source if str(n).upper() not in DATASETS]
        if unknown:
            raise DataError(
                [Problem(f"data set {n!r}", "is not read", "known: " + ", ".join(DATASETS)) for n in unknown]
            )
        return {str(name).upper(): table for name, table in source.items()}
    folder = Path(source)
    if not folder.is_dir():
        raise DataError(
            Problem(str(folder), "is not a folder", "give a folder with adtr.xpt, adsl.xpt, ..., or a mapping")
        )
    suffixes = (".csv", *SAS, *EXCEL)
    return {
        p.stem.upper(): p
        for p in sorted(folder.iterdir())
        if p.stem.upper() in DATASETS and p.suffix.lower() in suffixes
    }


def _opened(name: str, source: Any, where: Mapping[str, str]) -> pd.DataFrame:
    table, _ = open_table(source)
    table = table.rename(columns={c: str(c).strip().upper() for c in table.columns})
    for column, value in where.items():
        if column in table.columns:
            table = table[text(table[column]) == value]
    return table.set_axis([f"{name}, row {r}" for r in table.index], axis=0)


REQUIRED = {
    "ADSL": (SUBJECT,),
    "ADTR": (SUBJECT, "PARAMCD", "AVAL"),
    "ADRS": (SUBJECT, "PARAMCD", "AVALC"),
    "ADTTE": (SUBJECT, "PARAMCD", "AVAL", "CNSR"),
}


def _complete(tables: Mapping[str, pd.DataFrame]) -> None:
    if not set(tables) - {"ADSL"}:
        raise DataError(Problem("ADaM data", "none of ADTR, ADRS, ADTTE is there", "give at least one of them"))
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


@dataclass(frozen=True)
class _People:
    """What ADSL says of the subjects: where their days begin, their arms, and the rest."""

    start: Mapping[str, Any]
    arm: Mapping[str, str]
    covariates: pd.DataFrame | None
    starts: Sequence[str]
    arms: Sequence[str]

    @classmethod
    def of(cls, table: pd.DataFrame | None, starts: Sequence[str], arms: Sequence[str]) -> _People:
        if table is None:
            return cls({}, {}, None, starts, arms)
        subject = text(table[SUBJECT])
        if subject.duplicated().any():
            twice = subject[subject.duplicated()]
            raise DataError(
                Problem(str(twice.index[0]), f"is a second row of {twice.iloc[0]}", "one row a subject in ADSL")
            )
        begins = _first(table, starts)
        start = {} if begins is None else dict(zip(subject, as_dates(begins), strict=True))
        named = _first(table, arms)
        arm = {} if named is None else dict(zip(subject, text(named), strict=True))
        rest = table.drop(columns=[SUBJECT]).set_axis(list(subject), axis=0)
        return cls(start, arm, rest, starts, arms)

    @property
    def everybody(self) -> dict[str, str]:
        """The arm of each subject of ADSL, "all" where it names none."""
        names = () if self.covariates is None else self.covariates.index
        return {str(name): self.arm.get(name, "all") for name in names if name != ""}


def _first(table: pd.DataFrame, names: Sequence[str]) -> pd.Series | None:
    return next((table[n] for n in names if n in table.columns and table[n].notna().any()), None)


@dataclass(frozen=True)
class _Dataset:
    """One data set with what ADSL says of its subjects."""

    name: str
    table: pd.DataFrame
    people: _People

    @property
    def subject(self) -> pd.Series:
        return text(self.table[SUBJECT])

    @property
    def arm(self) -> pd.Series:
        import pandas as pd

        own = _first(self.table, self.people.arms)
        here = pd.Series("all", index=self.table.index) if own is None else text(own)
        return self.subject.map(dict(self.people.arm)).fillna(here)

    @property
    def time(self) -> pd.Series:
        """Days from the start by dates, else by relative days; NaN where there are neither."""
        import pandas as pd

        days = pd.Series(float("nan"), index=self.table.index)
        if "ADT" in self.table.columns:
            own = _first(self.table, self.people.starts)
            start = self.subject.map(dict(self.people.start)) if self.people.start else own
            if start is not None:
                days = study_days(self.table["ADT"], start)
        if "ADY" in self.table.columns:
            relative = of_relative_day(pd.to_numeric(self.table["ADY"], errors="coerce").astype(float))
            days = days.where(days.notna(), relative)
        return days

    def column(self, *names: str) -> pd.Series:
        """Return the first of these columns as text, "" where there is none."""
        import pandas as pd

        found = next((n for n in names if n in self.table.columns), None)
        return pd.Series("", index=self.table.index) if found is None else text(self.table[found])


def _tumour_results(data: TrialData, tumours: _Dataset, sums: Sequence[str]) -> TrialData:
    import pandas as pd

    code = tumours.column("PARAMCD").str.upper()
    is_sum = code.isin([s.upper() for s in sums])
    lesion = tumours.column("TRLNKID", "LESION").where(~is_sum, "")
    quantity = code.str.lower().mask(lesion != "", DIAMETER).mask(is_sum, SUM_OF_DIAMETERS)
    table = pd.DataFrame(
        {
            "subject": tumours.subject, "arm": tumours.arm, "time": tumours.time, "quantity": quantity,
            "value": tumours.table["AVAL"], "unit": _unit(tumours),
            "lesion": lesion, "kind": _kind(tumours).where(lesion != "", ""), "visit": tumours.column("AVISIT", "VISIT"),
        }
    )  # fmt: skip
    words = tumours.column("AVALC").str.lower() if "AVALC" in tumours.table.columns else table["kind"].map(lambda _: "")
    worded = (
        table["value"].isna()
        & ~words.isin(MISSING_WORDS - {"ne", "not evaluable"})
        & (lesion != "")
        & table["time"].notna()
    )
    numbers = table[~worded]
    names = {name: name for name in table.columns}
    read = read_rows(numbers, "ADTR", names, bad_rows="leave out") if len(numbers) else data
    found = table[worded].assign(finding=words[worded].replace({"ne": "not evaluable"}), row=table.index[worded])
    return replace(
        data,
        frame=read.frame,
        left_out=_joined(data.left_out, read.left_out, LEFT_OUT),
        findings=_joined(data.findings, found, FINDINGS),
    )


def _unit(tumours: _Dataset) -> pd.Series:
    """Return the unit of each row: stated, or in brackets after the parameter's name, else mm."""
    stated = tumours.column("AVALU", "TRSTRESU").str.lower()
    bracketed = tumours.column("PARAM").str.extract(r"\(([^()]*)\)\s*$")[0].fillna("").str.lower()
    unit = stated.where(stated != "", bracketed)
    return unit.where(unit.map({u: _is_unit(u) for u in unit.unique()}), "mm")


def _is_unit(unit: str) -> bool:
    try:
        return bool(unit) and unit_texts.dimension(unit) is not None
    except UnitError:
        return False


def _kind(tumours: _Dataset) -> pd.Series:
    """Return what each lesion is: "target", "non-target", "new", and whether it is a lymph node."""
    group = tumours.column("TRGRPID", "TUGRPID").str.lower()
    kind = (
        group.where(group != "", "target")
        .str.replace("nontarget", "non-target")
        .str.replace("non target", "non-target")
    )
    kind = kind.where(kind.isin(("target", "non-target")), kind.where(~kind.str.startswith("new"), "new"))
    node = tumours.column("TULOC", "TRLOC").str.lower().str.contains("lymph node", regex=False)
    return kind.mask(node & (kind != "new"), kind + " node")


def _responses(data: TrialData, responses: _Dataset) -> TrialData:
    table = responses.table.assign(
        subject=responses.subject, arm=responses.arm, time=responses.time, lesion="",
        kind=responses.column("PARAMCD"), finding=responses.column("AVALC"),
        visit=responses.column("AVISIT", "VISIT"), row=responses.table.index,
    )  # fmt: skip
    bad = first_reason(
        (table["subject"] == "", "has no subject"),
        (table["finding"].str.lower().isin(MISSING_WORDS - {"ne"}), "no response"),
        (table["time"].isna(), "has no day"),
    )
    return replace(
        data,
        findings=_joined(data.findings, table[bad == ""], FINDINGS),
        left_out=_joined(data.left_out, table[bad != ""].assign(reason=bad[bad != ""]), LEFT_OUT),
    )


def _times(data: TrialData, times: _Dataset, time_unit: str | None) -> TrialData:
    import pandas as pd

    value = pd.to_numeric(times.table["AVAL"], errors="coerce").astype(float)
    censored = pd.to_numeric(times.table["CNSR"], errors="coerce")
    descriptions = [times.column("EVNTDESC"), times.column("CNSDTDSC")]
    table = times.table.assign(
        subject=times.subject, arm=times.arm, endpoint=times.column("PARAMCD"), time=value * _days(times, time_unit),
        event=censored == 0, reason=descriptions[0].where(descriptions[0] != "", descriptions[1]), row=times.table.index,
    )  # fmt: skip
    bad = first_reason(
        (table["subject"] == "", "has no subject"),
        (value.isna(), quoting("time {} is not a number", times.column("AVAL"))),
        (value < 0, quoting("time {} is negative", times.column("AVAL"))),
        (censored.isna(), "CNSR is not a number"),
        (table.duplicated(["subject", "endpoint"]), "repeats the endpoint of the subject"),
    )
    return replace(
        data,
        endpoints=_joined(data.endpoints, table[bad == ""], ENDPOINTS),
        left_out=_joined(data.left_out, table[bad != ""].assign(reason=bad[bad != ""]), LEFT_OUT),
    )


def _days(times: _Dataset, time_unit: str | None) -> pd.Series:
    """Return the days in each row's unit of time."""
    stated = times.column("AVALU").str.lower()
    bracketed = times.column("PARAM").str.lower().str.extract(r"\(([a-z]+)\)\s*$")[0].fillna("")
    unit = stated.where(stated != "", bracketed).map(lambda u: DAYS_OF.get(u, u.removesuffix("s")))
    known: Callable[[str], str] = lambda u: u if u in DAYS_OF.values() else "day"  # noqa: E731
    return unit.map(lambda u: unit_texts.factor(time_unit or known(u), "day"))


def _joined(first: pd.DataFrame, second: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    parts = [t[list(columns)] for t in (first, second) if len(t)]
    return pd.concat(parts, ignore_index=True) if parts else empty(columns)
