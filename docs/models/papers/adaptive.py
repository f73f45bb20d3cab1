"""Adaptive therapy: Zhang."""

from __future__ import annotations

from math import exp, sqrt

from papers.solve import Dose, Paper, added

STATES = ("dependent", "producing", "independent", "psa", "supply", "treated_days")


def prostate(growth, a, s, k2, k3, falls, least, sigma):
    """Return rates of three kinds of cells; `s` and `k2` without and with abiraterone, `falls` its onset, 0 for at once."""

    def held(net, x):
        hold = 30 * (least - x)
        return (net + hold + sqrt((net - hold) ** 2 + (1e-3 * least) ** 2)) / 2

    def left(rate, n):
        return exp(-rate * n) if rate else 0.0

    def rates(t, y):
        x1, x2, x3, psa, q, n = y
        on = q**8 / (q**8 + 0.01**8)
        k1 = (on * (s[1] + (s[0] - s[1]) * left(falls[0], n)) + (1 - on) * s[0]) * x2 + 1e-6 * least
        now = on * (k2[1] + (k2[0] - k2[1]) * left(falls[1], n)) + (1 - on) * k2[0] + 1e-6 * least
        return [
            held(growth[0] * x1 * (1 - (x1 + a[0] * x2 + a[1] * x3) / k1), x1),
            held(growth[1] * x2 * (1 - (a[2] * x1 + x2 + a[3] * x3) / now), x2),
            held(growth[2] * x3 * (1 - (a[4] * x1 + a[5] * x2 + x3) / k3), x3),
            x1 + x2 + x3 - sigma * psa,
            -on,
            on - 30 * n * (1 - on) ** 8,
        ]

    return rates


LATE, EARLY = (0.0027726, 0.0034657, 0.0066542), (0.0025, 0.001, 0.0005)
PAPER = {"s": (1.5, 0.5), "k2": (1e4, 100), "k3": 1e4, "falls": (0, 0), "least": 1e-9, "sigma": 0.5}
FIRST = prostate(LATE, (0.7, 0.8, 0.4, 0.5, 0.6, 0.9), **PAPER)
SECOND = prostate(LATE, (0.6, 0.8, 0.4, 0.7, 0.5, 0.9), **PAPER)
EARLIER = prostate(EARLY, (0.402, 0.794, 0.010, 0.598, 0.206, 0.990), (1.5, 0), (800, 0), 800, (0.1, 0.05), 0.1, 0.2)


def case(variant, rates, start, days, first, count):
    """Return a case with daily doses from a day on."""
    doses = tuple(Dose(first + n, "abiraterone", 1.0, added(4, 1.0)) for n in range(count))
    return Paper(
        "zhang2017", STATES, days, rates, (*start, 0.0, 0.0), variant=variant, doses=doses, stiff=True, shown=STATES[:4]
    )


PAPERS = [
    case("patient_1", FIRST, (2424.242424, 3030.303030, 1e-9, 10909.09090), 1500.0, 800.0, 20),
    case("patient_2", SECOND, (2508.250825, 2904.290429, 132.0132013, 11089.10891), 1500.0, 800.0, 20),
    case("earlier", EARLIER, (600.0, 400.0, 0.1, 1000.1), 200.0, 20.0, 60),
]
