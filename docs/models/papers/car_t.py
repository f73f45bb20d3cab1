"""CAR T cells against lymphoma: Kimmel."""

from __future__ import annotations

from math import log

from papers.solve import Dose, Paper, added


def kimmel(growth=0.01):
    def rates(t, y):
        n, c, b = y
        total = n + c
        room = (total - 2.5e11) ** 2
        expansion = 0.0251 + 0.525 * room / (0.423 * total**2 + room)
        return [
            -0.17 * n * log(total / 2.5e11),
            -expansion * c * log(total / 6.96e10),
            growth * b - 1.15 * b * c / (2.024e9 + c),
        ]

    return rates


STATES = ("normal", "car_t_cells", "tumour")
START = (3e9, 1.8e8, 9.486e10)
PAPERS = [
    Paper("kimmel2021", STATES, 200, kimmel(), START),
    Paper(
        "kimmel2021",
        STATES,
        200,
        kimmel(0.19),
        START,
        variant="medium",
        doses=(Dose(100.0, "car_t", 2e8, added(1, 2e8)),),
        label="second infusion",
    ),
]
