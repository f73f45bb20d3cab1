"""The tumour of a mouse and the antibodies given to it, written out a second time from their descriptions."""

from __future__ import annotations

from math import exp

from papers.solve import Dose, Paper, added

STATES = ("tumour", "dying", "antigen", "effectors", "lymphocytes")
USUAL = {"growth_rate": 0.4, "capacity": 2.5e9, "shape": 1.0, "clearance": 0.1725, "priming": 1e5, "division": 0.6, "pd1": 3.0}
MC38 = {"growth_rate": 0.378, "capacity": 2.55e9, "clearance": 0.26, "priming": 7e6, "division": 0.3, "pd1": 10.0}
LINE_4T1 = {"growth_rate": 1.09, "capacity": 2.84e8, "shape": 0.1, "priming": 1e4}
RAT = (2.0, 0.334, 1.26, 4.82, 0.819, 0.518, 0.366, 5.6)
PDL1 = (2.0, 0.45, 3.0, 0.0, 0.819, 0.0, 0.366, 4.5)
CTLA4 = (2.0, 0.334, 1.26, 4.82, 0.819, 0.0, 1.0, 4.0)


def sat(x, half):
    return x / (half + x)


def start(of):
    """Return the state of an untreated tumour of 50 mm^3."""
    cells = 50 * 1e6
    net = of["growth_rate"] * (1 - (cells / of["capacity"]) ** of["shape"])
    dying = cells * 0.05 / (of["clearance"] + net + 0.05)
    antigen = of["clearance"] * dying / (0.3 + net)
    return (cells - dying, dying, antigen, of["priming"] * sat(antigen, 1e7) / (0.3 + net), 5000.0)


def tumour(of, y, brake, ctla4):
    """Return the rates of the five states under what is left of both brakes."""
    cells, dying, antigen, effectors, lymphocytes = y
    function, signal = 1 / (1 + of["pd1"] * brake), sat(antigen, 1e7)
    support = 1.5 * sat(lymphocytes / 5000, 0.5)
    primed = of["priming"] * support * 2.5 / (1 + 1.5 * ctla4) * signal
    kill = 4 * function * effectors / (1e7 + effectors + cells)
    net = of["growth_rate"] * (1 - ((cells + 1) / of["capacity"]) ** of["shape"])
    return [
        (net - kill) * cells,
        (0.05 + kill) * cells - of["clearance"] * dying,
        of["clearance"] * dying - 0.3 * antigen,
        primed + (of["division"] * function * signal * 1e7 / (1e7 + effectors) - 0.3) * effectors,
        0.1 * (5000 - lymphocytes),
    ]


def antibody(y, values):
    """Return the rates of peritoneum, plasma and periphery, and the occupancy."""
    absorption, clearance, v1, q, v2, most, middle, half = values
    c1, c2 = y[1] / v1, y[2] / v2
    lost = clearance * c1 + most * sat(c1, middle)
    return [-absorption * y[0], absorption * y[0] - lost - q * (c1 - c2), q * (c1 - c2)], sat(c1, half)


def rates_of(of, values=(), blocks=""):
    """Return the rates of the tumour, with an antibody if its values are given."""

    def rates(t, y):
        if not values:
            return tumour(of, y, 1.0, 1.0)
        moved, bound = antibody(y[5:], values)
        left = 1 - bound
        return [*tumour(of, y[:5], left if blocks == "pd1" else 1.0, left if blocks == "ctla4" else 1.0), *moved]

    return rates


def line(variant, of, values=None):
    whole = {**USUAL, **of}
    return Paper(
        "mouse_tumour_immune", STATES, 40.0, rates_of(whole), start(whole), variant=variant, values=values or {}, stiff=True
    )


def treated(model, variant, name, values, blocks):
    """Return 0.2 mg on days 1, 4 and 7 to a mouse with an MC38 tumour."""
    whole = {**USUAL, **MC38}
    states = (*STATES, f"{name}_peritoneum", f"{name}_central", f"{name}_peripheral")
    return Paper(
        model,
        states,
        25.0,
        rates_of(whole, values, blocks),
        (*start(whole), 0.0, 0.0, 0.0),
        variant=variant,
        base=("mouse_tumour_immune:MC38",),
        shown=(f"{name}_central", "tumour", "effectors"),
        doses=tuple(Dose(day, name, 0.2, added(5, 200.0)) for day in (1.0, 4.0, 7.0)),
        stiff=True,
    )


PAPERS = [
    line(None, {}),
    line("MC38", MC38),
    line("4T1", LINE_4T1),
    line("CT26", {"priming": 5e6}),
    line("EG7", {"growth_rate": 0.627, "capacity": 7e8, "shape": exp(-1.0)}, {"growth_shape": exp(-1.0)}),
    treated("mouse_pd1_inhibitor", "rmp1_14", "anti_pd1", RAT, "pd1"),
    treated("mouse_pd1_inhibitor", "clone_10f_9g2", "anti_pdl1", PDL1, "pd1"),
    treated("mouse_ctla4_inhibitor", "clone_9d9", "anti_ctla4", CTLA4, "ctla4"),
]
