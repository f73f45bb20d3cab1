"""Errors in the words of the command line: where advice names an argument of a Python function, the option stands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from immunoode.errors import ImmunoodeError, Problem

_COLUMN = re.compile(r"columns=\{'(\w+)': '([^']*)'\}")
_OBSERVED = re.compile(r"observe=\{'([^']*)': '(\w+)'\}")
_WIDE = "read it with imo.trial.read_wide"
_ROLE = re.compile(r"columns=\{'(\w+)': \.\.\.\}")
_ANY_ROLE = "columns={...}"


def for_the_command_line(error: ImmunoodeError, options: Sequence[str]) -> ImmunoodeError:
    """Return the error with advice that names options of the command instead of arguments.

    Parameters
    ----------
    error : ImmunoodeError
    options : sequence of str
        The long options of the command: "--until".

    Examples
    --------
    >>> from immunoode.errors import SolveError
    >>> print(for_the_command_line(SolveError(Problem("simulate", "has no end", "for example until='1 year'")), ["--until"]))
    simulate: has no end; for example --until='1 year'
    """
    error.problems = tuple(
        Problem(in_options(p.where, options), in_options(p.what, options), in_options(p.right, options)) for p in error.problems
    )
    error.args = (error._text(),)
    return error


def in_options(text: str, options: Sequence[str]) -> str:
    """Return a text with options instead of Python arguments.

    Examples
    --------
    >>> in_options("look for a better minimum with starts=8", ["--starts"])
    'look for a better minimum with --starts=8'
    """
    text = _ROLE.sub(r"--column \1=HEADING", _COLUMN.sub(_column, text)) if "--column" in options else text
    text = text.replace(_ANY_ROLE, "--column ROLE=HEADING") if "--column" in options else text
    text = _OBSERVED.sub(r"--observe '\1=\2'", text) if "--observe" in options else text
    text = text.replace(_WIDE, "--layout wide") if "--layout" in options else text
    return re.sub(r"(?<![\w-])([a-z_]+)=(?=\S)", lambda found: _option(found, options), text)


def _column(found: re.Match[str]) -> str:
    role, heading = found[1], found[2]
    return f"--column {role}={heading}" if heading.isalnum() else f"--column '{role}={heading}'"


def _option(found: re.Match[str], options: Sequence[str]) -> str:
    option = f"--{found[1].replace('_', '-')}"
    return f"{option}=" if option in options else found[0]
