"""Formats of other tools: SBML, PEtab, NONMEM and ADaM in and out; models as code."""

from __future__ import annotations

from immunoode.lazy_names import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
