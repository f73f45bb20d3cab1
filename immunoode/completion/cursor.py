"""Where the cursor is in a text that is being typed: in which string, of which argument, of which call."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

_MARK = "_immunoode_cursor_"
"""What the text at the cursor is replaced by, to be found again in the parsed call."""
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_SKIPPED = re.compile(
    r"#[^\n]*"
    r"|'''(?:\\.|[^\\])*?'''"
    r'|"""(?:\\.|[^\\])*?"""'
    r"|'(?:\\.|[^'\\\n])*'"
    r'|"(?:\\.|[^"\\\n])*"',
    re.DOTALL,
)
"""Comments and complete strings."""
_NAME = re.compile(r"[\w.]+\s*$")


@dataclass(frozen=True)
class Cursor:
    """A cursor in a string of a call.

    Attributes
    ----------
    argument : int or str
        The position or the name of the argument that the string is in.
    key : bool
        Whether the string is a key of a dictionary, otherwise it is the argument or an item of a list.
    fragment : str
        The part of the string before the cursor.
    call : ast.Call
        With what is written before the cursor.
    """

    argument: int | str
    key: bool
    fragment: str
    call: ast.Call


def cursor_of(before: str) -> Cursor | None:
    """Return where the cursor is, or None if it is in no string of a call.

    Parameters
    ----------
    before : str
        The text before the cursor.

    Examples
    --------
    >>> found = cursor_of('run = imo.simulate(model, until="1 year", outputs=["tumour", "sum')
    >>> ast.unparse(found.call.func), found.argument, found.fragment
    ('imo.simulate', 'outputs', 'sum')
    """
    code = _SKIPPED.sub(lambda skipped: re.sub(r"[^\n]", " ", skipped.group()), before)
    line = code.rfind("\n") + 1
    quote = next((i for i in range(line, len(code)) if code[i] in "'\""), None)
    if quote is None:
        return None
    opened = _opened(code[:quote])
    for depth, bracket in reversed(list(enumerate(opened))):
        start = _start_of_called(code, bracket)
        if code[bracket] == "(" and start < bracket:
            closing = "".join(_CLOSING[code[i]] for i in reversed(opened[depth:]))
            return _parsed(before[start:quote], closing, before[quote + 1 :])
    return None


def _start_of_called(code: str, bracket: int) -> int:
    """Return where the expression begins that is called by a bracket: a dotted name, or a chain of calls of methods."""
    start = bracket
    while name := _NAME.search(code[:start]):
        start = name.start()
        before = code[:start].rstrip(" \t\n\\")
        if not (name.group().startswith(".") and before.endswith(")")):
            break
        start = _opening(before)
    return start


def _opening(code: str) -> int:
    """Return the position of the bracket that the last letter of a text closes."""
    depth = 0
    for i in range(len(code) - 1, -1, -1):
        depth += (code[i] in _CLOSING.values()) - (code[i] in _CLOSING)
        if depth == 0:
            return i
    return 0


def _opened(code: str) -> list[int]:
    """Return the positions of the brackets that are open at the end of a text."""
    opened = list[int]()
    for i, letter in enumerate(code):
        if letter in _CLOSING:
            opened.append(i)
        elif letter in _CLOSING.values() and opened:
            opened.pop()
    return opened


def _parsed(typed: str, closing: str, fragment: str) -> Cursor | None:
    """Return the cursor in a call that was typed up to a quote, which is closed with brackets as far as it is open."""
    for ending in (f": 0{closing}", closing) if closing.startswith("}") else (closing,):
        try:
            call = ast.parse(f"({typed}{_MARK!r}{ending})", mode="eval").body
        except SyntaxError:
            continue
        return _in_call(call, fragment) if isinstance(call, ast.Call) else None
    return None


def _in_call(call: ast.Call, fragment: str) -> Cursor | None:
    arguments: list[tuple[int | str | None, ast.expr]] = [*enumerate(call.args), *((k.arg, k.value) for k in call.keywords)]
    for argument, value in arguments:
        if argument is not None and (key := _as_key(value)) is not None:
            return Cursor(argument, key, fragment, call)
    return None


def _as_key(value: ast.expr) -> bool | None:
    """Return whether the cursor is in a key of an argument; None if it is neither in a key, in an item, nor in the whole."""
    if isinstance(value, ast.Dict):
        return True if any(map(_is_mark, value.keys)) else None
    items = value.elts if isinstance(value, ast.List | ast.Tuple | ast.Set) else [value]
    return False if any(map(_is_mark, items)) else None


def _is_mark(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value == _MARK
