"""Cells, vaccines, bacteria and viruses as therapies: León-Triana, Barros, Chaudhury, Stein, Kara, CARRGO (Sahoo), Wilson,
Parra-Guillen, Bunimovich-Mendrazitsky, Gevertz."""

from __future__ import annotations

from math import log

import numpy as np

from papers.solve import Dose, Paper, added


def leukaemia(t, y):
    c, l, b = y  # noqa: E741 the paper's letters
    return [1.125e-11 * (l + b) * c - c / 14, l / 30 - 4.5e-11 * l * c, -4.5e-11 * b * c - b / 60]


def solid(t, y):
    c, x = y
    return [0.9 * c * x / (1e10 + x) - 0.04 * c * x / (2e9 + c) - c / 7, 0.02 * x - 2.5e-10 * c * x]


def barros(t, y):
    memory, effectors, x = y
    return [
        0.15 * effectors - 6e-6 * x * memory - 0.005 * memory,
        0.265 * effectors + 6e-6 * x * memory - 0.35 * effectors - 4.5e-8 * x * effectors,
        0.0565003 * x * (1 - 1.40403e-12 * x) - 3.71584e-6 * effectors * x,
    ]


def chaudhury(t, y):
    e, u = y
    return [0.0018 * u * e - 0.16 * e, 0.15 * u - 0.00015 * e * u]


def stein(times):
    after = np.maximum(times - 9.3, 0)
    rise = 24000 * np.exp(-np.log(3900) / 9.3 * np.maximum(9.3 - times, 0))
    return [rise * ((1 - 0.0079) * np.exp(-0.16 * after) + 0.0079 * np.exp(-0.0032 * after))]


def kara(t, y):
    ts, tr, c, b = y
    by_car = 0.41 * (c / ts) ** 1.56 / (0.305 + (c / ts) ** 1.56)
    by_s = 0.3 * (b / ts) ** 1.56 / (0.305 + (b / ts) ** 1.56)
    by_r = 0.3 * (b / tr) ** 1.56 / (0.305 + (b / tr) ** 1.56)
    room = log(1650 / (b + c))
    return [
        0.18 * ts * (1 - (ts + tr) / 5100) - by_car * ts - by_s * ts,
        0.21 * tr * (1 - (ts + tr) / 5100) - by_r * tr,
        -0.0293 * c + 0.6 * room * by_car**2 / (2.019e-7 + by_car**2) * c - 3e-5 * c * ts,
        1.4e-3 - 0.007 * b + 0.89 * room * by_s**2 / (2.019e-7 + by_s**2) * c - 3.42e-6 * b * (ts + tr),
    ]


def carrgo(rho, k, kill, gain, death, c0=0.0, c3=0.0):
    """Rates of an hour, as fitted; time in days."""

    def rates(t, y):
        x, c = y
        left = 2 ** (-24 * t / 3.33)
        return [24 * (rho * x * (1 - k * x) - c0 * left * x - kill * x * c), 24 * (gain * x * c - (death + c3 * left) * c)]

    return rates


def wilson(t, y):
    x, b, e, r, v = y
    return [
        0.1946 * x * (1 - x / 369) - 1e-5 * e * x / (1 + 100 * b) - 1e-5 * x * v,
        0.3 * x**2 / (300 + x**2) - 0.0007 * b,
        0.62 * e * x / (1 + 300 * x * b) - 1e-5 * e - 1e-5 * r * e - 0.01 * e,
        0.01 * e - 1e-5 * r,
        -1e-5 * v,
    ]


def parra_guillen(loss):
    def rates(t, y):
        vac, tran, signal, size, reg = y
        return [
            -0.0907 * vac,
            0.0907 * vac - 0.0907 * tran,
            0.0907 * tran - loss * signal,
            0.354 - 1.08 * 3.18**5.24 / (3.18**5.24 + reg**5.24) * size * signal,
            0.039 * (size - reg),
        ]

    return rates


