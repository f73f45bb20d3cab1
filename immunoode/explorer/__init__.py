"""The interactive explorer: the result of `immunoode.explore` and its parts."""

from __future__ import annotations

from immunoode.lazy_names import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
