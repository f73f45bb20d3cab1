"""The papers' equations, written out once more: see `solve`."""

from papers import adaptive, antibodies, cells, checkpoint, immune, ours, size, toxicity
from papers.solve import Dose, Paper, case_of

PAPERS: list[Paper] = [
    *immune.PAPERS,
    *checkpoint.PAPERS,
    *cells.PAPERS,
    *size.PAPERS,
    *ours.PAPERS,
    *antibodies.PAPERS,
    *toxicity.PAPERS,
    *adaptive.PAPERS,
]
__all__ = ["PAPERS", "Dose", "Paper", "case_of"]
