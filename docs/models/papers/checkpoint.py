"""Checkpoint inhibitors and radiation: Nikolopoulou, Kosinsky, Lindauer, Cardilin, Mager; pharmacokinetics of antibodies."""

from __future__ import annotations

from math import exp, sqrt

from papers.solve import Dose, Paper, added


def nikolopoulou(infusion):
    def rates(t, y):
        c, x, a = y
        pd1, pdl1 = (5.84e-7 - 10 * a) * x, 1.1615e-6 * (x + 50.5 * c)
        f = 1 / (1 + 0.002 * pd1 * pdl1 / 1.365e-18)
        return [
            0.425 * c * (1 - c / 0.8725) - 57.5 * c * x,
            f * (8.81 * 6e-4 * 1.5e-10 / (1.5e-10 + 1.5e-10) + 0.5 * x * 2.37e-11 / (2.37e-11 + 2.37e-11)) - 0.025 * x,
            infusion - 1.05954e8 * pd1 * a - 0.7115 * a,
        ]

    return rates


def kosinsky(t, y):
    tv, u, n, d, pdl1, tvd, mab = y
    a = 0.1725 * tvd / (tv + tvd) + 0.001 * d + 0.01
    antigen = a**2 / (a**2 + 0.2**2) * (tv + tvd)
    gate = (1 - pdl1 / (1 + mab / 0.003 / 30)) * (1 - antigen / (antigen + 30.5))
    late = 0.2 * 0.146 / (0.02 * 19**2) * u**2
    return [
        0.4 * tv * (1 - tv / 2500) - late * tv - (0.001 * d + 0.01) * tv,
        -u / 0.02,
        279 * antigen / (antigen + 8.89) + gate * n * (3 - 3.2) - 0.2 * n,
        gate * n * 3.2 - 2 * d,
        d / (478 + d) - pdl1,
        late * tv - 0.1725 * tvd,
        -0.15 * mab,
    ]


def irradiated(dose):
    def change(y):
        killed = (1 - exp(-0.146 * dose)) * y[0]
        y[0], y[5], y[1] = y[0] - killed, y[5] + killed, y[1] + 19 * dose
        return y

    return change


def lindauer(t, y):
    a1, a2, avs, aeu, aeb, ais, rcb, rct, rt, v = y
    vis, ves = 0.55 * v, 0.005 * v
    c1, c2, cvs, ceu, ceb, cis = a1 / 2.877, a2 / 2.854, avs / (0.07 * v), aeu / ves, aeb / ves, ais / vis
    plq = 304.8 * v
    lymph, clup, r0 = 0.002 * plq, 0.8784 * ves, 0.01315
    blood = 69.12 * c1 * (2.877 * r0 - rcb) - 3.456 * rcb
    bound = 69.12 * cis * (rt - rct) - 3.456 * rct
    fcrn = ves * (19.008 * ceu * (49800 - ceb) - 573.6 * ceb)
    return [
        -0.167 * c1 - 0.765101 * c1 / (0.52349 + c1) - 0.384 * (c1 - c2) - plq * (c1 - cvs) - blood,
        0.384 * (c1 - c2),
        plq * c1 - (plq - lymph) * cvs - (1 - 0.842) * lymph * cvs - clup * cvs + clup * 0.715 * ceb,
        clup * (cvs + cis) - fcrn - ves * 1029.6 * ceu,
        fcrn - clup * ceb,
        (1 - 0.842) * lymph * cvs - (1 - 0.2) * lymph * cis - clup * cis + clup * (1 - 0.715) * ceb - bound,
        blood - 0.059 * rcb,
        bound - 0.059 * rct,
        0.059 * 4.32 * r0 * 0.55 * 0.0415 * (1 + 94.7 * (rct / vis) / (1.46 + rct / vis)) - 0.059 * rt,
        0.0036 * v - 6.247e-7 * (100 * rct / rt) ** 2.28 * v,
    ]


