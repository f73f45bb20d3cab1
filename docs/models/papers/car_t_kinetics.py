"""CAR T cells in patients and mice: Mueller-Schoell, Hardiansyah and Ng, Singh, Adhikarla."""

from __future__ import annotations

from papers.solve import Dose, Paper, added


def mueller_schoell(base=0.00846, transplantation=0, ratio=1.0, exponent=-0.385):
    largest = base * (1 + 2.53 * transplantation) * ratio**exponent

    def rates(t, y):
        naive, central, memory, effectors, tumour = y
        kill = 2.57 * naive + 4.04 * central + 3.78 * memory + 4.24 * effectors
        return [
            largest * tumour * naive / (1.13 + naive) + (0.0005 - 0.14 - 0.0104) * naive,
            largest * tumour * central / (1.13 + central) + 0.14 * naive + (0.007 - 0.191 - 0.0104) * central,
            largest * tumour * memory / (1.13 + memory) + 0.191 * central + (0.007 - 0.355 - 0.0104) * memory,
            0.355 * memory - 0.518 * effectors,
            0.0023 * tumour * (1 - tumour / 5000) - kill * tumour / (276 + tumour),
        ]

    return rates


def hardiansyah(kill, expansion, loss, to_memory, released, levels):
    """Cells in 1e9, as in the supplement; here they are given in cells."""

    def rates(t, y):
        b, e, e_tissue, m, m_tissue = (cells / 1e9 for cells in y[:5])
        il6, il10, ifng = y[5:]
        f = b / (b + 1e5)
        made = 1e6 * b * e
        exchange = [76.78 * e - 1.84 * e_tissue, 76.78 * m - 1.84 * m_tissue]
        to_m, to_e = to_memory * e * (1 - f), 1.0 * m * f
        cells = [
            (9.3e-3 - 7.6e-3 - kill * e) * b,
            (expansion * b - loss) * e - exchange[0] - to_m + to_e,
            exchange[0],
            (5.09e-2 - 4.08e-1) * m - exchange[1] + to_m - to_e,
            exchange[1],
        ]
        free = 0.59 + 0.41 * 650 / (650 + il10)
        return [
            *(1e9 * rate for rate in cells),
            3.96 * (levels[0] - il6) + released[0] * made,
            4.68 * (levels[1] - il10) + released[1] * made,
            1.51 * (levels[2] - ifng) + released[2] * made * free,
        ]

    return rates


def singh(t, y):
    """The code's equations in concentrations, cells here in numbers; with its seed of effectors in the marrow."""
    blood, marrow = 5, 3.65
    e, e_marrow, m, m_marrow = y[0] / blood, y[1] / marrow, y[2] / blood, y[3] / marrow
    bound, tumour, protein, antigen = y[4:]
    cells = e_marrow + m_marrow + 1e-6
    per_cell, per_tumour = bound / cells, bound / tumour
    grow, kill = 1.73 * per_cell / (10 + per_cell), 0.343 * per_tumour / (2.24 + per_tumour)
    relative = tumour / 2.5e9
    return [
        blood * (-1.71 * e - 113 * e) + 0.176 * e_marrow * marrow,
        marrow * (-0.176 + grow - 2e-5) * e_marrow + 1.71 * e * blood,
        blood * (-1.71 * m - 0.219 * m) + 0.176 * m_marrow * marrow,
        marrow * (-0.176 * m_marrow + 2e-5 * e_marrow) + 1.71 * m * blood,
        7.103e4 * 86400 / 6.023e23 * (15000 * (cells - 1e-6) - bound) * (12590 * tumour - bound) - 2.385e-3 * 86400 * bound,
        (0.008 - kill) * tumour,
        12.1e-12 * 2.5e9 * relative**0.215 - 0.117 * protein,
        0.175e-6 * 2.5e9 * relative - 0.7 * antigen,
    ]


