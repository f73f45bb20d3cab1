"""T-cell engagers, which bind CD3 of T cells and an antigen of tumour cells: Hosseini, Gevertz, ours."""

from __future__ import annotations

from math import exp, log

from papers.immune import kuznetsov
from papers.solve import Dose, Paper, added

PLACES = ("blood", "spleen", "nodes", "marrow", "tumour")
HEALTH = {  # volume (mL), partition of T cells, of B cells, of drug
    "human": ((5000, 1, 1, 1), (210, 200, 333, 0.14), (400, 190, 190, 0.07), (500, 60, 80, 0.07), (49.6, 125, 6500, 0.05)),
    "monkey": ((380, 1, 1, 1), (7, 500, 900, 0.14), (25, 500, 600, 0.07), (50, 50, 60, 0.07), (49.6, 125, 6500, 0.05)),
}
ENGAGER = ("depot", "central", "peripheral", "t_cells")
HOSSEINI = (
    "central",
    "peripheral",
    "blinatumomab_amount",
    "margination",
    *(f"{kind}_{place}" for place in PLACES for kind in ("resting", "activated", "postactivated")),
    *(f"b_cells_{place}" for place in PLACES[:4]),
    "tumour",
    "immature_marrow",
    *(f"il6_{place}" for place in PLACES),
)


def power(x, half, n):
    x = max(x, 0.0)
    return x**n / (half**n + x**n)


def hosseini(kind="human", t_ref=5e5, b_ref=5e5, clearance=5.4, weight=75.0, area=1.8, sick=1.0, il6=14.0):
    """Return the rates, and the start without drug."""
    places = HEALTH[kind]
    vb = places[0][0]
    t_rest = [t_ref * v * kt for v, kt, _, _ in places]
    b_rest = [b_ref * v * kb for v, _, kb, _ in places]
    pro_rest = 0.25 * b_rest[3]
    b_norm = sum(b_rest[:3])

    def rates(t, y):
        y = [float(v) for v in y]
        c, p, amount, margination = y[:4]
        rest, act, post, b, pro, il = y[4:19:3], y[5:19:3], y[6:19:3], y[19:24], y[24], y[25:]
        tdb, blin = 1000 * c / (36.78 * weight), 1000 * amount / (1610 * area)
        d_rest, d_act, d_post, d_b, d_pro, d_il = [0.0] * 5, [0.0] * 5, [0.0] * 5, [0.0] * 5, 0.0, [0.0] * 5
        out = 6.3839 * margination
        for i, (v, kt, kb, kp) in enumerate(places):
            tissue = i > 0
            free = max(rest[i] + post[i], 1.0)
            all_b = b[i] + pro if i == 3 else b[i]
            seen, blin_seen = power(kp * tdb, 130.083, 0.8), power(kp * blin, 0.1, 1.0)
            signal = power(b[i] / free, 0.716, 1.4) * seen + power(all_b / free, 0.716, 1.4) * blin_seen
            signal *= 0.9 * (0.25 if tissue else 1)
            half = 0.75 * (10 if tissue else 1)
            kill = 0.95 * power(act[i] / max(b[i], 1.0), half, 1.027) * kp * tdb / (1.302 + kp * tdb)
            blin_kill = 0.95 * power(act[i] / max(all_b, 1.0), half, 1.027) * kp * blin / (0.15 + kp * blin)
            wake, wake_post, back = 9.828 * signal * rest[i], 9.828 * signal * post[i], 9.828 * 0.005 * act[i]
            d_rest[i] += back - wake + 0.001 * post[i]
            d_act[i] += wake + wake_post - 2 * back
            d_post[i] += back - wake_post - 0.001 * post[i] + 2.106 * 0.7 * act[i] - 2.019 * 0.061 * post[i]
            k_kill = 275.189 * (0.1 if tissue else 1)
            d_b[i] -= k_kill * (kill + blin_kill) * b[i]
            fresh = b[i] / b_rest[i] * (seen + blin_seen)
            if i == 3:
                d_pro -= k_kill * blin_kill * pro
                fresh = b[i] / b_rest[i] * seen + all_b / (1.25 * b_rest[i]) * blin_seen
            d_il[i] = il6 * act[i] / v * fresh - log(2) / (20 / 60 / 24) * il[i]
            if tissue:
                on = sick if i == 4 else 1.0
                for source, change, rate, boost, part in (
                    (rest, d_rest, 0.045, 1 + out, 1.0),
                    (act, d_act, 0.123, 1 + 0.002 * out, 3.773),
                    (post, d_post, 0.045, 1 + out, 1.0),
                ):
                    net = on * rate * vb * (boost * source[0] / vb * kt * part - source[i] / v)
                    change[0] -= net
                    change[i] += net
                if i != 3:
                    net = on * 0.123 * vb * max(0.0, b[0] / vb * kb - b[i] / v)
                    d_b[0] -= net
                    d_b[i] += net
            if i < 4:
                d_b[i] += 0.05 * b_rest[i] * max(0.0, 1 - b[i] / b_rest[i])
        d_rest[0] += vb * t_ref * max(0.0, 1 - (rest[0] + act[0] + post[0]) / t_rest[0]) ** 2
        d_rest[0] -= 0.2 * 0.061 * max(0.0, rest[0] - t_rest[0])
        d_act[0] -= 0.061 * (act[0] + 1.497 * act[0] ** 2 / t_rest[0])
        leaving = 0.03 * vb * max(0.0, b[3] / places[3][0] - b[0] / vb * places[3][2])
        d_b[0] += leaving
        d_b[3] += 0.08 * pro - 0.02 * b[3] - leaving
        few = max(0.0, 1 - (b[0] + b[1] + b[2]) / b_norm)
        d_pro += pro_rest * 0.1 * (1 + 5 * few) - 0.1 * pro + 0.05 * pro_rest * max(0.0, 1 - pro / pro_rest)
        d_b[4] += 0.025 * b[4]
        moved = 24.17 * (c / 36.78 - p / 173.47)
        drug = [-clearance * c / 36.78 - moved, moved, -22300 * amount / 1610, -log(2) * margination]
        cells = [x for place in zip(d_rest, d_act, d_post, strict=True) for x in place]
        return [*drug, *cells, *d_b, d_pro, *d_il]

    t_first, b_first = [*t_rest[:4], sick * t_rest[4]], [*b_rest[:4], sick * b_rest[4]]
    start = (0.0,) * 4 + tuple(x for n in t_first for x in (n, 0.0, 0.0)) + (*b_first, pro_rest) + (0.0,) * 5
    return rates, start


