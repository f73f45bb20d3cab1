"""What chemotherapy does to the marrow: Friberg."""

from __future__ import annotations

from papers.solve import Dose, Paper, added

DOCETAXEL, PACLITAXEL = (907, 18, 164, 93), (527, 20, 163, 151)
"""Clearance, central volume, exchange, peripheral volume of a patient of 1.8 square metres, litres and days."""


def two_compartments(a1, a2, clearance, v1, q, v2):
    """Return the rates of both amounts and the plasma concentration."""
    c1, c2 = a1 / v1, a2 / v2
    return [-clearance * c1 - q * (c1 - c2), q * (c1 - c2)], c1


def marrow(y, effect, baseline, hours, gamma):
    """Return the rates of the chain, proliferating cells first."""
    k = 4 / (hours / 24)
    p, m1, m2, m3, c = y
    return [k * p * (1 - effect) * (baseline / c) ** gamma - k * p, k * (p - m1), k * (m1 - m2), k * (m2 - m3), k * (m3 - c)]


def one(drug, effect, baseline, hours, gamma):
    """Rates of one drug; `effect` of its concentration in mg/L."""

    def rates(t, y):
        amounts, concentration = two_compartments(y[0], y[1], *drug)
        return [*amounts, *marrow(y[2:], effect(concentration), baseline, hours, gamma)]

    return rates


def docetaxel(c):
    return 8.58 / 0.808 * c


def saturating(c):
    micromolar = c / 0.808
    return 83.9 * micromolar / (7.17 + micromolar)


def kloft(c):
    return 15.5711 / 0.808 * c


def paclitaxel(c):
    return 28.9 / 0.8539 * 527 / (336 * 24) * c


def both(t, y):
    first, c1 = two_compartments(y[0], y[1], *DOCETAXEL)
    second, c2 = two_compartments(y[2], y[3], *PACLITAXEL)
    return [*first, *second, *marrow(y[4:], docetaxel(c1) + paclitaxel(c2), 5050, 88.7, 0.161)]


CHAIN = tuple(f"myelosuppression_{n}" for n in ("proliferating", "maturing_1", "maturing_2", "maturing_3", "circulating"))
SHOWN = (CHAIN[-1], CHAIN[0])


def case(drugs, variant, rates, baseline, doses, label=""):
    """Return a case: amounts in mg by day, drug by drug in the order of the states."""
    states = (*(f"{d}_{part}" for d in drugs for part in ("central", "peripheral")), *CHAIN)
    return Paper(
        "myelosuppression",
        states,
        63.0,
        rates,
        (*(0.0 for _ in range(2 * len(drugs))), *(float(baseline) for _ in CHAIN)),
        variant=variant,
        base=("tumour_immune", *(f"chemotherapy:{d}" for d in drugs)),
        doses=tuple(Dose(day, drugs[k], mg, added(2 * k, mg)) for day, k, mg in doses),
        stiff=True,
        shown=SHOWN,
        label=label,
    )


EVERY = [(21.0 * n, 0, 135.0) for n in range(3)]
LOW = [(21.0 * n, 0, 180.0) for n in range(3)]
PAPERS = [
    case(("docetaxel",), "docetaxel", one(DOCETAXEL, docetaxel, 5050, 88.7, 0.161), 5050, EVERY),
    case(("docetaxel",), "docetaxel_emax", one(DOCETAXEL, saturating, 5050, 89.3, 0.163), 5050, EVERY),
    case(("docetaxel",), "docetaxel_kloft", one(DOCETAXEL, kloft, 5219.65, 84.1791, 0.144543), 5219.65, EVERY),
    case(("paclitaxel",), "paclitaxel", one(PACLITAXEL, paclitaxel, 7210, 124, 0.239), 7210, LOW),
    case(
        ("docetaxel", "paclitaxel"), "docetaxel", both, 5050, [(0.0, 0, 90.0), (0.0, 1, 180.0), (28.0, 0, 90.0)], "both drugs"
    ),
]
