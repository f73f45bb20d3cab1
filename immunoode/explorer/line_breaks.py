"""Long calls and lists of generated code over several lines, one argument per line."""

from __future__ import annotations

WIDTH = 100
_OPEN, _CLOSE = "([{", ")]}"


def broken(text: str, indent: int = 0, width: int = WIDTH) -> str:
    """Return an expression over several lines where it is wider than `width`.

    Parameters
    ----------
    text : str
        Code that `repr` or this package made, so that quotes are closed.
    indent : int
        Blanks before the line that the expression is on.
    width : int

    Examples
    --------
    >>> print(broken("names = ['first', 'second', 'third']", width=20))
    names = [
        'first',
        'second',
        'third',
    ]
    """
    if indent + len(text) <= width:
        return text
    begin, end, parts = _last_group(text)
    if len(parts) < 2 and not any(c in _OPEN for part in parts for c in part):
        return text
    inner = indent + 4
    lines = [" " * inner + broken(part, inner, width) + "," for part in parts]
    return "\n".join([text[:begin], *lines, " " * indent + text[end:]])


def _last_group(text: str) -> tuple[int, int, list[str]]:
    """Return where the longest outermost group in brackets begins and ends, and its parts between commas."""
    best, depth, start, quote = (0, len(text), list[str]()), 0, 0, ""
    commas: list[int] = []
    for k, c in enumerate(text):
        if quote:
            quote = "" if c == quote and text[k - 1] != "\\" else quote
        elif c in "'\"":
            quote = c
        elif c in _OPEN:
            depth += 1
            if depth == 1:
                start, commas = k + 1, []
        elif c in _CLOSE:
            depth -= 1
            if depth == 0 and (not best[2] or k - start > best[1] - best[0]):
                edges = [start - 1, *commas, k]
                best = start, k, [p for a, b in zip(edges, edges[1:], strict=False) if (p := text[a + 1 : b].strip())]
        elif c == "," and depth == 1:
            commas.append(k)
    return best
