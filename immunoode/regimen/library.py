"""The library of regimens from clinical practice and published trials, each with its source."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.errors import Problem, RegimenError, nearest
from immunoode.model.library import models_taking
from immunoode.regimen.calendar import describe_rule
from immunoode.regimen.regimen import Regimen

if TYPE_CHECKING:
    import pandas as pd

FILE = Path(__file__).with_name("standard_of_care.toml")


def load_regimen(name: str) -> Regimen:
    """Load a regimen of the library.

    Parameters
    ----------
    name : str
        One of `list_regimens()`.

    Raises
    ------
    RegimenError
        If there is no such regimen.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.load_regimen("nivolumab_ipilimumab_lung").therapies
    ('nivolumab', 'ipilimumab')
    """
    if not isinstance(name, str) or name not in _library():
        raise RegimenError(Problem(f"regimen {name!r}", "is not in the library", nearest(str(name), _library())))
    entry = _library()[name]
    regimen = Regimen(title=entry["title"])
    for dose in entry["doses"]:
        regimen = regimen.dose(**dose)
    return regimen


def list_regimens() -> pd.DataFrame:
    """Return a table of the regimens of the library, indexed by name.

    Returns
    -------
    pandas.DataFrame
        Columns title, indication, therapies, models (the shipped models and variants that take the doses of each therapy),
        doses (as text), source.
    """
    import pandas as pd

    return pd.DataFrame([_row(name) for name in sorted(_library())]).set_index("name")


def _row(name: str) -> dict[str, str]:
    entry, regimen = _library()[name], load_regimen(name)
    return {
        "name": name,
        "title": entry["title"],
        "indication": entry["indication"],
        "therapies": ", ".join(regimen.therapies),
        "models": "; ".join(dict.fromkeys(models_taking(t) for t in regimen.therapies)),
        "doses": "; ".join(f"{d.therapy} {describe_rule(d)}" for d in regimen.doses),
        "source": entry["source"],
    }


@cache
def _library() -> dict[str, dict[str, Any]]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
