"""Cytokines under CAR T cells, engagers and immune agonists: Hanson, Kareva and Gevertz, Chen, and our own term."""

from __future__ import annotations

from papers import lymphoma
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


def chen(t, y):
    """Rates of an hour, as in the public code; time in days, and the exposure in days."""
    drug, interleukin6, exposure = y
    synapses = drug / 3100 * 10
    held = exposure * 24 / (182 / (1 if t < 7 else 2.83) + exposure * 24)
    return [-24 * 12.5 / 3100 * drug, 24 * (3590 * synapses / (10 + synapses) * (1 - held) - 0.18 * interleukin6), interleukin6]


def released(half, inhibition):
    """Return names and rates of interleukin-6 under CAR-T cells in lymphoma."""
    others, of_cells = lymphoma.car_t(pd1=1, suppression=1, **lymphoma.LYMPHOMA)

    def rates(t, y):
        s = dict(zip(others, y[:-2], strict=True))
        level, exposure = y[-2:]
        cells, at_tumour = s["tumour"] + s["car_t_antigen_negative"], 0.5 * s["car_t_effectors"]
        kill = 10 * 0.5 / (1 + cells / (1e11 + cells)) * at_tumour / (1e4 + at_tumour + cells)
        healthy = 10 * at_tumour / (1e4 + at_tumour + s["b_cells"])
        deaths = kill * s["tumour"] + healthy * s["b_cells"]
        free = 1 - inhibition * exposure / (182 / 24 + exposure)
        rise = 24 * 3590 * deaths / (half + deaths) * free
        return [*of_cells(t, y[:-2]), rise - 24 * 0.18 * (level - 5.186), level - 5.186]

    return (*others, "cytokine_release_interleukin6", "cytokine_release_exposure"), rates


def release(half, inhibition, variant=None):
    """Return the case of the term on lymphoma under CAR-T cells."""
    names, rates = released(half, inhibition)
    return Paper(
        "cytokine_release",
        names,
        40.0,
        rates,
        (0.99 * 7e10, 0.0, 5e9, 100.0, 0.0, 0.0, 0.0, 0.0, 0.01 * 7e10, 5.186, 0.0),
        variant=variant,
        values={"car_t_antigen_negative_fraction": 0.01, "initial_lymphocyte_fraction": 0.1},
        doses=(Dose(2.0, "car_t", 1.5e8, lymphoma.infusion(names, 1.5e8)),),
        stiff=True,
        base=("b_cell_malignancy:large_b_cell_lymphoma", "car_t"),
        shown=("cytokine_release_interleukin6", "car_t_effectors", "tumour"),
    )


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
    Paper(
        "chen2019",
        ("drug", "interleukin6", "exposure"),
        14,
        chen,
        (0, 0, 0),
        doses=(Dose(0.0, "dose", 60.0, added(0, 60.0)), Dose(7.0, "dose", 300.0, added(0, 300.0))),
        stiff=True,
    ),
    release(1e12, 0.0),
    release(1e10, 1.0, "engager"),
]
