"""Tumour burden under a checkpoint inhibitor in closed form: Butner."""

from __future__ import annotations

import numpy as np

from papers.solve import Paper


def butner(growth, kill, infiltration):
    """Equations 1 and 2 of the paper."""
    final = 1 + (growth - kill) / (kill * infiltration)

    def solution(times):
        return [final / (1 - (1 - final) * np.exp(-(growth - kill + kill * infiltration) * times))]

    return solution


VANISHING = {"growth_rate": 0.0069, "kill_rate": 0.054, "infiltration": 0.3}
PAPERS = [
    Paper("butner2021", ("tumour",), 400, solution=butner(0.018, 0.054, 0.714), label="response"),
    Paper("butner2021", ("tumour",), 400, solution=butner(0.018, 0.013, 0.0995), variant="no_response"),
    Paper("butner2021", ("tumour",), 400, solution=butner(*VANISHING.values()), values=VANISHING, label="no tumour in the end"),
]
