"""The papers' equations, written out once more: see `solve`."""

from papers import cells, checkpoint, immune, size
from papers.solve import Dose, Paper

PAPERS: list[Paper] = [*immune.PAPERS, *checkpoint.PAPERS, *cells.PAPERS, *size.PAPERS]
__all__ = ["PAPERS", "Dose", "Paper"]