def given(day, milligrams, injection=1.0):
    """Return a dose of mosunetuzumab, with the stress of its injection."""
    drug = Dose(day, "mosunetuzumab", f"{milligrams} mg", added(0, 1000.0 * milligrams))
    return drug, Dose(day, "injection", injection, added(3, injection))


def engager(clearance, v1, q, v2, early=0.0, mass=0.105, k_a=1.0, antigens=1000.0, ratio=0.0192, begins=0.0):
    """Return the rates of an engager in the tumour of Kuznetsov; affinities in nmol/L, mass in mg/nmol, counts per cell."""

    def rates(t, y):
        depot, central, peripheral, n, e, x = (float(v) for v in y)
        cl = clearance + early * exp(-0.1 * max(t - begins, 0.0))
        c1, c2 = central / v1, peripheral / v2
        drug = 0.05 * c1 / mass
        a = antigens * 5e11 / 6.02214076e14
        t_cd3 = 30000 * ratio * n * 5e11 / 6.02214076e14
        phi = drug / ((k_a + drug) * (28.03 + drug))
        b = 1 + phi * (a + t_cd3)
        trimers = 2 * phi * a * t_cd3 / (b + (b * b - 4 * phi * phi * a * t_cd3) ** 0.5)
        seen = trimers * 6.02214076e14 / 5e11
        seen = seen / (10 + seen)
        change = kuznetsov(t, (e, x))
        return [
            -0.2 * depot,
            0.2 * depot - cl * c1 - q * (c1 - c2),
            q * (c1 - c2),
            0.5 * seen * n * (1 - n / 5) + 0.1 * (1 - n),
            change[0],
            change[1] - 2 * ratio * n / (1 + ratio * n) * seen * x,
        ]

    return rates


def gevertz(begins):
    """Return the rates of the code of Gevertz and Kareva: 11 bindings, then sources, losses and exchange."""
    on3, off3, on_b, off_b = 285 / 28.03, 285.0, 20 / 0.18, 20.0
    v1, v2, vm, k_in, k_3 = 3.0, 1.34, 2.2, 0.693 / 1.25, 1.584

    def rates(t, y):
        th, c3, sb, sc, per, d, d3, ds, ds3, mb, sm, cm, dm, d3m, dsm, dmb, ds3m, x = (float(v) for v in y)
        k10 = (0.449 + 0.547 * exp(-0.1 * max(t - begins, 0.0))) / v1
        r1, r2 = on3 * c3 * d - off3 * d3, on_b * sb * d - off_b * ds
        r3, r4 = on3 * c3 * ds - off3 * ds3, on_b * sb * d3 - off_b * ds3
        r5, r6 = on_b * mb * dm - off_b * dmb, on_b * mb * d3m - off_b * x
        r7, r8 = on_b * sm * dm - off_b * dsm, on_b * sm * d3m - off_b * ds3m
        r9, r10, r11 = on3 * cm * dm - off3 * d3m, on3 * cm * dsm - off3 * ds3m, on3 * cm * dmb - off3 * x
        return [
            0.5 * (0.001 - th),
            0.5 * th + 0.1 * vm / v1 * cm - (0.01 + k_3) * c3 - r1 - r3,
            0.1 * vm / v1 * sm - (0.04 + 0.1) * sb - r2 - r4,
            -0.2 * sc,
            0.4 / v2 * d - (0.4 / v2 + k10) * per,
            0.2 * sc - (k10 + 0.4 / v1 + 0.1) * d + 0.4 / v1 * per + 0.001 * vm / v1 * dm - r1 - r2,
            r1 - r4 - k_3 * d3,
            r2 - r3 - k10 * ds,
            r3 + r4 - (k_3 + k10) * ds3,
            50 * (k_in + 0.05) - (k_in + 0.05) * mb - r5 - r6,
            0.05 * mb - 0.1 * sm + v1 / vm * 0.1 * sb - r7 - r8,
            0.1 * k_3 - (k_3 + 0.1) * cm + 0.01 * v1 / vm * c3 - r9 - r10 - r11,
            v1 / vm * 0.1 * d - 0.001 * dm - r5 - r7 - r9,
            r9 - r6 - r8 - k_in * d3m,
            r7 - r10 - 0.01 * dsm,
            r5 - r11 - k_in * dmb,
            r8 + r10 - 0.01 * ds3m,
            r6 + r11 - k_in * x,
        ]

    return rates


