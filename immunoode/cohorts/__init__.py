"""Calibrated cohorts as data: patients by distributions and seed, weights, and the trials that they were calibrated to."""

from __future__ import annotations

from immunoode.lazy_names import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
