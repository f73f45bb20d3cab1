"""Global sensitivity analysis: the influence of parameters on endpoints over the whole distribution of patients."""

from __future__ import annotations

from immunoode.lazy_names import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
