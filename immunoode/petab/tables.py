"""The tables of a PEtab problem (version 1), opened and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

NEEDED = {
    "parameter": ("parameterId", "parameterScale", "lowerBound", "upperBound", "estimate"),
    "condition": ("conditionId",),
    "observable": ("observableId", "observableFormula", "noiseFormula"),
    "measurement": ("observableId", "simulationConditionId", "measurement", "time"),
}
_RIGHT = "a PEtab problem, version 1: its yaml file"


@dataclass(frozen=True)
class Tables:
    """The files of one problem: the path of the SBML model, and a table each of the rest."""

    where: str
    model: Path
    parameter: pd.DataFrame
    condition: pd.DataFrame
    observable: pd.DataFrame
    measurement: pd.DataFrame


def open_tables(path: str | Path) -> Tables:
    """Return the tables that a problem's yaml file names.

    Raises
    ------
    DataError
        If a file is missing or is no table, columns are missing, or ids are unknown; all that is wrong at once.
    """
    path = Path(path)
    content = _yaml(path)
    problems = content.get("problems") or []
    if str(content.get("format_version", 1)).split(".")[0] != "1" or len(problems) != 1:
        raise DataError(
            Problem(path.name, f"is version {content.get('format_version')} with {len(problems)} problems", _RIGHT)
        )
    files = {
        "parameter": _files(content.get("parameter_file")),
        **{
            name: _files(problems[0].get(f"{name}_files"))
            for name in ("condition", "observable", "measurement", "sbml")
        },
    }
    missing = [Problem(path.name, f"names no {name} file", _RIGHT) for name, found in files.items() if not found]
    lost = [path.parent / f for found in files.values() for f in found if not (path.parent / f).is_file()]
    missing += [Problem(path.name, f"names {f.name!r}, which is not there", "the files beside it") for f in lost]
    if missing:
        raise DataError(missing)
    tables = {name: _table(path.parent, files[name], name) for name in NEEDED}
    _known(tables, path.name)
    return Tables(path.name, path.parent / files["sbml"][0], **tables)


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    if not path.is_file():
        raise DataError(Problem(str(path), "there is no such file", _RIGHT))
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(Problem(path.name, f"is no yaml ({str(error).splitlines()[0]})", _RIGHT)) from None
    if not isinstance(content, dict):
        raise DataError(Problem(path.name, "is no problem", _RIGHT))
    return content


def _files(named: Any) -> list[str]:
    return [named] if isinstance(named, str) else [str(f) for f in named or []]


def _table(folder: Path, files: list[str], name: str) -> pd.DataFrame:
    import pandas as pd

    parts = [pd.read_csv(folder / f, sep="\t") for f in files]
    table = pd.concat(parts, ignore_index=True)
    missing = [
        Problem(files[0], f"no column {c!r}", f"{name} tables have it") for c in NEEDED[name] if c not in table.columns
    ]
    if missing:
        raise DataError(missing)
    return table[[NEEDED[name][0], *(c for c in table.columns if c != NEEDED[name][0])]]


def _known(tables: dict[str, pd.DataFrame], where: str) -> None:
    measured, problems = tables["measurement"], list[Problem]()
    for column, table in (("observableId", "observable"), ("simulationConditionId", "condition")):
        unknown = sorted(set(measured[column].astype(str)) - set(tables[table].iloc[:, 0].astype(str)))
        what = f"which the {table} table has not"
        problems += [Problem(where, f"measurements name {u!r}, {what}", f"an id of the {table} table") for u in unknown]
    before = measured.get("preequilibrationConditionId")
    if before is not None and before.notna().any():
        problems.append(Problem(where, "has pre-equilibration", "measurements from the initial values on"))
    if problems:
        raise DataError(problems)