def cardilin(t, y):
    u, d1, d2, d3, i1, i2, drug = y
    c = drug / 9.506615
    g = 0.5 * (1 - (u + d1 + d2 + d3 + i1 + i2) / 2200)
    dying = (1 + 0.09 * c) * 0.28 * u
    return [
        g * u - dying,
        dying - 0.28 * d1,
        0.28 * (d1 - d2),
        0.28 * (d2 - d3),
        -0.28 * i1 - g * i1,
        2 * g * i1 - 0.28 * i2,
        -5.04284016 * drug,
    ]


def sensitised(dose):
    def change(y):
        killed = (1 - exp(-(1 + 0.45 * y[6] / 9.506615) * (0.08 * dose + 0.008 * dose**2))) * y[0]
        y[0], y[4] = y[0] - killed, y[4] + killed
        return y

    return change


KEL, VC, KD, KINT, KDEG, KPT, KTP, R0 = 24.0, 10.0, 1.0, 2.0, 13.584, 12.0, 6.0, 53.0


def mager(t, y):
    ctot, at, rtot = y
    left = ctot - rtot - KD
    c = 0.5 * (left + sqrt(left**2 + 4 * KD * ctot))
    return [
        -KINT * ctot - (KEL + KPT - KINT) * c + KTP * at / VC,
        KPT * c * VC - KTP * at,
        KDEG * R0 - KDEG * rtot - (KINT - KDEG) * (ctot - c),
    ]


LINDAUER = (
    "plasma",
    "periphery",
    "vessels",
    "endosomes_free",
    "endosomes_bound",
    "interstitium",
    "complex_blood",
    "complex_tumour",
    "receptor_tumour",
    "tumour",
)
KOSINSKY = ("tumour", "breaks", "dividing", "differentiated", "pdl1", "dying", "antibody")
CARDILIN = ("proliferating", "damaged_1", "damaged_2", "damaged_3", "irradiated_1", "irradiated_2", "sensitiser")
THREE = ("tumour", "t_cells", "antibody")
IN_USE = {"internalisation_rate": KINT, "to_tissue": KPT, "from_tissue": KTP}
PAPERS = [
    Paper("nikolopoulou2018", THREE, 200, nikolopoulou(1e-10), (0.3968, 0.006, 0), label="antibody"),
    Paper("nikolopoulou2018", THREE, 200, nikolopoulou(0), (0.3968, 0.006, 0), variant="untreated"),
    Paper(
        "kosinsky2018",
        KOSINSKY,
        40,
        kosinsky,
        (15, *[0] * 6),
        label="radiation and antibody",
        stiff=True,
        shown=("tumour", "dying", "dividing", "differentiated", "pdl1"),
        doses=(
            *(Dose(day, "fraction", 2.0, irradiated(2.0)) for day in (7.0, 8.0, 9.0, 10.0, 11.0)),
            *(Dose(day, "antibody", 0.2, added(6, 0.2 / 0.15)) for day in (7.5, 9.5, 11.5)),
        ),
    ),
    Paper("kosinsky2018", KOSINSKY, 40, kosinsky, (15, 0, 0, 0, 0, 0, 0), label="untreated", stiff=True),
    Paper(
        "lindauer2017",
        LINDAUER,
        126,
        lindauer,
        (*[0] * 8, 4.32 * 0.01315 * 0.55 * 0.0415, 0.0415),
        stiff=True,
        shown=("plasma", "vessels", "endosomes_bound", "complex_blood", "receptor_tumour", "tumour"),
        doses=tuple(Dose(21.0 * k, "pembrolizumab", 200.0, added(0, 200 / 0.149)) for k in range(6)),
    ),
    Paper(
        "cardilin2018",
        CARDILIN,
        40,
        cardilin,
        (40, 40 * 0.56, 40 * 0.56**2, 40 * 0.56**3, 0, 0, 0),
        doses=tuple(
            dose
            for day in (3.0, 4.0, 5.0, 6.0, 7.0)
            for dose in (Dose(day, "dose", 50.0, added(6, 50.0)), Dose(day + 1 / 144, "fraction", 2.0, sensitised(2.0)))
        ),
    ),
    Paper(
        "mager2005",
        ("drug", "tissue", "target"),
        3,
        mager,
        (0, 0, R0),
        values=IN_USE,
        stiff=True,
        doses=(Dose(0.0, "dose", 4000.0, added(0, 400.0)),),
    ),
]
