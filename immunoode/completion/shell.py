"""Adding the completion of names to an IPython shell, through IPython's list of custom matchers."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

IDENTIFIER = "immunoode.names"
"""The identifier of the matcher, by which IPython can switch it off (`IPCompleter.disable_matchers`)."""
_PRIORITY = 200
"""Above the matchers of IPython, so that they do not run where a name was found; file names would be offered otherwise."""


def add_to_running_shell() -> None:
    """Add the completion of names to the IPython shell that runs; do nothing, and import nothing, where none does."""
    running = getattr(sys.modules.get("IPython"), "get_ipython", None)
    if running is None:
        return
    with suppress(Exception):  # completion is a convenience, and must not keep the package from being imported
        shell = running()
        if shell is not None:
            load_ipython_extension(shell)


def load_ipython_extension(shell: Any) -> None:
    """Add the completion of names to an IPython shell; a second time has no effect."""
    from IPython.core.completer import context_matcher

    matchers = shell.Completer.custom_matchers
    if any(getattr(matcher, "matcher_identifier", "") == IDENTIFIER for matcher in matchers):
        return

    @context_matcher(identifier=IDENTIFIER, priority=_PRIORITY)  # type: ignore[untyped-decorator, unused-ignore]
    def names(context: Any) -> dict[str, Any]:
        fragment, found = "", list[str]()
        with suppress(Exception):  # IPython would print a traceback into the line that is being typed
            fragment, found = _completions(context, shell.user_ns)
        completions = [_completion(name) for name in found]
        # True would also stop matchers where nothing was found
        return {"completions": completions, "matched_fragment": fragment, "ordered": True, "suppress": bool(found)}

    matchers.append(names)


def _completion(name: str) -> Any:
    from IPython.core.completer import SimpleCompletion

    return SimpleCompletion(text=name, type="value")


def _completions(context: Any, namespace: dict[str, Any]) -> tuple[str, list[str]]:
    from immunoode.completion.offers import completions

    lines = context.full_text.split("\n")
    before = "\n".join([*lines[: context.cursor_line], lines[context.cursor_line][: context.cursor_position]])
    return completions(before, namespace)
