"""The default role of docstrings: a public name leads to its page, all else is code."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from api_pages import topics
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

WORDS = re.compile(r"(?:imo\.|immunoode\.)?([A-Za-z_][\w.]*)(?:\(\))?")


@cache
def public_names() -> dict[str, str]:
    """Return full names, such as immunoode.trial.cox, by every form in which a docstring may write them."""
    full = [name for topic in topics() for name in topic.names]
    return {form: name for name in full for form in (name.removeprefix("immunoode."), name.rpartition(".")[2])}


def name_role(
    name: str, rawtext: str, text: str, lineno: int, inliner: Any, options: Any = None, content: Any = ()
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Return a reference to the page of a public name, or literal text."""
    code = nodes.literal(rawtext, text, classes=["py"])
    written = WORDS.fullmatch(text)
    full = public_names().get(written[1]) if written else None
    if full is None:
        return [code], []
    return [addnodes.pending_xref("", code, refdomain="py", reftype="obj", reftarget=full, refwarn=True)], []


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the role `name`."""
    app.add_role("name", name_role)
    return {"parallel_read_safe": True}
