"""Endpoints, properties of a schedule and choices in words, with their units."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from immunoode.plot.quantity_labels import pretty_unit, sentence, words

_REDUCED = re.compile(r"(log\(\w+\)|\w+): (final_change|best_change|final|minimum|maximum|mean|area)\b")
_REDUCTIONS = {"final_change": "final change of", "best_change": "best change of", "area": "area under"}
_AT = re.compile(r"(log\(\w+\)|\w+): at\(([^)]*)\)")
_FIRST = re.compile(r"(log\(\w+\)|\w+): first_(above|below)\(([^)]*)\)")
_LOG = re.compile(r"\blog\((\w+)\)")
_EFFECTIVE = re.compile(r"effective_dose\((\w+), alpha_beta=([^,)]*), sparing=([^,)]*)\)")
_DOSAGES = {"cumulative": "total dose of", "largest": "largest dose of", "interval": "interval between doses of"}
_DOSAGE = re.compile(rf"({'|'.join(_DOSAGES)})\((\w+)\)")
_PART = re.compile(r"(amount|time)\((\w+)(?:, (\d+))?\)")
_QUANTILE, _TAIL = re.compile(r"quantile\(([^)]*)\) of "), re.compile(r"cvar\(([^)]*)\) of ")
_COMPARED = re.compile(r"^(.*?)( ?[<>]=? ?)(\S+)(.*)$")


def in_words(text: str) -> str:
    """Return an endpoint, a property of a schedule or choices in words, with a capital letter at the beginning.

    "cumulative(docetaxel)" is "Total dose of docetaxel", "sum_of_diameters: final" is "Final sum of diameters", and
    "transgene: at(180)" is "Transgene on day 180".
    """
    return sentence(_in_a_sentence(text))


def _in_a_sentence(text: str) -> str:
    text = _QUANTILE.sub(lambda found: f"{100 * float(found[1]):g} % quantile of ", text)
    text = _TAIL.sub(lambda found: f"mean of the worst {100 - 100 * float(found[1]):g} % of ", text)
    text = _REDUCED.sub(lambda found: f"{_REDUCTIONS.get(found[2], found[2])} {found[1]}", text)
    text = _AT.sub(r"\1 on day \2", text)
    text = _FIRST.sub(r"first day with \1 \2 \3", text)
    text = _LOG.sub(r"logarithm of \1", text)
    text = _EFFECTIVE.sub(r"biologically effective dose of \1 (α/β \2 Gy, sparing factor \3)", text)
    text = _DOSAGE.sub(lambda found: f"{_DOSAGES[found[1]]} {found[2]}", text)
    text = _PART.sub(_of_a_dose, text)
    return words(text.replace(">=", "≥").replace("<=", "≤"))


def _of_a_dose(found: re.Match[str]) -> str:
    which = f"dose {int(found[3]) + 1}" if found[3] else "dose"
    return f"{which} of {found[2]}" if found[1] == "amount" else f"time of {which} of {found[2]}"


def with_unit(name: str, units: Mapping[str, str]) -> str:
    """Return what `in_words` gives, with the unit in brackets, if there is one: Total dose of docetaxel (mg).

    The unit of an event stands behind its number: Transgene on day 180 ≥ 50 copies/µg.
    """
    event = None if name in units else _COMPARED.match(name)
    if event and event[1] in units:
        return in_words(f"{event[1]}{event[2]}") + f"{event[3]} {pretty_unit(units[event[1]])}".rstrip() + event[4]
    shown = pretty_unit(units.get(name, ""))
    return f"{in_words(name)} ({shown})" if shown else in_words(name)


def valued(name: str, value: object, units: Mapping[str, str]) -> str:
    """Return a choice with its value and unit: dose of docetaxel 75 mg."""
    number = ", ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in np.atleast_1d(np.asarray(value, object)))
    return f"{_in_a_sentence(name)} {number} {pretty_unit(units.get(name, ''))}".rstrip()
