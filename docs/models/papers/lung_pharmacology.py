"""Neoantigens, T cells and nivolumab in lung cancer: Jafarnejad, in the units of the supplementary SBML."""

from __future__ import annotations

from papers.solve import Dose, Paper, added

DAY, MOLE = 86400.0, 6.022e23
CELLS = (
    "tumour",
    "effectors",
    "peripheral_effectors",
    "tumour_effectors",
    "exhausted",
    "node_effectors",
    "activated",
    "regulatory",
    "peripheral_regulatory",
    "tumour_regulatory",
    "node_regulatory",
    "activated_regulatory",
    "naive_cd8",
    "naive_cd4",
    "apc",
    "mature_apc",
    "node_apc",
    "node_mature_apc",
)
LEVELS = (
    "antibody",
    "peripheral_antibody",
    "tumour_antibody",
    "node_antibody",
    "self_protein",
    "neoantigen",
    "cytokine",
    "interleukin2",
)
PRESENTED = (
    "endosomal_self",
    "self_peptide",
    "endosomal_neoantigen",
    "neopeptide",
    "mhc",
    "self_mhc",
    "neoantigen_mhc",
    "surface_mhc",
    "surface_self_mhc",
    "surface_neoantigen_mhc",
)
SYNAPSE = ("pd1", "pdl1", "pdl2", "pd1_pdl1", "pd1_pdl2", "pd1_antibody", "pd1_antibody_pd1", "outer_pd1", "outer_pd1_antibody")


def cells(c, self_mhc, neo_mhc, il2, cytokine, bound):
    """Rates per second of cells, and the kill per second; concentrations in mol/L, bound PD-1 in molecules."""
    c1, te_c, te_p, te_t, exhausted, te_l, at, tr_c, tr_p, tr_t, tr_l, atr, n8, n4, apc, mapc, lapc, lmapc = c
    full = 1 / (3.1415 / 6 * 16.9e-5**3) * (1 - 0.718)
    of_all = te_t + tr_t + c1
    h = (bound / 250) ** 2 / ((bound / 250) ** 2 + 1)
    kill = 4 / DAY * c1 * te_t / of_all * (1 - h)
    divided, divided_r = 2 + 11 * il2 / (il2 + 0.32e-9) + 0.001 + 3, 11 * il2 / (il2 + 0.0032e-9)
    primed = 10 / DAY * 92 * n8 / 1.11e6 * 10 * lmapc / (10 * lmapc + n8 / 1.11e6) * neo_mhc / 92 / (neo_mhc / 92 + 400)
    primed_r = 10 / DAY * 250 * n4 / 1.16e6 * 10 * lapc / (10 * lapc + n4 / 1.16e6) * self_mhc / 250 / (self_mhc / 250 + 400)
    into_tumour = 1e-12 / 60 * 1e8 * 1000 * c1 / full * c1 / full * 0.0067 / 6
    into_periphery = 1e-12 / 60 * 1e8 * 1000 * 62.24 * 62.24 * 0.0067 / 6
    worn = 0.05 / DAY * c1 * te_t / of_all * bound / (bound + 250) + 1 / DAY * te_t * tr_t / of_all * (1 + h)
    matured = 1.5 / DAY * apc * cytokine / (1e-9 + cytokine)
    death = 0.01 / DAY
    return (
        [
            0.01 / DAY * c1 * (1 - c1 / full) - 1e-4 / DAY * c1 - kill,
            te_l / 3600 - death * te_c - (into_tumour + into_periphery) * te_c + te_p / DAY,
            into_periphery * te_c - te_p / DAY - death * te_p,
            into_tumour * te_c - death * te_t - worn,
            worn - death * exhausted,
            2**divided / divided / DAY * at - death * te_l - te_l / 3600,
            primed - at / divided / DAY,
            24 / DAY * tr_l - death * tr_c + death * 2.5e8 - (into_tumour + into_periphery) * tr_c + 2.5e-4 / 60 * tr_p,
            into_periphery * tr_c - 2.5e-4 / 60 * tr_p - death * tr_p,
            into_tumour * tr_c - death * tr_t,
            2**divided_r / divided_r / DAY * atr - death * tr_l - 24 / DAY * tr_l,
            primed_r - atr / divided_r / DAY,
            0.07 / DAY * 505000 * 6000 * 21 - 1.13 / DAY * n8 - primed,
            0.07 / DAY * 860000 * 6000 * 21 - 1.13 / DAY * n4 - primed_r,
            death * c1 / full * 4e5 * 1000 - death * apc - matured,
            matured - 4 / DAY * mapc,
            death * 1.2e6 * 21 - death * lapc,
            4 / DAY * mapc - 0.02 / DAY * lmapc,
        ],
        kill,
        full,
    )


def levels(x, c1, at, atr, kill, full):
    """Rates per second of concentrations in mol/L."""
    blood, tissue, tumour, node, cp, d1, cytokine, il2 = x
    surface, lymph = 1e-3, 0.0015 / 60  # a square centimetre times a centimetre is a thousandth of a litre
    to_p = 1.5e-8 * 11577 * surface * 62.24 * (blood / 0.77378 - tissue / 0.058847)
    to_t = 3e-7 * 28400 * surface * (blood / 0.77378 - tumour / 0.718)
    to_l = 1.5e-8 * 11577 * surface * 0.021 * (blood / 0.77378 - node / 0.1)
    dying = (1e-4 / DAY * c1 + kill) * full / (c1 + 1)
    free = il2 / 0.1
    taken = 6e-15 / 3600 * (atr * free / (0.0032e-9 + free) + at * free / (0.32e-9 + free))
    return [
        (-7.1813e-7 * blood * 6 - to_p - to_t - to_l + lymph * node / 0.1) / 6,
        to_p / 62.24,
        to_t - lymph * tumour / 0.718,
        (to_l + lymph * tumour / 0.718 - lymph * node / 0.1) / 0.021,
        dying * 250 * 6.7e-19 - 2 / DAY * cp - lymph * cp * c1 / full,
        dying * 92 * 6.7e-19 - 2 / DAY * d1 - lymph * d1 * c1 / full,
        2 / DAY * (1e-9 - cytokine) + kill * 6.7e-17 * full / (c1 + 1),
        3e-14 / 3600 * at / 0.021 - 0.2 / 60 * il2 - taken / 0.021,
    ]


