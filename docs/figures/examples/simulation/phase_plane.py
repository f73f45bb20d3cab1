"""Phase plane."""

import immunoode as imo

ranges = {"tumour": (0.0, 6e4), "effectors": (0.0, 6e4)}
imo.plot.phase_plane("kirschner1998", "tumour", "effectors", others="quasi-steady", ranges=ranges)