def adhikarla(t, y):
    """The code's equations; its effect of radiation, as the product of activity and alpha eta."""
    tumour, sterilised, cells, activity = y
    hit, lost = 2.062 * activity, 1.463 * activity
    return [
        0.2077 * tumour - hit * tumour - 3.038e-7 * tumour * cells,
        hit * tumour - 3.038e-7 * sterilised * cells - 0.4488 * sterilised,
        9e-14 * (tumour + sterilised) * cells - lost * cells - 0.03493 * cells,
        -0.693 / 9.92 * activity,
    ]


def split(cells):
    """Return the doses of an infusion in parts of 10, 30 and 60 % on three days."""
    parts = zip((0.0, 1.0, 2.0), (0.1, 0.3, 0.6), strict=True)
    return tuple(Dose(day, "car_t", part * cells, added(1, part * cells)) for day, part in parts)


PHENOTYPES = ("naive", "central_memory", "effector_memory", "effectors", "tumour")
LEUKAEMIA = (
    "tumour",
    "effectors",
    "tissue_effectors",
    "memory",
    "tissue_memory",
    "interleukin6",
    "interleukin10",
    "interferon",
)
MYELOMA = ("effectors", "marrow_effectors", "memory", "marrow_memory", "complexes", "tumour", "m_protein", "soluble_bcma")
UPN1 = hardiansyah(0.19, 16.16, 23.04, 2.4e-2, (1.8e-3, 0.7e-3, 0.3e-3), (1.7, 4.5, 2.3))
UPN3 = hardiansyah(2.21, 14.40, 1.44, 1.2e-1, (0.6e-2, 1.7e-2, 0.6e-2), (1, 0.5, 1.7))
BLOOD = ("tumour", "effectors", "interleukin6")
MICE = ("tumour", "sterilised", "car_t_cells", "activity")
LIGAND, LATE = Dose(0.0, "activity", 0.2, added(3, 0.2)), Dose(11.0, "car_t", 1e6, added(2, 1e6))
PAPERS = [
    Paper("muellerschoell2021", PHENOTYPES, 60, mueller_schoell(), (0.1, 0.1, 0.1, 0.1, 85.7)),
    Paper(
        "muellerschoell2021",
        PHENOTYPES,
        60,
        mueller_schoell(0.0007, exponent=0),
        (0.1, 0.1, 0.1, 0.1, 305),
        variant="low_expansion",
        values={"initial_volume": 305},
    ),
    Paper(
        "muellerschoell2021",
        PHENOTYPES,
        60,
        mueller_schoell(transplantation=1, ratio=1.34),
        (0.1, 0.1, 0.1, 0.1, 14.2),
        values={"initial_volume": 14.2, "transplantation": 1, "cd4_cd8_ratio": 1.34},
        label="after a transplantation",
    ),
    Paper(
        "hardiansyah2019",
        LEUKAEMIA,
        60,
        UPN1,
        (4.14e9, 0, 0, 0, 0, 1.7, 4.5, 2.3),
        doses=split(1.1e9),
        stiff=True,
        shown=(*BLOOD, "memory"),
        label="UPN1",
    ),
    Paper(
        "hardiansyah2019",
        LEUKAEMIA,
        60,
        UPN3,
        (9.3e8, 0, 0, 0, 0, 1, 0.5, 1.7),
        variant="upn3",
        doses=split(1.4e7),
        stiff=True,
        shown=(*BLOOD, "memory"),
        label="UPN3",
    ),
    Paper(
        "singh2021",
        MYELOMA,
        180,
        singh,
        (0, 0, 0, 0, 0, 2.5e9, 12.1e-12 * 2.5e9 / 0.117, 0.175e-6 * 2.5e9 / 0.7),
        doses=(Dose(0.0, "car_t", 4.5e8, added(0, 4.5e8)),),
        stiff=True,
        shown=("effectors", "marrow_effectors", "complexes", "tumour", "m_protein", "soluble_bcma"),
    ),
    Paper("adhikarla2024", MICE, 63, adhikarla, (3.65e7, 0, 0, 0), doses=(LIGAND, LATE), label="CAR T cells on day 11"),
    Paper("adhikarla2024", MICE, 63, adhikarla, (3.65e7, 0, 0, 0), doses=(LIGAND,), shown=("tumour",), label="ligand alone"),
]
