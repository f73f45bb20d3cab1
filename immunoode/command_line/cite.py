"""`immunoode cite`: the references of models, and of the package, as BibTeX."""

from __future__ import annotations

from argparse import Namespace

from immunoode.command_line.command import Command
from immunoode.command_line.exit_status import FINE
from immunoode.command_line.model_arguments import model_text, one_model
from immunoode.command_line.parser import Parser

_DESCRIPTION = """Write what to cite as BibTeX: the package, then the papers of models and of the values of their
parameters, each once."""
_EXAMPLES = ("cite", "cite tumour_immune pd1_inhibitor:pembrolizumab > references.bib")


def _add_options(parser: Parser) -> None:
    parser.add_argument("models", metavar="MODEL", nargs="*", type=model_text, help="models, as for `immunoode simulate`")


def _run(given: Namespace) -> int:
    from immunoode.model.cite import cite

    entries = {_key(entry): entry for text in given.models for entry in cite(one_model(text)).split("\n\n") if entry}
    print("\n\n".join([package_entry(), *(entries[key] for key in sorted(entries))]))
    return FINE


def _key(entry: str) -> str:
    return entry.partition("{")[2].partition(",")[0]


def package_entry() -> str:
    """Return how to cite the package.

    Examples
    --------
    >>> print(package_entry().splitlines()[0])
    @software{immunoode,
    """
    from immunoode.command_line.package_version import package_version

    title = "immunoode: ODE pharmacodynamics of cancer immunotherapy"
    lines = ("author = {{immunoode developers}}", f"title = {{{title}}}", f"version = {{{package_version()}}}")
    return "@software{immunoode,\n" + "".join(f"  {line},\n" for line in lines) + "}"


COMMAND = Command("cite", "what to cite, as BibTeX", _DESCRIPTION, _EXAMPLES, _add_options, _run)
