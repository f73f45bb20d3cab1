"""Spellings of units in data: units of time in several languages, superscripts, Greek letters, volumes in words."""

from __future__ import annotations

import re
import unicodedata

from immunoode.errors import Problem, UnitError, nearest

_TIME = {
    "second": "s sec secs second seconds sekunde sekunden seconde secondes segundo segundos secondo secondi",
    "minute": "min mins minute minutes minuten minuto minutos minuti",
    "hour": "h hr hrs hour hours std stunde stunden heure heures hora horas ora ore uur uren timme timmar",
    "day": "d day days tag tage tagen jour jours dia dias giorno giorni dag dagen dagar dage 日 日数 天",
    "week": "w wk wks week weeks woche wochen semaine semaines semana semanas settimana settimane weken vecka veckor uge uger "
    "週 周 週間",
    "month": "mo mos mon mons mth mths mnth mnths month months monat monate monaten mois mes meses mese mesi maand maanden "
    "manad manader maned maneder 月 か月 ヶ月 カ月 個月 个月 月数",
    "year": "y yr yrs year years jahr jahre jahren an ans annee annees ano anos anno anni jaar jaren ar 年",
}
TIME_UNITS = {word: unit for unit, words in _TIME.items() for word in words.split()}
"""Units of time by their words in data, in lower case and without accents."""
_UNAMBIGUOUS = {
    word for word in TIME_UNITS if len(word) > 2 and word not in ("sec", "min", "mon", "std", "mes", "dia", "ora", "ore", "ans")
}
_IN_LABELS = _UNAMBIGUOUS | {"mo", "mos", "wk", "wks", "yr", "yrs", "hr", "hrs"}
"""Words that mean a unit of time anywhere in a label; shorter ones do so only in brackets or at the end."""

_SUPERSCRIPTS = str.maketrans({"²": "^2", "³": "^3", "µ": "u", "μ": "u", "·": "*", "⋅": "*", "×": "*", "−": "-", "\u00a0": " "})  # noqa: RUF001
_VOLUMES = (
    (
        re.compile(r"\b(?:cubic|cu\.?)\s*(?:mm|millimet(?:er|re)s?)\b|\b(?:mm|millimet(?:er|re)s?)\s*cubed\b|\bcmm\b", re.I),
        "mm^3",
    ),
    (
        re.compile(r"\b(?:cubic|cu\.?)\s*(?:cm|centimet(?:er|re)s?)\b|\b(?:cm|centimet(?:er|re)s?)\s*cubed\b|\bccm?\b", re.I),
        "cm^3",
    ),
)
_PLURAL = re.compile(r"(?<=\w)\((?:s|es|en|e|n)\)", re.I)
_GROUP = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_WORD = re.compile(r"[^\W\d_]+", re.UNICODE)


def plain(text: str) -> str:
    """Return a text in lower case, without accents and surrounding blanks, for comparing words.

    Examples
    --------
    >>> plain(" Días ")
    'dias'
    """
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold().strip()


def unit_text(text: str) -> str:
    """Return a unit as pint reads it, with superscripts, Greek letters and words for volumes replaced.

    Examples
    --------
    >>> unit_text("mm³"), unit_text("cubic mm"), unit_text("µg/mL")
    ('mm^3', 'mm^3', 'ug/mL')
    """
    result = text.translate(_SUPERSCRIPTS).strip()
    for pattern, unit in _VOLUMES:
        result = pattern.sub(unit, result)
    return result


def find_time_unit(text: str) -> str:
    """Return the unit of time that a text stands for ("MONTH(S)", "wk", "Tage"), "" for other texts.

    Examples
    --------
    >>> find_time_unit("MONTH(S)"), find_time_unit("Tage"), find_time_unit("mg")
    ('month', 'day', '')
    """
    return TIME_UNITS.get(_PLURAL.sub("", plain(text)).rstrip(". "), "")


def time_unit(text: str, where: str = "unit of time") -> str:
    """Return the unit of time that a text stands for: "second", "minute", "hour", "day", "week", "month" or "year".

    Parameters
    ----------
    text : str
        As written in data: "MO", "mos", "wk", "MONTH(S)", "HOURS", "Tage", in any case of letters.
    where : str
        Place of the text, for the message.

    Raises
    ------
    UnitError
        If it is not recognised. "m" is refused, as it may be a minute, a month or a metre.

    Examples
    --------
    >>> time_unit("MO"), time_unit("wk"), time_unit("Jahre")
    ('month', 'week', 'year')
    """
    found = find_time_unit(text)
    if not found:
        units = ("second", "minute", "hour", "day", "week", "month", "year")
        what = f"{text!r} is not a recognised unit of time"
        right = (
            "'month' or 'minute' in full"
            if plain(text) == "m"
            else nearest(plain(text), [*units, *_UNAMBIGUOUS])
            if len(text) > 3
            else "one of " + ", ".join(units)
        )
        raise UnitError(Problem(where, what, right))
    return found


def time_unit_in_label(label: str, where: str = "label") -> str:
    """Return the unit of time in a label, "" if there is none.

    Texts in brackets or after the last comma come before words in the label; a word after a number ("12-month survival") is not
    a unit.

    Raises
    ------
    UnitError
        If the label names two units of time.

    Examples
    --------
    >>> time_unit_in_label("Overall Survival (months) [ITT]"), time_unit_in_label("Time to death, weeks")
    ('month', 'week')
    >>> time_unit_in_label("OS (mo)"), time_unit_in_label("Best overall response"), time_unit_in_label("Rate at 12 months (%)")
    ('month', '', '')
    """
    label = _PLURAL.sub("", unicodedata.normalize("NFKC", label))
    stated = [unit for group in _GROUP.findall(label) for unit in _time_units_in(group)]
    outside = _GROUP.sub(" ", label)
    if not stated and "," in outside:
        stated = _time_units_in(outside.rsplit(",", 1)[1])
    if not stated:
        stated = _words_for_time(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", outside))
    if len(set(stated)) > 1:
        units = " and ".join(dict.fromkeys(stated))
        raise UnitError(Problem(where, f"{label!r} names two units of time, {units}", "state the unit of the values"))
    return stated[0] if stated else ""


def _time_units_in(part: str) -> list[str]:
    """Return the unit of time of a part of a label: the whole part, or words in it."""
    whole = find_time_unit(part)
    return [whole] if whole else _words_for_time(part)


def _words_for_time(text: str) -> list[str]:
    """Return the units of time of unambiguous words, except words next to a number ("12 months", "week 8")."""
    found = []
    for match in _WORD.finditer(text):
        word = plain(match[0])
        counted = re.search(r"\d[\s-]*$", text[: match.start()]) or re.match(r"[\s-]*\d", text[match.end() :])
        if word in _IN_LABELS and not counted:
            found.append(TIME_UNITS[word])
    return found
