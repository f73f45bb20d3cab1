"""Pages of the API reference: one per public name and one per topic, written before the build from the stubs of the package.

A topic is a namespace together with the names of the top level that the same part of the package defines.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from run_examples import example_of, has_own
from sphinx.application import Sphinx
from sphinx.config import Config
from written_pages import write_changed

import immunoode
from immunoode.lazy_names import stated_names

TITLES = {
    "model": "Models",
    "regimen": "Regimens",
    "solve": "Simulation",
    "analysis": "Steady states and local sensitivities",
    "trial": "Trial data, response and survival",
    "fitting": "Fitting",
    "population": "Population fits",
    "scenario": "Scenarios",
    "combination": "Combinations: independent action and synergy",
    "virtual_population": "Virtual populations",
    "cohorts": "Calibrated cohorts",
    "virtual_trial": "Virtual trials",
    "optimisation": "Optimal schedules",
    "sensitivity_analysis": "Global sensitivity",
    "plot": "Figures",
    "io": "Formats of other tools",
    "errors": "Errors and warnings",
}
"""The topics in the order of the reference; a part of the package that is not listed comes at the end, under its own name."""


@dataclass(frozen=True)
class Topic:
    """A page of the reference: public names by the path under which users write them."""

    part: str
    names: tuple[str, ...]

    @property
    def title(self) -> str:
        return TITLES.get(self.part, self.part.replace("_", " ").capitalize())


def topics() -> list[Topic]:
    """Return all topics; every public name is in exactly one."""
    found: dict[str, list[str]] = {part: [] for part in TITLES}
    for name, home in stated_names(immunoode.__file__).items():
        if home != ".":
            found.setdefault(home.split(".")[1], []).append(f"immunoode.{name}")
    for space in immunoode.NAMESPACES:
        module = getattr(immunoode, space)
        found.setdefault(space, []).extend(f"immunoode.{space}.{name}" for name in module.__all__)
    return [Topic(part, tuple(names)) for part, names in found.items() if names]


def _about(part: str) -> str:
    text = (import_module(f"immunoode.{part}").__doc__ or "").strip()
    return text.split("\n\n")[0]


def _heading(text: str) -> list[str]:
    return [text, "=" * len(text), ""]


def topic_page(topic: Topic) -> str:
    """Return a topic's page, in reStructuredText."""
    lines = [*_heading(topic.title), _about(topic.part), "", ".. currentmodule:: immunoode", ""]
    lines += [
        ".. autosummary::",
        "   :nosignatures:",
        "",
        *(f"   {name.removeprefix('immunoode.')}" for name in topic.names),
        "",
    ]
    lines += [".. toctree::", "   :hidden:", "", *(f"   {name} <{name}>" for name in topic.names)]
    return "\n".join(lines) + "\n"


def name_page(name: str) -> str:
    """Return the page of a public name."""
    place, _, own = name.rpartition(".")
    value = getattr(import_module(place), own)
    directive = [f".. autoclass:: {own}", "   :members:"] if isinstance(value, type) else [f".. autofunction:: {own}"]
    lines = [*_heading(name), f".. currentmodule:: {place}", "", *directive, "", *_example(name.removeprefix("immunoode."))]
    return "\n".join(lines) + "\n"


def _example(name: str) -> list[str]:
    """Return an example from elsewhere, where the docstring has none."""
    example = None if has_own(name) else example_of(name)
    if example is None:
        return []
    source = {
        "name": f"As :py:obj:`immunoode.{example.place}` returns it:",
        "gallery": "A figure, as tests draw it:",
        "page": f"From the page :doc:`/{example.place}`:",
    }
    code = [f"   {line}".rstrip() for line in example.code.strip().splitlines()]
    return [".. rubric:: Example", "", source[example.kind], "", ".. code-block:: python", "", *code]


def pages() -> dict[str, str]:
    """Return the text of every file of docs/api, by its name."""
    found = topics()
    topic_pages = {f"{topic.part}.rst": topic_page(topic) for topic in found}
    name_pages = {f"{name}.rst": name_page(name) for topic in found for name in topic.names}
    toctree = [".. toctree::", "   :maxdepth: 1", "", *(f"   api/{topic.part}" for topic in found)]
    return topic_pages | name_pages | {"topics.inc": "\n".join(toctree) + "\n"}


def write_pages(app: Sphinx, config: Config) -> None:
    """Write the pages into docs/api."""
    write_changed(Path(app.srcdir) / "api", pages())


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages before Sphinx looks which there are."""
    app.connect("config-inited", write_pages)
    return {"parallel_read_safe": True}