def presented(m, cp, d1):
    """Rates per second of moles in a mature antigen-presenting cell."""
    e_cp, cpt, e_d, p, m1, cpt_m, p_m, s_m1, s_cpt, s_p = m
    off_c, off_p = 60e-9 * 144000 / DAY, 40e-9 * 144000 / DAY
    on_c = 144000 / DAY * m1 * cpt / 4e-16 - off_c * cpt_m
    on_p = 144000 / DAY * m1 * p / 4e-16 - off_p * p_m
    return [
        14.4 / DAY * 4e-14 * cp / 0.718 - 17.28 / DAY * e_cp,
        17.28 / DAY * e_cp - on_c - 144 / DAY * cpt,
        14.4 / DAY * 4e-14 * d1 / 0.718 - 17.28 / DAY * e_d,
        17.28 / DAY * e_d - on_p - 144 / DAY * p,
        1.663 / DAY * (1e-19 - m1) + 14.4 / DAY * s_m1 - on_c - on_p,
        on_c - (0.1663 + 28.8) / DAY * cpt_m,
        on_p - (0.1663 + 28.8) / DAY * p_m,
        -14.4 / DAY * s_m1 + off_c * s_cpt + off_p * s_p,
        28.8 / DAY * cpt_m - off_c * s_cpt,
        28.8 / DAY * p_m - off_p * s_p,
    ]


def synapse(s, drug):
    """Rates per second of molecules; drug in mol/L in the tumour's whole volume."""
    f, l1, l2, b1, b2, g1, g2, outer, outer_g = s
    first, second = 0.097 * (f * l1 / 37.8 - 14.8 * b1), 0.13 * (f * l2 / 37.8 - 4.2 * b2)
    off = 0.26e-9 * 1.3e6
    held = 2 * 1.3e6 * f * drug / 0.718 - off * g1
    crossed = 100 * 1.3e6 / (37.8e-10 * 3e-8 * MOLE) * g1 * f - 2 * off * g2
    outside = 1.3e6 * outer * drug / 0.718 - off * outer_g
    return [-first - second - held - crossed, -first, -second, first, second, held - crossed, crossed, -outside, outside]


def jafarnejad(t, y):
    """Rates of a day in our units: cells, nmol/L, molecules."""
    c, x = y[:18], [v * 1e-9 for v in y[18:26]]
    m, s = [v / MOLE for v in y[26:36]], y[36:]
    of_cells, kill, full = cells(c, y[34], y[35], x[7] / 0.1, x[6], s[3] + s[4])
    return [
        *(DAY * rate for rate in of_cells),
        *(DAY * 1e9 * rate for rate in levels(x, c[0], c[6], c[11], kill, full)),
        *(DAY * MOLE * rate for rate in presented(m, x[4], x[5])),
        *(DAY * rate for rate in synapse(s, x[2])),
    ]


SAVED = (
    (1 - 0.718) * 0.07 / (3.1415 / 6 * 16.9e-5**3),
    *(4311733060.20121, 2658717903203.24, 54406914.4223144, 271423896.084874, 1131271822.81941, 6632178.80831909),
    *(156554718.166746, 263524042189.706, 12114378.4639798, 110417580.571675, 14239558.7334437),
    *(3941314126.58701, 6711420619.6462, 367090.835831537, 69082.3405031211, 25181185.9095644, 13816455.082975),
    *(0, 0, 0, 0, 8.85971912301886e-1, 3.26037663727094e-1, 1.00737302245109, 292.616437740608),
    *(MOLE * n for n in (4.11314628859086e-23, 3.94886597244398e-24, 1.51363783420143e-23, 1.45315379457707e-24)),
    *(MOLE * n for n in (9.99987182183602e-20, 4.90621666144205e-24, 1.80563131868969e-24, 1.33534238152012e-23)),
    *(MOLE * n for n in (1.63257642320235e-20, 8.89499194955231e-21)),
    *(60000 * 37.8 / 151.3059494, 1.6e6 * 37.8 / 897.243815, 104000 * 37.8 / 897.243815),
    *(25616.8652591235, 3967.93035249695, 0, 0, 60000, 0),
)
TREATED = tuple(
    Dose(14.0 * k, "antibody", "240 mg", added(18, 240 / 0.1436 / 0.77378 / 6)) for k in range(4)
)  # 3 mg/kg of 80 kg
STATES = (*CELLS, *LEVELS, *PRESENTED, *SYNAPSE)
SHOWN = ("tumour", "tumour_effectors", "exhausted", "neoantigen", "antibody", "pd1_pdl1")
PAPERS = [
    Paper("jafarnejad2019", STATES, 60, jafarnejad, SAVED, doses=TREATED, stiff=True, shown=SHOWN, label="nivolumab"),
    Paper("jafarnejad2019", STATES, 360, jafarnejad, SAVED, stiff=True, shown=("tumour",), label="untreated"),
]
