"""What attaches to any tumour: circulating DNA, and the radiation of a ligand; on the tumour of Kuznetsov."""

from __future__ import annotations

from math import exp, log

from papers.solve import Dose, Paper, added


def tumour(e, x):
    """Return the rates of effectors and tumour cells."""
    grow = 0.18 * x * (1 - 2e-9 * x) - 1.101e-7 * e * x
    return [1.3e4 + 0.1245 * e * x / (2.019e7 + x) - 3.422e-10 * e * x - 0.0412 * e, grow]


CLEARANCE = log(2) / (30 / 1440)


def shedding(t, y):
    e, x, g = y
    return [*tumour(e, x), 1.4e-4 * 0.136 * x - CLEARANCE * g]


def ligand(t, y):
    e, x, remaining, damage = y
    rate = log(2) / (40.5 / 24) * remaining
    change = tumour(e, x)
    change[1] -= rate * (0.2 + 2 * 0.02 * damage) * x
    return [*change, -rate, rate - log(2) / 0.03 * damage]


def fraction(y):
    """Two gray from outside."""
    y[0] *= exp(-0.4 * 0.1 * 2)
    y[1] *= exp(-(0.2 * 2 + 0.02 * 4 + 2 * 0.02 * 2 * y[3]))
    y[3] += 2
    return y


PAPERS = [
    Paper(
        "ctdna",
        ("effectors", "tumour", "ctdna_genomes"),
        100.0,
        shedding,
        (3.2e5, 5e6, 1.4e-4 * 0.136 * 5e6 / CLEARANCE),
        base=("kuznetsov1994",),
        stiff=True,
        shown=("ctdna_genomes", "tumour"),
    ),
    Paper(
        "radioligand",
        ("effectors", "tumour", "radioligand_remaining", "radiotherapy_damage"),
        60.0,
        ligand,
        (3.2e5, 5e6, 0.0, 0.0),
        variant="lutetium_psma",
        base=("kuznetsov1994", "radiotherapy"),
        doses=(
            Dose(5.0, "radioligand", 20.0, added(2, 20.0)),
            Dose(7.0, "radiotherapy", 2.0, fraction),
            Dose(30.0, "radioligand", 10.0, added(2, 10.0)),
        ),
        stiff=True,
        shown=("tumour", "radioligand_remaining", "radiotherapy_damage"),
    ),
]
