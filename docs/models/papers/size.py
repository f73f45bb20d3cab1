"""Growth laws and models of size: Murphy, Simeoni, Vaghi, Claret, Ribba, Chatterjee. Closed solutions where there are some."""

from __future__ import annotations

from math import log

import numpy as np

from papers.solve import Dose, Paper, added


def murphy(t, y):
    e, m, lo, li, s, g, b = y
    return [
        0.0246 * e,
        0.105 * m**0.785,
        0.0295 * lo * (1 - lo / 6920),
        132 * li / (li + 4300),
        0.291 * s / (s + 708) ** (1 / 3),
        0.0919 * g * log(15500 / (g + 10700)),
        0.2344 * b ** (2 / 3) - 3.46e-19 * b,
    ]


def simeoni(c):
    def rates(t, y):
        x1, x2, x3, x4 = y
        w = x1 + x2 + x3 + x4
        return [
            0.273 * x1 / (1 + (0.273 / 0.814 * w) ** 20) ** (1 / 20) - 6.29e-4 * c * x1,
            6.29e-4 * c * x1 - 0.968 * x2,
            0.968 * (x2 - x3),
            0.968 * (x3 - x4),
        ]

    return rates


def vaghi(times):
    goal = (20 * 0.07 + 0.3) / 0.07
    return [1e-6 * np.exp(goal + (np.log(1 / 1e-6) - goal) * np.exp(-0.07 * times))]


def claret(times):
    weeks = times / 7
    return [200 * np.exp(0.021 * weeks - 0.025 * 12 / 0.053 * (1 - np.exp(-0.053 * weeks)))]


def ribba_glioma(t, y):
    """Rates of a month; time in days, a month of 30.4375 of them."""
    c, p, q, qp = y
    whole = p + q + qp
    return [
        rate / 30.4375
        for rate in (
            -0.24 * c,
            0.121 * p * (1 - whole / 100) + 0.0031 * qp - 0.00295 * p - 0.729 * c * 0.24 * p,
            0.00295 * p - 0.729 * c * 0.24 * q,
            0.729 * c * 0.24 * q - 0.0031 * qp - 0.0087 * qp,
        )
    ]


def ribba_diameters(times):
    return [60 * (np.exp(0.0016 * times) + np.exp(-0.0014 * times) - 1)]


def chatterjee(effect=0.0, logit=0.0, exposure=7079.0, delay=0.0):
    f = 1 / (1 + np.exp(-np.log(0.574 / 0.426) - logit))
    kd = 0.00265 * (1 + effect) * (exposure / 7079) ** 0.196

    def solution(times):
        return [91.7 * ((1 - f) * np.exp(0.00114 * times) + f * np.exp(-kd * np.maximum(0, times - delay)))]

    return solution


LAWS = ("exponential", "mendelsohn", "logistic", "linear", "surface", "gompertz", "bertalanffy")
DAMAGE = ("tumour", "damaged_1", "damaged_2", "damaged_3")
SLD = ("sum_of_diameters",)
OTHER = {"exposure": 3000, "delay": 21}
PAPERS = [
    Paper("murphy2016", LAWS, 120, murphy, (220,) * 7),
    *(
        Paper("simeoni2004", DAMAGE, 40, simeoni(c), (0.055, 0, 0, 0), values={"concentration": c}, label=f"{c} ng per mL")
        for c in (500, 0, 1500)
    ),
    Paper("vaghi2020", ("volume",), 60, solution=vaghi),
    Paper("claret2009", ("size",), 700, solution=claret, values={"exposure": 12}),
    Paper(
        "ribba2012",
        ("drug", "proliferative", "quiescent", "damaged"),
        1200,
        ribba_glioma,
        (0, 7.13, 41.2, 0),
        doses=(Dose(0.0, "dose", 1.0, added(0, 1.0)),),
    ),
    Paper("ribba2022", SLD, 700, solution=ribba_diameters),
    Paper("chatterjee2016", SLD, 700, solution=chatterjee()),
    *(
        Paper(
            "chatterjee2016",
            SLD,
            700,
            solution=chatterjee(effect, -1.81, 3000, 21),
            variant=variant,
            stops=(21,),
            values={"egfr_mutation": 1, **OTHER},
            label="EGFR mutated",
        )
        for variant, effect in (("pdl1_high", 1.74), ("pdl1_low", 0), ("pdl1_negative", -0.377))
    ),
]
