"""The papers' equations, written out once more, one file per kind of model: see `solve`."""

from importlib import import_module
from pkgutil import iter_modules

from papers.solve import Dose, Paper, case_of

_FILES = sorted(module.name for module in iter_modules(__path__) if module.name != "solve")
PAPERS: list[Paper] = [paper for name in _FILES for paper in getattr(import_module(f"papers.{name}"), "PAPERS", ())]
__all__ = ["PAPERS", "Dose", "Paper", "case_of"]
