"""Analysis of a model's behaviour: steady states and their stability, nullclines, local sensitivities."""

from __future__ import annotations

from immunoode.lazy_names import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
