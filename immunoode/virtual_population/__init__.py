"""Virtual populations: distributions of parameters, virtual patients drawn from them, and which of these are plausible."""

from __future__ import annotations

from typing import Any

from immunoode.former_names import IN_NAMESPACES, former
from immunoode.lazy_names import attach_stub

_stated, __dir__, __all__ = attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    place = f"virtual_population.{name}"
    return former(place) if place in IN_NAMESPACES else _stated(name)
