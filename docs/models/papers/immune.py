"""Tumours and immune systems: Kuznetsov, de Pillis, Kirschner, Moore, Dritschel, Creemers, Tsur, Cappuccio, Anderson, Liu."""

from __future__ import annotations

from math import exp, log

from papers.solve import Dose, Paper, added


def kuznetsov(t, y):
    e, x = y
    return [
        1.3e4 + 0.1245 * e * x / (2.019e7 + x) - 3.422e-10 * e * x - 0.0412 * e,
        0.18 * x * (1 - 2e-9 * x) - 1.101e-7 * e * x,
    ]


def kirschner(antigenicity=0.035, transfer=0.0, interleukin=0.0):
    def rates(t, y):
        e, x, i = y
        return [
            antigenicity * x - 0.03 * e + 0.1245 * e * i / (2e7 + i) + transfer,
            0.18 * x * (1 - 1e-9 * x) - e * x / (1e5 + x),
            5 * e * x / (1e3 + x) - 10 * i + interleukin,
        ]

    return rates


def de_pillis_2003(infusion=0.0):
    def rates(t, y):
        n, x, i, u = y
        kill = 1 - exp(-u)
        return [
            1 * n * (1 - 1 * n) - 1 * x * n - 0.1 * kill * n,
            1.5 * x * (1 - 1 * x) - 0.5 * i * x - 1 * x * n - 0.3 * kill * x,
            0.33 + 0.01 * i * x / (0.3 + x) - 1 * i * x - 0.2 * i - 0.2 * kill * i,
            infusion - 1 * u,
        ]

    return rates


def de_pillis_2005(c=3.23e-7, d=1.43, power=0.58, s=2.73, g=0.025, j=0.0375):
    def rates(t, y):
        x, n, l = y  # noqa: E741 the paper's letters
        ratio = (max(l, 0.0) / max(x, 1e-9)) ** power
        lysis = d * ratio / (s + ratio) * x
        return [
            0.514 * x * (1 - 1.02e-9 * x) - c * n * x - lysis,
            1.3e4 - 0.0412 * n + g * x**2 / (2.02e7 + x**2) * n - 1e-7 * n * x,
            -0.02 * l + j * lysis**2 / (2.02e7 + lysis**2) * l - 3.42e-10 * l * x + 1.1e-7 * n * x,
        ]

    return rates


def de_pillis_2009(d=2.34, power=2.09, s=0.0839):
    def rates(t, y):
        x, n, l, c, m, i = y  # noqa: E741 the paper's letters
        ratio = (l / x) ** power
        killed = d * ratio / (s + ratio) * x
        drug = 1 - exp(-1.8328 * m)
        return [
            0.431 * x * (1 - 1.02e-9 * x) - 2.9077e-13 * n * x - killed - 0.9 * drug * x,
            0.0125 * (0.111 * c - n) - 2.794e-13 * n * x + 0.068 * n * i / (2.5036e5 + i) - 0.0675 * drug * n,
            -2.5036e-3 * 0.009 * l / (2.5036e-3 + i)
            + 0.01245 * x / (2.019e7 + x) * l
            - 3.422e-10 * l * x
            + (2.9077e-11 * n + 5.8467e-13 * c) * x
            - 4.417e-14 * l**2 * c * i / (2503.6 + i)
            + 2.971 * l * i / (2503.6 + i)
            - 0.0486 * drug * l,
            0.0063 * (2.25e9 - c) - 0.034 * drug * c,
            -0.5199 * m,
            -11.7427 * i + 2.38405e-7 * c + 0.07874 * l * i / (2503.6 + i),
        ]

    return rates


def moore(t, y):
    n, e, c = y
    met = c / (c + 43)
    return [
        0.071 - 0.05 * n - 0.063 * n * met,
        0.56 * 0.063 * n * met + 0.53 * e * met - 0.12 * e - 0.0077 * c * e,
        0.23 * c * log(1.9e5 / c) - 0.68 * c - 0.047 * c * e,
    ]


def dritschel(t, y):
    n, h, c = y
    return [
        10 * n * (1 - n) - 0.5 * 4.15 * c * n,
        0.5 + 0.19 * n * h / (0.04**2 + n**2) - h,
        2 + c * h - c - 0.5 * 4.15 * c * n,
    ]


def creemers(kill):
    def rates(t, y):
        x, s, i, n = y
        primed = 0.0025 * x / (1e7 + x) * n
        return [6 * x**0.8 - kill * i * x / (1 + i / 571 + x / 571), primed - 1 * s + 1 * s, 1 * s - 0.019 * i, -primed]

    return rates


def tsur(t, y):
    a, e, m = y
    return [2986 * m / (m + 92330) - 0.231 * a, 831.8 * a - 0.1777 * e, 0.04496 * m - 0.1245 * e * m / (m + 6.01e7)]


def cappuccio(t, y):
    u, x, k, m, p, z = y
    return [
        634 * z**1.5 - 10 * u,
        0.095 * x - 0.095 * x**2 * (u + 0.54) / (0.01 * u + 1.054),
        0.26 * k - 0.26 * k**2 / (0.066 + 0.003 * m / (1 + m / 1418.4)),
        0.58 * u - 0.014 * m,
        u / (0.1 + u) - 0.08 * p,
        5.1 - 0.05 * p * x * z - 0.0485 * p * k * z,
    ]