GEVERTZ = (
    *("thymic_cd3", "cd3", "soluble", "depot", "peripheral", "plasma", "cd3_dimer", "soluble_dimer", "soluble_trimer"),
    *("membrane", "marrow_soluble", "marrow_cd3", "marrow", "marrow_cd3_dimer", "marrow_soluble_dimer", "membrane_dimer"),
    *("marrow_soluble_trimer", "helpful_trimer"),
)
SICK, START = hosseini()
MONKEY, MONKEY_START = hosseini("monkey", 2e6, 1e6, 8.5, 3.4, 0.25, 0.0, 4.0)
LEUKAEMIA, LEUKAEMIA_START = hosseini(t_ref=2e5, b_ref=7e4, sick=0.0)
PAPERS = [
    Paper(
        "hosseini2020",
        HOSSEINI,
        42,
        SICK,
        START,
        doses=(*given(0.0, 1.0), *given(7.0, 2.0), *given(14.0, 60.0)),
        stiff=True,
        shown=("activated_blood", "b_cells_blood", "tumour", "il6_blood", "activated_tumour"),
    ),
    Paper(
        "hosseini2020",
        HOSSEINI,
        28,
        MONKEY,
        MONKEY_START,
        variant="cynomolgus",
        doses=given(0.0, 0.34),
        stiff=True,
        shown=("activated_blood",),
    ),
    Paper(
        "hosseini2020",
        HOSSEINI,
        10,
        LEUKAEMIA,
        LEUKAEMIA_START,
        variant="all",
        doses=(Dose(1.0, "blinatumomab", 30.0, added(2, 30.0)),),
        stiff=True,
        shown=("b_cells_blood",),
        label="blinatumomab",
    ),
    Paper(
        "engager",
        tuple(f"tarlatamab_{s}" for s in ENGAGER) + ("effectors", "tumour"),
        56,
        engager(0.649, 3.44, 1.2, 5.16),
        (0.0, 0.0, 0.0, 1.0, 3.2e5, 5e6),
        variant="tarlatamab",
        base=("kuznetsov1994",),
        stiff=True,
        doses=tuple(Dose(d, "tarlatamab", a, added(1, a)) for d, a in ((1.0, 1.0), (8.0, 10.0), (15.0, 10.0), (29.0, 10.0))),
        shown=("tarlatamab_central", "tarlatamab_t_cells", "tumour"),
    ),
    Paper(
        "engager",
        tuple(f"teclistamab_{s}" for s in ENGAGER) + ("effectors", "tumour"),
        42,
        engager(0.449, 3.0, 0.4, 1.34, 0.547, 0.146, 0.18, 13173.0, 0.1, 1.0),
        (0.0, 0.0, 0.0, 1.0, 3.2e5, 5e6),
        variant="teclistamab",
        values={"weight": 74.0},
        base=("kuznetsov1994",),
        stiff=True,
        doses=tuple(
            Dose(d, "teclistamab_subcutaneous", a, added(0, 0.69 * a))
            for d, a in ((1.0, 4.44), (4.0, 22.2), (7.0, 111.0), (14.0, 111.0), (21.0, 111.0))
        ),
        shown=("teclistamab_central",),
    ),
    Paper(
        "gevertz2025",
        GEVERTZ,
        92,
        gevertz(50.0),
        (0.001, 0.01, 20, 0, 0, 0, 0, 0, 0, 50, 3, 0.1, 0, 0, 0, 0, 0, 0),
        stiff=True,
        doses=tuple(
            Dose(d, "dose", a, added(3, a / 3.0 / 0.146))
            for d, a in ((50.0, 4.44), (57.0, 22.2), *((d, 111.0) for d in (64.0, 71.0, 78.0)))
        ),
        shown=("plasma", "soluble", "membrane", "marrow", "helpful_trimer", "marrow_soluble_trimer"),
    ),
]
