"""Parameters of lmfit in saved results."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.fitting.arithmetic import fault
from immunoode.fitting.serialisation import OF_PARAMETERS, Unread, listed, number_or_nan, part_of

if TYPE_CHECKING:
    from lmfit import Parameters


def parameters_of(names: list[str], columns: Mapping[str, Any], texts: Mapping[str, str]) -> Parameters:
    """Return lmfit Parameters; expressions are arithmetic of known names.

    Raises
    ------
    Unread
        If an expression is more than that, or a name is not that of a parameter.
    """
    from lmfit import Parameter

    from immunoode.fitting.log_parameters import LogParameters

    problems = [f"{n!r:.40} is not an identifier" for n in names if not n.isidentifier()]
    whys = {n: fault(t, set(names) - {n}) if n in names else "is not a parameter" for n, t in texts.items()}
    problems += [f"{n!r:.40} = {texts[n]!r:.80} {why}" for n, why in whys.items() if why]
    if problems:
        raise Unread(problems[0])
    made = LogParameters()
    every = zip(names, columns["vary"].tolist(), *(columns[n].tolist() for n in OF_PARAMETERS), strict=True)
    for name, vary, value, low, high, error, first in every:
        one = Parameter(name, value, bool(vary) and name not in texts, low, high)
        made.add(one)
        one.stderr, one.init_value = (None if math.isnan(error) else error), first
    for name, text in texts.items():
        made[name].expr = text
    for name in texts:
        _ = made[name].value  # every expression has a value, or this says why not
    return made


def parameters_of_lmfit(text: str) -> Parameters:
    """Return the parameters of a file of format 1, as lmfit writes them; what lmfit would unpickle is ignored."""
    import json

    rows = listed(part_of(json.loads(text), "params"))
    names = [r[0] for r in rows if len(listed(r)) == 11 and isinstance(r[0], str)]
    if len(names) < len(rows) or len(set(names)) < len(names):
        raise Unread("lmfit parameters have other fields than lmfit writes")
    places = {"value": 1, "vary": 2, "min": 4, "max": 5, "stderr": 7, "init_value": 9}
    columns = {n: np.array([number_or_nan(r[k]) for r in rows]) for n, k in places.items()}
    columns["vary"] = columns["vary"] > 0
    params = parameters_of(names, columns, {r[0]: str(r[3]) for r in rows if r[3] is not None})
    for row in rows:
        if isinstance(row[8], dict):
            params[row[0]].correl = {str(n): number_or_nan(c) for n, c in row[8].items()}
    return params