def bunimovich(t, y):
    b, e, u, i = y
    return [
        1.9 - 0.285 * u * b - 1.25 * e * b - b,
        0.085 * e * b + 0.52 * i - 0.41 * e - 0.003 * e * i,
        0.12 * u * (1 - 0.0155 * u) - 0.285 * u * b,
        0.285 * u * b - 1.1 * e * i,
    ]


def gevertz(t, y):
    u, i, v, x, d = y
    n = u + i + x
    kill = (2 + 0.623397 * i) * x / n
    infection = 1.00854 * u * v / n
    return [
        0.3198 * u - infection - kill * u,
        infection - i - kill * i,
        3 * i - 2.3 * v,
        1.42806 * i + 4.90189 * d - 0.35 * x,
        -0.35 * d,
    ]


VACCINE = ("depot", "transit", "signal", "size", "regulation")
WITHOUT = (0.230303627, 0.558779003, 0.399998831, 0.046346801, 0.023015543)
WITH = (0.043950583, 0.158020945, 0.067908595, 0.030251679, 0.023015543, -0.157117185, -0.275342755)
PAPERS = [
    Paper("leontriana2021", ("car_t_cells", "leukaemia", "b_cells"), 60, leukaemia, (1e7, 5e10, 2.5e10)),
    Paper("leontriana2021solid", ("car_t_cells", "tumour"), 200, solid, (4e8, 6.7e9)),
    Paper(
        "barros2021",
        ("memory", "effectors", "tumour"),
        200,
        barros,
        (0, 0, 2e6),
        stiff=True,
        doses=(Dose(45.0, "car_t", 2e6, added(1, 2e6)),),
    ),
    Paper("chaudhury2020", ("car_t_cells", "tumour"), 120, chaudhury, (10, 900)),
    Paper("stein2019", ("transgene",), 365, solution=stein, stops=(9.3,)),
    Paper(
        "kara2024",
        ("sensitive", "resistant", "car_t_cells", "bystanders"),
        40,
        kara,
        (40, 10, 0, 0.2),
        doses=(Dose(10.0, "car_t", 10.0, added(2, 10.0)),),
    ),
    Paper("sahoo2020", ("tumour", "car_t_cells"), 23, carrgo(*WITHOUT), (0.6, 0.125)),
    Paper("sahoo2020", ("tumour", "car_t_cells"), 23, carrgo(*WITH), (0.6, 0.125), variant="dexamethasone"),
    Paper(
        "wilson2012",
        ("tumour", "growth_factor", "effectors", "regulatory", "vaccine_cells"),
        120,
        wilson,
        (3, 0, 100, 1, 0),
        stiff=True,
        doses=(Dose(3.0, "vaccine", 5000.0, added(4, 5000.0)),),
    ),
    *(
        Paper(
            "parraguillen2013",
            VACCINE,
            60,
            parra_guillen(loss),
            (0, 0, 0, 0.324, 0),
            variant=fate,
            label=f"day {day}",
            doses=(Dose(float(day), "vaccine", 1.0, added(0, 1.0)),),
        )
        for fate, loss, day in (("cure", 0, 7), ("relapse", 0.0907, 7), ("cure", 0, 30))
    ),
    Paper("bunimovich2007", ("bacteria", "effectors", "tumour", "infected"), 100, bunimovich, (0, 0.05, 0.55, 0)),
    Paper(
        "gevertz2018",
        ("tumour", "infected", "virus", "t_cells", "dendritic"),
        30,
        gevertz,
        (57.414042, 0, 0, 0, 0),
        doses=(
            *(Dose(day, "virus_dose", 2.5, added(2, 2.5)) for day in (0.0, 2.0, 4.0)),
            *(Dose(day, "dendritic_dose", 1.0, added(4, 1.0)) for day in (1.0, 3.0, 5.0)),
        ),
    ),
]
