"""Optimal schedules: decision variables, limits, statistics over cohorts, Pareto fronts and dose finding."""

from __future__ import annotations

from immunoode.lazy_names import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
