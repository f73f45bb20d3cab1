"""HTML reports: one file with the command, texts, tables and figures."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from immunoode.command_line.configuration import configuration_text
from immunoode.command_line.figure_output import drawing, figure_of
from immunoode.command_line.parser import PageFile, Parser


def add_report(parser: Parser) -> None:
    """Add --report to the options of a command."""
    parser.add_argument(
        "--report", metavar="FILE.html", type=PageFile, help="a self-contained page: what was run, results, figures"
    )


def write_report(
    path: str, title: str, texts: Mapping[str, str], figures: Mapping[str, Callable[[], Any]], given: Namespace | None = None
) -> None:
    """Write a page that needs no other file.

    Parameters
    ----------
    path : str
    title : str
    texts : mapping
        Preformatted text by heading.
    figures : mapping
        Functions that draw, by heading.
    given : Namespace, optional
        The arguments of the command, which stand at the end as a configuration.

    Raises
    ------
    FileError
    """
    from immunoode.atomic import write_whole
    from immunoode.report import Section, image, page, png, preformatted

    drawing()
    sections = [Section(name, preformatted(text)) for name, text in texts.items() if text]
    sections += [Section(name, image(png(figure_of(draw())), name)) for name, draw in figures.items()]
    if given is not None:
        sections.append(Section("What was run", preformatted(configuration_text(given))))
    write_whole(path, page(title, sections), overwrite=True)


def joined_names(names: Sequence[str]) -> str:
    """Return names as a title: "a + b"."""
    return " + ".join(names)
