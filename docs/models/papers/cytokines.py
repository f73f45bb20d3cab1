"""Cytokines under CAR T cells and immune agonists: Hanson, Kareva and Gevertz."""

from __future__ import annotations

from papers.solve import Dose, Paper, added


def hanson(t, y):
    """Rates of an hour, as in the encoding; time in days."""
    b, cm, ce, hm, he, lymphocytes, i = y
    room = max(0.0, 1 - (b + cm + ce + hm + he + lymphocytes) / 1600)
    active = i**2 / (i**2 + 800**2)
    cytotoxic, helper = 4e-7 * b * cm * (1 + 2 * he) * active, 8e-5 * b * hm * active
    hourly = [
        0.003 * b * (1 - b / 4800) - 0.0002 * b * ce,
        0.1 * cm * room - cytotoxic,
        2**6 * cytotoxic - 0.004 * ce,
        0.1 * hm * room - helper,
        2**6 * helper - 0.004 * he,
        0.4 + 0.1 * lymphocytes * room - 0.0002 * lymphocytes,
        200 + 0.002 * b * (ce + he) - 1.5 * i,
    ]
    return [24 * rate for rate in hourly]


def kareva(stimulation=0.8, kill=0.05):
    """Rates of an hour, as in the authors' code; time in days."""

    def rates(t, y):
        drug, x, cytokines, tumour = y
        killed = kill * x * tumour / (1 + x)
        hourly = [
            -0.1 * drug,
            0.1 * drug + 2 * killed + 0.01 * (x / (1 + x)) * (cytokines - 1) * (6 - cytokines) - 0.693 / 7 * x,
            1e-4 - 0.42 * cytokines + stimulation * cytokines * x / (1 + x),
            0.06 * tumour * (tumour - 0.05) * (1 - tumour) - killed,
        ]
        return [24 * rate for rate in hourly]

    return rates


CELLS = (
    "tumour",
    "cytotoxic_memory",
    "cytotoxic_effectors",
    "helper_memory",
    "helper_effectors",
    "lymphocytes",
    "inflammation",
)
STATES = ("drug", "immune", "cytokines", "tumour")
AGONIST = (Dose(200 / 24, "dose", 10.0, added(0, 10.0)),)
PAPERS = [
    Paper("hanson2016", CELLS, 60, hanson, (300, 10, 10, 10, 10, 1600, 140), stiff=True),
    Paper("kareva2023", STATES, 60, kareva(), (0, 0, 0, 0.1), doses=AGONIST, stiff=True),
    Paper("kareva2023", STATES, 60, kareva(1.55, 0.15), (0, 0, 0, 0.1), variant="storm", doses=AGONIST, stiff=True),
]
