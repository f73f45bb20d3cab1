"""The roles of the columns of a table: recognised headings, and the units in them."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from immunoode import units
from immunoode.errors import DataError, Problem, UnitError, nearest
from immunoode.tables.cells import as_text
from immunoode.unit_words import find_time_unit, plain, unit_text

if TYPE_CHECKING:
    from pandas import DataFrame

HEADINGS = {
    "subject": "subject id subject_id subjectid subj patient patient_id patientid pt pt_id ptid pat_id "
    "usubjid subjid unique_subject_identifier "
    "mouse mouse_id animal animal_id animal_no animal_number mouse_no mouse_number rat rat_id "
    "subject_no patient_no patient_number "
    "subject_number subject_identifier patient_identifier patient_anonmyized individual name",
    "arm": "arm group treatment tx therapy regimen cohort trt trt_group treatment_group treatment_arm study_arm "
    "arm_name group_name dose_group "
    "trt01p trt01a trtp trta actarm armcd",
    "time": "time day days t time_days time_day visit_day study_day studyday treatment_day day_of_study "
    "days_on_study time_point_day "
    "days_post_implantation days_after_implantation days_post_inoculation dpi hours weeks week months month years",
    "date": "date visit_date assessment_date scan_date measurement_date date_of_visit date_of_assessment adt",
    "visit": "visit visit_name visitname avisit timepoint time_point",
    "quantity": "quantity observable variable param paramcd endpoint measure analyte test",
    "value": "value dv y observation measurement aval result observed",
    "unit": "unit units observable_unit value_unit avalu",
    "length": "length tumor_length tumour_length long_diameter l",
    "width": "width tumor_width tumour_width short_diameter w",
    "volume": "volume tumor_volume tumour_volume tv tumor_size_volume vol tumorvolume tumourvolume",
    "lesion": "lesion lesion_id lesion_no lesion_number trlnkid tulnkid",
    "kind": "kind lesion_kind lesion_type trgrpid tugrpid",
    "censoring": "censoring cens censored bloq blq lloq_flag",
    "limit": "limit",
    "flag": "flag flags note comment comments remark remarks",
    "start": "start_date first_dose_date date_of_first_dose treatment_start trtsdt randdt rfstdtc rfxstdtc",
    "diameter": "diameter diam longest_diameter longestdiameter targetlesionlongdiam long_axis size",
    "finding": "finding flag lesion_status",
    "organ": "organ location site tuloc trloc",
    "markers_normal": "markers_normal",
    "sum_of_diameters": "sum_of_diameters sum sld sod sumdiam sdiam trgsld trgsum sum_of_longest_diameters",
    "target": "target target_response trgresp",
    "non_target": "non_target nontarget non_target_response nontarget_response ntrgresp",
    "new_lesion": "new_lesion newlesion newl any_new_lesion",
    "response": "response avalc ovr ovrlresp overall_response overall timepoint_response rsstresc recist",
    "reader": "reader evaluator treval rseval tueval rsevalid trevalid tuevalid",
}
"""Recognised headings by role, as `heading_words` writes them; which roles apply depends on the reader."""
KNOWN = {role: tuple(words.split()) for role, words in HEADINGS.items()}
_SUFFIXES = {
    "mm3": "mm^3",
    "cm3": "cm^3",
    "mm": "mm",
    "cm": "cm",
    "mg_l": "mg/L",
    "ug_ml": "ug/mL",
    "ng_ml": "ng/mL",
    "pg_ml": "pg/mL",
    "mg": "mg",
    "kg": "kg",
    "ul": "uL",
    "cm_3": "cm^3",
    "mm_3": "mm^3",
}
"""Units at the end of a heading, and their usual spelling: tumor_volume_mm3."""
_BRACKET = re.compile(r"^(?P<name>.*?)\s*[(\[{](?P<unit>[^()\[\]{}]*)[)\]}]\s*(?P<rest>.*)$", re.S)
_LIKE_UNIT = re.compile(r"[\d/^*³²%]")


@dataclass(frozen=True)
class Heading:
    """Name and unit in a heading.

    Attributes
    ----------
    words : str
        The name in lower case with underscores: "tumor_volume" for "Tumor volume (mm³)".
    unit : str
        The unit, "" if the heading states none.
    doubt : str
        The part that looks like a unit but is not recognised, "" if there is none.
    """

    words: str
    unit: str = ""
    doubt: str = ""


@cache
def parse_heading(name: str) -> Heading:
    """Split a heading into name and unit.

    Examples
    --------
    >>> parse_heading("Tumor volume (mm³)")
    Heading(words='tumor_volume', unit='mm^3', doubt='')
    >>> parse_heading("volume_mm3").unit, parse_heading("Time (weeks)").unit, parse_heading("Mouse ID").words
    ('mm^3', 'week', 'mouse_id')
    """
    bracket = _BRACKET.match(name)
    if bracket:
        inside, words = bracket["unit"].strip(), heading_words(f"{bracket['name']} {bracket['rest']}")
        unit = parse_unit(inside)
        return Heading(words, unit or "", "" if unit is not None or not _LIKE_UNIT.search(inside) else inside)
    if "," in name:
        first, last = name.rsplit(",", 1)
        unit = parse_unit(last.strip())
        if unit:
            return Heading(heading_words(first), unit)
    words = heading_words(unit_text(name).replace("^", ""))
    suffix = max((s for s in _SUFFIXES if words.endswith("_" + s)), key=len, default="")
    if suffix:
        return Heading(words[: -len(suffix) - 1], _SUFFIXES[suffix])
    return Heading(words)


def heading_words(name: str) -> str:
    """Return a heading in lower case, without accents, with single underscores instead of blanks and signs.

    Examples
    --------
    >>> heading_words(" Mouse-ID. ")
    'mouse_id'
    """
    return re.sub(r"[^\w]+|_+", "_", plain(name)).strip("_")


def columns_like(role: str, table: DataFrame) -> list[str]:
    """Return the columns whose headings are recognised for a role.

    Examples
    --------
    >>> import pandas as pd
    >>> columns_like("subject", pd.DataFrame(columns=["Patient", "TIME"]))
    ['Patient']
    """
    return [str(c) for c in table.columns if parse_heading(str(c)).words in KNOWN[role]]


def column_advice(name: str, contents: str, like: Sequence[str], table: DataFrame) -> str:
    """Return the advice for a missing column: which argument names it, with the column that may be it.

    Parameters
    ----------
    name : str
        The column that the reader needs.
    contents : str
        What it has, in the plural: "subjects".
    like : sequence of str
        Columns that may have it.
    table : DataFrame

    Examples
    --------
    >>> import pandas as pd
    >>> column_advice("ID", "subjects", ["Patient"], pd.DataFrame(columns=["Patient", "TIME"]))
    "columns={'ID': 'Patient'} if 'Patient' has the subjects"
    """
    if like:
        return f"columns={{{name!r}: {like[0]!r}}} if {like[0]!r} has the {contents}"
    here = ", ".join(map(str, table.columns))
    return f"columns={{{name!r}: ...}} with the name of the column that has the {contents} (columns: {here})"


def parse_unit(stated: str) -> str | None:
    """Return a unit in the spelling of the package, None if the text is not a unit.

    Examples
    --------
    >>> parse_unit("mm³"), parse_unit("MONTHS"), parse_unit("caliper")
    ('mm^3', 'month', None)
    """
    if not stated:
        return None
    time = find_time_unit(stated)
    if time:
        return time
    tidy = unit_text(stated)
    for written in (tidy.lower(), tidy) if tidy.isupper() else (tidy, tidy.lower()):  # CDISC writes MM and MG
        try:
            units.dimension(written)
        except UnitError:
            continue
        return re.sub(r"\b([munckd]?m)([23])\b", r"\1^\2", written)
    return None


@dataclass(frozen=True)
class ColumnRoles:
    """The column of a table for each role.

    Attributes
    ----------
    found : mapping of str to str
        From a role ("subject", "time", ...) to the column of the table.
    units : mapping of str to str
        By role, the unit in the heading of the column.
    notes : tuple of str
        Which other columns could have had a role, for the reconciliation.
    """

    found: Mapping[str, Any]
    units: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def taken_as(self, table: DataFrame) -> dict[str, str]:
        """Return for each column of the table its role, or that it is not used, as a reconciliation lists it."""
        from immunoode.tables.reconciliation import UNUSED

        roles: dict[Any, list[str]] = {}
        for role, column in self.found.items():
            unit = self.units.get(role, "")
            roles.setdefault(column, []).append(role + (f" in {unit}" if unit else ""))
        return {str(c): " and ".join(roles[c]) if c in roles else UNUSED for c in table.columns}


def named_columns(given: Any, where: str) -> Mapping[str, str]:
    """Return the columns that a caller names, none for None.

    Raises
    ------
    DataError
        If they are not a mapping.
    """
    if given is None or isinstance(given, Mapping):
        return given or {}
    raise DataError(Problem(f"{where}: columns", f"are {given!r:.60}", "columns by role: {'subject': 'Mouse ID'}"))


def find_columns(
    table: DataFrame,
    where: str,
    given: Mapping[str, str] | None = None,
    *,
    roles: Iterable[str],
    needed: Sequence[str] = (),
    synonyms: Mapping[str, Sequence[str]] = KNOWN,
) -> ColumnRoles:
    """Find the column of a table for each role; all problems are reported at once.

    Parameters
    ----------
    given : mapping of str to str, optional
        Columns that the caller names, by role.
    roles : iterable of str
        Roles that the reader looks for.
    needed : sequence of str
        Roles that must be found.
    synonyms : mapping of str to sequence of str
        Recognised headings of each role, as `heading_words` writes them.

    Raises
    ------
    DataError
        If the caller names an unknown role or column, a needed column is missing, or two columns with different content could
        have the same role.

    Notes
    -----
    A column with the name of the role comes first, and other candidates are noted. Otherwise two candidates are an error,
    unless they have the same content.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"Mouse ID": [1], "Day": [0], "TV (mm3)": [80.0]})
    >>> find_columns(table, "table", roles=("subject", "time", "volume")).found
    {'subject': 'Mouse ID', 'time': 'Day', 'volume': 'TV (mm3)'}
    """
    given, roles = dict(named_columns(given, where)), tuple(roles)
    problems = [
        Problem(f"{where}: columns", f"{k!r} is not a role of a column of this table", nearest(k, roles))
        for k in given
        if k not in roles
    ]
    problems += [
        Problem(f"{where}: columns", f"there is no column {v!r} for the role {k}", nearest(str(v), map(str, table.columns)))
        for k, v in given.items()
        if _names_one(v) and v not in table.columns
    ]
    found, notes = dict[str, Any](), list[str]()
    problems += [
        Problem(f"{where}: columns", f"{k} is {v!r}", "the name of one column") for k, v in given.items() if not _names_one(v)
    ]
    if not all(map(_names_one, given.values())):
        raise DataError(problems)
    free = [c for c in table.columns if c not in set(given.values())]
    for role in roles:
        if role in given:
            found[role] = given[role]
            continue
        hits = _candidates(role, free, synonyms.get(role, (role,)))
        if len(hits) > 1 and parse_heading(str(hits[0])).words != role and not _alike(table, hits):
            names = " and ".join(repr(str(h)) for h in hits)
            problems.append(Problem(where, f"{names} could each be the {role}", f"give columns={{{role!r}: {str(hits[0])!r}}}"))
        elif hits:
            found[role] = hits[0]
            notes += [f"{str(h)!r} could be the {role} too; {str(hits[0])!r} was taken" for h in hits[1:]]
    here = ", ".join(repr(str(c)) for c in table.columns[:40])
    problems += [
        Problem(where, f"no column for the {role} (columns: {here})", f"give columns={{{role!r}: 'its name'}}")
        for role in needed
        if role not in found and not any(role in p.what for p in problems)
    ]
    stated = {role: parse_heading(str(column)) for role, column in found.items()}
    problems += [
        Problem(f"{where}: column {str(found[role])!r}", f"{head.doubt!r} is not a recognised unit", "for example (mm^3)")
        for role, head in stated.items()
        if head.doubt
    ]
    DataError.raise_if(problems)
    return ColumnRoles(found, {role: head.unit for role, head in stated.items() if head.unit}, tuple(notes))


def _names_one(column: object) -> bool:
    return isinstance(column, Hashable)


def _candidates(role: str, columns: Sequence[Any], words: Sequence[str]) -> list[Any]:
    """Return the columns with one of the words as heading, the one with the name of the role first."""
    hits = [c for c in columns if parse_heading(str(c)).words in words or heading_words(str(c)) in words]
    return sorted(hits, key=lambda c: heading_words(str(c)) != role and parse_heading(str(c)).words != role)


def _alike(table: DataFrame, columns: Sequence[Any]) -> bool:
    first = as_text(table[columns[0]])
    return all(first.equals(as_text(table[c]).rename(first.name)) for c in columns[1:])
