"""Oncolytic viruses: Bajzer, in millions of cells and virions there."""

from __future__ import annotations

from papers.solve import Dose, Paper, added

MILLION = 1e6


def measles(kappa, rho, delta, alpha):
    """Return rates in cells and virions of constants in millions."""

    def rates(t, state):
        y, x, v = (value / MILLION for value in state)
        room = 1 - (y + x) ** 1.648773 / 2139.258**1.648773
        dy = 0.2062134 * y * room - kappa * y * v - rho * x * y
        return [MILLION * d for d in (dy, kappa * y * v - delta * x, alpha * x - 0.3 * v - kappa * y * v)]

    return rates


PAPERS = [
    Paper(
        "bajzer2008",
        ("tumour", "infected", "virus"),
        60.0,
        measles(*constants),
        (126.237 * MILLION, 0.0, 0.0),
        variant=variant,
        doses=(Dose(1.0, "virus", 2 * MILLION, added(2, 2 * MILLION)), Dose(20.0, "virus", 2 * MILLION, added(2, 2 * MILLION))),
        stiff=True,
    )
    for variant, constants in ((None, (0.000448, 0.608, 0.309, 0.001)), ("large_burst", (0.000591, 0.141, 1.119, 0.9)))
]
