"""Analysis of combinations: independent drug action from survival curves and response rates, and synergy."""

from __future__ import annotations

from immunoode.lazy_names import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
