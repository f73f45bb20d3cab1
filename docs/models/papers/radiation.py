"""Radiation and macrophages: Rauf."""

from __future__ import annotations

from math import exp

from papers.solve import Dose, Paper, added


def rauf(strength, phagocytosis):
    def rates(t, y):
        c, e, m, d = y
        z = 2.56 * d / 1.2
        surviving = exp(-5.15e-3 * d - 6.58e-3 * d**2 * 2 * (z + exp(-z) - 1) / z**2) if d else 1.0
        growth = 0.453 * c * (1 - c / 1.77e9) - 4.5e-8 * c * e - phagocytosis * c * m
        return [
            growth * surviving - strength * (1 - surviving) * growth,
            1.65e4 - 7.41e-2 * e - 1.98e-9 * c * e,
            4.39e-7 - 3.949e-1 * m - 8.15338e-7 * c * m,
            0.0,
        ]

    return rates


PAPERS = [
    Paper(
        "rauf2025",
        ("tumour", "effectors", "macrophages", "radiation"),
        16.0,
        rauf(strength, phagocytosis),
        (start, 1.36395445e5, 1.74293804e5, 0.0),
        variant=variant,
        label=label,
        doses=(Dose(2.0, "fraction", gray, added(3, gray)),),
        shown=("tumour", "effectors"),
        stiff=True,
    )
    for variant, label, gray, start, strength, phagocytosis in (
        (None, "8 Gy, no SIRP alpha", 8.0, 1.92085180e7, 20.273235, 9.07e-7),
        ("dose_4_gy", "no SIRP alpha", 4.0, 2.52433991e7, 34.1489597, 9.07e-7),
        ("dose_15_gy", "no SIRP alpha", 15.0, 2.06475863e7, 9.97794583, 9.07e-7),
        ("wild_type", "8 Gy", 8.0, 1.92085180e7, 0.0, 0.0),
    )
]
