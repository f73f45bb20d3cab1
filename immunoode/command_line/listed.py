"""Texts of options that list names or state values: "a, b" and "NAME=VALUE"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from immunoode.command_line.parser import CommandError
from immunoode.errors import Problem
from immunoode.number_checks import is_number_text


def names_in(texts: Iterable[str]) -> list[str]:
    """Return the names in options that are repeated or hold several, separated by commas.

    Examples
    --------
    >>> names_in(["growth_rate, kill_rate", "shed"])
    ['growth_rate', 'kill_rate', 'shed']
    """
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def pairs(option: str, texts: Sequence[str], example: str) -> dict[str, str]:
    """Return what options of the form NAME=VALUE state.

    Raises
    ------
    CommandError
        With everything that is not of this form, or stated twice.

    Examples
    --------
    >>> pairs("--column", ["subject=Mouse ID"], "subject=ID")
    {'subject': 'Mouse ID'}
    """
    found, problems = dict[str, str](), list[Problem]()
    for text in texts:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not (name and sign and value):
            problems.append(Problem(f"{option} {text!r}", "is not NAME=VALUE", f"for example {option} {example}"))
        elif name in found:
            problems.append(Problem(f"{option} {name}", "is stated twice", "one value for each name"))
        found[name] = value
    CommandError.raise_if(problems)
    return found


def numbers(option: str, texts: Sequence[str], example: str) -> dict[str, float]:
    """Return what options of the form NAME=NUMBER state.

    Raises
    ------
    CommandError
    """
    stated = pairs(option, texts, example)
    bad = [
        Problem(f"{option} {n}={v}", "is not a number", f"for example {example}")
        for n, v in stated.items()
        if not is_number_text(v)
    ]
    CommandError.raise_if(bad)
    return {name: float(value) for name, value in stated.items()}


def ranges(option: str, texts: Sequence[str], example: str) -> dict[str, tuple[float, float]]:
    """Return what options of the form NAME=LOWER:UPPER state.

    Raises
    ------
    CommandError
    """
    stated = {name: value.split(":") for name, value in pairs(option, texts, example).items()}
    bad = [n for n, parts in stated.items() if len(parts) != 2 or not all(map(is_number_text, parts))]
    CommandError.raise_if(Problem(f"{option} {n}", "is not LOWER:UPPER", f"for example {example}") for n in bad)
    return {name: (float(low), float(high)) for name, (low, high) in stated.items()}