def anderson(t, y):
    x, h, z = y
    return [
        0.03 * x * (1 - x / 1000) - 0.1 * x * z / (1 + x),
        0.02 * x * h / (10 + x) - 0.02 * h + 10,
        0.1 * x * h / (0.1 + x) - 47 * z,
    ]


def liu(t, y):
    x, n, c, m = y
    return [
        0.431 * x * (1 - 1.02e-14 * x) - 3.41e-10 * n * x - 0.8 * m * x,
        12000 + 0.015 * x / (20.2 + x) * n - 0.0412 * n - 2e-11 * x * n - 0.6 * m * n,
        7.5e8 - 0.012 * c - 0.6 * m * c,
        -0.9 * m + 0.45 - 3.2e-9 * x * m,
    ]


PRESENTING = 2986 / 0.231 * 1e6 / (1e6 + 92330)
NATURAL = ("tumour", "natural_killers", "effectors")
LL = {"c": 3.5e-6, "d": 7.17, "power": 0.75, "s": 0.4, "g": 0.2, "j": 0.3}
NL = {"d": 3.6, "power": 0.46, "s": 1.61}
LN = {"c": 3.5e-6, "d": 3.51, "power": 0.9, "s": 5.07, "g": 0.2, "j": 0.113}
IL2 = ("effectors", "tumour", "interleukin")
SIX = ("tumour", "natural_killers", "effectors", "lymphocytes", "drug", "interleukin")
SIX_START = (1e7, 2.5e8, 526800, 2.25e9, 0.0, 1073)
PAPERS = [
    Paper("kuznetsov1994", ("effectors", "tumour"), 200, kuznetsov, (3.2e5, 5e6)),
    Paper("kirschner1998", IL2, 500, kirschner(0.02), (1, 1, 1), values={"antigenicity": 0.02}, label="oscillations"),
    Paper("kirschner1998", IL2, 500, kirschner(), (1, 1, 1), label="dormancy"),
    Paper("kirschner1998", IL2, 500, kirschner(transfer=550), (1, 1, 1), values={"effector_infusion": 550}, label="transfer"),
    Paper(
        "depillis2003",
        ("normal", "tumour", "immune", "drug"),
        60,
        de_pillis_2003(),
        (1, 0.25, 0.15, 0.0),
        doses=tuple(Dose(day, "drug_dose", 1.0, added(3, 1.0)) for day in (5.0, 10.0, 15.0, 20.0)),
    ),
    Paper("depillis2005", NATURAL, 60, de_pillis_2005(), (1e4, 1e3, 10), label="nn"),
    Paper("depillis2005", NATURAL, 60, de_pillis_2005(**NL), (1e4, 1e3, 10), variant="nl"),
    Paper("depillis2005", NATURAL, 4, de_pillis_2005(**LN), (1e4, 1e3, 10), variant="ln"),
    Paper("depillis2005", NATURAL, 4, de_pillis_2005(**LL), (1e4, 1e3, 10), variant="ll"),
    Paper("depillis2009", SIX, 60, de_pillis_2009(), SIX_START, stiff=True, label="untreated"),
    Paper(
        "depillis2009",
        SIX,
        60,
        de_pillis_2009(1.88, 1.81, 0.512),
        SIX_START,
        stiff=True,
        variant="patient_10",
        label="chemotherapy and interleukin-2",
        doses=(
            Dose(5.0, "doxorubicin", 5.0, added(4, 5.0)),
            Dose(6.0, "interleukin_dose", 1e4, added(5, 1e4)),
            Dose(7.0, "effector_transfer", 1e8, added(2, 1e8)),
        ),
    ),
    Paper("moore2004", ("naive", "effectors", "leukaemia"), 200, moore, (1510, 20, 1e4), stiff=True),
    Paper("dritschel2018", ("tumour", "helpers", "cytotoxic"), 20, dritschel, (0.01, 0.6, 4.5)),
    *(
        Paper(
            "creemers2021",
            ("tumour", "specific", "effectors", "naive"),
            days,
            creemers(kill),
            (1, 0, 0, 1e6),
            values={"kill_rate": kill},
            label=label,
        )
        for kill, days, label in (
            (0.035, 200, "kill rate 0.035"),
            (5e-4, 600, "kill rate 5e-4"),
            (2.5e-4, 600, "kill rate 2.5e-4"),
        )
    ),
    Paper("tsur2019", ("presenting", "effectors", "tumour"), 200, tsur, (PRESENTING, 831.8 / 0.1777 * PRESENTING, 1e6)),
    Paper(
        "cappuccio2006",
        ("interleukin", "natural_killers", "effectors", "memory", "protein", "tumour"),
        60,
        cappuccio,
        (0, 1.054 / 0.54, 0.066, 0, 0, 2),
        stiff=True,
    ),
    Paper("anderson2015", ("tumour", "helpers", "cytokine"), 200, anderson, (0.5, 0.01, 0), stiff=True),
    Paper("liu2017", ("tumour", "effectors", "lymphocytes", "drug"), 100, liu, (1e7, 3e5, 6.25e10, 0.45), stiff=True),
]
