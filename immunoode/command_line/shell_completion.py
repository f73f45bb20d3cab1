"""Completion of commands, options and names in bash and zsh, by the package argcomplete."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from immunoode.command_line.exit_status import NO
from immunoode.command_line.parser import Parser
from immunoode.completion.shipped import cohorts, models, regimens, therapies, variants

_ASKED = "_ARGCOMPLETE"
"""The variable of the environment that the shell sets when it asks."""


def answer_shell(parser: Parser, commands: Iterable[Parser]) -> None:
    """Answer a shell that asks for completions, and end; do nothing if none asks.

    Raises
    ------
    SystemExit
        Where argcomplete is not installed, because what is being typed must not be run.
    """
    if _ASKED not in os.environ:
        return
    try:
        complete = import_module("argcomplete").autocomplete
    except ModuleNotFoundError:
        raise SystemExit(NO) from None
    for command in commands:
        for name, action in command.named_actions().items():
            if name in _NAMES:
                action.completer = _NAMES[name]  # type: ignore[attr-defined]  # where argcomplete looks for it
    complete(parser)


def _models(prefix: str = "", **_: Any) -> list[str]:
    model, colon, _variant = prefix.partition(":")
    return [f"{model}:{variant}" for variant in variants(model)] if colon and model else [*models(), *_files(prefix)]


def _files(prefix: str) -> list[str]:
    """Return the model files that may be meant."""
    return list(import_module("argcomplete.completers").FilesCompleter(["toml"])(prefix))


_NAMES: Mapping[str, Callable[..., list[str]]] = {
    "models": _models,
    "model": _models,
    "regimen": lambda **_: regimens(),
    "dose": lambda **_: therapies(),
    "cohort": lambda **_: cohorts(),
}
"""The names for the values of arguments; file names are offered for the others."""
