"""Figures that a command gives: files in the format that their name ends in."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from immunoode.command_line.configuration import STANDARD
from immunoode.command_line.parser import CommandError, OutputFile, Parser
from immunoode.errors import Problem

ENDINGS = (".png", ".svg", ".pdf")


def add_figure(parser: Parser, name: str, what: str) -> None:
    """Add an option for a figure to a command."""
    parser.add_argument(name, metavar="FILE", type=OutputFile, help=f"{what}, as a {', '.join(ENDINGS)} file")


def check_figure(path: str | None) -> None:
    """Refuse the name of a figure that says no format, before anything is computed.

    Raises
    ------
    CommandError
    """
    if path == STANDARD or (path and Path(path).suffix.lower() not in ENDINGS):
        raise CommandError(Problem(str(path), "does not end in a format of figures", f"one of {', '.join(ENDINGS)}"))


def drawing() -> None:
    """Draw without a screen."""
    import matplotlib

    matplotlib.use("Agg")


def write_figure(path: str | None, draw: Callable[[], Any]) -> None:
    """Write the figure that a function draws, if a path is given.

    Parameters
    ----------
    path : str or None
    draw : callable
        Returns Axes, or an array or mapping of them.

    Raises
    ------
    FileError
    """
    from immunoode.atomic import write_whole

    if path:
        drawing()
        write_whole(path, _rendered(figure_of(draw()), Path(path).suffix.lower()[1:]), overwrite=True)


def figure_of(axes: Any) -> Any:
    """Return the figure of Axes, or of an array or mapping of them."""
    import numpy as np

    first = next(iter(axes.values())) if isinstance(axes, dict) else np.ravel(np.asarray(axes, dtype=object))[0]
    return first.figure


def _rendered(figure: Any, form: str) -> bytes:
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, dpi=150, bbox_inches="tight")
    plt.close(figure)
    return buffer.getvalue()
