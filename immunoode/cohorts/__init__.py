"""Calibrated cohorts as data: distributions and seed of the patients, weights, and the trials used for calibration."""

from __future__ import annotations

from immunoode.lazy_names import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
